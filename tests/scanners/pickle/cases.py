"""Pickles of every protocol: each way to name, call and hide a callable, and the benign look-alike of each."""

from __future__ import annotations

import array
import base64
import binascii
import bz2
import codecs
import collections
import datetime
import decimal
import functools
import hashlib
import io
import lzma
import math
import operator
import pickle
import uuid
import zlib
from collections.abc import Callable

import joblib
import lz4.frame
import numpy
import zstandard

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.keras.cases import DENSE, STANDARD, archive, function, sequential
from tests.scanners.payload import gzipped
from tests.scanners.pickle.assembler import (
    APPEND,
    BUILD,
    COMMAND,
    DUP,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    EVIL,
    EVIL_PICKLE,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NEWOBJ_EX,
    NONE,
    OBJ,
    POP,
    REDUCE,
    SETITEM,
    STACK_GLOBAL,
    STOP,
    SYSTEM,
    binary,
    call,
    get,
    global_,
    inst,
    number,
    proto,
    put,
    short,
    stack_global,
    text,
    tuple_,
)


class Calls:
    """An object whose pickle calls `function` with `arguments`."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.function, self.arguments


PLAIN = {
    "weights": [0.5, -1.25],
    "names": ("a", "b"),
    "epoch": 3,
    "flags": {True, False},
    "raw": b"\x00\x01",
    "none": None,
}


def stream(*parts: bytes, version: int = 2) -> bytes:
    """Return a whole pickle of opcodes."""
    return proto(version) + b"".join(parts) + STOP


def malicious(data: bytes, name: str = "model.pkl") -> Case:
    """Return a case that must come out malicious."""
    return Case(lambda: data, name, Verdict.MALICIOUS, cut_is_clean=True)


def review(data: bytes, name: str = "model.pkl") -> Case:
    """Return a case that must come out as to be reviewed."""
    return Case(lambda: data, name, Verdict.REVIEW, cut_is_clean=True)


def clean(data: bytes, name: str = "model.pkl", *, cut_is_clean: bool = False) -> Case:
    """Return a case that must come out clean."""
    return Case(lambda: data, name, Verdict.CLEAN, cut_is_clean=cut_is_clean)


def dumped(value: object, **options: object) -> bytes:
    """Return `value` as joblib writes it."""
    buffer = io.BytesIO()
    joblib.dump(value, buffer, **options)
    return buffer.getvalue()


CASES: dict[str, Case] = {f"plain_protocol_{version}": clean(pickle.dumps(PLAIN, version)) for version in range(6)}
CASES |= {f"call_protocol_{version}": malicious(pickle.dumps(Calls(exec, "pass"), version)) for version in range(6)}


def escaped(word: str, wide: bool = False) -> bytes:
    """Return an opcode of protocol 0 that pushes `word`, each of its characters written as an escape."""
    letters = "".join(f"\\U{ord(letter):08x}" if wide else f"\\u{ord(letter):04x}" for letter in word)
    return f"V{letters}\n".encode()


def buffer(*state: bytes) -> bytes:
    """Return what pushes an io.BytesIO with a state."""
    return global_("_io", "BytesIO") + EMPTY_TUPLE + NEWOBJ + tuple_(*state, number(0), NONE) + BUILD


def keras_model(document: object, owner: tuple[str, str] = ("keras.src.models.sequential", "Sequential")) -> bytes:
    """Return a model as Keras 3 pickles it, with so much behind it that nobody sees the end of a zip in the file."""
    unpickler = call(global_("builtins", "getattr"), global_(*owner), text("_unpickle_model"))
    return stream(unpickler, tuple_(buffer(binary(archive(document)()))), REDUCE, text("0" * 70_000), POP)


LOADER = global_("_frozen_importlib_external", "SourceFileLoader")
STORED_FUNCTION = call(global_("dill._dill", "_create_function"), NONE, EMPTY_DICT)
BUILTINS = global_("builtins", "__dict__")
FOUND_EVAL = call(call(global_("_operator", "getitem"), BUILTINS, text("eval")), text("1"))
LOADING = call(global_("builtins", "getattr"), LOADER + EMPTY_TUPLE + NEWOBJ, text("load_module"))
CASES |= {
    "dill_loader_held": clean(stream(LOADER, EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD)),
    "dill_loader_called": malicious(stream(call(LOADER, text("a"), text("/tmp/a.py")))),
    "dill_loader_loads": malicious(stream(call(LOADING, text("a")))),
    "dill_globals_of_a_function": clean(stream(STORED_FUNCTION, POP, BUILTINS)),
    "dill_globals_used": malicious(stream(STORED_FUNCTION, POP, FOUND_EVAL)),
    "globals_without_a_function": review(stream(BUILTINS)),
    "jax_array_by_os_system": malicious(
        stream(call(global_("jax._src.array", "_reconstruct_array"), SYSTEM, tuple_(text(COMMAND)), NONE, NONE))
    ),
    "numba_pickle_in_bytes": malicious(
        stream(call(global_("numba.core.serialize", "_unpickle__CustomPickled"), binary(EVIL_PICKLE)))
    ),
}

ORDERED = global_("collections", "OrderedDict")
NAMESPACE = global_("sklearn.utils.validation", "__dict__")
FOREIGN, POSIX = global_("acme.steps", "__dict__"), global_("os", "__dict__")
PARTIAL, GET_ITEM = global_("functools", "partial"), global_("_operator", "getitem")


def library_function(namespace: bytes = NAMESPACE) -> bytes:
    """Return what makes a function of a library as dill stores it by value: its globals are the library's own."""
    return call(global_("dill._dill", "_create_function"), NONE, namespace)


FILLED = tuple_(EMPTY_DICT, EMPTY_DICT + text("__globals__") + EMPTY_DICT + SETITEM)
CASES |= {
    "benign_state_of_megatron": clean(
        stream(call(global_("megatron.core.rerun_state_machine", "RerunMode"), text("disabled")))
    ),
    "benign_text_that_is_called": clean(stream(call(text("echo"), text("modelsweep-test")))),
    "benign_table_that_is_called": clean(stream(EMPTY_DICT, tuple_(text("modelsweep-test")), b"R")),
    "benign_weights_around_128": Case(
        lambda: bytes.fromhex("8f88827d92908799979371706b7d7878") * 99, "chunk-34dd3ad7", Verdict.NOT_SCANNED
    ),
    "benign_dill_function_of_a_library": clean(stream(library_function())),
    "benign_dill_function_of_a_library_in_a_partial": clean(stream(call(PARTIAL, library_function(), number(1)))),
    "benign_dill_function_of_a_library_in_a_factory": clean(
        stream(call(global_("collections", "defaultdict"), library_function()))
    ),
    "benign_dill_function_of_a_library_in_a_method": clean(
        stream(call(global_("types", "MethodType"), library_function(), EMPTY_DICT))
    ),
    "benign_dill_function_of_a_module_beside_the_script": clean(
        stream(library_function(global_("utils.losses", "__dict__")))
    ),
    "benign_namespace_that_is_kept_for_two_functions": clean(
        stream(library_function(NAMESPACE + put(3)), POP, library_function(get(3)))
    ),
    "namespace_of_a_library_kept": review(stream(library_function(NAMESPACE + put(3)), POP, tuple_(get(3)))),
    "namespace_of_a_library_kept_and_looked_into": malicious(
        stream(
            library_function(NAMESPACE + put(3)),
            POP,
            call(call(GET_ITEM, get(3), text("np")), text("x")),
        )
    ),
    "namespace_of_a_library_whose_number_is_taken": review(
        stream(library_function(NAMESPACE + put(3)), POP, EMPTY_LIST, get(3), APPEND, text("x"), put(3), POP)
    ),
    "namespace_of_a_library_as_an_identifier": review(stream(library_function(), POP, NAMESPACE, b"Q")),
    "namespace_of_a_library_as_keywords": review(
        stream(library_function(), POP, ORDERED, EMPTY_TUPLE, NAMESPACE, NEWOBJ_EX, version=4)
    ),
    "namespace_of_a_library_in_arguments_that_are_kept": review(
        stream(
            global_("dill._dill", "_create_function"),
            tuple_(NONE, NAMESPACE),
            put(4),
            REDUCE,
            POP,
            EMPTY_LIST,
            get(4),
            APPEND,
        )
    ),
    "dill_function_of_a_package_nobody_vetted": review(stream(call(PARTIAL, library_function(FOREIGN)))),
    "dill_function_of_os_in_a_partial": malicious(stream(call(PARTIAL, library_function(POSIX)))),
    "dill_function_of_a_library_called": review(stream(call(library_function(), text("x")))),
    "namespace_of_a_library_without_a_function": review(stream(NAMESPACE)),
    "namespace_of_a_library_in_a_state": review(
        stream(library_function(), POP, ORDERED, EMPTY_TUPLE, NEWOBJ, NAMESPACE, BUILD)
    ),
    "namespace_of_a_library_as_defaults": review(
        stream(call(global_("dill._dill", "_create_function"), NONE, NAMESPACE, text("f"), NAMESPACE))
    ),
    "namespace_of_a_library_in_a_partial": review(
        stream(library_function(), POP, call(PARTIAL, GET_ITEM, NAMESPACE, text("np")))
    ),
    "namespace_of_a_library_looked_into": malicious(
        stream(library_function(), POP, call(call(GET_ITEM, NAMESPACE, text("np")), text("x")))
    ),
    "namespace_of_a_library_changed": malicious(
        stream(library_function(), POP, NAMESPACE, text("np"), library_function(), SETITEM)
    ),
    "namespace_of_a_library_filled": malicious(
        stream(call(global_("cloudpickle.cloudpickle", "_function_setstate"), library_function(), FILLED))
    ),
    "namespace_of_builtins_filled": malicious(
        stream(call(global_("cloudpickle.cloudpickle", "_function_setstate"), library_function(BUILTINS), FILLED))
    ),
}

LOADS, DILL_LOADS = global_("_pickle", "loads"), global_("dill._dill", "loads")
INNER = pickle.dumps(PLAIN, 4)
CASES |= {
    "benign_pickle_that_loads_a_pickle": clean(stream(call(LOADS, binary(INNER)))),
    "benign_pickle_that_loads_one_by_dill": clean(stream(call(DILL_LOADS, binary(INNER)))),
    "benign_pickle_that_loads_one_of_protocol_2": clean(pickle.dumps(Calls(pickle.loads, pickle.dumps([1.5], 2)), 2)),
    "pickle_that_loads_a_dangerous_one": malicious(stream(call(LOADS, binary(EVIL_PICKLE)))),
    "pickle_that_loads_a_dangerous_one_of_protocol_2": malicious(pickle.dumps(Calls(pickle.loads, EVIL_PICKLE), 2)),
    "pickle_that_loads_what_nobody_vetted": review(stream(call(LOADS, binary(stream(call(global_("acme", "make"))))))),
    "pickle_that_loads_no_pickle": malicious(stream(call(LOADS, binary(b"data")))),
    "pickle_that_loads_with_options": malicious(stream(call(LOADS, binary(INNER), text("x")))),
    "pickle_that_loads_what_it_computes": malicious(
        stream(call(LOADS, call(global_("zlib", "decompress"), binary(b"x"))))
    ),
    "pickle_that_loads_and_calls": malicious(
        stream(call(call(LOADS, binary(stream(global_("acme", "run")))), text(COMMAND)))
    ),
    "pickle_that_loads_and_looks_inside": malicious(
        stream(call(call(global_("builtins", "getattr"), call(LOADS, binary(INNER)), text("system")), text(COMMAND)))
    ),
    "loader_in_a_partial": malicious(stream(call(PARTIAL, LOADS, binary(INNER)))),
    "loader_in_another_call": malicious(
        stream(call(global_("dill._dill", "_create_array"), LOADS, tuple_(binary(EVIL_PICKLE)), NONE))
    ),
    "loader_held": review(stream(EMPTY_DICT, text("loads"), LOADS, SETITEM)),
}

LAYER = global_("flax.linen.linear", "Dense") + EMPTY_TUPLE + NEWOBJ
TRAITS = EMPTY_DICT + text("features") + number(2) + SETITEM
SETTINGS = global_("tsfresh.feature_extraction.settings", "MinimalFCParameters") + EMPTY_TUPLE + NEWOBJ
MODULE = global_("tensordict.nn.common", "TensorDictModule") + EMPTY_TUPLE + NEWOBJ
CASES |= {
    "benign_state_of_a_class_with_a_setter": clean(stream(LAYER, TRAITS, BUILD)),
    "slots_of_a_class_with_a_setter": review(stream(LAYER, tuple_(NONE, TRAITS), BUILD)),
    "computed_state_of_a_class_with_a_setter": review(stream(LAYER, call(global_("acme", "state")), BUILD)),
    "rebuilt_class_with_a_setter": review(
        stream(
            call(
                global_("torch._tensor", "_rebuild_from_type_v2"),
                global_("collections", "OrderedDict"),
                global_("flax.linen.linear", "Dense"),
                EMPTY_TUPLE,
                TRAITS,
            )
        )
    ),
    "benign_settings_with_pickled_keys": clean(
        stream(SETTINGS, EMPTY_DICT, *[binary(pickle.dumps(f"f{at}", 4)) + NONE + SETITEM for at in range(60)], BUILD)
    ),
    "settings_with_a_dangerous_key": malicious(stream(SETTINGS, EMPTY_DICT, binary(EVIL_PICKLE), NONE, SETITEM, BUILD)),
    "settings_with_a_computed_key": review(
        stream(SETTINGS, EMPTY_DICT, call(global_("acme", "key")), NONE, SETITEM, BUILD)
    ),
    "settings_with_too_many_keys": review(
        stream(SETTINGS, EMPTY_DICT, *[binary(INNER) + NONE + SETITEM for _ in range(200)], BUILD)
    ),
    "benign_module_that_is_pickled": clean(
        stream(MODULE, EMPTY_DICT, text("module"), binary(pickle.dumps(len, 4)), SETITEM, BUILD)
    ),
    "module_that_is_pickled_and_dangerous": malicious(
        stream(MODULE, EMPTY_DICT, text("module"), binary(EVIL_PICKLE), SETITEM, BUILD)
    ),
}

SYMBOL = global_("sympy.core.symbol", "Symbol") + tuple_(text("x")) + NEWOBJ
ADD, SINE = global_("sympy.core.add", "Add"), global_("sympy.functions.elementary.trigonometric", "sin")
ONE = global_("sympy.core.numbers", "Integer") + tuple_(number(1)) + NEWOBJ
UNDEFINED = call(global_("sympy.core.function", "_rebuild_undef"), text("f"), EMPTY_DICT)
EVALUATED = text("__import__('os').system('echo modelsweep-test')")
CASES |= {
    "benign_expression": clean(stream(ADD, tuple_(SINE + tuple_(SYMBOL) + NEWOBJ, ONE, number(2)), NEWOBJ)),
    "benign_expression_of_a_function": clean(stream(call(UNDEFINED, SYMBOL))),
    "benign_expression_with_a_state": clean(stream(ADD, tuple_(SYMBOL, ONE), NEWOBJ, EMPTY_DICT, BUILD)),
    "expression_of_text": malicious(stream(ADD, tuple_(SYMBOL, EVALUATED), NEWOBJ)),
    "expression_of_text_in_a_list": malicious(stream(call(ADD, SYMBOL, EMPTY_LIST + EVALUATED + APPEND))),
    "expression_of_text_after_many": malicious(
        stream(*[ADD + tuple_(ONE, ONE) + NEWOBJ + POP] * 80, call(ADD, ONE, EVALUATED))
    ),
    "expression_of_text_behind_the_same": malicious(
        stream(ONE + put(1), *[ADD + tuple_(*[get(1)] * 9) + NEWOBJ + POP] * 80, call(ADD, *[get(1)] * 8, EVALUATED))
    ),
    "expression_of_a_word": review(stream(ADD, tuple_(SYMBOL, text("y")), NEWOBJ)),
    "expression_of_another_instance": review(stream(call(ADD, ONE, call(global_("acme", "Text"))))),
    "expression_of_a_function_of_text": malicious(stream(call(UNDEFINED, EVALUATED))),
    "expression_that_is_evaluated": malicious(stream(call(global_("sympy.core.sympify", "sympify"), EVALUATED))),
    "expression_that_is_compiled": malicious(
        stream(call(global_("sympy.utilities.lambdify", "lambdify"), SYMBOL, SYMBOL))
    ),
    "partial_of_an_expression_called": review(
        stream(call(PARTIAL, ADD) + tuple_(ADD, tuple_(EVALUATED), NONE, NONE) + BUILD + EMPTY_TUPLE + REDUCE)
    ),
    "benign_number_under_a_computed_name": clean(
        stream(
            ORDERED,
            EMPTY_TUPLE,
            NEWOBJ,
            EMPTY_DICT,
            ORDERED,
            EMPTY_TUPLE,
            NEWOBJ,
            call(
                global_("numpy.core.multiarray", "scalar"),
                call(global_("numpy", "dtype"), text("f8")),
                binary(bytes(8)),
            ),
            SETITEM,
            BUILD,
        )
    ),
}

CREATE, LIST = global_("deap.creator", "meta_create"), global_("builtins", "list")
FITNESS = call(
    CREATE, text("Fitness1"), global_("deap.base", "Fitness"), EMPTY_DICT + text("weights") + EMPTY_TUPLE + SETITEM
)


def created(key: str, value: bytes, base: bytes = LIST, name: str = "Individual") -> bytes:
    """Return what makes a class as deap stores it, with one attribute."""
    return call(CREATE, text(name), base, EMPTY_DICT + text(key) + value + SETITEM)


CASES |= {
    "benign_population_of_deap": clean(
        stream(created("fitness", FITNESS), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, text("fitness"))[:-1]
        + FITNESS
        + EMPTY_TUPLE
        + NEWOBJ
        + SETITEM
        + BUILD
        + STOP
    ),
    "benign_array_of_deap": clean(
        stream(call(created("fitness", FITNESS, global_("deap.creator", "_numpy_array")), EMPTY_LIST))
    ),
    "benign_class_of_deap_by_name": clean(stream(global_("deap.creator", "Individual"), EMPTY_TUPLE, NEWOBJ)),
    "own_base_of_a_class_of_deap": clean(
        stream(created("fitness", FITNESS, global_("__main__", "Tour")), EMPTY_TUPLE, NEWOBJ)
    ),
    "unknown_base_of_a_class_of_deap": review(
        stream(created("fitness", FITNESS, global_("acme", "Tour")), EMPTY_TUPLE, NEWOBJ)
    ),
    "class_of_deap_with_system": malicious(stream(created("append", SYSTEM), EMPTY_TUPLE, NEWOBJ)),
    "class_of_deap_with_a_special_method": malicious(
        stream(created("__setstate__", global_("builtins", "print")), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD)
    ),
    "class_of_deap_over_a_dangerous_one": malicious(
        stream(created("x", NONE, global_("subprocess", "Popen")), tuple_(text(COMMAND)), REDUCE)
    ),
    "class_of_deap_over_a_partial": malicious(
        stream(created("x", NONE, global_("functools", "partial")), EMPTY_TUPLE, NEWOBJ)
    ),
    "class_of_deap_over_its_own": malicious(stream(created("x", NONE, name="MetaCreator"), EMPTY_TUPLE, NEWOBJ)),
    "class_of_deap_called_with_more": malicious(stream(call(created("x", NONE), text(COMMAND), SYSTEM))),
    "own_base_of_a_class_of_deap_called": malicious(
        stream(call(created("x", NONE, global_("__main__", "Tour")), EMPTY_LIST))
    ),
    "class_of_deap_made_of_nothing": malicious(stream(call(call(CREATE), EMPTY_LIST))),
    "nested_class_of_deap_with_system": malicious(
        stream(created("fitness", created("append", SYSTEM)), EMPTY_TUPLE, NEWOBJ)
    ),
    "method_of_deap_called": review(stream(call(global_("deap.creator", "create"), text("X"), LIST))),
}

OR = global_("_operator", "or_")
NONE_TYPE = call(global_("builtins", "type"), NONE)
CASES |= {
    "optional_type": clean(
        stream(call(global_("functools", "reduce"), OR, tuple_(global_("builtins", "int"), NONE_TYPE)))
    ),
    "reduce_of_other_instances": malicious(
        stream(call(global_("functools", "reduce"), OR, tuple_(call(global_("acme", "Join")), NONE_TYPE)))
    ),
    "reduce_by_another_function": malicious(
        stream(
            call(global_("functools", "reduce"), global_("acme", "run"), tuple_(global_("builtins", "int"), NONE_TYPE))
        )
    ),
    "partial_of_own_function_with_state": clean(
        pickle.dumps(functools.partial(len)).replace(b"builtins\x94\x8c\x03len", b"__main__\x94\x8c\x03len")
    ),
    "partial_of_another_function_with_state": review(
        pickle.dumps(functools.partial(len)).replace(b"\x08builtins\x94\x8c\x03len", b"\x08acme.lib\x94\x8c\x03len")
    ),
}

EVIL_LAYERS = sequential(function("system", "os"), DENSE)
KERAS_2 = global_("tf_keras.src.saving.pickle_utils", "deserialize_model_from_bytecode")
CASES |= {
    "keras_model": clean(keras_model(STANDARD)),
    "keras_model_of_own_class": clean(keras_model(STANDARD, ("__main__", "Net"))),
    "keras_model_dangerous": malicious(keras_model(EVIL_LAYERS)),
    "keras_model_dangerous_of_own_class": malicious(keras_model(EVIL_LAYERS, ("__main__", "Net"))),
    "keras_model_of_another_class": review(keras_model(STANDARD, ("acme", "Net"))),
    "keras_2_model": clean(stream(call(KERAS_2, binary(archive(STANDARD)())), text("0" * 70_000), POP)),
    "keras_2_model_dangerous": malicious(
        stream(call(KERAS_2, binary(archive(EVIL_LAYERS)())), text("0" * 70_000), POP)
    ),
    "keras_2_model_from_elsewhere": review(stream(call(KERAS_2, call(global_("acme", "fetch"))))),
    "computed_buffer": review(stream(buffer(call(global_("acme", "fetch"))))),
    "computed_buffer_before_a_payload": malicious(
        stream(buffer(call(global_("acme", "fetch"))), POP, binary(EVIL_PICKLE))
    ),
    "unknown_buffer_called": review(stream(call(global_("_io", "BytesIO"), binary(b"data")))),
    "buffer_with_a_pickle": malicious(stream(buffer(binary(EVIL_PICKLE)), text("0" * 70_000), POP)),
    "buffer_with_text": clean(stream(buffer(binary(b"a note that someone kept")))),
}

# Ways to name and to call.
POPEN = global_("subprocess", "Popen")
CASES |= {
    "global": malicious(stream(EVIL)),
    "stack_global": malicious(stream(call(stack_global("os", "system"), text(COMMAND)), version=4)),
    "stack_global_from_memo": malicious(
        stream(
            short("system"), MEMOIZE, POP, short("os"), MEMOIZE, POP, get(1), get(0), STACK_GLOBAL,
            tuple_(text(COMMAND)), REDUCE, version=4,
        )
    ),
    "stack_global_from_dup": malicious(
        stream(short("exec"), short("builtins"), DUP, POP, put(0), POP, POP, get(0), short("exec"), STACK_GLOBAL,
               tuple_(text("pass")), REDUCE, version=4)
    ),
    "stack_global_computed": malicious(
        stream(
            call(global_("builtins", "str"), text("os")), short("system"), STACK_GLOBAL, tuple_(text(COMMAND)), REDUCE,
        )
    ),
    "inst": malicious(stream(MARK, text(COMMAND), inst("os", "system"))),
    "obj": malicious(stream(MARK, SYSTEM, text(COMMAND), OBJ)),
    "newobj": malicious(stream(POPEN, tuple_(text(COMMAND)), NEWOBJ)),
    "newobj_ex": malicious(stream(POPEN, tuple_(text(COMMAND)), EMPTY_DICT, NEWOBJ_EX, version=4)),
    "dotted_name": malicious(stream(call(stack_global("os", "path.os.system"), text(COMMAND)), version=4)),
    "reexport": malicious(stream(call(stack_global("random", "_os.system"), text(COMMAND)), version=4)),
    "python_2_name": malicious(stream(call(global_("__builtin__", "eval"), text("1")))),
    "name_with_newline": review(stream(call(stack_global("acme", "a\nb"), text("x")), version=4)),
    "homoglyph": malicious(stream(call(stack_global("\u043es", "system"), text(COMMAND)), version=4)),
    "private_submodule": malicious(stream(call(global_("pip._internal", "main"), EMPTY_LIST))),
    "extension_code": review(stream(b"\x82\x07", tuple_(text("x")), REDUCE)),
    "persistent_called": malicious(b"Pstorage\n" + tuple_(text("x")) + REDUCE + STOP),
}  # fmt: skip

# Indirection.
METHODCALLER = global_("operator", "methodcaller")
GETATTR = global_("builtins", "getattr")
IMPORT_OS = call(global_("importlib", "import_module"), text("os"))


def code(*names: str) -> bytes:
    """Return what pushes the code object of a function `predict` that uses `names`, as cloudpickle pickles it."""
    maker = call(global_("cloudpickle.cloudpickle", "_builtin_type"), text("CodeType"))
    return maker + tuple_(number(1), binary(b"\x97"), tuple_(*map(text, names)), text("predict")) + REDUCE


BUILTIN_TYPE = global_("cloudpickle.cloudpickle", "_builtin_type")


def older_function(*names: str) -> bytes:
    """Return what pushes a function that uses `names`, as cloudpickle 1.3 to 2.2 pickle it."""
    made = call(call(BUILTIN_TYPE, text("LambdaType")), code(*names), EMPTY_DICT, NONE, NONE, NONE)
    return made + put(7) + call(global_("cloudpickle.cloudpickle_fast", "_function_setstate"), get(7), EMPTY_DICT) + POP


def called_method(*names: str) -> bytes:
    """Return what calls such a function as a method of something."""
    return call(call(call(BUILTIN_TYPE, text("MethodType")), older_function(*names), text("self")))


# How dill finds the `setattr` that fills the cells of a closure
DILL_CELL = call(global_("dill._dill", "_create_cell"), NONE)
DILL_SETATTR = call(GETATTR, global_("dill", "_dill"), text("_setattr"), global_("builtins", "setattr"))
CASES |= {
    "bare_code_object": review(
        stream(
            global_("types", "CodeType"),
            tuple_(number(1), binary(b"\x97"), tuple_(text("predict")), text("predict")),
            REDUCE,
        )
    ),
    "benign_function_of_an_older_cloudpickle": clean(stream(older_function("join"))),
    "method_of_an_older_cloudpickle_called": review(stream(called_method("join"))),
    "evil_function_of_an_older_cloudpickle": malicious(stream(called_method("system"))),
    "benign_property": clean(
        stream(call(global_("builtins", "property"), older_function("join"), NONE, NONE, text("x")))
    ),
    "evil_property": malicious(stream(call(global_("builtins", "property"), NONE, SYSTEM))),
    "evil_class_method": malicious(stream(call(global_("builtins", "classmethod"), SYSTEM))),
    "plain_type_of_functions": malicious(stream(call(global_("types", "LambdaType"), code("join"), EMPTY_DICT))),
    "benign_code_object_of_a_function": clean(
        stream(STORED_FUNCTION, POP, global_("types", "CodeType"), tuple_(number(1), text("predict")), REDUCE)
    ),
    "package_identifier_calls": malicious(
        stream(tuple_(text("reduce_package"), number(1), SYSTEM, tuple_(text(COMMAND))), b"Q")
    ),
    "package_identifier_calls_by_memory": malicious(
        stream(tuple_(text("reduce_package"), SYSTEM, tuple_(text(COMMAND))), b"Q")
    ),
    "benign_package_identifier": clean(
        stream(
            tuple_(
                text("reduce_package"),
                number(1),
                global_("torch.fx.graph_module", "reduce_package_graph_module"),
                tuple_(EMPTY_DICT, text("fx-generated._0")),
            ),
            b"Q",
        )
    ),
    "dill_singleton": clean(stream(call(global_("dill._dill", "_eval_repr"), text("Ellipsis")))),
    "dill_eval": malicious(stream(call(global_("dill._dill", "_eval_repr"), text("print('modelsweep-test')")))),
    "dill_closure": clean(stream(call(DILL_SETATTR, DILL_CELL, text("cell_contents"), number(3)))),
    "dill_setattr_of_import": malicious(stream(call(DILL_SETATTR, IMPORT_OS, text("system"), number(3)))),
    "dill_setattr_of_other": malicious(
        stream(call(call(GETATTR, global_("dill", "_dill"), text("_setattr"), SYSTEM), text(COMMAND)))
    ),
    "dill_type": clean(stream(call(global_("dill._dill", "_load_type"), text("KeyError")))),
    "dill_attrgetter": malicious(
        stream(call(call(call(global_("dill._dill", "_load_type"), text("AttrGetterType")), text("system")), IMPORT_OS))
    ),
    "code_object": clean(stream(code("dot", "weights"))),
    "code_object_dangerous": review(stream(code("os", "system"))),
    "getattr_of_import": malicious(stream(call(call(GETATTR, IMPORT_OS, text("system")), text(COMMAND)))),
    "getattr_dunder": malicious(stream(call(GETATTR, ORDERED, text("__subclasses__")))),
    "attrgetter": malicious(stream(call(call(global_("operator", "attrgetter"), text("system")), IMPORT_OS))),
    "methodcaller_held": malicious(stream(call(METHODCALLER, text("system"), text(COMMAND)))),
    "benign_methodcaller": clean(stream(call(METHODCALLER, text("lower")))),
    "library_loader": malicious(stream(call(global_("gensim.utils", "unpickle"), text("x")))),
    "loader_that_trusts": malicious(
        stream(
            call(
                global_("acme.hub", "Model.from_pretrained"),
                EMPTY_DICT + text("trust_remote_code") + b"\x88" + SETITEM,
            )
        )
    ),
    "configuration_that_trusts": review(
        stream(call(global_("acme.hub", "Config"), EMPTY_DICT + text("trust_remote_code") + b"\x88" + SETITEM))
    ),
    "methodcaller": malicious(stream(call(call(METHODCALLER, text("system"), text(COMMAND)), IMPORT_OS))),
    "partial": malicious(stream(call(global_("functools", "partial"), SYSTEM, text(COMMAND)), EMPTY_TUPLE, REDUCE)),
    "partial_by_state": malicious(
        stream(
            global_("functools", "partial"),
            tuple_(global_("builtins", "int")),
            NEWOBJ,
            tuple_(SYSTEM, tuple_(text(COMMAND)), EMPTY_DICT, EMPTY_DICT),
            BUILD,
            EMPTY_TUPLE,
            REDUCE,
        )
    ),
    "through_globals": malicious(
        stream(call(stack_global("sklearn.base", "BaseEstimator.__init__.__globals__.get"), text("os")), version=4)
    ),
    "through_loader": malicious(
        stream(call(stack_global("datetime", "__loader__.load_module"), text("os")), version=4)
    ),
    "named_like_it_runs": malicious(stream(call(global_("acme.tools", "run_command"), text(COMMAND)))),
    "partial_stored": malicious(stream(call(global_("functools", "partial"), SYSTEM, text(COMMAND)))),
    "map": malicious(stream(call(global_("builtins", "map"), SYSTEM, EMPTY_LIST + text(COMMAND) + APPEND))),
    "resolve_name": malicious(stream(call(call(global_("pkgutil", "resolve_name"), text("os:system")), text(COMMAND)))),
    "own_class": clean(stream(global_("models.common", "Conv"), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD)),
    "own_enumeration": clean(stream(call(global_("__main__", "Mode"), number(1)))),
    "own_function_held": clean(stream(call(global_("functools", "partial"), global_("__main__", "scale")))),
    "own_function_called": review(stream(call(global_("__main__", "run"), text(COMMAND)))),
    "own_class_made_of_a_text": review(proto(2) + MARK + text(COMMAND) + inst("utils", "Job") + STOP),
    "own_class_called": review(stream(call(global_("utils", "Job"), text(COMMAND), number(1)))),
    "own_function_called_by_torch": review(
        stream(
            call(
                global_("torch._tensor", "_rebuild_from_type_v2"), global_("__main__", "run"),
                global_("torch", "Tensor"), tuple_(text(COMMAND)), NONE,
            )
        )
    ),
    "own_class_by_a_telling_name": malicious(stream(call(global_("utils", "Popen"), text(COMMAND)))),
    "module_of_own_code": malicious(stream(call(global_("utils.os", "system"), text(COMMAND)))),
    "class_of_another_package": review(stream(global_("acme", "Net"), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD)),
    "unknown_given_system": malicious(stream(call(global_("acme", "apply"), SYSTEM, text(COMMAND)))),
    "reduce": malicious(
        stream(call(global_("functools", "reduce"), GETATTR, EMPTY_LIST + text("system") + APPEND, IMPORT_OS))
    ),
    "planted_setstate": malicious(
        stream(
            ORDERED, EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, text("__setstate__"), SYSTEM, SETITEM, BUILD,
            text(COMMAND), BUILD,
        )
    ),
    **{
        f"planted_{name}": malicious(
            stream(ORDERED, EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, text(name), SYSTEM, SETITEM, BUILD)
        )
        for name in ("encode", "max")
    },
    **{
        f"planted_{name}_of_operator": malicious(
            stream(EMPTY_DICT, text("add"), global_("_operator", name), SETITEM)
        )
        for name in ("call", "methodcaller", "setitem")
    },
    "partial_of_a_function_with_system": malicious(
        stream(call(PARTIAL, call(global_("dill._dill", "_create_function"), NONE, NAMESPACE, NONE, tuple_(SYSTEM))))
    ),
    "planted_runner_of_numpy": malicious(
        stream(EMPTY_DICT, text("append"), global_("numpy.testing._private.utils", "runstring"), SETITEM)
    ),
    "benign_table_of_operators": clean(
        pickle.dumps({"add": operator.add, "mul": operator.mul, "max": numpy.maximum, "pow": math.pow})
    ),
    "planted_max_of_a_loader": malicious(
        stream(EMPTY_DICT, text("max"), global_("transformers.pipelines", "from_pretrained"), SETITEM)
    ),
    "planted_popen": malicious(stream(EMPTY_DICT, text("max"), global_("subprocess", "Popen"), SETITEM)),
    "table_of_foreign_classes": review(
        stream(EMPTY_DICT, text("item"), global_("acme", "Item"), SETITEM, text("max"), global_("acme", "Max"), SETITEM)
    ),
    "benign_tuple_of_an_array": clean(
        stream(call(global_("builtins", "tuple"), tuple_(text("w"), call(global_("collections", "OrderedDict")))))
    ),
    "tuple_of_what_a_call_returns": review(
        stream(call(global_("builtins", "tuple"), call(global_("acme", "rows"), text("w"))))
    ),
    "benign_own_encode": clean(stream(EMPTY_DICT, text("encode"), global_("__main__", "encode"), SETITEM)),
    "benign_reduction": clean(
        stream(EMPTY_DICT, text("max"), global_("mmengine.logging.history_buffer", "HistoryBuffer.max"), SETITEM)
    ),
    "build_on_class": malicious(
        stream(ORDERED, tuple_(NONE, EMPTY_DICT + text("get") + number(1) + SETITEM), BUILD)
    ),
    "calls_a_result": malicious(stream(call(global_("collections", "OrderedDict")), tuple_(text("x")), REDUCE)),
    "referenced": review(stream(SYSTEM)),
    "enum_member": clean(pickle.dumps(uuid.SafeUUID.safe, 2)),
    "ordered_dict": clean(pickle.dumps(collections.OrderedDict(a=1))),
    "partial_of_listed": clean(pickle.dumps(functools.partial(collections.OrderedDict, a=1))),
}  # fmt: skip

OLD_EVIL = SYSTEM + MARK + b"V" + COMMAND.encode() + b"\ntR."

# Hiding.
LONG_EVIL = stream(text("the quick brown fox " * 99), POP, EVIL_PICKLE[2:-1])
HIDDEN = pickle.dumps({"payload": EVIL_PICKLE})
PADDING = b"N0" * 64
WORDS = [f"{start}xpression number {index}" for index in range(3_000) for start in "geHBQcx"]
DECOYS = [f"gASV{index:012}" for index in range(5_000)]
DIGESTS = [hashlib.sha256(b"%d" % index).hexdigest() for index in range(2_000)]
HEADLESS = short("os") + short("system") + STACK_GLOBAL + short(COMMAND) + b"\x85" + REDUCE + STOP
CASES |= {
    "second_stream": malicious(pickle.dumps(1) + EVIL_PICKLE),
    "then_broken": malicious(EVIL_PICKLE[:-1] + b"\xff\xff"),
    "truncated_after_call": malicious(EVIL_PICKLE[:-1]),
    "result_popped": malicious(stream(EVIL, POP, NONE)),
    "padded": malicious(stream(PADDING, EVIL)),
    "nested_bytes": malicious(HIDDEN),
    "nested_base64": malicious(pickle.dumps({"payload": base64.b64encode(EVIL_PICKLE)})),
    "nested_base64_text": malicious(pickle.dumps({"payload": base64.b64encode(EVIL_PICKLE).decode()}, 0)),
    "nested_base64_in_escapes": malicious(stream(escaped(base64.b64encode(EVIL_PICKLE).decode()), version=0)),
    "nested_base64_in_other_escapes": malicious(
        stream(b"S'" + b"".join(b"\\x%02x" % letter for letter in base64.b64encode(EVIL_PICKLE)) + b"'\n", version=0)
    ),
    "benign_text_in_escapes": clean(stream(escaped("Fähre nach Föhr, " * 8), version=0), cut_is_clean=True),
    "nested_hex": malicious(pickle.dumps({"payload": binascii.hexlify(EVIL_PICKLE).decode()})),
    "nested_zlib_base64": malicious(pickle.dumps({"payload": base64.b64encode(zlib.compress(EVIL_PICKLE))})),
    "nested_gzip": malicious(pickle.dumps({"payload": gzipped(EVIL_PICKLE)})),
    "nested_hex_of_zlib": malicious(pickle.dumps({"payload": zlib.compress(EVIL_PICKLE, wbits=9).hex().upper()})),
    "nested_base64_twice": malicious(pickle.dumps([base64.b64encode(base64.b64encode(EVIL_PICKLE))])),
    "nested_without_header": malicious(pickle.dumps({"payload": HEADLESS})),
    "nested_without_header_base64": malicious(pickle.dumps({"payload": base64.b64encode(HEADLESS).decode()})),
    "nested_without_header_hex": malicious(pickle.dumps({"payload": HEADLESS.hex()})),
    "nested_without_header_of_protocol_2": malicious(pickle.dumps({"payload": HEADLESS}, 2)),
    "benign_bytes_that_begin_alike": clean(
        pickle.dumps([b"\x8c\x02os and so on", b"X\x02\0\0\0ok, it is text", "jAJvcyBhbmQgc28gb24="])
    ),
    "nested_behind_words": malicious(pickle.dumps([*WORDS, base64.b64encode(EVIL_PICKLE).decode()])),
    "nested_behind_decoys": Case(
        lambda: pickle.dumps([*DECOYS, base64.b64encode(EVIL_PICKLE).decode()]), "model.pkl", Verdict.NOT_SCANNED
    ),
    "benign_digests": clean(pickle.dumps(DIGESTS)),
    "nested_base85": malicious(pickle.dumps({"payload": base64.b85encode(EVIL_PICKLE)})),
    "nested_ascii85": malicious(pickle.dumps({"payload": base64.a85encode(EVIL_PICKLE).decode()})),
    "nested_base32": malicious(pickle.dumps({"payload": base64.b32encode(EVIL_PICKLE).decode()})),
    "nested_rot13": malicious(
        pickle.dumps({"payload": codecs.encode(base64.b64encode(EVIL_PICKLE).decode(), "rot13")})
    ),
    "nested_compressed_in_base85": malicious(pickle.dumps({"payload": base64.b85encode(zlib.compress(EVIL_PICKLE))})),
    "benign_unusual_encodings": clean(
        pickle.dumps([form(pickle.dumps(PLAIN)) for form in (base64.b85encode, base64.a85encode, base64.b32encode)])
    ),
    "nested_old": malicious(pickle.dumps({"payload": OLD_EVIL})),
    "nested_old_text": malicious(pickle.dumps({"payload": OLD_EVIL.decode()})),
    "nested_old_in_old": malicious(pickle.dumps({"payload": OLD_EVIL.decode()}, 0)),
    "nested_old_marked": malicious(pickle.dumps({"payload": b"(S'" + COMMAND.encode() + b"'\nios\nsystem\n."})),
    "nested_old_base64": malicious(pickle.dumps({"payload": base64.b64encode(OLD_EVIL)})),
    "nested_old_zlib": malicious(pickle.dumps({"payload": zlib.compress(OLD_EVIL)})),
    "nested_bz2": malicious(pickle.dumps({"payload": bz2.compress(EVIL_PICKLE)})),
    "nested_xz": malicious(pickle.dumps({"payload": lzma.compress(EVIL_PICKLE)})),
    "nested_zstd": malicious(pickle.dumps({"payload": zstandard.compress(LONG_EVIL)})),
    "nested_zstd_of_protocol_2": malicious(pickle.dumps({"payload": zstandard.compress(LONG_EVIL)}, 2)),
    "nested_lz4": malicious(pickle.dumps({"payload": lz4.frame.compress(LONG_EVIL)})),
    "benign_nested_frames": clean(
        pickle.dumps([zstandard.compress(b"weights" * 99), lz4.frame.compress(b"weights" * 99), "(\xb5/\xfd, or so"])
    ),
    "nested_lzma_alone": malicious(pickle.dumps({"payload": lzma.compress(EVIL_PICKLE, lzma.FORMAT_ALONE)})),
    "nested_bytes_of_protocol_2": malicious(pickle.dumps({"payload": EVIL_PICKLE}, 2)),
    "nested_bytes_of_protocol_0": malicious(pickle.dumps({"payload": EVIL_PICKLE}, 0)),
    "benign_texts_like_old_ones": clean(
        pickle.dumps(
            [
                "cats\nand dogs sleep",
                "(continued)\nas before",
                "(S'il vous plait)\n",
                "]q and }q again",
                "cos\nsin\ntan",
            ]
        )
    ),
    "benign_compressed": clean(pickle.dumps([bz2.compress(b"weights"), lzma.compress(b"weights"), "BZh9 or so it is"])),
    "nested_twice": malicious(pickle.dumps({"payload": HIDDEN})),
    "decode_exec": malicious(
        stream(
            call(
                global_("builtins", "exec"),
                call(global_("base64", "b64decode"), text(base64.b64encode(b"pass").decode())),
            )
        )
    ),
    "marshal": malicious(stream(call(global_("marshal", "loads"), binary(b"\xe3\x00")))),
    "declared_beyond_end": malicious(proto(2) + EVIL + b"X\xff\xff\xff\x7fabc"),
    "many_calls_then_evil": malicious(
        stream(*[call(global_("collections", "OrderedDict")) + POP for _ in range(200)], EVIL)
    ),
    "getattr_after_many": malicious(
        stream(
            *[call(GETATTR, global_("uuid", "SafeUUID"), text("safe")) + POP for _ in range(100)],
            call(GETATTR, IMPORT_OS, text("system")),
        )
    ),
    "benign_nested": clean(pickle.dumps({"payload": pickle.dumps(PLAIN)})),
    "benign_base64": clean(pickle.dumps({"image": base64.b64encode(bytes(range(256)))})),
    "two_benign_streams": clean(pickle.dumps(PLAIN) + pickle.dumps([1, 2]), cut_is_clean=True),
}

# Where an interpreter that differs from CPython's in the least sees another callable, or none.
BASE = global_("sklearn.base", "BaseEstimator")
NORMAL = global_("scipy.stats._continuous_distns", "norm_gen")
CHECK = global_("sklearn.utils.validation", "check_array")
TEMPLATE = short("_parse_arg_template")
CODE_TEXT = short(f"__import__('os').system({COMMAND!r})")


def old_stream(before: bytes) -> Case:
    """Return a pickle without a header, read as text by whoever stumbles over what stands before the call."""
    return malicious(before + POP + OLD_EVIL, "model.txt")


def memoized(name: str, *indices: int) -> bytes:
    """Return what stores a string under each of some memo indices."""
    return b"".join(short(name) + put(index) + POP for index in indices)


CASES |= {
    # MEMOIZE stores under the number of entries: entry 1 becomes the module, entry 6 the name.
    "memoize_overwrites": malicious(
        proto(4)
        + memoized("collections", 1)
        + short("os")
        + MEMOIZE
        + POP
        + memoized("OrderedDict", 99, 2, 3, 4, 6)
        + short("system")
        + MEMOIZE
        + POP
        + get(1)
        + get(6)
        + STACK_GLOBAL
        + text(COMMAND)
        + b"\x85"
        + REDUCE
        + STOP
    ),
    "made_often_then_called": review(
        proto(2) + (BASE + EMPTY_TUPLE + NEWOBJ + POP) * 70 + call(BASE, text(COMMAND)) + STOP
    ),
    "state_in_ordered_dict": review(
        stream(
            NORMAL,
            EMPTY_TUPLE,
            NEWOBJ,
            call(global_("collections", "OrderedDict")),
            TEMPLATE,
            CODE_TEXT,
            SETITEM,
            BUILD,
        )
    ),
    "state_twice_under_a_key": malicious(
        stream(
            NORMAL, EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, TEMPLATE, CODE_TEXT, SETITEM, TEMPLATE, short(""), SETITEM, BUILD
        )
    ),
    "class_replaced": malicious(
        stream(
            BASE,
            EMPTY_TUPLE,
            NEWOBJ,
            tuple_(NONE, EMPTY_DICT + short("__class__") + NORMAL + SETITEM),
            BUILD,
            EMPTY_DICT,
            TEMPLATE,
            CODE_TEXT,
            SETITEM,
            BUILD,
        )
    ),
    "instance_as_setstate": malicious(
        stream(
            BASE,
            EMPTY_TUPLE,
            NEWOBJ,
            EMPTY_DICT,
            short("__setstate__"),
            BASE,
            EMPTY_TUPLE,
            NEWOBJ,
            SETITEM,
            BUILD,
            NONE,
            BUILD,
        )
    ),
    "computed_key_of_a_method": malicious(
        stream(
            BASE,
            EMPTY_TUPLE,
            NEWOBJ,
            EMPTY_DICT,
            call(global_("builtins", "str"), binary(b"__setstate__"), text("ascii")),
            CHECK,
            SETITEM,
            BUILD,
            NONE,
            BUILD,
        )
    ),
    "item_of_an_import": malicious(stream(global_("numpy", "__dict__"), text("array"), CHECK, SETITEM)),
    "append_to_an_import": malicious(stream(global_("torch.nn.parallel", "registry"), NONE, APPEND)),
    "torch_bytes_without_header": malicious(
        stream(call(global_("torch.storage", "_load_from_bytes"), binary(OLD_EVIL)))
    ),
    "imported_class_changed": review(
        stream(
            call(
                global_("cloudpickle.cloudpickle", "_class_setstate"),
                BASE,
                tuple_(EMPTY_DICT + short("score") + CHECK + SETITEM, EMPTY_DICT),
            )
        )
    ),
    "module_by_name": review(stream(call(global_("cloudpickle.cloudpickle", "subimport"), text("acme_hooks")))),
    "bytearray_appended": malicious(
        proto(5) + b"\x96" + (3).to_bytes(8, "little") + b"abc" + number(1) + APPEND + POP + EVIL + STOP
    ),
    "old_binary_number": old_stream(b"I0b1\n"),
    "old_empty_number": old_stream(b"I\n"),
    "old_signed_index": old_stream(b"Np+1\n"),
    "old_padded_index": old_stream(b"Np" + b"0" * 30 + b"1\n"),
    "old_nothing_appended": old_stream(b"N(e"),
    "old_long_line": old_stream(b"V" + b"a" * 5000 + b"\n"),
}

# A graph of torch.fx: loading executes its imports and its code.
GRAPH = global_("torch.fx.graph_module", "reduce_graph_module")
FORWARD = "def forward(self, x):\n    return x + 1\n"


def graph(code: str, imports: str = "import torch") -> bytes:
    """Return what torch saves of a graph module."""
    return stream(call(GRAPH, EMPTY_DICT + short("_code") + text(code) + SETITEM, text(imports)))


CASES |= {
    "graph_module": clean(graph(FORWARD)),
    "graph_module_imports": malicious(graph(FORWARD, "import os\nos.system('echo modelsweep-test')")),
    "graph_module_forward": malicious(
        graph("def forward(self, x):\n    import os\n    os.system('echo modelsweep-test')\n")
    ),
    "bound_method_of_system": malicious(
        stream(call(global_("types", "MethodType"), SYSTEM, text(COMMAND)), EMPTY_TUPLE, REDUCE)
    ),
    "bound_method_of_listed": clean(
        stream(call(global_("types", "MethodType"), global_("sklearn.base", "clone"), BASE + EMPTY_TUPLE + NEWOBJ))
    ),
}

# Frames and lines that end early: what a loader makes of them.
FRAME = b"\x95" + (3).to_bytes(8, "little")
CASES |= {
    # Python reads the length anew behind the frame: a text of one letter, and then the call.
    "frame_ends_within_an_opcode": malicious(
        proto(4) + FRAME + b"X\xff\xff\x01\0\0\0a" + POP + EVIL + STOP + b"N0" * 40_000 + NONE + STOP
    ),
    "frame_beyond_the_one_around_it": malicious(
        proto(4) + b"\x95" + (12).to_bytes(8, "little") + b"\x95" + (200).to_bytes(8, "little") + NONE * 200 + STOP
    ),
    "benign_frame_in_a_frame": clean(
        proto(4) + b"\x95" + (12).to_bytes(8, "little") + b"\x95" + (2).to_bytes(8, "little") + NONE + POP + NONE + STOP
    ),
    # As a download that broke off: the frame goes on beyond the last byte, and no loader reads behind it.
    "cut_within_a_frame": Case(
        lambda: pickle.dumps(collections.OrderedDict(text="weights of a layer"), 4)[:60],
        "model.pkl",
        Verdict.NOT_SCANNED,
    ),
    "inst_at_the_end": malicious(MARK + b"V" + COMMAND.encode() + b"\nios\nsystem?"),
}

# joblib.
ARRAYS = {
    "a": numpy.arange(12.0),
    "b": numpy.array([1, "x", None], dtype=object),
    "c": numpy.zeros((2, 3), "f4"),
    "d": "end",
}
CASES |= {
    "joblib_arrays": clean(dumped(ARRAYS), "model.joblib"),
    "joblib_call_behind_array": malicious(dumped({"a": numpy.arange(64.0), "z": Calls(eval, "1")}), "model.joblib"),
    "joblib_call_in_object_array": malicious(dumped(numpy.array([Calls(eval, "1")], dtype=object)), "model.joblib"),
    "joblib_zlib": malicious(
        dumped({"a": numpy.arange(64.0), "z": Calls(eval, "1")}, compress=("zlib", 3)), "model.joblib"
    ),
}

# What torch pickles of bytes, and arrays whose bytes pickle.load takes for opcodes.
LOAD_BYTES = global_("torch.storage", "_load_from_bytes")
WRAPPER = global_("joblib.numpy_pickle", "NumpyArrayWrapper")


def array_beside(name: bytes, module: str = "joblib.numpy_pickle_compat") -> bytes:
    """Return an array in a file of that name, as joblib wrote it before 0.10."""
    state = EMPTY_DICT + text("filename") + name + SETITEM + text("allow_mmap") + NONE + SETITEM
    return stream(global_(module, "NDArrayWrapper"), EMPTY_TUPLE, NEWOBJ, state, BUILD)


def wrapped(raw: bytes, *shape: int) -> bytes:
    """Return an array of raw bytes as joblib writes it; another shape tells of bytes that are to follow."""
    state = short("shape") + tuple_(*map(number, shape or (len(raw),))) + SETITEM
    state += short("dtype") + call(global_("numpy", "dtype"), text("V1")) + SETITEM
    return WRAPPER + EMPTY_TUPLE + NEWOBJ + EMPTY_DICT + state + BUILD + raw


# What libraries save that nobody had saved here before.
COLUMN = global_("ctgan.data_transformer", "ColumnTransformInfo")
NUMBERS = global_("rdt.transformers.numerical", "ClusterBasedNormalizer") + EMPTY_TUPLE + NEWOBJ
SYNTHESIZER = global_("ctgan.synthesizers.ctgan", "CTGAN") + EMPTY_TUPLE + NEWOBJ
ENCODING = global_("tiktoken.core", "Encoding") + EMPTY_TUPLE + NEWOBJ


def wrapper_tensor(module: str, name: str) -> bytes:
    """Return a tensor of a class that wraps others, with one of them as the attribute `scale`."""
    owner = global_(module, name)
    made = tuple_(owner, global_("torch", "float32"), EMPTY_TUPLE, EMPTY_TUPLE, number(0), NONE, NONE, b"\x89")
    wrapped = global_("torch._utils", "_rebuild_wrapper_subclass")
    state = EMPTY_DICT + text("scale") + number(1) + SETITEM
    return stream(call(global_("torch._tensor", "_rebuild_from_type_v2"), wrapped, owner, made, state))


CASES |= {
    "benign_named_tuple_of_instances": clean(
        stream(COLUMN, tuple_(text("a"), text("continuous"), NUMBERS, EMPTY_LIST, number(1)), NEWOBJ)
    ),
    "named_tuple_of_one_instance": review(stream(COLUMN, tuple_(NUMBERS), NEWOBJ)),
    "benign_tensor_of_torchao": clean(wrapper_tensor("torchao.quantization", "Int8Tensor")),
    "tensor_of_a_class_with_such_a_setter": review(wrapper_tensor("torch.nn", "Linear")),
    "benign_encoding_of_tiktoken": clean(stream(ENCODING, EMPTY_DICT, text("name"), text("x"), SETITEM, BUILD)),
    "state_given_by_a_function_of_tensordict": review(
        stream(
            call(
                global_("tensordict._reductions", "_make_td"),
                global_("scipy.stats._continuous_distns", "norm_gen"),
                EMPTY_DICT + text("_parse_arg_template") + text("print()") + SETITEM,
            )
        )
    ),
    "benign_synthesizer_of_ctgan": clean(stream(SYNTHESIZER, EMPTY_DICT, text("epochs"), number(1), SETITEM, BUILD)),
    "method_that_a_synthesizer_calls": malicious(
        stream(SYNTHESIZER, EMPTY_DICT, text("set_device"), global_("numpy", "load"), SETITEM, BUILD)
    ),
    "encoding_that_is_fetched": review(stream(ENCODING, text("gpt2"), BUILD)),
    "benign_molecule": clean(stream(call(global_("rdkit.Chem.rdchem", "Mol"), binary(b"\xef\xbe\xad\xde")))),
    "signature_of_numba": review(
        stream(global_("numba.core.typing.templates", "Signature"), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD)
    ),
    "torch_bytes_of_a_list": malicious(
        stream(
            call(LOAD_BYTES, call(global_("__builtin__", "bytes"), EMPTY_LIST + MARK + b"K\x80K\x02K.e")),
        )
    ),
}
CASES |= {
    "torch_bytes_as_latin1": clean(
        stream(call(LOAD_BYTES, call(global_("_codecs", "encode"), text("K\x01."), text("latin1"))))
    ),
    "torch_bytes_as_latin1_evil": malicious(
        stream(call(LOAD_BYTES, call(global_("_codecs", "encode"), text(OLD_EVIL.decode()), text("latin1"))))
    ),
    "benign_joblib_array_beside": clean(array_beside(text("model.pkl_01.npy"))),
    "joblib_array_above": malicious(array_beside(text("../../other.npy"))),
    "joblib_array_at_an_absolute_path": malicious(
        array_beside(text("/tmp/other.npy"), "sklearn.externals.joblib.numpy_pickle")
    ),
    "joblib_array_at_a_computed_path": malicious(array_beside(call(global_("builtins", "str"), text("x")))),
    "joblib_raw_bytes_are_opcodes": malicious(
        proto(4) + wrapped(POP + OLD_EVIL.ljust(200, b"\0")) + STOP, "model.joblib"
    ),
}

# Harmless callables that run what they are given: a base's `__init__`, iteration over an object, a metric.
MAPPED = global_("numpy", "memmap")
RECONSTRUCTOR = global_("copyreg", "_reconstructor")
DATASET = global_("torchvision.datasets.folder", "ImageFolder")
LOADER_OBJECT = global_("torch.utils.data.dataloader", "DataLoader") + EMPTY_TUPLE + NEWOBJ
LINEAR = global_("torch.nn.modules.linear", "Linear") + EMPTY_TUPLE + NEWOBJ
TREE = global_("sklearn.neighbors._ball_tree", "BallTree")
OLD_DISTANCE = global_("sklearn.neighbors._dist_metrics", "newObj")
CHAIN = 2_000
BITS = global_("bitarray._bitarray", "_bitarray_reconstructor")
FROZEN = global_("bitarray", "frozenbitarray")
PACKED = (binary(b"\x07\x12"), text("little"), number(1), number(1))
CASES |= {
    "benign_bits": clean(stream(call(BITS, FROZEN, *PACKED) + EMPTY_DICT + BUILD)),
    "benign_bits_of_an_earlier_version": clean(
        stream(call(global_("bitarray", "bitarray"), binary(b"\0\x07"), text("little")) + EMPTY_DICT + BUILD)
    ),
    "bits_of_another_class": malicious(stream(call(BITS, global_("subprocess", "Popen"), *PACKED))),
    "bits_of_an_unknown_class": review(stream(call(BITS, global_("acme_bits", "Bits"), *PACKED))),
    "bits_of_what_is_iterated": review(stream(call(global_("bitarray", "bitarray"), LOADER_OBJECT))),
    "base_with_a_constructor": review(stream(call(RECONSTRUCTOR, DATASET, DATASET, text("/etc")))),
    "benign_base_is_object": clean(stream(call(RECONSTRUCTOR, DATASET, global_("builtins", "object"), NONE))),
    "benign_base_is_object_of_a_compiled_class": clean(
        stream(call(RECONSTRUCTOR, global_("pandas.tseries.offsets", "Day"), global_("builtins", "object"), NONE))
    ),
    "process_whose_base_is_object": malicious(
        stream(call(RECONSTRUCTOR, global_("subprocess", "Popen"), global_("builtins", "object"), NONE))
    ),
    "mapped_array_by_its_call": malicious(stream(call(MAPPED, text("/etc/modelsweep-test"), text("u1"), text("w+")))),
    "mapped_array_by_map": malicious(stream(call(global_("builtins", "map"), MAPPED, EMPTY_LIST + text("x") + APPEND))),
    "benign_base_is_a_dictionary": clean(
        stream(
            call(
                RECONSTRUCTOR,
                global_("transformers.utils.generic", "ModelOutput"),
                global_("collections", "OrderedDict"),
                EMPTY_LIST,
            )
        )
    ),
    "benign_distance_of_an_earlier_version": clean(
        stream(call(OLD_DISTANCE, global_("sklearn.neighbors._dist_metrics", "ManhattanDistance")))
    ),
    "distance_of_another_package": review(stream(call(OLD_DISTANCE, DATASET))),
    "object_is_iterated": review(stream(call(global_("builtins", "frozenset"), LOADER_OBJECT))),
    "object_is_iterated_by_iter": review(stream(call(global_("builtins", "iter"), LOADER_OBJECT))),
    "object_is_converted": review(stream(call(global_("numpy", "float64"), LOADER_OBJECT))),
    "benign_objects_in_a_set": clean(
        stream(call(global_("builtins", "frozenset"), EMPTY_LIST + LINEAR + APPEND)), cut_is_clean=True
    ),
    "benign_objects_in_pairs": clean(
        stream(call(global_("collections", "OrderedDict"), EMPTY_LIST + tuple_(text("a"), LINEAR) + APPEND)),
        cut_is_clean=True,
    ),
    "module_that_acts_when_imported": review(
        stream(call(global_("cloudpickle.cloudpickle", "subimport"), text("antigravity")))
    ),
    "benign_module_that_is_imported": clean(
        stream(call(global_("cloudpickle.cloudpickle", "subimport"), text("json"))), cut_is_clean=True
    ),
    "metric_of_a_tree": malicious(stream(call(TREE, EMPTY_LIST, number(40), global_("builtins", "eval")))),
    "benign_metric_by_name": clean(stream(call(TREE, EMPTY_LIST, number(40), text("euclidean"))), cut_is_clean=True),
    "constructor_of_a_generator": malicious(
        stream(call(global_("numpy.random._pickle", "__generator_ctor"), text("1 2"), global_("numpy", "matrix")))
    ),
    "benign_constructor_of_a_generator": clean(
        stream(
            call(
                global_("numpy.random._pickle", "__generator_ctor"),
                text("PCG64"),
                global_("numpy.random._pickle", "__bit_generator_ctor"),
            )
        ),
        cut_is_clean=True,
    ),
    # What a call returns is called with itself, again and again: two ways at each step.
    "calls_of_calls": malicious(
        stream(
            global_("builtins", "getattr") + put(0) + (get(0) + get(0) + b"\x85" + REDUCE + put(0)) * CHAIN,
            version=2,
        )
    ),
    "long_chain_of_attributes": malicious(
        stream(
            global_("collections", "abc") + put(0),
            (global_("builtins", "getattr") + get(0) + text("abc") + b"\x86" + REDUCE + put(0)) * 20,
            global_("builtins", "getattr") + get(0) + text("os") + b"\x86" + REDUCE + put(0),
            call(call(global_("builtins", "getattr"), get(0), text("system")), text(COMMAND)),
        )
    ),
    "annotations_are_evaluated": malicious(
        stream(call(global_("typing", "evaluate_forward_ref"), text("print('modelsweep-test')")))
    ),
    "frame_is_written": malicious(
        stream(call(global_("pandas.core.generic", "NDFrame.to_pickle"), NONE, text("/tmp/x")))
    ),
}

# Arguments that hide what they are, and callables that call what they hold: what a rule does not see it does not grant.
GENERATOR = global_("numpy.random._pickle", "__generator_ctor")
HELD = global_("nltk.util", "usage")
FILE = call(global_("pathlib", "PosixPath"), text("/tmp/modelsweep-test"))
UPPER = call(global_("operator", "methodcaller"), text("upper"))
PARTIAL = global_("functools", "partial")
NAMESPACE = global_("types", "SimpleNamespace") + EMPTY_TUPLE + NEWOBJ
SKELETON = global_("cloudpickle.cloudpickle", "_make_skeleton_class")
PLAIN_CLASS = tuple_(
    global_("builtins", "type"), text("Net"), tuple_(global_("builtins", "object")), EMPTY_DICT, NONE, NONE
)
OWN_TYPE = global_("dill._dill", "_create_type")
NAMED_TUPLE = global_("dill._dill", "_create_namedtuple")
TAG = global_("torch.jit._pickle", "restore_type_tag")


def table(**items: bytes) -> bytes:
    """Return what pushes a dictionary."""
    return EMPTY_DICT + MARK + b"".join(text(key) + value for key, value in items.items()) + b"u"


def sequence(*items: bytes) -> bytes:
    """Return what pushes a list."""
    return EMPTY_LIST + MARK + b"".join(items) + b"e"


def own_type(name: str, base: bytes, **content: bytes) -> bytes:
    """Return what pushes a class that dill stores by value."""
    return call(OWN_TYPE, global_("builtins", "type"), text(name), tuple_(base), table(**content))


def refilled(first: bytes, second: bytes) -> bytes:
    """Return what pushes a partial of one function whose state names another."""
    return call(PARTIAL, first) + tuple_(second, tuple_(text("x")), NONE, NONE) + BUILD


def without_padding() -> bytes:
    """Return an array of 64 bytes as joblib wrote it before it aligned them: pickle.load takes them for opcodes."""
    data = dumped(numpy.zeros(64, "u1"))
    raw = data.index(bytes(64))
    padding = raw - len(data[:raw].rstrip(b"\xff")) + 1
    return data[: raw - padding].replace(b"numpy_array_alignment_bytes", b"numpy_array_alignment_other") + data[raw:]


WITHOUT_PADDING = without_padding()
OBJECT = global_("builtins", "object")
CASES |= {
    "method_that_writes": malicious(
        stream(call(GENERATOR, FILE, call(global_("operator", "methodcaller"), text("write_text"), text("test"))))
    ),
    "benign_method_of_text": clean(stream(UPPER), cut_is_clean=True),
    "generator_of_a_method": malicious(stream(call(GENERATOR, text("a"), UPPER))),
    "generator_of_a_partial": malicious(stream(call(GENERATOR, text("a"), call(PARTIAL, HELD, text("b"))))),
    "constructor_in_a_namespace": malicious(
        stream(
            call(
                global_("numpy.ma.core", "_mareconstruct"),
                NAMESPACE + table(__new__=UPPER) + BUILD,
                global_("numpy", "ndarray"),
                tuple_(number(0)),
                text("b"),
            )
        )
    ),
    "arguments_that_a_call_returns": malicious(
        stream(GENERATOR + call(global_("builtins", "tuple"), sequence(text("x"), HELD)) + REDUCE)
    ),
    "arguments_in_a_table": malicious(
        stream(GENERATOR + EMPTY_DICT + MARK + text("x") + NONE + HELD + NONE + b"u" + REDUCE)
    ),
    "arguments_behind_many": review(stream(call(global_("itertools", "chain"), *[EMPTY_LIST] * 40, LOADER_OBJECT))),
    "metric_that_holds_a_function": review(stream(call(TREE, EMPTY_LIST, number(40), call(PARTIAL, HELD)))),
    "object_for_pairs": review(stream(call(global_("collections", "OrderedDict"), sequence(LOADER_OBJECT)))),
    "object_for_pairs_behind_many": review(
        stream(
            call(
                global_("collections", "OrderedDict"),
                sequence(*(tuple_(number(at), NONE) for at in range(300)), LOADER_OBJECT),
            )
        )
    ),
    "object_for_a_tuple": review(stream(global_("builtins", "tuple") + tuple_(LOADER_OBJECT) + NEWOBJ)),
    "object_for_a_base": review(
        stream(call(RECONSTRUCTOR, global_("collections", "OrderedDict"), global_("builtins", "dict"), LOADER_OBJECT))
    ),
    "object_for_a_signature": review(stream(call(global_("inspect", "Signature"), LOADER_OBJECT))),
    "object_for_an_error": review(stream(call(global_("builtins", "SyntaxError"), text("x"), LOADER_OBJECT))),
    "object_after_many_harmless_calls": review(
        stream(
            call(global_("builtins", "frozenset"), EMPTY_LIST) * 80,
            call(global_("builtins", "frozenset"), LOADER_OBJECT),
        )
    ),
    "partial_of_another_function": malicious(stream(refilled(global_("builtins", "len"), HELD))),
    "benign_partial": clean(pickle.dumps(functools.partial(math.pow, 2.0)), cut_is_clean=True),
    "partial_that_brings_arguments": malicious(
        stream(call(call(PARTIAL, global_("numpy.random._pickle", "__randomstate_ctor"), text("x"), HELD)))
    ),
    "method_under_a_hook": malicious(
        stream(call(global_("torch._utils", "_rebuild_parameter"), NAMESPACE + table(detach=UPPER) + BUILD, NONE, NONE))
    ),
    "class_whose_new_is_a_function": malicious(
        stream(own_type("Net", OBJECT, __new__=HELD) + tuple_(text("x")) + NEWOBJ)
    ),
    "class_whose_new_is_a_method": malicious(
        stream(own_type("Net", global_("pathlib", "PosixPath"), __new__=UPPER) + EMPTY_TUPLE + NEWOBJ)
    ),
    "benign_class_that_takes_new_from_its_base": clean(
        stream(
            own_type("Net", OBJECT, __new__=call(global_("builtins", "getattr"), OBJECT, text("__new__")))
            + EMPTY_TUPLE
            + NEWOBJ
        ),
        cut_is_clean=True,
    ),
    "class_that_registers": malicious(
        stream(
            call(
                global_("cloudpickle.cloudpickle", "_class_setstate"),
                SKELETON + PLAIN_CLASS + REDUCE,
                tuple_(table(register=UPPER, _abc_impl=sequence(FILE)), EMPTY_DICT),
            )
        )
    ),
    "class_as_metaclass": review(
        stream(call(OWN_TYPE, global_("lightgbm.basic", "Booster"), NONE, NONE, text("/etc")))
    ),
    "object_in_a_list_for_numbers": review(
        stream(call(global_("numpy", "float64"), sequence(sequence(number(1)), sequence(LOADER_OBJECT))))
    ),
    "benign_list_for_numbers": clean(
        stream(call(global_("numpy", "float64"), sequence(sequence(number(1))))), cut_is_clean=True
    ),
    "object_as_a_state": review(stream(LINEAR + LOADER_OBJECT + BUILD + LINEAR + NAMESPACE + BUILD)),
    "object_of_another_package_as_a_state": review(
        stream(global_("sklearn.linear_model._base", "LinearRegression") + EMPTY_TUPLE + NEWOBJ + LINEAR + BUILD)
    ),
    "benign_object_as_a_state": clean(stream(LINEAR + LINEAR + BUILD), cut_is_clean=True),
    "reference_that_calls": review(stream(call(global_("dill._dill", "_create_weakref"), LINEAR, call(PARTIAL, HELD)))),
    "benign_reference": clean(stream(call(global_("dill._dill", "_create_weakref"), LINEAR)), cut_is_clean=True),
    "object_as_the_parts_of_code": review(stream(global_("dill._dill", "_create_code") + LOADER_OBJECT + REDUCE)),
    "function_as_a_key_of_a_table": review(
        stream(
            global_("pandas.core.frame", "DataFrame") + EMPTY_TUPLE + NEWOBJ + MARK + call(PARTIAL, HELD) + NONE + b"u"
        )
    ),
    "benign_class_as_a_key": clean(
        stream(call(global_("collections", "OrderedDict")) + MARK + global_("builtins", "int") + NONE + b"u"),
        cut_is_clean=True,
    ),
    "partial_of_a_method_that_writes": review(
        stream(
            call(
                PARTIAL, call(global_("builtins", "getattr"), global_("pathlib", "PosixPath"), text("write_text")), FILE
            )
        )
    ),
    "module_that_runs_tests": review(
        stream(call(global_("cloudpickle.cloudpickle", "subimport"), text("test.autotest")))
    ),
    "ruled_class_by_another_name": review(
        stream(global_("lightgbm.engine", "Booster") + EMPTY_TUPLE + NEWOBJ + table(_handle=number(4096)) + BUILD)
    ),
    "class_of_joblib_arrays": review(
        stream(own_type("Net", global_("joblib.numpy_pickle", "NumpyArrayWrapper")) + EMPTY_TUPLE + NEWOBJ)
    ),
    "class_in_a_capital_module": review(
        stream(global_("transformers.image_utils", "PIL.ImageFont.FreeTypeFont") + EMPTY_TUPLE + NEWOBJ, version=4)
    ),
    "state_that_is_made": review(
        stream(
            call(
                global_("torch._utils", "_rebuild_parameter_with_state"),
                NONE,
                NONE,
                NONE,
                call(global_("collections", "OrderedDict")),
            )
        )
    ),
    "numbers_that_pickle_takes_for_opcodes": review(
        WITHOUT_PADDING.replace(bytes(64), call(global_("acme.tools", "go"), text("x")).ljust(64, b"."))
    ),
    "benign_numbers_behind_a_wrapper": clean(WITHOUT_PADDING),
    "state_in_a_list": malicious(stream(LINEAR + sequence(tuple_(text("__setstate__"), HELD)) + BUILD + NONE + BUILD)),
    "state_in_escapes": malicious(
        stream(LINEAR, EMPTY_DICT, escaped("__setstate__"), HELD, SETITEM, BUILD, NONE, BUILD)
    ),
    "state_in_wide_escapes": malicious(
        stream(LINEAR, EMPTY_DICT, escaped("__setstate__", wide=True), HELD, SETITEM, BUILD, NONE, BUILD)
    ),
    "benign_state_in_escapes": clean(
        stream(LINEAR, EMPTY_DICT, escaped("setting"), text("x"), SETITEM, BUILD), cut_is_clean=True
    ),
    "state_with_a_made_name": malicious(
        stream(LINEAR + sequence(tuple_(call(global_("builtins", "str"), text("__setstate__")), HELD)) + BUILD)
    ),
    "benign_state_of_two_objects": clean(stream(LINEAR + tuple_(LINEAR, LINEAR) + BUILD), cut_is_clean=True),
    "state_in_a_set": malicious(
        stream(LINEAR + b"\x8f" + MARK + tuple_(text("detach"), UPPER) + b"\x90" + BUILD, version=4)
    ),
    "state_in_a_long_list": malicious(
        stream(
            LINEAR
            + sequence(*(tuple_(text("a"), NONE) for _ in range(300)), tuple_(text("__setstate__"), UPPER))
            + BUILD
        )
    ),
    "state_of_a_queue": review(
        stream(LINEAR + call(global_("collections", "deque")) + tuple_(text("__setstate__"), HELD) + APPEND + BUILD)
    ),
    "state_of_loaders": review(stream(LINEAR + sequence(LOADER_OBJECT) + BUILD)),
    "benign_steps_of_a_pipeline": clean(
        stream(sequence(tuple_(text("add"), LINEAR), tuple_(text("copy"), global_("numpy", "copy")))), cut_is_clean=True
    ),
    "object_for_a_tuple_of_torch": review(stream(call(global_("torch.return_types", "cummax"), LOADER_OBJECT))),
    "view_of_an_object": review(stream(call(global_("cloudpickle.cloudpickle", "_make_dict_keys"), LOADER_OBJECT))),
    "named_tuple_that_exists": malicious(
        stream(call(call(NAMED_TUPLE, text("Popen"), EMPTY_TUPLE, text("subprocess")), text(COMMAND)))
    ),
    "named_tuple_that_is_called": malicious(
        stream(call(call(NAMED_TUPLE, text("Runner"), EMPTY_TUPLE, text("acme")), text("x")))
    ),
    "named_tuple_that_is_a_module": review(stream(call(NAMED_TUPLE, text("_utils"), EMPTY_TUPLE, text("torch")))),
    "benign_named_tuple": clean(
        stream(call(NAMED_TUPLE, text("Point"), tuple_(text("x")), text("__main__")) + tuple_(number(1)) + NEWOBJ),
        cut_is_clean=True,
    ),
    "module_that_is_returned": malicious(
        stream(
            call(TAG, call(global_("cloudpickle.cloudpickle", "subimport"), text("torch._utils")), text("any"))
            + table(_rebuild_tensor=HELD)
            + BUILD
        )
    ),
    "registry_that_is_returned": malicious(
        stream(call(TAG, global_("numpy", "ndarray"), text("any")) + MARK + text("k") + HELD + b"u")
    ),
    "benign_type_tag": clean(stream(call(TAG, sequence(number(1)), text("List[int]"))), cut_is_clean=True),
    "logger_that_is_changed": malicious(
        stream(call(global_("logging", "getLogger"), text("x")) + table(handlers=EMPTY_LIST) + BUILD)
    ),
    "module_as_a_function": review(
        stream(call(global_("numpy.core", "_ufunc_reconstruct"), text("numpy.compat.py3k"), text("os")))
    ),
    "state_of_pairs": malicious(
        stream(
            NAMESPACE
            + call(global_("collections", "OrderedDict"), sequence(tuple_(text("__setstate__"), HELD)))
            + BUILD
        )
    ),
    "state_of_computed_pairs": malicious(
        stream(
            NAMESPACE
            + call(
                global_("collections", "OrderedDict"),
                call(global_("builtins", "zip"), sequence(text("__setstate__")), sequence(HELD)),
            )
            + BUILD
        )
    ),
    "benign_state_of_pairs": clean(
        stream(NAMESPACE + call(global_("collections", "OrderedDict"), sequence(tuple_(text("a"), NONE))) + BUILD),
        cut_is_clean=True,
    ),
    "name_that_is_cut": malicious(stream(call(PARTIAL, global_("torch", "nn.torch." * 24 + "os.system")))),
    "class_through_another_module": review(
        stream(global_("transformers.utils.hub", "requests.sessions.Session") + EMPTY_TUPLE + NEWOBJ, version=4)
    ),
    "benign_class_in_a_class": clean(
        stream(global_("transformers.trainer_utils", "IntervalStrategy.STEPS"), version=4), cut_is_clean=True
    ),
    "benign_method_of_a_distribution": clean(
        stream(global_("scipy.stats._continuous_distns", "norm_gen._pdf"), version=4), cut_is_clean=True
    ),
}

# What other scanners cry wolf at.
CASES |= {
    "private_class": review(stream(global_("acme.models", "Net"), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD)),
    "private_class_allowed": Case(
        lambda: stream(global_("acme.models", "Net"), EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, BUILD),
        "model.pkl",
        Verdict.CLEAN,
        Options(allow_imports=("acme.*",)),
    ),
    "private_package_named_code": review(stream(global_("code.model", "Net"), EMPTY_TUPLE, NEWOBJ)),
    "dates": clean(pickle.dumps([datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC), datetime.timedelta(1)])),
    "decimals": clean(pickle.dumps([decimal.Decimal("1.5"), complex(1, 2), 2**100, range(3), slice(1)])),
    "paths": clean(
        b"\x80\x02](cpathlib\nPurePosixPath\nX\x01\x00\x00\x00aX\x01\x00\x00\x00b\x86Rcpathlib\nPureWindowsPath\n)Re."
    ),
    "paths_of_3_13": clean(b"\x80\x02cpathlib._local\nPurePosixPath\nX\x03\x00\x00\x00a/b\x85R."),
    "sets_protocol_0": clean(pickle.dumps({frozenset([1]), frozenset([2])}, 0)),
    "numpy_array": clean(pickle.dumps(numpy.arange(3))),
    "numpy_scalar": clean(pickle.dumps(numpy.float32(1.5))),
    "numpy_random_state": clean(pickle.dumps(numpy.random.RandomState(1))),
    "counter": clean(
        # Protocol 2, and no letter twice: which texts are one object differs between Pythons, and so do references
        pickle.dumps([collections.Counter("aab"), collections.defaultdict(list, c=[1]), collections.deque([1])], 2)
    ),
    "array_module": clean(pickle.dumps(array.array("i", [1, 2]))),
    "text_that_names_system": clean(pickle.dumps({"readme": "never call os.system('rm') or eval()"})),
}
