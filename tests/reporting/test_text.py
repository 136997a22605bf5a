"""The text report: calm where all is well, complete where it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelsweep.core.finding import Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.report import Gate, Unit, UnitResult
from tests.reporting.sample import CALL, clean_report, malicious_archive, sample_report
from tests.reporting.test_writers import VIEW, written

VERBOSE = replace(VIEW, verbose=True)
OBLIGING = Rule("licence/network-copyleft", "A licence obliges", Severity.INFO, "{subject} obliges", "why", "fix")


def test_a_clean_report_is_one_line() -> None:
    assert written("text", clean_report()) == "Clean: 1 file, 0 B read in 0.5 s\n"


def test_without_files_it_says_so() -> None:
    assert "no file matches" in written("text", replace(clean_report(), results=()))


def test_targets_that_cannot_be_read_are_not_called_absent() -> None:
    unreadable = Problem(ProblemKind.SOURCE, Locator("models"), "", "permission denied")
    text = written("text", replace(clean_report(), results=(), problems=(unreadable,)))
    assert "Nothing was scanned. (exit 2)" in text
    assert "no file matches" not in text


def test_why_and_fix_are_said_once_per_rule() -> None:
    text = " ".join(written("text", sample_report()).split())
    assert text.count(CALL.why) == text.count(CALL.fix) == 1
    assert text.count("pickle/dangerous-call") == 4


def test_the_summary_counts_verdicts_and_names_the_exit_code() -> None:
    lines = written("text", sample_report()).splitlines()
    assert "1 malicious, 1 to review, 12 not scanned, 2 clean: 16 files, 4.3 KiB read in 1.2 s (exit 1)" in lines
    assert lines[-1] == "Explain a rule: modelsweep rules show pickle/dangerous-call"


def test_repeated_findings_and_problems_are_cut_unless_verbose() -> None:
    unit = malicious_archive()
    many = replace(unit, findings=unit.findings[:1] * 40)
    unknown = [
        UnitResult(Unit(number, where, 1), problems=(Problem(ProblemKind.UNSUPPORTED, where, "", "unknown"),))
        for number, where in ((number, Locator(f"file-{number}")) for number in range(1, 31))
    ]
    report = replace(sample_report(), results=(many, *unknown), problems=())
    short, full = written("text", report), written("text", report, VERBOSE)
    assert "and 35 more of pickle/dangerous-call" in short
    assert "and 25 more: --verbose lists all" in short
    assert "30 of unknown kind" in short
    assert full.count("loading would run") == 40
    assert full.count(": unknown") == 30


def test_colours_change_nothing_but_colours() -> None:
    import io

    from rich.ansi import AnsiDecoder

    from reporting.text import write

    stream = io.StringIO()
    write(sample_report(), stream, replace(VIEW, colour=True))
    decoded = "\n".join(line.plain.rstrip() for line in AnsiDecoder().decode(stream.getvalue()))
    assert "\x1b[" in stream.getvalue()
    assert decoded.split() == written("text", sample_report()).split()


def test_an_unknown_format_alone_fails_only_under_strict() -> None:
    where = Locator("notes.xyz")
    unknown = UnitResult(Unit(0, where, 1), problems=(Problem(ProblemKind.UNSUPPORTED, where, "", "unknown"),))
    report = replace(clean_report(), results=(unknown,))
    assert "exit" not in written("text", report)
    assert "(exit 2)" in written("text", report, replace(VIEW, gate=Gate(strict=True)))


def test_a_choice_fails_no_job() -> None:
    chosen = Problem(ProblemKind.DESELECTED, Locator("models"), "", "3 files left out by --include or --exclude")
    text = written("text", replace(clean_report(), problems=(chosen,)), replace(VIEW, gate=Gate(strict=True)))
    assert "left out by choice" in text
    assert "exit" not in text


def test_what_fails_a_clean_file_is_said() -> None:
    unit = malicious_archive()
    obliging = Finding(OBLIGING, unit.unit.locator, "AGPL-3.0-only")
    report = replace(clean_report(), results=(replace(unit, findings=(obliging,), problems=()),))
    calm = written("text", report)
    assert "  clean  " in calm
    assert "exit" not in calm
    strict = written("text", report, replace(VIEW, gate=Gate(strict=True)))
    assert "clean, but fails the scan" in strict
    assert "(exit 1: --strict forbids what these licences oblige to)" in strict
    eager = written("text", report, replace(VIEW, gate=Gate(fail_on=Severity.INFO)))
    assert "clean, but fails the scan" in eager
    assert "(exit 1: --fail-on info)" in eager


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_a_terminal_breaks_no_word_and_a_program_reads_whole_lines(width: int) -> None:
    narrow = written("text", sample_report(), replace(VIEW, terminal=True, width=width))
    wide = written("text", sample_report(), replace(VIEW, width=width))
    assert narrow.split() == wide.split()
    assert any(CALL.id in line and "loading would run" in line for line in wide.splitlines())
    inside = [line for line in narrow.splitlines() if line.startswith("            ")]
    assert all(len(line) <= max(width, 40) or len(line.split()) == 1 for line in inside)


def test_the_worst_rule_is_the_one_to_read_about() -> None:
    unit = malicious_archive()
    obliging = Finding(OBLIGING, unit.unit.locator, "AGPL-3.0-only")
    report = replace(clean_report(), results=(replace(unit, findings=(obliging,)), unit))
    assert written("text", report).splitlines()[-1] == "Explain a rule: modelsweep rules show pickle/dangerous-call"
