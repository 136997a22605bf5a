"""The lengths of texts in attributes, as h5py writes them in headers of both versions, continued ones and heaps."""

from __future__ import annotations

import io
from typing import Any

import h5py
import pytest

from modelsweep.core.reader import MemoryReader
from scanners.parsing.hdf5_header import text_length


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("amount", [1, 5, 40])
@pytest.mark.parametrize("userblock", [0, 512])
def test_lengths_are_those_that_h5py_wrote(libver: Any, amount: int, userblock: int) -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver=libver, userblock_size=userblock) as made:
        for owner in (made, made.create_group("g", track_order=True)):
            for number in range(amount):
                owner.attrs[f"text {number}"] = "x" * (100 + number)
    reader = MemoryReader(stream.getvalue())
    with h5py.File(io.BytesIO(stream.getvalue())) as read:
        for owner in (read, read["g"]):
            header = h5py.h5g.get_objinfo(owner.id).objno[0]
            found = [text_length(reader, userblock, header, f"text {number}".encode()) for number in range(amount)]
            assert found == [100 + number for number in range(amount)]
            assert text_length(reader, userblock, header, b"no such") == 0


def test_damaged_headers_have_no_lengths() -> None:
    assert text_length(MemoryReader(b"OHDR\2"), 0, 0, b"a") == 0
    assert text_length(MemoryReader(bytes(64)), 0, 1 << 63, b"a") == 0
