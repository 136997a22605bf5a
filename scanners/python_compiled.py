"""Compiled Python (`.pyc`) in a model's repository: the code is not analysed, the names in it are.

Format: a magic number of the version, flags (https://peps.python.org/pep-0552/), time and size of the source or a hash
of it, and a marshalled code object. Python imports a file outside `__pycache__` like a source file, and one inside it
instead of its source if the two match; flags may turn that check off.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB

SIZE_LIMIT = 4 * MIB
"""Maximum bytes that are searched for names."""
_LINE_END = b"\r\n"
_VERSIONS = (range(3000, 4000), range(62011, 62300))
"""Magic numbers of Python 3, and of Python 2.5 to 2.7."""
_HEADERS = (16, 12, 8)
"""Bytes before the code object: in 3.7 and later, in 3.3 to 3.6, and in earlier versions."""
_REFERENCE = 0x80
_UNCHECKED = 0b01
"""Flags of a file with a hash of its source that is never compared with the source."""
_SHOWN = 120


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a magic number of Python and has a code object after a header."""
    number = int.from_bytes(blob.head[:2], "little")
    if blob.head[2:4] != _LINE_END or not any(number in versions for versions in _VERSIONS):
        return False
    return any(_is_code(blob.head[start : start + 1]) for start in _HEADERS)


def _is_code(kind: bytes) -> bool:
    return bool(kind) and kind[0] & ~_REFERENCE == ord("c")


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield a fact with the names in the code that matter; raises OverLimit above 4 MiB."""
    from scanners.parsing.marshal_names import REPORTED_NAMES, names_in

    flags = int.from_bytes(blob.head[4:8], "little") if _is_code(blob.head[16:17]) else 0
    cached = "__pycache__" in blob.locator.path.replace("\\", "/").split("/")[:-1]
    place = "beside" if not cached else "unchecked" if flags == _UNCHECKED else "cached"
    searched = min(blob.size, SIZE_LIMIT, context.limits.parsed_bytes)
    context.operations.spend(searched)
    names = sorted(REPORTED_NAMES.intersection(names_in(blob.reader.read(0, searched))))
    detail: dict[str, Json] = {"place": place, "names": [*names]}
    if not flags and _is_code(blob.head[16:17]):
        detail["source"] = int.from_bytes(blob.head[12:16], "little")
    yield Fact("python-compiled", printable(blob.locator.name, _SHOWN), blob.locator, detail=detail)
    if searched < blob.size:
        raise OverLimit(f"more than {searched:,} bytes of compiled Python")


SCANNER = Scanner(
    name="python-compiled",
    title="Compiled Python",
    version=2,
    accepts=accepts,
    scan=scan,
    suffixes=(".pyc", ".pyo"),
    signs=Signs(at=((2, (_LINE_END,)),)),
)
