"""PMML: models as XML, which are data as long as their reader expands, includes and runs nothing.

Specification: https://dmg.org/pmml/v4-4-1/GeneralStructure.html. No entity is expanded here, and no other document is
read; extensions are searched for code, since some evaluators run scripts in them. Of other XML only the document type
is read, because libraries that expand entities also parse dictionaries and settings of models (CVE-2026-40682 of
OpenNLP).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.judge.external_files import outside
from scanners.parsing.xml_events import Doctype, Event, Instruction, Start, Text, encoding_of, events
from scanners.parsing.xml_opening import opening

NAME = "pmml"
_SUFFIX = ".pmml"
_SHOWN = 160
_ROOT = re.compile(r"<(?:[\w.-]+:)?PMML[\s>/]|<!DOCTYPE\s+(?:[\w.-]+:)?PMML\b")
_STARTS = b"< \t\n\r\v\f\x1c\x1d\x1e\x1f\xc2\xe1\xe2\xe3\xef\xff\xfe"
"""Possible first bytes of a document: `<`, Unicode white space, or a byte order mark."""
_MAX_EXPANSION = MIB
"""Maximum characters of an expanded entity; above, it is a bomb."""
_ENTITIES_SHOWN = 20
_INCLUDES = ("http://www.w3.org/2001/XInclude", "http://www.w3.org/2003/XInclude")
_TRANSFORM = "http://www.w3.org/1999/XSL/Transform"
_DECLARES = re.compile(r"<!DOCTYPE\s+(?!(?:html|net)\b)[\w:.-]+[^\[<>]{0,1000}\[[\s\S]{0,3000}?<!ENTITY\s")
"""A document type that declares entities; networks of OpenVINO have a scanner of their own."""
_PROLOG = re.compile(r"<!--[\s\S]*?(?:-->|$)|<\?[^>]{0,1000}>")
"""What may precede a document type."""
_DECLARED = re.compile(r"\]\s*>")
"""The end of the declarations in a document type."""
_STANDARD = re.compile(
    r"https?://(?:[\w-]+\.)*(?:w3|docbook|oasis-open|tei-c|openoffice|apache|gnome|kde|xmlsoap|unicode|ietf|rfc-editor|niso|dmg"
    r"|mathml|resource|debian|freebsd|linuxdoc|sourceforge|xml)\.(?:org|net)/|https?://(?:[\w-]+\.)*(?:nlm\.nih\.gov|sun\.com)/"
)
"""Addresses of entities in standards, which many documents use."""
_OWN_TYPES = re.compile(r"(?:https?://(?:www\.)?dmg\.org/[\w./-]+|[\w.-]{0,99}pmml[\w.-]{0,99}\.dtd)", re.IGNORECASE)
"""Addresses of the document types of PMML 1 and 2."""
_SCRIPTS = frozenset({"script", "scriptlet", "javascript"})
_TEXTS = frozenset({"Extension", "script", "Script", "scriptlet", "javascript"})
# What a program in an extension needs, in the languages of evaluators; none of it is part of data
_CODE = re.compile(
    r"Runtime\.getRuntime|ProcessBuilder|java\.lang\.(?:Runtime|Process|Class|System|reflect)|ScriptEngine"
    r"|\bos\.(?:system|popen|execute)|\bsubprocess\.|__import__|\beval\s*\(|\bexec\s*\(|javascript:|ActiveXObject|WScript"
    r"|<\?php|\bnew\s+Function\s*\(|powershell|\$\{(?:jndi|script):|\bClass\.forName\b|\bSystem\.exit\b|GroovyShell"
    r"|freemarker\.template\.utility|\bnew\s+java\.(?:net|io|nio)\.|\bimportlib\.|\bpickle\.loads?\b|__builtins__"
    r"|\bProcess\.Start\s*\(|\bcmd(?:\.exe)?\s+/c\b|(?:^|[\s\"'])/bin/(?:ba|da|z)?sh\b|\brm\s+-rf?\s+[/~]"
    r"|\bcompile\s*\([^)]{0,200}['\"]exec['\"]|\b(?:system2?|popen|shell_exec|passthru)\(\s*['\"]",
    re.IGNORECASE,
)
_CALLED = frozenset({"function", "href"})
_CLASS = re.compile(r"[a-z_]\w*(?:\.\w+)*\.[A-Z]\w*(?:\.\w+)?")
_REFERENCES = (
    "https://dmg.org/pmml/v4-4-1/GeneralStructure.html",
    "https://cheatsheetseries.owasp.org/cheatsheets/XML_External_Entity_Prevention_Cheat_Sheet.html",
)


def _rule(what: str, title: str, severity: Severity, message: str, why: str, cwe: int) -> Rule:
    return Rule(
        id=f"pmml/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Do not open the file with an XML parser left at its defaults. Ask its author for a plain export.",
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=cwe,
        references=_REFERENCES,
    )


EXTERNAL_ENTITY = _rule(
    "external-entity",
    "Entity read from a file or an address",
    Severity.CRITICAL,
    "the entity {subject} is read from {system}",
    "XML parsers that resolve it copy one of the user's files, or the answer of a server inside their network, into "
    "the document, and a second entity sends it elsewhere. No model needs this.",
    611,
)
BOMB = _rule(
    "entity-bomb",
    "Entities that expand far beyond the size of the file",
    Severity.CRITICAL,
    "the entities expand to {expanded} characters",
    "XML parsers that expand entities run out of memory on a file of a few hundred bytes.",
    776,
)
ENTITY = _rule(
    "entity",
    "The document declares entities",
    Severity.WARNING,
    "the document declares the entity {subject} and {more} more; the rest of the file was not examined",
    "PMML does not use entities. Only parsers that expand them see what they stand for.",
    776,
)
EXTERNAL_TYPE = _rule(
    "external-dtd",
    "Document type read from a file or an address",
    Severity.WARNING,
    "the document type is read from {subject}",
    "XML parsers that load it contact the server, and accept whatever entities it declares.",
    611,
)
INCLUDE = _rule(
    "include",
    "The document includes another one",
    Severity.WARNING,
    "{path} includes {subject}",
    "Where XInclude is enabled, loading reads the named file or address.",
    98,
)
STYLESHEET = _rule(
    "stylesheet",
    "The document contains or names a style sheet",
    Severity.WARNING,
    "{subject} asks for a transformation",
    "XSLT processors fetch the style sheet. Their extensions read files and call Java or scripts.",
    91,
)
SCRIPT = _rule(
    "script",
    "Script in a model that should be data",
    Severity.WARNING,
    "{path} holds code: {subject}",
    "PMML has no scripts. Evaluators that run scripts in extensions do so with the rights of the user who scores data.",
    94,
)
JAVA_CLASS = _rule(
    "class-function",
    "Function that is a class in the evaluator's language",
    Severity.INFO,
    "the model calls the function {subject}",
    "JPMML loads the class of that name, which is not part of the model and must be on the class path.",
    470,
)


def accepts(blob: Blob) -> bool:
    """Return whether the document begins with PMML's root or document type; the suffix also admits others."""
    if blob.locator.suffix == _SUFFIX:
        return True
    text = opening(blob)
    return bool(_ROOT.search(text) or _DECLARES.search(text))


def _decoded(head: bytes) -> str:
    if b"\0" in head[:4]:
        return head.decode(encoding_of(head) or "utf-16", "replace").lstrip("\ufeff")
    return head.decode("utf-8-sig", "replace")


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what would be fetched, expanded or run; raises Malformed if the document is cut short or not PMML."""
    if blob.locator.suffix != _SUFFIX and not _ROOT.search(opening(blob)):
        yield from _other(blob, context)
        return
    found = events(blob.reader, context, _TEXTS)
    root = False
    for event in found:
        if isinstance(event, Start) and not root:
            if event.name != "PMML":
                raise Malformed(f"the root is {printable(event.name, _SHOWN)}, not PMML", event.offset)
            root = True
            version = printable(event.attributes.get("version", ""), _SHOWN)
            yield Fact("framework", f"PMML {version}".strip(), blob.locator)
        handler = _HANDLERS[type(event)]
        yield from handler(blob, event)
    if not root:
        raise Malformed("the document ends, or declares entities, before its root element")


def _other(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the document type of any XML refers to outside; files beside it are legitimate, as for books."""
    found = events(blob.reader, context, frozenset())
    event = next((event for event in found if isinstance(event, Doctype | Start)), None)
    if isinstance(event, Start):  # the apparent document type was in a comment: none follows the root
        return
    whole = blob.size > len(blob.head) or _DECLARED.search(_PROLOG.sub("", _decoded(blob.head))) is not None
    if not isinstance(event, Doctype) or not whole:
        raise Malformed("the document type ends before all of its entities are declared")
    span = Span(event.offset)
    for entity in islice((entity for entity in event.entities if entity.system), _ENTITIES_SHOWN):
        name, system = printable(entity.name, _SHOWN), printable(entity.system, _SHOWN)
        if "://" in entity.system and not entity.system.startswith("file:"):
            if not _STANDARD.match(entity.system):
                yield Finding(EXTERNAL_TYPE, blob.locator, system, span=span)
        elif outside(entity.system):
            yield Finding(EXTERNAL_ENTITY, blob.locator, name, span=span, evidence={"system": system})
    if (expanded := event.expanded()) >= _MAX_EXPANSION:
        yield Finding(BOMB, blob.locator, span=span, evidence={"expanded": f"{expanded:,}"})


def _doctype(blob: Blob, event: Event) -> Iterator[Item]:
    assert isinstance(event, Doctype)
    span = Span(event.offset)
    if event.system and not _OWN_TYPES.fullmatch(event.system):
        yield Finding(EXTERNAL_TYPE, blob.locator, printable(event.system, _SHOWN), span=span)
    external = [entity for entity in event.entities if entity.system]
    for entity in islice(external, _ENTITIES_SHOWN):
        evidence: dict[str, Json] = {"system": printable(entity.system, _SHOWN)}
        yield Finding(EXTERNAL_ENTITY, blob.locator, printable(entity.name, _SHOWN), span=span, evidence=evidence)
    expanded = event.expanded()
    if expanded >= _MAX_EXPANSION:
        yield Finding(BOMB, blob.locator, span=span, evidence={"expanded": f"{expanded:,}"})
    elif event.entities and not external:
        evidence = {"more": len(event.entities) - 1}
        name = printable(event.entities[0].name, _SHOWN)
        yield Finding(ENTITY, blob.locator, name, span=span, evidence=evidence)


def _start(blob: Blob, event: Event) -> Iterator[Item]:
    assert isinstance(event, Start)
    name, attributes, span = event.name, event.attributes, Span(event.offset)
    if event.namespace in _INCLUDES and name == "include":
        target = printable(attributes.get("href", ""), _SHOWN) or "a part of itself"
        yield Finding(INCLUDE, blob.locator, target, path=_path(event), span=span)
    elif event.namespace == _TRANSFORM:
        yield Finding(STYLESHEET, blob.locator, printable(f"the element {name}", _SHOWN), span=span)
    elif name.lower() in _SCRIPTS:
        yield Finding(SCRIPT, blob.locator, f"the element {name}", path=_path(event), span=span)
    elif name == "Application":
        producer = f"{attributes.get('name', '')} {attributes.get('version', '')}".strip()
        if producer:
            yield Fact("metadata", "application", blob.locator, detail={"value": printable(producer, _SHOWN)})
    elif name == "Apply" and _CLASS.fullmatch(attributes.get("function", "")):
        yield Finding(JAVA_CLASS, blob.locator, printable(attributes["function"], _SHOWN), span=span)
    # Descriptions and names of fields are free text, in which code may be mentioned
    for key in attributes if name == "Extension" else attributes.keys() & _CALLED:
        yield from _code(blob, attributes[key], f"{_path(event)}@{printable(key, _SHOWN)}", span)


def _path(event: Start) -> str:
    return printable("/".join((*event.within, event.name)), _SHOWN)


def _text(blob: Blob, event: Event) -> Iterator[Item]:
    assert isinstance(event, Text)
    yield from _code(blob, event.text, event.name, Span(event.offset))


def _code(blob: Blob, text: str, path: str, span: Span) -> Iterator[Item]:
    from scanners.judge.attack_commands import Found, hostile_command

    match = _CODE.search(text)
    found = Found(*match.span()) if match else hostile_command().search(text)
    if found:
        around = text[max(found.start - 20, 0) : found.end + 60]
        yield Finding(SCRIPT, blob.locator, printable(" ".join(around.split()), _SHOWN), path=path, span=span)


def _instruction(blob: Blob, event: Event) -> Iterator[Item]:
    assert isinstance(event, Instruction)
    if event.target == "xml-stylesheet":
        yield Finding(STYLESHEET, blob.locator, printable(event.data, _SHOWN), span=Span(event.offset))
    else:
        yield from _code(
            blob,
            f"<?{event.target} {event.data}",
            f"the instruction {printable(event.target, _SHOWN)}",
            Span(event.offset),
        )


_HANDLERS = {Doctype: _doctype, Start: _start, Text: _text, Instruction: _instruction}

SCANNER = Scanner(
    name=NAME,
    title="PMML, and document types of other XML",
    version=10,
    accepts=accepts,
    scan=scan,
    rules=(EXTERNAL_ENTITY, BOMB, ENTITY, EXTERNAL_TYPE, INCLUDE, STYLESHEET, SCRIPT, JAVA_CLASS),
    suffixes=(_SUFFIX,),
    signs=Signs(_STARTS, (_SUFFIX,), at=tuple((place, (b"\0",)) for place in range(4))),
)
