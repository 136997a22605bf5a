"""TFRecord: training data, logs of TensorBoard (events.out.tfevents.*) and warm-up requests of SavedModels.

Format: https://www.tensorflow.org/tutorials/load_data/tfrecord. Records are data for their readers, and are searched as
raw bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner

_HEADER = 12
"""Bytes before a record: its length and the checksum of the length."""
_FOOTER = 4
"""Bytes after a record: its checksum."""
_MAX_CHECKED = 10_000
"""Maximum records whose lengths are checked; the rest is assumed to be more of them."""
_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8
_COST = 50


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a length and its checksum."""
    return _length(blob.head[:_HEADER]) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield nothing; raises Malformed unless each record follows the previous one."""
    position = 0
    for _ in range(_MAX_CHECKED):
        if position == blob.size:
            break
        context.operations.spend(_COST)
        position += _record(blob.reader, position)
        if position > blob.size:
            raise Malformed(f"a record ends at byte {position:,}, the file at {blob.size:,}")
    yield from ()


def _record(reader: Reader, position: int) -> int:
    """Return the size in bytes of the record at `position`."""
    length = _length(reader.read(position, min(_HEADER, reader.size - position)))
    if length is None:
        raise Malformed("the length of a record does not match its checksum", position)
    return _HEADER + length + _FOOTER


def _length(header: bytes) -> int | None:
    """Return the length in a header, or None if its checksum is wrong."""
    if len(header) < _HEADER:
        return None
    crc = _crc32c(header[:8])
    masked = ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF
    stated = int.from_bytes(header[8:], "little")
    return int.from_bytes(header[:8], "little") if masked == stated else None


def _crc32c(data: bytes) -> int:
    """Return the CRC-32C of a few bytes (Castagnoli's polynomial)."""
    crc = 0xFFFFFFFF
    table = _crc_table()
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    """Return the lookup table of CRC-32C."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


SCANNER = Scanner(
    name="tfrecord",
    title="TFRecord (data and logs of TensorFlow)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".tfrecord", ".tfrecords", ".tfevents"),
)
