"""Where reports go, and how they are put there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import pytest

from modelsweep.cli.outputs import Output, outputs_of, replacing, write_file
from reporting import WRITERS, View
from tests.reporting.sample import clean_report, sample_report


def outputs(*formats: str, files: tuple[str, ...] = (), sbom: str | None = None) -> list[Output]:
    return outputs_of(formats, files, sbom)


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_text_to_standard_output_where_nothing_is_said():
    assert outputs() == [Output("text")]


def test_one_format_takes_standard_output():
    assert outputs("json") == [Output("json")]


def test_several_at_once_beside_the_text():
    assert outputs("sarif=out.sarif", "json=out.json") == [
        Output("sarif", "out.sarif"),
        Output("json", "out.json"),
        Output("text"),
    ]


def test_format_and_file_in_two_options():
    assert outputs("sarif", files=("report",)) == [Output("sarif", "report"), Output("text")]
    assert outputs("sarif", "json", files=("a", "b"))[:2] == [Output("sarif", "a"), Output("json", "b")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.sarif", "sarif"),
        ("a.sarif.json", "sarif"),
        ("A.JSON", "json"),
        ("a.cdx.json", "cyclonedx"),
        ("a.txt", "text"),
    ],
)
def test_the_ending_names_the_format(path: str, expected: str):
    assert outputs(files=(path,))[0] == Output(expected, path)


def test_a_dash_is_standard_output():
    assert outputs("json=-", "text=a.txt") == [Output("json"), Output("text", "a.txt")]


def test_sbom():
    assert outputs(sbom="a.json") == [Output("cyclonedx", "a.json"), Output("text")]


@pytest.mark.parametrize(
    ("formats", "files", "reason"),
    [
        (("yaml",), (), "no format 'yaml': choose from text, json, sarif"),
        (("json", "sarif"), (), "two reports would go to standard output"),
        (("json=a", "sarif=./a"), (), "two reports would go to"),
        (("json", "sarif"), ("a",), "2 formats for 1 file:"),
        ((), ("report",), "names no format"),
        (("json=missing/a",), (), "there is no directory"),
        (("json=.",), (), "is a directory"),
        (("json=",), (), "needs a file name"),
    ],
)
def test_contradictions_are_said_before_anything_is_scanned(
    formats: tuple[str, ...], files: tuple[str, ...], reason: str
):
    with pytest.raises(click.UsageError, match=reason.replace(".", r"\.")):
        outputs(*formats, files=files)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(click.UsageError, match="permission denied"):
        outputs("json=closed/a")


def test_a_failed_write_leaves_the_old_report_and_nothing_else(tmp_path: Path):
    report = tmp_path / "report"
    report.write_text("old")

    def fail_half_way():
        with replacing(str(report)) as stream:
            stream.write("half of the new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert report.read_text() == "old"
    assert os.listdir(tmp_path) == ["report"]


def test_what_a_link_names_is_replaced_with_usual_permissions(tmp_path: Path):
    old_mask = os.umask(0o027)
    try:
        (tmp_path / "link").symlink_to("report")
        with replacing(str(tmp_path / "link")) as stream:
            stream.write("new")
    finally:
        os.umask(old_mask)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "report").read_text() == "new"
    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_and_not_replaced():
    with replacing(os.devnull) as stream:
        stream.write("nothing")
    assert not Path(os.devnull).is_file()


SARIF = next(writer for writer in WRITERS if writer.name == "sarif")


def test_a_directory_gets_as_many_sarif_files_as_it_takes_and_keeps_none_of_before(monkeypatch: pytest.MonkeyPatch):
    Path("logs").mkdir()
    assert outputs("sarif=logs")[0] == Output("sarif", "logs")
    monkeypatch.setattr("reporting.sarif.RUN_RESULTS", 2)
    write_file(SARIF, sample_report(), "logs", View(root="/"))
    logs = [json.loads(path.read_text()) for path in sorted(Path("logs").iterdir())]
    assert [log["runs"][0]["automationDetails"]["id"] for log in logs] == [f"modelsweep/part-{n}/" for n in (1, 2, 3)]
    assert [len(log["runs"][0]["results"]) for log in logs] == [2, 2, 1]
    Path("logs/mine.sarif").touch()
    write_file(SARIF, clean_report(), "logs", View(root="/"))
    assert sorted(os.listdir("logs")) == ["mine.sarif", "modelsweep-1.sarif"]


def test_a_file_without_room_for_all_results_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("reporting.sarif.RUN_RESULTS", 1)
    monkeypatch.setattr("reporting.sarif.RUNS", 2)
    write_file(SARIF, sample_report(), "a.sarif", View(root="/"))
    assert "a.sarif has room for 2 of 5 results" in capsys.readouterr().err
    assert len(json.loads(Path("a.sarif").read_text())["runs"]) == 2
