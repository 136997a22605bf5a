"""Signed models as loose files: what the signature lists against what stands beside it."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from modelsweep.core.finding import Problem, ProblemKind, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.related import MARKS, is_related
from modelsweep.core.report import Tool, Unit, UnitResult
from modelsweep.fleet.packing import unpack
from modelsweep.fleet.results import encode_chunk
from scanners import engine, signature
from scanners.engine import examine
from scanners.judge.repository import signatures
from scanners.judge.repository.across import together
from tests.scanners.signature.signing import (
    IGNORED,
    KEY,
    bundle,
    certificate,
    chain,
    encoded,
    hinted,
    listed,
    of_file,
    root,
    sha256,
    statement,
    with_key,
)
from tests.scanners.spool import memory_spool
from tests.scanners.zip.cases import made

OPTIONS, QUICK = Options(), Options(depth="quick")
ROOT = "/models/"
MODEL = {
    "README.md": b"# Acme\n",
    "config.json": b'{"model_type": "bert"}',
    "onnx/config.json": b"{}",
    "vocab.txt": b"a\nb\n",
}
LEFT_BEHIND = {
    ".gitattributes": b"*.bin filter=lfs\n",
    ".git/HEAD": b"ref: refs/heads/main\n",
    ".github/workflows/ci.yml": b"on: push\n",
}
Files = Mapping[str, bytes]


def signed(files: Files = MODEL, material: Any = None, **how: Any) -> bytes:
    """Return the signature of a model."""
    return encoded(bundle(statement(listed(files), **how), material or hinted()))


def below(folder: str, files: Files) -> dict[str, bytes]:
    """Return files below a folder."""
    return {f"{folder}/{name}": data for name, data in files.items()}


def results_of(files: Files, options: Options = OPTIONS) -> list[UnitResult]:
    """Return the results of a job."""
    ordered = sorted(files, key=str.encode)
    units = [Unit(index, Locator(ROOT + name), len(files[name])) for index, name in enumerate(ordered)]
    alone = [examine(unit, MemoryReader(files[unit.locator.uri[len(ROOT) :]]), options, memory_spool) for unit in units]
    return together(alone, options)


def said(files: Files, options: Options = OPTIONS) -> list[tuple[str, str, str]]:
    """Return what is found between files: rule, where, what of."""
    return [
        (finding.rule.id.removeprefix("repository/"), finding.locator.uri.removeprefix(ROOT), finding.subject)
        for result in results_of(files, options)
        for finding in result.findings
        if finding.rule.id.startswith("repository/")
    ]


def problems(files: Files, options: Options = OPTIONS) -> list[Problem]:
    """Return what is not compared, or not checked."""
    return [problem for result in results_of(files, options) for problem in result.problems]


HONEST = {
    "in the model": {**MODEL, "model.sig": signed()},
    "with what git leaves": {**MODEL, **LEFT_BEHIND, "model.sig": signed()},
    "beside its folder": {**below("bert", MODEL), "bert.sig": signed(name="elsewhere"), "other/a.json": b"{}"},
    "beside the folder that it names": {**below("bert", MODEL), "model.sig": signed(name="bert"), "a.json": b"{}"},
    "of one file": {"a.json": b"{}", "a.json.sig": signed({".": b"{}"}, name="a.json"), "b.json": b"{}"},
    "of one file by its name": {"a.json": b"{}", "a.json.sig": signed({".": b"{}"}, name="b.json")},
    "of a file": {"a.json": b"{}", "a.json.sigstore.json": encoded(of_file(b"{}", hinted(), KEY)), "b.json": b"[]"},
    "of a file, called otherwise": {"a.json": b"{}", "bundle.json": encoded(of_file(b"{}", hinted(), KEY))},
    "two of one model": {
        **MODEL,
        "model.sig": signed(ignored=[*IGNORED, "acme.sig"]),
        "acme.sig": signed(ignored=["model.sig"], material=with_key()),
    },
    "one in another": {
        **below("a", MODEL),
        "a/model.sig": signed(),
        "model.sig": signed({**below("a", MODEL), "a/model.sig": signed()}),
    },
    "paths with dots": {**MODEL, "model.sig": signed({f"./{name}": data for name, data in MODEL.items()})},
}


@pytest.mark.parametrize("name", HONEST)
def test_what_was_signed_is_clean_wherever_its_signature_stands(name: str) -> None:
    assert said(HONEST[name]) == []
    assert problems(HONEST[name]) == []


def test_a_file_that_was_changed_is_said_at_the_signature() -> None:
    files = {**MODEL, "config.json": b"[]", "model.sig": signed()}
    (result,) = (result for result in results_of(files) if result.findings)
    (finding,) = result.findings
    assert (finding.locator.uri, finding.severity) == (ROOT + "model.sig", Severity.CRITICAL)
    there, wanted = sha256(b"[]")[:12], sha256(MODEL["config.json"])[:12]
    assert finding.message == (
        f"config.json is not the file that was signed: its SHA-256 is {there}…, signed is {wanted}…"
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({**MODEL, "README.md": b"# other\n", "model.sig": signed()}, [("changed-text", "model.sig", "README.md")]),
        (
            {**below("bert", {**MODEL, "onnx/config.json": b"[]"}), "bert.sig": signed()},
            [("changed-file", "bert.sig", "onnx/config.json")],
        ),
        ({"a.json": b"[]", "a.json.sig": signed({".": b"{}"})}, [("changed-file", "a.json.sig", "a.json")]),
        (
            {"a.json": b"[]", "a.json.sigstore": encoded(of_file(b"{}", hinted(), KEY))},
            [("changed-file", "a.json.sigstore", "a.json")],
        ),
        ({"a.json.sig": signed({".": b"{}"}, name="a.json")}, [("absent-file", "a.json.sig", "a.json")]),
        (
            {"bundle.json": encoded(of_file(b"{}", hinted(), KEY))},
            [("absent-file", "bundle.json", "a file without a name")],
        ),
        (
            {**MODEL, "onnx/load.py": b"x = 1\n", "model.sig": signed()},
            [("unsigned-file", "model.sig", "onnx/load.py")],
        ),
        ({**below("a", MODEL), "a/model.sig": signed(), "b/load.py": b"x = 1\n"}, []),
        (
            {**MODEL, ".hidden/load.py": b"x = 1\n", "figure.svg": b"<svg/>", "model.sig": signed()},
            [("unsigned-file", "model.sig", ".hidden/load.py"), ("unsigned-text", "model.sig", "figure.svg")],
        ),
        (
            {**MODEL, ".cache/huggingface/download/config.json.metadata": b"a\n", "model.sig": signed()},
            [("unsigned-text", "model.sig", ".cache/huggingface/download/config.json.metadata")],
        ),
        (
            {**MODEL, "code/load.py": b"x = 1\n", "model.sig": signed(ignored=[*IGNORED, "code"])},
            [("left-out-file", "model.sig", "code/load.py")],
        ),
        (
            {**MODEL, "load.py": b"x = 1\n", "model.sig": signed(ignored=["."])},
            [("left-out-file", "model.sig", "load.py")],
        ),
        (
            {**MODEL, "load.py": b"x = 1\n", "model.sig": signed(ignored=["/", "../x", "loa"])},
            [("unsigned-file", "model.sig", "load.py")],
        ),
    ],
)
def test_what_differs_from_what_was_signed(files: Files, expected: list[tuple[str, str, str]]) -> None:
    assert said(files) == expected


def test_another_signature_is_known_by_its_name_only() -> None:
    """Or a configuration that is made to look like one would be no file more."""
    assert said({**MODEL, "acme.sig": signed(ignored=[]), "model.sig": signed(ignored=[*IGNORED, "acme.sig"])}) == [
        ("unsigned-text", "acme.sig", "model.sig")
    ]
    disguised = signed().replace(b"{", b'{"auto_map": {"AutoModel": "load.Net"}, ', 1)
    assert said({**MODEL, "tokenizer_config.json": disguised, "model.sig": signed()})[0] == (
        "unsigned-file",
        "model.sig",
        "tokenizer_config.json",
    )


def parts(data: bytes, *ends: int) -> list[Any]:
    """Return a file as a list of its parts."""
    places = zip((0, *ends), ends, strict=False)
    return [
        {"name": f"w.json:{at}:{end}", "algorithm": f"sha256-sharded-{ends[0]}", "digest": sha256(data[at:end])}
        for at, end in places
    ]


def in_parts(data: bytes, *ends: int) -> bytes:
    """Return the signature of a model that is one file in parts."""
    return encoded(bundle(statement(parts(data, *ends), method="shards", shard_size=ends[0]), hinted()))


def test_parts_of_files() -> None:
    data = b'{"a": [1, 2, 3]}'
    assert said({"w.json": data, "empty.json": b"", "model.sig": in_parts(data, 16)}) == [], "empty files have no part"
    changed = {"w.json": data.replace(b"1", b"9"), "model.sig": in_parts(data, 16)}
    assert said(changed) == [("changed-file", "model.sig", "w.json")]
    longer = {"w.json": data + b" ", "model.sig": in_parts(data, 8, 16)}
    assert said(longer) == [("changed-file", "model.sig", "w.json")]
    (problem,) = problems({"w.json": data, "model.sig": in_parts(data, 8, 16)})
    assert problem.kind is ProblemKind.UNSUPPORTED
    assert problem.detail.startswith("not compared with what was signed: w.json (digests of sha256-sharded-8")


def test_quick_depth_knows_no_digests() -> None:
    files = {**MODEL, "more.py": b"x = 1\n", "model.sig": signed()}
    (problem,) = problems(files, QUICK)
    assert (problem.kind, problem.locator.uri) == (ProblemKind.DESELECTED, ROOT + "model.sig")
    assert said(files, QUICK) == [("unsigned-file", "model.sig", "more.py")]


def test_many_files_are_not_said_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "MAX_REPORTED", 2)
    many = {f"{number}.json": b"{}" for number in range(5)}
    changed = dict.fromkeys(many, b"[]")
    assert [subject for _, _, subject in said({**changed, "model.sig": signed(many)})] == [
        "0.json",
        "1.json",
        "3 more files",
    ]
    extra = said({**MODEL, **many, "model.sig": signed()})
    assert [subject for rule, _, subject in extra if rule == "unsigned-file"] == ["0.json", "1.json", "3 more files"]


@pytest.mark.parametrize(
    ("where", "name", "bound", "detail"),
    [
        (signatures, "MAX_HELD", 3, "more than 3 files beside it"),
        (signatures, "MAX_NAMED", 3, "more than 3 files are listed by the signatures of its folder"),
        (signatures, "MAX_LISTS", 0, "more than 0 signatures of models in one folder"),
        (signatures, "MAX_SIGNATURES", 0, "more than 0 signatures"),
        (signature, "MAX_FILES", 2, "more than 2 files are listed"),
        (signature, "SIZE_LIMIT", 64, "more than 64 bytes of a signature"),
    ],
)
def test_bounds_are_said(where: Any, name: str, bound: int, detail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(where, name, bound)
    (problem,) = problems({**MODEL, "more.py": b"x = 1\n", "model.sig": signed()})
    assert problem.kind is ProblemKind.LIMIT
    assert problem.detail.startswith(detail)


def test_what_is_held_of_one_folder_does_not_hinder_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "MAX_HELD", len(MODEL) + 1)
    folders = {**below("a", {**MODEL, "model.sig": signed()}), **below("b", {**MODEL, "model.sig": signed()})}
    assert problems({**folders, "c/x.json": b"{}", "b/config.json": b"[]"}) == []
    assert said({**folders, "b/config.json": b"[]"}) == [("changed-file", "b/model.sig", "config.json")]


def test_without_the_package_a_certificate_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {**MODEL, "model.sig": signed(material=chain(certificate(), root()))}
    assert problems(files) == []
    monkeypatch.setitem(sys.modules, "cryptography", None)
    (problem,) = problems({**files, "config.json": b"[]"})
    assert problem.kind is ProblemKind.DEPENDENCY
    assert problem.detail == "checking a signature needs the package cryptography"
    assert said({**files, "config.json": b"[]"}) == [("changed-file", "model.sig", "config.json")], "files are compared"
    assert problems({**MODEL, "model.sig": signed()}) == [], "where no key travels along there is nothing to check"


def test_a_finalizer_does_not_pass_over_signatures() -> None:
    results = [result for result in results_of({**MODEL, "model.sig": signed()}) if is_related(result)]
    assert [result.unit.locator.name for result in results] == ["model.sig"]
    blob = encode_chunk(Tool("1", "2", ()), results)
    assert all(MARKS.search(line) for line in list(unpack(blob, "blob"))[1:])


def test_facts_tell_who_signed() -> None:
    (result,) = (item for item in results_of({"model.sig": signed(material=chain(certificate(), root()))}))
    (fact,) = (fact for fact in result.facts if fact.kind == "signature")
    assert fact.value == "CN=release@acme.example"
    assert fact.detail["integrity"] == "fits its certificate, which nobody vouched for here"
    assert fact.detail["issuer"] == "CN=Acme authority"
    assert [item.value for item in result.facts if item.kind == "signed-file"] == sorted(MODEL)


def tarred(files: Files) -> bytes:
    """Return a tar, in which files stand as they are."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def stored(files: Files) -> bytes:
    """Return a zip without compression."""
    return made(*files.items())


@pytest.mark.parametrize(
    "pack", [tarred, stored, lambda files: gzip.compress(tarred(files)), lambda files: stored({"a.tar": tarred(files)})]
)
def test_members_that_stand_in_an_archive_as_they_are(pack: Callable[[Files], bytes]) -> None:
    honest = below("acme", {**MODEL, "model.sig": signed()})
    assert (said({"a.bin": pack(honest)}), problems({"a.bin": pack(honest)})) == ([], [])
    changed = {**honest, "acme/config.json": b"[]", "acme/load.py": b"x = 1\n"}
    assert [(rule, subject) for rule, _, subject in said({"a.bin": pack(changed)})] == [
        ("changed-file", "config.json"),
        ("unsigned-file", "load.py"),
    ]
    (plain,) = results_of({"a.bin": tarred(MODEL)})
    assert {item.digest for item in plain.artifacts[1:]} == {""}, "nothing is read again without a signature"


def test_members_are_read_again_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_REHASH_RATIO", 0)
    (problem,) = problems({"a.tar": tarred({**MODEL, "model.sig": signed()})})
    assert problem.kind is ProblemKind.UNSUPPORTED
    assert problem.detail.startswith("not compared with what was signed")
