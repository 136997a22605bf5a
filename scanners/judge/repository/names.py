"""Maps names of code in configurations and imports to the files that Python would look for."""

from __future__ import annotations

from collections.abc import Iterator

MAX_PARTS = 20
"""Maximum parts of a dotted name, or of a path in a configuration, that are used."""
MAX_CLIMB = 4
"""Maximum folders above a configuration that are searched for a module."""
_MAX_TAIL = 3
"""Maximum parts at the end of a dotted name that may be classes and their members."""
ANY = "*"
"""Any class of a file, for files in a folder that is added to the path as a whole."""
SERVED = "!"
"""What a model server instantiates and calls in a file that it runs."""
SOURCES = (".py", ".pyw")
COMPILED = (".pyc", ".so", ".pyd")


def module_stem(name: str) -> str:
    """Return the name under which Python imports a file, or "" if it is not a module.

    Names of compiled ones contain the Python version: `net.cpython-311-x86_64-linux-gnu.so`.
    """
    stem, dot, suffix = name.rpartition(".")
    if f"{dot}{suffix}" in SOURCES:
        return stem
    return stem.partition(".")[0] if f"{dot}{suffix}" in COMPILED else ""


def folder_of(path: str) -> str:
    """Return the part of a path before the file name, including the final slash."""
    return path[: path.rfind("/") + 1]


def above(folder: str) -> Iterator[str]:
    """Yield a folder and its parents, nearest first."""
    for _ in range(MAX_CLIMB + 1):
        yield folder
        if not folder:
            return
        folder = parent(folder)


def parent(folder: str) -> str:
    """Return the parent of a folder, or "" for the outermost."""
    return folder_of(folder[:-1])


def joined(folder: str, path: str) -> str:
    """Return the folder at a relative path from another one, which may contain `..`; backslashes separate too."""
    for part in path.replace("\\", "/").split("/")[:MAX_PARTS]:
        if part == "..":
            folder = parent(folder)
        elif part not in ("", "."):
            folder = f"{folder}{part}/"
    return folder


def stem_of_file(path: str) -> str:
    """Return the stem of a Python file named by its path, possibly with a function in it (`handler.py:run`)."""
    path = path.replace("\\", "/").partition(":")[0]
    stem, dot, suffix = path.rpartition(".")
    parts = (stem if f"{dot}{suffix}" in SOURCES else path).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def stems_of_name(name: str, how: str) -> Iterator[str]:
    """Yield the possible stems of a dotted name, relative to the module search path, longest first.

    The last part of a `class` or a `call` is not a module; in an import, any part may be one.
    """
    parts = name.split(".")[:MAX_PARTS]
    if not all(parts):
        return
    longest = len(parts) - (how not in ("module", "import"))
    shortest = longest if how in ("local", "remote", "class", "component") else max(1, longest - _MAX_TAIL)
    for length in range(longest, max(shortest, 1) - 1, -1):
        yield "/".join(parts[:length])


def packages_of(stem: str, root: str) -> Iterator[str]:
    """Yield the stems of the packages that importing `stem`, below the folder `root`, also imports."""
    folder = folder_of(stem)
    for _ in range(MAX_PARTS):
        if len(folder) <= len(root):
            return
        yield f"{folder}__init__"
        folder = parent(folder)


def relative(name: str, folder: str) -> tuple[str, str]:
    """Return the folder and the remaining name of a relative import, which begins with dots, in `folder`."""
    rest = name.lstrip(".")
    for _ in range(min(len(name) - len(rest) - 1, MAX_PARTS)):
        folder = parent(folder)
    return folder, rest
