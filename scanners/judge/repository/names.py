"""From the names that configurations and imports have for code to the files that Python would look for."""

from __future__ import annotations

from collections.abc import Iterator

PARTS = 20
"""Parts of a dotted name, or of a path in a configuration, that are looked at."""
CLIMB = 4
"""Folders above a configuration in which a module is looked for."""
_TRIED = 3
"""Parts at the end of a dotted name that may be classes and their members."""
ANY = "*"
"""Stands for any class of a file: of those in a folder that is put on the path whole."""
SERVED = "!"
"""Stands for what a server of models makes and calls of a file that it is given."""
SOURCES = (".py", ".pyw")
COMPILED = (".pyc", ".so", ".pyd")


def module_stem(name: str) -> str:
    """Return the name that Python imports a file by, nothing where it is no module.

    Compiled ones carry the Python they are for: `net.cpython-311-x86_64-linux-gnu.so`.
    """
    stem, dot, suffix = name.rpartition(".")
    if f"{dot}{suffix}" in SOURCES:
        return stem
    return stem.partition(".")[0] if f"{dot}{suffix}" in COMPILED else ""


def folder_of(path: str) -> str:
    """Return what stands before the name of a file, with the slash at its end."""
    return path[: path.rfind("/") + 1]


def above(folder: str) -> Iterator[str]:
    """Yield a folder and those above it, nearest first."""
    for _ in range(CLIMB + 1):
        yield folder
        if not folder:
            return
        folder = parent(folder)


def parent(folder: str) -> str:
    """Return the folder that holds a folder, nothing for the outermost."""
    return folder_of(folder[:-1])


def joined(folder: str, path: str) -> str:
    """Return the folder at a relative path below, or with `..` above, another one; backslashes separate, too."""
    for part in path.replace("\\", "/").split("/")[:PARTS]:
        if part == "..":
            folder = parent(folder)
        elif part not in ("", "."):
            folder = f"{folder}{part}/"
    return folder


def stem_of_file(path: str) -> str:
    """Return the stem of a Python file named by its path, with a function of it (`handler.py:run`) or without."""
    path = path.replace("\\", "/").partition(":")[0]
    stem, dot, suffix = path.rpartition(".")
    parts = (stem if f"{dot}{suffix}" in SOURCES else path).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def stems_of_name(name: str, how: str) -> Iterator[str]:
    """Yield the stems, relative to where modules are looked for, that a dotted name may stand for, longest first.

    The last part of a `class` or a `call` is no module; of an import any part may be.
    """
    parts = name.split(".")[:PARTS]
    if not all(parts):
        return
    longest = len(parts) - (how not in ("module", "import"))
    shortest = longest if how in ("local", "remote", "class", "component") else max(1, longest - _TRIED)
    for length in range(longest, max(shortest, 1) - 1, -1):
        yield "/".join(parts[:length])


def packages_of(stem: str, root: str) -> Iterator[str]:
    """Yield the stems of the packages that importing `stem`, found below the folder `root`, imports on the way."""
    folder = folder_of(stem)
    for _ in range(PARTS):
        if len(folder) <= len(root):
            return
        yield f"{folder}__init__"
        folder = parent(folder)


def relative(name: str, folder: str) -> tuple[str, str]:
    """Return the folder and the rest of a relative import, which begins with dots, made by a file in `folder`."""
    rest = name.lstrip(".")
    for _ in range(min(len(name) - len(rest) - 1, PARTS)):
        folder = parent(folder)
    return folder, rest
