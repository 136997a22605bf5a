"""Other forms of the same file: whatever loads it does the same, so it has to be judged alike.

A rewriting takes the bytes and the name of a file, and returns them in another form, or None where it does not apply.
Nothing is loaded or run: files are taken apart and put together again.
"""

from __future__ import annotations

import ast
import gzip
import io
import json
import lzma
import pickletools
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable

import lz4.frame
import yaml
import zstandard

from modelsweep.core.finding import Json

Rewriting = Callable[[bytes, str], tuple[bytes, str] | None]
FRONT = 5_000
"""Characters that are put in front: more than the head by which formats are recognised."""


# -- JSON (RFC 8259) and XML


def of_json(write: Callable[[Json], str]) -> Rewriting:
    """Return what writes each document of JSON anew."""

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        if not name.endswith(".json"):
            return None
        try:
            return write(json.loads(data)).encode(), name
        except (ValueError, RecursionError):
            return None

    return rewritten


def behind_a_long_value(document: Json) -> str:
    """Return a document with one more key, which comes first."""
    return json.dumps({"_note": "x" * FRONT, **document} if isinstance(document, dict) else document)


def with_escaped_keys(document: Json) -> str:
    """Return a document with each letter of its keys as an escape."""
    if isinstance(document, dict):
        pairs = (f"{_letters(key)}: {with_escaped_keys(value)}" for key, value in document.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(document, list):
        return f"[{', '.join(map(with_escaped_keys, document))}]"
    return json.dumps(document)


def _letters(key: str) -> str:
    return '"' + "".join(f"\\u{ord(c):04x}" if c.isascii() else json.dumps(c)[1:-1] for c in key) + '"'


def of_xml(write: Callable[[str, str], str], encoding: str = "utf-8") -> Rewriting:
    """Return what writes a document of its declaration, and all that follows, anew."""

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        found = re.match(rb"(<\?xml[^>]*\?>)?\s*(<[\s\S]*)", data)
        if not found or not name.endswith((".xml", ".pmml", ".ows", ".rmp")) or not data.isascii():
            return None
        return write((found[1] or b"").decode(), found[2].decode()).encode(encoding), name

    return rewritten


# -- YAML: https://yaml.org/spec/1.1/


def of_yaml(change: Callable[[yaml.Event], None], lines: str = "") -> Rewriting:
    """Return what writes the events of YAML anew, behind `lines`."""

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        if not name.endswith((".yaml", ".yml", "MLmodel")) or data.startswith(b"%"):
            return None
        try:
            events = list(yaml.parse(data))
            for event in events:
                change(event)
            return (lines + yaml.emit(events, width=10_000)).encode(), name
        except (yaml.YAMLError, TypeError):
            return None

    return rewritten


def quoted(event: yaml.Event) -> None:
    """Put a plain text between quotes."""
    if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and "\n" not in event.value:
        kind = yaml.resolver.Resolver().resolve(yaml.ScalarNode, event.value, (True, False))
        if kind == "tag:yaml.org,2002:str":
            event.style, event.implicit = '"', (False, True)


def in_lines(event: yaml.Event) -> None:
    """Leave a collection in lines of its own."""
    if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
        event.flow_style = False


# -- pickles: https://docs.python.org/3/library/pickletools.html


def of_pickle(change: Callable[[str, object, bytes], bytes], *, version: int = 0) -> Rewriting:
    """Return what exchanges opcodes; `version` is the lowest protocol of what comes out."""

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        try:
            found = [(opcode.name, value, place) for opcode, value, place in pickletools.genops(data)]
        except (ValueError, IndexError, struct.error):
            return None
        ends = [place for _, _, place in found[1:]] + [found[-1][2] + 1] if found else []  # type: ignore[operator]
        if not found or not name.endswith(".pkl"):
            return None
        parts = [change(kind, value, data[at:end]) for (kind, value, at), end in zip(found, ends, strict=True)]
        head = bytes((0x80, version)) if version else b""
        return head + b"".join(parts) + data[ends[-1] :], name

    return rewritten


TEXTS = frozenset({"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"})


def in_escapes(kind: str, value: object, raw: bytes) -> bytes:
    """Return a text as protocol 0 writes it, in escapes."""
    if kind == "FRAME":
        return b""
    return b"V%b\n" % "".join(f"\\U{ord(c):08x}" for c in str(value)).encode() if kind in TEXTS else raw


def named_by_texts(kind: str, value: object, raw: bytes) -> bytes:
    """Return a name as protocol 4 takes it from the stack."""
    if kind == "GLOBAL":
        module, name = str(value).split(" ", 1)
        texts = (b"\x8d%b%b" % (struct.pack("<Q", len(part)), part) for part in (module.encode(), name.encode()))
        return b"".join(texts) + b"\x93"
    return b"" if kind == "FRAME" else raw


def among_noise(kind: str, _value: object, raw: bytes) -> bytes:
    """Return an opcode with others behind it that leave the stack as it was."""
    return b"" if kind == "FRAME" else raw if kind in ("STOP", "MARK") else raw + b"(NK\x01}1N0"


# -- Python


def of_python(change: Callable[[ast.Module], ast.Module]) -> Rewriting:
    """Return what writes the statements of Python anew."""

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        if not name.endswith(".py") or b"__future__" in data or b"import *" in data:
            return None
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError):
            return None
        return ast.unparse(ast.fix_missing_locations(change(tree))).encode(), name

    return rewritten


def inside(template: str) -> Rewriting:
    """Return what puts all statements in the place of BODY."""

    def wrapped(tree: ast.Module) -> ast.Module:
        class Filled(ast.NodeTransformer):
            def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
                return tree.body if isinstance(node.value, ast.Name) and node.value.id == "BODY" else node

        return Filled().visit(ast.parse(template))  # type: ignore[no-any-return]

    return of_python(wrapped)


class Looked(ast.NodeTransformer):
    """Has attributes of imported modules looked up by a name that is put together."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name = name
        imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
        self._modules = {item.asname or item.name for node in imports for item in node.names}

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.value, ast.Name) or node.value.id not in self._modules:
            return node
        if not isinstance(node.ctx, ast.Load):
            return node
        half = len(node.attr) // 2
        name = self._name.replace("ONE", repr(node.attr[:half])).replace("OTHER", repr(node.attr[half:]))
        return ast.Call(ast.Name("getattr", ast.Load()), [node.value, ast.parse(name, mode="eval").body], [])


def looked_up(name: str) -> Rewriting:
    """Return what has attributes looked up by an expression of ONE and OTHER, the halves of their names."""
    return of_python(lambda tree: Looked(name, tree).visit(tree))


# -- text and containers


def behind(front: str, *suffixes: str) -> Rewriting:
    """Return what puts something in front of files whose format takes that for nothing."""
    return lambda data, name: (front.encode() + data, name) if name.endswith(suffixes) else None


def packed(pack: Callable[[bytes], bytes], suffix: str) -> Rewriting:
    """Return what compresses a file."""
    return lambda data, name: (pack(data), name + suffix)


def halves(pack: Callable[[bytes], bytes], between: bytes = b"") -> Callable[[bytes], bytes]:
    """Return what compresses the halves of bytes as streams that follow one another."""
    return lambda data: between + pack(data[: len(data) // 2]) + between + pack(data[len(data) // 2 :])


def zipped(data: bytes, name: str, method: int = zipfile.ZIP_DEFLATED) -> tuple[bytes, str]:
    """Return a zip that is written as a stream, with 64-bit sizes and data descriptors."""
    whole = io.BytesIO()

    class Stream(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, part: object) -> int:
            return whole.write(part)  # type: ignore[arg-type]

    with zipfile.ZipFile(Stream(), "w", method) as archive, archive.open(name, "w", force_zip64=True) as member:
        member.write(data)
    return whole.getvalue(), "a.zip"


def in_a_tar(data: bytes, name: str) -> tuple[bytes, str]:
    """Return a tar of one file with a long name, under gzip."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(f"{'ü' * 120}/{name}")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return gzip.compress(whole.getvalue(), mtime=0), "a.tar.gz"


SKIPPED = b"\x50\x2a\x4d\x18" + struct.pack("<I", 3) + b"abc"
"""A frame that Zstandard and LZ4 pass over."""
COMMENT = f"# {'x' * FRONT}\n"
REWRITINGS: dict[str, Rewriting] = {
    "json_behind_a_long_value": of_json(behind_a_long_value),
    "json_with_escaped_keys": of_json(with_escaped_keys),
    "json_with_escaped_slashes": of_json(lambda document: json.dumps(document).replace("/", r"\/")),
    "json_behind_space": of_json(lambda document: "\n" * FRONT + json.dumps(document)),
    "xml_behind_a_comment": of_xml(lambda declaration, rest: f"{declaration}<!-- {'x' * FRONT} -->{rest}"),
    "xml_behind_an_instruction": of_xml(lambda declaration, rest: f"{declaration}<?x {'x' * FRONT}?>{rest}"),
    "xml_behind_space": of_xml(lambda _, rest: "\n" * FRONT + rest),
    "xml_in_utf_16": of_xml(lambda _, rest: rest, "utf-16"),
    "yaml_quoted": of_yaml(quoted),
    "yaml_in_lines": of_yaml(in_lines, COMMENT),
    "pickle_in_escapes": of_pickle(in_escapes),
    "pickle_named_by_texts": of_pickle(named_by_texts),
    "pickle_among_noise": of_pickle(among_noise),
    "python_in_a_handler": inside("try:\n raise ValueError\nexcept ValueError:\n BODY"),
    "python_in_a_decorated_function": inside("@lambda f: f()\ndef _f():\n BODY"),
    "python_in_a_metaclass": inside("class M(type):\n def __init__(c, *a):\n  BODY\nclass C(metaclass=M): pass"),
    "python_in_a_coroutine": inside("import asyncio\nasync def _f():\n BODY\nasyncio.run(_f())"),
    "python_in_a_namespace": inside("import types\ndef _f():\n BODY\ntypes.SimpleNamespace(g=_f).g()"),
    "python_in_a_factory": inside(
        "import dataclasses\ndef _f():\n BODY\n@dataclasses.dataclass\nclass C:\n"
        " x: int = dataclasses.field(default_factory=_f)\nC()"
    ),
    "python_looked_up_by_sum": looked_up("ONE + OTHER"),
    "python_looked_up_by_fields": looked_up("'%(a)s%(b)s' % {'a': ONE, 'b': OTHER}"),
    "python_looked_up_by_reducing": looked_up("__import__('functools').reduce(lambda a, b: a + b, [ONE, OTHER])"),
    "python_looked_up_by_bytes": looked_up("bytes(map(ord, ONE + OTHER)).decode()"),
    "text_of_protocol_buffers_behind_a_comment": behind(COMMENT, ".pbtxt", ".prototxt"),
    "page_behind_lines": lambda data, name: (
        (b"\n" * FRONT + data, name) if name == "README.md" and data.isascii() else None
    ),
    "gzip_in_halves": packed(halves(lambda data: gzip.compress(data, mtime=0)), ".gz"),
    "gzip_not_shrunk": packed(lambda data: gzip.compress(data, 0, mtime=0), ".gz"),
    "xz_in_halves": packed(halves(lzma.compress), ".xz"),
    "zstandard_with_frames_to_skip": packed(halves(zstandard.ZstdCompressor().compress, SKIPPED), ".zst"),
    "lz4_with_frames_to_skip": packed(halves(lz4.frame.compress, SKIPPED), ".lz4"),
    "zip_as_a_stream": zipped,
    "zip_by_lzma": lambda data, name: zipped(data, name, zipfile.ZIP_LZMA),
    "tar_under_gzip": in_a_tar,
}
