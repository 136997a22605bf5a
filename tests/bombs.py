"""Files made to exhaust who reads them: small to build, endless to believe."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from modelsweep.core.report import Verdict
from modelsweep.core.units import MIB
from tests.scanners.pickle.assembler import EVIL, STOP, proto

HUGE = 1 << 63
LEVELS = 10_000
ZEROS = bytes(MIB)


@dataclass(frozen=True, slots=True)
class Bomb:
    """A file's name, its bytes in pieces, the verdict on it, and words that the report has to say of it."""

    name: str
    build: Callable[[], Iterator[bytes]]
    verdict: Verdict
    says: str


def bomb(name: str, verdict: Verdict, says: str, *parts: bytes) -> Bomb:
    """Return a bomb of a few bytes."""
    return Bomb(name, lambda: iter(parts), verdict, says)


def unscanned(name: str, says: str, *parts: bytes) -> Bomb:
    """Return a bomb of a few bytes that cannot be examined to its end."""
    return bomb(name, Verdict.NOT_SCANNED, says, *parts)


def review(name: str, says: str, *parts: bytes) -> Bomb:
    """Return a bomb of a few bytes that no file comes to by being cut: a finding besides."""
    return bomb(name, Verdict.REVIEW, says, *parts)


def evil(name: str, *parts: bytes) -> Bomb:
    """Return a bomb with a payload behind it."""
    return bomb(name, Verdict.MALICIOUS, "os.system", *parts)


def safetensors(header: bytes, length: int = -1) -> bytes:
    """Return a safetensors file whose header says that it is `length` bytes long."""
    return struct.pack("<Q", len(header) if length < 0 else length) + header


def npy(header: str) -> bytes:
    """Return a NumPy array of a header alone."""
    return b"\x93NUMPY\x02\0" + struct.pack("<I", len(header)) + header.encode()


def local(name: bytes, packed: int, size: int, method: int = 0) -> bytes:
    """Return a local header."""
    return struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, method, 0, 0, 0, packed, size, len(name), 0) + name


def central(name: bytes, packed: int, size: int, method: int = 0, offset: int = 0) -> bytes:
    """Return an entry of the directory."""
    fields = (20, 20, 0, method, 0, 0, 0, packed, size, len(name), 0, 0, 0, 0, 0, offset)
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields) + name


def end(count: int, size: int, offset: int) -> bytes:
    """Return the end record."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, size, offset, 0)


def zips_in_zips() -> Iterator[bytes]:
    """Stored zips, each in the next one."""
    inside, heads, tails = b"nothing", [], []
    size = len(inside)
    for _ in range(LEVELS):
        head, entry = local(b"z", size, size), central(b"z", size, size)
        tail = entry + end(1, len(entry), len(head) + size)
        heads.append(head)
        tails.append(tail)
        size += len(head) + len(tail)
    yield from (*reversed(heads), inside, *tails)


def deflated(pieces: Iterator[bytes]) -> bytes:
    """Return a raw deflate stream."""
    packer = zlib.compressobj(1, wbits=-15)
    return b"".join([*map(packer.compress, pieces), packer.flush()])


def zip_ratio() -> Iterator[bytes]:
    """One member a thousand times as long as the file."""
    size = 700 * MIB
    data = deflated(ZEROS for _ in range(700))
    head, entry = local(b"a.bin", len(data), size, 8), central(b"a.bin", len(data), size, 8)
    yield from (head, data, entry, end(1, len(entry), len(head) + len(data)))


def zip_overlapping() -> Iterator[bytes]:
    """Ten thousand members with the same data: 80 GB in a megabyte."""
    size = 8 * MIB
    data = deflated(ZEROS for _ in range(8))
    head = local(b"z", len(data), size, 8)
    entries = central(b"z", len(data), size, 8) * LEVELS
    yield from (head, data, entries, end(LEVELS, len(entries), len(head) + len(data)))


def zip_nested() -> Iterator[bytes]:
    """Eight levels of ten zips each, as 42.zip: 100 million members in the end."""
    data, suffix = b"a line of text\n" * 1000, "txt"
    for _ in range(8):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(zipfile.ZipInfo(f"{number}.{suffix}"), data, zipfile.ZIP_DEFLATED)
        data, suffix = stream.getvalue(), "zip"
    yield data


def tar_headers(count: int, kind: bytes = tarfile.REGTYPE) -> Iterator[bytes]:
    """The same header over and over."""
    info = tarfile.TarInfo("model.bin")
    info.type = kind
    block = info.tobuf(tarfile.USTAR_FORMAT) * 2048
    for _ in range(count // 2048):
        yield block


def gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return a gzip stream of `pieces`."""
    packer = zlib.compressobj(1, wbits=31)
    yield from map(packer.compress, pieces)
    yield packer.flush()


def marks() -> Iterator[bytes]:
    """Ten million MARKs."""
    yield proto(2)
    yield from [b"(" * MIB] * 10


def gguf(tensors: int, pairs: int, *rest: bytes) -> bytes:
    """Return the beginning of a GGUF file."""
    return struct.pack("<4sIQQ", b"GGUF", 3, tensors, pairs) + b"".join(rest)


def sevenzip(offset: int, size: int) -> bytes:
    """Return a 7z file whose header is said to be somewhere else."""
    start = struct.pack("<QQI", offset, size, 0)
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + bytes(64)


DOUBLING = b")" + b"2\x86" * LEVELS
KEY = struct.pack("<Q", 1) + b"k"
BOMBS: tuple[Bomb, ...] = (
    unscanned("empty.pkl", "empty"),
    evil("memo.pkl", proto(2), b"Nr\xff\xff\xff\x7f0Nr\xff\xff\xff\xff0", EVIL, STOP),
    evil("memo_text.pkl", b"Np2147483648\n0Np99999999999999999999\n0", EVIL, STOP),
    unscanned("memo_missing.pkl", "never stored", proto(2), b"j\xff\xff\xff\xff", STOP),
    unscanned("unicode8.pkl", "beyond the end", proto(4), b"\x8d", struct.pack("<Q", HUGE), b"text", STOP),
    unscanned("bytes8.pkl", "beyond the end", proto(4), b"\x8e", struct.pack("<Q", HUGE - 1), b"text", STOP),
    unscanned("long4.pkl", "cut short", proto(2), b"\x8b\xff\xff\xff\x7f", STOP),
    evil("frame.pkl", proto(4), b"\x95", struct.pack("<Q", HUGE), EVIL, STOP),
    evil("lists.pkl", proto(2), b"]" * LEVELS, b"a" * (LEVELS - 1), b"0", EVIL, STOP),
    evil("tuples.pkl", proto(2), b"(" * LEVELS, b"t" * LEVELS, b"0", EVIL, STOP),
    evil("doubling.pkl", proto(2), DOUBLING, b"0", EVIL, STOP),
    evil("doubled_argument.pkl", proto(2), b"cos\nsystem\n", DOUBLING, b"\x85R", STOP),
    Bomb("marks.pkl", marks, Verdict.NOT_SCANNED, "marks.pkl"),
    Bomb("levels.zip", zips_in_zips, Verdict.REVIEW, "nested deeper"),
    Bomb("overlapping.zip", zip_overlapping, Verdict.REVIEW, "members left out"),
    Bomb("nested.zip", zip_nested, Verdict.NOT_SCANNED, "more than"),
    Bomb("headers.tar.gz", lambda: gzipped(tar_headers(250_000)), Verdict.NOT_SCANNED, "archive members"),
    review("length.safetensors", "the header claims", safetensors(b'{"a":{}}', HUGE)),
    unscanned("deep.safetensors", "", safetensors(b'{"a":' + b"[" * LEVELS + b"]" * LEVELS + b"}")),
    review(
        "offsets.safetensors",
        "stands in",
        safetensors(json.dumps({"a": {"dtype": "F32", "shape": [HUGE, HUGE], "data_offsets": [0, HUGE]}}).encode()),
    ),
    review("counts.gguf", "the header claims", gguf(HUGE, HUGE)),
    review("array.gguf", "the header claims", gguf(0, 1, KEY, struct.pack("<IIQ", 9, 4, HUGE), bytes(64))),
    unscanned("arrays.gguf", "", gguf(0, 1, KEY, struct.pack("<IIQ", 9, 9, 1), struct.pack("<IQ", 9, 1) * LEVELS)),
    review("string.gguf", "the header claims", gguf(0, 1, struct.pack("<Q", HUGE), b"key")),
    unscanned("shape.npy", "", npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({HUGE}, {HUGE}), }}\n")),
    unscanned("deep.npy", "", npy("(" * LEVELS + ")" * LEVELS + "\n")),
    unscanned("header.npy", "", b"\x93NUMPY\x02\0\xff\xff\xff\xff{'descr'"),
    unscanned("size.tar", "", tarfile.TarInfo("a").tobuf()[:124] + b"\x80" + b"\xff" * 11 + bytes(512)),
    unscanned("offset.7z", "", sevenzip(HUGE - 1, HUGE)),
    unscanned("size.7z", "", sevenzip(0, 1 << 40)),
)
SLOW_BOMBS: tuple[Bomb, ...] = (
    Bomb("ratio.zip", zip_ratio, Verdict.REVIEW, "decompressed bytes"),
    Bomb("headers.tar.gz", lambda: gzipped(tar_headers(2_000_000)), Verdict.REVIEW, "decompressed bytes"),
    Bomb("headers.tar", lambda: tar_headers(2_000_000), Verdict.NOT_SCANNED, "archive members"),
    Bomb("pax.tar.gz", lambda: gzipped(tar_headers(500_000, tarfile.XHDTYPE)), Verdict.NOT_SCANNED, ""),
    Bomb("stream.gz", lambda: iter([gzip.compress(b"", mtime=0) * 500_000]), Verdict.NOT_SCANNED, ""),
)
