"""Turn the events of a pickle machine into facts, and find the streams hidden in its strings."""

from __future__ import annotations

from _compat_pickle import REVERSE_IMPORT_MAPPING
from collections.abc import Iterator
from functools import cache
from itertools import count

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Problem, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Malformed, problem_of
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB
from scanners.judge.by_value import (
    CODE,
    FILLS_CLASS,
    FUNCTIONS,
    MAKERS,
    ON_LOAD,
    RUNNERS,
    SETTER,
    STATE_FILES,
    SUSPECT_NAMES,
    WITH_GLOBALS,
)
from scanners.judge.expressions import PREFIX as EXPRESSIONS
from scanners.parsing import pickle_kinds as kinds
from scanners.parsing.bytecode import is_attribute_only
from scanners.parsing.pickle_encodings import LAYERS, undo, unusual
from scanners.parsing.pickle_literals import Text, literal_at, text_at
from scanners.parsing.pickle_machine import NAMESPACE, Interests, Machine
from scanners.parsing.pickle_stream import DTYPES, JOBLIB_ARRAYS, begins_stream, has_header
from scanners.parsing.pickle_values import Values, render

RULED_KEYS = STATE_FILES | frozenset(
    "_parse_arg_template formula handle _handle _compile_kwargs define_params work_dir model_name module "
    "_var_metadata filename".split()
)
"""Keys of a state whose values loading executes, evaluates, frees, opens or reads, for the classes of STATE_RULES."""
NESTED_STATES = {"nested-state": (STATE_FILES, ""), "pickled-module": (frozenset({"module"}), "pickle")}
"""By the rule of a class: the keys of its state that contain files, and the scanner for them ("" for any)."""
PLAIN_STATE = "plain-state"
HELD_FUNCTIONS = "held-functions"
HELD_KEYS = frozenset("func args keywords".split())
"""Keys of a state that describes a call, for the classes of that rule."""
STATE_DEPTH = 4
"""Maximum nesting of containers in which files of a state are searched."""
CALLED_ON_LOAD = frozenset(
    "__setstate__ __class__ __dict__ __setattr__ __getattr__ __getattribute__ __setitem__ append extend".split()
)
"""Attributes that opcodes use on instances of any class."""
RULED_LIMIT = 4096
"""Maximum bytes of a string under one of RULED_KEYS that are kept."""
NAMES_LIMIT = 200
"""Maximum names and constants of a code object that are kept."""
_FIELDS = 18
"""Arguments of a code object since Python 3.11; earlier versions have 16."""
BYTECODE_LIMIT = 64 * KIB
"""Maximum bytes of instructions that are examined."""
FILE_ARGUMENTS = {
    "nested-file": (0, ""),
    "nested-pickle": (0, "pickle"),
    "nested-pickle-1": (1, "pickle"),
    "nested-pickle-4": (4, "pickle"),
}
"""By the rule of a callable: the position of an argument that is a whole file, and the scanner for it ("" for any)."""
STATE_PICKLE = "state-pickle"
"""The rule of classes whose state is a pickle as bytes."""
PICKLED_KEYS = "pickled-keys"
"""The rule of dictionaries whose keys are all pickles as bytes."""
CAPITAL_MODULES = frozenset(
    "ConfigSpace Crypto Cryptodome Cython IPython Levenshtein MySQLdb OpenGL OpenSSL PIL TTS".split()
)
"""Modules whose names look like those of classes."""
PARTIAL = "functools.partial"
MODULE_BY_NAME = "module-by-name"
"""The rule of callables that return a module, which a state changes."""
RETURNING = frozenset(
    {
        "logging.getLogger",
        "pandas._libs.tslibs.timezones.tz_standardize",
        *(f"numpy.{module}.scalar" for module in ("core.multiarray", "core._multiarray_umath")),
        *(f"numpy._{module}.scalar" for module in ("core.multiarray", "core._multiarray_umath")),
        *(f"torch.jit._pickle.build_{kind}list" for kind in ("int", "bool", "double", "tensor")),
        "torch.jit._pickle.restore_type_tag",
    }
)
"""Callables that return their argument or a shared object."""
MAPPINGS = frozenset({("collections.OrderedDict", 0), ("collections.defaultdict", 1)})
"""Callables that make a dictionary of an argument, with the position of the argument."""
APPLIED = frozenset({PARTIAL, "operator.methodcaller"})
"""Classes whose instances call what they contain when they are called."""
SPECIAL = frozenset(
    "__array__ __float__ __fspath__ __get__ __index__ __int__ __iter__ __len__ __missing__ __mro_entries__ __next__ "
    "__set__".split()
)
"""Methods of classes stored by value that callables which loading calls may call in turn."""
_TABLE = re.compile(r"(?:numpy|pandas|polars|xarray|geopandas)\.|.*\.(?:pd_)?(?:\w*Series|\w*DataFrame|\w*Array)$")
"""Classes of tables and arrays, under their own and other names: they are saved with a state, never item by item."""
BUFFERS = frozenset({"_io.BytesIO"})
"""Classes whose state contains a whole file as bytes."""
_CODE_KEYS = frozenset({"_code", "code"})
"""Keys under which torch.fx keeps the source; the second one before torch 1.6."""
GRAPH_MODULE = "torch.fx.graph_module.reduce_graph_module"
"""A callable that executes the imports and code in its arguments, and traces `forward`."""
DECODED_LIMIT = 16 * MIB
BEGINNING = 6 * KIB
"""Encoded bytes that are decoded first to find the beginning of a stream; a multiple of 3 and 4."""


@cache
def interests() -> Interests:
    """Return what judging a pickle requires of the machine, with names of Python 3 and Python 2."""
    from scanners.judge.inert_names import ARGUMENT_RULES, STATE_KEYS, STATE_RULES

    plain = {name for name, rule in STATE_RULES.items() if rule == PLAIN_STATE}
    watched = {*ARGUMENT_RULES, *STATE_RULES, *MAKERS, *FILLS_CLASS} - plain
    for full in tuple(watched):
        module, _, name = full.rpartition(".")
        if module in REVERSE_IMPORT_MAPPING:
            watched.add(f"{REVERSE_IMPORT_MAPPING[module]}.{name}")
    methods = {*STATE_KEYS.encode().split(), *(name.encode() for name in ON_LOAD | SPECIAL)}
    return Interests(
        watched=frozenset(watched),
        pauses=JOBLIB_ARRAYS,
        methods=frozenset(methods),
        kept=DTYPES | BUFFERS,
        returning=RETURNING - watched,
        mappings=MAPPINGS,
        plain=frozenset(plain),
        makers=WITH_GLOBALS,
        prefixes=(EXPRESSIONS,),
    )


def extract(machine: Machine, locator: Locator, context: Context) -> Iterator[Fact | Problem]:
    """Yield what one stream imports, calls and stores, each distinct fact once, with its first offset.

    A few bytes can repeat large arguments: beyond the limit of `context.described`, calls have no arguments.
    """
    values, room = Values(machine), context.described
    seen: set[tuple[str, str, str]] = set()
    strays = {callee for how, _, callee, _ in machine.events if how == "STRAY"}
    for how, offset, callee, arguments in _distinct(machine):
        values.is_brief = room.left <= 0
        for kind, value, detail in _facts(values, how, callee, arguments):
            if kind == "import" and value.endswith(NAMESPACE) and callee not in strays:
                detail["globals"] = True
            described = repr(detail)
            key = (kind, value, described)
            if key not in seen:
                seen.add(key)
                room.left -= len(described)
                yield Fact(kind, printable(value, 200), locator, Span(offset), detail)
    if room.left <= 0 and context.first(f"problem of {locator}", room.what):
        yield problem_of(OverLimit(f"more than {room.limit:,} {room.what}"), locator, "pickle")


def _distinct(machine: Machine) -> Iterator[tuple[str, int, int, int]]:
    """Yield the events without duplicates at other offsets, and without strays, which are noted with the import."""
    done: set[tuple[str, int, int]] = set()
    for how, offset, callee, arguments in machine.events:
        if how != "STRAY" and (how, callee, arguments) not in done:
            done.add((how, callee, arguments))
            yield how, offset, callee, arguments


def _facts(values: Values, how: str, callee: int, arguments: int) -> Iterator[tuple[str, str, dict[str, Json]]]:
    name = values.callee(callee)
    if how == "IMPORT":
        yield "import", name, _through(values, callee)
    elif how == "ATTRIBUTE":
        yield from _attribute(values, name, callee, arguments)
    elif how == "COMPUTED":
        machine = values.machine
        module, attribute = machine.first(callee), machine.second(callee)
        yield "computed-name", f"{_render(values, module)}.{_render(values, attribute)}", {}
    elif how == "EXTENSION":
        yield "extension-code", str(values.machine.first(callee)), {}
    elif how in ("KEY", "PART", "RETURNED", "STATE"):
        yield from _changed(values, how, callee, arguments)
    elif how == "FRAME":
        yield "frame", "a frame", {}
    elif how == "BUILD":
        yield from _built(values, callee, arguments)
    elif name in CODE and values.machine.kind(arguments) == kinds.TUPLE:
        yield "code", *_code(values, arguments)
    else:
        yield "call", *_call(values, how, name, callee, arguments)


def _changed(values: Values, how: str, instance: int, given: int) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield a state or a key of a table that is not a literal, or that the changed object is not new."""
    owner = values.made_class(instance)
    if how == "STATE":
        yield "state", owner, {"maker": values.made_class(given)}
    elif how == "PART":
        if values.made_class(given).startswith(RUNNERS):
            yield "state", owner, {"maker": values.made_class(given)}
    elif how == "RETURNED":
        yield "modify", owner, {}
    elif _TABLE.match(owner):
        yield "key", owner, {"key": _render(values, given)}


def _through(values: Values, value: int) -> dict[str, Json]:
    """Return the name through which a global is reached if it leads through another module rather than a class.

    Picklers name a class or function of a module, or something in a class.
    """
    name = values.machine.name(value)[1]
    first = name.partition(".")[0]
    classes = first.lstrip("_")[:1].isupper() and first not in CAPITAL_MODULES
    return {"through": name} if "." in name and not classes else {}


def _attribute(values: Values, name: str, value: int, key: int) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield a callable that is stored as a method, or an instance if loading itself may call that method."""
    stored = values.string(key)
    if name:
        yield "attribute", name, {"name": stored or "a computed name"}
    elif stored in CALLED_ON_LOAD or not stored or values.made_class(value) in APPLIED:
        made = values.made_class(value)
        detail: dict[str, Json] = {"name": stored or "a computed name", "made": made}
        if made in FUNCTIONS and (code := _code_of(values, value)):
            detail["code"] = code
        if stored == SETTER and made in FUNCTIONS:
            detail["uses"] = _used(values, value)
        yield "attribute", _render(values, value), detail


def _code_of(values: Values, function: int) -> str:
    """Return the name of the code object of a function stored by value, or an empty string if it is unknown."""
    machine = values.machine
    given = values.arguments(machine.second(function))
    if not given or machine.kind(given[0]) not in (kinds.CALL, kinds.OBJECT) or values.made_class(given[0]) not in CODE:
        return ""
    return _code(values, machine.second(given[0]))[0]


def _used(values: Values, function: int) -> list[Json]:
    """Return the names and strings that a function stored by value uses, with None if there is more or nested code."""
    machine = values.machine
    code = values.arguments(machine.second(function))[:1]
    if not code or machine.kind(code[0]) != kinds.CALL:
        return [None]
    given = machine.second(code[0])
    held = [item for one in values.arguments(given) if one & 1 for item in machine.items(one)]
    made = [item for item in held if machine.kind(item) in (kinds.CALL, kinds.OBJECT)]
    inner = any(values.made_class(item) != "builtins.frozenset" for item in made)
    names = _code(values, given)[1]["names"]
    cut = not isinstance(names, list) or len(names) >= NAMES_LIMIT
    return [*(names if isinstance(names, list) else []), *([None] if inner or cut else [])]


def _call(values: Values, how: str, name: str, callee: int, arguments: int) -> tuple[str, dict[str, Json]]:
    detail: dict[str, Json] = {"how": how, "args": values.describe(arguments)}
    if not name and values.machine.kind(callee) != kinds.EXTENSION:
        detail["computed"] = values.describe(callee)
    elif name and values.machine.kind(callee) != kinds.GLOBAL:
        detail["via"] = values.describe(callee)
    if values.is_of_package(callee, EXPRESSIONS) and values.is_plain(arguments, EXPRESSIONS):
        detail["plain"] = True
    return name or _render(values, callee), detail


def _built(values: Values, instance: int, state: int) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield the state of an instance whose class is imported, or of a partial function.

    For instances of a class that the pickle makes, yield only that the state may have slots, if it is not a dictionary.
    """
    machine = values.machine
    made = machine.kind(instance) in (kinds.OBJECT, kinds.CALL)
    looked_up = made and machine.kind(machine.first(instance)) != kinds.GLOBAL
    if not looked_up or values.made_class(instance) == PARTIAL:
        yield _build(values, instance, state)
    elif machine.kind(state) != kinds.DICT:
        given = values.arguments(state)
        slots = machine.items(given[1]) if len(given) == 2 and machine.kind(given[1]) == kinds.DICT else []
        names: list[Json] = [values.string(key) for key in slots[: 2 * NAMES_LIMIT : 2]]
        yield "slots", "an instance of a class that is made here", {"names": names}


def _build(values: Values, instance: int, state: int) -> tuple[str, str, dict[str, Json]]:
    """Return a fact about the state for an instance, or for an imported object itself."""
    machine = values.machine
    if machine.kind(instance) == kinds.GLOBAL:
        return "modify", values.callee(instance), {}
    name = values.made_class(instance)
    rule = _state_rules().get(name)
    described = _ruled_state(values, state, rule) if rule else values.describe(state)
    detail: dict[str, Json] = {"state": described}
    if name == PARTIAL or _argument_rules().get(name) == MODULE_BY_NAME:
        detail["made"] = values.describe(machine.second(instance))
    return "build", name, detail


def _ruled_state(values: Values, state: int, rule: str) -> Json:
    """Return the entries of a state that rules examine, however large it is; "more" stands for a computed key."""
    machine = values.machine
    if machine.kind(state) != kinds.DICT:
        return values.describe(state)
    items = machine.items(state)
    wanted = HELD_KEYS if rule == HELD_FUNCTIONS else RULED_KEYS
    described: list[Json] = []
    if rule == PICKLED_KEYS:
        known = len(items) == machine.second(state) and all(_is_pickle(values, key) for key in items[::2])
        return {"dict": described} if known else {"dict": described, "more": 1}
    for key, value in zip(items[::2], items[1::2], strict=False):
        name = values.string(key)
        if name in wanted:
            described += [name, values.string(value, RULED_LIMIT) or values.describe(value)]
    complete = len(items) == machine.second(state) and all(map(values.string, items[::2]))
    return {"dict": described} if complete else {"dict": described, "more": 1}


def _argument_rules() -> dict[str, str]:
    from scanners.judge.inert_names import ARGUMENT_RULES

    return ARGUMENT_RULES


def _state_rules() -> dict[str, str]:
    from scanners.judge.inert_names import STATE_RULES

    return STATE_RULES


def _render(values: Values, value: int) -> str:
    return render(values.describe(value))


def _code(values: Values, arguments: int) -> tuple[str, dict[str, Json]]:
    """Return the name of a code object, and the names and constant strings that its instructions use."""
    machine = values.machine
    names: list[Json] = []
    name = ""
    for item in values.arguments(arguments):
        if values.string(item):
            name = values.string(item)
        elif item & 1:
            names += [text for text in map(values.string, machine.items(item)) if text]
    detail: dict[str, Json] = {"names": names[:NAMES_LIMIT]}
    if not SUSPECT_NAMES.isdisjoint(map(str, names)):
        detail |= _uses(values, values.arguments(arguments))
    return name, detail


def _uses(values: Values, given: list[int]) -> dict[str, Json]:
    """Return which telling names occur only as constants (`texts`), and which only as attributes (`attributes`)."""
    machine = values.machine
    tuples = [at for at, item in enumerate(given) if machine.kind(item) == kinds.TUPLE]
    if (
        len(tuples) < 3
        or tuples[0] == 0
        or any(machine.second(given[at]) != len(_items(values, given[at])) for at in tuples)
    ):
        return {}
    constants, names, *others = ([values.string(item) for item in _items(values, given[at])] for at in tuples)
    bytecode, is_new = _bytecode(values, given[tuples[0] - 1]), len(given) >= _FIELDS
    elsewhere = {text for stored in (names, *others) for text in stored}
    suspects = sorted(SUSPECT_NAMES)
    local = {text for stored in others for text in stored}
    texts: list[Json] = [name for name in suspects if name in constants and name not in elsewhere]
    attributes: list[Json] = [
        name for name in suspects if name not in local and is_attribute_only(bytecode, names, name, is_new=is_new)
    ]
    found: dict[str, Json] = {"texts": texts, "attributes": attributes}
    return {key: value for key, value in found.items() if value}


def _items(values: Values, value: int) -> list[int]:
    return values.machine.items(value)


def _bytecode(values: Values, value: int) -> bytes:
    """Return the instructions of a code object, or no bytes if they are not a literal or too long."""
    offset = _bytes_at(values, value)
    if offset < 0:
        return b""
    code = literal_at(values.machine.reader, offset, BYTECODE_LIMIT)
    data = code.encode("latin-1", "replace") if isinstance(code, str) else code
    return data if isinstance(data, bytes) and len(data) < BYTECODE_LIMIT else b""


def hidden_streams(machine: Machine, blob: Blob, context: Context, ordinal: Iterator[int]) -> Iterator[Blob]:
    """Yield files that loaders would read from strings, and pickles in other strings, plain or encoded.

    Encodings may be nested, such as base64, hexadecimal, zlib and gzip. `ordinal` numbers the strings with a file.
    """
    yield from _graph_code(machine, blob, context)
    seen: set[int] = set()
    files = tuple(file_bytes(machine))
    for offset, expect in files:
        text = None if offset < 0 else text_at(blob.reader, offset, DECODED_LIMIT + 2)
        if text and text.offset not in seen and text.offset + text.length <= blob.size:
            seen.add(text.offset)
            name = f"string {next(ordinal)}"
            if text.binary:
                yield blob.window(name, text.offset, text.length, expect=expect)
            else:
                yield blob.nested(name, context.spool(_latin1(text, blob)), expect=expect, expanded=True)
    for offset in machine.candidates:
        text = text_at(blob.reader, offset, DECODED_LIMIT + 2)
        if text is None or text.offset in seen or text.offset + text.length > blob.size:
            continue
        seen.add(text.offset)
        if _is_stream(text.read(blob.reader, 4096)):
            yield _stream_in(text, blob, context, f"string {next(ordinal)}")
        else:
            yield from _decoded(text, blob, context, ordinal)
    if any(offset < 0 for offset, _ in files):
        raise Malformed("the content of a buffer is not in the pickle")
    if machine.dropped:
        raise OverLimit(f"more than {len(machine.candidates):,} strings that may be encoded pickles")


def file_bytes(machine: Machine) -> Iterator[tuple[int, str]]:
    """Yield the offsets of the literals that loading would read as files, each with the scanner for it.

    An offset of -1 stands for the content of a buffer that is not a literal.
    """
    values = Values(machine)
    for how, _, callee, arguments in machine.events:
        if how == "BUILD":
            yield from _state_files(values, callee, arguments)
            continue
        at, expect = FILE_ARGUMENTS.get(_argument_rules().get(values.callee(callee), ""), (-1, ""))
        given = values.arguments(arguments)
        if 0 <= at < len(given) and (offset := _bytes_at(values, given[at])) >= 0:
            yield offset, expect
    for instance, state in machine.states.items():
        if values.made_class(instance) in BUFFERS:
            given = values.arguments(state)
            yield _bytes_at(values, given[0]) if given else -1, ""


def _state_files(values: Values, instance: int, state: int) -> Iterator[tuple[int, str]]:
    """Yield the offsets of the files in a state; a state that is not a dictionary of literals is judged elsewhere."""
    machine, rule = values.machine, _state_rules().get(values.made_class(instance), "")
    if rule == STATE_PICKLE and (offset := _bytes_at(values, state)) >= 0:
        yield offset, "pickle"
    items = machine.items(state) if machine.kind(state) == kinds.DICT else []
    if rule == PICKLED_KEYS:
        yield from ((_bytes_at(values, key), "pickle") for key in items[::2] if _is_pickle(values, key))
    keys, expect = NESTED_STATES.get(rule, (frozenset(), ""))
    for key, value in zip(items[::2], items[1::2], strict=False):
        if values.string(key) in keys:
            yield from ((offset, expect) for offset in _files_within(values, value, STATE_DEPTH))


def _is_pickle(values: Values, value: int) -> bool:
    """Return whether a value is literal bytes with the header of a pickle of protocol 2 or later."""
    offset = _bytes_at(values, value)
    text = text_at(values.machine.reader, offset) if offset >= 0 else None
    return text is not None and has_header(text.read(values.machine.reader, 4).replace(b"\xc2", b""))


def _files_within(values: Values, value: int, depth: int) -> Iterator[int]:
    """Yield the offsets of literal bytes in nested containers, and -1 for computed values."""
    kind = values.machine.kind(value)
    items = values.machine.items(value) if kind in (kinds.DICT, kinds.LIST, kinds.TUPLE) else []
    if items and depth and len(items) == values.machine.second(value):
        for item in items:
            yield from _files_within(values, item, depth - 1)
    elif value & 1 or isinstance(values.constant(value), bytes):
        yield _bytes_at(values, value)


def _bytes_at(values: Values, value: int) -> int:
    """Return the offset of literal bytes, or -1 if they are computed."""
    if values.callee(values.machine.first(value)) == "_codecs.encode":
        given = values.arguments(values.machine.second(value))  # how protocols 0 to 2 write bytes
        value = given[0] if given else 1
    return -1 if value & 1 else value >> 1


def _graph_code(machine: Machine, blob: Blob, context: Context) -> Iterator[Blob]:
    """Yield the Python code that loading a saved torch.fx graph executes; raises Malformed if it is not literal."""
    values, number = Values(machine), count(1)
    for how, _, callee, arguments in machine.events:
        if how == "IMPORT" or values.callee(callee) != GRAPH_MODULE:
            continue
        given = values.arguments(arguments)
        body = machine.items(given[0]) if given else []
        code = [value for key, value in zip(body[::2], body[1::2], strict=False) if values.string(key) in _CODE_KEYS]
        parts = [values.string(value, DECODED_LIMIT) for value in (*given[1:2], *code)]
        if len(parts) < 2 or not all(parts):
            raise Malformed("the code of a saved graph is not in it")
        source = "\n".join((*parts, "forward(None)\n")).encode("utf-8", "replace")
        yield blob.nested(f"graph {next(number)}.py", context.spool((source,)), expanded=True)


def _latin1(text: Text, blob: Blob) -> Iterator[bytes]:
    if text.length > DECODED_LIMIT:
        raise OverLimit(f"bytes written as more than {DECODED_LIMIT // MIB} MiB of text")
    characters = text.decode(blob.reader, DECODED_LIMIT)
    yield characters.encode("latin-1", "replace") if isinstance(characters, str) else characters


def _stream_in(text: Text, blob: Blob, context: Context, name: str) -> Blob:
    """Return the stream in a string, without the escapes of protocol 0."""
    if text.opcode in (b"S", b"V"):
        return blob.nested(
            name, context.spool((text.read(blob.reader, DECODED_LIMIT),)), expect="pickle", expanded=True
        )
    return blob.window(name, text.offset, text.length, expect="pickle")


def _decoded(text: Text, blob: Blob, context: Context, ordinal: Iterator[int]) -> Iterator[Blob]:
    beginning = text.read(blob.reader, BEGINNING)
    layers = _layers_to_stream(beginning, BEGINNING)
    outer = None if layers else unusual(beginning)
    if outer:
        inner = _layers_to_stream(outer[1], BEGINNING)
        layers = 1 + inner if inner or _is_stream(outer[1][:4096]) else 0
    if layers:
        data = text.read(blob.reader, DECODED_LIMIT)
        if outer:
            data = (unusual(data) or ("", b""))[1]
            layers -= 1
        for _ in range(layers):
            data = undo(data, DECODED_LIMIT) or b""
        name = f"string {next(ordinal)} decoded"
        yield blob.nested(name, context.spool((data,)), expect="pickle", expanded=True)


def _is_stream(head: bytes) -> bool:
    """Return whether bytes begin a pickle."""
    return begins_stream(MemoryReader(head))


def _layers_to_stream(data: bytes, limit: int) -> int:
    """Return the number of encodings around a pickle that begins in `data`, or 0 if there is none."""
    for layers in range(1, LAYERS + 1):
        decoded = undo(data, limit)
        if decoded is None:
            return 0
        if _is_stream(decoded[:4096]):
            return layers
        data = decoded[: limit - limit % 12]
    return 0
