"""Functions and Java objects in MATLAB files of version 7.3, which are HDF5.

The layout is not published. An attribute of each object names its MATLAB class; functions are groups of texts with two
bytes per character, and Java objects are arrays of bytes that contain their stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from modelsweep.core import patterns as re
from modelsweep.core.finding import Finding
from modelsweep.core.locator import Locator
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB
from scanners.matlab import FUNCTION, FUNCTION_RUNS, JAVA, JAVA_OBJECT, called_in

HEADER = b"MATLAB 7.3 MAT-file"
RULES = (FUNCTION_RUNS, FUNCTION, JAVA_OBJECT)
_CLASS, _FUNCTION = "MATLAB_class", b"function_handle"
_TEXT, _BYTES = "<u2", "|u1"
_MAX_TEXT, _MAX_STREAM = 64 * KIB, 16 * MIB
"""Maximum bytes of a text, and of a Java object, that are read."""
_MAX_CHUNK = 16 * MIB
"""Maximum bytes of a chunk that is decompressed for them."""
_OBJECT = re.compile(rb"sr(\0[\x01-\xff])")
"""The beginning of an object, with the length of its class name."""
_SHOWN = 200


class MatlabObjects:
    """The functions of one file, by the paths of the objects that belong to them, including everything below these."""

    def __init__(self, h5py: Any, locator: Locator) -> None:
        self._h5, self._locator = h5py, locator
        self._functions: set[str] = set()
        self._count = 0
        self._first = ""

    def attribute(self, path: str, name: str, value: bytes) -> None:
        """Record an attribute of the object at `path`."""
        if name == _CLASS and value.rstrip(b"\0") == _FUNCTION and path not in self._functions:
            self._functions.add(path)
            self._count += 1

    def below(self, path: str, inner: str) -> None:
        """Record that `inner` is in the group at `path`."""
        if path in self._functions:
            self._functions.add(inner)

    def calls(self, dataset: Any, path: str) -> Iterator[Finding]:
        """Yield what the text of a function calls."""
        if path not in self._functions or dataset.dtype.str != _TEXT:
            return
        text = self._read(dataset, _MAX_TEXT).decode("utf-16-le", "replace").strip("\0 ")
        body = text.find("@(")
        if body >= 0 and not self._first:
            self._first = printable(text[body:], _SHOWN)
        yield from called_in(text, self._locator, path=path)

    def java(self, dataset: Any) -> bytes:
        """Return the Java stream in a dataset, or nothing."""
        data = self._read(dataset, _MAX_STREAM) if dataset.dtype.str == _BYTES else b""
        return data if data.startswith(JAVA) else b""

    def java_object(self, path: str, stream: bytes) -> Finding:
        """Return the finding of a Java object at `path`."""
        named = _OBJECT.match(stream, len(JAVA))
        name = stream[named.end() : named.end() + int.from_bytes(named[1], "big")] if named else b"an unknown one"
        evidence = {"name": printable(name.decode("utf-8", "replace"), _SHOWN)}
        return Finding(JAVA_OBJECT, self._locator, printable(path, _SHOWN), evidence=evidence)

    def functions(self) -> Iterator[Finding]:
        """Yield one finding with the number of functions."""
        if self._count:
            evidence = {"count": f"{self._count:,}"}
            yield Finding(FUNCTION, self._locator, self._first or "a handle", evidence=evidence)

    def _read(self, dataset: Any, most: int) -> bytes:
        """Return the bytes of a dataset of at most `most` bytes, or nothing for a larger one."""
        import numpy

        size = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
        made = dataset.get_create_plist()
        chunked = made.get_layout() == self._h5.h5d.CHUNKED
        chunk = math.prod(made.get_chunk()) * dataset.dtype.itemsize if chunked else 0
        if not 0 < size <= most or chunk > _MAX_CHUNK:
            return b""
        values = numpy.empty(dataset.shape, dtype=dataset.dtype)
        everything = self._h5.h5s.ALL
        dataset.read(everything, everything, values)
        return values.tobytes()
