"""Sequences of pickle streams: where a stream begins, joblib's raw arrays between opcodes, consecutive streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelsweep.core.reader import MemoryReader, Reader, WindowReader, at_hand
from modelsweep.core.scanner import HEAD, Context
from modelsweep.core.values import dataclass, replace
from scanners.judge.dangerous_names import family
from scanners.parsing import pickle_kinds as kinds
from scanners.parsing.pickle_machine import Interests, Machine
from scanners.parsing.pickle_opcodes import UNENDED
from scanners.parsing.pickle_values import Values

JOBLIB_ARRAYS = frozenset({"NumpyArrayWrapper"})
"""Classes, in any module, after whose state joblib reads raw bytes."""
DTYPES = frozenset({"numpy.dtype"})
MAX_STREAMS = 100_000
"""Maximum consecutive streams that are interpreted."""
HIGHEST_PROTOCOL = 5
TRIAL_OPCODES = 20_000
"""Maximum opcodes that recognition interprets."""
MIN_PLAUSIBLE_OPCODES = 8
"""Minimum valid opcodes that are not a coincidence."""
MAX_KEPT_OPERATIONS = 200_000
"""Maximum operations, and so memory, of a machine that is kept for another scanner."""
_CALLS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "COMPUTED", "EXTENSION"})
# Bytes per character of dtype kind U (numpy.dtype.__reduce__).
_UNICODE_WIDTH = 4
_ARRAY_PACKAGES = ("sklearn.", "scipy.", "pandas.", "joblib.")
"""Packages whose instances may follow joblib's arrays; none of their capitalised classes is an alias of `str`."""
# Positions in the state of a numpy.dtype: the width of flexible types, and flags, whose lowest bit means objects.
_ELSIZE = 5
_FLAGS = 7


def has_header(head: bytes) -> bool:
    """Return whether bytes begin with the PROTO opcode of a known protocol."""
    return len(head) > 1 and head[0] == 0x80 and head[1] <= HIGHEST_PROTOCOL


def _is_importable(module: str, name: str) -> bool:
    """Return whether a module and a name in it are valid identifiers, so that a loader may find them."""
    return all(part.isidentifier() for part in (*module.split("."), *name.split(".")))


def begins_stream(reader: Reader, position: int = 0) -> bool:
    """Return whether a pickle that imports or calls something, or ends properly, begins at `position`.

    Only the first `HEAD` bytes are interpreted; random bytes and text do not form that many valid opcodes.
    """
    head = reader.read(position, min(HEAD, reader.size - position))
    # A zip file begins with the opcode PERSID, whose argument reaches to the next newline, and so do the skippable
    # frames that parallel compressors write before each frame of Zstandard.
    if not head or head.startswith((b"PK\3\4", b"P*M\x18")):
        return False
    machine = Machine(MemoryReader(head), 0, Interests(), TRIAL_OPCODES)
    outcome = machine.run()
    cut = len(head) == HEAD and (machine.position >= len(head) or machine.fault == UNENDED)
    if cut and not has_header(head) and machine.operations < MIN_PLAUSIBLE_OPCODES:
        # One long literal fills the head: what follows it decides.
        machine = Machine(reader, position, Interests(), TRIAL_OPCODES)
        outcome = machine.run()
        cut = False
    if not has_header(head) and machine.names and not _is_importable(*machine.names[0]):
        return False  # text: a loader would stop at the first name, whatever follows
    if outcome == kinds.STOPPED:
        return machine.operations > 1
    if _calls_something(machine, has_header(head)):
        return True
    return (cut or outcome == kinds.EXHAUSTED) and machine.operations >= (
        1 if has_header(head) else MIN_PLAUSIBLE_OPCODES
    )


def _calls_something(machine: Machine, has_header: bool) -> bool:
    """Return whether an interpreted stream calls something, or names something that is telling by itself."""
    if has_header:
        return any(event[0] in _CALLS for event in machine.events)
    # A real callee has a name, unlike quantized weights, numbers around 128, that look like sets and new objects.
    # Weights may also begin with the opcode of an extension, which is no sign by itself.
    calls = _CALLS - {"EXTENSION"}
    return bool(machine.names) and any(event[0] in calls and not _is_bare(machine, event) for event in machine.events)


def _is_bare(machine: Machine, event: tuple[str, int, int, int]) -> bool:
    """Return whether a call is only a word in parentheses over two lines, as in prose: `(in` and `brief)`."""
    how, _, callee, arguments = event
    return how == "INST" and not machine.second(arguments) and not family(Values(machine).callee(callee))


def _names(machine: Machine, event: tuple[str, int, int, int]) -> bool:
    """Return whether an event imports a name that may exist."""
    return event[0] == "IMPORT" and _is_importable(*machine.name(event[2]))


class _Run(NamedTuple):
    """Identifies interpreted bytes: a window of a reader, since each scanner of an archive has its own reader."""

    parent: Reader
    start: int
    size: int
    interests: Interests


class _Latest:
    """The last machine that `machine_of` ran to a STOP, and the bytes it interpreted; kept until it is taken over."""

    run: _Run | None = None
    machine: Machine | None = None


def _run_of(reader: Reader, interests: Interests) -> _Run | None:
    return _Run(reader.parent, reader.start, reader.size, interests) if isinstance(reader, WindowReader) else None


def machine_of(reader: Reader, interests: Interests, context: Context) -> Machine:
    """Return the machine after the first stream of `reader`, for scanners that need its values.

    `interests` are those of the scanner that may take it over: they change its events, but not its values.
    """
    near = at_hand(reader)
    machine = Machine(near, 0, interests, context.operations.left)
    outcome = machine.run()
    if outcome == kinds.PAUSED or not machine.allowance:  # perhaps because of the interests
        machine = Machine(near, 0, Interests(), context.operations.left)
        machine.run()
    elif outcome == kinds.STOPPED and machine.operations <= MAX_KEPT_OPERATIONS:
        _Latest.run, _Latest.machine = _run_of(reader, interests), machine
    context.operations.spend(machine.operations)
    return machine


def taken_over(reader: Reader, interests: Interests, allowance: int) -> Machine | None:
    """Return the machine that `machine_of` ran last, once, if it interpreted the same bytes to a STOP."""
    run, machine = _run_of(reader, interests), _Latest.machine
    if run is None or run != _Latest.run or machine is None or machine.operations >= allowance:
        return None
    _Latest.run = _Latest.machine = None
    return machine


@dataclass(frozen=True, slots=True)
class RawArray:
    """A joblib array between opcodes: its bytes, or a pickle of its elements if they are objects."""

    start: int
    length: int
    objects: bool


def raw_array(machine: Machine) -> RawArray | None:
    """Return the array that joblib would read where `machine` is paused, or None if its size is not constant."""
    values = Values(machine)
    items = machine.items(machine.built)
    if len(items) != machine.second(machine.built) or not all(map(values.string, items[::2])):
        return None
    state = {values.string(items[at]): items[at + 1] for at in range(0, len(items) - 1, 2)}
    width = _item_size(values, state.get("dtype", -1))
    count = _element_count(values, state.get("shape", -1))
    if width < 0 and begins_stream(machine.reader, machine.position):
        width = 0  # not a plain numpy.dtype, as for variable-width strings: joblib pickles the elements
    if width < 0 or count < 0:
        return None
    start = machine.position
    if state.get("numpy_array_alignment_bytes", -1) >= 0 and width:
        start += 1 + machine.reader.read(start, 1)[0]
    return RawArray(start, width * count, width == 0)


def _item_size(values: Values, dtype: int) -> int:
    """Return the bytes per element of a pickled numpy.dtype, 0 for objects, or -1 if it is not constant."""
    machine = values.machine
    if dtype < 0 or machine.kind(dtype) != kinds.CALL:
        return -1
    arguments = values.arguments(machine.second(dtype))
    code = values.string(arguments[0]) if arguments else ""
    kind, digits = code[:1], code[1:]
    if kind == "O":
        return 0
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        return -1
    state = values.arguments(machine.states.get(dtype, -1))
    if len(state) > _FLAGS and _integer(values, state[_FLAGS]) & 1:
        return 0
    if kind in "SUVa" and len(state) > _ELSIZE and _integer(values, state[_ELSIZE]) >= 0:
        return _integer(values, state[_ELSIZE])
    return int(digits) * (_UNICODE_WIDTH if kind == "U" else 1)


def _integer(values: Values, value: int) -> int:
    number = None if value & 1 else values.constant(value)
    return number if isinstance(number, int) else 0


def _element_count(values: Values, shape: int) -> int:
    if shape < 0 or values.machine.kind(shape) != kinds.TUPLE:
        return -1
    count = 1
    for item in values.machine.items(shape):
        extent = values.constant(item) if not item & 1 else None
        if not isinstance(extent, int) or extent < 0:
            return -1
        count *= extent
    return count


def _load_fails_at(machine: Machine, start: int) -> int:
    """Return the offset after `start` where pickle.load certainly fails: at a name that is not a string."""
    for event in machine.events:
        if event[0] == "COMPUTED" and event[1] >= start and machine.kind(event[2]) == kinds.COMPUTED_GLOBAL:
            parts = (machine.first(event[2]), machine.second(event[2]))
            if any(machine.kind(part) == kinds.OBJECT and _is_no_text(machine, part) for part in parts):
                return event[1]
    return machine.position + 1


def _is_no_text(machine: Machine, instance: int) -> bool:
    module, _, name = Values(machine).made_class(instance).rpartition(".")
    return module.startswith(_ARRAY_PACKAGES) and name[:1].isupper()


@dataclass(slots=True)
class Streams:
    """All consecutive pickle streams of a reader, with the arrays that joblib stores between opcodes.

    After iteration, `position` is the end of the last stream, `outcome` why it ended, and `fault` the error.
    """

    reader: Reader
    interests: Interests
    spend: Callable[[int], None]
    allowance: int
    first: Machine | None = None
    """The machine after the first stream, if that was interpreted before."""
    position: int = 0
    outcome: int = 0
    fault: str = ""

    def __iter__(self) -> Iterator[Machine]:
        """Yield each machine after it ends."""
        for _ in range(MAX_STREAMS):
            if self.position >= self.reader.size:
                return
            yield from self._stream(self.position)
            if self.outcome != kinds.STOPPED or not begins_stream(self.reader, self.position):
                return
        self.outcome = kinds.EXHAUSTED

    def _stream(self, start: int) -> Iterator[Machine]:
        if self.first and not start:
            self._end(self.first, kinds.STOPPED)
            yield self.first
            return
        machine = Machine(self.reader, start, self.interests, self.allowance)
        paused, plain = -1, True
        while (outcome := machine.run()) == kinds.PAUSED:
            paused = machine.position if paused < 0 else paused
            array = raw_array(machine)
            plain = plain and array is not None and not array.objects
            yield from self._skip_array(machine, array)
            if machine.fault:
                outcome = kinds.FAULTY
                break
        self._end(machine, outcome)
        yield machine
        if paused >= 0:
            yield from self._plain_view(start, paused, numbers=plain)

    def _end(self, machine: Machine, outcome: int) -> None:
        self.spend(machine.operations)
        self.outcome, self.position, self.fault = outcome, machine.position, machine.fault

    def _plain_view(self, start: int, paused: int, *, numbers: bool) -> Iterator[Machine]:
        """Yield what pickle.load calls after `paused`, where joblib skips an array that pickle.load reads as opcodes.

        If all arrays are of `numbers`, which import nothing by accident, any import there is reported.
        """
        machine, outcome = self._run_plain(start)
        end = _load_fails_at(machine, paused)
        after = [event for event in machine.events if paused <= event[1] < end]
        if numbers and any(_names(machine, event) for event in after):
            machine.events = after
            yield machine
            return
        events = [event for event in after if machine.kind(event[2]) == kinds.GLOBAL]
        # Numbers that happen to be opcodes, and the memo of an inner stream in an object array, call whatever is on the
        # stack or under a wrong index: only a dangerous name is no accident.
        values = Values(machine)
        names = {event[2]: values.callee(event[2]) for event in events if event[0] in _CALLS}
        if any(map(family, names.values())):
            machine.events = [event for event in events if family(names.get(event[2], ""))]
            machine.candidates = []
            yield machine
        if outcome == kinds.EXHAUSTED:
            self.outcome = outcome

    def _run_plain(self, start: int) -> tuple[Machine, int]:
        machine = Machine(self.reader, start, replace(self.interests, pauses=frozenset()), self.allowance)
        outcome = machine.run()
        self.spend(machine.operations)
        return machine, outcome

    def _skip_array(self, machine: Machine, array: RawArray | None) -> Iterator[Machine]:
        if array is None:
            machine.fault = "a joblib array whose size is not constant"
        elif array.objects:
            elements, outcome = self._run_plain(machine.position)  # joblib passes them to pickle.load
            yield elements
            machine.position = elements.position
            if outcome != kinds.STOPPED:
                machine.fault = elements.fault or "an object array is cut short"
        elif array.start + array.length > self.reader.size:
            machine.fault = "a joblib array reaches beyond the end"
        else:
            machine.position = array.start + array.length
