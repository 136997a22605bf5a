"""OpenVINO IR: a graph of layers as XML, whose constants are in a file of raw bytes beside it.

Format: https://docs.openvino.ai/2025/documentation/openvino-ir-format.html. Layers of an extension are native code of a
library. Settings of the runtime (plugins.xml) name the libraries that it loads. No entity is expanded here.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.metadata_text import suspicious_facts
from scanners.parsing.extents import Extents
from scanners.parsing.xml_events import Doctype, Start, Text, events
from scanners.parsing.xml_opening import opening

NAME = "openvino"
_SHOWN = 160
_ROOT = re.compile(r"<net\s[^>]{0,2000}\bversion\s*=")
_LAYERS = "<layers"
_PLUGINS = re.compile(r"<plugins>\s*(?:<!--.{0,1000}?-->\s*)*<plugin\s[^>]{0,1000}\blocation\s*=", re.DOTALL)
_SETTINGS, _LOADED = "ie", frozenset({"plugin", "extension"})
_OPENVINO_LIBRARY = re.compile(r"(?:lib)?openvino_\w{1,80}\.(?:so(?:\.\d+)*|dll|dylib)")
"""Names of the runtime's own plug-ins, which it looks for beside itself."""
_STANDARD = re.compile(r"opset\d{1,2}|experimental|ie_internal_opset|util|internal")
_BITS = {
    **dict.fromkeys(("u1", "bin"), 1),
    **dict.fromkeys(("u2",), 2),
    **dict.fromkeys(("u4", "i4", "nf4", "f4e2m1"), 4),
    **dict.fromkeys(("u8", "i8", "boolean", "f8e4m3", "f8e5m2", "f8e8m0"), 8),
    **dict.fromkeys(("u16", "i16", "f16", "bf16"), 16),
    **dict.fromkeys(("u32", "i32", "f32"), 32),
    **dict.fromkeys(("u64", "i64", "f64"), 64),
}
_MAX_DIGITS = 19
_MAX_DIMENSIONS = 64
_MAX_CUSTOM = 1_000
_LIBRARY = re.compile(r"[^\n]{1,400}\.(?:so(?:\.\d+)*|dll|dylib)", re.IGNORECASE)
COMPARING = frozenset("Equal NotEqual Greater GreaterEqual Less LessEqual IsNaN IsInf IsFinite Sign".split())
"""Operations of which a graph needs one to make a decision."""
_REFERENCES = ("https://docs.openvino.ai/2025/documentation/openvino-extensibility.html",)

CUSTOM = Rule(
    id="openvino/custom-layer",
    title="Layers from an extension",
    severity=Severity.INFO,
    message="the model needs a library for the layer {subject} (version {path})",
    why="Extension layers are native code in a library that must be loaded before the model. The library runs with the "
    "rights of the user who loads it, and is not part of this file.",
    fix="Take the library from its publisher, not from where you got the model.",
    cwe=829,
    references=_REFERENCES,
)
LIBRARY = Rule(
    id="openvino/library",
    title="Graph that names a native library",
    severity=Severity.WARNING,
    message="{path} of a layer names the library {subject}",
    why="OpenVINO takes no library from a graph: programs add extension libraries before they read it. A program that "
    "takes the path from the graph lets the model choose the native code that runs.",
    fix="Find out what reads the attribute, and do not load a library that came with the model.",
    confidence="medium",
    cwe=427,
    references=_REFERENCES,
)
PLUGIN = Rule(
    id="openvino/plugin-library",
    title="Settings that make OpenVINO load a library",
    severity=Severity.WARNING,
    message="{path} makes the runtime load {subject}",
    why="A program that starts OpenVINO with this file loads the library, which runs at once with all rights of the "
    "process. The runtime's own plug-ins are installed beside it, under known names.",
    fix="Take such settings from the runtime's own installation, not from where you got the model.",
    cwe=427,
    references=("https://docs.openvino.ai/2025/api/c_cpp_api/classov_1_1_core.html",),
)
SIZE_MISMATCH = Rule(
    id="openvino/size-mismatch",
    title="Constant whose size does not match its shape",
    severity=Severity.WARNING,
    message="the constant {subject} takes {length} bytes at {offset}, but its shape and type require {expected}",
    why="The numbers say where a constant is in the weights file. Runtimes that trust them read beyond it.",
    fix="Convert the model again from its source.",
    cwe=125,
    references=("https://docs.openvino.ai/2025/documentation/openvino-ir-format.html",),
)
ENTITY = Rule(
    id="openvino/entity",
    title="The graph declares entities",
    severity=Severity.WARNING,
    message="the graph declares the entity {subject}; the rest of the file was not examined",
    why="OpenVINO never writes entities. Parsers that expand them read files, contact servers, or run out of memory.",
    fix="Do not load the file. Convert the model again from its source.",
    cwe=776,
    references=("https://cheatsheetseries.owasp.org/cheatsheets/XML_External_Entity_Prevention_Cheat_Sheet.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a net with layers, possibly after a document type."""
    text = opening(blob)
    if _PLUGINS.search(text):
        return True
    return bool(_ROOT.search(text)) and (_LAYERS in text or blob.reader.find(_written(_LAYERS, blob)) >= 0)


def _written(word: str, blob: Blob) -> bytes:
    """Return `word` in the encoding of the document, which may be UTF-16."""
    if b"\0" not in blob.head[:4]:
        return word.encode()
    return word.encode("utf-16-le" if blob.head[:2] == b"\xff\xfe" or blob.head[1:2] == b"\0" else "utf-16-be")


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield layers of extensions and constants of the wrong size; raises Malformed and OverLimit."""
    if _PLUGINS.search(opening(blob)):
        yield from _libraries(blob, context)
        return
    layer: Start | None = None
    reported: set[tuple[str, str]] = set()
    extents = Extents()
    compares = False
    for event in events(blob.reader, context):
        if isinstance(event, Doctype):
            for entity in event.entities[:1]:
                yield Finding(ENTITY, blob.locator, printable(entity.name, _SHOWN), span=Span(event.offset))
        elif isinstance(event, Start):
            layer = event if event.name == "layer" else layer
            compares = compares or (event.name == "layer" and event.attributes.get("type") in COMPARING)
            yield from _element(blob, event, layer, reported)
            if layer:
                yield from _attributes(blob, event, context)
                extents.add(event.attributes.get("offset", ""), event.attributes.get("size", ""))
    weights = extents.fact(f"{blob.locator.name.rpartition('.')[0]}.bin", blob.locator)
    if weights:
        yield weights
    if layer is None:
        raise Malformed("the graph ends, or declares entities, before its layers")
    if compares:
        yield from _decisions(blob, context)


def _decisions(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the places where the graph's output depends on a test of its input."""
    from scanners.parsing.input_branches import decision_facts
    from scanners.parsing.openvino_graph import Layers

    layers = Layers()
    for event in events(blob.reader, context, frozenset({"dim"})):
        if isinstance(event, Start | Text):
            layers.take(event)
    branches, found = layers.decisions()
    yield from decision_facts(blob, branches, found, "openvino")


def _libraries(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the libraries that settings of the runtime name, except its own; raises Malformed."""
    root = ""
    for event in events(blob.reader, context):
        if isinstance(event, Start):
            root = root or event.name
            location = event.attributes.get("location", "")
            if root == _SETTINGS and event.name in _LOADED and location and not _OPENVINO_LIBRARY.fullmatch(location):
                path = printable(f"{event.name} {event.attributes.get('name', '')}".strip(), _SHOWN)
                yield Finding(PLUGIN, blob.locator, printable(location, _SHOWN), path=path, span=Span(event.offset))
    if not root:
        raise Malformed("the settings end, or declare entities, before their root element")


def _element(blob: Blob, event: Start, layer: Start | None, reported: set[tuple[str, str]]) -> Iterator[Item]:
    """Yield what follows from one element; `layer` encloses it, `reported` are the custom layers reported so far."""
    if not event.within:
        if event.name != "net":
            raise Malformed(f"the root is {printable(event.name, _SHOWN)}, not net", event.offset)
        yield Fact("framework", "openvino", blob.locator)
    elif event.name == "layer":
        key = (event.attributes.get("type", ""), event.attributes.get("version", "opset1"))
        if not _STANDARD.fullmatch(key[1]) and key not in reported and len(reported) < _MAX_CUSTOM:
            reported.add(key)
            name, version = (printable(text, _SHOWN) for text in key)
            yield Finding(CUSTOM, blob.locator, name, path=version, span=Span(event.offset))
    elif event.name == "data" and layer and layer.attributes.get("type") == "Const":
        yield from _constant(blob, layer, event)


def _attributes(blob: Blob, event: Start, context: Context) -> Iterator[Item]:
    """Yield attributes of a layer that are code or a library; honest ones are numbers, shapes and names."""
    for key, value in event.attributes.items():
        path = printable(f"{event.name}.{key}", _SHOWN)
        library = _LIBRARY.fullmatch(value) if key != "name" else None  # of PyTorch's modules, any
        if library:
            yield Finding(LIBRARY, blob.locator, printable(value, _SHOWN), path=path, span=Span(event.offset))
        else:
            yield from suspicious_facts(value, blob.locator, path, context)


def _constant(blob: Blob, layer: Start, data: Start) -> Iterator[Finding]:
    """Yield a constant whose offset is not a number, or whose size does not match its shape."""
    given = data.attributes
    if "element_type" not in given or "shape" not in given:
        return
    numbers = [given.get(key, "") for key in ("offset", "size")]
    expected = _expected(given["element_type"], given["shape"])
    plain = all(number.isascii() and number.isdecimal() and len(number) < _MAX_DIGITS for number in numbers)
    if plain and expected in (None, int(numbers[1])):
        return
    shown = "an impossible number" if expected is not None and expected < 0 else "something else"
    evidence: dict[str, Json] = {
        "offset": printable(numbers[0], _SHOWN) or "no place",
        "length": printable(numbers[1], _SHOWN) or "no",
        "expected": shown if expected is None or expected < 0 else f"{expected:,}"[:_SHOWN],
    }
    subject = printable(layer.attributes.get("name", ""), _SHOWN) or "without a name"
    yield Finding(SIZE_MISMATCH, blob.locator, subject, span=Span(data.offset), evidence=evidence)


def _expected(kind: str, shape: str) -> int | None:
    """Return the bytes that type and shape require, None for an unknown type, or -1 for an impossible shape."""
    bits = _BITS.get(kind.lower())
    if bits is None:
        return None
    sizes = [size.strip() for size in shape.split(",")] if shape.strip() else []
    if len(sizes) > _MAX_DIMENSIONS or not all(
        size.isascii() and size.isdecimal() and len(size) < 20 for size in sizes
    ):
        return -1
    elements = 1
    for size in sizes:
        elements *= int(size)
    return (elements * bits + 7) // 8


SCANNER = Scanner(
    name=NAME,
    title="OpenVINO IR (.xml)",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(CUSTOM, LIBRARY, PLUGIN, SIZE_MISMATCH, ENTITY),
    suffixes=(".xml",),
    signs=Signs(b"\xef\xbb\xbf \t\r\n<\xff\xfe\0"),
)
