"""Every writer against the golden of one shared report, and what must hold for all of them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from modelsweep.core.finding import Finding, Json, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.report import Gate, Report, Run
from reporting import WRITERS, View, Writer
from reporting.kinds import MEANING
from tests.reporting.sample import ESCAPE, clean_report, malicious_archive, sample_report

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BY_NAME = {writer.name: writer for writer in WRITERS}
VIEW = View(root="/root-of-the-view")
NOT_WRITERS = {
    "__init__",
    "address",
    "components",
    "encode",
    "identity",
    "images",
    "kinds",
    "packages",
    "places",
    "sarif_files",
    "sarif_shapes",
    "scratch",
    "severity",
    "worst",
    "writer",
}


def written(name: str, report: Report, view: View = VIEW) -> str:
    """Return what the writer `name` makes of `report`."""
    stream = io.StringIO()
    BY_NAME[name].write(report, stream, view)
    return stream.getvalue()


def parsed(name: str, report: Report, view: View = VIEW) -> dict[str, Json]:
    """Return what a JSON-based writer makes of `report`, read by a strict reader."""

    def refuse(constant: str) -> Json:
        raise AssertionError(f"{constant} is no JSON")

    value = json.loads(written(name, report, view), parse_constant=refuse)
    assert isinstance(value, dict)
    return value


def golden_path(writer: Writer) -> Path:
    return HERE / "golden" / f"sample{writer.suffix}"


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_the_sample_matches_its_golden(writer: Writer, bless: bool) -> None:
    actual = written(writer.name, sample_report(), replace(VIEW, verbose=True))
    if bless:
        golden_path(writer).write_text(actual, encoding="utf-8", newline="\n")
    assert golden_path(writer).exists(), "no golden yet: run pytest --bless and read it"
    assert actual == golden_path(writer).read_text(encoding="utf-8")


def test_the_tuple_is_the_folder() -> None:
    modules = {path.stem for path in (ROOT / "reporting").glob("*.py")} - NOT_WRITERS
    assert {writer.module for writer in WRITERS} == {f"reporting.{module}" for module in modules}
    assert len(BY_NAME) == len(WRITERS)


def test_every_kind_of_problem_has_a_meaning() -> None:
    assert set(MEANING) == set(ProblemKind)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_two_runs_over_the_same_bytes_differ_in_times_only(writer: Writer) -> None:
    fixed = Run(start_time=86_400.0)
    one = replace(
        sample_report(), run=fixed, results=tuple(replace(item, duration=1.0) for item in sample_report().results)
    )
    two = replace(sample_report(), run=fixed)
    assert written(writer.name, one) == written(writer.name, two)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
@pytest.mark.parametrize("verbose", [False, True])
def test_nothing_hostile_reaches_the_output(writer: Writer, verbose: bool) -> None:
    text = written(writer.name, sample_report(), replace(VIEW, verbose=verbose))
    assert ESCAPE not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode("utf-8")
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_findings_for_developers_are_shown_where_they_are_asked_for(writer: Writer) -> None:
    if writer.name == "json":
        assert "pickle/protocol" in written(writer.name, sample_report())
        return
    if writer.name in ("in-toto", "configmap"):
        assert "pickle/" not in written(writer.name, sample_report(), replace(VIEW, verbose=True)), (
            "what passed has none"
        )
        return
    assert "pickle/protocol" not in written(writer.name, sample_report())
    assert "pickle/protocol" in written(writer.name, sample_report(), replace(VIEW, verbose=True))


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_report_without_files_is_written(writer: Writer) -> None:
    assert written(writer.name, replace(clean_report(), results=(), targets=("empty",)))


def test_writing_text_and_json_imports_nothing_heavy() -> None:
    code = (
        "import io, sys; sys.path.insert(0, sys.argv[1]);"
        "from reporting import WRITERS, View; from modelsweep.core.report import Report, Tool;"
        "report = Report((), Tool('', '', ()), ());"
        "[writer.write(report, io.StringIO(), View()) for writer in WRITERS if writer.name in ('text', 'json')];"
        "names = {name.partition('.')[0] for name in sys.modules};"
        "print(*sorted(names & {'cyclonedx', 'ipaddress', 'jsonschema', 'rich', 'click', 'uuid'}))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_fingerprint_survives_names_that_no_encoding_knows() -> None:
    finding = replace(malicious_archive().findings[0], locator=Locator("a.pkl", ("\ud800\udcff",)))
    assert isinstance(finding, Finding)
    assert len(finding.fingerprint) == 32


WITHOUT_ATTACHMENTS = {"junit", "codequality", "configmap", "in-toto", "gitlab-sast"}


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_what_is_attached_is_told_with_its_digest_and_changes_nothing_else(writer: Writer) -> None:
    view = replace(VIEW, verbose=True)
    report = sample_report()
    bare = written(writer.name, replace(report, attachments=()), view)
    full = written(writer.name, report, view)
    assert (full == bare) == (writer.name in WITHOUT_ATTACHMENTS)
    assert Gate().exit_code(report) == Gate().exit_code(replace(report, attachments=()))
    for attachment in () if writer.name in WITHOUT_ATTACHMENTS else report.attachments:
        assert attachment.digest not in bare
        assert (attachment.digest in full) == (writer.name != "markdown")


def test_a_report_has_each_attachment_once() -> None:
    report = sample_report()
    first, *others = report.attachments
    again = replace(report, attachments=(first,)).with_attachments([first, *others, first])
    assert again.attachments == report.attachments


def test_strict_makes_problems_count() -> None:
    report = replace(sample_report(), results=sample_report().results[-1:], problems=())
    assert report.results[0].problems[0].kind is ProblemKind.CANCELLED
    assert not Gate(tolerated=1).incomplete(report)
    assert Gate().incomplete(report)
    assert Gate().exit_code(report) == 2
