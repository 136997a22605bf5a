"""Shortcuts, and settings of file managers and systems: what they start, and which other machines they contact.

Shell links (MS-SHLLINK), internet shortcuts, `.scf`, `desktop.ini`, `autorun.inf`, libraries and connectors of
search, registry files, scheduled tasks, setup scripts and HTML applications of Windows; property lists of macOS
(`.webloc`, `.terminal`, launchd.plist(5)). They take effect when they are opened, and some when their folder is shown.
`scanners/judge/shortcuts.py` tells which of them are legitimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.units import MIB
from scanners import text
from scanners.parsing import binary_plist, shell_link
from scanners.parsing.xml_events import Doctype, Event, Start, Text, events
from scanners.parsing.xml_opening import opening

_MAX_SIZE = MIB
_SHOWN = 400
_MAX_REPORTED = 200
_TASK = "windows/2004/02/mit/task"
_PLISTS = (".webloc", ".inetloc", ".fileloc", ".terminal", ".tool", ".plist")
_PAGES = (".hta", ".sct", ".wsc")
_ENCODED = (".vbe", ".jse")
_LIBRARIES = (".library-ms", ".searchconnector-ms", ".search-ms", ".settingcontent-ms")
_INI = (".url", ".scf", ".inf", ".website")
_NAMES = ("desktop.ini", "Desktop.ini", "autorun.inf", "AUTORUN.INF", "Autorun.inf")
_SUFFIXES = (".lnk", ".reg", *_INI, *_LIBRARIES, *_PLISTS, *_PAGES, *_ENCODED)
_SETTING = re.compile(r"(?m)^[ \t]{0,20}(?P<name>[\w@\\.-]{1,80})[ \t]{0,20}=[ \t]*(?P<value>[^\r\n]{1,2000})")
_ICONS = frozenset({"iconfile", "iconresource", "icon", "logo", "workingdirectory", "folder"})
_STARTS = re.compile(r"open|shellexecute|shell\\.{1,60}\\command|url|baseurl|command\d?|deeplink")
_INSTALLS = re.compile(r"(?i)scrobj\.dll|Run(?:Pre|Post)SetupCommands|UnRegisterOCXs|https?://[^\s,]{1,300}\.sct")
_ELEMENTS = frozenset({"url", "DeepLink", "Command", "Arguments", "iconReference"})
"""Elements of libraries, settings and tasks that name an address, a program or its arguments."""
_LISTED = frozenset({"key", "string"})
_HOST_OBJECT = re.compile(
    r"(?i)WScript\.Shell|Shell\.Application|ADODB\.Stream|XMLHTTP|WinHttpRequest|Scripting\.FileSystemObject"
)
_SECTION = re.compile(r"(?m)^[ \t]*\[(?P<delete>-?)(?P<key>[^\]\r\n]{1,1000})\]")
_VALUE = re.compile(r"(?m)^[ \t]*(?P<name>@|\"[^\"\r\n]{0,300}\")[ \t]*=[ \t]*(?P<value>[^\r\n]{0,2000})")


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a shell link, a binary property list, or text that takes effect by its name."""
    if blob.head.startswith((shell_link.MAGIC, binary_plist.MAGIC)):
        return True
    named = blob.locator.suffix in _SUFFIXES or blob.locator.name in _NAMES
    begun = opening(blob)
    if blob.locator.suffix == ".lnk" or (blob.locator.suffix in _PLISTS and b"<" not in blob.head and not begun):
        return False
    return blob.size > 0 and (named or _TASK in begun) and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the blob starts and where it leads; raises Malformed and Truncated if it is damaged."""
    if blob.head.startswith(shell_link.MAGIC):
        yield from _link(blob)
    elif blob.head.startswith(binary_plist.MAGIC):
        texts = binary_plist.texts(blob.reader, context)
        yield from _property_list(blob, ((next(filter(None, reversed(keys)), ""), item) for keys, item in texts))
    else:
        yield from islice(_reader_of(blob)(blob, context), _MAX_REPORTED)


def _content(blob: Blob, context: Context) -> str:
    """Return the decoded text of the blob."""
    content = text.decoded(blob.reader.read(0, min(blob.size, _MAX_SIZE)))
    context.operations.spend(1 + len(content) // 100)
    return content


def _events(blob: Blob, context: Context, texts_of: frozenset[str]) -> Iterator[Event]:
    """Yield the events of an XML document; raises Malformed, also if it declares entities, which are not expanded."""
    for event in events(blob.reader, context, texts_of):
        if isinstance(event, Doctype) and event.entities:
            raise Malformed("it declares entities", event.offset)
        yield event


def _reader_of(blob: Blob) -> Callable[[Blob, Context], Iterator[Fact]]:
    suffix = blob.locator.suffix
    readers = (
        (_PLISTS, _plist),
        (_PAGES, _page),
        (_ENCODED, _encoded),
        ((".reg",), _registry),
        (_LIBRARIES, _elements),
        ((*_INI, ".ini"), _settings),
    )
    return next((reader for suffixes, reader in readers if suffix in suffixes), _elements)


def _fact(blob: Blob, form: str, path: str, value: str, arguments: str = "") -> Fact:
    detail: dict[str, Json] = {"form": form, "path": printable(path, _SHOWN)}
    if arguments:
        detail["arguments"] = printable(redact(arguments), 4 * _SHOWN)
    return Fact("shortcut", printable(redact(value), _SHOWN), blob.locator, detail=detail)


def _link(blob: Blob) -> Iterator[Item]:
    link = shell_link.read_link(blob.reader)
    arguments = link.texts.get("arguments", "")
    for target in link.targets or [""]:
        yield _fact(blob, "starts", "the link", target, arguments)
    for what in ("icon", "folder"):
        if link.texts.get(what):
            yield _fact(blob, "shows", f"its {what}", link.texts[what])
    if link.end < blob.size:
        yield blob.window("data behind the link", link.end, blob.size - link.end)


def _settings(blob: Blob, context: Context) -> Iterator[Fact]:
    """Yield settings in INI files that name an icon, an address or a program."""
    content = _content(blob, context)
    autorun = blob.locator.name.lower() == "autorun.inf"
    if blob.locator.suffix == ".inf" and not autorun:
        for found in _INSTALLS.finditer(content):
            yield _fact(blob, "installs", "setup", found[0])
        return
    for found in _SETTING.finditer(content):
        name = found["name"].lower()
        if name in _ICONS:
            yield _fact(blob, "shows", found["name"], found["value"])
        elif _STARTS.fullmatch(name) and blob.locator.suffix != ".scf":
            yield _fact(blob, "autorun" if autorun else "opens", found["name"], found["value"])


def _elements(blob: Blob, context: Context) -> Iterator[Fact]:
    """Yield addresses and programs in XML; of a task, each command with its arguments."""
    action: dict[str, str] = {}
    for event in _events(blob, context, _ELEMENTS):
        if isinstance(event, Start) and event.name == "Exec":
            yield from _action(blob, action)
            action = {}
        if not isinstance(event, Text):
            continue
        value = event.text.strip()
        if event.name in ("Command", "Arguments"):
            action[event.name] = value
        elif event.name == "DeepLink":
            first, _, rest = value.partition(" ")
            yield _fact(blob, "starts", event.name, first, rest)
        else:
            yield _fact(blob, "shows", event.name, value)
    yield from _action(blob, action)


def _action(blob: Blob, action: dict[str, str]) -> Iterator[Fact]:
    if "Command" in action:
        yield _fact(blob, "starts", "Command", action["Command"], action.get("Arguments", ""))


def _plist(blob: Blob, context: Context) -> Iterator[Fact]:
    def pairs() -> Iterator[tuple[str, str]]:
        key = ""
        for event in _events(blob, context, _LISTED):
            if isinstance(event, Text) and event.name == "key":
                key = event.text
            elif isinstance(event, Text):
                yield key, event.text

    return _property_list(blob, pairs())


def _property_list(blob: Blob, pairs: Iterator[tuple[str, str]]) -> Iterator[Fact]:
    """Yield what a property list opens or starts, given its keys and strings."""
    words: dict[str, list[str]] = {}
    for key, value in pairs:
        words.setdefault(key, []).append(value)
    suffix = blob.locator.suffix
    for url in words.get("URL", ()) if suffix in (".webloc", ".inetloc", ".fileloc") else ():
        yield _fact(blob, "opens", "URL", url)
    for command in words.get("CommandString", ()):
        if command.strip():
            yield _fact(blob, "runs", "CommandString", command)
    program = [*words.get("Program", ())[:1], *words.get("ProgramArguments", ())]
    if program and "Label" in words:
        yield _fact(blob, "stays", "ProgramArguments", program[0], " ".join(program[1:]))


def _page(blob: Blob, context: Context) -> Iterator[Fact]:
    found = _HOST_OBJECT.search(_content(blob, context))
    if found:
        yield _fact(blob, "hosts", "the page", found[0])


def _encoded(blob: Blob, context: Context) -> Iterator[Fact]:
    if "#@~^" in _content(blob, context):
        yield _fact(blob, "encoded", "the script", "encoded")


def _registry(blob: Blob, context: Context) -> Iterator[Fact]:
    """Yield the values of a registry file, with their keys."""
    content = _content(blob, context)
    sections = [*_SECTION.finditer(content)]
    stops = [*(section.start() for section in sections[1:]), len(content)]
    for section, stop in zip(sections, stops, strict=False):
        for found in _VALUE.finditer(content, section.end(), stop):
            name = found["name"].strip('"')
            value = found["value"].strip().strip('"').replace("\\\\", "\\")
            yield _fact(blob, "registers", f"{section['key']}\\{name}", value)


SCANNER = Scanner(
    name="shortcuts",
    title="Shortcuts, and settings that file managers and systems obey",
    version=3,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(b"Lb< \t\r\n\xef\xff\xfe", (*_SUFFIXES,), _NAMES),
)
