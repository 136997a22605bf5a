"""Headers of arrays: those that NumPy writes are read without Python's parser, to the same values."""

from __future__ import annotations

import ast
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanners.numpy_array import _usual

HEADER = "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}"
PIECES = st.sampled_from(["0", "1", "7", "12", "007", "18446744073709551616", "3L", "-1", "2.5"])
SHAPES = st.builds(
    lambda items, between, end: f"({between.join(items)}{end})",
    st.lists(PIECES, max_size=4),
    st.sampled_from([", ", ",", " , "]),
    st.sampled_from(["", ","]),
)
DESCRS = st.sampled_from(
    ["'<f4'", "'|O'", "'>M8[ns]'", "'<U12'", "'?'", "[('a', '<f4')]", "'<f4', 'x': 1", "''", "'\\x3cf4'"]
)


def literal(text: str) -> object:
    """Return what Python reads, None where that is nothing."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None


@settings(deadline=None)
@given(st.builds(HEADER.format, DESCRS, st.sampled_from(["True", "False", "1"]), SHAPES))
def test_what_is_read_is_what_python_reads(text: str) -> None:
    found = _usual(text)
    assert found is None or found == literal(text)


@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 3), (1, 0, 5)])
@pytest.mark.parametrize("dtype", ["<f4", ">i8", "?", "<U12"])
def test_what_numpy_writes_is_read(shape: tuple[int, ...], dtype: str) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    text = stream.getvalue()[10:].decode("latin-1")
    assert _usual(text) == literal(text) == {"descr": dtype, "fortran_order": False, "shape": shape}
