"""Arrays by NumPy itself, arrays that are pickles, and headers that do not fit their bytes."""

from __future__ import annotations

import datetime
import io
import os
import pickle
from typing import Any

import numpy as np

from modelsweep.core.report import Verdict
from tests.scanners.case import Case


class Payload:
    """A harmless stand-in for code that runs when a pickle is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo modelsweep-test",)


def saved(array: Any, **options: Any) -> bytes:
    """Return what `numpy.save` writes."""
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def header(text: str, version: int = 1) -> bytes:
    """Return the beginning of an array with the header `text`."""
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes((version, 0)) + length + text.encode()


def objects(text: str) -> bytes:
    """Return an array whose header `text` says objects, with a pickle that runs a command."""
    return header(text) + pickle.dumps([Payload()], 4)


def structured() -> bytes:
    """Return an array of records with nested fields and times."""
    fields = [("name", "<U8"), ("when", "<M8[ns]"), ("at", [("x", "<f4"), ("y", "<f4", (2, 3))])]
    return saved(np.zeros(3, dtype=fields))


def many_columns() -> bytes:
    """Return a table whose header is longer than version 1 of the format allows."""
    fields = ", ".join(f"('a_column_whose_name_is_long_enough_for_{at}', '<f4')" for at in range(1_500))
    return header(f"{{'descr': [{fields}], 'fortran_order': False, 'shape': (2,), }}", 2) + bytes(12_000)


def python_2() -> bytes:
    """Return an array as Python 2 wrote it."""
    return header("{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 2L)}") + bytes(24)


PLAIN = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}"
OBJECTS = "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"


def case(data: bytes, verdict: Verdict, cut_is_clean: bool = False) -> Case:
    """Return the case of an array."""
    return Case(lambda: data, "array.npy", verdict, cut_is_clean=cut_is_clean)


CASES = {
    "benign_floats": case(saved(np.ones((4, 5), np.float32)), Verdict.CLEAN),
    "benign_many_columns": case(many_columns(), Verdict.CLEAN),
    "benign_scalar": case(saved(np.float64(1.5)), Verdict.CLEAN),
    "benign_empty": case(saved(np.zeros((0, 7), np.int8)), Verdict.CLEAN),
    "benign_structured": case(structured(), Verdict.CLEAN),
    "benign_python_2": case(python_2(), Verdict.CLEAN),
    "benign_version_3": case(header(PLAIN, 3) + bytes(24), Verdict.CLEAN),
    "benign_two_arrays": Case(
        lambda: saved(np.ones(3)) + saved(np.ones(4)), "array.npy", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_equinox": Case(
        lambda: b'{"width": 4, "depth": 2}\n' + saved(np.ones(3)) + saved(np.float64(1.5)),
        "model.eqx",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "equinox_runs_code": Case(
        lambda: b'{"width": 4}\n' + saved(np.ones(3)) + objects(OBJECTS),
        "model.eqx",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "benign_objects": case(saved(np.array([{"a": 1}, "text", None], object)), Verdict.CLEAN),
    "benign_dates": case(saved(np.array([datetime.date(2024, 1, 1)], object)), Verdict.CLEAN),
    "objects_run_code": case(objects(OBJECTS), Verdict.MALICIOUS),
    "field_of_objects_runs_code": case(
        objects(OBJECTS.replace("'|O'", "[('a', '<i4'), ('b', '|O')]")), Verdict.MALICIOUS
    ),
    "spelled_objects_run_code": case(objects(OBJECTS.replace("'|O'", "'object'")), Verdict.MALICIOUS),
    "trailing_bytes": case(header(PLAIN) + bytes(24) + b"something else", Verdict.REVIEW, cut_is_clean=True),
    "cut": case(saved(np.ones((4, 5)))[:-1], Verdict.NOT_SCANNED),
    "shape_overflows": case(header(PLAIN.replace("(2, 3)", "(2147483648,)")), Verdict.NOT_SCANNED),
    "shape_of_2_63": case(header(PLAIN.replace("2, 3", f"{2**63}, {2**63}")), Verdict.NOT_SCANNED),
    "header_is_code": case(header("__import__('os').system('echo modelsweep-test')"), Verdict.REVIEW),
    "header_length_beyond_the_end": case(b"\x93NUMPY\x02\0\xff\xff\xff\x7f{", Verdict.NOT_SCANNED),
    "unknown_version": case(b"\x93NUMPY\x09\0" + bytes(40), Verdict.NOT_SCANNED),
    "unknown_type": case(header(PLAIN.replace("<f4", "<z4")) + bytes(24), Verdict.NOT_SCANNED),
}
