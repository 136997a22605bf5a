"""Which processes there are, for tests that none is left; Linux only."""

from __future__ import annotations

from pathlib import Path


def below(parent: int) -> set[int]:
    """Return the ids of all living processes below `parent`."""
    children = _children()
    found, pending = set[int](), [parent]
    while pending:
        for process in children.get(pending.pop(), ()):
            found.add(process)
            pending.append(process)
    return found


def alive(process: int) -> bool:
    """Return whether there is such a process; a zombie is one too, because somebody ought to have reaped it."""
    return Path(f"/proc/{process}").exists()


def state(process: int) -> str:
    """Return the letter of what a process does, as proc(5) has them; "X" where it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def command_line(process: int) -> list[bytes]:
    """Return the arguments that a process was started with, none where it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children
