"""Pickles inside any bytes: in tensors, padding, unknown formats, after the end of other files.

Headers of protocols 2 to 5 and opcodes of any protocol that name a dangerous module are nominated. A stream is
confirmed if it runs, opcode by opcode, to an import or a call. The pickle scanner then judges it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import replace
from scanners.detector import Detector
from scanners.parsing import pickle_kinds as kinds
from scanners.parsing.pickle_machine import Interests, Machine
from scanners.parsing.pickle_values import Values

MAX_STREAM = 64 * MIB
"""Maximum bytes of a hidden stream that are interpreted."""
MAX_TRIAL = 16 * KIB
"""Maximum bytes that are interpreted for confirmation."""
MAX_BEFORE = 256
"""Maximum bytes between the start of a stream and the module that it names."""
_MAX_MARKS = 8
"""Maximum MARK opcodes before a named module that are tried as the start of its stream."""
_MAX_OPCODES = 4_000
_MAX_OPCODES_TO_NAME = 1_000
_OPCODE_COST = 200
"""Operations charged per opcode of a trial; the trial itself counts as this many opcodes, since decoys are cheap."""
_MAX_STREAMS = 100
"""Maximum consecutive streams whose imports are looked up."""
_CALLS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"})


class Stream(NamedTuple):
    """Bytes that run to a call as a pickle; `whole` tells whether they end with STOP."""

    start: int
    length: int
    whole: bool


def confirm(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield the stream that begins at `offset`, or before it if only a name was nominated."""
    context.embedded.spend(0)  # raises once it is spent, since nothing could be examined then
    best: Stream | None = None
    for start in _starts(blob, offset):
        stream = _walked(blob, start, offset, context)
        best = best or stream
        if stream and stream.whole:
            best = stream
            break
    key = (blob.locator, best.start, best.length) if best else None
    if best and key and key not in context.extracted:  # another name may nominate the same stream
        context.extracted.add(key)
        yield from _extracted(blob.window("embedded pickle", best.start, best.length), context)


def exactly(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield the stream that begins exactly at `offset`."""
    stream = _walked(blob, offset, offset, context)
    if stream:
        yield from _extracted(blob.window("embedded pickle", stream.start, stream.length), context)


def whole(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the stream that a blob begins with, however far into it the first call is."""
    machine = Machine(blob.reader, 0, Interests(), context.operations.left)
    stopped = machine.run() == kinds.STOPPED
    context.operations.spend(_OPCODE_COST * _OPCODE_COST + machine.operations)
    if _tells(machine, whole=stopped and has_header(blob.reader.read(0, min(2, blob.size)))):
        yield from _extracted(blob.window("embedded pickle", 0, machine.position if stopped else blob.size), context)


def imports_in(blob: Blob, context: Context) -> frozenset[int]:
    """Return the end offsets of the opcodes with which the leading streams of a blob first import something."""
    found: set[int] = set()
    position, outcome = 0, kinds.STOPPED
    for _ in range(_MAX_STREAMS):
        if outcome != kinds.STOPPED or position >= blob.size:
            break
        machine = Machine(blob.reader, position, Interests(), context.operations.left)
        outcome = machine.run()
        context.operations.spend(machine.operations)
        position = machine.position
        found.update(offset for how, offset, _, _ in machine.events if how == "IMPORT")
    return frozenset(found)


def _extracted(stream: Blob, context: Context) -> Iterator[Item]:
    """Yield what the stream would call; its damage is not reported, since the file has another format."""
    from scanners.parsing.pickle_extract import extract, hidden_streams, interests

    machine = Machine(stream.reader, 0, replace(interests(), pauses=frozenset()), context.operations.left)
    outcome = machine.run()
    context.operations.spend(machine.operations)
    context.embedded.spend(machine.position)
    yield from extract(machine, stream.locator, context)
    yield from hidden_streams(machine, stream, context, count(1))
    if outcome == kinds.EXHAUSTED:
        raise OverLimit("more opcodes, calls or stack than one stream may hold")


def _starts(blob: Blob, offset: int) -> list[int]:
    """Return possible starts of the stream: a header, a MARK, the nominated offset itself."""
    first = max(0, offset - MAX_BEFORE)
    before = blob.reader.read(first, offset - first + 1)
    if before[-1:] == b"\x80":
        return [offset]
    headers = [first + at for at in range(len(before) - 1) if has_header(before[at : at + 2])]
    marks = [first + at for at, byte in enumerate(before) if byte == ord("(")]
    return [*headers[-_MAX_MARKS:], *marks[-_MAX_MARKS:], offset]


def _walked(blob: Blob, start: int, nominated: int, context: Context) -> Stream | None:
    """Return the stream at `start`, or None if it does not reach a call after `nominated`.

    For a whole stream with a header, an import suffices.
    """
    rest = min(blob.size - start, MAX_STREAM)
    head = blob.reader.read(start, min(rest, MAX_TRIAL))
    opcodes = _MAX_OPCODES if start == nominated else _MAX_OPCODES_TO_NAME
    machine = Machine(MemoryReader(head), 0, Interests(), opcodes)
    outcome = machine.run()
    context.operations.spend(_OPCODE_COST * (_OPCODE_COST + machine.operations))
    stopped = outcome == kinds.STOPPED
    if start + machine.position <= nominated or not _tells(machine, whole=stopped and has_header(head)):
        return None
    ended = stopped or (outcome == kinds.FAULTY and machine.position < len(head))
    return Stream(start, machine.position if ended else rest, stopped)


def _tells(machine: Machine, *, whole: bool) -> bool:
    """Return whether a stream calls what can have a name, or imports it if it is `whole`, with a header."""
    telling = _CALLS | {"IMPORT"} if whole else _CALLS
    values = Values(machine)
    return any(_is_plausible(values.callee(event[2])) for event in machine.events if event[0] in telling)


def _is_plausible(name: str) -> bool:
    """Return whether a callable can have this dotted name, which chance or text would hardly produce."""
    return all(part.isidentifier() for part in name.split("."))


def has_header(head: bytes) -> bool:
    """Return whether bytes begin with a PROTO opcode of protocols 2 to 5."""
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5


# Modules that payloads begin with; the size of this list is most of what making hyperscan's database costs. Others are
# found by the header of their stream.
_SHORT = rb"os|nt|_?io"
_LONGER = (
    rb"posix|subprocess|sys|builtins|__builtin__|socket|shutil|importlib|ctypes|marshal|_?pickle|cPickle|runpy|pty"
    rb"|commands|timeit|code|bdb|pdb|pip|pydoc|webbrowser|_?operator|_?functools|types|urllib|requests|http|asyncio"
    rb"|pkgutil|numpy|torch|joblib|dill|cloudpickle"
)
_MODULE = rb"(?:" + _SHORT + rb"|" + _LONGER + rb")"
_LINE = _MODULE + rb"(?:\n|\.[a-z_0-9.]{2})"
# After the name of a module comes its rest, a memo opcode, or the next string
_STRING = _MODULE + rb"[.\x94\x8cqrXUp]"
# Names of two letters after any byte: the next byte is spelled out, in a separate pattern, so that hyperscan finds
# three literal bytes in a row (scanners/detector.py)
_SHORT_STRING = rb"(?:" + _SHORT + rb")(?:\.|\x94|\x8c|q|r|X|U|p)"
_LONGER_STRING = rb"(?:" + _LONGER + rb")[.\x94\x8cqrXUp]"
_NAME = rb"[A-Za-z_][A-Za-z0-9_.]{0,60}"

DETECTOR = Detector(
    name="pickles",
    title="a pickle",
    version=8,
    patterns=(
        rb"\x80[\x04\x05]\x95.{5}\x00\x00\x00",
        rb"\x80[\x02-\x05](?:c" + _NAME + rb"\n|\x8c[\x01-\x40][A-Za-z_]{2}|X.\x00\x00\x00[A-Za-z_]{2}|[\]\}]q\x00)",
        rb"c" + _LINE,
        rb"i" + _LINE,
        rb"\x8c." + _SHORT_STRING,
        rb"\x8c." + _LONGER_STRING,
        rb"X.\x00\x00\x00" + _STRING,
        rb"U." + _SHORT_STRING,
        rb"U." + _LONGER_STRING,
        rb"V" + _LINE,
        rb"S['\x22]" + _MODULE + rb"[.'\x22]",
    ),
    confirm=confirm,
    rules=(),
    owners=frozenset({"text", "pickle", "compressed", "sevenzip"}),
)
