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


def function(name: str, *names: str) -> bytes:
    """Return what makes the function of `code`."""
    return call(global_("cloudpickle.cloudpickle", "_make_function"), code(name, *names), EMPTY_DICT, NONE, NONE, NONE)


def class_(metaclass: bytes) -> bytes:
    """Return what makes an empty class."""
    arguments = (metaclass, text("Net"), EMPTY_TUPLE, EMPTY_DICT, text("id"), NONE)
    return call(global_("cloudpickle.cloudpickle", "_make_skeleton_class"), *arguments)


TYPE = global_("builtins", "type")


def case(verdict: Verdict, *parts: bytes) -> Case:
    """Return a case of one stream."""
    return Case(lambda: proto(2) + b"".join(parts) + STOP, "model.pkl", verdict, cut_is_clean=True)


def stored(name: str, method: bytes) -> bytes:
    """Return what puts a method into the state of an instance of an own class."""
    return class_(TYPE) + EMPTY_TUPLE + NEWOBJ + EMPTY_DICT + text(name) + method + b"s" + BUILD


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
    "metaclass_is_system": case(Verdict.MALICIOUS, class_(SYSTEM)),
    "attribute_of_own_class": case(
        Verdict.CLEAN, call(global_("builtins", "setattr"), class_(TYPE), text("__qualname__"), text("Net"))
    ),
    "attribute_of_module": case(
        Verdict.MALICIOUS, call(global_("builtins", "setattr"), global_("torch", "nn"), text("Linear"), NONE)
    ),
}
