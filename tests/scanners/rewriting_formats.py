"""Other forms of binary formats that loaders take for the same: safetensors, GGUF, protocol buffers, zips, HDF5."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator

import h5py

from modelsweep.core.finding import Json
from tests.scanners.protobuf import varint
from tests.scanners.rewriting import Rewriting, with_escaped_keys

# -- safetensors: https://github.com/huggingface/safetensors#format


def of_safetensors(write: Callable[[dict[str, Json]], str]) -> Rewriting:
    """Return what writes the header anew, filled up with spaces to eight bytes."""

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        length = int.from_bytes(data[:8], "little")
        if not name.endswith(".safetensors") or length > len(data) - 8:
            return None
        try:
            header = json.loads(data[8 : 8 + length], object_pairs_hook=_once)
            text = write(header).encode()
        except (ValueError, AttributeError, TypeError, RecursionError):
            return None
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + data[8 + length :], name

    return rewritten


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def metadata_last(header: dict[str, Json]) -> str:
    """Return the header with what describes the tensors behind them."""
    last = {key: header[key] for key in header if key == "__metadata__"}
    return json.dumps({key: header[key] for key in reversed(header) if key not in last} | last)


# -- protocol buffers: https://protobuf.dev/programming-guides/encoding/

MESSAGES: dict[str, dict[int, dict]] = {
    ".onnx": {7: {1: {5: {5: {}, 6: {}}}, 5: {}, 11: {1: {1: {}}}, 12: {}}, 8: {}, 14: {}, 25: {7: {}}},
    ".pb": {2: {1: {}, 2: {1: {}, 2: {1: {1: {}, 3: {}}}}, 7: {}}},
    ".meta": {1: {}, 2: {1: {}, 2: {1: {1: {}, 3: {}}}}, 7: {}},
}
"""Which fields are messages, and theirs in turn, by the suffix of a file."""
SINGULAR: dict[str, tuple[int, ...]] = {".onnx": (7,), ".meta": (2,), ".pb": (2, 2)}
"""The way to a message that a parser merges if it stands there in two parts."""
Field = tuple[int, int, bytes]


def fields(data: bytes) -> Iterator[Field]:
    """Yield number, wire type and content of each field; raises ValueError where it is none."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        number, kind = tag >> 3, tag & 7
        end = at
        if kind == 0:
            _, end = _number(data, at)
        elif kind in (1, 5):
            end = at + (8 if kind == 1 else 4)
        elif kind == 2:
            length, at = _number(data, at)
            end = at + length
        else:
            raise ValueError("a group, or no field")
        if end > len(data) or not number:
            raise ValueError("cut, or no field")
        yield number, kind, data[at:end]
        at = end


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
    raise ValueError("no number")


def field(number: int, kind: int, content: bytes, written: Callable[[int], bytes] = varint) -> bytes:
    """Return a field as it is written."""
    return written(number << 3 | kind) + (written(len(content)) if kind == 2 else b"") + content


def of_messages(change: Callable[[list[Field]], bytes]) -> Rewriting:
    """Return what writes the fields of each message anew."""

    def message(data: bytes, inside: dict[int, dict]) -> bytes:
        found = []
        for number, kind, content in fields(data):
            deeper = kind == 2 and number in inside
            found.append((number, kind, message(content, inside[number]) if deeper else content))
        return change(found)

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        suffix = name[name.rfind(".") :]
        try:
            return (message(data, MESSAGES[suffix]), name) if suffix in MESSAGES and data else None
        except ValueError:
            return None

    return rewritten


def backwards(found: list[Field]) -> bytes:
    """Return the fields with the highest numbers first; those of one number keep their order."""
    return b"".join(field(*one) for one in sorted(found, key=lambda one: -one[0]))


def long_numbers(found: list[Field]) -> bytes:
    """Return fields whose numbers take more bytes than they need."""
    return b"".join(field(*one, _long) for one in found)


def _long(value: int) -> bytes:
    written = varint(value)
    return written[:-1] + bytes((written[-1] | 0x80, 0x80, 0)) if len(written) < 4 else written


def among_unknown(found: list[Field]) -> bytes:
    """Return fields with others between them that no schema knows, one a group with an empty message in it."""
    unknown = field(19_999, 3, b"") + field(1, 2, b"\xff" * 9) + field(19_999, 4, b"") + field(18_888, 0, b"\x01")
    return unknown + b"".join(field(*one) + unknown for one in found)


def in_two_parts(data: bytes, name: str) -> tuple[bytes, str] | None:
    """Return a file in which a message stands twice, with half of its fields each."""
    suffix = name[name.rfind(".") :]

    def split(content: bytes, way: tuple[int, ...]) -> bytes:
        written = b""
        for number, kind, part in fields(content):
            if number != way[0] or kind != 2:
                written += field(number, kind, part)
            elif len(way) > 1:
                written += field(number, kind, split(part, way[1:]))
            else:
                found = [field(*one) for one in fields(part)]
                halves = (b"".join(found[: len(found) // 2]), b"".join(found[len(found) // 2 :]))
                written += b"".join(field(number, kind, half) for half in halves)
        return written

    try:
        return (split(data, SINGULAR[suffix]), name) if suffix in SINGULAR and data else None
    except ValueError:
        return None


# -- zips: APPNOTE.TXT; torch's reader takes the folder of the first name


TORCH = (".pt", ".pth", ".bin", ".ckpt")
ZIPPED = (*TORCH, ".zip", ".keras", ".npz", ".mar", ".nemo", ".skops", ".ptl")
RECORDS = ((".data/serialization_id", b"1" * 40), ("byteorder", b"little"), (".format_version", b"1"))
"""What torch writes beside the pickle, of late."""
MOST = 300_000
"""Bytes of all members that are packed anew."""
Members = list[tuple[zipfile.ZipInfo, bytes]]


class Stream(io.RawIOBase):
    """Bytes that are written one after another, as through a pipe: sizes come behind each member."""

    def __init__(self, whole: io.BytesIO) -> None:
        super().__init__()
        self._whole = whole

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, part: object) -> int:
        """Append a part."""
        return self._whole.write(part)  # type: ignore[arg-type]


def of_zip(
    change: Callable[[Members], Members] = list,
    *,
    suffixes: tuple[str, ...] = ZIPPED,
    method: int | None = None,
    front: bytes = b"",
    comment: bytes = b"",
    streamed: bool = False,
) -> Rewriting:
    """Return what packs the members of a zip anew, none of which may be there twice."""

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        if not name.endswith(suffixes) or not data.startswith(b"PK\3\4"):
            return None
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as source:
                members = [(info, source.read(info)) for info in source.infolist()]
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError):
            return None
        members = change(members)
        if len({info.filename for info, _ in members}) < len(members) or sum(len(part) for _, part in members) > MOST:
            return None
        whole = io.BytesIO()
        whole.write(front)
        with zipfile.ZipFile(Stream(whole) if streamed else whole, "w" if streamed or not front else "a") as target:
            for info, content in members:
                info.compress_type = info.compress_type if method is None else method
                with target.open(info, "w", force_zip64=streamed) as member:
                    member.write(content)
            target.comment = comment
        return whole.getvalue(), name

    return rewritten


def in_another_folder(members: Members) -> Members:
    """Return members of torch's archives in a folder of another name, which is that of whoever wrote them."""
    for info, _ in members:
        info.filename = f"other/{info.filename.partition('/')[2]}" if "/" in info.filename else info.filename
    return members


def with_records(members: Members) -> Members:
    """Return members with what torch writes beside them, unless it is there."""
    folder = members[0][0].filename.partition("/")[0]
    there = {info.filename for info, _ in members}
    more = [(zipfile.ZipInfo(f"{folder}/{name}"), content) for name, content in RECORDS]
    return members + [(info, content) for info, content in more if info.filename not in there]


# -- HDF5: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html


def of_hdf5(*, libver: str | None = None, front: int = 0, attributes: int = 0, deeper: bool = False) -> Rewriting:
    """Return what copies a file into another one of a version of the library, behind so many bytes of the user.

    More `attributes` than eight are kept in a heap of their own; `deeper` leaves groups where links lead to them.
    """

    def rewritten(data: bytes, name: str) -> tuple[bytes, str] | None:
        if not name.endswith((".h5", ".hdf5", ".keras")) or not data.startswith(b"\x89HDF\r\n") or _is_endless(data):
            return None
        whole = io.BytesIO()
        try:
            with (
                h5py.File(io.BytesIO(data), "r") as source,
                h5py.File(whole, "w", libver=libver, userblock_size=front) as target,
            ):
                for number in range(attributes):
                    target.attrs[f"a_note_{number}"] = number
                for key in source.attrs:
                    kind = source.attrs.get_id(key)
                    target.attrs.create(key, source.attrs[key], kind.shape or None, kind.dtype)
                for key in source:
                    link = source.get(key, getlink=True)
                    if isinstance(link, h5py.HardLink):
                        source.copy(key, target, f"_kept/{key}" if deeper else key)
                    if isinstance(link, h5py.HardLink) and deeper:
                        target[key] = h5py.SoftLink(f"/_kept/{key}")
                    if not isinstance(link, h5py.HardLink):
                        target[key] = link
        except (OSError, KeyError, ValueError, TypeError, RuntimeError, UnicodeError, RecursionError):
            return None
        return whole.getvalue(), name

    return rewritten


def _is_endless(data: bytes) -> bool:
    """Return whether an object of a global heap has no size: the library would go over it for ever."""
    heap = data.find(b"GCOL")
    while heap >= 0:
        at, end = heap + 16, heap + int.from_bytes(data[heap + 8 : heap + 16], "little")
        while at < min(end, len(data)) - 16:
            size = int.from_bytes(data[at + 8 : at + 16], "little")
            if not size:
                return True
            if data[at : at + 2] == b"\0\0":  # what is free
                break
            at += 16 + -(-size // 8) * 8
        heap = data.find(b"GCOL", heap + 4)
    return False


# -- GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md


def gguf_version_2(data: bytes, name: str) -> tuple[bytes, str] | None:
    """Return a file of version 3 as one of version 2, which differs in nothing else."""
    return (b"GGUF\2" + data[5:], name) if data.startswith(b"GGUF\3\0\0\0") else None


FORMATS: dict[str, Rewriting] = {
    "safetensors_with_metadata_last": of_safetensors(metadata_last),
    "safetensors_in_lines": of_safetensors(lambda header: json.dumps(header, indent=2)),
    "safetensors_with_escaped_keys": of_safetensors(with_escaped_keys),
    "protobuf_backwards": of_messages(backwards),
    "protobuf_with_long_numbers": of_messages(long_numbers),
    "protobuf_among_unknown_fields": of_messages(among_unknown),
    "protobuf_in_two_parts": in_two_parts,
    "members_deflated": of_zip(method=zipfile.ZIP_DEFLATED),
    "members_stored": of_zip(method=zipfile.ZIP_STORED),
    "members_backwards": of_zip(lambda members: members[::-1]),
    "members_as_a_stream": of_zip(streamed=True),
    "members_behind_bytes": of_zip(front=b"#!/x\n" + bytes(64)),
    "members_with_comment": of_zip(comment=b"PK\5\6 is no end"),
    "members_in_another_folder": of_zip(in_another_folder, suffixes=TORCH),
    "members_among_records": of_zip(with_records, suffixes=TORCH),
    "hdf5_of_the_latest_version": of_hdf5(libver="latest"),
    "hdf5_behind_bytes": of_hdf5(front=1024),
    "hdf5_with_many_attributes": of_hdf5(libver="latest", attributes=40),
    "hdf5_by_soft_links": of_hdf5(deeper=True),
    "gguf_version_2": gguf_version_2,
}
