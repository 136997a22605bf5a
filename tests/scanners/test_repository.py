"""Repositories as a whole: which configuration makes which file run, over results that pass by one after the other."""

from __future__ import annotations

import json
import marshal
import struct
from dataclasses import replace

import pytest

from modelsweep.core.finding import Finding, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.related import MARKS, is_related
from modelsweep.core.report import Tool, Unit, UnitResult, Verdict
from modelsweep.fleet import siblings
from modelsweep.fleet.packing import unpack
from modelsweep.fleet.results import encode_chunk
from scanners.engine import examine
from scanners.judge.repository import neighbours, tree
from scanners.judge.repository.across import Siblings, across, gathered, together
from tests.scanners.native_code import elf
from tests.scanners.ncnn.cases import network
from tests.scanners.onnx.cases import external, with_node
from tests.scanners.payload import noise
from tests.scanners.protobuf import data
from tests.scanners.repository.layouts import (
    BENIGN,
    HYDRA,
    MALICIOUS,
    MODELING,
    OTHER_INDEX,
    RUNS,
    SECOND,
    SHARD,
    SHARDED,
    TRANSFORMERS,
    Files,
    changed,
    index,
)
from tests.scanners.spool import memory_spool
from tests.scanners.zip.cases import made

OPTIONS = Options()
ROOT = "/models/acme/"


def alone(files: Files, root: str = ROOT) -> list[UnitResult]:
    """Return the results of files, each by itself, in report order."""
    ordered = sorted(files, key=str.encode)
    units = [Unit(index, Locator(root + name), len(files[name])) for index, name in enumerate(ordered)]
    return [
        examine(unit, MemoryReader(files[name]), OPTIONS, memory_spool)
        for unit, name in zip(units, ordered, strict=True)
    ]


def found(results: list[UnitResult], root: str = ROOT) -> list[tuple[str, str, str]]:
    """Return what is found across files: rule, file, message."""
    return [
        (finding.rule.id.removeprefix("repository/"), finding.locator.uri.removeprefix(root), finding.message)
        for result in results
        for finding in result.findings
        if finding.rule.id.startswith("repository/")
    ]


def reviews(results: list[UnitResult]) -> dict[str, list[Rule]]:
    """Return the rules of all findings from WARNING on, by file."""
    rules: dict[str, list[Rule]] = {}
    for result in results:
        for finding in result.findings:
            if finding.severity > Severity.INFO:
                rules.setdefault(finding.locator.uri, []).append(finding.rule)
    return rules


def judged(files: Files, options: Options = OPTIONS) -> list[tuple[str, str, str]]:
    """Return what is found across the files of one repository."""
    return found(together(alone(files), options))


@pytest.mark.parametrize("name", BENIGN)
def test_honest_repositories_need_no_review(name: str) -> None:
    results = together(alone(BENIGN[name]), OPTIONS)
    worst = [finding.message for result in results for finding in result.findings if finding.severity > Severity.INFO]
    assert worst == []
    assert [problem for result in results for problem in result.problems] == []


@pytest.mark.parametrize("name", MALICIOUS)
def test_the_file_that_runs_is_said_with_what_makes_it_run(name: str) -> None:
    files, culprit = MALICIOUS[name]
    results = together(alone(files), OPTIONS)
    accused = {uri.removeprefix(ROOT): rules for uri, rules in reviews(results).items()}
    assert [*accused] == [culprit]
    assert len([rule for rule in accused[culprit] if rule.severity is Severity.WARNING]) <= 1, (
        "a review asked for twice"
    )
    assert culprit in [file for rule, file, message in found(results) if rule != "missing-code" and "runs" in message]


def test_the_message_says_who_makes_it_run_and_what_it_does() -> None:
    messages = {file: message for _, file, message in judged(MALICIOUS["import_of_import"][0])}
    assert messages["helper.py"] == (
        "config.json makes helper.py run (auto_map.AutoModelForCausalLM, through modeling_acme.py): importing the file "
        "runs os.system in line 2: echo modelsweep-test"
    )
    assert messages["tokenization_acme.py"].startswith("tokenizer_config.json makes tokenization_acme.py run")


def test_a_file_that_nothing_names_is_judged_alone() -> None:
    files = changed(TRANSFORMERS, helper=RUNS)
    assert "helper.py" not in [file for _, file, _ in judged(files)]
    assert [file for _, file, _ in judged(HYDRA)] == ["src/models/net.py", "src/run.py"], "imports that do nothing"


def test_code_that_is_not_there() -> None:
    assert [(rule, file) for rule, file, _ in judged({"config.json": TRANSFORMERS["config.json"]})] == [
        ("missing-code", "config.json"),
        ("missing-code", "config.json"),
    ]


def test_a_package_that_is_not_there_is_unknown() -> None:
    (result,) = together(alone({"net.yaml": HYDRA["configs/model/net.yaml"]}), OPTIONS)
    assert [finding.message for finding in result.findings] == [
        "loading would use 1 unknown name(s) from the package src: src.models.net.Net"
    ]
    (result,) = together(alone({"net.yaml": HYDRA["configs/model/net.yaml"]}), Options(allow_imports=("src.*",)))
    assert result.findings == ()


def test_code_of_a_folder_above_or_of_another_repository() -> None:
    inner = {f"a/b/{name}": data for name, data in TRANSFORMERS.items() if name.endswith(".json")}
    sources = {name: data for name, data in TRANSFORMERS.items() if name.endswith(".py")}
    assert {rule for rule, _, _ in judged({**inner, **sources})} == {"loaded-code"}
    beside = {f"c/{name}": data for name, data in sources.items()}
    assert {rule for rule, _, _ in judged({**inner, **beside})} == {"missing-code"}


def test_own_code_by_its_full_name_is_known_in_a_cache_only() -> None:
    files = {name.rpartition("/")[2]: data for name, data in BENIGN["hub_cache"].items()}
    (config, *_) = together(alone(files), OPTIONS)
    assert [finding.rule.id for finding in config.findings] == ["config/remote-code"]


def test_it_does_not_matter_in_which_order_files_come() -> None:
    """Configurations before their code (config.json) and behind it (tokenizer_config.json), many repositories."""
    files = {f"{number}/{name}": data for number in range(3) for name, data in TRANSFORMERS.items()}
    loaded = [file for rule, file, _ in judged(files) if rule == "loaded-code"]
    sources = ("configuration_acme.py", "modeling_acme.py", "tokenization_acme.py")
    assert loaded == [f"{number}/{name}" for number in range(3) for name in sources]


def test_fingerprints_stay_when_another_configuration_joins() -> None:
    def prints(files: Files) -> dict[str, str]:
        findings: list[Finding] = [finding for result in together(alone(files), OPTIONS) for finding in result.findings]
        return {finding.subject: finding.fingerprint for finding in findings}

    more = {**TRANSFORMERS, "a_config.json": TRANSFORMERS["config.json"]}
    assert prints(more) == prints(TRANSFORMERS)


def test_results_that_are_not_related_change_nothing() -> None:
    results = alone({**TRANSFORMERS, "README.md": b"# acme\n", "notes/data.csv": b"a,b\n1,2\n"})
    related = [result for result in results if is_related(result)]
    assert found(together(related, OPTIONS)) == found(together(results, OPTIONS))
    assert len(related) < len(results)


def test_every_related_result_is_seen_in_its_bytes() -> None:
    odd = {"\x80é.py": b"import a\n", "b.cpython-311.so": b"\x7fELF", 'q".pyw': b"x = 1\n"}
    for files in (*BENIGN.values(), odd):
        for result in filter(is_related, alone(files)):
            _, *lines = unpack(encode_chunk(Tool("", "", ()), [result]), "")
            assert any(map(MARKS.search, lines)), result.unit.locator


@pytest.mark.parametrize(
    "name",
    ["../../x.X", "/etc/x.X", "..\\x.X", "a\0b.X", ".", "..", "", "X", "." * 100_000, "a." * 50_000 + "X", "é.X"],
)
def test_names_that_lead_nowhere(name: str) -> None:
    config = json.dumps({"auto_map": {"AutoModel": name}, "_class_name": [name, name], "x": [name, name]}).encode()
    files = {"config.json": config, "x.py": MODELING, "sub/x.py": MODELING}
    assert {rule for rule, _, _ in judged(files)} <= {"missing-code"}


def test_files_that_import_each_other_in_a_circle() -> None:
    circle = changed(TRANSFORMERS, modeling_acme=b"from . import a\n", a=b"from . import b\n", b=b"from . import a\n")
    assert {rule for rule, _, _ in judged(circle)} == {"loaded-code"}


def test_many_names_and_many_files() -> None:
    """A configuration that names ten thousand files, many of which are there and import what is not."""
    many = {
        f"modeling_{number}.py": b"from . import " + b", ".join(b"n%d" % at for at in range(99))
        for number in range(500)
    }
    config = {"auto_map": {f"K{number}": f"modeling_{number}.X" for number in range(10_000)}}
    rules = [rule for rule, _, _ in judged({"config.json": json.dumps(config).encode(), **many})]
    assert (rules.count("loaded-code"), rules.count("missing-code")) == (500, 100)


def test_memory_is_bounded_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_HELD", 5_000)
    files = {**TRANSFORMERS, **{f"n{number}.py": b"x = 1\n" for number in range(50)}}
    results = together(alone(files), OPTIONS)
    forgotten = [problem for result in results for problem in result.problems]
    assert [(problem.kind, problem.locator.name) for problem in forgotten] == [(ProblemKind.LIMIT, "config.json")]
    assert [file for rule, file, _ in found(results) if rule == "loaded-code"] == ["tokenization_acme.py"]


def test_names_wait_no_longer_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_WAITING", 5_000)
    files = {f"{number:03d}/{name}": data for number in range(100) for name, data in TRANSFORMERS.items()}
    assert len(judged(files)) == 300
    lone = {f"{number:03d}/config.json": TRANSFORMERS["config.json"] for number in range(100)}
    assert len(judged(lone)) == 200


def shards(files: Files) -> list[tuple[str, str, str]]:
    """Return what is found of weights in several files."""
    return [item for item in judged(files) if "shard" in item[0] or item[0] == "total-size"]


def test_a_shard_that_is_missing_or_holds_something_else() -> None:
    gone = {name: data for name, data in SHARDED.items() if name != SHARD}
    assert shards(gone) == [
        (
            "missing-shard",
            "model.safetensors.index.json",
            f"model.safetensors.index.json names 1 shard(s) that are not among the examined files: {SHARD}",
        )
    ]
    other = shards({**SHARDED, "model.safetensors.index.json": OTHER_INDEX})
    assert [(rule, file) for rule, file, _ in other] == [
        ("shard-tensors", SHARD),
        ("shard-tensors", SECOND),
        ("total-size", "model.safetensors.index.json"),
    ]


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["m-00001-of-00003.gguf", "m-00003-of-00003.gguf"], "m-00002-of-00003.gguf"),
        (["v.data-00000-of-00002"], "v.data-00001-of-00002"),
        (["pytorch_model-00002-of-00002.bin"], "pytorch_model-00001-of-00002.bin"),
        (["train-00000-of-00009.parquet", "part-00001-of-00004", "m-00001-of-00001.pt"], ""),
        (["m-00000-of-00000.pt", "m-99999-of-00001.pt"], ""),
    ],
)
def test_families_by_name(names: list[str], missing: str) -> None:
    found_missing = shards(dict.fromkeys(names, b"\x01"))
    assert [message.rpartition(": ")[2] for _, _, message in found_missing] == ([missing] if missing else [])


def test_shards_of_two_revisions_are_one_family() -> None:
    cache = "models--acme--net/snapshots"
    first = {f"{cache}/1/{name}": data for name, data in SHARDED.items()}
    assert shards({**first, f"{cache}/2/model.safetensors.index.json": SHARDED["model.safetensors.index.json"]}) == []


@pytest.mark.parametrize("name", ["/etc/a.bin", "..\\a.bin", "a\0b.bin", "", "C:/a.bin", "https://x.invalid/a.bin"])
def test_an_index_that_leads_out(name: str) -> None:
    rules = [rule for rule, _, _ in judged({"model.safetensors.index.json": index({"a": name})})]
    assert rules == ["shard-outside"]


LISTS: Files = {
    "requirements.txt": b"torch\n-r deps/base.list\n",
    "deps/base.list": b"numpy\n--constraint=../pins\n",
    "pins": b"acme @ https://acme.example/acme.whl\n",
    "other.txt": b"--index-url https://acme.example/simple\n",
}


def test_a_list_of_any_name_is_judged_where_another_includes_it() -> None:
    told = {uri.removeprefix(ROOT): rules for uri, rules in reviews(together(alone(LISTS), OPTIONS)).items()}
    assert {name: [rule.id for rule in rules] for name, rules in told.items()} == {
        "pins": ["requirements/foreign-package"]
    }
    assert reviews(together(alone({**LISTS, "requirements.txt": b"torch\n"}), OPTIONS)) == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Dockerfile", b"FROM python\nRUN pip install --no-cache-dir -r pins\n"),
        ("pyproject.toml", b'[tool.setuptools.dynamic]\ndependencies = { file = ["pins"] }\n'),
        ("requirements-dev.in", b"-c pins\n"),
    ],
)
def test_who_else_includes_a_list(name: str, content: bytes) -> None:
    files = {name: content, "pins": LISTS["pins"]}
    assert [*reviews(together(alone(files), OPTIONS))] == [f"{ROOT}pins"]


def test_lists_that_include_each_other_end() -> None:
    circle: Files = {"requirements.txt": b"-r a\n", "a": b"-r requirements.txt\n-r a\n-f https://acme.example/w\n"}
    assert [*reviews(together(alone(circle), OPTIONS))] == [f"{ROOT}a"]


def test_too_many_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanners.judge.repository.includes.MAX_HELD", 2)
    problems = [problem for result in together(alone(LISTS), OPTIONS) for problem in result.problems]
    assert [problem.kind for problem in problems] == [ProblemKind.LIMIT]


def test_what_a_neighbour_does_with_what_it_is_given() -> None:
    model = b"from .helper import run\n" + MODELING + b"\nrun('echo modelsweep-test')\n"
    files = changed(
        TRANSFORMERS, modeling_acme=model, helper=b"import os\ndef run(command):\n    return os.system(command)\n"
    )
    told = {uri.removeprefix(ROOT): rules for uri, rules in reviews(together(alone(files), OPTIONS)).items()}
    assert {name: [rule.id for rule in rules] for name, rules in told.items()} == {
        "modeling_acme.py": ["repository/dangerous-code"]
    }
    harmless = changed(TRANSFORMERS, modeling_acme=model, helper=b"def run(command):\n    return command\n")
    assert reviews(together(alone(harmless), OPTIONS)) == {}


def test_too_many_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_SHARDS", 10)
    files = {f"m{number}-00001-of-00002.bin": b"\1" for number in range(20)}
    results = together(alone(files), OPTIONS)
    kinds = [problem.kind for result in results for problem in result.problems if problem.scanner == tree.NAME]
    assert kinds == [ProblemKind.LIMIT]
    assert len(found(results)) == 11


def test_names_that_no_folder_can_wait_for_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_WAITING", 2_000)
    config = json.dumps({"auto_map": {f"K{number}": f"m{number}.X" for number in range(50)}}).encode()
    (result, *_) = together(alone({"config.json": config, "m1.py": RUNS}), OPTIONS)
    assert [problem.kind for problem in result.problems] == [ProblemKind.LIMIT]


QUIET = b"def forward(x):\n    return x * 2\n"
LOUD = b"import os\n\n\ndef forward(x):\n    return os.system('ls')\n"
HIDDEN = "import os\nos.system('echo modelsweep-test')\n"


def bytecode(source: bytes, code: str, flags: int = 0, *, size: int = -1) -> bytes:
    """Return what lies in `__pycache__` for a source: it agrees with that, but does what `code` says."""
    checked = struct.pack("<II", 1_700_000_000, len(source) if size < 0 else size) if not flags else bytes(8)
    return struct.pack("<H2sI", 3495, b"\r\n", flags) + checked + marshal.dumps(compile(code, "net.py", "exec"), 2)


CACHE = "code/__pycache__/{}.cpython-311.pyc"


@pytest.mark.parametrize("stem", ["net", "Net", "__init__", "9"])
@pytest.mark.parametrize("flags", [0, 1, 3], ids=["dated", "unchecked", "hashed"])
def test_a_cache_that_names_what_its_source_does_not(stem: str, flags: int) -> None:
    cache = CACHE.format(stem)
    files = {f"code/{stem}.py": QUIET, cache: bytecode(QUIET, HIDDEN, flags)}
    assert judged(files) == [
        ("replaced-code", cache, f"{stem}.cpython-311.pyc runs in place of {stem}.py, which does not name system")
    ]


def test_caches_of_other_sources_and_of_the_same_names() -> None:
    pairs = {
        "made from it": (LOUD, bytecode(LOUD, LOUD.decode())),
        "of an earlier version, which Python passes by": (QUIET, bytecode(QUIET, HIDDEN, size=len(QUIET) - 1)),
        "names nothing": (QUIET, bytecode(QUIET, QUIET.decode())),
    }
    for source, cache in pairs.values():
        assert judged({"code/net.py": source, CACHE.format("net"): cache}) == []
    assert judged({"net.py": QUIET, CACHE.format("net"): bytecode(QUIET, HIDDEN)}) == [], "of another folder"


def test_many_caches_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_CACHES", 2)
    files = {f"code/n{number}.py": QUIET for number in range(4)}
    files |= {CACHE.format(f"n{number}"): bytecode(QUIET, HIDDEN) for number in range(4)}
    results = together(alone(files), OPTIONS)
    assert len(found(results)) == 2
    assert [problem.kind for result in results for problem in result.problems] == [ProblemKind.LIMIT]


# -- weights that only their graph tells


def net(*extents: tuple[int, int], name: str = "data") -> bytes:
    """Return a graph of OpenVINO that takes constants of one byte a number from places in a file."""
    layers = "".join(
        f'<layer id="{number}" name="w" type="Const" version="opset1">'
        f'<{name} element_type="u8" shape="{size}" offset="{offset}" size="{size}"/></layer>'
        for number, (offset, size) in enumerate(extents)
    )
    return f'<?xml version="1.0"?>\n<net name="face" version="11"><layers>{layers}</layers></net>'.encode()


WEIGHTS = noise(9_000)
NET = net((0, 4_000), (4_000, 5_000), (0, 4_000))
EXTERNAL = with_node(data(5, external("data/face.bin", offset="0", length="16")))
KNOWN = {
    "openvino": {"face.bin": WEIGHTS, "face.xml": NET},
    "openvino_aligned": {"face.bin": WEIGHTS, "face.xml": net(*((at, 8) for at in range(0, 9_000, 64)))},
    "openvino_padded": {"face.bin": WEIGHTS + bytes(64), "face.xml": NET},
    "openvino_of_old": {"face.bin": WEIGHTS, "face.xml": net((0, 9_000), name="weights")},
    "onnx": {"model.onnx": EXTERNAL, "data/face.bin": noise(16)},
    "ncnn_of_floats": {"face.bin": noise(7_800), "face.param": network()},
    "ncnn_of_bytes": {"face.bin": noise(2_900), "face.param": network()},
    "revisions_of_a_hub_cache": {
        "models--a--b/snapshots/01/face.bin": WEIGHTS,
        "models--a--b/snapshots/02/face.xml": NET,
    },
}
UNKNOWN = {
    "alone": {"face.bin": WEIGHTS},
    "of_another_name": {"faces.bin": WEIGHTS, "face.xml": NET},
    "elsewhere": {"a/face.bin": WEIGHTS, "face.xml": NET},
    "more_than_the_graph_takes": {"face.bin": WEIGHTS + noise(5_000), "face.xml": NET},
    "less_than_the_graph_takes": {"face.bin": WEIGHTS[:-1], "face.xml": NET},
    "less_than_a_network_takes": {"face.bin": noise(1_900), "face.param": network()},
    "more_than_a_network_takes": {"face.bin": noise(32_000), "face.param": network()},
    "mostly_left_out": {"face.bin": WEIGHTS, "face.xml": net((0, 1_000), (8_900, 100))},
    "graph_that_takes_nothing": {"face.bin": WEIGHTS, "face.xml": net((0, 0))},
}


@pytest.mark.parametrize("name", KNOWN)
def test_weights_that_their_graph_tells_are_known(name: str) -> None:
    apart = together(alone(KNOWN[name]), OPTIONS)
    archive = made(*((f"acme/{path}", data) for path, data in KNOWN[name].items()))
    inside = together(alone({"model.zip": archive}), OPTIONS)
    assert {result.verdict for result in (*apart, *inside)} == {Verdict.CLEAN}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_no_graph_tells_stays_unknown(name: str) -> None:
    apart = together(alone(UNKNOWN[name]), OPTIONS)
    archive = made(*((f"acme/{path}", data) for path, data in UNKNOWN[name].items()))
    inside = together(alone({"model.zip": archive}), OPTIONS)
    assert [result.verdict for result in inside] == [Verdict.NOT_SCANNED]
    unknown = [result.unit.locator.suffix for result in apart if result.verdict is Verdict.NOT_SCANNED]
    assert unknown == [".bin"]


def test_what_is_found_in_weights_stays_when_they_are_known() -> None:
    program = noise(2_000) + elf() + noise(2_000)
    results = together(alone({"face.bin": program, "face.xml": net((0, len(program)))}), OPTIONS)
    assert [result.verdict for result in results] == [Verdict.MALICIOUS, Verdict.CLEAN]


def test_counts_of_a_job_follow_what_is_known() -> None:
    """Also where so much is said that it is sorted on disk."""
    files = {f"{number}/{name}": data for number in range(3) for name, data in KNOWN["openvino"].items()}
    results = [*alone(files), *alone({"z.zip": made(*KNOWN["openvino"].items(), ("x.bin", noise(99)))})]
    results = [replace(result, unit=replace(result.unit, index=place)) for place, result in enumerate(results)]
    for held in (siblings.HELD, 1):
        changes = siblings.Changes()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(siblings, "HELD", held)
            found = gathered(siblings.in_order(across(changes.before(results), OPTIONS, lambda: results)))
            joined = Siblings(changes.after(found))
            after = [joined.join(result) for result in results]
        counts = {name: count for name, count in changes.counts.items() if count}
        assert counts == {"verdict:not scanned": -3, "verdict:clean": 3, "problem:unsupported": -4}
        assert after == together(results, OPTIONS)
        assert [result.verdict for result in after] == [Verdict.CLEAN] * 6 + [Verdict.NOT_SCANNED]


def test_unknown_files_beyond_the_limit_stay_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MAX_HELD", 2)
    files = {f"{number}/{name}": data for number in range(3) for name, data in KNOWN["openvino"].items()}
    results = together(alone(files), OPTIONS)
    assert [result.verdict for result in results] == [Verdict.NOT_SCANNED] + [Verdict.CLEAN] * 5
