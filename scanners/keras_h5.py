"""HDF5, the format of Keras weights, of older Keras models and of MATLAB 7.3 files: groups, datasets and links.

Format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html. h5py reads it without leaving the file:
links into other files, virtual datasets and external storage are reported, never followed. Of datasets, only the texts
of MATLAB functions and the first chunks of compressed data are read. Attributes that describe a model are examined as
such.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import Budget, OverLimit
from modelsweep.core.scanner import (
    HEAD,
    RAW,
    Blob,
    Context,
    Item,
    Malformed,
    MissingDependency,
    Numbers,
    Scanner,
    Signs,
    problem_of,
)
from modelsweep.core.text import printable
from modelsweep.core.units import GIB, MIB
from scanners.judge.external_files import outside
from scanners.matlab_h5 import HEADER, MatlabObjects
from scanners.matlab_h5 import RULES as MATLAB_RULES
from scanners.metadata_text import LONGEST, suspicious_facts
from scanners.parsing import keras_config
from scanners.parsing.hdf5_source import SIGNATURE, Hdf5Source
from scanners.parsing.keras_config import SHOWN
from scanners.parsing.pickle_stream import begins_stream
from scanners.parsing.tensor_values import dtype_of

NAME = "keras-h5"
SUFFIXES = (".h5", ".hdf5", ".keras")
_MAX_OBJECTS = 1_000_000
_DTYPE = 60
_MIN_LARGE = 4 * GIB
_MAX_EXPANSION = 1000
"""Maximum ratio of a large array's bytes in memory to those in the file: Keras' limit, and above that of Deflate."""
_PLAIN_KINDS = "SVbiuf"
"""NumPy kinds of elements that are plain bytes."""
_MAX_SAMPLE, _MAX_CHUNK = 64 * MIB, 16 * MIB
"""Maximum bytes of compressed datasets that are decompressed per file, and maximum bytes of one chunk."""
_CONFIGS = ("model_config", "training_config", "layer_config")
_REFERENCES = (
    "https://nvd.nist.gov/vuln/detail/CVE-2026-1669",
    "https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html",
)


def _rule(what: str, title: str, severity: Severity, why: str) -> Rule:
    return Rule(
        id=f"keras-h5/{what}",
        title=title,
        severity=severity,
        message="{path} is {kind} {subject}",
        why=why,
        fix="Write the file again with the data inside it, and ask its author why it points elsewhere.",
        cwe=73,
        references=_REFERENCES,
    )


OUTSIDE = _rule(
    "reads-outside",
    "Loading reads a file elsewhere on the machine",
    Severity.CRITICAL,
    "When the model is loaded, HDF5 opens whatever file the link names. Its content becomes part of the model, and "
    "goes wherever the model goes.",
)
BESIDE = _rule(
    "reads-file",
    "Loading reads another file",
    Severity.WARNING,
    "Part of the data is in another file, which was not examined with this one and can be replaced.",
)
EXPANDS = Rule(
    id="keras-h5/declared-size",
    title="Array that takes far more memory than it stores",
    severity=Severity.WARNING,
    message="{subject} declares {declared} bytes, of which the file holds {held}",
    why="Loading the array needs memory for everything that it declares, so a small file can bring a machine down.",
    fix="Do not load the file where memory is shared, and ask its author what the array is for.",
    cwe=789,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2026-0897",),
)


def accepts(blob: Blob) -> bool:
    """Return whether a superblock is at the start or after a user block; the suffix admits long user blocks."""
    return _superblock(blob) is not None


def _superblock(blob: Blob) -> int | None:
    """Return the offset of the superblock: 0, or 512 times a power of two after a user block; None without one."""
    for offset in (0, 512, 1024, 2048) if SIGNATURE in blob.head else ():
        if blob.head.startswith(SIGNATURE, offset):
            return offset
    offset = HEAD
    while blob.locator.suffix in SUFFIXES and offset + len(SIGNATURE) <= blob.size:
        if blob.reader.read(offset, len(SIGNATURE)) == SIGNATURE:
            return offset
        offset *= 2
    return None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the other files that loading opens, and the models that attributes describe."""
    try:
        import h5py
    except ImportError:
        raise MissingDependency("HDF5 needs the package h5py") from None
    source = Hdf5Source(blob.reader, _superblock(blob) or 0, context.limits.parsed_bytes)
    try:
        file = h5py.File(source, "r")
    except _FAULTS as error:
        raise source.fault or Malformed(f"HDF5 cannot open it: {error}") from None
    try:
        yield from _Walk(h5py, blob, context, source).items(file.id)
        if source.endless:
            raise source.endless
    finally:
        file.close()


# What h5py raises over damaged files
_FAULTS = (OSError, RuntimeError, ValueError, KeyError, TypeError, NotImplementedError, OverflowError)


class _Walk:
    """One pass over the objects of a file, each visited once regardless of how many links lead to it."""

    def __init__(self, h5py: Any, blob: Blob, context: Context, source: Hdf5Source) -> None:
        self._h5, self._blob, self._context, self._source = h5py, blob, context, source
        self._objects = Budget("objects and links in a file", _MAX_OBJECTS)
        self._seen: set[int] = set()
        self._sample = min(_MAX_SAMPLE, context.limits.parsed_bytes)
        """Decompressed bytes that may still be sampled."""
        self._has_pickled_rows = False
        """Whether the current dataset is marked as one whose rows are pickles."""
        self._dtypes: Counter[str] = Counter()
        self._matlab = MatlabObjects(h5py, blob.locator) if blob.head.startswith(HEADER) else None

    def items(self, root: Any) -> Iterator[Item]:
        """Yield what the objects below `root` hold; without recursion, since groups may nest to any depth."""
        h5g, h5d = self._h5.h5g, self._h5.h5d
        left: list[tuple[Any, bytes, str]] = [(root, b"/", "")]
        while left:
            parent, name, path = left.pop()
            try:
                found = self._h5.h5o.open(parent, name)
                if not path:
                    self._seen.add(h5g.get_objinfo(found).objno[0])  # links mark all objects but the root
                self._has_pickled_rows = False
                yield from self._attributes(found, path)
                if isinstance(found, h5g.GroupID):
                    yield from self._links(found, path, left)
                elif isinstance(found, h5d.DatasetID):
                    yield from self._dataset(found, path)
            except _FAULTS as error:
                yield self._malformed(path, error)
        if self._matlab:
            yield from self._matlab.functions()
        dtypes = ", ".join(sorted(self._dtypes)[:20])
        yield Fact("tensors", dtypes, self._blob.locator, detail={"count": self._dtypes.total()})

    def _links(self, group: Any, path: str, left: list[tuple[Any, bytes, str]]) -> Iterator[Item]:
        """Yield the links of `group` that lead outside, and add the objects not seen yet to `left`."""
        below = len(left)
        for name in self._names(group.links.iterate):
            inner = keras_config.shortened(f"{path}/{printable(name.decode('utf-8', 'replace'))}")
            if self._matlab:
                self._matlab.below(path, inner)
            try:
                yield from self._link(group, name, inner, left)
            except _FAULTS as error:
                yield self._malformed(inner, error)
        left[below:] = reversed(left[below:])

    def _names(self, iterate: Callable[[Callable[..., None]], object]) -> list[bytes]:
        """Return the names that `iterate` reports, in one pass: access by index would cost a pass for each."""
        names: list[bytes] = []

        def found(name: bytes, *_: object) -> None:
            self._objects.spend()
            self._context.operations.spend()
            names.append(name)

        iterate(found)
        return names

    def _link(self, group: Any, name: bytes, path: str, left: list[tuple[Any, bytes, str]]) -> Iterator[Item]:
        h5l, link = self._h5.h5l, group.links.get_info(name)
        if link.type == h5l.TYPE_HARD:
            place = link.u  # H5Oget_info would also measure the object, which is slow
            if place not in self._seen:
                self._seen.add(place)
                left.append((group, name, path))
        elif link.type == h5l.TYPE_EXTERNAL:
            yield self._external(path, "an external link to", group.links.get_val(name)[0])
        elif link.type != h5l.TYPE_SOFT:  # soft links stay inside the file: their target has a link of its own
            detail = f"{path} is a link of the user-defined kind {link.type}"
            yield Problem(ProblemKind.UNSUPPORTED, self._blob.locator, NAME, printable(detail, 300))

    def _dataset(self, dataset: Any, path: str) -> Iterator[Item]:
        made = dataset.get_create_plist()
        stored, drawn = set(), set()
        for index in range(made.get_external_count()):
            self._context.operations.spend()
            stored.add(made.get_external(index)[0])
        for index in range(made.get_virtual_count() if made.get_layout() == self._h5.h5d.VIRTUAL else 0):
            self._context.operations.spend()
            drawn.add(made.get_virtual_filename(index))
        for name in sorted(stored):
            yield self._external(path, "stored in", name)
        for name in sorted(drawn - {"."}):
            yield self._external(path, "a virtual dataset over", name)
        dtype, size = self._dtype(dataset)
        declared, held = math.prod(dataset.shape or ()) * size, dataset.get_storage_size()
        if declared > max(_MIN_LARGE, held * _MAX_EXPANSION) and not stored and not drawn:
            evidence: dict[str, Json] = {"declared": declared, "held": held}
            yield Finding(EXPANDS, self._blob.locator, path, path=path, evidence=evidence)
        self._dtypes[printable(str(dtype or "of HDF5 alone"), _DTYPE)] += 1
        if stored or drawn:
            return
        if dtype is not None:
            yield from self._numbers(dataset, dtype.str, path)
            yield from self._bytes(dataset, dtype, path)
            yield from self._compressed(dataset, dtype, path)
            yield from self._matlab_items(dataset, path)
        if self._has_pickled_rows:
            yield from self._rows(dataset, path)

    def _dtype(self, dataset: Any) -> tuple[Any, int]:
        """Return the NumPy type of a dataset's elements, None if there is none, and the bytes of one element."""
        try:
            dtype = dataset.dtype
        except (TypeError, ValueError):
            kind = dataset.get_type()
            if not self._is_foreign(kind):
                raise
            return None, kind.get_size()
        return dtype, dtype.itemsize

    def _is_foreign(self, kind: Any) -> bool:
        """Return whether a type is or contains a time, or a number that NumPy has no type for."""
        h5t = self._h5.h5t
        left = [kind]
        while left:
            self._context.operations.spend()
            one = left.pop()
            if one.get_class() in (h5t.TIME, h5t.FLOAT):
                return True
            if one.get_class() == h5t.COMPOUND:
                left += [one.get_member_type(index) for index in range(one.get_nmembers())]
            elif one.get_class() in (h5t.ARRAY, h5t.VLEN):
                left.append(one.get_super())
        return False

    def _numbers(self, dataset: Any, kind: str, path: str) -> Iterator[Numbers]:
        """Yield the numbers of a contiguous dataset; chunked ones are left out."""
        offset, dtype = dataset.get_offset(), dtype_of(kind)
        if offset is not None and dtype:
            # A kernel is (inputs, units) in Keras
            yield Numbers(path, dtype, dataset.shape or (), offset, dataset.get_storage_size(), 1)

    def _bytes(self, dataset: Any, dtype: Any, path: str) -> Iterator[Blob]:
        """Yield a contiguous dataset of bytes or text as raw bytes, apart from what follows it (such as `SNOD`)."""
        offset, length = dataset.get_offset(), dataset.get_storage_size()
        if (dtype.kind in "SV" or dtype.itemsize == 1) and offset is not None and length <= self._blob.size - offset:
            yield self._blob.window(path.lstrip("/"), offset, length, RAW)

    def _compressed(self, dataset: Any, dtype: Any, path: str) -> Iterator[Blob]:
        """Yield a sample of the decompressed numbers and texts of a chunked dataset."""
        made = dataset.get_create_plist()
        filters = [made.get_filter(index)[0] for index in range(made.get_nfilters())]
        if not filters or made.get_layout() != self._h5.h5d.CHUNKED or dtype.kind not in _PLAIN_KINDS:
            return
        if not all(map(self._h5.h5z.filter_avail, filters)):
            return
        wide = math.prod(made.get_chunk()) * dtype.itemsize
        taken = min(dataset.get_num_chunks(), self._sample // max(wide, 1)) if 0 < wide <= _MAX_CHUNK else 0
        self._sample -= taken * wide
        chunks = self._context.spool(self._chunks(dataset, dtype, taken))
        if chunks.size:
            yield self._blob.nested(path.lstrip("/"), chunks, expect="raw-weights", expanded=True)
        else:
            chunks.close()

    def _chunks(self, dataset: Any, dtype: Any, count: int) -> Iterator[bytes]:
        """Yield the first `count` chunks, decompressed."""
        import numpy

        h5s = self._h5.h5s
        for index in range(count):
            self._context.operations.spend()
            start = dataset.get_chunk_info(index).chunk_offset
            ends = zip(start, dataset.get_create_plist().get_chunk(), dataset.shape, strict=True)
            shape = tuple(min(wide, whole - first) for first, wide, whole in ends)
            room, place = h5s.create_simple(shape), dataset.get_space()
            place.select_hyperslab(start, shape)
            values = numpy.empty(shape, dtype)
            dataset.read(room, place, values)
            yield values.tobytes()

    def _matlab_items(self, dataset: Any, path: str) -> Iterator[Item]:
        """Yield what MATLAB functions call, and the Java objects that MATLAB creates."""
        if self._matlab:
            yield from self._matlab.calls(dataset, path)
            stream = self._matlab.java(dataset)
            if stream:
                yield self._matlab.java_object(path, stream)
                held = self._context.spool([stream])
                yield self._blob.nested(path.lstrip("/"), held, expect="java", expanded=True)

    def _external(self, path: str, kind: str, target: bytes | str) -> Finding:
        text = target.decode("utf-8", "replace") if isinstance(target, bytes) else target
        rule = OUTSIDE if outside(text) else BESIDE
        return Finding(rule, self._blob.locator, printable(text, SHOWN), path=path, evidence={"kind": kind})

    def _attributes(self, owner: Any, path: str) -> Iterator[Item]:
        h5a = self._h5.h5a
        for key in self._names(lambda found: h5a.iterate(owner, found)):
            inner = keras_config.shortened(f"{path or '/'}@{printable(key.decode('utf-8', 'replace'))}")
            try:
                yield from self._attribute(h5a.open(owner, key), inner, owner)
            except _FAULTS as error:
                yield self._malformed(inner, error)
            except (Malformed, OverLimit) as error:  # an unreadable attribute must not hide the others
                yield problem_of(error, self._blob.locator, NAME)

    def _attribute(self, attribute: Any, path: str, owner: Any) -> Iterator[Item]:
        """Yield what an attribute describes or unpickles: PyTables and pandas try all strings that end with a dot."""
        text = self._text(attribute, owner)
        if not text:
            return
        name = attribute.name.decode("utf-8", "replace")
        if self._matlab:
            self._matlab.attribute(path.rpartition("@")[0], name, text)
        yield from self._described(text, name, path)
        if name not in _CONFIGS and len(text) <= LONGEST:
            yield from suspicious_facts(text.decode("utf-8", "replace"), self._blob.locator, path, self._context)
        self._has_pickled_rows |= name == "PSEUDOATOM" and text == b"object"
        if text.endswith(b".") and len(text) > len("N."):
            data = self._context.spool([text])
            if begins_stream(data):
                yield self._blob.nested(path, data, expanded=True)
            else:
                data.close()

    def _rows(self, dataset: Any, path: str) -> Iterator[Item]:
        """Yield the rows of an object array, also of pandas, each of which PyTables unpickles."""
        kind = dataset.get_type()
        if len(dataset.shape) != 1 or kind.get_class() != self._h5.h5t.VLEN or kind.get_super().get_size() != 1:
            detail = f"{path} is said to be rows of pickled objects (PyTables), and has none"
            yield Problem(ProblemKind.MALFORMED, self._blob.locator, NAME, detail)
            return
        rows = self._h5.Dataset(dataset)
        for index in range(len(rows)):
            self._context.operations.spend()
            row = bytes(rows[index])
            if row:
                self._context.members.spend()
                data = self._context.spool([row])
                yield self._blob.nested(f"{path}[{index}]", data, expect="pickle", expanded=True)

    def _text(self, attribute: Any, owner: Any) -> bytes:
        """Return the bytes of an attribute that is a single string, or nothing for any other attribute."""
        import numpy

        one = attribute.get_space().get_simple_extent_npoints() == 1
        kind = attribute.get_type() if one else None
        if kind is None or kind.get_class() != self._h5.h5t.STRING:
            return b""
        if attribute.get_storage_size() > self._context.limits.parsed_bytes:
            raise OverLimit(f"an attribute holds {attribute.get_storage_size():,} bytes")
        if kind.is_variable_str():
            length = self._source.text_length(self._h5.h5g.get_objinfo(owner).objno[0], attribute.name)
            if length > self._blob.size:
                raise Malformed(f"a text of {length:,} bytes in a file of {self._blob.size:,}")
        values = numpy.empty(attribute.shape, dtype=attribute.dtype)
        attribute.read(values)
        value = values.reshape(-1)[0]
        return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value or b"")

    def _described(self, text: bytes, name: str, path: str) -> Iterator[Item]:
        """Yield what the model that an attribute describes names, and the version of Keras; nothing of others."""
        if name == "keras_version":
            version = printable(text.decode("utf-8", "replace"), SHOWN)
            yield Fact("framework", "keras", self._blob.locator, detail={"version": version})
        if name not in _CONFIGS and not (text.lstrip().startswith(b"{") and b"class_name" in text):
            return
        try:
            document = keras_config.parse(text.rstrip(b"\0"), self._context, "surrogateescape").value
        except Malformed as error:
            if name in _CONFIGS:
                yield problem_of(error, self._blob.locator, NAME)
            return
        yield from keras_config.items(document, self._blob, self._context, path)
        if isinstance(document, dict | list):
            from scanners.json_config import settings

            yield from settings(self._blob, document, self._context)

    def _malformed(self, path: str, error: Exception) -> Problem:
        """Return the Problem of an object that HDF5 cannot read; raises SourceFault if the source is to blame."""
        if self._source.fault:
            raise self._source.fault
        return problem_of(Malformed(f"{path or '/'} cannot be read: {error}"), self._blob.locator, NAME)


SCANNER = Scanner(
    name=NAME,
    title="HDF5 (Keras models and weights)",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(OUTSIDE, BESIDE, EXPANDS, *MATLAB_RULES),
    suffixes=SUFFIXES,
    needs=("h5py",),
    signs=Signs(suffixes=SUFFIXES, at=tuple((place, (SIGNATURE,)) for place in (0, 512, 1024, 2048))),
)
