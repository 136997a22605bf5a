"""Functions and classes stored by value, as dill and cloudpickle write them, with bytecode that never runs."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.pickle.assembler import (
    BUILD,
    EMPTY_DICT,
    EMPTY_TUPLE,
    NEWOBJ,
    NONE,
    POP,
    REDUCE,
    STOP,
    SYSTEM,
    binary,
    call,
    global_,
    number,
    proto,
    text,
    tuple_,
)


def code(name: str, *names: str) -> bytes:
    """Return what makes a code object called `name` whose instructions use `names`, as cloudpickle writes it."""
    maker = call(global_("cloudpickle.cloudpickle", "_builtin_type"), text("CodeType"))
    head = (number(0), number(0), number(0), number(0), number(1), number(3), binary(b"\x97\x00"))
    return call(maker, *head, tuple_(NONE), tuple_(*map(text, names)), EMPTY_TUPLE, text("<x>"), text(name), number(1))


def code_of(instructions: bytes, names: tuple[str, ...], *texts: str) -> bytes:
    """Return what makes a code object of Python 3.11, with constants and instructions."""
    maker = call(global_("cloudpickle.cloudpickle", "_builtin_type"), text("CodeType"))
    head = (number(0), number(0), number(0), number(0), number(1), number(3), binary(instructions))
    tables = (tuple_(NONE, *map(text, texts)), tuple_(*map(text, names)), EMPTY_TUPLE)
    tail = (text("<x>"), text("f"), text("f"), number(1), binary(b""), binary(b""), EMPTY_TUPLE, EMPTY_TUPLE)
    return call(
        global_("cloudpickle.cloudpickle", "_make_function"),
        call(maker, *head, *tables, *tail),
        EMPTY_DICT,
        NONE,
        NONE,
        NONE,
    )


def function(name: str, *names: str) -> bytes:
    """Return what makes the function of `code`."""
    return call(global_("cloudpickle.cloudpickle", "_make_function"), code(name, *names), EMPTY_DICT, NONE, NONE, NONE)


MAKE_CLASS = global_("cloudpickle.cloudpickle", "_make_skeleton_class")
ENUM = global_("cloudpickle.cloudpickle", "_make_skeleton_enum")
FILL = global_("cloudpickle.cloudpickle", "_class_setstate")


def class_(metaclass: bytes) -> bytes:
    """Return what makes an empty class."""
    arguments = (metaclass, text("Net"), EMPTY_TUPLE, EMPTY_DICT, text("id"), NONE)
    return call(MAKE_CLASS, *arguments)


TYPE = global_("builtins", "type")
DILL_FUNCTION = global_("dill._dill", "_create_function")
OPENS = EMPTY_DICT + text("open") + global_("io", "open") + b"s"
EVALUATES = b"\x97\0|\0\xa0\0d\0S\0"
"""Takes `eval` from an argument, as Python 3.11 does."""


def case(verdict: Verdict, *parts: bytes) -> Case:
    """Return a case of one stream."""
    return Case(lambda: proto(2) + b"".join(parts) + STOP, "model.pkl", verdict, cut_is_clean=True)


MODULE = tuple_(global_("torch.nn.modules.module", "Module"))
OWN_MODULE = call(MAKE_CLASS, TYPE, text("Net"), MODULE, EMPTY_DICT, text("id"), NONE)


def stored(name: str, method: bytes, owner: bytes = class_(TYPE)) -> bytes:
    """Return what puts a method into the state of an instance of an own class."""
    return owner + EMPTY_TUPLE + NEWOBJ + EMPTY_DICT + text(name) + method + b"s" + BUILD


def new_class(body: bytes, keyword: str = "metaclass", value: bytes = TYPE) -> bytes:
    """Return what makes a class as dill does where its bases have arguments; `body` fills it."""
    keywords = EMPTY_DICT + text(keyword) + value + b"s"
    return call(global_("types", "new_class"), text("Net"), EMPTY_TUPLE, keywords, body)


def partial(function: bytes) -> bytes:
    """Return what makes a partial function, as dill names it."""
    return call(call(global_("dill._dill", "_load_type"), text("PartialType")), function)


def renamed(owner: bytes, name: str) -> bytes:
    """Return what sets the name of a class."""
    return call(global_("builtins", "setattr"), owner, text("__qualname__"), text(name))


def slot(owner: str, name: str, shown: str) -> bytes:
    """Return how dill finds a method of a built-in type, of which it evaluates what it is shown as."""
    loaded = call(global_("dill._dill", "_load_type"), text(owner))
    return call(global_("dill._dill", "_getattr"), loaded, text(name), text(shown))


def found(owner: bytes, name: str) -> bytes:
    """Return what looks up an attribute."""
    return call(global_("builtins", "getattr"), owner, text(name))


def imported(module: str) -> bytes:
    """Return how dill finds a module again."""
    return call(global_("dill._dill", "_import_module"), text(module))


def cached_property(function: bytes) -> bytes:
    """Return what makes a property that calls a function when it is read."""
    state = EMPTY_DICT + text("func") + function + b"s" + text("attrname") + text("size") + b"s"
    return global_("functools", "cached_property") + EMPTY_TUPLE + NEWOBJ + state + BUILD


def found_in_module(module: str, name: str) -> bytes:
    """Return how dill before 0.3.6 finds a function of a compiled module."""
    imported = call(global_("dill._dill", "_import_module"), text(module))
    return call(global_("dill._dill", "_get_attr"), imported, text(name))


def old_setter() -> bytes:
    """Return how dill before 0.3.6 finds the `setattr` that fills closures."""
    return call(global_("builtins", "getattr"), global_("dill._shims", "_dill"), text("_setattr"), SETATTR)


def unpickler(*names: str, given: bytes) -> bytes:
    """Return a call of Keras' own loader with what it is given, as cloudpickle stores it where a class is not found."""
    maker = call(global_("cloudpickle.cloudpickle", "_builtin_type"), text("MethodType"))
    bound = call(maker, function("KerasSaveable._unpickle_model", *names), global_("keras", "Sequential"))
    return call(bound, given)


SETATTR = global_("builtins", "setattr")
CELL = call(global_("dill._dill", "_create_cell"), NONE)
LOWER = "<method 'lower' of 'str' objects>"
RECONSTRUCT = found_in_module("numpy.core._multiarray_umath", "_reconstruct")
KERAS = ("keras.src.saving.saving_lib", "saving_lib", "_load_model_from_fileobj", "cls", "bytesio")
BUFFER = global_("_io", "BytesIO") + EMPTY_TUPLE + NEWOBJ + tuple_(binary(b"model"), number(0), NONE) + BUILD
RAISES = ("cannot assign to field ", "type", "super", "__setattr__", "FrozenInstanceError", "cls")
PRIVATE = [f"_{name}_fn" for name in "abcdefghijklmnopqrstuvwxyz"]
DATACLASSES = b"".join(global_("dataclasses", name) + POP for name in (*PRIVATE, "make_dataclass"))
FUNCTOOLS = DATACLASSES.replace(b"cdataclasses\nmake_dataclass", b"cfunctools\nsingledispatch").replace(
    b"cdataclasses", b"cfunctools"
) + b"".join(global_(*name) + POP for name in (("collections", "namedtuple"), ("_thread", "RLock")))
NAMESAKE = EMPTY_DICT + text("error") + global_("tbats", "error") + b"s"
SHOWN = global_("keras.src.layers.layer", "Layer.__str__")
LEN = global_("builtins", "len")
GETITEM = global_("_operator", "getitem")
PARTIAL_TYPE = call(global_("dill._dill", "_load_type"), text("PartialType"))
CACHE = global_("functools", "lru_cache")
NEW_BLOCK = global_("pandas.core.internals.blocks", "new_block")
COLUMN = (
    call(
        global_("numpy.core.multiarray", "_reconstruct"), global_("numpy", "ndarray"), tuple_(number(0)), binary(b"b")
    ),
    call(global_("builtins", "slice"), number(0), number(4), number(1)),
)


def block(held: bytes) -> bytes:
    """Return what makes a column of pandas 1.3, by a partial with those keywords."""
    made = call(global_("functools", "partial"), NEW_BLOCK) + tuple_(NEW_BLOCK, EMPTY_TUPLE, held, NONE) + BUILD
    return call(made, *COLUMN)


OBJECT = global_("builtins", "object")
SETTER = found(OBJECT, "__setattr__")
DILL_SETTER = slot("object", "__setattr__", "<slot wrapper '__setattr__' of 'object' objects>")
FROZEN = global_("attr._make", "_frozen_setattrs")
REPLACE = global_("dataclasses", "replace")
SETITEMS = global_("dill._dill", "_setitems")
ITEMS = tuple_(SETITEMS, EMPTY_TUPLE, EMPTY_DICT + text("source") + EMPTY_DICT + b"s", NONE)
OTHER_ITEMS = tuple_(SETITEMS, EMPTY_TUPLE, EMPTY_DICT + text("source") + class_(TYPE) + b"s", NONE)
SETSTATE = global_("dataclasses", "_dataclass_setstate")
REPR = global_("enum", "Enum.__repr__")
CASES = {
    "benign_setstate_of_dataclasses": case(Verdict.CLEAN, stored("__setstate__", SETSTATE)),
    "setstate_of_dataclasses_as_append": case(Verdict.MALICIOUS, stored("append", SETSTATE)),
    "benign_text_of_an_enumeration": case(Verdict.CLEAN, stored("__repr__", REPR)),
    "text_of_an_enumeration_as_setstate": case(Verdict.MALICIOUS, stored("__setstate__", REPR)),
    "function": case(Verdict.CLEAN, function("forward", "sqrt")),
    "function_called": case(Verdict.REVIEW, function("forward", "sqrt"), EMPTY_TUPLE, REDUCE),
    "function_with_system": case(Verdict.REVIEW, function("forward", "os", "system")),
    "function_with_system_called": case(Verdict.MALICIOUS, function("forward", "os", "system"), EMPTY_TUPLE, REDUCE),
    "class_instance": case(Verdict.CLEAN, class_(TYPE), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD),
    "setstate_with_system": case(
        Verdict.MALICIOUS, function("Net.__setstate__", "os", "system"), b"0", class_(TYPE), EMPTY_TUPLE, NEWOBJ
    ),
    "setstate_calls_function_with_system": case(
        Verdict.MALICIOUS,
        stored("__setstate__", function("Net.__setstate__", "restore")),
        function("restore", "start"),
        function("start", "os", "system"),
    ),
    "setstate_beside_function_with_system": case(
        Verdict.REVIEW,
        stored("__setstate__", function("Net.__setstate__", "update")),
        function("start", "os", "system"),
    ),
    "setstate_is_lambda_with_system": case(
        Verdict.MALICIOUS, stored("__setstate__", function("Net.<lambda>", "os", "system"))
    ),
    "lambda_in_setstate_with_system": case(Verdict.MALICIOUS, function("Net.__setstate__.<locals>.<lambda>", "system")),
    "constructor_with_system": case(
        Verdict.REVIEW, function("Net.__init__", "os", "system"), class_(TYPE), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD
    ),
    "constructor_with_system_called": case(
        Verdict.MALICIOUS, function("Net.__init__", "os", "system"), class_(TYPE), EMPTY_TUPLE, REDUCE
    ),
    "constructor_of_metaclass_with_system": case(
        Verdict.MALICIOUS, function("Meta.__init__", "os", "system"), class_(class_(TYPE))
    ),
    "instance_with_system_handed_over": case(
        Verdict.MALICIOUS,
        function("Net.__bool__", "os", "system"),
        call(global_("builtins", "bool"), class_(TYPE) + EMPTY_TUPLE + NEWOBJ),
    ),
    "base_of_an_enumeration_with_system": case(
        Verdict.MALICIOUS,
        function("Base.__init__", "os", "system"),
        call(ENUM, tuple_(class_(TYPE), global_("enum", "Enum")), text("Color"), text("Color"), EMPTY_DICT, NONE),
    ),
    "keys_of_an_instance_with_system": case(
        Verdict.MALICIOUS,
        function("Net.__iter__", "os", "system"),
        call(global_("cloudpickle.cloudpickle", "_make_dict_keys"), class_(TYPE) + EMPTY_TUPLE + NEWOBJ),
    ),
    "state_is_an_instance_with_system": case(
        Verdict.MALICIOUS,
        function("Net.items", "os", "system"),
        call(FILL, class_(TYPE), tuple_(class_(TYPE) + EMPTY_TUPLE + NEWOBJ, NONE)),
    ),
    "inherited_constructor_with_system": case(
        Verdict.REVIEW,
        function("Base.__init__", "os", "system"),
        call(MAKE_CLASS, TYPE, text("Net"), tuple_(class_(TYPE)), EMPTY_DICT, text("id"), NONE),
        EMPTY_TUPLE,
        NEWOBJ,
    ),
    "property_set_by_slots_with_system": case(
        Verdict.MALICIOUS,
        function("Net.size", "os", "system"),
        class_(TYPE),
        EMPTY_TUPLE,
        NEWOBJ,
        tuple_(NONE, EMPTY_DICT + text("size") + NONE + b"s"),
        BUILD,
    ),
    "setter_of_slots": case(
        Verdict.REVIEW,
        stored("__setattr__", function("Net.__setattr__", "run")),
        class_(TYPE) + EMPTY_TUPLE + NEWOBJ + tuple_(NONE, EMPTY_DICT) + BUILD,
    ),
    "benign_setter_that_nothing_calls": case(
        Verdict.CLEAN, stored("__setattr__", function("Net.__setattr__", "FrozenInstanceError", "super", "__setattr__"))
    ),
    "benign_evaluation_mode": case(Verdict.CLEAN, code_of(EVALUATES, ("eval",))),
    "evaluation_of_text": case(Verdict.REVIEW, code_of(b"\x97\0t\x01d\1S\0", ("eval",))),
    "benign_role_of_a_chat": case(Verdict.CLEAN, code_of(b"\x97\0d\1S\0", ("append",), "system")),
    "text_reached_by_getattr": case(Verdict.REVIEW, code_of(b"\x97\0d\1S\0", ("getattr",), "system")),
    "text_reached_by_another_function": case(
        Verdict.REVIEW, code_of(b"\x97\0d\1S\0", ("append",), "Popen"), function("find", "__subclasses__")
    ),
    "evaluation_of_the_module_of_builtins": case(
        Verdict.REVIEW,
        call(global_("cloudpickle.cloudpickle", "subimport"), text("builtins")),
        code_of(EVALUATES, ("eval",)),
    ),
    "benign_platform": case(Verdict.CLEAN, code_of(b"\x97\0t\0j\1S\0", ("platform", "system"))),
    "system_of_platform_of_os": case(Verdict.REVIEW, code_of(b"\x97\0t\0j\2j\1S\0", ("platform", "system", "os"))),
    "benign_cache": case(
        Verdict.CLEAN, call(call(global_("functools", "lru_cache"), NONE, b"\x89"), function("f", "sqrt"))
    ),
    "cache_of_system": case(Verdict.MALICIOUS, call(call(global_("functools", "lru_cache"), NONE, b"\x89"), SYSTEM)),
    "cache_called": case(
        Verdict.MALICIOUS,
        call(call(call(global_("functools", "lru_cache"), NONE, b"\x89"), function("f", "sqrt")), NONE),
    ),
    "benign_method_of_enumeration": case(Verdict.CLEAN, found(global_("enum", "Enum"), "__format__")),
    "benign_partial_of_a_function_that_opens": case(
        Verdict.CLEAN, call(global_("functools", "partial"), call(DILL_FUNCTION, code("f", "open"), OPENS), text("x"))
    ),
    "open_that_nothing_explains": case(
        Verdict.REVIEW, call(global_("functools", "partial"), call(DILL_FUNCTION, code("f", "sqrt"), OPENS), text("x"))
    ),
    "benign_field_of_a_named_tuple": case(
        Verdict.CLEAN, call(global_("collections", "_tuplegetter"), number(0), text("Alias for field number 0"))
    ),
    "field_of_a_named_tuple_with_system": case(
        Verdict.MALICIOUS, call(global_("collections", "_tuplegetter"), number(0), SYSTEM)
    ),
    "benign_names_of_python_3_13": case(
        Verdict.CLEAN,
        function("__repr__", "id") + POP,
        global_("_thread", "get_ident") + POP + global_("dataclasses", "_replace") + POP,
        global_("enum", "Flag") + POP + found(global_("enum", "Enum"), "__format__"),
    ),
    "other_names_of_thread": case(Verdict.REVIEW, global_("_thread", "start_new_thread")),
    "benign_decoder": case(Verdict.CLEAN, function("predict", "base64", "b64decode", "decode", "reshape")),
    "decoder_of_pickles": case(Verdict.REVIEW, function("predict", "b64decode", "loads")),
    "metaclass_is_system": case(Verdict.MALICIOUS, class_(SYSTEM)),
    "attribute_of_own_class": case(
        Verdict.CLEAN, call(global_("builtins", "setattr"), class_(TYPE), text("__qualname__"), text("Net"))
    ),
    "benign_new_class": case(Verdict.CLEAN, new_class(partial(SETITEMS) + ITEMS + BUILD), EMPTY_TUPLE, NEWOBJ),
    "new_class_filled_by_system": case(Verdict.MALICIOUS, new_class(partial(SYSTEM))),
    "new_class_filled_by_an_own_function": case(Verdict.REVIEW, new_class(function("fill", "connect"))),
    "new_class_filled_by_a_partial_own_function": case(Verdict.REVIEW, new_class(partial(function("fill", "connect")))),
    "new_class_filled_by_an_own_instance": case(
        Verdict.REVIEW, new_class(call(class_(TYPE), SETITEMS)), EMPTY_TUPLE, NEWOBJ
    ),
    "new_class_filled_by_another_state": case(
        Verdict.MALICIOUS,
        new_class(partial(SETITEMS) + tuple_(SYSTEM, EMPTY_TUPLE, EMPTY_DICT, NONE) + BUILD),
    ),
    "new_class_filled_by_an_own_state": case(
        Verdict.MALICIOUS,
        new_class(partial(SETITEMS) + tuple_(function("f", "connect"), EMPTY_TUPLE, EMPTY_DICT, NONE) + BUILD),
    ),
    "new_class_filled_from_an_own_class": case(Verdict.REVIEW, new_class(partial(SETITEMS) + OTHER_ITEMS + BUILD)),
    "benign_partial_functions": case(
        Verdict.CLEAN, *(partial(LEN) + tuple_(LEN, tuple_(number(at)), EMPTY_DICT, NONE) + BUILD for at in range(3))
    ),
    "partial_function_of_another_state": case(
        Verdict.MALICIOUS, partial(LEN), tuple_(SYSTEM, EMPTY_TUPLE, EMPTY_DICT, NONE), BUILD
    ),
    "new_class_of_system": case(Verdict.MALICIOUS, new_class(partial(SETITEMS), value=SYSTEM)),
    "new_class_with_other_keyword": case(Verdict.REVIEW, new_class(partial(SETITEMS), "hook")),
    "new_class_held": case(Verdict.REVIEW, partial(global_("types", "new_class"))),
    "new_class_as_setstate": case(Verdict.MALICIOUS, stored("__setstate__", global_("types", "new_class"))),
    "benign_name_of_an_own_class": case(Verdict.CLEAN, renamed(global_("__main__", "Color"), "Color")),
    "another_name_of_a_class": case(Verdict.MALICIOUS, renamed(global_("torch.nn", "Linear"), "Conv2d")),
    "benign_cached_function": case(Verdict.CLEAN, call(CACHE, function("forward", "sqrt"))),
    "cached_function_called": case(Verdict.MALICIOUS, call(call(CACHE, function("forward", "sqrt")), number(1))),
    "cached_function_of_another": case(Verdict.MALICIOUS, call(call(CACHE, SYSTEM), text("echo modelsweep-test"))),
    "cached_function_as_setstate": case(
        Verdict.MALICIOUS, stored("__setstate__", call(CACHE, function("forward", "sqrt")))
    ),
    "benign_block_of_pandas": case(Verdict.CLEAN, block(EMPTY_DICT + text("ndim") + number(2) + b"s")),
    "block_of_pandas_of_a_class": case(
        Verdict.MALICIOUS, block(EMPTY_DICT + text("ndim") + number(2) + b"s" + text("klass") + SYSTEM + b"s")
    ),
    "block_of_pandas_of_an_own_function": case(
        Verdict.REVIEW, block(EMPTY_DICT + text("klass") + function("make", "connect") + b"s")
    ),
    "block_of_pandas_by_old_dill_of_a_class": case(
        Verdict.MALICIOUS,
        call(
            call(
                global_("dill._dill", "_create_ftype"),
                PARTIAL_TYPE,
                NEW_BLOCK,
                EMPTY_TUPLE,
                EMPTY_DICT + text("klass") + function("make", "connect") + b"s",
            ),
            *COLUMN,
        ),
    ),
    "benign_block_of_pandas_by_old_dill": case(
        Verdict.CLEAN,
        call(
            call(
                global_("dill._dill", "_create_ftype"),
                PARTIAL_TYPE,
                NEW_BLOCK,
                EMPTY_TUPLE,
                EMPTY_DICT + text("ndim") + number(2) + b"s",
            ),
            *COLUMN,
        ),
    ),
    "benign_getter_of_a_named_tuple": case(
        Verdict.CLEAN, call(global_("collections", "_tuplegetter"), number(0), text("Alias for field number 0"))
    ),
    "benign_names_of_dataclasses_of_3_13": case(
        Verdict.CLEAN, stored("__replace__", global_("dataclasses", "_replace")), global_("_thread", "get_ident")
    ),
    "benign_method_of_a_type": case(Verdict.CLEAN, slot("str", "lower", LOWER)),
    "method_of_a_type_called": case(Verdict.MALICIOUS, call(slot("str", "lower", LOWER), text("X"))),
    "method_of_a_type_that_is_evaluated": case(
        Verdict.MALICIOUS, slot("str", "lower", "<method 'lower' of 'print(1)' objects>")
    ),
    "method_of_a_type_that_changes": case(
        Verdict.MALICIOUS, slot("dict", "update", "<method 'update' of 'dict' objects>")
    ),
    "benign_function_of_a_compiled_module": case(
        Verdict.CLEAN, call(RECONSTRUCT, global_("numpy", "ndarray"), tuple_(number(0)), binary(b"b"))
    ),
    "function_of_a_module_that_runs": case(
        Verdict.MALICIOUS, call(found_in_module("os", "system"), text("echo modelsweep-test"))
    ),
    "builtin_behind_a_module": case(Verdict.MALICIOUS, call(found_in_module("numpy", "eval"), text("1"))),
    "benign_closure_of_old_dill": case(Verdict.CLEAN, call(old_setter(), CELL, text("cell_contents"), LEN)),
    "setter_of_old_dill_on_a_module": case(
        Verdict.MALICIOUS, call(old_setter(), global_("torch", "nn"), text("Linear"), LEN)
    ),
    "benign_partial_of_old_dill": case(
        Verdict.CLEAN, call(global_("dill._dill", "_create_ftype"), PARTIAL_TYPE, LEN, EMPTY_TUPLE, EMPTY_DICT)
    ),
    "partial_of_old_dill_that_runs": case(
        Verdict.MALICIOUS,
        call(call(global_("dill._dill", "_create_ftype"), PARTIAL_TYPE, SYSTEM, EMPTY_TUPLE, EMPTY_DICT), text("x")),
    ),
    "another_type_of_old_dill": case(
        Verdict.MALICIOUS,
        call(global_("dill._dill", "_create_ftype"), SYSTEM, text("echo modelsweep-test"), EMPTY_TUPLE, EMPTY_DICT),
    ),
    "benign_loader_of_keras": case(Verdict.CLEAN, unpickler(*KERAS, given=BUFFER)),
    "loader_of_keras_with_another_name": case(Verdict.REVIEW, unpickler(*KERAS, "run", given=BUFFER)),
    "loader_of_keras_that_runs": case(Verdict.MALICIOUS, unpickler(*KERAS, "os", "system", given=BUFFER)),
    "loader_of_keras_that_is_given_a_path": case(Verdict.REVIEW, unpickler(*KERAS, given=text("model.keras"))),
    "benign_setter_of_a_frozen_class": case(Verdict.CLEAN, stored("__setattr__", function("__setattr__", *RAISES))),
    "benign_setter_of_an_own_class": case(
        Verdict.CLEAN, stored("__setattr__", function("__setattr__", *RAISES, "run"))
    ),
    "setter_of_an_own_module": case(
        Verdict.REVIEW, stored("__setattr__", function("__setattr__", *RAISES, "run"), OWN_MODULE)
    ),
    "setter_of_an_own_class_with_system": case(
        Verdict.REVIEW, stored("__setattr__", function("Net.__setattr__", "os", "system"))
    ),
    "setter_of_an_own_module_that_runs": case(
        Verdict.MALICIOUS, stored("__setattr__", function("Net.__setattr__", "os", "system"), OWN_MODULE)
    ),
    "setter_of_a_frozen_class_as_setstate": case(
        Verdict.REVIEW, stored("__setstate__", function("__setattr__", *RAISES))
    ),
    "benign_module_of_dataclasses": case(Verdict.CLEAN, function("__repr__", "id") + POP, DATACLASSES, NONE),
    "maker_of_dataclasses_alone": case(
        Verdict.REVIEW, function("__repr__", "id") + POP, global_("dataclasses", "make_dataclass")
    ),
    "maker_of_dataclasses_called": case(
        Verdict.MALICIOUS,
        function("__repr__", "id") + POP,
        DATACLASSES,
        call(global_("dataclasses", "make_dataclass"), text("X"), EMPTY_TUPLE),
    ),
    "benign_slot": case(Verdict.CLEAN, slot("str", "__repr__", "<slot wrapper '__repr__' of 'str' objects>")),
    "slot_that_is_evaluated": case(
        Verdict.MALICIOUS, slot("str", "__repr__", "<slot wrapper '__repr__' of 'print(1)' objects>")
    ),
    "slot_of_another_type": case(
        Verdict.MALICIOUS, slot("str", "__repr__", "<slot wrapper '__repr__' of 'type' objects>")
    ),
    "slot_that_runs": case(
        Verdict.MALICIOUS, slot("object", "__init__", "<slot wrapper '__init__' of 'object' objects>")
    ),
    "benign_setter": case(Verdict.CLEAN, found(SETTER, "__get__")),
    "benign_setter_of_dill": case(Verdict.CLEAN, found(DILL_SETTER, "__get__")),
    "setter_called": case(Verdict.MALICIOUS, call(SETTER, class_(TYPE), text("x"), NONE)),
    "setter_of_dill_called": case(Verdict.MALICIOUS, call(DILL_SETTER, class_(TYPE), text("x"), NONE)),
    "setter_bound_and_called": case(
        Verdict.MALICIOUS, call(call(found(SETTER, "__get__"), global_("torch", "nn")), text("Linear"), NONE)
    ),
    "setter_as_append": case(Verdict.MALICIOUS, stored("append", SETTER)),
    "setter_as_setstate": case(Verdict.MALICIOUS, stored("__setstate__", DILL_SETTER)),
    "setter_of_type": case(Verdict.MALICIOUS, found(TYPE, "__setattr__")),
    "inside_of_object": case(Verdict.MALICIOUS, found(OBJECT, "__subclasses__")),
    "get_of_another": case(Verdict.MALICIOUS, found(SETSTATE, "__get__")),
    "benign_frozen_of_attrs": case(Verdict.CLEAN, stored("__setattr__", FROZEN)),
    "frozen_of_attrs_as_setstate": case(Verdict.MALICIOUS, stored("__setstate__", FROZEN)),
    "benign_replace_of_dataclasses": case(Verdict.CLEAN, stored("replace", REPLACE)),
    "replace_of_dataclasses_as_append": case(Verdict.MALICIOUS, stored("append", REPLACE)),
    "benign_module_under_its_name": case(Verdict.CLEAN, function("fit", "sqrt"), NAMESAKE),
    "module_under_its_name_without_a_function": case(Verdict.MALICIOUS, NAMESAKE),
    "function_under_its_name_that_opcodes_call": case(
        Verdict.MALICIOUS, function("fit", "sqrt"), EMPTY_DICT, text("append"), global_("tbats", "append"), b"s"
    ),
    "function_under_the_name_of_a_method": case(
        Verdict.MALICIOUS, function("fit", "sqrt"), EMPTY_DICT, text("error"), global_("tbats", "TBATS.fit"), b"s"
    ),
    "benign_text_of_a_class_of_keras": case(Verdict.CLEAN, stored("__str__", SHOWN)),
    "text_of_a_class_of_keras_as_setstate": case(Verdict.MALICIOUS, stored("__setstate__", SHOWN)),
    "benign_submodule": case(Verdict.CLEAN, function("fit", "sqrt"), imported("multiprocessing.dummy")),
    "function_behind_a_submodule": case(
        Verdict.MALICIOUS, call(found(imported("multiprocessing.dummy"), "Process"), text("echo modelsweep-test"))
    ),
    "attribute_in_the_place_of_a_module": case(Verdict.MALICIOUS, imported("multiprocessing.Process")),
    "module_given_a_state": case(Verdict.MALICIOUS, imported("json"), EMPTY_DICT, text("loads"), LEN, b"s", BUILD),
    "own_module_given_a_state": case(Verdict.REVIEW, imported("helpers"), EMPTY_DICT, text("loads"), LEN, b"s", BUILD),
    "benign_module_of_functools": case(Verdict.CLEAN, function("wrapper", "id") + POP, FUNCTOOLS, NONE),
    "part_of_functools": case(Verdict.REVIEW, function("wrapper", "id") + POP, global_("functools", "singledispatch")),
    "module_of_functools_called": case(
        Verdict.MALICIOUS,
        function("wrapper", "id") + POP,
        FUNCTOOLS,
        call(global_("collections", "namedtuple"), text("X"), text("a")),
    ),
    "benign_cached_property": case(Verdict.CLEAN, cached_property(function("Net.size", "sqrt"))),
    "cached_property_of_system": case(Verdict.MALICIOUS, cached_property(SYSTEM)),
    "cached_property_as_append": case(
        Verdict.MALICIOUS, stored("append", cached_property(function("Net.append", "os", "system")))
    ),
    "benign_generic_class": case(Verdict.CLEAN, call(GETITEM, class_(TYPE), global_("builtins", "int"))),
    "generic_class_with_system": case(
        Verdict.MALICIOUS,
        function("Net.__class_getitem__", "os", "system") + POP,
        call(GETITEM, class_(TYPE), global_("builtins", "int")),
    ),
    "item_of_another": case(Verdict.REVIEW, call(GETITEM, global_("acme", "Net"), global_("builtins", "int"))),
    "benign_class_of_protocol_0": case(
        Verdict.CLEAN, call(global_("copy_reg", "_reconstructor"), class_(TYPE), OBJECT, NONE), EMPTY_DICT, BUILD
    ),
    "class_of_protocol_0_with_another_base": case(
        Verdict.REVIEW, call(global_("copy_reg", "_reconstructor"), class_(TYPE), global_("acme", "Base"), NONE)
    ),
    "benign_keys": case(Verdict.CLEAN, class_(global_("typing", "_TypedDictMeta")), EMPTY_TUPLE, NEWOBJ),
    "attribute_of_module": case(
        Verdict.MALICIOUS, call(global_("builtins", "setattr"), global_("torch", "nn"), text("Linear"), NONE)
    ),
}
