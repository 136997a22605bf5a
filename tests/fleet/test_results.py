"""Result blobs: every result comes back as it was; what is none of ours is Damaged, by name, in bounded memory."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import zstandard

from modelsweep.core.finding import Finding, Problem, ProblemKind, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Tool, Unit, UnitResult
from modelsweep.fleet import packing, results
from modelsweep.fleet.results import DIGEST, decode_chunk, digest_of, encode_chunk, results_name
from modelsweep.fleet.signature import Damaged
from tests.reporting.sample import CALL, sample_report
from tests.scanners.case import examine_bytes
from tests.scanners.test_cases import all_cases

TOOL = Tool("0.1.0", "f" * 64, ("pickle", "zip"))


def clean(index: int) -> UnitResult:
    """Return the result of a clean file."""
    where = Locator(f"/models/layer-{index:07d}.safetensors")
    digest = f"{index * 0x9E3779B97F4A7C15 % 2**64:016x}" * 4
    return UnitResult(Unit(index, where, 1000 + index), (Artifact(where, 1000 + index, digest, ("safetensors",)),))


def test_results_come_back_as_they_were() -> None:
    told = sample_report().results
    read = decode_chunk(encode_chunk(TOOL, told))
    assert read.tool == TOOL
    assert len(read) == len(told)
    for _ in range(2):
        assert repr(tuple(read)) == repr(told)  # as text, since a NaN in it is not equal to itself


def test_what_every_scanner_yields_comes_back() -> None:
    cases = [case for number, (_, _, case) in enumerate(all_cases()) if number % 5 == 0]
    for case in cases:
        result = examine_bytes(case.build(), case.name, case.options)
        (read,) = decode_chunk(encode_chunk(TOOL, [result]))
        assert repr(read) == repr(result)


def test_large_results_stand_alone_and_small_ones_together() -> None:
    where = Locator("a.pkl")
    finding = Finding(CALL, where, "os.system", evidence={"arguments": ""})
    sizes = [0, 0, 500, 0, 30, 30, 30, 30, 500, 500, 0]
    told = [UnitResult(Unit(index, where, 1), findings=(finding,) * size) for index, size in enumerate(sizes)]
    blob = encode_chunk(TOOL, told)
    assert [[len(row[FINDINGS]) for row in rows] for rows in lines_of(blob)[1:]] == [
        [0, 0], [500], [0, 30, 30, 30], [30], [500], [500], [0],
    ]  # fmt: skip
    assert list(decode_chunk(blob)) == told


def test_the_rules_of_many_findings_stand_there_once() -> None:
    where = Locator("a.pkl")
    finding = Finding(CALL, where, "os.system", evidence={"arguments": ""})
    many = [UnitResult(Unit(index, where, 1), findings=(finding,) * 50) for index in range(64)]
    blob = encode_chunk(TOOL, many)
    assert zstandard.decompress(blob).count(CALL.why.encode()) == 1
    assert tuple(decode_chunk(blob)) == tuple(many)


def test_a_rule_of_a_lying_child_rewords_nothing_of_others() -> None:
    where = Locator("a.pkl")
    honest = Finding(CALL, where, "os.system", evidence={"arguments": ""})
    lying = replace(honest, rule=replace(CALL, severity=Severity.DEBUG))
    told = [UnitResult(Unit(0, where, 1), findings=(item,)) for item in (lying, honest, lying)]
    assert [result.findings[0].severity for result in decode_chunk(encode_chunk(TOOL, told))] == [0, 3, 0]


def test_a_result_that_speaks_of_another_file_is_not_written() -> None:
    problem = Problem(ProblemKind.CRASH, Locator("/etc/passwd"), "", "crashed")
    with pytest.raises(ValueError, match="speaks of /etc/passwd"):
        encode_chunk(TOOL, [replace(clean(1), problems=(problem,))])


def test_a_clean_unit_costs_few_bytes() -> None:
    blob = encode_chunk(TOOL, [clean(index) for index in range(64)])
    assert len(blob) / 64 < 100


def test_a_chunk_says_whether_its_files_have_to_do_with_others() -> None:
    """Nothing is looked for in those of which none has; older versions did not say."""
    shard = replace(clean(1), unit=Unit(1, Locator("model-00001-of-00002.safetensors"), 1), artifacts=())
    alone, related = encode_chunk(TOOL, [clean(0)]), encode_chunk(TOOL, [clean(0), shard])
    everything = re.compile(b"")
    assert list(decode_chunk(alone).marked(everything)) == []
    assert list(decode_chunk(related).marked(everything)) == [clean(0), shard]
    header, *rows = lines_of(alone)
    del header["related"]
    assert list(decode_chunk(blob_of(header, *rows)).marked(everything)) == [clean(0)]


def test_names_hold_chunk_and_digest() -> None:
    blob = encode_chunk(TOOL, [clean(1)])
    digest = digest_of(blob)
    assert len(digest) == DIGEST
    assert results_name("j", 7, digest) == f"jobs/j/results/0000000007-{digest.hex()}"
    assert len(decode_chunk(blob, digest=digest)) == 1
    with pytest.raises(Damaged, match="jobs/j/results/7: not the bytes that the ledger knows"):
        decode_chunk(blob, "jobs/j/results/7", b"x" * DIGEST)


def read_all(blob: bytes) -> list[UnitResult]:
    """Return all results of a blob."""
    return list(decode_chunk(blob, "jobs/1/results/2"))


def test_no_cut_and_no_flipped_bit_passes() -> None:
    blob = encode_chunk(TOOL, sample_report().results[:3])
    told = list(decode_chunk(blob))
    for at in range(len(blob)):
        with pytest.raises(Damaged, match="jobs/1/results/2: "):
            read_all(blob[:at])
        try:
            read = read_all(bytes([*blob[:at], blob[at] ^ 0x04, *blob[at + 1 :]]))
        except Damaged:
            continue
        assert repr(read) == repr(told), "an unused bit of the frame, or it is noticed"


def lines_of(blob: bytes) -> list[Any]:
    """Return the lines of a blob."""
    return [json.loads(line) for line in zstandard.decompress(blob).splitlines()]


def blob_of(*lines: object) -> bytes:
    """Return a blob of lines: JSON, or bytes as they are."""
    encoded = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return zstandard.compress(b"".join(line + b"\n" for line in encoded))


HEADER, (MALICIOUS,) = lines_of(encode_chunk(TOOL, sample_report().results[:1]))
UNIT = 2
ARTIFACTS, FACTS, FINDINGS, PROBLEMS = 3, 4, 5, 6


def changed(value: object, *path: int | str) -> Callable[[], bytes]:
    """Return a builder of the blob in whose only unit `value` stands at `path`."""

    def build() -> bytes:
        line = json.loads(json.dumps(MALICIOUS))
        inner = line
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return blob_of(HEADER, [line])

    return build


def with_header(**values: object) -> Callable[[], bytes]:
    """Return a builder of a blob with another header."""
    return lambda: blob_of({**HEADER, **values}, [MALICIOUS])


def with_rule(**values: object) -> Callable[[], bytes]:
    """Return a builder of a blob with another first rule."""
    return with_header(rules=[{**HEADER["rules"][0], **values}, *HEADER["rules"][1:]])


WRONG = {
    "garbage": lambda: b"garbage",
    "nothing": lambda: b"",
    "no lines": lambda: zstandard.compress(b""),
    "no line feed": lambda: zstandard.compress(json.dumps(HEADER).encode()),
    "no object": lambda: blob_of([]),
    "deep": lambda: blob_of(HEADER, b"[" * 200_000 + b"]" * 200_000),
    "deep objects": lambda: blob_of(HEADER, b'{"a":' * 200_000),
    "older": with_header(protocol=0),
    "newer": with_header(protocol=2),
    "count": with_header(units=2),
    "count of no type": with_header(units="1"),
    "negative count": with_header(units=-1),
    "more lines": lambda: blob_of(HEADER, [MALICIOUS], [MALICIOUS]),
    "more in a line": lambda: blob_of(HEADER, [MALICIOUS, MALICIOUS]),
    "two values in a line": lambda: blob_of(HEADER, b"[][]"),
    "not ASCII": lambda: blob_of(HEADER, "[\u00e4]".encode()),
    "tool": with_header(tool="abc"),
    "tool of another type": with_header(tool=[1, "f", []]),
    "no rules": with_header(rules=[]),
    "rules": with_header(rules=7),
    "a rule's text": with_rule(why=7),
    "a rule's severity": with_rule(severity="WORSE"),
    "a rule's unknown field": with_rule(evil=1),
    "a template that would blow up": with_rule(message="{subject:>999999999999}"),
    "a template of attributes": with_rule(message="{subject.__class__}"),
    "a placeholder without evidence": with_rule(message="{missing}"),
    "no list": lambda: blob_of(HEADER, [{"unit": 1}]),
    "no list of lists": lambda: blob_of(HEADER, 7),
    "short": lambda: blob_of(HEADER, [MALICIOUS[:-1]]),
    "long": lambda: blob_of(HEADER, [[*MALICIOUS, 1]]),
    "index": changed("0", 0),
    "size": changed(1.5, 1),
    "locator": changed([1, ""], UNIT),
    "locator as text": changed("abc", UNIT),
    "artifact": changed(["a"], ARTIFACTS, 0),
    "digest": changed(None, ARTIFACTS, 0, 2),
    "scanners": changed("pickle", ARTIFACTS, 0, 3),
    "members": changed("abc", FACTS, 4, 0),
    "kind of fact": changed(1, FACTS, 0, 2),
    "detail": changed([], FACTS, 0, 4),
    "span": changed([1], FINDINGS, 0, 1),
    "span of text": changed(["1", "2"], FINDINGS, 0, 1),
    "unknown rule": changed(99, FINDINGS, 0, 2),
    "negative rule": changed(-1, FINDINGS, 0, 2),
    "subject": changed({}, FINDINGS, 0, 3),
    "evidence": changed(None, FINDINGS, 0, 5),
    "problem": changed([[[], None, "no such kind", "", ""]], PROBLEMS),
    "unhashable kind": changed([[[], None, [], "", ""]], PROBLEMS),
    "bytes read": changed("1", 7),
    "duration": changed("1", 8),
}


@pytest.mark.parametrize("build", WRONG.values(), ids=WRONG)
def test_what_are_no_results_is_damaged(build: Callable[[], bytes]) -> None:
    with pytest.raises(Damaged, match="jobs/1/results/2: "):
        read_all(build())


def bomb(*starts: bytes) -> bytes:
    """Return a blob of few bytes with hundreds of megabytes after its first lines."""
    stream = zstandard.ZstdCompressor().compressobj()
    parts = [stream.compress(b"".join(line + b"\n" for line in starts))]
    parts += [stream.compress(b" " * 10_000_000) for _ in range(60)]
    return b"".join(parts) + stream.flush()


@pytest.mark.parametrize("starts", [(), (json.dumps(HEADER).encode(),)], ids=["header", "unit"])
def test_a_bomb_is_refused_before_it_fills_memory(starts: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LINE", 20_000_000)
    blob = bomb(*starts)
    assert len(blob) < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Damaged, match="a line of more than"):
        read_all(blob)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000, "kilobytes; the bomb is of 600 MB"


def test_a_size_that_is_declared_and_not_there() -> None:
    frame = bytearray(zstandard.ZstdCompressor(write_content_size=True).compress(b"x" * 100_000))
    assert zstandard.frame_content_size(bytes(frame)) == 100_000
    for size in (99_999, 100_001, 2**31, 2**32 - 1):
        frame[5:9] = size.to_bytes(4, "little")
        with pytest.raises(Damaged):
            read_all(bytes(frame))


def test_more_than_is_expanded_at_once_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "WHOLE", 1000)
    monkeypatch.setattr(packing, "_PIECE", 100)
    told = [clean(index) for index in range(64)]
    blob = encode_chunk(TOOL, told)
    assert zstandard.frame_content_size(blob) == -1
    for _ in range(2):
        read = decode_chunk(blob)
        assert list(read) == told
        assert list(read) == told
    with pytest.raises(Damaged):
        read_all(blob[:-60])
    shorter = zstandard.ZstdDecompressor().decompressobj().decompress(blob).splitlines(keepends=True)
    for lines in (shorter[:-1], [*shorter, shorter[-1]]):
        stream = zstandard.ZstdCompressor().compressobj()
        with pytest.raises(Damaged, match="not as many results"):
            read_all(stream.compress(b"".join(lines)) + stream.flush())


def test_results_is_the_only_protocol() -> None:
    assert results.PROTOCOL == HEADER["protocol"] == 1
