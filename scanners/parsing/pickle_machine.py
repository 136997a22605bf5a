"""An abstract interpreter of pickles: finds what a loader would call, with which arguments, without calling it.

The opcodes are those of protocols 0 to 5 (CPython Lib/pickletools.py, PEP 307, PEP 3154, PEP 574). A value on the
symbolic stack is one 64-bit integer: `offset << 1` of the opcode that pushed a literal, which is decoded only on
demand, or `node << 1 | 1` of a node in parallel arrays (a global, a container, the result of a call). So millions of
opcodes cost a few bytes each. The module is plain Python and is compiled with the types of `pickle_machine.pxd` if
a compiler is present; it must not use features that Cython's pure mode lacks.
"""

from __future__ import annotations

from array import array
from collections.abc import MutableSequence, Sequence

from modelsweep.core.reader import Reader, Truncated
from modelsweep.core.values import dataclass
from scanners.parsing import pickle_forms as forms
from scanners.parsing.pickle_encodings import PAIRS, PROBE, may_hide
from scanners.parsing.pickle_forms import (
    BUILD_FORM,
    CALL_FORM,
    EMPTY_FORM,
    FIXED_FORM,
    GET_FORM,
    LENGTH1_FORM,
    LENGTH4_FORM,
    MANY_FORM,
    MARK_FORM,
    MEMOIZE_FORM,
    ONE_FORM,
    PUT_FORM,
    RARE_FORM,
    SKIP_FORM,
    TUPLE_MARK_FORM,
)
from scanners.parsing.pickle_kinds import (
    CALL,
    DICT,
    EXHAUSTED,
    FAULTY,
    FROZENSET,
    GLOBAL,
    KEEPING,
    LIST,
    OBJECT,
    ORDINARY,
    PAUSED,
    PAUSING,
    PLAIN,
    RETURNING,
    SET,
    TUPLE,
    WATCHED,
)
from scanners.parsing.pickle_literals import raw_string
from scanners.parsing.pickle_opcodes import CUT, HANDLERS

WINDOW = 1 << 20
MARGIN = 16
"""Maximum bytes of an opcode with its fixed-size argument, rounded up."""
MAX_DEPTH = 1 << 23
MAX_EVENTS = 200_000
MAX_CANDIDATES = 4_096
LONGEST_METHOD = 64
"""Maximum bytes of a dictionary key that are compared with names of methods."""
REPEATS = 64
"""Maximum recorded calls of one callable whose arguments do not affect the judgement."""
PAIR = 2
KEPT_PER_CONTAINER = 256
KEPT_IN_ALL = 200_000
SHORT = "more is taken than there is above a mark"
FRAME_HEADER = 9
"""Bytes of a FRAME opcode with its length argument."""
DENSE_MEMO = 1 << 22
"""Maximum memo indices that may be skipped; an index further on goes to a dictionary."""
FAR_MEMO = 1 << 20
"""Maximum entries of that dictionary."""
NAMESPACE = ".__dict__"
GLOBALS_AT = 1
"""Position of the globals among the arguments of a callable that makes a function."""


IS_PLAIN = __file__.endswith((".py", ".pyc"))
"""Whether this runs as Python, where lists, tuples and slices are the fastest; C needs contiguous arrays."""


def cells(count: int) -> MutableSequence[int]:
    """Return `count` zeroed 64-bit cells."""
    return [0] * count if IS_PLAIN else array("q", bytes(8 * count))


def _table(values: bytes) -> Sequence[int]:
    """Return a lookup table by opcode."""
    return tuple(values) if IS_PLAIN else values


FORMS, WIDTHS, EMPTY_KINDS = _table(forms.FORMS), _table(forms.WIDTHS), _table(forms.EMPTY_KINDS)


def _unsigned4(data: bytes, pos: int) -> int:
    high = data[pos + 3]  # a 64-bit variable when compiled: a shifted C int would become negative
    return data[pos] | data[pos + 1] << 8 | data[pos + 2] << 16 | high << 24


@dataclass(frozen=True, slots=True)
class Interests:
    """What else the user of a machine wants to know; nothing by default.

    `watched` callables, and all below `prefixes`, are judged by their arguments: every call with new arguments, and
    every BUILD on an instance, is an event. A BUILD on an instance of one of `pauses` pauses the machine. A callable
    stored under one of `methods` is an event, because later opcodes may call it as a method of an instance. States of
    instances of `kept` stay in `Machine.states`. A BUILD on an instance of one of `plain` is an event unless the state
    is a dictionary. The namespace of a module (`package.module.__dict__`) that is used other than as the second
    argument of one of `makers` of functions is a STRAY event. `returning` callables return shared objects: a state or
    items for such an object are a RETURNED event. `mappings` are callables that make a mapping of an argument, with the
    position of that argument.
    """

    watched: frozenset[str] = frozenset()
    pauses: frozenset[str] = frozenset()
    methods: frozenset[bytes] = frozenset()
    kept: frozenset[str] = frozenset()
    returning: frozenset[str] = frozenset()
    mappings: frozenset[tuple[str, int]] = frozenset()
    plain: frozenset[str] = frozenset()
    makers: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def mode(self, full: str, name: str) -> int:
        """Return the effect of a BUILD on an instance of the global `full`, whose name in its module is `name`."""
        if full in self.kept:
            return KEEPING
        if full in self.returning:
            return RETURNING
        if name in self.pauses:
            return PAUSING
        if full in self.watched or full.startswith(self.prefixes):
            return WATCHED
        return PLAIN if full in self.plain else ORDINARY


class Machine:
    """Interprets one pickle stream from `start` of `reader`.

    `events` are (how, offset, callee, arguments) of everything that a loader would call; of a callable that is not of
    interest, only the first `REPEATS` calls are kept. `run` returns STOPPED at a STOP opcode, FAULTY where a loader
    would raise an error (`fault` says why), EXHAUSTED at a limit, and PAUSED where joblib reads raw bytes after a
    BUILD; `position` may then be moved before `run` is called again.
    """

    def __init__(self, reader: Reader, start: int, interests: Interests, allowance: int) -> None:
        self.reader = reader
        self.position = start
        self._interests = interests
        self.allowance = allowance  # operations at which the machine is exhausted
        self.operations = 0
        self.protocol = 0
        self.frame = 0  # end of the current frame, or 0
        self.fault = ""
        self.built = 0  # the state of the BUILD that paused the machine
        self.result = -1  # the value on top at STOP
        self.names: list[tuple[str, str]] = []  # module and name, by `a` of a GLOBAL node
        self.events: list[tuple[str, int, int, int]] = []
        self.candidates: list[int] = []  # offsets of strings that may hide a stream
        self.contents: dict[int, list[int]] = {}  # kept items by index of the container
        self.states: dict[int, int] = {}  # state by instance
        self.dropped = False  # whether there are more candidates than MAX_CANDIDATES
        # The window: bytes from `_base`; opcodes may begin in the first `_window` of them, and within the frame in the
        # first `_near`.
        self._end = reader.size
        self._base = start
        self._data = b""
        self._near = -1
        self._window = -1
        # The stack and its marks. `_room` and its like are the lengths of these arrays, `_fence` is the last mark.
        self._stack = cells(256)
        self._room = 256
        self._depth = 0
        self._marks = cells(64)
        self._mark_room = 64
        self._mark_count = 0
        self._fence = 0
        # The memo, each value plus one, with 0 for none; `_far` has the entries beyond DENSE_MEMO.
        self._memo = cells(256)
        self._memo_room = 256
        self._memo_count = 0
        self._far: dict[int, int] = {}
        # The nodes by index, and the items of all tuples.
        self._kinds = bytearray(256)
        self._a = cells(256)
        self._b = cells(256)
        self._node_room = 256
        self._nodes = 0
        self._items = cells(256)
        self._item_room = 256
        self._item_count = 0
        self._kept = 0  # items in `contents`
        self._last = -1  # the last container whose items are not in `contents` because there are too many
        self._last_items: list[int] = []
        self._callables = False  # whether there is a GLOBAL or CALL node
        self._name_nodes: dict[tuple[str, str], int] = {}
        self._computed_keys: dict[int, tuple[int, int]] = {}  # first item with such a key, by index of the container
        self._uses: dict[tuple[int, str, int], int] = {}  # calls by callee, opcode and number of arguments (up to 2)
        self._seen_keys: set[tuple[int, ...]] = set()  # what distinguishes calls and states that were noted
        self._carriers: dict[int, int] = {}  # a namespace by each value that is or contains it

    # -- the hot loop

    def run(self) -> int:  # noqa: C901, PLR0912, PLR0915 - one flat loop: a call per opcode would halve its speed
        """Interpret opcodes until the machine stops; return STOPPED, FAULTY, EXHAUSTED or PAUSED."""
        base = self._base
        pos = self.position - base
        depth, fence = self._depth, self._fence
        near = room = -1
        data, stack, memo = self._data, self._stack, self._memo
        memo_count, memo_room = self._memo_count, self._memo_room
        operations = status = 0
        while status == 0:
            if pos >= near or depth >= room:
                self._depth = depth
                self.operations += operations
                operations = 0
                status = self._prepare(base + pos)
                if status:
                    break
                base = self._base
                pos = self.position - base
                near, room = self._near, self._room
                data, stack = self._data, self._stack
            operations += 1
            opcode = data[pos]
            form = FORMS[opcode]
            if form == FIXED_FORM:
                stack[depth] = (base + pos) << 1
                depth += 1
                pos += WIDTHS[opcode]
            elif form == GET_FORM:
                index = data[pos + 1] if opcode == 0x68 else _unsigned4(data, pos + 1)
                stored = memo[index] if index < memo_room else 0
                if stored:
                    stack[depth] = stored - 1
                elif index in self._far:
                    stack[depth] = self._far[index]
                else:
                    status = self._fail_at(base + pos, f"memo entry {index} was never stored")
                depth += 1
                pos += WIDTHS[opcode]
            elif form == LENGTH1_FORM:
                length = data[pos + 1]
                if length > 11 and PAIRS[data[pos + 2] << 8 | data[pos + 3]]:
                    self._candidate(base + pos)
                stack[depth] = (base + pos) << 1
                depth += 1
                pos += 2 + length
            elif form == MEMOIZE_FORM and memo_count < memo_room and depth > fence:
                stored = memo[memo_count]
                memo[memo_count] = stack[depth - 1] + 1
                if not stored:
                    memo_count += 1
                pos += 1
            elif form == PUT_FORM and depth > fence:
                index = data[pos + 1] if opcode == 0x71 else _unsigned4(data, pos + 1)
                if index < memo_room:
                    if not memo[index]:
                        memo_count += 1
                    memo[index] = stack[depth - 1] + 1
                else:
                    self._memo_count = memo_count
                    self._put(index, stack[depth - 1])
                    memo, memo_count, memo_room = self._memo, self._memo_count, self._memo_room
                    near = self._near
                pos += WIDTHS[opcode]
            elif form == LENGTH4_FORM:
                length = _unsigned4(data, pos + 1)
                if length > 11 and PAIRS[data[pos + 5] << 8 | data[pos + 6]]:
                    self._candidate(base + pos)
                stack[depth] = (base + pos) << 1
                depth += 1
                pos += 5 + length
            elif form == EMPTY_FORM and self._nodes < self._node_room:
                index = self._nodes
                self._nodes = index + 1
                self._kinds[index] = EMPTY_KINDS[opcode]
                stack[depth] = index << 1 | 1
                depth += 1
                pos += 1
            elif form == MARK_FORM and self._mark_count < self._mark_room:
                self._marks[self._mark_count] = fence = self._fence = depth
                self._mark_count += 1
                pos += 1
            else:
                self._depth, self._memo_count = depth, memo_count
                self.position = base + pos
                status = self._fill() if form == MANY_FORM else self._common(form, opcode)
                pos = self.position - base
                depth, fence, near = self._depth, self._fence, self._near
                stack, room, memo = self._stack, self._room, self._memo
                memo_count, memo_room = self._memo_count, self._memo_room
        self._depth, self._memo_count = depth, memo_count
        self.operations += operations
        if status != FAULTY:
            self.position = base + pos
        return status

    def _common(self, form: int, opcode: int) -> int:
        """Interpret the opcode at `position`, of a form that the loop does not handle itself, and step over it."""
        if form == CALL_FORM:
            return self._call(opcode)
        if form == BUILD_FORM:
            return self._build()
        return self._rare(opcode) if form == RARE_FORM else self._seldom(form, opcode)

    def _seldom(self, form: int, opcode: int) -> int:
        """Interpret the opcode at `position`, of one of the less frequent of these forms, and step over it."""
        if form in (MARK_FORM, EMPTY_FORM):
            return self._make_room(form)
        if form == SKIP_FORM:
            return self._skip(opcode)
        if form == ONE_FORM:
            self._depth -= WIDTHS[opcode]
            if not self._store(self._depth, WIDTHS[opcode]):
                return self._fail_at(self.position, "an item without a container")
        elif form == PUT_FORM:
            return self._fail_at(self.position, "PUT on an empty stack")
        elif form == MEMOIZE_FORM:
            if self._depth <= self._fence:
                return self._fail_at(self.position, "MEMOIZE on an empty stack")
            self._put(self._memo_count, self._stack[self._depth - 1])
        elif not self._gather(form, WIDTHS[opcode]):
            return self._fail_at(self.position, SHORT)
        self.position += 1
        return 0

    def _skip(self, opcode: int) -> int:
        """PROTO: note the protocol."""
        self.protocol = self._data[self.position - self._base + 1]
        self.position += WIDTHS[opcode]
        return 0

    def _fill(self) -> int:
        """APPENDS, SETITEMS and ADDITEMS: add all values above the mark to the container below it."""
        start = self._pop_mark()
        if start < 0 or not self._store(start, self._depth - start):
            return self._fail_at(self.position, SHORT)
        self._depth = start
        self.position += 1
        return 0

    def _make_room(self, form: int) -> int:
        """Make room for a mark or an empty container; the loop then interprets the opcode again."""
        if form == MARK_FORM:
            self._grow_marks()
        else:
            self._grow_nodes()
        self.operations -= 1
        return 0

    def _call(self, opcode: int) -> int:
        """REDUCE and NEWOBJ: replace callee and arguments on the stack by the result."""
        below = self._depth - 2
        if below < self._fence:
            return self._fail_at(self.position, "no callable and arguments to call it with")
        callee, arguments = self._stack[below], self._stack[below + 1]
        reduce = opcode == 0x52
        self.called("REDUCE" if reduce else "NEWOBJ", callee, arguments)
        self._stack[below] = self._node(CALL if reduce else OBJECT, callee, arguments)
        self._depth = below + 1
        self.position += 1
        return 0

    def _build(self) -> int:
        """BUILD: pop a state for the instance below it."""
        below = self._depth - 2
        if below < self._fence:
            return self._fail_at(self.position, "no instance to give a state")
        instance, state = self._stack[below], self._stack[below + 1]
        self._depth = below + 1
        self.position += 1
        self._strays(below, 2)
        if not instance & 1:
            return 0
        if state & 1:
            self._state(instance, state)
        owner = self._owner(instance)
        mode = self._interest(owner, instance, state)
        if mode < 0:
            return 0
        if mode != ORDINARY and state & 1 and state >> 1 == self._last:
            self.contents.setdefault(self._last, self._last_items)
        if mode == PAUSING and owner != instance:
            self.built = state
            self.frame = 0  # joblib ends a frame before it writes raw bytes
            return PAUSED
        if mode == WATCHED or owner == instance or (mode == PLAIN and self.kind(state) != DICT):
            self.called("BUILD", instance, state)
        elif mode == RETURNING:
            self._event("RETURNED", instance, state)
        elif mode == KEEPING:
            self.states[instance] = state
        return 0

    def _interest(self, owner: int, instance: int, state: int) -> int:
        """Return the mode of the global that made an instance, which decides about its state, or -1 for none.

        If a watched callable returned the class for one argument, as dill loads types by name, the state is watched if
        its first item differs from the first argument, or if that is of interest. If it made the class from several
        arguments, as for classes stored by value, the state is watched if it may contain slots.
        """
        kind = self._kinds[owner >> 1] if owner & 1 else -1
        if kind == GLOBAL:
            return self._b[owner >> 1]
        if kind != OBJECT and kind != CALL:
            return -1
        maker = self._a[owner >> 1]
        given = self._b[owner >> 1]
        if not maker & 1 or self._kinds[maker >> 1] != GLOBAL or self._b[maker >> 1] != WATCHED:
            return -1
        if self.kind(given) != TUPLE:
            return -1
        if self._b[given >> 1] != 1:
            return WATCHED if self.kind(state) != DICT else -1
        first = self._first(self._b[instance >> 1])
        if not first & 1 or first != self._first(state):
            return WATCHED
        return WATCHED if self._kinds[first >> 1] == GLOBAL and self._b[first >> 1] != ORDINARY else -1

    def _first(self, value: int) -> int:
        """Return the first item of a tuple, or 0."""
        if self.kind(value) != TUPLE or not self._b[value >> 1]:
            return 0
        return self._items[self._a[value >> 1]]

    def _owner(self, instance: int) -> int:
        """Return what made an instance: its callable, or the class of interest that a watched callable received."""
        kind = self._kinds[instance >> 1]
        if kind != OBJECT and kind != CALL:
            return instance
        owner = self._a[instance >> 1]
        given = self._b[instance >> 1]
        if owner & 1 and self._b[owner >> 1] == WATCHED and self.kind(given) == TUPLE and self._b[given >> 1]:
            first = self._items[self._a[given >> 1]]
            if self.kind(first) == GLOBAL and self._b[first >> 1] != ORDINARY:
                return first
        return owner

    def _state(self, instance: int, state: int) -> None:
        """Note what may matter in a state besides its literal keys."""
        if self._kinds[state >> 1] != DICT:
            self._state_keys(state)
            self._state_maker(instance, state)
        elif self._computed_keys:
            self._state_keys(state)

    def _state_keys(self, state: int) -> None:
        """Note the callables that a state has under computed keys, which may be names of methods."""
        for part in (state, *(self.items(state) if self._kinds[state >> 1] == TUPLE else ())):
            if not part & 1:
                continue
            if part >> 1 in self._computed_keys:
                key, value = self._computed_keys[part >> 1]
                self._event("ATTRIBUTE", value, key)
            elif self._kinds[part >> 1] == CALL and self.kind(self._b[part >> 1]) == TUPLE:
                self._mapped(part, self.items(self._b[part >> 1]))
            elif self._kinds[part >> 1] in (TUPLE, LIST, SET, FROZENSET):  # `dict.update` takes pairs
                self._paired(part)

    def _state_maker(self, instance: int, state: int) -> None:
        """Note a state that is an instance, or a sequence of instances: its receiver may iterate over them."""
        inner = self.items(state) if self._kinds[state >> 1] in (TUPLE, LIST) else []
        parts = [state, *inner] if self._kinds[instance >> 1] in (CALL, OBJECT) else []
        for part in parts:
            if part & 1 and self._kinds[part >> 1] in (CALL, OBJECT):
                key = (self._a[instance >> 1], -self._a[part >> 1], BUILD_FORM, part == state)
                if key not in self._seen_keys:
                    self._seen_keys.add(key)
                    self._event("STATE" if part == state else "PART", instance, part)

    def _mapped(self, state: int, arguments: list[int]) -> None:
        """Note the callables in a state that a call makes from pairs: `OrderedDict([(key, value)])`."""
        for at, argument in enumerate(arguments):
            kind = self.kind(argument)
            if kind in (CALL, OBJECT) and self._is_mapping(self._a[state >> 1], at):
                self._event("ATTRIBUTE", state, -1)
            elif kind in (LIST, TUPLE, SET, FROZENSET):
                self._paired(argument)

    def _paired(self, container: int) -> None:
        """Note the callables in pairs of a container, which may become items of a dictionary."""
        for pair in self.items(container):
            kind = self.kind(pair)
            if (kind != TUPLE and kind != LIST) or self.second(pair) != PAIR:
                continue
            items = self.items(pair)
            if len(items) == PAIR and self.kind(items[1]) in (GLOBAL, CALL, OBJECT):
                if not items[0] & 1:
                    self._stored_callable(items[0], items[1])
                elif self._is_text(items[0]):
                    self._event("ATTRIBUTE", items[1], items[0])

    def _is_text(self, value: int) -> bool:
        """Return whether a value is a string made by calling its type."""
        maker = self._a[value >> 1] if self.kind(value) in (CALL, OBJECT) else -1
        return self.kind(maker) == GLOBAL and self.name(maker)[1] in ("str", "unicode")

    def _is_mapping(self, callee: int, at: int) -> bool:
        """Return whether a callable makes a mapping of its argument at position `at`."""
        if self.kind(callee) != GLOBAL:
            return False
        return (".".join(self.name(callee)), at) in self._interests.mappings

    def _gather(self, form: int, count: int) -> bool:
        """Make a tuple of the `count` top values, or of all values above the mark."""
        if form == TUPLE_MARK_FORM:
            start = self._pop_mark()
            if start < 0:
                return False
            count = self._depth - start
        return self._tuple(count)

    def _prepare(self, position: int) -> int:
        """Make room on the stack and read the window at `position`; return 0 or why the machine ends there."""
        self.position = position
        if self.frame and position >= self.frame:
            if self.frame < min(position, self._end):  # not at the end of cut bytes, where no loader goes on
                self._event("FRAME", -1, -1)
            self.frame = 0
            self._near = self._window
        if position > self._end:
            self.position = self._end
            return self._fail_at(self._end, CUT)
        if position == self._end:
            return self._fail_at(position, "the stream ends without a STOP opcode")
        if self.operations >= self.allowance or self._depth >= MAX_DEPTH:
            return EXHAUSTED
        if self._depth >= self._room:
            self._grow_stack()
        if position >= self._base + self._near:
            self._refill(position)
        return 0

    def enter_frame(self, length: int) -> None:
        """Note the end of the frame whose opcode is at `position`, and whether it exceeds the enclosing frame.

        A loader that reads a file drops the rest of a frame that ends within an opcode, a loader with all bytes in
        memory does not: after it, they see different streams.
        """
        end = self.position + FRAME_HEADER + length
        if self.frame and end > self.frame:
            self._event("FRAME", -1, -1)
        self.frame = min(end, self._end)
        self._near = min(self._window, self.frame - self._base)

    def _refill(self, position: int) -> None:
        left = self._end - position
        if left > WINDOW:
            self._data = self.reader.read(position, WINDOW)
            self._window = WINDOW - MARGIN
        else:
            self._data = self.reader.read(position, left) + bytes(MARGIN)
            self._window = left
        self._base = position
        self._near = min(self._window, self.frame - position) if self.frame else self._window

    def _fail_at(self, position: int, fault: str) -> int:
        self.fault = fault
        self.position = position
        return FAULTY

    # -- stack, marks, memo

    def _push(self, value: int) -> None:
        if self._depth == self._room:
            self._grow_stack()
        self._stack[self._depth] = value
        self._depth += 1

    def _grow_stack(self) -> None:
        grown = cells(2 * self._room)
        grown[: self._room] = self._stack
        self._stack = grown
        self._room *= 2

    def _grow_marks(self) -> None:
        grown = cells(2 * self._mark_room)
        grown[: self._mark_room] = self._marks
        self._marks = grown
        self._mark_room *= 2
        if self._mark_room > 2 * MAX_DEPTH:
            self._exhaust()

    def _exhaust(self) -> None:
        """Make the loop return EXHAUSTED before the next opcode."""
        self.allowance = self._near = 0

    def _pop_mark(self) -> int:
        """Drop the last mark and return its depth, or -1 if there is none."""
        if self._mark_count == 0:
            return -1
        self._mark_count -= 1
        at = self._marks[self._mark_count]
        self._fence = self._marks[self._mark_count - 1] if self._mark_count else 0
        return at

    def _put(self, index: int, value: int) -> None:
        # MEMOIZE stores under the number of entries, not after the highest index, as both unpicklers of CPython do.
        if index >= self._memo_room and index > self._memo_count + DENSE_MEMO:
            self._memo_count += index not in self._far
            self._far[index] = value
            if len(self._far) > FAR_MEMO:
                self._exhaust()
        else:
            if index >= self._memo_room:
                self._grow_memo(index)
            if not self._memo[index]:
                self._memo_count += 1
            self._memo[index] = value + 1

    def _grow_memo(self, index: int) -> None:
        room = 2 * self._memo_room
        while room <= index:
            room *= 2
        grown = cells(room)
        grown[: self._memo_room] = self._memo
        for near in [far for far in self._far if far < room]:
            grown[near] = self._far.pop(near) + 1
        self._memo = grown
        self._memo_room = room

    def _get(self, index: int) -> bool:
        if index < self._memo_room and self._memo[index]:
            self._push(self._memo[index] - 1)
            return True
        if index in self._far:
            self._push(self._far[index])
            return True
        return False

    # -- nodes

    def _node(self, kind: int, a: int, b: int) -> int:
        index = self._nodes
        if index == self._node_room:
            self._grow_nodes()
        if kind == CALL or kind == GLOBAL:  # noqa: SIM109 - without a compiler, a tuple would be made each time
            self._callables = True
        self._kinds[index] = kind
        self._a[index] = a
        self._b[index] = b
        self._nodes += 1
        return index << 1 | 1

    def _grow_nodes(self) -> None:
        room = self._node_room
        a, b = cells(2 * room), cells(2 * room)
        a[:room] = self._a
        b[:room] = self._b
        self._a = a
        self._b = b
        self._kinds.extend(bytes(room))
        self._node_room = 2 * room

    def _tuple(self, count: int) -> bool:
        start = self._depth - count
        if start < self._fence:
            return False
        value = self._node(TUPLE, self._item_count, count)
        self._copy_items(start, min(count, KEPT_PER_CONTAINER))
        if self._carriers:
            self._carry(value, start, count)
        self._depth = start
        self._push(value)
        return True

    def _copy_items(self, start: int, count: int) -> None:
        while self._item_count + count > self._item_room:
            grown = cells(2 * self._item_room)
            grown[: self._item_room] = self._items
            self._items = grown
            self._item_room *= 2
        for index in range(start, start + count):
            self._items[self._item_count] = self._stack[index]
            self._item_count += 1

    def _store(self, start: int, count: int) -> bool:
        """Add `count` values from `start` of the stack to the container below them."""
        if start - 1 < self._fence:
            return False
        self._strays(start, count)
        value = self._stack[start - 1]
        if not value & 1:
            # The only literals that take items are byte arrays; adding no items is possible for any literal.
            return count == 0 or self.reader.read(value >> 1, 1) == b"\x96"
        index = value >> 1
        before = self._b[index]
        kind = self._kinds[index]
        if kind < LIST or kind > FROZENSET:
            if kind in (CALL, OBJECT) and self._callables:  # items of some classes become attributes
                self._stored_callables(index, start, count)
                self._filled(value, start, count)
            elif kind == GLOBAL and count:
                self.called("BUILD", value, -1)
            return True
        self._b[index] = before + count
        if before < KEPT_PER_CONTAINER:
            self._keep(index, start, min(count, KEPT_PER_CONTAINER - before))
        if not self._callables:
            return True
        if kind == DICT:
            self._stored_callables(index, start, count)
        elif kind == LIST:
            self._holds(index, start, count)
        return True

    def _holds(self, index: int, start: int, count: int) -> None:
        """Keep the first instance among the items of a list, which may come after all items that are kept.

        A callable paired with the name of a special method is noted: the list may be a state.
        """
        stack = self._stack
        for at in range(start, start + count):
            value = stack[at]
            if not value & 1:
                continue
            kind = self._kinds[value >> 1]
            if kind == CALL or kind == OBJECT:  # noqa: SIM109 - as above
                if not self._a[index]:
                    self._a[index] = value
            elif kind == TUPLE and self._b[value >> 1] == PAIR:
                first = self._a[value >> 1]
                key, paired = self._items[first], self._items[first + 1]
                if not key & 1 and self.kind(paired) in (GLOBAL, CALL, OBJECT) and self.text(key, 2) == b"__":
                    self._stored_callable(key, paired)

    def _filled(self, value: int, start: int, count: int) -> None:
        """Note items added to a shared object that a callable returned, and instances as keys, once for each maker.

        Table classes call a callable key.
        """
        owner = self._a[value >> 1]
        if count and owner & 1 and self._kinds[owner >> 1] == GLOBAL and self._b[owner >> 1] == RETURNING:
            self._event("RETURNED", value, -1)
        for at in range(start, start + count, 2):
            key = self._stack[at]
            if not key & 1 or self._kinds[key >> 1] not in (GLOBAL, CALL, OBJECT):
                continue
            maker = key if self._kinds[key >> 1] == GLOBAL else self._a[key >> 1]
            if (owner, maker, MANY_FORM) not in self._seen_keys:
                self._seen_keys.add((owner, maker, MANY_FORM))
                self._event("KEY", value, key)

    def _stored_callables(self, index: int, start: int, count: int) -> None:
        stack = self._stack
        for at in range(start + 1, start + count, 2):
            value = stack[at]
            if value & 1 and self._kinds[value >> 1] in (GLOBAL, CALL, OBJECT):
                key = stack[at - 1]
                if not key & 1:
                    self._stored_callable(key, value)
                elif self._kinds[key >> 1] in (CALL, OBJECT):
                    self._computed_keys.setdefault(index, (key, value))

    def _keep(self, index: int, start: int, count: int) -> None:
        if self._kept < KEPT_IN_ALL:
            kept = self.contents.get(index)
            if kept is None:
                kept = self.contents[index] = []
            self._kept += count
        else:  # beyond the limit, the last container is kept until the next one: it may be a state
            if index != self._last:
                self._last, self._last_items = index, []
            kept = self._last_items
        if IS_PLAIN:
            kept += self._stack[start : start + count]
        else:
            for at in range(start, start + count):
                kept.append(self._stack[at])

    def _stored_callable(self, key: int, value: int) -> None:
        """Note a callable stored under a name that later opcodes would call as a method of the instance."""
        if self.text(key, LONGEST_METHOD) in self._interests.methods:
            self._event("ATTRIBUTE", value, key)

    def suspect(self, offset: int, first: int, second: int) -> None:
        """Note the string pushed at `offset` if its first two bytes may begin another stream."""
        if PAIRS[first << 8 | second]:
            self._candidate(offset)

    def _candidate(self, offset: int) -> None:
        if not self._is_word(offset) and may_hide(raw_string(self.reader, offset, PROBE)):
            if len(self.candidates) < MAX_CANDIDATES:
                self.candidates.append(offset)
            else:
                self.dropped = True

    def _is_word(self, offset: int) -> bool:
        """Return whether a string begins with the opcode GLOBAL, as millions of words do, but has no newline."""
        opcode = self._data[offset - self._base]
        start = offset - self._base + (5 if opcode in (0x54, 0x42, 0x58) else 2)
        if self._data[start] != 0x63 or start + PROBE > len(self._data):
            return False
        if self._data[start + 1] < 0x41:  # not a letter: base85 of a zlib stream begins like this
            return False
        for at in range(start, start + PROBE):  # noqa: SIM110  a generator would not be compiled
            if self._data[at] == 0x0A:
                return False
        return True

    # -- everything that names, calls or ends something

    def _rare(self, opcode: int) -> int:
        """Interpret the opcode at `position`, outside the hot loop; return 0 or why the machine stops."""
        handler = HANDLERS.get(opcode)
        if handler is None:
            self.fault = f"opcode 0x{opcode:02x} does not exist"
            return FAULTY
        try:
            return handler(self)
        except Truncated:
            self.fault = CUT
            return FAULTY

    def short_of(self, count: int) -> bool:
        """Return whether there are fewer than `count` values above the last mark, and note the fault."""
        if self._depth - count >= self._fence:
            return False
        self.fault = "the stack holds less than the opcode takes"
        return True

    def pop(self) -> int:
        """Remove and return the value on top."""
        self._depth -= 1
        return self._stack[self._depth]

    def push(self, value: int) -> None:
        """Put a value on top."""
        self._push(value)

    def push_literal(self, width: int) -> int:
        """Push the literal at `position` and step over its `width` bytes, opcode included."""
        self._push(self.position << 1)
        self.position += width
        return 0

    def push_node(self, kind: int, a: int, b: int, width: int = 1) -> int:
        """Push a new node and step over the `width` bytes of its opcode."""
        self._push(self._node(kind, a, b))
        self.position += width
        return 0

    def top(self) -> int:
        """Return the value on top, or -1 if the stack is empty."""
        return self._stack[self._depth - 1] if self._depth > self._fence else -1

    def mark(self) -> int:
        """Drop the last mark and return its depth, or -1 if there is none; notes the fault."""
        at = self._pop_mark()
        if at < 0:
            self.fault = "there is no mark"
        return at

    def depth(self) -> int:
        """Return the number of values on the stack."""
        return self._depth

    def cut_to(self, depth: int) -> None:
        """Drop the values above `depth`."""
        self._depth = depth

    def fence(self) -> int:
        """Return the depth of the last mark."""
        return self._fence

    def collect(self, start: int) -> int:
        """Replace the values from `start` by one tuple of them and return it."""
        self._tuple(self._depth - start)
        return self.pop()

    def collect_pairs(self, start: int, kind: int) -> int:
        """Replace the values from `start` by a container of `kind` with these values, and return it."""
        value = self._node(kind, 0, 0)
        count = self._depth - start
        self._push(value)
        for at in range(self._depth - 1, start, -1):
            self._stack[at] = self._stack[at - 1]
        self._stack[start] = value
        self._store(start + 1, count)
        self._depth = start
        return value

    def memoize(self, index: int) -> None:
        """Store the value on top under `index`."""
        self._put(index, self._stack[self._depth - 1])

    def recall(self, index: int) -> bool:
        """Push the value stored under `index`; return False if there is none."""
        return self._get(index)

    def global_node(self, module: str, name: str) -> int:
        """Return the value of the global `module.name`, which is the same for the same name."""
        key = (module, name)
        value = self._name_nodes.get(key)
        if value is None:
            full = f"{module}.{name}"
            value = self._node(GLOBAL, len(self.names), self._interests.mode(full, name))
            self.names.append(key)
            self._name_nodes[key] = value
            if full.endswith(NAMESPACE):
                self._carriers[value] = value
            self._event("IMPORT", value, -1)
        return value

    def new_node(self, kind: int, a: int, b: int) -> int:
        """Return the value of a new node."""
        return self._node(kind, a, b)

    def stray(self, value: int) -> None:
        """Note a module's namespace, or a value that contains one, that is used other than as a function's globals."""
        namespace = self._carriers.get(value, -1)
        if namespace >= 0:
            self._event("STRAY", namespace, -1)

    def _strays(self, start: int, count: int) -> None:
        """Note the namespaces among `count` values from `start` of the stack."""
        if self._carriers:
            for at in range(start, start + count):
                self.stray(self._stack[at])

    def _carry(self, holder: int, start: int, count: int) -> None:
        """Note a namespace among `count` values from `start` of the stack, which become the tuple `holder`."""
        for at in range(start, start + count):
            value = self._stack[at]
            if value not in self._carriers:
                continue
            if at == start + GLOBALS_AT and self._carriers[value] == value:
                self._carriers[holder] = value
            else:
                self.stray(value)

    def _stray_in_call(self, how: str, callee: int, arguments: int) -> None:
        """Note a namespace that is called, or passed to a call other than as a function's globals."""
        self.stray(callee)
        is_call = how == "REDUCE" and self.kind(callee) == GLOBAL and self.kind(arguments) == TUPLE
        if not is_call or ".".join(self.name(callee)) not in self._interests.makers:
            self.stray(arguments)

    def called(self, how: str, callee: int, arguments: int) -> None:
        """Note a call; of callables whose arguments do not matter, only the first calls are kept."""
        if self._carriers:
            self._stray_in_call(how, callee, arguments)
        if callee & 1 and self._kinds[callee >> 1] == GLOBAL:
            # A class that is inert when created one way may be dangerous when called another way.
            given = self._b[arguments >> 1] if arguments > 0 and arguments & 1 else -1
            key = (callee, how, min(given, 2))
            uses = self._uses.get(key, 0)
            if uses < REPEATS:
                self._uses[key] = uses + 1
            elif self._b[callee >> 1] in (ORDINARY, RETURNING):
                if not self._has_new_makers(callee, arguments):
                    return
            elif not self._has_new_arguments(callee, arguments):
                return
        self._event(how, callee, arguments)

    def _has_new_arguments(self, callee: int, arguments: int) -> bool:
        """Return whether one more call of a watched callable may change the judgement, by new arguments."""
        if self.second(arguments) > KEPT_PER_CONTAINER:
            return True
        key = (callee, *(self._identity(value) for value in self.items(arguments))) if arguments & 1 else (callee,)
        known = key in self._seen_keys
        self._seen_keys.add(key)
        return not known

    def _has_new_makers(self, callee: int, arguments: int) -> bool:
        """Return whether one more call of any callable may change the judgement, by the makers of its arguments.

        Items of lists and tuples count too, as far as they are kept.
        """
        if not arguments & 1 or arguments < 0:
            return True
        sole = self._sole_maker(arguments)
        if not sole:
            return False
        if sole > 0:  # the usual case
            key: tuple[int, ...] = (-callee, sole)
        else:
            key = (-callee, *self._makers(arguments), -self._kinds[arguments >> 1])
        known = key in self._seen_keys
        self._seen_keys.add(key)
        return not known

    def _sole_maker(self, arguments: int, within: bool = True) -> int:
        """Return the one maker of all instances among arguments and in tuples; 0 for none, -1 for others to search."""
        index = arguments >> 1
        if self._kinds[index] != TUPLE:
            return -1
        found, start, count = 0, self._a[index], min(self._b[index], KEPT_PER_CONTAINER)
        for at in range(start, start + count):
            value = self._items[at]
            if not value & 1:
                continue
            kind = self._kinds[value >> 1]
            maker = 0
            if kind == CALL or kind == OBJECT:  # noqa: SIM109 - as above
                maker = self._a[value >> 1]
            elif kind == LIST and self._b[value >> 1]:
                return -1
            elif kind == TUPLE and within:
                maker = self._sole_maker(value, within=False)
            if maker and found and maker != found:
                return -1
            found = maker or found
        return found

    def _makers(self, value: int) -> list[int]:
        """Return the makers of the instances among the items of a container and of containers in it."""
        found: list[int] = []
        for item in self.items(value):
            if not item & 1:
                continue
            kind = self._kinds[item >> 1]
            if kind == CALL or kind == OBJECT:  # noqa: SIM109 - as above
                if self._a[item >> 1] not in found:
                    found.append(self._a[item >> 1])
            elif kind == LIST or kind == TUPLE:  # noqa: SIM109
                inner = [*self.items(item), self._a[item >> 1]] if kind == LIST else self.items(item)
                for each in inner:
                    if each & 1 and self.kind(each) in (CALL, OBJECT) and self._a[each >> 1] not in found:
                        found.append(self._a[each >> 1])
        return found

    def _identity(self, value: int) -> int:
        """Return the value, but the same number for every literal None."""
        return -1 if not value & 1 and self.reader.read(value >> 1, 1) == b"N" else value

    def _event(self, how: str, callee: int, arguments: int) -> None:
        self.events.append((how, self.position, callee, arguments))
        if len(self.events) > MAX_EVENTS:
            self._exhaust()

    # -- looking at values

    def nodes_of(self, kind: int) -> list[int]:
        """Return the values of all nodes of a kind, in order of creation."""
        return [index << 1 | 1 for index in range(self._nodes) if self._kinds[index] == kind]

    def kind(self, value: int) -> int:
        """Return the kind of node of `value`, or 0 for a literal."""
        return self._kinds[value >> 1] if value > 0 and value & 1 else 0

    def first(self, value: int) -> int:
        """Return `a` of the node, or -1 for a literal."""
        return self._a[value >> 1] if self.kind(value) else -1

    def second(self, value: int) -> int:
        """Return `b` of the node, or -1 for a literal."""
        return self._b[value >> 1] if self.kind(value) else -1

    def name(self, value: int) -> tuple[str, str]:
        """Return module and name of a GLOBAL node."""
        return self.names[self._a[value >> 1]]

    def items(self, value: int) -> list[int]:
        """Return the kept items of a container or tuple, at most `KEPT_PER_CONTAINER`."""
        index = value >> 1
        if self.kind(value) == TUPLE:
            start = self._a[index]
            return [self._items[at] for at in range(start, start + min(self._b[index], KEPT_PER_CONTAINER))]
        return self.contents.get(index, []) if value & 1 else []

    @property
    def ended(self) -> bool:
        """Whether the stream reached its STOP opcode."""
        return self.result >= 0

    def text(self, value: int, limit: int) -> bytes:
        """Return the bytes of a literal string, cut to `limit`, or no bytes for anything else."""
        return raw_string(self.reader, value >> 1, limit)
