# The C types of pickle_machine.py: Cython reads this file beside the plain Python source.
import cython

cdef int WINDOW, MARGIN, PROBE, MAX_DEPTH, MAX_EVENTS, MAX_CANDIDATES, REPEATS, PAIR, FAR_MEMO, KEPT_PER_CONTAINER, KEPT_IN_ALL, DENSE_MEMO, LONGEST_METHOD, GLOBALS_AT
cdef int RARE_FORM, FIXED_FORM, LENGTH1_FORM, LENGTH4_FORM, GET_FORM, PUT_FORM, MEMOIZE_FORM, MARK_FORM, EMPTY_FORM, ONE_FORM, MANY_FORM, SKIP_FORM, TUPLE_MARK_FORM, CALL_FORM, BUILD_FORM
cdef bint IS_PLAIN
cdef const unsigned char[::1] FORMS, WIDTHS, PAIRS, EMPTY_KINDS

@cython.locals(high=Py_ssize_t)
cdef Py_ssize_t _unsigned4(const unsigned char[::1] data, Py_ssize_t pos) noexcept

cdef class Machine:
    cdef public object reader
    cdef public Py_ssize_t position, allowance, operations, frame
    cdef object _interests
    cdef public int protocol
    cdef public str fault
    cdef public long long built, result
    cdef public list names, events, candidates
    cdef public dict contents, states
    cdef public bint dropped
    cdef bint _callables
    cdef Py_ssize_t _end, _base, _near, _window
    cdef const unsigned char[::1] _data
    cdef long long[::1] _stack, _marks, _memo, _a, _b, _items
    cdef Py_ssize_t _room, _depth, _mark_room, _mark_count, _fence, _memo_room, _memo_count
    cdef dict _far, _name_nodes, _uses, _computed_keys, _carriers
    cdef set _seen_keys
    cdef bytearray _kinds
    cdef Py_ssize_t _node_room, _nodes, _item_room, _item_count, _kept, _last
    cdef list _last_items

    @cython.locals(data='const unsigned char[::1]', stack="long long[::1]", memo="long long[::1]", memo_count=Py_ssize_t, memo_room=Py_ssize_t, fence=Py_ssize_t, operations=Py_ssize_t, base=Py_ssize_t, near=Py_ssize_t, room=Py_ssize_t, depth=Py_ssize_t, pos=Py_ssize_t, index=Py_ssize_t, length=Py_ssize_t, stored="long long", status=int, opcode=cython.uchar, form=cython.uchar)
    cpdef int run(self) except -1
    cdef int _common(self, int form, int opcode) except -1
    cdef int _skip(self, int opcode) except -1
    cdef int _seldom(self, int form, int opcode) except -1
    @cython.locals(uses=Py_ssize_t, given="long long")
    cpdef called(self, str how, long long callee, long long arguments)
    @cython.locals(namespace="long long")
    cpdef stray(self, long long value)
    @cython.locals(at=Py_ssize_t)
    cdef int _strays(self, Py_ssize_t start, Py_ssize_t count) except -1
    @cython.locals(at=Py_ssize_t, value="long long")
    cdef int _carry(self, long long holder, Py_ssize_t start, Py_ssize_t count) except -1
    @cython.locals(is_call=cython.bint)
    cdef int _stray_in_call(self, str how, long long callee, long long arguments) except -1
    cdef int _event(self, str how, long long callee, long long arguments) except -1
    cdef int _make_room(self, int form) except -1
    @cython.locals(below=Py_ssize_t, callee="long long", arguments="long long", reduce=cython.bint)
    cdef int _call(self, int opcode) except -1
    @cython.locals(kind=int, owner="long long", given="long long", first="long long")
    @cython.locals(kind=int, maker="long long", given="long long", first="long long")
    cdef int _interest(self, long long owner, long long instance, long long state) except -2
    cdef long long _first(self, long long value) except? -1
    cdef long long _owner(self, long long instance) except -1
    cdef int _state(self, long long instance, long long state) except -1
    cdef int _state_keys(self, long long state) except -1
    @cython.locals(part="long long", inner=list, parts=list)
    cdef int _state_maker(self, long long instance, long long state) except -1
    @cython.locals(pair="long long", kind=int, items=list)
    cdef int _paired(self, long long container) except -1
    @cython.locals(argument="long long", kind=int)
    cdef int _mapped(self, long long state, list arguments) except -1
    @cython.locals(maker="long long")
    cdef bint _is_text(self, long long value) except -1
    cdef bint _is_mapping(self, long long callee, Py_ssize_t at) except -1
    @cython.locals(owner="long long", at=Py_ssize_t, key="long long", maker="long long")
    cdef int _filled(self, long long value, Py_ssize_t start, Py_ssize_t count) except -1
    @cython.locals(index=Py_ssize_t, start=Py_ssize_t, count=Py_ssize_t, at=Py_ssize_t, value="long long", kind=int, maker="long long", found="long long")
    cdef long long _sole_maker(self, long long arguments, bint within=*) except -2
    @cython.locals(sole="long long")
    cdef bint _has_new_makers(self, long long callee, long long arguments) except -1
    @cython.locals(item="long long", each="long long", inner=list, kind=int)
    cdef list _makers(self, long long value)
    @cython.locals(below=Py_ssize_t, instance="long long", state="long long", owner="long long", mode="long long")
    cdef int _build(self) except -1
    cdef int _prepare(self, Py_ssize_t position) except -1
    @cython.locals(left=Py_ssize_t)
    cdef int _refill(self, Py_ssize_t position) except -1
    cdef int _fail_at(self, Py_ssize_t position, str fault) except -1
    cdef int _push(self, long long value) except -1
    @cython.locals(grown="long long[::1]")
    cdef int _grow_stack(self) except -1
    @cython.locals(grown="long long[::1]")
    cdef int _grow_marks(self) except -1
    cdef int _exhaust(self) except -1
    @cython.locals(at=Py_ssize_t)
    cdef Py_ssize_t _pop_mark(self) noexcept
    cdef int _put(self, Py_ssize_t index, long long value) except -1
    @cython.locals(room=Py_ssize_t, grown="long long[::1]")
    cdef int _grow_memo(self, Py_ssize_t index) except -1
    cdef bint _get(self, Py_ssize_t index) except -1
    @cython.locals(index=Py_ssize_t)
    cdef long long _node(self, int kind, long long a, long long b) except -1
    @cython.locals(room=Py_ssize_t, a="long long[::1]", b="long long[::1]")
    cdef int _grow_nodes(self) except -1
    @cython.locals(start=Py_ssize_t, value="long long")
    cdef bint _tuple(self, Py_ssize_t count) except -1
    @cython.locals(start=Py_ssize_t)
    cdef bint _gather(self, int form, Py_ssize_t count) except -1
    @cython.locals(start=Py_ssize_t)
    cdef int _fill(self) except -1
    @cython.locals(index=Py_ssize_t, grown="long long[::1]")
    cdef int _copy_items(self, Py_ssize_t start, Py_ssize_t count) except -1
    @cython.locals(index=Py_ssize_t, value="long long", before="long long", kind=int, at=Py_ssize_t)
    cdef bint _store(self, Py_ssize_t start, Py_ssize_t count) except -1
    @cython.locals(at=Py_ssize_t, kept=list)
    cdef int _keep(self, Py_ssize_t index, Py_ssize_t start, Py_ssize_t count) except -1
    cdef int _stored_callable(self, long long key, long long value) except -1
    @cython.locals(stack="long long[::1]", at=Py_ssize_t, value="long long", key="long long")
    cdef int _stored_callables(self, Py_ssize_t index, Py_ssize_t start, Py_ssize_t count) except -1
    @cython.locals(stack="long long[::1]", at=Py_ssize_t, value="long long", kind=int, first=Py_ssize_t, key="long long", paired="long long")
    cdef int _holds(self, Py_ssize_t index, Py_ssize_t start, Py_ssize_t count) except -1
    @cython.locals(start=Py_ssize_t, at=Py_ssize_t, opcode=cython.uchar)
    cdef bint _is_word(self, Py_ssize_t offset) except -1
    cpdef int enter_frame(self, Py_ssize_t length) except -1
    cdef int _candidate(self, Py_ssize_t offset) except -1
    cdef int _rare(self, int opcode) except -1
