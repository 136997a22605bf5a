"""Plain text of any language and encoding: code, configuration, data, licences; recognised, so that it is not unknown.

Text is clean once its raw bytes were looked at. A file that is named like a model or an archive is never text: a
damaged model must not turn clean by looking like it.
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
"""Control characters that text has no use for; colours of log files begin with an escape."""
_PRINTABLE = bytes(range(32, 127)) + b"\t\n\r"
_TOLERATED = 0.002
"""Share of stray control characters, as corpora and logs hold them; NUL is none of them."""
_MARK_OF_ORBAX = "orbax.checkpoint"
"""An empty file that tells the folders of checkpoints (`ORBAX_CHECKPOINT_INDICATOR_FILE`)."""
_FOREIGN = 0.5
"""Share of printable ASCII from which bytes that are not UTF-8 are taken for text in an old 8-bit encoding."""


def accepts(blob: Blob) -> bool:
    """Return whether the head and samples of the rest read as text."""
    if blob.size == 0 and blob.locator.name == _MARK_OF_ORBAX:
        return True
    return blob.locator.suffix not in NEVER_PLAIN and reads_as_text(blob)


def reads_as_text(blob: Blob) -> bool:
    """Return whether a blob is text by its bytes alone, whatever it is named."""
    return _reads_as_text(blob.reader, blob.head)


@lru_cache(1)  # several scanners ask it of one blob, one after the other
def _reads_as_text(reader: Reader, head: bytes) -> bool:
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
    return is_text(head, encoding) and all(is_text(sample, encoding) for sample in _samples(reader))


def decoded(data: bytes) -> str:
    """Return the characters of a text in UTF-8, or in UTF-16 with a byte order mark, as YAML and pip read both."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return data.decode(encoding, "replace")


def _samples(reader: Reader) -> Iterator[bytes]:
    """Yield bytes spread over all that comes after the head, at even offsets, each of the same length."""
    step = max((reader.size - HEAD) // SAMPLES, SAMPLE) & ~1
    last = (reader.size - SAMPLE) & ~1
    for offset in range(HEAD, reader.size, step):
        yield reader.read(min(offset, last), SAMPLE)


def is_text(sample: bytes, encoding: str = "utf-8") -> bool:
    """Return whether `sample`, which may begin and end within a character, reads as text."""
    if encoding == "utf-8" and b"\0" in sample:  # whatever else there is
        return False
    characters = _recoded(sample, encoding)
    if characters is None or (sample and not characters):
        printable = len(sample) - len(sample.translate(None, _PRINTABLE))
        return encoding == "utf-8" and printable >= _FOREIGN * len(sample) and _few_controls(sample)
    return _few_controls(characters)


def _recoded(sample: bytes, encoding: str) -> bytes | None:
    """Return `sample` as UTF-8 without the characters that its edges cut, None where it is not in `encoding`."""
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
    """Yield nothing: that the raw bytes were looked at is enough."""
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
