"""Objects of many gigabytes that take no room: what is not said to be there is zeros."""

from __future__ import annotations

import json
import struct
import zlib

from modelsweep.core.units import MIB


class Sparse:
    """Bytes that are `pieces` at their offsets and zeros elsewhere, `size` of them; may be sliced like bytes."""

    def __init__(self, size: int, pieces: dict[int, bytes]) -> None:
        self.size, self.pieces = size, pieces
        self.given = 0
        """How many bytes were taken out."""

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, where: slice) -> bytes:
        start, stop, _ = where.indices(self.size)
        self.given += stop - start
        if stop - start > 64 * MIB:
            raise MemoryError("nobody should want that much at once")
        data = bytearray(max(stop - start, 0))
        for offset, piece in self.pieces.items():
            first, last = max(offset, start), min(offset + len(piece), stop)
            if first < last:
                data[first - start : last - start] = piece[first - offset : last - offset]
        return bytes(data)


def safetensors(tensors: int, each: int) -> Sparse:
    """Return a safetensors file of so many tensors of `each` bytes of zeros."""
    rows = {
        f"model.layers.{number}.weight": {
            "dtype": "U8",
            "shape": [each],
            "data_offsets": [number * each, (number + 1) * each],
        }
        for number in range(tensors)
    }
    header = json.dumps(rows).encode()
    return Sparse(8 + len(header) + tensors * each, {0: struct.pack("<Q", len(header)) + header})


def torch_zip(storages: int, each: int) -> Sparse:
    """Return a zip (zip64) as torch.save writes it: a small pickle, and so many stored members of `each` zero bytes."""
    pickled = b"\x80\x02}q\x00."
    members = [("archive/data.pkl", pickled), *((f"archive/data/{number}", b"") for number in range(storages))]
    pieces: dict[int, bytes] = {}
    directory, offset = bytearray(), 0
    for name, data in members:
        size = len(data) or each
        sizes = struct.pack("<HHQQ", 1, 16, size, size)
        encoded = name.encode()
        # CRC-32 of zeros is left 0: quick depth reads no storage
        crc = zlib.crc32(data)
        local = struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, 2**32 - 1, 2**32 - 1, len(encoded), len(sizes))
        header = local + encoded + sizes
        pieces[offset] = header + data
        extra = struct.pack("<HHQQQ", 1, 24, size, size, offset)
        central = struct.pack(
            "<4s6H3I5H2I",
            *(b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, 2**32 - 1, 2**32 - 1),
            *(len(encoded), len(extra), 0, 0, 0, 0, 2**32 - 1),
        )
        directory += central + encoded + extra
        offset += len(header) + size
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, len(members), len(members), len(directory), offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, offset + len(directory), 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    pieces[offset] = bytes(directory) + end64 + locator + end
    return Sparse(offset + len(pieces[offset]), pieces)
