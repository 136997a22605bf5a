"""Files of skops: nodes that name what they should not, and nodes that say they are another type than they load."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

import numpy as np

from modelsweep.core.finding import Json
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.numpy.cases import saved as array_file
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.zip.cases import made

Node = dict[str, Json]
TRANSFORMER = "sklearn.preprocessing._function_transformer.FunctionTransformer"
ARRAY = array_file(np.ones(2))


def node(kind: str, name: str, **more: Json) -> Node:
    """Return a node of a kind that names a class or a function."""
    module, _, short = name.rpartition(".")
    return {"__class__": short, "__module__": module, "__loader__": kind, "__id__": 7, **more}


def value(content: Json) -> Node:
    """Return a plain value."""
    return node("JsonNode", "builtins.str", content=json.dumps(content), is_json=True)


def several(*content: Node) -> Node:
    """Return a tuple."""
    return node("TupleNode", "builtins.tuple", content=list(content))


def holding(**content: Json) -> Node:
    """Return the content of a node."""
    return content


def mapping(**content: Json) -> Node:
    """Return a dictionary; its keys are kept as types too."""
    types = node("ListNode", "builtins.list", content=[node("TypeNode", "builtins.str") for _ in content])
    return node("DictNode", "builtins.dict", content=content, key_types=types)


def estimator(**attributes: Json) -> Node:
    """Return a transformer with attributes."""
    return node("ObjectNode", TRANSFORMER, content=mapping(**attributes))


def saved(root: Node, *more: tuple[str, bytes], method: int = zipfile.ZIP_STORED, renamed: str = "") -> bytes:
    """Return what skops writes of a tree of nodes; the key `renamed` becomes `func`."""
    schema = {**root, "protocol": 2, "_skops_version": "0.13.0"}
    text = json.dumps(schema, indent=2).replace(f'"{renamed}"', '"func"')
    return made(*more, ("schema.json", text.encode()), method=method)


def benign() -> bytes:
    """Return a scaler with an array, a function of numpy, and a random generator."""
    array = node("NdArrayNode", "numpy.ndarray", type="numpy", file="1.npy")
    state = node("DictNode", "builtins.dict", content=holding(bit_generator=value("PCG64")))
    generator = node(
        "RandomGeneratorNode", "numpy.random._generator.Generator", content=holding(bit_generator_state=state)
    )
    partial: Node = {
        "func": node("FunctionNode", "numpy.sum"),
        "args": several(),
        "kwds": mapping(),
        "namespace": value(None),
    }
    tree = estimator(
        mean_=array,
        func=node("FunctionNode", "numpy.log1p"),
        total=node("PartialNode", "functools.partial", content=partial),
        column=node("OperatorFuncNode", "operator.itemgetter", attrs=several(value(1))),
        random=generator,
        dtype=node("TypeNode", "numpy.float64"),
    )
    return saved(tree, ("1.npy", ARRAY), method=zipfile.ZIP_DEFLATED)


def method(owner: Node, function: str, stated: str) -> Node:
    """Return a method that is taken from an object."""
    return node("MethodNode", stated, content=holding(func=function, obj=owner))


def operator(name: str, *arguments: Node) -> Node:
    """Return a function of `operator` that is made with arguments."""
    return node("OperatorFuncNode", name, attrs=several(*arguments))


def case(root: Node, verdict: Verdict, options: Options = Options()) -> Case:
    """Return the case of a tree."""
    return Case(lambda: saved(root), "model.skops", verdict, options)


def file(build: Callable[[], bytes], verdict: Verdict, name: str = "model.skops") -> Case:
    """Return the case of any bytes."""
    return Case(build, name, verdict)


SYSTEM = node("FunctionNode", "os.system")
PRIVATE = estimator(func=node("FunctionNode", "acme.features.clean"))
OLD = node("FunctionNode", "builtins.function", content={"module_path": "os", "function": "system"})


def twice() -> bytes:
    """Return a tree in which one key is declared twice: parsers keep the second, which is harmless."""
    tree = estimator(func=SYSTEM, fun2=node("FunctionNode", "numpy.log1p"))
    return saved(tree, renamed="fun2")


CASES = {
    "benign": file(benign, Verdict.CLEAN),
    "benign_other_name": file(benign, Verdict.CLEAN, "model.bin"),
    "benign_schema_of_another": file(
        lambda: made(("schema.json", json.dumps({"type": "object", "title": "os.system"}).encode())),
        Verdict.CLEAN,
        "package.zip",
    ),
    "benign_method": case(
        estimator(func=method(estimator(), "transform", TRANSFORMER)),
        Verdict.CLEAN,
    ),
    "benign_allowed": case(PRIVATE, Verdict.CLEAN, Options(allow_imports=("acme.*",))),
    "function_system": case(estimator(func=SYSTEM), Verdict.MALICIOUS),
    "function_old_protocol": case(estimator(func=OLD), Verdict.MALICIOUS),
    "function_behind_a_decoy": case(
        estimator(func=node("FunctionNode", "os.system", content=holding(module_path="numpy", function="sum"))),
        Verdict.MALICIOUS,
    ),
    "type_behind_a_decoy": case(
        estimator(func=node("TypeNode", "subprocess.Popen", content=node("TypeNode", "builtins.int"))),
        Verdict.MALICIOUS,
    ),
    "benign_function_old_protocol": case(
        estimator(func=node("FunctionNode", "numpy.ufunc", content=holding(module_path="numpy", function="log1p"))),
        Verdict.CLEAN,
    ),
    "constructor": case(
        node("ConstructorFromReduceNode", "subprocess.Popen", content=several(value("id"))), Verdict.MALICIOUS
    ),
    "list_of_getattr": case(node("ListNode", "builtins.getattr", content=[value("x")]), Verdict.REVIEW),
    "partial_exec": case(
        node(
            "PartialNode", "functools.partial", content=holding(func=node("TypeNode", "builtins.exec"), args=several())
        ),
        Verdict.MALICIOUS,
    ),
    "operator_call": case(operator("operator.call", SYSTEM, value("echo modelsweep-test")), Verdict.MALICIOUS),
    "operator_confused": case(
        operator("sklearn.linear_model._base.call", node("FunctionNode", "numpy.sum")), Verdict.MALICIOUS
    ),
    "operator_dunder": case(operator("operator.attrgetter", value("fit.__globals__")), Verdict.MALICIOUS),
    "operator_methodcaller_of_system": case(
        operator("operator.methodcaller", value("system"), value("echo modelsweep-test")), Verdict.MALICIOUS
    ),
    "operator_methodcaller": case(operator("operator.methodcaller", value("lower")), Verdict.REVIEW),
    "method_confused": case(
        method(node("ObjectNode", "acme.Loader"), "run", "sklearn.pipeline.Pipeline"), Verdict.MALICIOUS
    ),
    "method_globals": case(
        method(estimator(), "__reduce_ex__", TRANSFORMER),
        Verdict.REVIEW,
    ),
    "file_access": case(estimator(func=node("FunctionNode", "numpy.load")), Verdict.REVIEW),
    "private_type": case(PRIVATE, Verdict.REVIEW),
    "declared_twice": file(twice, Verdict.MALICIOUS),
    "pickle": file(lambda: EVIL_PICKLE, Verdict.MALICIOUS),
    "without_schema": file(lambda: made(("model.npy", ARRAY)), Verdict.NOT_SCANNED),
    "without_nodes": file(lambda: made(("schema.json", b"{}")), Verdict.NOT_SCANNED),
    "broken_schema": file(lambda: made(("schema.json", b'{"__loader__": "ObjectNode"')), Verdict.NOT_SCANNED),
}
