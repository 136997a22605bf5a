"""What the real loaders read out of valid, odd and mutated files, our parsers see, or say that they could not.

Nothing is loaded that could run: pickles go through a `find_class` that hands out a stand-in for every name.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy
import pytest

from modelsweep.core.report import UnitResult
from scanners.parsing.pickle_values import full_name
from tests.scanners.case import Case, examine_bytes
from tests.scanners.gguf.cases import CASES as GGUF_CASES
from tests.scanners.mutation import mutated
from tests.scanners.numpy.cases import CASES as NUMPY_CASES
from tests.scanners.onnx.cases import CASES as ONNX_CASES
from tests.scanners.pickle import assembler
from tests.scanners.pickle.cases import CASES as PICKLE_CASES
from tests.scanners.safetensors.cases import CASES as SAFETENSORS_CASES
from tests.scanners.yaml_config.cases import CASES as YAML_CASES

ROUNDS = 3
SLOW_ROUNDS = 60
LARGE = 4_000
"""Bytes above which a case is left to the fast formats' own tests."""
Read = Callable[[bytes], Any]
every_round = pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(SLOW_ROUNDS, marks=pytest.mark.slow)])


def attempts(cases: dict[str, Case], rounds: int) -> Iterator[tuple[str, bytes]]:
    """Yield every small case as it is, then damaged in `rounds` ways, the same every time."""
    for name, case in sorted(cases.items()):
        data, rng = case.build(), random.Random(name)
        if len(data) <= LARGE:
            yield case.name, data
            for _ in range(rounds):
                yield case.name, mutated(data, rng)


def values(result: UnitResult, kind: str) -> set[str]:
    return {fact.value for fact in result.facts if fact.kind == kind}


class Stand:
    """What every name of a pickle stands for: takes any call, state, item and attribute, and does nothing."""

    made: ClassVar[list[object]] = []

    def __init__(self, *arguments: object, **_named: object) -> None:
        """Take anything."""
        self.made.append(arguments)

    def __call__(self, *_arguments: object, **_named: object) -> Stand:
        return Stand()

    def __setstate__(self, _state: object) -> None:
        """Take any state."""

    def __setitem__(self, _key: object, _value: object) -> None:
        """Take any item."""

    def append(self, _item: object) -> None:
        """Take any item."""

    extend = add = append

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other


def named_by(unpickler: type, data: bytes) -> list[str]:
    """Return the names that an unpickler of CPython asks for in the first stream.

    A stream without a header that calls none of them is text to us.
    """
    asked: list[str] = []
    Stand.made.clear()

    class Recorder(unpickler):
        def find_class(self, module: str, name: str) -> type:
            asked.append(full_name(module, name))
            return Stand

        def persistent_load(self, _identifier: object) -> Stand:
            return Stand.__new__(Stand)  # no call of a name

    stream = io.BytesIO(data)
    with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
        Recorder(stream).load()
    return asked if Stand.made or data.startswith(b"\x80") else []


SMALL = {
    name: case for name, case in PICKLE_CASES.items() if "joblib" not in name and not name.startswith("nested_behind")
}


def assert_names_seen(name: str, data: bytes) -> None:
    """Assert that we see every name that either unpickler of CPython would have imported."""
    in_order = [named_by(pickle.Unpickler, data), named_by(pickle._Unpickler, data)]
    asked = {name for names in in_order for name in names}
    # Without a header a first name that no module can have is text to us: no loader gets beyond it.
    is_text = not data.startswith(b"\x80") and not all(
        part.isidentifier() for names in in_order for name in names[:1] for part in name.split(".")
    )
    if asked and not is_text:
        result = examine_bytes(data, name)
        seen = values(result, "import") | values(result, "call")
        lost = {each for each in asked if each.isprintable() and len(each) < 190 and all(each.split("."))} - seen
        # Where a frame ends within an opcode loaders differ, which is said as such.
        said = any(finding.rule.id == "pickle/frame-mismatch" for finding in result.findings)
        assert not lost or said, f"a loader imports {lost}, which we do not see in {data[:200]!r}"


@every_round
def test_a_loader_imports_nothing_that_we_do_not_see(rounds: int) -> None:
    for name, data in attempts(SMALL, rounds):
        assert_names_seen(name, data)


OPCODES = [
    assembler.global_("os", "system"),
    assembler.stack_global("acme", "x"),
    assembler.text("a"),
    assembler.number(3),
    assembler.EMPTY_TUPLE,
    assembler.EMPTY_DICT,
    assembler.EMPTY_LIST,
    assembler.MARK,
    assembler.DUP,
    assembler.POP,
    assembler.MEMOIZE,
    assembler.NONE,
    assembler.BUILD,
    assembler.SETITEM,
    assembler.APPEND,
    assembler.NEWOBJ,
    b"R",
    b"t",
    assembler.put(1),
    assembler.get(1),
    assembler.get(0),
    assembler.STACK_GLOBAL,
    assembler.OBJ,
    b"l",
    b"d",
    b"1",
    b"e",
    b"u",
    b"\x85",
    b"\x86",
    b"\x87",
    b"\x8f",
    b"\x90",
    b"\x91",
    assembler.short("posix"),
    b"Q",
    b"p2\n",
    b"g2\n",
    b"I1\n",
    b"I01\n",
    b"L3L\n",
    b"F1.5\n",
    b"S'x'\n",
    b"Vx\n",
    b"\x95\x05\0\0\0\0\0\0\0",
    b"\x80\x04",
    b"\x8a\x01\x05",
    b"(lp0\n",
    assembler.inst("acme", "y"),
    b"Pid\n",
    b"\x96\1\0\0\0\0\0\0\0a",
    b"\x97",
    b"\x98",
    b"\x92",
    b"C\1a",
    b"r\5\0\0\0",
    b"j\5\0\0\0",
]


@every_round
def test_random_streams_import_nothing_that_we_do_not_see(rounds: int) -> None:
    rng = random.Random(7)
    for _ in range(rounds * 60):
        body = b"".join(rng.choices(OPCODES, k=rng.randrange(3, 40)))
        evil = assembler.call(assembler.SYSTEM, assembler.text(assembler.COMMAND))
        assert_names_seen("model.pkl", assembler.proto(4) + body + evil + assembler.STOP)


def read_safetensors(data: bytes) -> Any:
    from safetensors import deserialize

    return deserialize(data)


@every_round
def test_safetensors_that_load_are_counted_or_said_to_be_odd(rounds: int) -> None:
    for name, data in attempts(SAFETENSORS_CASES, rounds):
        loaded = _tried(read_safetensors, data)
        if loaded is None:
            continue
        result = examine_bytes(data, name)
        counts = [fact.detail["count"] for fact in result.facts if fact.kind == "tensors"]
        assert result.problems or len(loaded) in counts or result.findings, f"{len(loaded)} tensors, we see {counts}"


def _tried(read: Read, data: bytes) -> Any:
    """Return what a loader reads, None where it refuses."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return read(data)
    except Exception:  # noqa: BLE001  loaders raise anything at all
        return None


@every_round
def test_arrays_that_load_have_the_shape_that_we_see(rounds: int) -> None:
    for name, data in attempts(NUMPY_CASES, rounds):
        loaded = _tried(lambda data: numpy.load(io.BytesIO(data), allow_pickle=False), data)
        if not isinstance(loaded, numpy.ndarray):
            continue
        result = examine_bytes(data, name)
        shapes = [fact.detail["shape"] for fact in result.facts if fact.kind == "tensors"]
        assert result.problems or list(loaded.shape) in shapes, f"{loaded.shape}, we see {shapes} in {data[:120]!r}"


def test_object_arrays_are_pickles_wherever_numpy_takes_them_for_ones() -> None:
    for descr in ("|O", "O", "O8", "|O8", "object", "O4"):
        header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': (1,), }}".ljust(118) + "\n"
        data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + assembler.EVIL_PICKLE
        try:
            numpy.load(io.BytesIO(data), allow_pickle=False)
        except ValueError as error:
            pickled = "allow_pickle" in str(error) or "Object arrays" in str(error)
            assert not pickled or "os.system" in values(examine_bytes(data, "a.npy"), "call"), descr


@every_round
def test_operators_that_onnx_reads_are_seen(rounds: int) -> None:
    import onnx

    for name, data in attempts(ONNX_CASES, min(rounds, 60)):
        model = _tried(onnx.load_model_from_string, data)
        if model is None or not model.graph.node:
            continue
        result = examine_bytes(data, name)
        seen = {value.rpartition(":")[2].rpartition(".")[2] for value in values(result, "operator")}
        asked = {node.op_type for node in model.graph.node if _is_plain(node.op_type)}
        assert result.problems or asked <= seen, f"{asked - seen} of {seen}"


def _is_plain(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and len(name) < 60


def read_gguf(data: bytes, path: Any) -> Any:
    from gguf import GGUFReader

    path.write_bytes(data)
    return [(tensor.name, int(tensor.n_elements)) for tensor in GGUFReader(path).tensors]


@every_round
def test_gguf_that_loads_is_counted_or_said_to_be_odd(rounds: int, tmp_path: Any) -> None:
    for name, data in attempts(GGUF_CASES, min(rounds, 60)):
        result = examine_bytes(data, name)
        if result.problems:
            continue  # the loader allocates what a header claims, before it looks whether it is there
        loaded = _tried(lambda data: read_gguf(data, tmp_path / "model.gguf"), data)
        if loaded is None:
            continue
        counts = [fact.detail["count"] for fact in result.facts if fact.kind == "tensors"]
        assert result.findings or len(loaded) in counts, f"{len(loaded)} tensors, we see {counts}"


def python_tags(data: bytes) -> set[str] | None:
    """Return the names in tags of Python that PyYAML composes, None where it does not parse."""
    import yaml

    try:
        nodes = list(yaml.compose_all(data, yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return {name for node in nodes for name in _tagged(node, set())}


def _tagged(node: Any, seen: set[int]) -> Iterator[str]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    _, python, name = node.tag.partition("tag:yaml.org,2002:python/")
    kind, _, called = name.partition(":")
    if python and kind in ("object", "object/apply", "object/new", "name", "module"):
        yield called
    for item in node.value if isinstance(node.value, list) else ():
        for part in item if isinstance(item, tuple) else (item,):
            yield from _tagged(part, seen)


@every_round
def test_tags_that_pyyaml_composes_are_seen(rounds: int) -> None:
    for _, data in attempts(YAML_CASES, min(rounds, 60)):
        asked = python_tags(data)
        if asked:
            result = examine_bytes(data, "config.yaml")
            seen = {value.removeprefix("builtins.") for value in values(result, "code-reference")}
            wanted = {each for each in asked if each and each.isprintable() and each.isascii() and len(each) < 150}
            assert result.problems or wanted <= seen, f"{wanted - seen} in {data[:200]!r}"


def test_json_that_loads_twice_under_a_key_is_read_as_loaders_read_it() -> None:
    data = b'{"auto_map": {"AutoModel": "x.Net"}, "auto_map": {"AutoModel": "evil.Net"}}'
    assert json.loads(data)["auto_map"]["AutoModel"] == "evil.Net"
    assert "evil.Net" in " ".join(values(examine_bytes(data, "config.json"), "code-reference"))
