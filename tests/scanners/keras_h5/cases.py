"""HDF5 files by h5py: models of Keras 2, weights of Keras 3, and files that open other ones."""

from __future__ import annotations

import io
import json
import pickle
import random
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.keras.cases import DANGEROUS, HARMLESS, KERAS_2, lambda_2
from tests.scanners.native_code import elf
from tests.scanners.payload import EVIL

EVIL_2 = b"\x80\x02cos\nsystem\n(X\x14\0\0\0echo modelsweep-testtR."


def file(fill: Callable[[h5py.File], object], libver: str | None = None) -> Callable[[], bytes]:
    """Return what builds a file that `fill` filled."""

    def build() -> bytes:
        stream = io.BytesIO()
        with h5py.File(stream, "w", libver=libver) as made:
            fill(made)
        return stream.getvalue()

    return build


def weights(made: Any) -> None:
    """Fill in weights as Keras 3 lays them out."""
    for name in ("kernel", "bias"):
        made[f"layers/dense/vars/{name}"] = np.ones(4, np.float32)
    made["layers/shared"] = h5py.SoftLink("/layers/dense")
    made["layers/again"] = made["layers/dense"]
    made["layers/loop"] = made["/"]


def noted(text: str) -> Callable[[Any], None]:
    """Return what fills in weights with a note."""

    def fill(made: Any) -> None:
        weights(made)
        made.attrs["note"] = text

    return fill


def packed(code: bytes, dtype: str = "u1", **how: object) -> Callable[[Any], None]:
    """Return what fills in a compressed dataset with `code` in the midst of random bytes."""
    noise = random.Random(4).randbytes(40_000)

    def fill(made: Any) -> None:
        made.create_dataset("kernel", data=np.frombuffer(noise + code + noise, dtype), chunks=True, **how)

    return fill


def texts(data: bytes) -> Callable[[Any], None]:
    """Return what fills in one dataset of bytes, behind which HDF5 writes the name of its next structure."""
    return lambda made: made.create_dataset("d", data=np.frombuffer(data, "u1"))


def model(config: object) -> Callable[[Any], None]:
    """Return what fills in a model of Keras 2."""

    def fill(made: Any) -> None:
        made.attrs["keras_version"] = b"2.11.0"
        made.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        made.attrs["training_config"] = json.dumps({"loss": "mse", "optimizer_config": {"class_name": "Adam"}})
        made.attrs["layer_names"] = [b"dense", b"os.system"]
        made.attrs["empty"] = h5py.Empty("S4")
        weights(made)

    return fill


def external(path: str) -> Callable[[Any], None]:
    """Return what fills in a link into another file."""

    def fill(made: Any) -> None:
        made["layers/kernel"] = h5py.ExternalLink(path, "/data")

    return fill


def stored_outside(made: Any) -> None:
    """Fill in a dataset whose data is another file."""
    made.create_dataset("kernel", (8,), dtype="u1", external=[("/etc/hostname", 0, 8)])


def virtual(path: str) -> Callable[[Any], None]:
    """Return what fills in a dataset that is made of one in the file `path`."""

    def fill(made: Any) -> None:
        made["own"] = np.arange(4)
        layout = h5py.VirtualLayout((4,), "i8")
        layout[:] = h5py.VirtualSource(path, "own", (4,))
        made.create_virtual_dataset("kernel", layout)

    return fill


def case(fill: Callable[[Any], object], verdict: Verdict, name: str = "model.h5") -> Case:
    """Return the case of a file that `fill` fills in."""
    return Case(file(fill), name, verdict)


def endless_heap() -> bytes:
    """Return a file in whose global heap an object has no size, over which libhdf5 alone would never end."""
    data = bytearray(file(virtual("/etc/other"))())
    heap = data.index(b"GCOL")
    at = heap + 16
    while data[at : at + 2] != b"\0\0":
        at += 16 + -(-int.from_bytes(data[at + 8 : at + 16], "little") // 8) * 8
    data[at + 8 : at + 16] = bytes(8)
    return bytes(data)


def many_attributes(made: Any) -> None:
    """Fill in a description behind thousands of other attributes."""
    for number in range(2_000):
        made.attrs[f"{number}"] = number
    made.attrs["model_config"] = json.dumps(lambda_2(DANGEROUS)).encode() + b" " * 70_000


def no_text(made: Any) -> None:
    """Fill in a description with a byte that is no UTF-8, which h5py hands on as a surrogate."""
    made.attrs["model_config"] = json.dumps(lambda_2(DANGEROUS)).encode().replace(b"Sequential", b"Seq\xff")


def unwritten(size: int) -> Callable[[Any], None]:
    """Return what fills in an array of which nothing was written."""
    return lambda made: made.create_dataset("kernel", (size,), dtype="f4", chunks=(1 << 20,))


def pytables(made: Any) -> None:
    """Fill in attributes as PyTables does, which unpickles them; and texts that only end in a dot."""
    made.attrs["TITLE"] = np.bytes_(b"Predictions of the model.")
    made.attrs["index_names"] = np.bytes_(b"(lp1\nNa.")
    made.attrs["layer_names"] = [b"N."]


def pytables_filters(made: Any, name: bytes = b"Filters") -> None:
    """Fill in how PyTables 1 saved the settings of a compressor, by the module that the class stood in."""
    made.attrs["PYTABLES_FORMAT_VERSION"] = np.bytes_(b"1.6")
    made.attrs["FILTERS"] = np.bytes_(
        b"(itables.Leaf\n" + name + b"\np1\n(dp2\nS'shuffle'\nI1\nsS'complevel'\nI5\nsS'complib'\nS'zlib'\nsb."
    )


def pytables_evil(made: Any) -> None:
    """Fill in an attribute that PyTables would unpickle."""
    made.attrs["encoding"] = np.bytes_(EVIL)


def pytables_objects(*rows: bytes) -> Callable[[Any], None]:
    """Return what fills in what PyTables makes of a column of objects."""

    def fill(made: Any) -> None:
        column = made.create_dataset("block0", (len(rows),), dtype=h5py.vlen_dtype(np.uint8))
        for index, row in enumerate(rows):
            column[index] = np.frombuffer(row, np.uint8)
        column.attrs["PSEUDOATOM"] = np.bytes_(b"object")

    return fill


def said_to_be_objects(made: Any) -> None:
    """Fill in numbers that are marked as objects of PyTables."""
    made["block0"] = np.arange(4)
    made["block0"].attrs["PSEUDOATOM"] = np.bytes_(b"object")


def types_of_hdf5(time: bool) -> Callable[[], bytes]:
    """Return what builds a file with numbers of 128 bits and times, which NumPy has no type for."""

    def fill(made: Any) -> None:
        kind = h5py.h5t.UNIX_D32LE.copy() if time else h5py.h5t.IEEE_F64LE.copy()
        if not time:
            kind.set_size(16)
            kind.set_precision(128)
            kind.set_fields(127, 112, 15, 0, 112)
            kind.set_ebias(16_383)
        h5py.h5d.create(made.id, b"times", kind, h5py.h5s.create_simple((4,)))

    return file(fill)


def bad_attribute(made: Any) -> None:
    """Fill in a description that is no JSON, with a link to the outside below it."""
    made.attrs["model_config"] = "[" * 100_000
    made["layers/kernel"] = h5py.ExternalLink("/etc/passwd", "/data")


def overlong(length: int, libver: str | None = None) -> Callable[[], bytes]:
    """Return what builds a file in which the text of an attribute is said to have `length` bytes."""

    def fill(made: Any) -> None:
        made.attrs["note"] = "n" * 777
        for number in range(12 if libver else 0):  # which moves them into a heap of their own
            made.attrs[f"note {number}"] = "x"
        weights(made)

    return lambda: file(fill, libver)().replace((777).to_bytes(4, "little"), length.to_bytes(4, "little"))


CASES = {
    "benign_long_text": Case(overlong(777), "model.h5", Verdict.CLEAN),
    "text_longer_than_file": Case(overlong(3 << 30), "model.h5", Verdict.NOT_SCANNED),
    "text_longer_than_file_in_heap": Case(overlong(3 << 30, "latest"), "model.h5", Verdict.NOT_SCANNED),
    "benign_weights": case(weights, Verdict.CLEAN, "model.weights.h5"),
    "benign_model": case(model(KERAS_2), Verdict.CLEAN),
    "benign_by_content": case(weights, Verdict.CLEAN, "blob"),
    "benign_user_block": Case(lambda: bytes(4096) + file(weights)(), "model.h5", Verdict.CLEAN),
    "benign_virtual_inside": case(virtual("."), Verdict.CLEAN),
    "lambda": case(model(lambda_2(HARMLESS)), Verdict.REVIEW),
    "lambda_dangerous": case(model(lambda_2(DANGEROUS)), Verdict.MALICIOUS),
    "legacy_keras_suffix": case(model(lambda_2(DANGEROUS)), Verdict.MALICIOUS, "model.keras"),
    "config_not_json": case(model("{'class_name'"), Verdict.NOT_SCANNED),
    "external_link": case(external("/etc/passwd"), Verdict.MALICIOUS),
    "external_link_beside": case(external("shard.h5"), Verdict.REVIEW),
    "external_storage": case(stored_outside, Verdict.MALICIOUS),
    "virtual_dataset": case(virtual("../other.h5"), Verdict.MALICIOUS),
    "endless_heap": Case(endless_heap, "model.h5", Verdict.MALICIOUS),
    "many_attributes": Case(file(many_attributes, libver="latest"), "model.h5", Verdict.MALICIOUS),
    "no_text": case(no_text, Verdict.MALICIOUS),
    "declared_size": case(unwritten(1 << 31), Verdict.REVIEW),
    "benign_unwritten": case(unwritten(1 << 29), Verdict.CLEAN),
    "benign_pytables": case(pytables, Verdict.CLEAN),
    "benign_pytables_filters": case(pytables_filters, Verdict.CLEAN, "frame.h5"),
    "pytables_filters_of_another_name": case(lambda made: pytables_filters(made, b"Leaf"), Verdict.REVIEW, "frame.h5"),
    "pytables_pickle": case(pytables_evil, Verdict.MALICIOUS, "frame.h5"),
    "benign_pytables_objects": case(pytables_objects(pickle.dumps(["a", None]), b""), Verdict.CLEAN, "frame.h5"),
    "pytables_objects": case(pytables_objects(pickle.dumps(["a"]), EVIL), Verdict.MALICIOUS, "frame.h5"),
    "pytables_objects_that_are_none": case(said_to_be_objects, Verdict.NOT_SCANNED, "frame.h5"),
    "benign_times": Case(types_of_hdf5(time=True), "frame.h5", Verdict.CLEAN),
    "benign_wide_numbers": Case(types_of_hdf5(time=False), "frame.h5", Verdict.CLEAN),
    "attribute_that_calls": case(
        noted('{"_target_": "os.system", "command": "echo modelsweep-test"}'), Verdict.MALICIOUS
    ),
    "attribute_that_is_code": case(noted("__import__('os').system('echo modelsweep-test')"), Verdict.REVIEW),
    "benign_attribute": case(noted("Made by train.py on 2026-01-02; see https://acme.example/{run}."), Verdict.CLEAN),
    "setting_of_a_model": case(
        model({**KERAS_2, "note": {"_target_": "os.system", "command": "echo modelsweep-test"}}), Verdict.MALICIOUS
    ),
    "program_in_compressed_chunks": case(packed(elf(), compression="gzip"), Verdict.MALICIOUS, "weights.h5"),
    "program_in_shuffled_chunks": case(
        packed(elf(), compression="gzip", shuffle=True, dtype="<f4"), Verdict.MALICIOUS, "weights.h5"
    ),
    "benign_compressed_chunks": case(packed(b"", compression="gzip"), Verdict.CLEAN, "weights.h5"),
    "digits_before_the_next_object": case(texts(EVIL_2.hex().encode()), Verdict.MALICIOUS),
    "benign_digits": case(texts(bytes(range(64)).hex().encode()), Verdict.CLEAN),
    "bad_attribute": case(bad_attribute, Verdict.MALICIOUS),
}
