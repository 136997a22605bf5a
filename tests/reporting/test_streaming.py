"""Reports of millions of files: written as short ones are, in memory that does not grow with them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from random import Random
from typing import Any, BinaryIO, TextIO, cast

import jsonschema
import pytest

from modelsweep.core.finding import Finding, Json, Problem, ProblemKind, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.report import Gate, Report, StoredResults, Tally, Unit, UnitResult, Verdict
from modelsweep.core.shape import portable
from modelsweep.core.units import MIB
from modelsweep.fleet.store import Pieces
from reporting import WRITERS, View, Writer, fill
from reporting.encode import Document, Items, array, indented, write_object
from reporting.identity import Occurrences
from reporting.sarif import RUN_RESULTS, Draft
from reporting.scratch import HELD, Part, Scratch
from tests.reporting.sample import CALL, URL, artifact, clean_report, malicious_archive, sample_report
from tests.reporting.test_sarif import SCHEMA, many_findings
from tests.reporting.test_writers import BY_NAME, ROOT, VIEW, written

VERBOSE = replace(VIEW, verbose=True)


def stored(report: Report) -> Report:
    """Return the same report, with results that are made anew whenever somebody goes over them."""
    kept = tuple(report.results)
    return replace(report, results=StoredResults(lambda: iter(kept), len(kept)))


def repeated(count: int) -> Report:
    """Return a report of `count` files: clean ones, some of the same content, others with findings and problems."""

    def read() -> Iterator[UnitResult]:
        for number in range(count):
            where = Locator(f"models/{number}.safetensors")
            blob = replace(artifact(where, 9, "safetensors"), digest=f"{number // 3:064x}")
            if number % 50 == 0:
                yield UnitResult(Unit(number, where, 9), (blob,), findings=(Finding(URL, where, f"https://{number}"),))
            elif number % 50 == 1:
                problem = Problem(ProblemKind.LIMIT, where, "zip", "too deep")
                yield UnitResult(Unit(number, where, 9), (blob,), problems=(problem,))
            else:
                yield UnitResult(Unit(number, where, 9), (blob,))

    return replace(clean_report(), results=StoredResults(read, count))


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
@pytest.mark.parametrize("view", [VIEW, VERBOSE, replace(VIEW, gate=Gate(strict=True))], ids=["", "verbose", "strict"])
def test_stored_results_are_written_as_a_tuple_is(writer: Writer, view: View) -> None:
    assert written(writer.name, stored(sample_report()), view) == written(writer.name, sample_report(), view)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_what_waits_on_disk_is_written_as_what_waits_in_memory(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    report = repeated(513)
    in_memory = written(writer.name, report)
    monkeypatch.setattr("reporting.scratch.HELD", 100)
    monkeypatch.setattr("reporting.scratch.PIECE", 10_000)
    assert written(writer.name, report) == in_memory


def test_documents_filled_in_one_pass_are_those_written_one_by_one() -> None:
    passes = []

    def read() -> Iterator[UnitResult]:
        passes.append(1)
        return iter(sample_report().results)

    report = replace(sample_report(), results=StoredResults(read, len(sample_report().results)))
    names = ("json", "sarif", "cyclonedx")
    drafts = {name: BY_NAME[name].draft(report, VIEW) for name in names}
    counted = fill(report, drafts.values())
    for name, draft in drafts.items():
        stream = io.StringIO()
        draft.finish(counted, stream)
        assert stream.getvalue() == written(name, sample_report())
    assert Gate().exit_code(counted) == 1
    assert len(passes) == 1


def test_totals_are_counted_once_or_given() -> None:
    passes = []

    def read() -> Iterator[UnitResult]:
        passes.append(1)
        return iter(sample_report().results)

    report = replace(sample_report(), results=StoredResults(read, 0))
    assert report.has_errors
    assert report.verdicts()[Verdict.REVIEW] == 1
    assert report.totals == sample_report().totals
    assert len(passes) == 1
    given = replace(sample_report(), results=(), counted=report.totals)
    assert given.totals is report.totals


def test_totals_are_what_going_over_the_results_gives() -> None:
    report = sample_report()
    totals = report.totals
    assert totals.files == len(report.results)
    assert totals.verdicts == {**dict.fromkeys(Verdict, 0), **Counter(item.verdict for item in report.results)}
    assert totals.severities == {**dict.fromkeys(Severity, 0), **Counter(item.severity for item in report.findings)}
    assert totals.problems == Counter(problem.kind for problem in report.all_problems)
    assert (totals.unexamined, totals.failed) == (len(ProblemKind) - 1, len(ProblemKind) - 2)
    assert [rule.id for rule in totals.rules] == sorted({item.rule.id for item in report.findings})


def test_a_job_without_results_has_totals() -> None:
    assert Tally().totals().verdicts == dict.fromkeys(Verdict, 0)


def test_stored_results_are_a_sequence() -> None:
    kept = tuple(sample_report().results)
    results = stored(sample_report()).results
    assert (len(results), results[1], results[-1], results[1:3]) == (len(kept), kept[1], kept[-1], kept[1:3])
    with pytest.raises(IndexError):
        results[len(kept)]


def values(random: Random, depth: int) -> Json:
    """Return a random JSON value."""
    kind = random.randrange(7 if depth else 5)
    if kind < 5:
        return random.choice(["", '\xe9\udcff\x1b"\\', 0, -7, 1.5, float("inf"), True, None, "%s", 10**30])
    if kind == 5:
        return [values(random, depth - 1) for _ in range(random.randrange(4))]
    return {random.choice("ab\udc80\n"): values(random, depth - 1) for _ in range(random.randrange(4))}


@pytest.mark.parametrize("seed", range(50))
def test_values_are_encoded_as_the_standard_library_does(seed: int) -> None:
    value = [values(Random(seed + number), 4) for number in range(5)]
    expected = json.dumps(portable(value), indent=2, allow_nan=False)
    assert indented(value) == expected
    assert "".join(array(value)) == expected
    items = Items(Scratch(), "")
    for item in value:
        items.put(item)
    assert "".join(items.array()) == expected
    stream, indented_items = io.StringIO(), Items(Scratch(), " " * 6)
    for item in value:
        indented_items.put(item)
    write_object((("a", value), ("b", indented_items.array())), stream, "    ")
    nested = json.dumps(portable([[{"a": value, "b": value}]]), indent=2)
    assert stream.getvalue() == nested.removeprefix("[\n  [\n    ").removesuffix("\n  ]\n]")


@pytest.mark.parametrize("places", [1, 7, 1_024])
def test_parts_come_back_in_their_order_and_whole(places: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever is kept where their pieces are."""
    monkeypatch.setattr("reporting.scratch._PLACES", places)
    scratch = Scratch()
    parts = [Part(scratch, ", "), Part(scratch), Part(scratch, "; ")]
    pieces = [f"{number} \udcff" * 900 for number in range(HELD // 1_000)]
    for piece in pieces:
        parts[0].add(piece)
        parts[1].add(piece)
    assert "".join(parts[0].text()) == ", ".join(pieces)
    assert "".join(parts[1].text()) == "".join(pieces)
    assert not parts[2]
    assert "".join(parts[2].text()) == ""
    parts[0].clear()
    assert not parts[0]
    parts[0].add("again")
    assert "".join(parts[0].text()) == "again"


@pytest.mark.parametrize("size", [1, 100, 10**9], ids=["each write", "some", "at the end"])
def test_what_lies_on_disk_is_written_in_its_place(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As bytes where the stream takes such, between text of which some may still wait to be encoded."""
    monkeypatch.setattr("reporting.scratch.HELD", 500)
    monkeypatch.setattr("reporting.scratch.PIECE", 300)
    items = Items(Scratch(), "")
    for number in range(40):
        items.put(["\xe9" * 9, number, "x" * (number % 7 * 100)])
    assert any(isinstance(piece, str) for piece in items.encoded())
    assert any(isinstance(piece, memoryview) for piece in items.encoded())
    sent: list[bytes] = []
    pieces = Pieces(lambda data: sent.append(bytes(data)), size)
    document, plain = Document(cast(BinaryIO, pieces), encoding="utf-8"), io.StringIO()
    for stream in (document, plain):
        write_object((("a", "\xe9"), ("b", items), ("c", [1])), cast(TextIO, stream))
        stream.write("end")
    document.flush()
    pieces.send_rest()
    assert b"".join(sent).decode() == plain.getvalue()
    assert len(sent) == 1 or size < 10**9


def test_occurrences_are_counted_exactly() -> None:
    random = Random(1)
    occurrences, expected = Occurrences(), Counter[str]()
    for key in ("often", *(str(random.randrange(5_000)) for _ in range(20_000)), *["often"] * 600):
        expected[key] += 1
        assert occurrences.add(key) == expected[key]


def test_keys_of_one_bucket_stay_apart() -> None:
    """The end of one key with the begin of its neighbour may look like a third."""
    occurrences = Occurrences()
    first, second, between = b"AAxyzxyz", b"AAzxyzxy", b"AAz\1zxyz"
    assert [occurrences.add_hash(key) for key in (first, second, between, between, first)] == [1, 1, 1, 2, 2]


def shards_of(report: Report) -> list[dict[str, Any]]:
    """Return the shards of the SARIF log of `report`, once they passed the schema."""
    streams: dict[int, io.StringIO] = {}
    draft = Draft(report, VERBOSE, sharded=True)
    draft.finish_shards(fill(report, [draft]), lambda number: nullcontext(streams.setdefault(number, io.StringIO())))
    assert list(streams) == list(range(1, draft.shards + 1))
    logs = [json.loads(stream.getvalue()) for stream in streams.values()]
    for log in logs:
        jsonschema.validate(log, SCHEMA, cls=jsonschema.Draft202012Validator)
    return logs


def test_shards_hold_all_results_each_in_a_category_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.sarif.RUN_RESULTS", 10)
    report = sample_report()
    logs = shards_of(replace(report, results=(*many_findings(30).results, *report.results)))
    runs = [run for log in logs for run in log["runs"]]
    assert len(runs) == len(logs) == 4
    assert [len(run["results"]) for run in runs] == [10] * 3 + [6]
    assert [run["automationDetails"]["id"] for run in runs] == [f"modelsweep/part-{n}/" for n in range(1, 5)]
    prints = [item["partialFingerprints"]["primaryLocationLineHash"] for run in runs for item in run["results"]]
    assert len(set(prints)) == len(prints)
    for run in runs:
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[item["ruleIndex"]]["id"] == item["ruleId"] for item in run["results"])
        places = [item["locations"][0]["physicalLocation"]["artifactLocation"] for item in run["results"]]
        assert all(run["artifacts"][place["index"]]["location"]["uri"] == place["uri"] for place in places)
    said = [len(run["invocations"][0].get("toolExecutionNotifications", ())) for run in runs]
    assert said == [len(report.all_problems)] + [0] * 3


def test_one_shard_is_enough_where_there_is_little() -> None:
    (log,) = shards_of(clean_report())
    assert log["runs"][0]["results"] == []
    assert RUN_RESULTS <= 5_000, "what code scanning shows of a category"


@pytest.mark.parametrize("name", ["text", "html", "markdown"])
def test_lists_for_people_end_and_say_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(name, sample_report(), VERBOSE)
    for module in ("text", "html", "markdown"):
        monkeypatch.setattr(f"reporting.{module}.LISTED", 2)
    unit, (problem, *_) = malicious_archive(), sample_report().results[-1].problems
    alike = tuple(replace(problem, detail=f"reason {number}") for number in range(5))
    other = UnitResult(Unit(1, Locator("other"), 1), findings=unit.findings[:1])
    report = replace(sample_report(), results=(replace(unit, problems=alike), other), problems=())
    text = written(name, report, VERBOSE)
    assert len(text) < len(before)
    assert "4 more findings" in text
    if name != "markdown":
        assert "3 more" in text.replace("4 more findings", "")
        assert "reason 1" in text
        assert "reason 2" not in text
    assert CALL.id in text


PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import reporting.sarif
from tests.reporting.test_streaming import BY_NAME, VIEW, Sink, fill, repeated
for name in ("ARTIFACTS", "NOTIFICATIONS", "RUN_RESULTS"):
    setattr(reporting.sarif, name, 100)  # what is held up to those is no growth
report = repeated(int(sys.argv[2]))
drafts = [BY_NAME[name].draft(report, VIEW) for name in sys.argv[3:]]
counted = fill(report, drafts)
for draft in drafts:
    draft.finish(counted, Sink())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


class Sink(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        """Forget `text`."""
        return len(text)


def growth(few: int, many: int, *names: str) -> int:
    """Return how many bytes of memory more it takes to write a report of `many` files than one of `few`."""
    peaks = []
    for count in (few, many):
        command = [sys.executable, "-P", "-c", PEAK, str(ROOT), str(count), *names]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    return peaks[1] - peaks[0]


def test_memory_does_not_grow_with_the_files() -> None:
    """Held in memory, a file takes more than a kilobyte; counting references takes some bytes."""
    assert growth(1_000, 15_000, *BY_NAME) < 7 * MIB


@pytest.mark.slow
def test_memory_does_not_grow_with_very_many_files() -> None:
    assert growth(20_000, 200_000, "json", "sarif", "cyclonedx") < 16 * MIB
