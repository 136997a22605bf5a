"""GGUF, the weights of llama.cpp and similar programs: key-value pairs, tensor descriptions, then the tensors.

Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Tensors are not read here. The chat template
is a program that loaders run (CVE-2024-34359); it is judged in `scanners.judge.templates`.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item, Numbers, Scanner, Signs, begins
from modelsweep.core.text import printable
from scanners.metadata_text import suspicious_facts
from scanners.parsing.gguf_header import (
    ELEMENTS,
    MAGIC,
    TYPES,
    WIDTH,
    BadAlignment,
    GgufHeader,
    Overflowing,
    Tensor,
    read_header,
)

TEMPLATE_KEY = "tokenizer.chat_template"
_TEMPLATE_WORD = "template"
"""A word in other keys whose values some programs render as templates."""
_GENERAL_PREFIX = "general."
_INT64_LIMIT = 1 << 63
_INT32_LIMIT = 1 << 31
_CONTROL_TENSOR = re.compile(r"direction\.(\d{1,20})")
"""Name of a control vector's tensor: llama.cpp multiplies its number by its elements in 32 bits."""
_SHOWN = 100
_LICENCE_KEYS = ("general.license", "general.license.name")
_REFERENCE = "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"


def _rule(what: str, title: str, message: str, why: str, *cves: str) -> Rule:
    return Rule(
        id=f"gguf/{what}",
        title=title,
        severity=Severity.WARNING,
        message=message,
        why=why,
        fix="Convert the model again with the llama.cpp tools. Do not load this file with an older version of "
        "llama.cpp.",
        cwe=190 if cves else 20,
        references=(*(f"https://nvd.nist.gov/vuln/detail/{cve}" for cve in cves), _REFERENCE),
    )


DUPLICATE_KEY = _rule(
    "duplicate-key",
    "The same key or tensor declared twice",
    "{subject} is declared more than once",
    "Loaders differ in which of the two declarations they keep, so the one that was reviewed may not be the one that "
    "is used.",
)
SIZE_OVERFLOW = _rule(
    "size-overflow",
    "Tensor size that overflows 64 bits",
    "the size of tensor {subject} overflows a signed 64-bit integer",
    "Loaders that multiply the dimensions without a check allocate too little and write beyond it.",
    "CVE-2025-53630",
    "CVE-2026-27940",
    "CVE-2026-33298",
)
COUNT_OVERFLOW = _rule(
    "count-overflow",
    "Count that overflows the loader's allocation",
    "the header claims {subject}",
    "No file can hold that much, even if this one was cut. Loaders that multiply such a count by the size of an "
    "element, or add one for a string's NUL, allocate too little and write beyond it.",
    "CVE-2024-23496",
    "CVE-2024-21836",
    "CVE-2024-21802",
)
OVERLAP = _rule(
    "overlapping-tensors",
    "Tensors that share bytes",
    "tensor {subject} begins at byte {offset} of the data, before the previous one ends",
    "No converter writes this. Shared bytes let a file expand in memory, or let one tensor overwrite another.",
)
MISALIGNED = _rule(
    "misaligned-tensor",
    "Tensor at an unaligned offset",
    "tensor {subject} begins at byte {offset} of the data, which is not a multiple of {of}",
    "No converter writes this. A loader that rounds the offset reads different bytes than one that does not, and one "
    "that uses it unchanged reads numbers from an unaligned address.",
)
UNACCOUNTED = _rule(
    "unaccounted-bytes",
    "Bytes that belong to no tensor",
    "{length} bytes {subject} belong to no tensor",
    "Apart from padding, the format leaves no room for bytes outside the tensors, so they are a place to hide a "
    "payload.",
)
NARROW = _rule(
    "narrow-array",
    "Array with smaller elements than loaders read",
    "the elements of array {subject} have {width} byte(s), but loaders read {expected} for each",
    "llama.cpp counts the elements of this array and then reads four bytes for each, beyond what it allocated.",
)
LAYER = _rule(
    "layer-overflow",
    "Tensor whose layer number points outside memory",
    "tensor {subject} has {count} elements: the product overflows a signed 32-bit integer",
    "llama.cpp takes the position of a control vector's layer from the name of its tensor, and writes there.",
)
CRASHES = _rule(
    "crashes-loader",
    "Value that crashes loaders",
    "{subject}",
    "Several versions of llama.cpp divide by this value, or abort because of it. No converter writes such a file.",
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the magic number."""
    return blob.head.startswith(MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield metadata, chat templates, and every byte that the header does not account for exactly once."""
    headers = read_header(blob.reader)
    try:
        yield from _read(blob, headers, context)
    except Overflowing as error:
        yield Finding(COUNT_OVERFLOW, blob.locator, error.detail, span=Span(error.offset or 0, 8))
        raise
    except BadAlignment as error:
        yield Finding(CRASHES, blob.locator, error.detail)
        raise


def _read(blob: Blob, headers: Iterator[GgufHeader], context: Context) -> Iterator[Item]:
    header = next(headers)
    for key in header.repeated:
        yield Finding(DUPLICATE_KEY, blob.locator, printable(key, _SHOWN))
    if "" in header.values:
        yield Finding(CRASHES, blob.locator, "a key has no name")
    for key, width in header.narrow.items():
        yield Finding(NARROW, blob.locator, key, evidence={"width": width, "expected": WIDTH})
    yield from _metadata(blob, header, context)
    header = next(headers)
    kinds = ", ".join(sorted({TYPES[item.type][0] for item in header.tensors if item.type in TYPES}))
    yield Fact("tensors", kinds, blob.locator, Span(header.data), {"count": len(header.tensors)})
    yield from _tensors(blob, header)


def _metadata(blob: Blob, header: GgufHeader, context: Context) -> Iterator[Item]:
    own = header.values.get("general.license.name")
    from scanners.parsing.licences import licence_facts

    for key, value in (*header.values.items(), *header.earlier):
        if key.startswith(TEMPLATE_KEY) or (_TEMPLATE_WORD in key and _is_rendered(value)):
            yield from _templates(blob, key, value)
        elif isinstance(value, str) and key in _LICENCE_KEYS:
            yield from licence_facts(context, blob.locator, value, key, own if isinstance(own, str) else "")
        elif isinstance(value, str) or key.startswith(_GENERAL_PREFIX):  # lists under other keys are vocabularies
            for text in _texts(value):
                yield from suspicious_facts(text, blob.locator, printable(key, _SHOWN), context)
        if isinstance(value, str) and key.startswith(_GENERAL_PREFIX) and key not in _LICENCE_KEYS:
            detail: dict[str, Json] = {"key": printable(key, _SHOWN), "text": printable(value, _SHOWN)}
            kind = "framework" if key == "general.architecture" else "metadata"
            yield Fact(kind, printable(key if kind == "metadata" else value, _SHOWN), blob.locator, detail=detail)


def _is_rendered(value: Json) -> bool:
    """Return whether a text, or one of several, contains Jinja syntax."""
    return any("{{" in text or "{%" in text for text in _texts(value))


def _texts(value: Json) -> Iterator[str]:
    """Yield a text, or all texts in a list and in its nested lists, whose depth is limited."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from _texts(item)


def _templates(blob: Blob, key: str, value: Json) -> Iterator[Item]:
    from scanners.parsing.jinja_template import template_facts

    for text in _texts(value):
        yield from template_facts(text, blob.locator, printable(key, _SHOWN))
    if isinstance(value, list) and len(value) >= ELEMENTS:
        detail = f"{printable(key, _SHOWN)} is a list: only its first {ELEMENTS} templates were looked at"
        yield Problem(ProblemKind.LIMIT, blob.locator, SCANNER.name, detail)


def _tensors(blob: Blob, header: GgufHeader) -> Iterator[Item]:
    """Yield what is wrong with single tensors; if nothing is, what is wrong with their layout."""
    seen: set[str] = set()
    sound = True
    for tensor in header.tensors:
        shown = printable(tensor.name, _SHOWN)
        if tensor.name in seen:
            yield Finding(DUPLICATE_KEY, blob.locator, shown, path="tensors")
        seen.add(tensor.name)
        yield from _unchecked_numbers(tensor, shown, blob)
        fault = _fault(tensor, header, blob.size)
        if fault == "overflows":
            yield Finding(SIZE_OVERFLOW, blob.locator, shown)
        elif tensor.offset % header.alignment:
            yield Finding(MISALIGNED, blob.locator, shown, evidence={"offset": tensor.offset, "of": header.alignment})
        elif fault:
            kind = ProblemKind.MALFORMED if tensor.type in TYPES else ProblemKind.UNSUPPORTED
            yield Problem(kind, blob.locator, SCANNER.name, f"tensor {shown} {fault}")
        sound = sound and not fault
    if sound:
        yield from _layout(blob, header)
        yield from _numbers(header)


def _unchecked_numbers(tensor: Tensor, shown: str, blob: Blob) -> Iterator[Finding]:
    """Yield zero dimensions and overflowing layer numbers, which loaders do not check."""
    if 0 in tensor.dimensions:
        yield Finding(CRASHES, blob.locator, f"a dimension of tensor {shown} is zero")
    layer = _CONTROL_TENSOR.fullmatch(tensor.name)
    if layer and int(layer[1]) * tensor.elements >= _INT32_LIMIT:
        yield Finding(LAYER, blob.locator, shown, evidence={"count": tensor.elements})


def _numbers(header: GgufHeader) -> Iterator[Numbers]:
    """Yield the tensors that are not quantised; those of big-endian files are left out."""
    for tensor in header.tensors if header.order == "<" else ():
        name, block, _ = TYPES[tensor.type]
        if block == 1:
            shape = tensor.dimensions[::-1]
            yield Numbers(tensor.name, name, shape, header.data + tensor.offset, _length(tensor))


def _fault(tensor: Tensor, header: GgufHeader, size: int) -> str:
    """Return how `tensor` does not fit into a file of `size` bytes, or an empty string if it does."""
    if tensor.elements >= _INT64_LIMIT or _length(tensor) >= _INT64_LIMIT or tensor.offset >= _INT64_LIMIT:
        return "overflows"
    if tensor.type not in TYPES:
        return f"has the unknown type {tensor.type}: its size cannot be checked"
    name, block, _ = TYPES[tensor.type]
    if tensor.dimensions and tensor.dimensions[0] % block:
        return f"of type {name} has rows of {tensor.dimensions[0]:,} elements: no multiple of {block}"
    if tensor.offset % header.alignment:
        return f"begins at byte {tensor.offset:,}: no multiple of {header.alignment}"
    if header.data + tensor.offset + _length(tensor) > size:
        return f"ends at byte {header.data + tensor.offset + _length(tensor):,}, the file at {size:,}"
    return ""


def _length(tensor: Tensor) -> int:
    _, block, width = TYPES.get(tensor.type, ("", 1, 1))
    return tensor.elements // block * width


def _layout(blob: Blob, header: GgufHeader) -> Iterator[Item]:
    """Yield gaps larger than padding, overlaps, and bytes after the last tensor."""
    end = header.data
    for tensor in sorted(header.tensors, key=lambda item: item.offset):
        start, shown = header.data + tensor.offset, printable(tensor.name, _SHOWN)
        if start < end and _length(tensor):
            evidence: dict[str, Json] = {"offset": tensor.offset}
            yield Finding(OVERLAP, blob.locator, shown, span=Span(start, _length(tensor)), evidence=evidence)
        elif start - end >= header.alignment:
            yield _unaccounted(blob, end, start, f"before tensor {shown}")
        end = max(end, start + _length(tensor))
    if blob.size - end >= header.alignment:
        yield _unaccounted(blob, end, blob.size, "after the last tensor")


def _unaccounted(blob: Blob, start: int, stop: int, where: str) -> Finding:
    return Finding(UNACCOUNTED, blob.locator, where, span=Span(start, stop - start), evidence={"length": stop - start})


SCANNER = Scanner(
    name="gguf",
    title="GGUF (llama.cpp)",
    version=9,
    accepts=accepts,
    scan=scan,
    rules=(DUPLICATE_KEY, SIZE_OVERFLOW, COUNT_OVERFLOW, OVERLAP, MISALIGNED, UNACCOUNTED, NARROW, LAYER, CRASHES),
    suffixes=(".gguf",),
    signs=Signs(begins(MAGIC)),
)
