"""Persistence: files that a system, shell or interpreter runs because of their path, and environment variables.

These are in root file systems of layers and archives (`scanners/parsing/start_places.py`), in environment files beside
a model (.env, .envrc), and in build files and units that set variables. `scanners/judge/start_orders.py` judges them;
the scanner `commands` reports attack commands.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.units import MIB
from scanners import text
from scanners.judge.start_orders import known_library, stray_folder, stray_place, stray_program
from scanners.judge.start_variables import NAMES, Setting, what_of
from scanners.parsing import start_places as places
from scanners.parsing.other_lists import lines_of_variables
from scanners.requirements import fact_of

_MAX_SIZE = MIB
_MAX_LINE = 4_000
_MAX_REPORTED = 100
_SHOWN = 160
_ENVIRONMENT = re.compile(r"(?:[\w-]{0,40}\.)?env(?:\.[\w-]{1,40}){0,2}|\.?envrc|\.(?:flaskenv|Renviron)")
_BUILT = re.compile(
    r"(?:Dockerfile|Containerfile)(?:\.\w+)?|.*\.dockerfile|(?:docker-)?compose(?:[.\w-]*)\.ya?ml", re.IGNORECASE
)
_UNITS = (".service", ".desktop")
_SCRIPTS = (".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".cmd", ".command")
_NPM, _NPM_NAMES = (
    ".npmrc",
    {"script-shell": "npm_config_script_shell", "node-options": "NODE_OPTIONS", "editor": "EDITOR"},
)
"""Settings of npm that are commands or options of Node, and the equivalent variables."""
_NPM_SETTING = re.compile(r"[ \t]*(?P<name>script-shell|node-options|editor)[ \t]*=[ \t]*(?P<value>[^\n]{1,2000})")
_JAVA_FILES = frozenset({"config.properties", "gradle.properties"})
"""Settings of TorchServe and Gradle, which contain options for a Java virtual machine."""
_JAVA_SETTING = re.compile(r"[ \t]*(?:vmargs|org\.gradle\.jvmargs)[ \t]*[=:][ \t]*(?P<value>[^\n]{1,2000})")
_COMMENT = re.compile(r"\s*(?:#|//|;|rem\s|::)", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?<![\w.])(?:\$env:)?(?P<name>"
    + "|".join(sorted(NAMES, key=len, reverse=True))
    + r")[\"']?(?:\s*=\s*|:\s+|\s+(?=[/.]))"
    r"(?P<value>\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|[^\s;&|,}\"']{1,2000})"
)
_KEY = re.compile(
    r"(?:^|\s)(?:sk-)?(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp\d{3})(?:@openssh\.com)?\s+"
    r"(?P<key>AAAA[\w+/=]{20,4000})(?P<note>\s[^\n]{0,100})?"
)
_RIGHTS = re.compile(
    r"\s*(?P<who>[%#+!\w][^\s=]{0,100})\s+[^=\n]{1,200}=\s*(?:\([^)\n]{0,100}\)\s*)?(?:[A-Z_]{2,20}:\s*){0,6}?NOPASSWD:"
    r"\s*(?:[A-Z_]{2,20}:\s*){0,6}(?:[^\n]{1,500},\s*)?"
    r"(?:ALL\b|\S*/(?:ba|z|da|k)?sh\b|\S*/(?:python|perl|vim?|less|env|find|awk|su|docker)[\d.]*(?:\s*(?:,|$)))"
)
_UNASKED = re.compile(r"\s*Defaults\s[^\n]{0,200}!authenticate")
_DEVELOPERS = frozenset(
    "vscode codespace gitpod coder vagrant ec2-user ubuntu debian runner jovyan node user dev developer docker "
    "circleci builder build runneradmin linuxbrew devcontainer %sudo %wheel %admin".split()
)
"""Users of development images, who are meant to install software."""
_FIELD = r":[^:\n]{0,200}"
_ACCOUNT = re.compile(rf"(?P<name>[^:#\n]{{1,64}}){_FIELD}:0+:\d{{1,10}}{_FIELD}{_FIELD}:(?P<shell>[^:\n]{{0,200}})")
_NO_SHELL = ("nologin", "false", "sync", "shutdown", "halt", "operator")
_WHO = {
    places.PRELOAD: "every program on the system loads it",
    places.LIBRARIES: "every program on the system looks for its libraries there",
    places.KEYS: "the SSH server admits whoever has the private half",
    places.ROOT: "sudo asks for no password",
    places.ACCOUNTS: "its user id is that of root",
    places.ORDERS: "the system or every login runs it",
}
_ENVIRONMENTS = "programs started with these settings obey it"


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text that takes effect by its path or its name."""
    return blob.size > 0 and (places.place_of(blob.locator) != "" or _sets_variables(blob)) and text.accepts(blob)


def _sets_variables(blob: Blob) -> bool:
    name = blob.locator.name
    if name == _NPM or name in _JAVA_FILES or blob.locator.suffix in (*_UNITS, *_SCRIPTS):
        return True
    return _is_environment(name) or _is_built(name)


def _is_environment(name: str) -> bool:
    return "env" in name and _ENVIRONMENT.fullmatch(name) is not None


def _is_built(name: str) -> bool:
    lower = name.lower()
    return any(word in lower for word in ("docker", "container", "compose")) and _BUILT.fullmatch(name) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield unusual orders, with their lines."""
    place = places.place_of(blob.locator)
    content = blob.reader.read(0, min(blob.size, _MAX_SIZE)).decode("utf-8", "replace")
    told: set[str] = set()
    script = not place and blob.locator.suffix in _SCRIPTS
    for number, line in enumerate(content.split("\n"), 1):
        context.operations.spend(1 + len(line) // _MAX_LINE)
        if _COMMENT.match(line):
            continue
        if not script:
            yield from (fact_of(blob, found) for found in lines_of_variables(line[:_MAX_LINE], number))
        ordered = _ORDERS[place](line[:_MAX_LINE]) if place else ()
        for what, value in (*ordered, *_variables(blob, place, line[:_MAX_LINE])):
            if value not in told and len(told) < _MAX_REPORTED:
                told.add(value)
                yield order(blob.locator, what, value, _WHO.get(place, _ENVIRONMENTS), f"line {number}", number)


def order(locator: Locator, what: str, value: str, who: str, path: str, line: int = 0) -> Fact:
    """Return the fact of one order: what it violates (`what`), and what obeys it (`who`)."""
    detail: dict[str, Json] = {"what": what, "who": who, "path": path}
    if line:
        detail["line"] = line
    return Fact("start-order", printable(redact(" ".join(value.split())), 2 * _SHOWN), locator, detail=detail)


def _preloaded(line: str) -> Iterator[tuple[str, str]]:
    for library in re.split(r"[\s:]+", line):
        odd = stray_place().search(library) or not known_library().fullmatch(library.rpartition("/")[2])
        if library and odd:
            yield "preloaded-library", library


def _folder(line: str) -> Iterator[tuple[str, str]]:
    if stray_folder().search(line):
        yield "stray-program", line


def _login(line: str) -> Iterator[tuple[str, str]]:
    key = _KEY.search(line)
    if key:
        yield "login-key", f"{key['key'][:24]}… {(key['note'] or '').strip()}".strip()


def _rights(line: str) -> Iterator[tuple[str, str]]:
    rights = _RIGHTS.match(line)
    if _UNASKED.match(line) or (rights and rights["who"] not in _DEVELOPERS):
        yield "root-for-free", line


def _account(line: str) -> Iterator[tuple[str, str]]:
    account = _ACCOUNT.match(line)
    if account and account["name"] != "root" and account["shell"].strip().rpartition("/")[2] not in _NO_SHELL:
        yield "root-for-free", line


def _command(line: str) -> Iterator[tuple[str, str]]:
    found = stray_program().search(line)
    if found:
        yield "stray-program", line[max(found.start() - 20, 0) :]


_ORDERS = {
    places.PRELOAD: _preloaded,
    places.LIBRARIES: _folder,
    places.KEYS: _login,
    places.ROOT: _rights,
    places.ACCOUNTS: _account,
    places.ORDERS: _command,
}
"""Functions that yield what a line of a file orders, with the rule that it violates, by kind of place."""


def _variables(blob: Blob, place: str, line: str) -> Iterator[tuple[str, str]]:
    """Yield the variables that a line sets to something harmful, with the rules that they violate."""
    name = blob.locator.name
    setting: Setting = "system"
    if _is_environment(name):
        setting = "beside"
    elif not place and (blob.locator.suffix in _SCRIPTS or _is_built(name)):
        setting = "script"
    if name == _NPM and (told := _NPM_SETTING.match(line)):
        what = what_of(_NPM_NAMES[told["name"]], told["value"], "beside")
        if what:
            yield what, line.strip()
    java = _JAVA_SETTING.match(line) if name in _JAVA_FILES else None
    if java and (what := what_of("JAVA_TOOL_OPTIONS", java["value"], "beside")):
        yield what, line.strip()
    for found in _ASSIGNED.finditer(line):
        what = what_of(found["name"], found["value"], setting)
        if what:
            yield what, f"{found['name']}={found['value']}"


SCANNER = Scanner(
    name="persistence",
    title="Orders that stay: start-up files of systems and shells, variables that run something",
    version=6,
    accepts=accepts,
    scan=scan,
    suffixes=(".env", ".service", ".desktop"),
    signs=Signs(plain=True),
)
