"""safetensors: a length, a JSON header, and tensors that fill the rest without gaps or overlaps; it holds no code.

Format: https://github.com/huggingface/safetensors#format. Every byte is accounted for; tensors are not read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Numbers, Scanner, Signs
from modelsweep.core.text import printable
from scanners.metadata_text import suspicious_facts
from scanners.parsing.name_sets import MAX_HASHED, hash_of_names

HEADER_LIMIT = 100_000_000
"""Maximum bytes of a header that loaders accept."""
_MAX_NODE_BYTES = 72
"""Maximum bytes that one JSON value takes in memory, besides its text."""
_MAX_DIMENSIONS = 64
_METADATA_KEY = "__metadata__"
_SHOWN = 100
_LICENCE_KEYS = frozenset({"license", "licence", "modelspec.license"})
_REFERENCE = ("https://github.com/huggingface/safetensors#format",)
# Bits per element
DTYPES = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}


def _rule(what: str, title: str, message: str, why: str) -> Rule:
    return Rule(
        id=f"safetensors/{what}",
        title=title,
        severity=Severity.WARNING,
        message=message,
        why=why,
        fix="Write the file again with the safetensors library. If the result is the same, ask its author.",
        cwe=20,
        references=_REFERENCE,
    )


DUPLICATE_KEY = _rule(
    "duplicate-key",
    "The same tensor or key declared twice",
    "{subject} is declared more than once",
    "Parsers differ in which of the two declarations they keep, so the one that was reviewed may not be the one that "
    "is loaded.",
)
OVERLAP = _rule(
    "overlapping-tensors",
    "Tensors that share bytes",
    "tensor {subject} begins at byte {offset} of the data, before the previous one ends",
    "The format forbids shared bytes: they let a file expand in memory, or let one tensor overwrite another.",
)
UNACCOUNTED = _rule(
    "unaccounted-bytes",
    "Bytes that belong to no tensor",
    "{length} bytes {subject} belong to no tensor",
    "The format leaves no room for bytes outside the tensors, so they are a place to hide a payload.",
)

SIZE_MISMATCH = _rule(
    "size-mismatch",
    "Tensor whose shape and bytes disagree",
    "tensor {subject} {fault}",
    "No writer does this, and cutting a file does not cause it. A loader that trusts one number and reads by the other "
    "reads beyond the tensor, or allocates what the shape requires.",
)
HEADER_LENGTH = _rule(
    "header-length",
    "Header longer than any loader accepts",
    "the header claims {subject} bytes",
    "Loaders reject such a header. One that does not allocates what the header claims, or reads beyond the file where "
    "the sum overflows 64 bits.",
)


class Tensor(NamedTuple):
    """A tensor as declared in the header: element type, shape, and byte range [start, stop) of the data."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def elements(self) -> int:
        """The number of elements, an unbounded integer: hostile shapes overflow 64 bits."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def fits(self) -> bool:
        """Whether the element type (which must be known), the shape and the byte range agree."""
        return self.start <= self.stop and self.elements * DTYPES[self.dtype] == (self.stop - self.start) * 8

    @property
    def mismatch(self) -> str:
        """How the shape and the byte range disagree."""
        if self.start > self.stop:
            return f"ends at byte {self.stop:,} of the data, and begins at {self.start:,}"
        return f"of {self.elements:,} {self.dtype} stands in {self.stop - self.start:,} bytes"


class Header(NamedTuple):
    """A parsed header; `data` is the offset of the tensors, and `repeated` lists the keys declared twice."""

    data: int
    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    repeated: Sequence[str]


def accepts(blob: Blob) -> bool:
    """Return whether a JSON object follows a plausible length; the suffix also admits a damaged file."""
    length = int.from_bytes(blob.head[:8], "little")
    if blob.head[8:9] != b"{":
        return False
    return blob.locator.suffix == ".safetensors" or (
        2 <= length <= blob.size - 8 and blob.head[9:].lstrip()[:1] in b'"}'
    )


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield facts about tensors and metadata, and every byte that the header does not account for exactly once."""
    length = int.from_bytes(blob.reader.read(0, 8), "little")
    if length > max(HEADER_LIMIT, blob.size):
        yield Finding(HEADER_LENGTH, blob.locator, f"{length:,}", span=Span(0, 8))
    header = _header(blob, context)
    for name in header.repeated:
        yield Finding(DUPLICATE_KEY, blob.locator, printable(name, _SHOWN), path=_METADATA_KEY)
    yield from _facts(blob, header, context)
    faults = 0
    for name, tensor in header.tensors.items():
        detail = _fault(tensor, blob.size - header.data)
        if detail:
            faults += 1
            if tensor.dtype in DTYPES and not tensor.fits:
                shown = printable(name, _SHOWN)
                yield Finding(SIZE_MISMATCH, blob.locator, shown, path=shown, evidence={"fault": tensor.mismatch})
            kind = ProblemKind.MALFORMED if tensor.dtype in DTYPES else ProblemKind.UNSUPPORTED
            yield Problem(kind, blob.locator, SCANNER.name, printable(f"tensor {name!r} {detail}", 300))
    if not faults:
        yield from _layout(blob, header)
        for name, tensor in header.tensors.items():
            place = header.data + tensor.start, tensor.stop - tensor.start
            yield Numbers(name, tensor.dtype, tensor.shape, *place)


def _header(blob: Blob, context: Context) -> Header:
    from scanners.parsing.json_text import with_repeated

    length = int.from_bytes(blob.reader.read(0, 8), "little")
    if length > HEADER_LIMIT:
        raise Malformed(f"the header claims {length:,} bytes; loaders refuse more than {HEADER_LIMIT:,}", 0)
    data = blob.reader.read(8, length)
    nodes = sum(data.count(mark) for mark in (b",", b"[", b"{"))
    if nodes * _MAX_NODE_BYTES > context.limits.parsed_bytes:
        raise OverLimit(f"the header holds {nodes:,} values: more than may be held in memory")
    try:
        value, repeated = with_repeated(data.decode())
    except ValueError as error:
        raise Malformed(f"the header is not JSON: {error}", 8) from None
    if not isinstance(value, dict):
        raise Malformed("the header is not a JSON object", 8)
    metadata = _metadata(value.pop(_METADATA_KEY, {}))
    return Header(8 + length, {name: _tensor(name, item) for name, item in value.items()}, metadata, repeated)


def _metadata(value: Json) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return {key: str(item) for key, item in value.items()}
    raise Malformed("__metadata__ is not a map of strings to strings", 8)


def _tensor(name: str, value: Json) -> Tensor:
    """Return the tensor that `value` declares; raises Malformed if it violates the specification."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "data_offsets"}:
        dtype, shape, offsets = value["dtype"], _sizes(value["shape"]), _sizes(value["data_offsets"])
        if isinstance(dtype, str) and shape is not None and offsets is not None and len(offsets) == 2:
            return Tensor(dtype, shape, *offsets)
    raise Malformed(f"tensor {name!r} is not declared by dtype, shape and two data_offsets", 8)


def _sizes(value: Json) -> tuple[int, ...] | None:
    """Return `value` if it is a list of at most `_MAX_DIMENSIONS` unsigned 64-bit integers, otherwise None."""
    if not isinstance(value, list) or len(value) > _MAX_DIMENSIONS:
        return None
    sizes = tuple(item for item in value if type(item) is int and 0 <= item < 1 << 64)
    return sizes if len(sizes) == len(value) else None


def _fault(tensor: Tensor, available: int) -> str:
    """Return how `tensor` does not fit into `available` bytes of data, or an empty string if it does."""
    if tensor.dtype not in DTYPES:
        return f"has the unknown type {tensor.dtype!r}: its size cannot be checked"
    if not tensor.start <= tensor.stop <= available:
        return f"ends at byte {tensor.stop:,} of the data, of which there are {available:,}"
    return "" if tensor.fits else tensor.mismatch


def _layout(blob: Blob, header: Header) -> Iterator[Item]:
    """Yield gaps, overlaps, and bytes after the last tensor."""
    end = 0
    for name, tensor in sorted(header.tensors.items(), key=lambda item: (item[1].start, item[1].stop)):
        shown = printable(name, _SHOWN)
        if tensor.start < end and tensor.start < tensor.stop:
            span = Span(header.data + tensor.start, tensor.stop - tensor.start)
            yield Finding(OVERLAP, blob.locator, shown, path=shown, span=span, evidence={"offset": tensor.start})
        elif tensor.start > end:
            yield _unaccounted(blob, header.data + end, tensor.start - end, f"before tensor {shown}")
        end = max(end, tensor.stop)
    rest = blob.size - header.data - end
    if rest:
        yield _unaccounted(blob, header.data + end, rest, "after the last tensor")


def _unaccounted(blob: Blob, offset: int, length: int, where: str) -> Finding:
    return Finding(UNACCOUNTED, blob.locator, where, span=Span(offset, length), evidence={"length": length})


def _facts(blob: Blob, header: Header, context: Context) -> Iterator[Item]:
    dtypes = ", ".join(sorted({printable(tensor.dtype, 20) for tensor in header.tensors.values()})[:20])
    parameters = sum(tensor.elements for tensor in header.tensors.values())
    # A string, since a hostile sum exceeds the 64 bits of most JSON readers
    detail: dict[str, Json] = {"count": len(header.tensors), "parameters": str(parameters)[:_SHOWN]}
    if len(header.tensors) <= MAX_HASHED:
        detail["names"] = hash_of_names(header.tensors)
    yield Fact("tensors", dtypes, blob.locator, Span(header.data, blob.size - header.data), detail)
    for key, value in sorted(header.metadata.items()):
        shown = printable(key, _SHOWN)
        text = printable(value, _SHOWN)
        if key.lower() in _LICENCE_KEYS:
            from scanners.parsing.licences import licence_facts

            yield from licence_facts(context, blob.locator, value, key)
            continue
        yield from suspicious_facts(value, blob.locator, f"{_METADATA_KEY}.{shown}", context)
        if "template" in key.lower():
            from scanners.parsing.jinja_template import template_facts

            yield from template_facts(value, blob.locator, f"{_METADATA_KEY}.{shown}")
        kind = "framework" if key.lower() == "format" else "metadata"
        yield Fact(kind, text if kind != "metadata" else shown, blob.locator, detail={"key": shown, "text": text})


SCANNER = Scanner(
    name="safetensors",
    title="safetensors",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(DUPLICATE_KEY, OVERLAP, UNACCOUNTED, SIZE_MISMATCH, HEADER_LENGTH),
    suffixes=(".safetensors",),
    signs=Signs(at=((8, (b"{",)),)),
)
