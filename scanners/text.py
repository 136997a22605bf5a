"""Plain text of any language and encoding (code, configuration, data, licences), so that it is not an unknown format.

Text is clean once its raw bytes have been searched. A file that is named like a model or an archive is never text: a
damaged model must not become clean by looking like text.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache

from modelsweep.core.reader import Reader
from modelsweep.core.scanner import HEAD, Blob, Context, Item, Scanner, Signs
from modelsweep.core.units import KIB
from scanners.suffixes import NEVER_PLAIN

SAMPLE = 4 * KIB
SAMPLES = 16
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\b\x1b"))
"""Control characters that do not occur in text; ESC is not one, since coloured logs contain it."""
_PRINTABLE = bytes(range(32, 127)) + b"\t\n\r"
_TOLERATED = 0.002
"""Maximum share of stray control characters, as in corpora and logs; NUL is never tolerated."""
_MARK_OF_ORBAX = "orbax.checkpoint"
"""Name of the empty file that marks the folder of a checkpoint (`ORBAX_CHECKPOINT_INDICATOR_FILE`)."""
_FOREIGN = 0.5
"""Minimum share of printable ASCII for bytes that are not UTF-8 to count as text in an old 8-bit encoding."""


def accepts(blob: Blob) -> bool:
    """Return whether the head and samples of the rest read as text."""
    if blob.size == 0 and blob.locator.name == _MARK_OF_ORBAX:
        return True
    return blob.locator.suffix not in NEVER_PLAIN and reads_as_text(blob)


def reads_as_text(blob: Blob) -> bool:
    """Return whether a blob is text judging by its bytes alone, whatever its name."""
    return _reads_as_text(blob.reader, blob.head)


@lru_cache(1)  # several scanners in a row ask about the same blob
def _reads_as_text(reader: Reader, head: bytes) -> bool:
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
    return is_text(head, encoding) and all(is_text(sample, encoding) for sample in _samples(reader))


def decoded(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark: YAML and pip read both."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return data.decode(encoding, "replace")


def _samples(reader: Reader) -> Iterator[bytes]:
    """Yield samples of equal length at even offsets, spread over everything after the head."""
    step = max((reader.size - HEAD) // SAMPLES, SAMPLE) & ~1
    last = (reader.size - SAMPLE) & ~1
    for offset in range(HEAD, reader.size, step):
        yield reader.read(min(offset, last), SAMPLE)


def is_text(sample: bytes, encoding: str = "utf-8") -> bool:
    """Return whether `sample`, which may begin and end within a character, reads as text."""
    if encoding == "utf-8" and b"\0" in sample:
        return False
    characters = _recoded(sample, encoding)
    if characters is None or (sample and not characters):
        printable = len(sample) - len(sample.translate(None, _PRINTABLE))
        return encoding == "utf-8" and printable >= _FOREIGN * len(sample) and _few_controls(sample)
    return _few_controls(characters)


def _recoded(sample: bytes, encoding: str) -> bytes | None:
    """Return `sample` as UTF-8 without characters cut at its edges, or None if it is not valid in `encoding`."""
    if encoding == "utf-8" and sample.isascii():
        return sample
    start = 0
    if encoding == "utf-8":
        start = next((index for index, byte in enumerate(sample[:4]) if byte & 0xC0 != 0x80), 0)
    try:
        decoder = codecs.getincrementaldecoder(encoding)("strict" if encoding == "utf-8" else "surrogatepass")
        return decoder.decode(sample[start:]).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _few_controls(characters: bytes) -> bool:
    strays = len(characters) - len(characters.translate(None, _CONTROLS))
    return b"\0" not in characters and strays <= _TOLERATED * len(characters)


def scan(_blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield nothing: the search of the raw bytes is enough."""
    return iter(())


SCANNER = Scanner(
    name="text",
    title="Plain text (code, configuration, data, licences)",
    version=3,
    accepts=accepts,
    scan=scan,
    suffixes=(".txt", ".md", ".json", ".yaml", ".csv", ".py"),
    signs=Signs(plain=True),
)
