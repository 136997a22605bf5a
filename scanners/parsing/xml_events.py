"""XML as a stream of events, from a parser that is stopped before it would expand an entity or read another file.

Expat reads the document in pieces. No external part is fetched, and it is stopped at the first entity declaration;
the declarations are then parsed from their text. See https://www.w3.org/TR/xml/#sec-entity-decl and
https://docs.python.org/3/library/xml.html#xml-security for what happens to programs that expand entities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader, Reader
from modelsweep.core.scanner import Context, Malformed
from modelsweep.core.units import KIB, MIB

SIZE_LIMIT = 1_024 * MIB
"""Maximum bytes of one document that are read, piece by piece."""
DEPTH = 1_000
_CHUNK = 64 * KIB
_MAX_TOKEN = 4 * MIB
"""Maximum bytes of one tag, comment or the like, which the parser holds in memory."""
_MAX_NAME = 4 * KIB
"""Maximum characters of a name: the parser puts the namespace before each one."""
_MAX_NAMES = 100_000
"""Maximum different names of elements and attributes, which the parser keeps."""
_MAX_TEXT = 64 * KIB
"""Maximum characters of one element's text that are kept."""
_MAX_SUBSET = MIB
"""Bytes from the start of a document type that are searched for declarations."""
_MAX_ENTITIES = 1_000
_MAX_EXPANDED = 1 << 60
_SEPARATOR = " "
_ENTITY = re.compile(
    r"<!ENTITY\s+(?P<parameter>%\s+)?(?P<name>[^\s%\"'<>]+)\s+"
    r"(?:(?:SYSTEM|PUBLIC\s*(?:\"[^\"]*\"|'[^']*'))\s*(?:\"(?P<s1>[^\"]*)\"|'(?P<s2>[^']*)')"
    r"|\"(?P<v1>[^\"]*)\"|'(?P<v2>[^']*)')"
)
_REFERENCE = re.compile(r"[&%]([^\s&%;#]+);")
_MARKED = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_EBCDIC = (b"Lo\xa7\x94", "cp037")
"""Beginnings of documents in multi-byte encodings and in EBCDIC (XML, appendix F)."""
_DECLARED = re.compile(r"<\?xml[^<>]{0,200}\bencoding\s{0,9}=\s{0,9}[\"']([A-Za-z][\w.:-]{0,40})[\"']")
_DECLARATION = 512
"""Bytes that are searched for the declared encoding."""
_MULTIPLE = {
    **{name.replace("_", ""): name for name in "gb2312 gbk gb18030 big5 big5hkscs cp932 cp949 cp950 shift_jis".split()},
    **{name.replace("_", ""): name for name in "euc_jp iso2022_jp euc_kr iso2022_kr utf_7".split()},
    "euccn": "gb2312",
    "cp936": "gbk",
    "ms936": "gbk",
    "hzgb2312": "hz",
    "sjis": "shift_jis",
    "windows31j": "cp932",
    "ms932": "cp932",
    "ms949": "cp949",
    "ksc56011987": "euc_kr",
}
"""Encodings that other parsers than Expat support, by name without punctuation, with Python's name."""
_TRANSCODED = 32 * MIB
"""Maximum bytes of a document in an encoding that Expat does not support."""


class Start(NamedTuple):
    """The beginning of an element: `name` without its namespace, `within` the elements around it."""

    namespace: str
    name: str
    attributes: dict[str, str]
    within: tuple[str, ...]
    offset: int


class Text(NamedTuple):
    """The text inside an element whose text was requested."""

    name: str
    text: str
    offset: int


class Instruction(NamedTuple):
    """A processing instruction, such as a style sheet."""

    target: str
    data: str
    offset: int


class Entity(NamedTuple):
    """A declared entity: its text, or the place from which parsers would fetch it."""

    name: str
    value: str
    system: str


class Doctype(NamedTuple):
    """The document type: where its declarations stand outside the document, and the entities declared inside."""

    name: str
    system: str
    entities: tuple[Entity, ...]
    offset: int

    def expanded(self) -> int:
        """Return how many characters the largest entity becomes when all references in it are replaced."""
        sizes: dict[str, int] = {}
        # Entities refer to earlier ones; what refers to later ones or to itself is refused by every parser.
        for entity in self.entities:
            references = _REFERENCE.findall(entity.value)
            size = len(entity.value) + sum(sizes.get(name, 0) for name in references)
            sizes.setdefault(entity.name, min(size, _MAX_EXPANDED))
        for entity in self.entities:  # written the other way round, as some are
            inner = sum(sizes.get(name, 0) for name in _REFERENCE.findall(entity.value))
            sizes[entity.name] = min(max(sizes[entity.name], inner), _MAX_EXPANDED)
        return max(sizes.values(), default=0)


Event = Start | Text | Instruction | Doctype


class _Stopped(Exception):
    """An entity is declared: the parser reads no further."""


def encoding_of(head: bytes) -> str:
    """Return the encoding of a document that Expat does not read, by its first bytes; nothing where it does."""
    marked = next((name for mark, name in _MARKED if head.startswith(mark)), "")
    name = marked or next((name for begin, name in (*_WIDE, _EBCDIC) if head.startswith(begin)), "")
    declaration = head[:_DECLARATION].decode(name or "latin-1", "replace").lstrip("\ufeff")
    found = _DECLARED.match(declaration)
    declared = re.sub(r"[\W_]", "", found[1].lower()) if found else ""
    if marked == "utf-16" and declared in ("", "utf16"):
        return ""
    return name or _MULTIPLE.get(declared, "")


def _readable(reader: Reader) -> Reader:
    """Return the document in UTF-8 where Expat does not read its encoding: offsets in it are those of that."""
    encoding = encoding_of(reader.read(0, min(_DECLARATION, reader.size)))
    if not encoding:
        return reader
    if reader.size > _TRANSCODED:
        raise OverLimit(f"more than {_TRANSCODED:,} bytes of XML in the encoding {encoding}")
    text = reader.read(0, reader.size).decode(encoding, "replace")
    return MemoryReader(text.encode("utf-8", "replace"))


def events(reader: Reader, context: Context, texts_of: frozenset[str] = frozenset()) -> Iterator[Event]:
    """Yield the events of a document, with the text of the elements `texts_of`; after declared entities it ends.

    Raises Malformed if the document is not well-formed, and OverLimit for sizes and depths beyond the limits.
    """
    if reader.size > SIZE_LIMIT:
        raise OverLimit(f"more than {SIZE_LIMIT:,} bytes of XML")
    whole, reader = reader, _readable(reader)
    parser = _Parser(reader, context, texts_of, "utf-8" if reader is not whole else None)
    for start in range(0, reader.size, _CHUNK):
        data = reader.read(start, min(_CHUNK, reader.size - start))
        fault: Exception | None = None
        stopped = False
        try:
            stopped = parser.feed(data, final=start + _CHUNK >= reader.size)
        except (Malformed, OverLimit) as error:
            fault = error
        yield from parser.found
        parser.found.clear()
        if fault:
            raise fault
        if stopped:
            return


class _Parser:
    """Expat with its handlers, which collect events in `found`."""

    def __init__(self, reader: Reader, context: Context, texts_of: frozenset[str], encoding: str | None) -> None:
        self.found: list[Event] = []
        self._reader, self._context, self._texts_of = reader, context, texts_of
        self._names: dict[str, str] = {}
        self._within: list[str] = []
        self._text: list[str] | None = None
        self._text_size = self._text_depth = self._fed = 0
        from xml.parsers import expat  # a separate library that few files need

        self._fault = expat.ExpatError
        self._expat = parser = expat.ParserCreate(encoding, namespace_separator=_SEPARATOR, intern=self._names)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.ProcessingInstructionHandler = self._instruction

    def feed(self, data: bytes, *, final: bool) -> bool:
        """Read one piece; return whether an entity stopped the parser."""
        try:
            self._expat.Parse(data, final)
        except _Stopped:
            return True
        except self._fault as error:
            raise Malformed(f"invalid XML: {error}", max(self._expat.ErrorByteIndex, 0)) from None
        except (ValueError, LookupError) as error:
            raise Malformed(f"invalid XML: {error}") from None
        self._fed += len(data)
        if self._fed - self._expat.CurrentByteIndex > _MAX_TOKEN:
            raise OverLimit(f"a tag, a comment or the like of more than {_MAX_TOKEN:,} bytes")
        if len(self._names) > _MAX_NAMES:
            raise OverLimit(f"more than {_MAX_NAMES:,} different names of elements and attributes")
        return False

    def _doctype(self, name: str, system: str | None, _public: str | None, has_subset: int) -> None:
        offset = self._expat.CurrentByteIndex
        entities = self._declared(offset) if has_subset else ()
        self.found.append(Doctype(name, system or "", entities, offset))

    def _declared(self, offset: int) -> tuple[Entity, ...]:
        data = self._reader.read(offset, min(_MAX_SUBSET, self._reader.size - offset))
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be" if data[:1] == b"\0" else "latin-1"
        text = data.decode(encoding, "replace")
        entities = []
        for match in _ENTITY.finditer(text):
            value, system = match["v1"] or match["v2"] or "", match["s1"] or match["s2"] or ""
            entities.append(Entity(match["name"], value, system))
            if len(entities) >= _MAX_ENTITIES:
                break
        return tuple(entities)

    def _entity(self, *_declaration: object) -> None:
        raise _Stopped

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._context.operations.spend()
        if len(name) > _MAX_NAME or max(map(len, attributes), default=0) > _MAX_NAME:
            raise OverLimit(f"a name of more than {_MAX_NAME:,} characters, with that of its namespace")
        namespace, _, local = name.rpartition(_SEPARATOR)
        self.found.append(Start(namespace, local, attributes, tuple(self._within[-3:]), self._expat.CurrentByteIndex))
        self._within.append(local)
        if len(self._within) > DEPTH:
            raise OverLimit(f"elements are nested deeper than {DEPTH:,}")
        if self._text is None and local in self._texts_of:
            self._text, self._text_size, self._text_depth = [], 0, len(self._within)
            self._expat.CharacterDataHandler = self._characters

    def _characters(self, text: str) -> None:
        if self._text is not None and self._text_size < _MAX_TEXT:
            self._text.append(text[: _MAX_TEXT - self._text_size])
            self._text_size += len(text)

    def _end(self, _name: str) -> None:
        if self._text is not None and len(self._within) == self._text_depth:
            self.found.append(Text(self._within[-1], "".join(self._text), self._expat.CurrentByteIndex))
            self._text = None
            self._expat.CharacterDataHandler = None
        self._within.pop()

    def _instruction(self, target: str, data: str) -> None:
        self.found.append(Instruction(target, data, self._expat.CurrentByteIndex))
