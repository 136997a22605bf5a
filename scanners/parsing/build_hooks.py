"""Files that run when a Python project is built, which also happens when its folder is installed.

In-tree build backends (https://peps.python.org/pep-0517/#in-tree-build-backends), hooks of Hatch
(https://hatch.pypa.io/latest/plugins/build-hook/custom/) and PDM (https://backend.pdm-project.org/hooks/), the script
of Poetry, and command classes of setuptools.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.finding import Json
from scanners.parsing.python_projects import at, parsed

_HATCH: tuple[tuple[str, ...], ...] = (("tool", "hatch"), ())
"""Keys that lead to Hatch's settings in pyproject.toml, and in its own hatch.toml."""
_HOOK_KEYS = (("build", "hooks", "custom"), ("metadata", "hooks", "custom"), ("build", "targets", "custom"))
_HATCH_DEFAULT, _PDM_DEFAULT = "hatch_build.py", "pdm_build.py"
"""Default names of the hooks; PDM runs its own without any setting."""
_EXECUTED_SOURCES = frozenset({"code"})
"""Sources of a version for which Hatch executes the file that contains it."""


class BuildHook(NamedTuple):
    """A file that is run, the key that names it, and the folders that are searched for it (none: the project's)."""

    key: str
    file: str
    roots: tuple[str, ...] = (".",)


def hooks_of_build(content: str) -> Iterator[BuildHook]:
    """Yield the project's own files that building it runs; raises OverLimit."""
    project = parsed(content)
    yield from _backend(project)
    for place in _HATCH:
        yield from _hatch_hooks(at(project, place))
    custom = at(project, ("tool", "pdm", "build", "custom-hook"))
    if isinstance(custom, str) or at(project, ("build-system", "build-backend")) == "pdm.backend":
        yield BuildHook("tool.pdm.build.custom-hook", custom if isinstance(custom, str) else _PDM_DEFAULT)
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
    """Yield the build backend in the project's own folder."""
    paths, name = (at(project, ("build-system", key)) for key in ("backend-path", "build-backend"))
    if isinstance(paths, list) and isinstance(name, str):
        module = name.partition(":")[0].replace(".", "/")
        yield BuildHook("build-system.build-backend", f"{module}.py", tuple(map(str, paths)))


def _hatch_hooks(settings: Json) -> Iterator[BuildHook]:
    """Yield custom hooks for all targets, for one target and for metadata, builders, and executed version files."""
    targets = at(settings, ("build", "targets"))
    named = targets if isinstance(targets, dict) else ()
    for place in (*_HOOK_KEYS, *(("build", "targets", name, "hooks", "custom") for name in named)):
        custom = at(settings, place)
        if isinstance(custom, dict):
            path = custom.get("path")
            yield BuildHook(".".join(("tool", "hatch", *place)), path if isinstance(path, str) else _HATCH_DEFAULT)
    source, path = (at(settings, ("version", key)) for key in ("source", "path"))
    if source in _EXECUTED_SOURCES and isinstance(path, str):
        yield BuildHook("tool.hatch.version.path", path)
