"""Java objects as XML: classes that XMLDecoder, XStream (Weka's and MOA's .xml), Weka and OpenNLP make objects of.

XMLDecoder calls any constructor and method that a document names while it reads
(https://docs.oracle.com/en/java/javase/17/docs/api/java.desktop/java/beans/XMLDecoder.html); XStream makes objects of
the classes that its elements are called after, by all that serialization allows (https://x-stream.github.io/security.html).
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.parsing.xml_events import Event, Start, Text, events
from scanners.parsing.xml_opening import opening

NAME = "java-xml"
_SHOWN = 200
_PACKAGES = r"(?:java|javax|jdk|sun|com|org|net|edu|ch|de|io|weka|moa|meka|smile|scala|groovy)"
_CLASS = re.compile(_PACKAGES + r"(?:\.[a-z_]\w*)*\.[A-Z][\w$]*")
_BEGINNING = re.compile(r"\s*<[?!A-Za-z]")
_DECODER = re.compile(r"\bjava\.beans\.XMLDecoder\b|<java\s+version\s*=")
_XSTREAM = re.compile(
    r"<dynamic-proxy[\s>/]|\bserialization\s*=\s*[\"']custom[\"']|<unserializable-parents|<"
    + _PACKAGES
    + r"(?:\.\w+)+[\s>/]"
)
_WEKA = re.compile(r"<object\s[^<>]{0,200}\bclass\s*=\s*[\"']" + _PACKAGES + r"(?:\.\w+)+[\"']")
_LAYOUT = "http://schemas.android.com/apk/res/android"
"""What layouts of Android declare, whose elements are called after widgets: only what is dangerous anywhere is told."""
_FEATURES = re.compile(r"<(?:featureGenerators|generators)[\s>/]")
"""Descriptions of features in models of OpenNLP, which makes the generators by their classes (CVE-2026-63317)."""
_KINDS = ((_FEATURES, "made"), (_DECODER, "made"), (_XSTREAM, "class"), (_WEKA, "class"))
_NAMING = frozenset({"class", "resolves-to", "defined-in", "type"})
"""Attributes that name a class."""
_TEXTS = frozenset({"class", "interface", "java-class"})
"""Elements whose text names a class."""
_INTERFACE, _READER = "interface", "java.beans.XMLDecoder"


def accepts(blob: Blob) -> bool:
    """Return whether markup begins here that one of the readers is meant to read."""
    return bool(_how(blob))


def _how(blob: Blob) -> str:
    """Return what a reader does with the classes of the document, nothing where none is known to read it."""
    text = opening(blob)
    how = next((how for pattern, how in _KINDS if _BEGINNING.match(text) and pattern.search(text)), "")
    return "named" if how == "class" and _LAYOUT in text else how


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the classes that the document names; raises Malformed where it is cut, or declares entities."""
    how, told, root = _how(blob), set[tuple[str, str]](), False
    for event in events(blob.reader, context, _TEXTS):
        root = root or isinstance(event, Start)
        for kind, name in _named(event):
            if (kind, name) not in told:
                told.add((kind, name))
                detail: dict[str, Json] = {"how": kind or how}
                yield Fact("java-class", printable(name, _SHOWN), blob.locator, Span(event.offset), detail)
    if not root:
        raise Malformed("the document ends, or declares entities, before its root element")


def _named(event: Event) -> Iterator[tuple[str, str]]:
    """Yield the classes of one event, with what they are where that is more than being named."""
    if isinstance(event, Text):
        name = event.text.strip()
        if _CLASS.fullmatch(name):
            yield ("interface" if event.name == _INTERFACE else "", name)
    elif isinstance(event, Start):
        written = event.name.replace("_-", "$").replace("__", "_")  # as XStream escapes what no element may be called
        for name in (written, *(value for key, value in event.attributes.items() if key in _NAMING)):
            if _CLASS.fullmatch(name) and name != _READER:
                yield "", name


SCANNER = Scanner(
    name=NAME,
    title="Java objects as XML (XMLDecoder, XStream, Weka, OpenNLP)",
    version=5,
    accepts=accepts,
    scan=scan,
    suffixes=(".xml",),
    signs=Signs(b"<\xef\xbb\xbf\xff\xfe\0 \t\r\n"),
)
