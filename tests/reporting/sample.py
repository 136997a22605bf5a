"""One report with everything in it: all severities, kinds of problem, members, facts, and names that do harm."""

from __future__ import annotations

import hashlib

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Attachment, Report, Run, Tool, Unit, UnitResult

CALL = Rule(
    id="pickle/dangerous-call",
    title="The pickle runs a dangerous function when it is loaded",
    severity=Severity.CRITICAL,
    message="loading would run {subject}({arguments})",
    why="A pickle is a program. This one calls a function that runs commands, and no model needs that.",
    fix="Do not load the file. Ask its author how it was made, and prefer safetensors.",
    cwe=502,
    references=("https://docs.python.org/3/library/pickle.html",),
)
UNKNOWN = Rule(
    id="pickle/unknown-import",
    title="The pickle imports a name that no known framework saves",
    severity=Severity.WARNING,
    message="imports {subject}",
    why="Loading runs code of that package, which nobody has reviewed as safe to call with hostile arguments.",
    fix="Review it, then allow it with --allow-import.",
    confidence="medium",
    cwe=502,
)
URL = Rule(
    id="text/url",
    title="The metadata names an address on the network",
    severity=Severity.INFO,
    message="names the address {subject}",
    why="An address in a model file is seldom needed to use it.",
    fix="Check that it is what you expect.",
    confidence="low",
)
PROTOCOL = Rule(
    id="pickle/protocol",
    title="The pickle's protocol",
    severity=Severity.DEBUG,
    message="protocol {version}",
    why="It tells which Python wrote the file.",
    fix="Nothing.",
)

ESCAPE = "\x1b[31mred\x1b[0m"
HOSTILE = f"models/a b%20\n{ESCAPE}\u202e[click](https://x.example)\udcff{{0}}.pkl"
"""A name with blank, percent, newline, terminal escape, bidirectional control, link, broken UTF-8 and placeholder."""
START = 1_700_000_000.0


def digest(name: str) -> str:
    """Return a SHA-256 to stand for the bytes of `name`."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def artifact(locator: Locator, size: int, *scanners: str, hashed: bool = True) -> Artifact:
    """Return what was examined at `locator`."""
    return Artifact(locator, size, digest(str(locator)) if hashed else "", scanners)


def malicious_archive(index: int = 0) -> UnitResult:
    """Return a torch archive with a call in its pickle, an archive inside, and a URL at a position of its own."""
    outer = Locator("models/model.pt")
    data = outer.member("archive/data.pkl")
    inner = outer.member("extra.tar.gz").member("deep !/..\\evil\r\n.pkl")
    return UnitResult(
        unit=Unit(index, outer, 4_096),
        artifacts=(
            artifact(outer, 4_096, "torch", "zip"),
            artifact(data, 512, "pickle", hashed=False),
            artifact(outer.member("extra.tar.gz"), 256, "gzip", "tar", hashed=False),
            artifact(inner, 128, "pickle"),
        ),
        facts=(
            Fact("framework", "PyTorch", outer),
            Fact("licence", "AGPL-3.0-only", outer, detail={"spdx": True}),
            Fact("copyright", "Copyright 2024 Example Authors", outer),
            Fact("architecture", "ResNet", outer),
            Fact("call", "os.system", data, Span(42)),
            Fact("call", "os.system", inner, Span(7)),
        ),
        findings=(
            Finding(CALL, data, "os.system", span=Span(42, 9), evidence={"arguments": "'echo modelsweep-test'"}),
            Finding(CALL, data, "os.system", span=Span(142, 9), evidence={"arguments": "'echo modelsweep-test'"}),
            Finding(CALL, inner, "posix.system", span=Span(7), evidence={"arguments": "'echo [a](b) {0}'"}),
            Finding(URL, outer, "https://example.org/", "comment", Span(4_000, 20), {"score": float("nan")}),
            Finding(PROTOCOL, data, span=Span(0, 2), evidence={"version": 2}),
        ),
        bytes_read=4_224,
    )


def hostile_name(index: int = 1) -> UnitResult:
    """Return a file to review whose name wants to do harm."""
    locator = Locator(HOSTILE)
    return UnitResult(
        unit=Unit(index, locator, 100),
        artifacts=(artifact(locator, 100, "pickle"),),
        findings=(Finding(UNKNOWN, locator, f"acme.{ESCAPE}\ud800", span=Span(3)),),
        bytes_read=100,
    )


def remote_clean(index: int = 2) -> UnitResult:
    """Return a clean object of a bucket, with the same content as another."""
    locator = Locator("s3://bucket/weights.safetensors", version="etag")
    clean = Artifact(locator, 2**31, digest("same"), ("safetensors",))
    return UnitResult(Unit(index, locator, 2**31), (clean,), (Fact("licence", "A licence of our own", locator),))


def outside_data(index: int = 3) -> UnitResult:
    """Return a clean array outside the root, with the same content as the object of the bucket."""
    locator = Locator("/data/elsewhere/array.npy")
    return UnitResult(Unit(index, locator, 9), (Artifact(locator, 9, digest("same"), ("numpy",)),), bytes_read=9)


def unexamined(index: int = 4) -> list[UnitResult]:
    """Return one file for each kind of problem."""
    results = []
    for offset, kind in enumerate(ProblemKind):
        locator = Locator(f"other/{kind.value}.bin")
        where = locator.member("member\t1") if kind is ProblemKind.ENCRYPTED else locator
        problem = Problem(
            kind, where, "zip", f"what is {kind.value}", Span(5) if kind is ProblemKind.MALFORMED else None
        )
        unit = Unit(index + offset, locator, 10)
        results.append(UnitResult(unit, (artifact(locator, 10, hashed=False),), problems=(problem,), bytes_read=10))
    return results


def attachments() -> tuple[Attachment, ...]:
    """Return a result of a known tool, one whose name wants to do harm, and a document outside the root."""
    summary = (("target", "huggingface gpt2"), ("probes", 2), ("hits", 1_200), ("hits of dan.Dan_11_0", 1_200))
    return (
        Attachment("results/garak.report.jsonl", "application/jsonl", 12_345, digest("garak"), "garak", summary),
        Attachment(f"results/{HOSTILE}", "text/csv", 40, digest("art"), "ART", (("accuracy", 0.25),), "[cut](x)"),
        Attachment("/data/pentest.pdf", "application/pdf", 2**21, digest("pdf")),
    )


def sample_report() -> Report:
    """Return the report that every writer's golden is made of."""
    return Report(
        targets=("models", "s3://bucket", "/data/elsewhere", "other", "gone"),
        tool=Tool("0.1.0", "f" * 64, ("pickle", "torch", "zip", "safetensors", "numpy")),
        results=(malicious_archive(), hostile_name(), remote_clean(), outside_data(), *unexamined()),
        problems=(Problem(ProblemKind.SOURCE, Locator("gone"), "", "no such file or directory"),),
        run=Run(START, 1.25, ("modelsweep", "scan", "models", "--fail-on", "warning"), "job-1"),
        options={"depth": "full"},
        attachments=attachments(),
    )


def clean_report() -> Report:
    """Return a report in which nothing is wrong."""
    return Report(("s3://bucket",), Tool("0.1.0", "f" * 64, ("safetensors",)), (remote_clean(0),), run=Run(START, 0.5))
