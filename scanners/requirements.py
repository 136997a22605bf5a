"""Packages that a model asks to install: requirements of pip, environments of conda and MLflow, TOML projects.

Formats: https://pip.pypa.io/en/stable/reference/requirements-file-format/,
https://docs.conda.io/projects/conda/en/latest/user-guide/tasks/manage-environments.html, python_env.yaml of MLflow.
Serving or testing the model installs them, and installing runs code, so their origin is judged. A list may include
others of any name: lines of any text that take packages from elsewhere become facts `requirement-line`, which are
judged if a list in the same folder includes the file (scanners.judge.repository.includes).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, MIB
from scanners import text
from scanners.parsing.other_lists import LOCK, LOCKS, lines_of_lock, lines_of_node, lines_of_setup, script_block
from scanners.parsing.requirement_lines import Line, lines_in, requirement

SIZE_LIMIT = 2 * MIB
"""Maximum bytes of a file that is read: a lock file with hashes of a thousand packages has half a MiB."""
_LISTS = re.compile(r"(?:[\w.-]*requirements?[\w.-]*|constraints[\w.-]*)\.(?:txt|in|pip)$", re.IGNORECASE)
_ENVIRONMENTS = re.compile(
    r"(?:(?:[\w-]*conda[\w-]*|[\w-]*environment[\w-]*|python_env|env)\.ya?ml|\.?condarc|\.mambarc)$", re.IGNORECASE
)
_SERVICES = re.compile(r"(?:bentofile|cog)[\w.-]{0,40}\.ya?ml")
"""Service descriptions of BentoML and Cog, which install the packages listed there in their images."""
_RUNTIME_KEY = b"runtime_env"
"""Key of Ray Serve applications, with a list of pip packages below it."""
_PROJECTS = frozenset({"pyproject.toml", "Pipfile", "uv.toml", "pixi.toml", "hatch.toml"})
_SETTINGS = frozenset({"pip.conf", "pip.ini", ".pypirc", "setup.cfg", ".pydistutils.cfg", "pydistutils.cfg"})
_FOLDER = re.compile(r"(?:^|/)requirements/[^/]+\.(?:txt|in)$")
_PROGRAMS = frozenset(".py .ipynb .json .js .html .svg .c .h .cpp .cu .rs .go .sh .bash .bat .ps1".split())
"""Suffixes of files that are never lists of packages."""
_OTHER_NAMES = frozenset({"setup.py", "package.json", ".npmrc", ".yarnrc", ".yarnrc.yml"})
_INLINE = b"# /// script"
_SECTIONS = frozenset({"dependencies", "build_dependencies", "channels", "default_channels", "channel_alias"})
_CHANNELS = frozenset({"channels", "default_channels", "channel_alias"})
_PACKAGES = frozenset({"packages", "python_packages", "pip"})
_SOURCE_KEYS = {"index_url": "index", "extra_index_url": "index", "find_links": "links", "trusted_host": "host"}
"""Keys of package sources, with the kind of each."""
_MAX_INCLUDED = 64 * KIB
"""Maximum bytes of a file of any other name that may be included."""
_ELSEWHERE = re.compile(
    rb"(?m)^[ \t]*(?:(?:-[if]|--(?:extra-)?index-url|--find-links|-e|--editable)[ \t=]*\S*"
    rb"|[\w.-]{1,100}+(?:\[[\w, -]{0,200}\])?[ \t]*@[ \t]*\S*|(?:git|hg|svn|bzr)\+\w{0,10})://"
    rb"|^[ \t]*(?:https?|ftp)://\S{1,500}\.(?:whl|zip|tgz|tar\.\w+)\b"
    rb"|^[\w.-]{1,100}+[^\n#;&|]{0,200}+[;&|][^\n]{0,200}://|^[ \t]*(?:-[rc]|--requirement|--constraint)[ \t=]"
)
"""Beginnings of lines that take packages from an address, or include another list."""
_SOURCE_LITERALS = (b"://", b"-r ", b"-c ", b"-r\t", b"-c\t", b"--requirement", b"--constraint")
"""Literals of which every match of the pattern above contains one."""
_MAX_REQUIREMENTS = 5_000
"""Maximum requirements that are reported per file."""
_MAX_OTHER_LINES = 100
"""Maximum lines that are reported of a file of any other name: the first ones show the origin of its packages."""
_SHOWN = 200
_PLAIN = ("package", "local")
CONDA = "conda"
"""Kind of a line that requests a package from conda."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text that installers recognise by name, or that another list may include."""
    named = _is_named(blob) or _requests_packages(blob) or _is_service(blob)
    return blob.size > 0 and (named or _may_be_included(blob)) and text.accepts(blob)


def _requests_packages(blob: Blob) -> bool:
    """Return whether the blob requests packages without being a list: a script, lock file, npm file or setup.py.

    Larger ones are left to other scanners, since nobody wrote them as lists.
    """
    name = blob.locator.name
    if blob.size > SIZE_LIMIT:
        return False
    return name in _OTHER_NAMES or name in LOCKS or LOCK.fullmatch(name) is not None or _is_script(blob)


def _is_script(blob: Blob) -> bool:
    return blob.locator.suffix == ".py" and _INLINE in blob.head


def _is_named(blob: Blob) -> bool:
    name = blob.locator.name
    path = blob.locator.path.replace("\\", "/")
    return bool(
        name in _PROJECTS
        or name in _SETTINGS
        or _LISTS.fullmatch(name)
        or _ENVIRONMENTS.fullmatch(name)
        or _FOLDER.search(path)
    )


def _is_service(blob: Blob) -> bool:
    """Return whether the blob describes a service and the packages that it needs."""
    if blob.locator.suffix not in (".yaml", ".yml") or blob.size > SIZE_LIMIT:
        return False
    return _SERVICES.fullmatch(blob.locator.name) is not None or blob.reader.find(_RUNTIME_KEY, 0, blob.size) >= 0


def _may_be_included(blob: Blob) -> bool:
    """Return whether a small text of any name has lines that take packages from elsewhere."""
    if blob.size > _MAX_INCLUDED or blob.locator.suffix in _PROGRAMS:
        return False
    data = text.decoded(blob.reader.read(0, blob.size)).encode()
    return any(sign in data for sign in _SOURCE_LITERALS) and _ELSEWHERE.search(data) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the requested packages and their origin; raises OverLimit above 2 MiB, and above 5,000 requirements."""
    if blob.size > min(SIZE_LIMIT, context.limits.parsed_bytes):
        raise OverLimit(f"more than {SIZE_LIMIT:,} bytes of requirements")
    content = text.decoded(blob.reader.read(0, blob.size))
    name = blob.locator.name
    lines: Iterator[Line]
    others = _requests_packages(blob)
    service = not others and not _is_named(blob) and _is_service(blob)
    named = others or service or _is_named(blob)
    if others:
        lines = _source_lines(blob, content)
    elif service:
        lines = _service_lines(content)
    elif not named:
        lines = islice((line for line in lines_in(content) if line.kind not in _PLAIN), _MAX_OTHER_LINES)
    elif name in _PROJECTS or name in _SETTINGS:
        from scanners.parsing.python_projects import lines_of_project, lines_of_settings

        yield from _build_files(blob, content) if name in _PROJECTS else ()
        lines = lines_of_project(content) if name in _PROJECTS else lines_of_settings(content)
    else:
        is_environment = _ENVIRONMENTS.fullmatch(name) is not None
        conda = not name.startswith("python_env")
        lines = _environment_lines(content, conda=conda) if is_environment else lines_in(content)
    for told, line in enumerate(lines):
        context.operations.spend()
        if told >= _MAX_REQUIREMENTS:
            raise OverLimit(f"more than {_MAX_REQUIREMENTS:,} requirements")
        yield fact_of(blob, line, "requirement" if named else "requirement-line")


def _build_files(blob: Blob, content: str) -> Iterator[Item]:
    """Yield the files that building the project in this folder runs."""
    from scanners.parsing.build_hooks import hooks_of_build

    for hook in hooks_of_build(content):
        path = printable(hook.key, _SHOWN)
        detail: dict[str, Json] = {"how": "packaged", "path": path, "roots": [*hook.roots]}
        yield Fact("code-reference", printable(hook.file, _SHOWN), blob.locator, detail=detail)


def _source_lines(blob: Blob, content: str) -> Iterator[Line]:
    """Yield the origins of packages in files that are not lists."""
    name = blob.locator.name
    if name in LOCKS or LOCK.fullmatch(name):
        yield from lines_of_lock(content, name)
    elif name in _OTHER_NAMES and name != "setup.py":
        yield from lines_of_node(content)
    elif name == "setup.py":
        yield from lines_of_setup(content)
    elif block := script_block(content):
        from scanners.parsing.python_projects import lines_of_project

        above = content[: content.find(_INLINE.decode())].count("\n") + 1
        yield from (line._replace(number=line.number + above) for line in lines_of_project(block, script=True))


def _environment_lines(content: str, *, conda: bool) -> Iterator[Line]:
    """Yield the dependencies of an environment, and channels at other addresses; another scanner reports broken YAML.

    In a conda environment, packages of conda itself have the kind `conda`; those below `pip` belong to pip.
    """
    from scanners.parsing.yaml_events import YamlError, entries_in_place

    try:
        for entry in entries_in_place(content):
            if not _SECTIONS.intersection(entry.keys) or not entry.value:
                continue
            for line in requirement(entry.value):
                channel = not _CHANNELS.isdisjoint(entry.keys)
                kind = "index" if channel and line.kind == "url" else line.kind
                if kind == "package" and conda and "pip" not in entry.keys:
                    kind = CONDA
                if kind not in ("package", CONDA) or not channel:
                    yield line._replace(number=entry.line, kind=kind)
    except YamlError:
        return


def _service_lines(content: str) -> Iterator[Line]:
    """Yield the packages of a service and their origins."""
    from scanners.parsing.yaml_events import YamlError, entries_in_place

    try:
        for entry in entries_in_place(content):
            place = next((_SOURCE_KEYS[key] for key in reversed(entry.keys) if key in _SOURCE_KEYS), "")
            if place and entry.value:
                yield Line(entry.line, entry.value, place, entry.value)
            elif not _PACKAGES.isdisjoint(entry.keys) and entry.value:
                yield from (line._replace(number=entry.line) for line in requirement(entry.value))
    except YamlError:
        return


def fact_of(blob: Blob, line: Line, kind: str = "requirement") -> Fact:
    """Return the fact for a line."""
    if line.kind == "list":
        named: dict[str, Json] = {"line": line.number, "named": kind == "requirement"}
        return Fact("requirement-list", printable(line.source, _SHOWN), blob.locator, detail=named)
    if line.kind == CONDA:
        return Fact("conda-requirement", printable(line.text, _SHOWN), blob.locator, detail={"line": line.number})
    shown = printable(redact(line.text), _SHOWN)
    detail: dict[str, Json] = {"from": line.kind, "line": line.number}
    if line.source:
        detail["source"] = printable(redact(line.source), _SHOWN)
    return Fact(kind, shown, blob.locator, detail=detail)


SCANNER = Scanner(
    name="requirements",
    title="Requirements of pip, environments of conda and MLflow",
    version=12,
    accepts=accepts,
    scan=scan,
    suffixes=(".txt", ".in", ".yaml", ".yml", ".toml"),
    signs=Signs(plain=True),
)
