"""What real loaders find in valid, odd and mutated files beside names and shapes: links, files, operators, types.

Each test asks a library that loads the format for its own view (h5py, protobuf, skops, joblib, marshal, expat, the
unpicklers of CPython) and asserts that ours holds all of it, or says that the file is damaged. Nothing is loaded that
could run.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import marshal
import os
import pickle
import pickletools
import random
import resource
import signal
import struct
import types
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

import pytest

from scanners.judge.operators import concerns
from scanners.judge.tensorflow_operators import TENSORFLOW_OPERATORS
from scanners.parsing.marshal_names import names_in
from scanners.skops import CONFUSED
from tests.scanners.case import examine_bytes
from tests.scanners.keras_h5.cases import CASES as HDF5_CASES
from tests.scanners.mutation import mutated
from tests.scanners.onnx.cases import CASES as ONNX_CASES
from tests.scanners.pickle import assembler
from tests.scanners.pmml.cases import CASES as PMML_CASES
from tests.scanners.pmml.cases import OTHER as OTHER_XML
from tests.scanners.skops.cases import CASES as SKOPS_CASES
from tests.scanners.tensorflow.cases import CASES as TENSORFLOW_CASES
from tests.scanners.test_fuzz import in_a_child
from tests.scanners.test_loader_differential import Stand, assert_names_seen, attempts, values
from tests.scanners.torch_mobile.cases import CASES as MOBILE_CASES

ROUNDS = 3
SLOW_ROUNDS = 60
SLOW = (pytest.mark.slow, pytest.mark.timeout(600))
every_round = pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(SLOW_ROUNDS, marks=SLOW)])
MEMORY = 2 << 30
"""Bytes of addresses that an unpickler may take."""
NAME_SHOWN = 90
"""Characters of a name that all facts hold."""


def plain(names: set[str]) -> set[str]:
    """Return the names that facts show as they are: printable and short."""
    return {name for name in names if name and name.isprintable() and name.isascii() and len(name) < NAME_SHOWN}


# -- HDF5


def links_of(data: bytes, found: set[str]) -> None:
    """Put in the files and texts that h5py finds: links, storage and sources elsewhere, attributes that describe."""
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:

        def visit_link(_name: str, link: object) -> None:
            if isinstance(link, h5py.ExternalLink):
                found.add(link.filename)

        def visit(_name: str, item: Any) -> None:
            with contextlib.suppress(Exception):
                if "model_config" in item.attrs:
                    found.add("model_config")
            if isinstance(item, h5py.Dataset):
                found.update(str(each[0]) for each in item.external or ())
                if item.is_virtual:
                    found.update(source.file_name for source in item.virtual_sources())

        visit("/", file)
        file.visititems_links(visit_link)
        file.visititems(visit)


def asked_in_a_child(data: bytes, ask: Callable[[bytes, set[str]], None] = links_of) -> set[str]:
    """Return what h5py, or who else is asked, finds; nothing where it raises, dies or never ends over damaged files."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            faulthandler.disable()  # that libraries die of damage is none of our faults
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own handler waits for the library
            signal.alarm(1)
            found: set[str] = set()
            with contextlib.suppress(Exception):
                ask(data, found)
            with os.fdopen(writing, "w") as answer:
                answer.write("\0".join(plain(found - {"."})))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = stream.read()
    os.waitpid(child, 0)
    return set(filter(None, said.split("\0")))


@every_round
def test_what_h5py_finds_elsewhere_is_seen(rounds: int) -> None:
    compared = 0
    for case in (case for _, case in sorted(HDF5_CASES.items())):
        data, rng = case.build(), random.Random(case.name)
        for attempt in [data, *(mutated(data, rng) for _ in range(rounds))]:
            asked = asked_in_a_child(attempt)
            if not asked:
                continue
            compared += 1
            result = in_a_child(attempt, case.name, case.options)
            seen = {finding.subject for finding in result.findings} | {
                "model_config" for fact in result.facts if fact.kind.startswith("keras-")
            }
            assert result.problems or asked <= seen, f"{asked - seen} of {seen}"
    assert compared


# -- modules for phones


def operators_for_phones(data: bytes, found: set[str]) -> None:
    """Put in the operators that torch reads out of a module as a FlatBuffer, as TorchScript prints them."""
    import torch

    for name in torch._C._get_module_info_from_flatbuffer(data)["opname_to_num_args"]:
        found.add(f"ops.{name.partition('.')[0].replace('::', '.')}")


@every_round
def test_operators_that_torch_reads_for_phones_are_seen(rounds: int) -> None:
    pytest.importorskip("torch", reason="torch is not installed: see ./dev help")
    compared = 0
    for case in (case for _, case in sorted(MOBILE_CASES.items())):
        data, rng = case.build(), random.Random(case.name)
        for attempt in [data, *(mutated(data, rng) for _ in range(rounds // ROUNDS))]:
            asked = asked_in_a_child(attempt, operators_for_phones)
            result = examine_bytes(attempt, case.name)
            seen = {fact.value for fact in result.facts if fact.kind == "operator"}
            told = any(finding.rule.id == "torch-mobile/out-of-range" for finding in result.findings)
            assert result.problems or told or asked <= seen, f"{asked - seen} of {seen}"
            compared += bool(asked)
    assert compared


# -- protocol buffers


def messages(message: Any) -> Iterator[Any]:
    """Yield a message of protobuf's runtime and all that it holds."""
    left = [message]
    while left:
        here = left.pop()
        yield here
        for field, value in here.ListFields():
            if field.type == field.TYPE_MESSAGE:
                left.extend(value if field.is_repeated else [value])


def as_text(value: str | bytes) -> str:
    """Return a text as facts have it: protobuf hands out bytes where they are no UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


@every_round
def test_nodes_and_external_data_wherever_onnx_reads_them_are_seen(rounds: int) -> None:
    import onnx

    for name, data in attempts(ONNX_CASES, rounds):
        model = onnx.ModelProto()
        try:
            model.ParseFromString(data)
        except Exception:  # noqa: BLE001  protobuf raises its own
            continue
        result = examine_bytes(data, name)
        if result.problems or "onnx" not in result.artifacts[0].scanners:
            continue
        nodes = {as_text(each.op_type) for each in messages(model) if each.DESCRIPTOR.name == "NodeProto"}
        files = {
            as_text(entry.value)
            for each in messages(model)
            if each.DESCRIPTOR.name == "TensorProto"
            for entry in each.external_data
            if as_text(entry.key) == "location"
        }
        seen = {str(fact.detail["name"]) for fact in result.facts if fact.kind == "operator"}
        assert plain(nodes) <= seen, f"{nodes - seen}"
        assert plain(files) <= values(result, "external-file"), f"{files}"


# The messages that lead to nodes, with the numbers that TensorFlow's .proto files give their fields (2.21).
# `kind` begins with * where the field is repeated; other words than `bytes` and `string` are messages.
_TENSORFLOW = {
    "SavedModel": {"meta_graphs": (2, "*MetaGraphDef")},
    "MetaGraphDef": {"graph_def": (2, "GraphDef")},
    "GraphDef": {"node": (1, "*NodeDef"), "library": (2, "FunctionDefLibrary")},
    "FunctionDefLibrary": {"function": (1, "*FunctionDef")},
    "FunctionDef": {"signature": (1, "OpDef"), "node_def": (3, "*NodeDef")},
    "OpDef": {"name": (1, "string")},
    "NodeDef": {"name": (1, "string"), "op": (2, "string"), "attr": (5, "*AttrEntry")},
    "AttrEntry": {"key": (1, "string"), "value": (2, "AttrValue")},
    "AttrValue": {"list": (1, "ListValue"), "s": (2, "bytes"), "tensor": (8, "TensorProto")},
    "ListValue": {"s": (2, "*bytes"), "tensor": (8, "*TensorProto")},
    "TensorProto": {"string_val": (8, "*bytes")},
}


def tensorflow_message(kind: str) -> Any:
    """Return an empty message of protobuf's own runtime, by a descriptor that is made here."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="graph.proto", package="tf", syntax="proto3")
    for message, fields in _TENSORFLOW.items():
        made = file.message_type.add(name=message)
        for field, (number, what) in fields.items():
            base = what.lstrip("*")
            added = made.field.add(name=field, number=number, label=3 if what.startswith("*") else 1)
            # TYPE_BYTES also for texts: those of TensorFlow need not be UTF-8 to reach a kernel
            added.type = 12 if base in ("bytes", "string") else 11
            if added.type == 11:
                added.type_name = f".tf.{base}"
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tf.{kind}"))()


def _is_foreign(operator: str) -> bool:
    return operator not in TENSORFLOW_OPERATORS and not operator.startswith("_")


@every_round
def test_nodes_wherever_protobuf_reads_them_in_graphs_of_tensorflow_are_seen(rounds: int) -> None:
    compared = 0
    for name, data in attempts(TENSORFLOW_CASES, rounds):
        result = examine_bytes(data, name)
        if result.problems or "tensorflow" not in result.artifacts[0].scanners:
            continue
        for kind in ("SavedModel", "MetaGraphDef", "GraphDef"):
            model = tensorflow_message(kind)
            try:
                model.ParseFromString(data)
            except Exception:  # noqa: BLE001  protobuf raises its own
                continue
            found = list(messages(model))
            named = {as_text(each.op) for each in found if each.DESCRIPTOR.name == "NodeDef"}
            own = {as_text(each.name) for each in found if each.DESCRIPTOR.name == "OpDef"}
            # Of ordinary operators and of functions of the graph itself nothing is told
            asked = plain({name for name in named - own if concerns(name) or _is_foreign(name)})
            seen = values(result, "operator")
            compared += len(asked)
            assert asked <= seen, f"{asked - seen} as a {kind}"
    assert compared


# -- skops


def spliced(document: Any, rng: random.Random) -> Any:
    """Return JSON with a few of its texts, keys and nodes exchanged for others of it."""
    text = json.dumps(document)
    copied = json.loads(text)
    nodes = [node for node in _objects(copied) if node]
    texts = [value for node in nodes for value in node.values() if isinstance(value, str)]
    for _ in range(rng.choice((1, 1, 2, 4)) if nodes else 0):
        node = rng.choice(nodes)
        key = rng.choice(list(node))
        match rng.randrange(4):
            case 0:
                del node[key]
                if not node:
                    nodes.remove(node)
            case 1:
                node[key] = json.loads(json.dumps(rng.choice(nodes)))
            case _:
                node[key] = rng.choice(texts)
        if not nodes:
            break
    return copied


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    left = [document]
    while left:
        here = left.pop()
        if isinstance(here, dict):
            yield here
            left.extend(here.values())
        elif isinstance(here, list):
            left.extend(here)


def with_schema(data: bytes, schema: object) -> bytes:
    """Return a file of skops with another schema."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in dict.fromkeys(old.namelist()):
            new.writestr(name, json.dumps(schema).encode() if name == "schema.json" else old.read(name))
    return stream.getvalue()


@pytest.mark.parametrize("rounds", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_types_that_skops_would_not_trust_are_seen(rounds: int) -> None:
    from skops.io import get_untrusted_types

    compared = 0
    for name, case in sorted(SKOPS_CASES.items()):
        data, rng = case.build(), random.Random(name)
        try:
            schema = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("schema.json"))
        except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, NotImplementedError):
            continue
        for _ in range(rounds):
            attempt = with_schema(data, spliced(schema, rng))
            try:
                with warnings.catch_warnings(action="ignore"):
                    asked = plain(set(get_untrusted_types(data=attempt)))
            except Exception:  # noqa: BLE001  skops raises anything at all over what it did not write
                continue
            result = examine_bytes(attempt, "model.skops")
            seen = values(result, "skops-node") | {"functools.partial"}  # which its node makes, whatever it states
            compared += len(asked)
            # It names the class of a function's node where its own loader takes another
            lost = {each for each in asked - seen if not any(each in value or value in each for value in seen)}
            # A method's node that states another class than it takes the method from is said to
            said = any(finding.rule is CONFUSED for finding in result.findings)
            assert not lost or said or result.problems, f"{lost} of {seen}"
    assert compared


# -- joblib


def asked_by_joblib(data: bytes) -> set[str]:
    """Return the names that joblib's unpickler asks for; only its own wrapper of arrays is what it says."""
    import numpy
    from joblib import numpy_pickle

    asked: set[str] = set()

    class Recorder(numpy_pickle.NumpyUnpickler):
        def find_class(self, module: str, name: str) -> Any:
            asked.add(f"{module}.{name}")
            own = {"NumpyArrayWrapper": numpy_pickle.NumpyArrayWrapper, "ndarray": numpy.ndarray, "dtype": numpy.dtype}
            return own.get(name, Stand) if module in ("joblib.numpy_pickle", "numpy") else Stand

    stream = io.BytesIO(data)
    with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
        Recorder("model.joblib", stream, True).load()
    return asked


@pytest.mark.parametrize("rounds", [150, pytest.param(5_000, marks=pytest.mark.slow)])
def test_names_that_joblib_asks_for_behind_its_arrays_are_seen(rounds: int) -> None:
    import joblib
    import numpy

    class Behind:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return (print, ("modelsweep-test",))

    stream = io.BytesIO()
    joblib.dump({"w": numpy.arange(6.0), "b": numpy.arange(3), "c": Behind()}, stream)
    data, rng = stream.getvalue(), random.Random(3)
    assert "builtins.print" in asked_by_joblib(data) or "__builtin__.print" in asked_by_joblib(data)
    for attempt in [data, *(mutated(data, rng) for _ in range(rounds))]:
        asked = plain({each.replace("__builtin__.", "builtins.") for each in asked_by_joblib(attempt)})
        result = examine_bytes(attempt, "model.joblib")
        seen = values(result, "import") | values(result, "call")
        assert result.problems or asked <= seen, f"{asked - seen} of {seen}"


# -- marshal


def used_by(code: types.CodeType) -> set[str]:
    """Return the names that a code object and those inside it use."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= used_by(constant)
    return found


def test_names_of_compiled_code_are_those_that_marshal_reads() -> None:
    for module in (json, pickle, pickletools, random, zipfile):
        code = compile(Path(str(module.__file__)).read_bytes(), "m.py", "exec")
        for version in range(5):
            data = marshal.dumps(code, version)
            lost = {part for name in used_by(marshal.loads(data)) for part in name.split(".")} - set(names_in(data))
            assert not lost, f"{lost} in version {version}"


# -- XML


def told_by_expat(data: bytes) -> set[str] | None:
    """Return what expat tells of a document besides elements of PMML, None where it is no XML."""
    told: set[str] = set()
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = lambda name, *_rest: told.add("entity")
    parser.ProcessingInstructionHandler = lambda target, _data: told.add(target)
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        return None
    return told & {"entity", "xml-stylesheet"}


@every_round
def test_declarations_that_expat_tells_are_seen(rounds: int) -> None:
    compared = 0
    pmml = {name: case for name, case in PMML_CASES.items() if name not in OTHER_XML}  # books declare entities honestly
    for name, data in attempts(pmml, rounds * 4):
        told = told_by_expat(data)
        if told:
            compared += 1
            result = examine_bytes(data, name)
            assert result.findings or result.problems, f"{told} in {data[:200]!r}"
    assert compared


# -- MATLAB


def test_files_of_matlab_that_scipy_reads_are_read() -> None:
    """Its tests bring files that many versions of MATLAB wrote, functions and objects among them, and damaged ones."""
    scipy_io = pytest.importorskip("scipy.io")
    folder = Path(scipy_io.__file__).parent / "matlab" / "tests" / "data"
    files = [path for path in sorted(folder.glob("*.mat")) if path.read_bytes()[:19] == b"MATLAB 5.0 MAT-file"]
    if not files:
        pytest.skip("scipy was installed without its tests")
    for path in files:
        try:
            with warnings.catch_warnings(action="ignore"):
                held = str(scipy_io.loadmat(path))
        except Exception:  # noqa: BLE001  scipy raises anything at all over damaged files
            continue
        result = examine_bytes(path.read_bytes(), path.name)
        assert not result.problems, path.name
        told = any(finding.rule.id == "matlab/function" for finding in result.findings)
        assert told == ("MatlabFunction" in held), f"{path.name} holds {held[:500]}"


# -- pickles by their grammar


WORDS = ("os", "system", "posix", "acme", "acme.net", "a", "builtins", "eval", "\u00e9")
LINES = {
    "stringnl_noescape_pair": ("os\nsystem", "acme\nx", "builtins\neval"),
    "stringnl": tuple(repr(word) for word in WORDS if word.isascii()),
    "stringnl_noescape": WORDS,
    "unicodestringnl": WORDS,
    "decimalnl_short": ("0", "1", "2", "01", "00", "-7"),
    "decimalnl_long": ("1L", "7", "-3L"),
    "floatnl": ("1.5", "-0.0"),
}
"""Arguments that end with a line."""
NUMBERS = {"uint1": 1, "uint2": 2, "int4": 4, "uint4": 4, "uint8": 8}
"""Bytes of those that are numbers."""
LENGTHS = {
    **dict.fromkeys(("string1", "unicodestring1", "bytes1"), 1),
    **dict.fromkeys(("string4", "unicodestring4", "bytes4"), 4),
    **dict.fromkeys(("unicodestring8", "bytes8", "bytearray8"), 8),
}
"""Bytes of the length in front of those that are texts."""
FIXED = {"float8": struct.pack(">d", 1.5), "long1": b"\x01\x05", "long4": b"\x01\0\0\0\x05"}


def argument_of(opcode: pickletools.OpcodeInfo, rng: random.Random) -> bytes:
    """Return a valid argument of an opcode."""
    kind = opcode.arg.name if opcode.arg else ""
    if kind in LINES:
        return rng.choice(LINES[kind]).encode("raw-unicode-escape") + b"\n"
    if kind in NUMBERS:
        return rng.choice((0, 1, 2, 3, 9, 60)).to_bytes(NUMBERS[kind], "little")
    if kind in LENGTHS:
        text = rng.choice(WORDS).encode()
        return len(text).to_bytes(LENGTHS[kind], "little") + text
    return FIXED[kind] if kind else b""


_OPCODES = [opcode for opcode in pickletools.opcodes if opcode.name not in ("STOP", "PROTO")]
_WORTH = [opcode for opcode in _OPCODES if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "REDUCE", "NEWOBJ")]


def grown(rng: random.Random) -> bytes:
    """Return a stream of opcodes with valid arguments, mostly such as find on the stack what they take."""
    depth, marks = 0, 0
    made = bytearray(assembler.proto(rng.choice((0, 2, 4, 5)))) if rng.random() < 0.9 else bytearray()
    for _ in range(rng.randrange(3, 30)):
        opcode = rng.choice(_WORTH if rng.random() < 0.2 else _OPCODES)
        takes = len(opcode.stack_before)
        needs_mark = pickletools.markobject in opcode.stack_before
        if rng.random() < 0.95 and (depth < takes or (needs_mark and not marks)):
            continue
        made += opcode.code.encode("latin-1") + argument_of(opcode, rng)
        marks += (opcode.name == "MARK") - needs_mark
        depth = max(0, depth - (0 if needs_mark else takes)) + len(opcode.stack_after)
    return bytes(made) + assembler.call(assembler.SYSTEM, assembler.text(assembler.COMMAND)) + assembler.STOP


@pytest.mark.parametrize("rounds", [1_500, pytest.param(40_000, marks=pytest.mark.slow)])
def test_streams_of_every_opcode_import_nothing_that_we_do_not_see(rounds: int) -> None:
    rng = random.Random(11)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))  # CPython's memo grows to the highest number that is put
    try:
        for _ in range(rounds):
            assert_names_seen("model.pkl", grown(rng))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
