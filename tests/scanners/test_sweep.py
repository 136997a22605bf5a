"""The raw pass: both matchers answer alike, members keep what is theirs, and a spent budget is said."""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import re._parser as parser  # type: ignore[import-not-found]  # the library has no other way to look into a pattern
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelsweep.core.finding import Finding, Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import WINDOW, MemoryReader, SourceFault
from modelsweep.core.scanner import Blob, Context
from scanners.detectors.network import MAX_SAMPLE
from scanners.matcher import (
    MIN_TO_COMPILE,
    PATTERNS,
    Choice,
    HyperscanMatcher,
    RegexMatcher,
    has_hyperscan,
    literal_start,
    offsets,
)
from scanners.sweep import HIT_BUDGET, MIN_THREADED, Sweep
from tests.scanners.case import examine_bytes
from tests.scanners.native_code import elf, fat, mach, pe
from tests.scanners.pickles.cases import BINARY_NAMES, STACK_GLOBAL, pickled
from tests.scanners.scripts.cases import CRADLE, DECODED, INDIRECT, POWERSHELL, SHELL
from tests.scanners.secrets.forms import FORMS, KEYS
from tests.scanners.spool import memory_spool

PLANTED = (
    elf(),
    pe(),
    mach(),
    fat(),
    SHELL,
    POWERSHELL,
    POWERSHELL.upper(),
    CRADLE,
    CRADLE.swapcase(),
    DECODED,
    INDIRECT,
    STACK_GLOBAL,
    BINARY_NAMES,
    *map(pickled, range(6)),
    b"https://webhook.site/x",
    b"http://45.33.32.156:4444/x",
    *(build().encode() for build in (*FORMS.values(), *KEYS.values())),
)
PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(PLANTED),
    st.sampled_from(PLANTED).flatmap(lambda piece: st.integers(1, len(piece)).map(lambda end: piece[:end])),
)


@pytest.mark.skipif(not has_hyperscan(), reason="hyperscan is not installed")
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_both_matchers_answer_alike(window: bytes) -> None:
    present = HyperscanMatcher().present(window)
    assert present == RegexMatcher().present(window)
    assert present == [number for number in range(len(PATTERNS)) if any(True for _ in offsets(number, window))]


@pytest.mark.parametrize(
    "pattern", [pattern for pattern, detector in PATTERNS if pattern not in detector.runs and pattern[:1] != b"("]
)
def test_the_literal_of_a_pattern_is_what_all_its_matches_begin_with(pattern: bytes) -> None:
    parsed = [(str(kind), value) for kind, value in parser.parse(pattern, re.DOTALL)]
    literals = bytes(value for _, value in itertools.takewhile(lambda part: part[0] == "LITERAL", parsed))
    start = literal_start(pattern)
    assert start
    assert literals.startswith(start)


@pytest.mark.skipif(not has_hyperscan(), reason="hyperscan is not installed")
def test_hyperscan_is_chosen_once_enough_bytes_were_seen() -> None:
    choose = Choice()
    assert isinstance(choose(MIN_TO_COMPILE // 2), RegexMatcher)
    assert isinstance(choose(MIN_TO_COMPILE // 2), RegexMatcher)
    assert isinstance(choose(1), HyperscanMatcher)


def sweep_of(data: bytes) -> tuple[Sweep, Blob]:
    """Return a finished sweep over `data`, and the blob of it, claimed by nobody."""
    blob = Blob(Locator("weights.bin"), MemoryReader(data))
    sweep = Sweep(blob)
    sweep.run()
    sweep.claim(blob, set())
    return sweep, blob


def context(size: int) -> Context:
    """Return a context with the usual limits."""
    return Context(Options(), size, memory_spool)


@pytest.mark.parametrize("size", [WINDOW, MIN_THREADED + 12345])
def test_digest_and_hits_across_the_edge_of_a_window(size: int) -> None:
    data = bytearray(random.Random(3).randbytes(size) + bytes(2000))
    where = WINDOW - 3
    data[where : where + 512] = elf()
    sweep, _ = sweep_of(bytes(data))
    found = [item.span for item in sweep.confirm(context(size)) if isinstance(item, Finding)]
    assert sweep.digest == hashlib.sha256(data).hexdigest()
    assert [span.offset for span in found if span] == [where]


class _Broken(MemoryReader):
    """A reader that fails on its way, in whatever thread reads."""

    def windows(self, size: int = WINDOW, overlap: int = 0) -> Iterator[bytes]:
        yield self.read(0, size)
        raise SourceFault("the disk is gone")


def test_a_large_blob_is_swept_beside_what_its_scanners_do() -> None:
    data = random.Random(5).randbytes(MIN_THREADED) + elf()
    blob = Blob(Locator("weights.bin"), MemoryReader(data))
    apart, here = Sweep(blob), Sweep(blob)
    here.run()
    apart.start()
    apart.claim(blob, set())
    here.claim(blob, set())
    apart.finish()
    assert apart.digest == here.digest
    assert list(apart.confirm(context(blob.size))) == list(here.confirm(context(blob.size))) != []


@pytest.mark.parametrize("left", [2, 5, 1_000])
def test_what_is_located_before_the_pass_ends_changes_nothing(left: int) -> None:
    noise = random.Random(6).randbytes(WINDOW)
    data = elf() + b"\x7fELF" * 3 + noise + SHELL + noise + b"\x7fELF" + SHELL + elf()
    ahead, after = sweep_of(data)[0], sweep_of(data)[0]
    rest = ahead._locate_ahead(left)
    assert rest < left
    assert ahead._locate_ahead(rest) == rest
    assert list(ahead.confirm(context(len(data)))) == list(after.confirm(context(len(data)))) != []


def test_what_fails_beside_is_said_by_who_waits_for_it() -> None:
    sweep = Sweep(Blob(Locator("weights.bin"), _Broken(bytes(MIN_THREADED))))
    sweep.start()
    with pytest.raises(SourceFault, match="the disk is gone"):
        sweep.finish()


def test_members_keep_what_is_theirs() -> None:
    noise = random.Random(4).randbytes(1000)
    sweep, blob = sweep_of(noise + elf() + noise + SHELL + noise)
    library = blob.window("plugin.so", 1000, 512)
    sweep.claim(blob.window("all", 0, blob.size), set())
    sweep.claim(library, {"executable"})
    found = [item for item in sweep.confirm(context(blob.size)) if isinstance(item, Finding)]
    assert [(item.rule.id, str(item.locator)) for item in found] == [("script/embedded", "weights.bin")]


@pytest.mark.parametrize(("name", "line"), [("notes.env", 3), ("weights.bin", None)])
def test_of_a_text_the_line_is_told(name: str, line: int | None) -> None:
    text = b"first\nsecond\n" + FORMS["gitlab"]().encode() + (b"\nlast\n" if line else bytes(99))
    (finding,) = examine_bytes(text, name).findings
    assert finding.evidence.get("line") == line


def test_a_spent_budget_is_said() -> None:
    sweep, blob = sweep_of(b"\x7fELF" * (HIT_BUDGET + 1))
    problems = [item for item in sweep.confirm(context(blob.size)) if isinstance(item, Problem)]
    assert [problem.kind for problem in problems] == [ProblemKind.LIMIT]


def test_what_only_informs_is_said_once_of_a_member() -> None:
    sweep, blob = sweep_of(b"http://45.33.32.156:4444/x\0http://45.33.32.157:4444/x\0" * 30)
    found = [item for item in sweep.confirm(context(blob.size)) if isinstance(item, Finding)]
    assert [item.subject for item in found] == ["45.33.32.156:4444", "45.33.32.157:4444"]


def test_what_only_informs_is_a_sample_and_no_problem() -> None:
    sweep, blob = sweep_of(b"".join(b"http://45.33.%d.156:4444/x\0" % (number % 250) for number in range(300)))
    found = list(sweep.confirm(context(blob.size)))
    assert len([item for item in found if isinstance(item, Finding)]) == MAX_SAMPLE
    assert not [item for item in found if isinstance(item, Problem)]


def test_owned_decoys_cost_no_budget() -> None:
    decoys = b"#!/bin/sh\0" * (HIT_BUDGET + 1)
    sweep, blob = sweep_of(decoys + b"\0" + SHELL + b"\0")
    sweep.claim(blob.window("notes.txt", 0, len(decoys)), {"text"})
    found = list(sweep.confirm(context(blob.size)))
    assert [item.rule.id for item in found if isinstance(item, Finding)] == ["script/embedded"]
    assert not [item for item in found if isinstance(item, Problem)]
