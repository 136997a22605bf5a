"""Reports that processes write anew of a published job, as it is stored or judged today: as one process writes them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import pytest
import redis

from modelsweep.cli import report as command
from modelsweep.cli.arguments import Tolerance
from modelsweep.core.finding import Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.report import Gate, Ignored, Report, Tool, Unit, UnitResult
from modelsweep.fleet.answers import Allotment
from modelsweep.fleet.job import JobSpec
from modelsweep.fleet.pages import Page
from modelsweep.fleet.rejudge import rejudge, rejudged_report
from modelsweep.fleet.siblings import store_siblings, stored_siblings
from modelsweep.fleet.signature import Damaged
from modelsweep.fleet.stored import Manifest, open_manifest, report_of
from reporting import WRITERS, View, fill
from reporting.sarif import Draft as Log
from reporting.writer import Divisible
from tests.fleet.apart import divide_few, fleet_for
from tests.fleet.test_finalizer import JOB, KEY, SAMPLE, Fleet, _member, chunk_of, damage
from tests.fleet.test_renderers import various
from tests.scanners.case import examine_bytes
from tests.scanners.signature.signing import bundle, encoded, hinted, listed, statement
from worker import published, renderers
from worker.published import Published
from worker.renderer import Changes

ACCEPTED = frozenset(
    (finding.fingerprint, result.digest) for result in SAMPLE.results for finding in result.findings if result.digest
)
VIEWS = {
    "usual": View(root="/work"),
    "verbose": View(root="/", verbose=True),
    "strict": View(root="/work", gate=Gate(strict=True, fail_on=Severity.INFO)),
    "accepted": View(root="/work", gate=Gate(accepted=ACCEPTED, ignored=(Ignored("pickle/*", "model.pkl"),))),
}
TODAY = Options(allow_imports=("acme.*",), blacklist=("m003",))
DIVISIBLE = ("json", "sarif", "cyclonedx", "spdx")


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    divide_few(monkeypatch, published)


@pytest.fixture
def fleet(redis_client: redis.Redis, tmp_path: Path) -> Iterator[Fleet]:
    """Return a job of which nothing is done."""
    yield from fleet_for(redis_client, tmp_path, JobSpec(JOB, SAMPLE.targets, root="/work", reports=("json",)))


def scanned(name: str, data: bytes, index: int) -> UnitResult:
    """Return what examining a file comes to, in its place."""
    result = examine_bytes(data, name)
    return replace(result, unit=replace(result.unit, index=index))


def repository() -> list[UnitResult]:
    """Return results of files that name each other, call what is unknown, or are plain."""
    config = b'{"auto_map": {"AutoModel": "modeling_odd.OddModel"}, "model_type": "odd"}'
    code = b"import os\nos.system('echo modelsweep-test')\n"
    signature = encoded(bundle(statement(listed({"config.json": config, "notes.txt": b"something\n"})), hinted()))
    files = [
        (f"models/r{number}/{name}", data)
        for number in range(6)
        for name, data in (
            ("config.json", config),
            ("model.pkl", b"cacme.models\nNet\n)\x81."),
            ("model.sig", signature),
            ("modeling_odd.py", code),
            ("notes.txt", b"nothing\n"),
        )
    ]
    return [scanned(name, data, index) for index, (name, data) in enumerate(files)]


def done(fleet: Fleet, results: Sequence[UnitResult], size: int = 3) -> Manifest:
    """Finish a job, and return the manifest of its report."""
    fleet.run([results[start : start + size] for start in range(0, len(results), size)])
    assert fleet.finalize()
    return manifest_of(fleet)


def manifest_of(fleet: Fleet) -> Manifest:
    """Return the manifest of the published report."""
    return open_manifest(fleet.store.get(f"{fleet.report}/manifest"), KEY, JOB)


def alone(report: Report, view: View) -> dict[str, str]:
    """Return the documents that one process writes."""
    return {writer.name: written(writer.write, report, view) for writer in WRITERS if writer.name in DIVISIBLE}


def written(write: Any, *arguments: Any) -> str:
    """Return the text that `write` puts on a stream."""
    stream = io.StringIO()
    write(arguments[0], stream, *arguments[1:])
    return stream.getvalue()


def apart(job: Published, report: Report, view: View) -> dict[str, str]:
    """Return the documents that processes write."""
    writers = [writer for writer in WRITERS if writer.name in DIVISIBLE]
    drafts = [writer.draft(report, view) for writer in writers]
    counted = job.filled(report, writers, drafts, view)
    assert counted
    return {writer.name: written(draft.finish, counted) for writer, draft in zip(writers, drafts, strict=True)}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_report_is_the_same_however_many_write_it(fleet: Fleet, view: View) -> None:
    manifest = done(fleet, [*SAMPLE.results, *various(40), *repository()])
    assert manifest.siblings
    report = report_of(manifest, fleet.store)
    documents = alone(report, view)
    assert apart(Published(manifest, fleet.store), report, view) == documents
    assert ("will_not_fix" in documents["cyclonedx"]) is view.gate.excuses


@pytest.mark.parametrize("options", [Options(), TODAY], ids=["the same", "others"])
def test_what_is_judged_anew_is_the_same_however_many_judge(fleet: Fleet, options: Options) -> None:
    manifest = done(fleet, [*repository(), *various(40)])
    report, tool = report_of(manifest, fleet.store), Tool("9.0.0", "e" * 64, ("pickle",))
    judged = list(rejudge(report.results, options))
    today = rejudged_report(report, options, tool)
    job = Published(manifest, fleet.store, options)
    assert apart(job, today, VIEWS["usual"]) == alone(today, VIEWS["usual"])
    expected = Changes(sum(len(item.new) for item in judged), sum(len(item.gone) for item in judged))
    assert job.changes == expected
    assert expected.new
    assert expected.gone


def test_what_an_older_version_found_between_other_files_is_joined_where_it_belongs(fleet: Fleet) -> None:
    """The numbers of those files are its own."""
    results = [*repository(), *various(10)]
    manifest = done(fleet, results)
    report = report_of(manifest, fleet.store)
    blobs = list(stored_siblings(manifest.siblings, fleet.store))
    assert len(blobs) > 2
    shifted = [replace(item, unit=replace(item.unit, index=item.unit.index + 7)) for item in blobs]
    siblings = tuple(published_as(fleet, shifted))
    older = replace(manifest, siblings=siblings)
    assert apart(Published(older, fleet.store), report, VIEWS["usual"]) == alone(report, VIEWS["usual"])


def test_what_cannot_be_placed_is_left_to_one_process(fleet: Fleet) -> None:
    manifest = done(fleet, repository())
    where = Locator("models/r0/notes.txt")
    blobs = [UnitResult(Unit(0, where, 0)), *stored_siblings(manifest.siblings, fleet.store)]
    older = replace(manifest, siblings=tuple(published_as(fleet, blobs)))
    report = report_of(older, fleet.store)
    writers = [WRITERS[1]]
    drafts = [writer.draft(report, VIEWS["usual"]) for writer in writers]
    assert Published(older, fleet.store).filled(report, writers, drafts, VIEWS["usual"]) is None


def published_as(fleet: Fleet, found: Sequence[UnitResult]) -> Iterator[tuple[str, bytes]]:
    """Store what is said of files."""
    return store_siblings(found, SAMPLE.tool, fleet.store, "reports/older")


def test_members_are_judged_in_their_archive(fleet: Fleet) -> None:
    outer = various(4)
    inner = [_member(outer[1], "m0"), _member(outer[3], "m1")]
    first = fleet.allocate([outer[:2], outer[2:]])
    fleet.seal()
    for place, (own, member) in enumerate(((outer[:2], inner[0]), (outer[2:], inner[1]))):
        page = fleet.pages.put(Page(0, (chunk_of([member], 1),), parent=first + place))
        fleet.do(fleet.do(first + place, own, Allotment(b"\1", page)), [member])
    assert fleet.finalize()
    manifest = manifest_of(fleet)
    report = report_of(manifest, fleet.store)
    for job, told in (
        (Published(manifest, fleet.store), report),
        (Published(manifest, fleet.store, TODAY), rejudged_report(report, TODAY, SAMPLE.tool)),
    ):
        assert apart(job, told, VIEWS["usual"]) == alone(told, VIEWS["usual"])


def test_sarif_in_many_files_is_the_same(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.sarif.RUN_RESULTS", 4)
    monkeypatch.setattr("reporting.sarif.RUNS", 2)
    manifest = done(fleet, various(60))
    report, view = report_of(manifest, fleet.store), VIEWS["usual"]
    (sarif,) = [writer for writer in WRITERS if writer.name == "sarif"]
    shards: list[list[str]] = []
    for divided in (False, True):
        draft = Log(report, view, sharded=True)
        if divided:
            counted = Published(manifest, fleet.store).filled(report, [sarif], [draft], view)
        else:
            counted = fill(report, [draft])
        assert counted
        streams: dict[int, io.StringIO] = {}

        def opened(number: int, streams: dict[int, io.StringIO] = streams) -> AbstractContextManager[TextIO]:
            return nullcontext(streams.setdefault(number, io.StringIO()))

        draft.finish_shards(counted, opened)
        shards.append([stream.getvalue() for stream in streams.values()])
    assert len(shards[0]) > 2
    assert shards[0] == shards[1]


def arguments_of(*outputs: str) -> command.ReportArguments:
    """Return what click hands to `report`."""
    return command.ReportArguments(
        job=JOB, broker=None, store=None, formats=outputs, outputs=(), sbom=None, attachments=(), verbose=False,
        write_back=False, alias="", fail_on="warning", baselines=(), policy=(), strict=False, tolerated=Tolerance(),
    )  # fmt: skip


def test_the_command_writes_what_processes_filled(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In all formats, and for people as one process does; also where no process can be started."""
    manifest = done(fleet, [*various(30), *repository()])
    monkeypatch.chdir(tmp_path)
    formats = (*DIVISIBLE, "html", "junit", "json")
    (tmp_path / "shards").mkdir()
    told: list[dict[str, bytes]] = []
    filled: list[int] = []

    def filling(*arguments: Any) -> Report:
        counted = renderers.fill_apart(*arguments)
        filled.append(counted.totals.files)
        return counted

    monkeypatch.setattr(published, "fill_apart", filling)
    for how in ("apart", "alone", "cannot start"):
        monkeypatch.setattr(published, "APART", 10**9 if how == "alone" else 0)
        if how == "cannot start":
            monkeypatch.setattr("sys.executable", "/nowhere/python")
        report = report_of(manifest, fleet.store)
        places = [f"{name}={number}.{name}" for number, name in enumerate(formats)]
        write = command.writing(arguments_of(*places, "sarif=shards"))
        assert write(report, Published(manifest, fleet.store)) == 1
        files = [*tmp_path.glob("[0-9].*"), *(tmp_path / "shards").iterdir()]
        told.append({path.name: path.read_bytes() for path in files})
        told[-1]["text"] = capsys.readouterr().out.encode()
    assert filled == [60]
    assert len(told[0]) == len(formats) + 2
    assert told[0] == told[1] == told[2]


def test_damage_is_said(fleet: Fleet) -> None:
    manifest = done(fleet, various(12))
    damage(fleet.blobs()[2])
    report = report_of(manifest, fleet.store)
    writers = [WRITERS[1]]
    drafts = [writer.draft(report, VIEWS["usual"]) for writer in writers]
    assert all(isinstance(draft, Divisible) for draft in drafts)
    with pytest.raises(Damaged, match="results/0000000002"):
        Published(manifest, fleet.store).filled(report, writers, drafts, VIEWS["usual"])


def test_small_jobs_are_left_to_one_process(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = done(fleet, various(3))
    assert Published(manifest, fleet.store).is_divided
    monkeypatch.setattr(published, "APART", 4)
    assert not Published(manifest, fleet.store).is_divided
    monkeypatch.setattr(published, "APART", 3)
    monkeypatch.setattr(published, "renderers", lambda: 0)
    assert not Published(manifest, fleet.store).is_divided
