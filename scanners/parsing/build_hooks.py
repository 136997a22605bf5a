"""Files of a project in Python that building it runs, and installing the folder builds it first.

A build backend of its own (https://peps.python.org/pep-0517/#in-tree-build-backends), hooks of Hatch
(https://hatch.pypa.io/latest/plugins/build-hook/custom/) and PDM (https://backend.pdm-project.org/hooks/), the script
of Poetry, and commands that setuptools takes from classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.finding import Json
from scanners.parsing.python_projects import at, parsed

_HATCH: tuple[tuple[str, ...], ...] = (("tool", "hatch"), ())
"""Where Hatch looks in pyproject.toml, and in its own hatch.toml."""
_CUSTOM = (("build", "hooks", "custom"), ("metadata", "hooks", "custom"), ("build", "targets", "custom"))
_OF_HATCH, _OF_PDM = "hatch_build.py", "pdm_build.py"
"""What they are called where no path is given; PDM takes its own without being told."""
_SOURCES = frozenset({"code"})
"""Of a version, where Hatch executes the file that has it."""


class BuildHook(NamedTuple):
    """A file that is run, by the key that names it, and the folders that it is looked for in (none: the project's)."""

    key: str
    file: str
    roots: tuple[str, ...] = (".",)


def hooks_of_build(content: str) -> Iterator[BuildHook]:
    """Yield what building the project runs of its own files; raises OverLimit."""
    project = parsed(content)
    yield from _backend(project)
    for place in _HATCH:
        yield from _of_hatch(at(project, place))
    custom = at(project, ("tool", "pdm", "build", "custom-hook"))
    if isinstance(custom, str) or at(project, ("build-system", "build-backend")) == "pdm.backend":
        yield BuildHook("tool.pdm.build.custom-hook", custom if isinstance(custom, str) else _OF_PDM)
    poetry = at(project, ("tool", "poetry", "build"))
    script = poetry.get("script") if isinstance(poetry, dict) else poetry
    if isinstance(script, str):
        yield BuildHook("tool.poetry.build.script", script)
    commands = at(project, ("tool", "setuptools", "cmdclass"))
    for name, command in commands.items() if isinstance(commands, dict) else ():
        if isinstance(command, str):
            file = f"{command.rpartition('.')[0].replace('.', '/')}.py"
            yield BuildHook(f"tool.setuptools.cmdclass.{name}", file)


def _backend(project: Json) -> Iterator[BuildHook]:
    """Yield the build backend that stands in the folder itself."""
    paths, name = (at(project, ("build-system", key)) for key in ("backend-path", "build-backend"))
    if isinstance(paths, list) and isinstance(name, str):
        module = name.partition(":")[0].replace(".", "/")
        yield BuildHook("build-system.build-backend", f"{module}.py", tuple(map(str, paths)))


def _of_hatch(settings: Json) -> Iterator[BuildHook]:
    """Yield custom hooks for all targets, for one of them, and for metadata; builders, and versions that are run."""
    targets = at(settings, ("build", "targets"))
    named = targets if isinstance(targets, dict) else ()
    for place in (*_CUSTOM, *(("build", "targets", name, "hooks", "custom") for name in named)):
        custom = at(settings, place)
        if isinstance(custom, dict):
            path = custom.get("path")
            yield BuildHook(".".join(("tool", "hatch", *place)), path if isinstance(path, str) else _OF_HATCH)
    source, path = (at(settings, ("version", key)) for key in ("source", "path"))
    if source in _SOURCES and isinstance(path, str):
        yield BuildHook("tool.hatch.version.path", path)
