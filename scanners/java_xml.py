"""Java objects as XML: classes that XMLDecoder, XStream (Weka's and MOA's .xml), Weka and OpenNLP instantiate.

XMLDecoder calls any constructor and method that a document names while it reads
(https://docs.oracle.com/en/java/javase/17/docs/api/java.desktop/java/beans/XMLDecoder.html); XStream instantiates the
classes that its elements are named after, with everything that serialization allows
(https://x-stream.github.io/security.html).
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
_ANDROID_LAYOUT = "http://schemas.android.com/apk/res/android"
"""Namespace of Android layouts, whose elements are named after widgets: only dangerous classes are reported there."""
_FEATURES = re.compile(r"<(?:featureGenerators|generators)[\s>/]")
"""Feature descriptors of OpenNLP, which instantiates the generators by class name (CVE-2026-63317)."""
_KINDS = ((_FEATURES, "made"), (_DECODER, "made"), (_XSTREAM, "class"), (_WEKA, "class"))
_CLASS_ATTRIBUTES = frozenset({"class", "resolves-to", "defined-in", "type"})
"""Attributes whose value is a class."""
_CLASS_ELEMENTS = frozenset({"class", "interface", "java-class"})
"""Elements whose text is a class."""
_INTERFACE, _READER = "interface", "java.beans.XMLDecoder"


def accepts(blob: Blob) -> bool:
    """Return whether the blob is markup for one of the readers."""
    return bool(_how(blob))


def _how(blob: Blob) -> str:
    """Return what the reader of the document does with its classes, or "" if no reader is known."""
    text = opening(blob)
    how = next((how for pattern, how in _KINDS if _BEGINNING.match(text) and pattern.search(text)), "")
    return "named" if how == "class" and _ANDROID_LAYOUT in text else how


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the classes that the document names; raises Malformed if it is cut short or declares entities."""
    how, told, root = _how(blob), set[tuple[str, str]](), False
    for event in events(blob.reader, context, _CLASS_ELEMENTS):
        root = root or isinstance(event, Start)
        for kind, name in _named(event):
            if (kind, name) not in told:
                told.add((kind, name))
                detail: dict[str, Json] = {"how": kind or how}
                yield Fact("java-class", printable(name, _SHOWN), blob.locator, Span(event.offset), detail)
    if not root:
        raise Malformed("the document ends, or declares entities, before its root element")


def _named(event: Event) -> Iterator[tuple[str, str]]:
    """Yield the classes that one event names, each with its role, if it has one."""
    if isinstance(event, Text):
        name = event.text.strip()
        if _CLASS.fullmatch(name):
            yield ("interface" if event.name == _INTERFACE else "", name)
    elif isinstance(event, Start):
        written = event.name.replace("_-", "$").replace("__", "_")  # as XStream escapes what no element may be called
        for name in (written, *(value for key, value in event.attributes.items() if key in _CLASS_ATTRIBUTES)):
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
