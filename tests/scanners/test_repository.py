"""Repositories as a whole: which configuration makes which file run, over results that pass by one after the other."""

from __future__ import annotations

import json
import marshal
import struct

import pytest

from modelsweep.core.finding import Finding, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.related import MARKS, is_related
from modelsweep.core.report import Tool, Unit, UnitResult
from modelsweep.fleet.packing import unpack
from modelsweep.fleet.results import encode_chunk
from scanners.engine import examine
from scanners.judge.repository import tree
from scanners.judge.repository.across import together
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
        "loading would use 1 unknown name(s) of the package src: src.models.net.Net"
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
    monkeypatch.setattr(tree, "HELD", 5_000)
    files = {**TRANSFORMERS, **{f"n{number}.py": b"x = 1\n" for number in range(50)}}
    results = together(alone(files), OPTIONS)
    forgotten = [problem for result in results for problem in result.problems]
    assert [(problem.kind, problem.locator.name) for problem in forgotten] == [(ProblemKind.LIMIT, "config.json")]
    assert [file for rule, file, _ in found(results) if rule == "loaded-code"] == ["tokenization_acme.py"]


def test_names_wait_no_longer_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "WAITING", 5_000)
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
            f"model.safetensors.index.json names 1 shard(s) that are not among the files that were examined: {SHARD}",
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
    monkeypatch.setattr("scanners.judge.repository.includes.HELD", 2)
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
    monkeypatch.setattr(tree, "SHARDS", 10)
    files = {f"m{number}-00001-of-00002.bin": b"\1" for number in range(20)}
    results = together(alone(files), OPTIONS)
    kinds = [problem.kind for result in results for problem in result.problems if problem.scanner == tree.NAME]
    assert kinds == [ProblemKind.LIMIT]
    assert len(found(results)) == 11


def test_names_that_no_folder_can_wait_for_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "WAITING", 2_000)
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
        ("replaced-code", cache, f"{stem}.cpython-311.pyc runs in the place of {stem}.py, which does not name system")
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
    monkeypatch.setattr(tree, "CACHES", 2)
    files = {f"code/n{number}.py": QUIET for number in range(4)}
    files |= {CACHE.format(f"n{number}"): bytecode(QUIET, HIDDEN) for number in range(4)}
    results = together(alone(files), OPTIONS)
    assert len(found(results)) == 2
    assert [problem.kind for result in results for problem in result.problems] == [ProblemKind.LIMIT]
