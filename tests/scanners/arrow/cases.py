"""Tables as pyarrow writes them, some with a type that is a pickle."""

from __future__ import annotations

import io
from typing import Any

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL

HARMLESS = b"\x80\x02}q\x00."
IPC, STREAM, PARQUET = "table.arrow", "table.arrows", "table.parquet"


def table(name: str, metadata: bytes, *, nested: bool = False) -> Any:
    """Return a table with a column of an extension type of that name."""
    import pyarrow as pa

    kind = {b"ARROW:extension:name": name.encode(), b"ARROW:extension:metadata": metadata}
    plain, inner = pa.array([1, 2, 3], pa.int32()), pa.field("y", pa.int32(), metadata=kind)
    fields = [pa.field("x", pa.int32(), metadata=None if nested else kind)]
    if nested:
        fields.append(pa.field("s", pa.struct([inner])))
    columns = [plain, pa.StructArray.from_arrays([plain], fields=[inner])][: len(fields)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def written(content: Any, name: str) -> bytes:
    """Return a table as the file `name`."""
    import pyarrow as pa
    import pyarrow.parquet

    stream = io.BytesIO()
    if name == PARQUET:
        pyarrow.parquet.write_table(content, stream)
    else:
        make = pa.ipc.new_file if name == IPC else pa.ipc.new_stream
        with make(stream, content.schema) as sink:
            sink.write_table(content)
    return stream.getvalue()


def unframed(content: bytes) -> bytes:
    """Return a file as polars writes it: the schema behind the magic number without the frame of a message."""
    length = int.from_bytes(content[12:16], "little")
    return content[:8] + content[16 : 16 + length] + bytes(8) + content[16 + length :]


def case(name: str, kind: str, metadata: bytes, verdict: Verdict, **more: bool) -> Case:
    """Return the case of a table written as `name`."""
    # A stream may end behind any of its messages
    return Case(lambda: written(table(kind, metadata, **more), name), name, verdict, cut_is_clean=name == STREAM)


PICKLED = "arrow.py_extension_type"
CASES = {
    "benign": case(IPC, "arrow.uuid", b"", Verdict.CLEAN),
    "benign_of_polars": Case(lambda: unframed(written(table("arrow.uuid", b""), IPC)), IPC, Verdict.CLEAN),
    "attack_in_file_of_polars": Case(lambda: unframed(written(table(PICKLED, EVIL), IPC)), IPC, Verdict.MALICIOUS),
    "benign_stream": case(STREAM, "arrow.json", b"", Verdict.CLEAN),
    "benign_parquet": case(PARQUET, "huggingface.Array2D", b'[[2, 2], "int32"]', Verdict.CLEAN),
    "attack_in_what_a_type_says": case(PARQUET, "acme.type", EVIL + EVIL, Verdict.MALICIOUS),
    "benign_long_type": case(
        PARQUET, "huggingface.Array3D", b'{"shape": [3, 224, 224], "note": "as float32, in rows"}', Verdict.CLEAN
    ),
    "pickled_type": case(IPC, PICKLED, HARMLESS, Verdict.REVIEW),
    "pickled_type_of_parquet": case(PARQUET, PICKLED, HARMLESS, Verdict.REVIEW),
    "attack_in_file": case(IPC, PICKLED, EVIL, Verdict.MALICIOUS),
    "attack_in_stream": case(STREAM, PICKLED, EVIL, Verdict.MALICIOUS),
    "attack_in_parquet": case(PARQUET, PICKLED, EVIL, Verdict.MALICIOUS),
    "attack_in_inner_type": case(PARQUET, PICKLED, EVIL, Verdict.MALICIOUS, nested=True),
}
