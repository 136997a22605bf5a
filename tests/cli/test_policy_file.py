"""A policy: options where none is typed, and findings that are ignored, still shown, and said when needless."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from modelsweep.core.finding import Finding
from modelsweep.core.locator import Locator
from modelsweep.core.report import Gate, Ignored
from scanners.judge.pickle_rules import DANGEROUS_CALL
from tests.cli.conftest import ROOT, Run

HEAD = "modelsweep_policy: 1\n"
EVIL = "  - {rule: pickle/dangerous-call, path: evil.pkl}\n"
_LAYERS = (f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
BOMB = f"[&a0 [1], {', '.join(_LAYERS)}]"
"""A list that would be 9 ** 29 long if it were written out."""
OWN = "  - {rule: pickle/*, path: 'models/own.pkl', until: 2999-01-01, reason: reviewed, owner: us}\n"
REST = "options: {tolerate-problems: 5}\n"


@pytest.fixture
def policy(models: Path) -> Path:
    """The path of a policy beside the models."""
    return models.parent / "policy.yaml"


def test_what_is_ignored_is_shown_and_fails_no_scan(policy: Path, run: Run) -> None:
    assert run("scan", "models").code == 1
    policy.write_text(f"{HEAD}{REST}ignore:\n{EVIL}{OWN}")
    outcome = run("scan", "models", "--policy", "policy.yaml", "-f", "json=out.json", "-f", "sarif=out.sarif")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("ignored by the policy") == 2
    assert "models/evil.pkl  malicious  39 B\n" in outcome.out, "verdicts stay"
    results = json.loads(Path("out.sarif").read_text())["runs"][0]["results"]
    assert [result["suppressions"] for result in results] == [[{"kind": "external", "status": "accepted"}]] * 2
    assert len(json.loads(Path("out.json").read_text())["issues"]) == 2


def test_only_that_is_ignored(policy: Path, run: Run) -> None:
    policy.write_text(f"{HEAD}{REST}ignore:\n{OWN}")
    outcome = run("scan", "models", "--policy", "policy.yaml")
    assert (outcome.code, outcome.out.count("ignored by the policy")) == (1, 1)


@pytest.mark.parametrize(
    ("rule", "path", "covered"),
    [
        ("pickle/dangerous-call", "evil.pkl!data.pkl", True),
        ("pickle/*", "*", True),
        ("*", "models/evil.pkl!*", True),
        ("pickle/*", "models/*", True),
        ("pickle/*", "/srv/models/*", True),
        ("pickle/*", "evil.pkl", False),
        ("pickle/*", "vil.pkl!*", False),
        ("pickle/*", "data.pkl", False),
        ("pickle", "*", False),
        ("pickle/danger", "*", False),
        ("PICKLE/*", "*", False),
    ],
)
def test_patterns_stand_for_the_end_of_a_place(rule: str, path: str, covered: bool) -> None:
    found = Finding(DANGEROUS_CALL, Locator("/srv/models/evil.pkl", ("data.pkl",)), "os.system")
    assert Ignored(rule, path).covers(found) is covered
    assert Gate(ignored=(Ignored(rule, path),)).accepts(found, "") is covered


def test_the_name_of_a_member_stands_for_no_file() -> None:
    found = Finding(DANGEROUS_CALL, Locator("/srv/new.zip", ("a/legacy/evil.pkl",)), "os.system")
    for path, covered in (
        ("legacy/evil.pkl", False),
        ("legacy/*", False),
        ("new.zip!*legacy/*", True),
        ("srv/*", True),
    ):
        assert Ignored("*", path).covers(found) is covered, path


def test_what_is_past_its_day_counts_again_and_what_is_needless_is_said(policy: Path, run: Run) -> None:
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    policy.write_text(
        f"{HEAD}{REST}ignore:\n{OWN}"
        f"  - {{rule: '*', path: evil.pkl, until: {yesterday}}}\n"
        "  - {rule: torch/*, path: evil.pkl}\n"
    )
    outcome = run("scan", "models", "--policy", "policy.yaml")
    assert outcome.code == 1
    assert outcome.err == (
        "modelsweep: policy.yaml: 1 kind of findings ignored until a date that has passed: they count again\n"
        "modelsweep: policy.yaml: no finding matches torch/* in evil.pkl: the entry is no longer needed\n"
    )
    today = time.strftime("%Y-%m-%d", time.gmtime())
    policy.write_text(f"{HEAD}{REST}ignore:\n{OWN}  - {{rule: '*', path: evil.pkl, until: {today}}}\n")
    assert run("scan", "models", "--policy", "policy.yaml").code == 0, "the last day counts"


def test_options_stand_where_none_is_typed(policy: Path, run: Run) -> None:
    policy.write_text(f"{HEAD}options:\n  fail-on: critical\n  exclude: [evil*, unknown*]\n  allow-import: 'acme.*'\n")
    outcome = run("scan", "models", "--policy", "policy.yaml")
    assert (outcome.code, "2 clean" in outcome.out) == (0, True)
    typed = run("scan", "models", "--policy", "policy.yaml", "--exclude", "unknown*")
    assert (typed.code, "1 malicious" in typed.out) == (1, True), "typed goes before"


def test_of_two_policies_lists_are_put_together_and_the_last_value_stands(policy: Path, run: Run) -> None:
    policy.write_text(f"{HEAD}options: {{exclude: evil*, fail-on: info}}\n")
    policy.with_name("team.yaml").write_text(f"{HEAD}options: {{exclude: [own*, unknown*], fail-on: critical}}\n")
    outcome = run("scan", "models", "--policy", "policy.yaml", "--policy", "team.yaml")
    assert (outcome.code, "1 clean" in outcome.out) == (0, True)


def test_files_are_beside_the_policy(policy: Path, run: Run) -> None:
    (policy.parent / "team").mkdir()
    assert run("baseline", "models", "-o", "team/accepted.json").code in (0, 2)
    (policy.parent / "team" / "policy.yaml").write_text(
        f"{HEAD}options: {{baseline: accepted.json, tolerate-problems: 5}}\n"
    )
    outcome = run("scan", "models", "--policy", "team/policy.yaml")
    assert (outcome.code, outcome.out.count("accepted: in the baseline")) == (0, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a policy: a policy begins with `modelsweep_policy: 1`"),
        ("modelsweep_policy: 2\n", "not a policy"),
        ("[1]", "not a policy"),
        ("a: [\n", "line 2: not YAML"),
        ("a: !!python/object/apply:os.system [echo]\n", "line 1: not YAML"),
        ("[" * 5_000, "not YAML"),
        ("modelsweep_policy: 1\noptions: {fail-on: info}\noptions: {}\n", "line 3: 'options' for the second time"),
        ("modelsweep_policy: 1\nignore: [{rule: a/b, path: c, rule: d/e}]\n", "line 2: 'rule' for the second time"),
        (f"{HEAD}ignored: []\n", "unknown key: 'ignored'"),
        (f"{HEAD}options: [1]\n", "options must be a mapping"),
        (f"{HEAD}options: {{fail_on: critical}}\n", "a policy cannot set 'fail_on': did you mean fail-on?"),
        (f"{HEAD}options: {{targets-from: x}}\n", "a policy cannot set 'targets-from'"),
        (f"{HEAD}options: {{output: x}}\n", "a policy cannot set 'output'"),
        (f"{HEAD}options: {{1: x}}\n", "a policy cannot set '1'"),
        (f"{HEAD}options: {{fail-on: [a, b]}}\n", "fail-on takes one value"),
        (
            f"{HEAD}options: {{fail-on: {{a: b}}}}\n",
            "fail-on must be text, a number, true or false",
        ),
        (f"{HEAD}options: {{fail-on: never}}\n", "'never'"),
        (f"{HEAD}options: {{max-file-size: much}}\n", "'much'"),
        (f"{HEAD}options: {{baseline: none.json}}\n", "No such file"),
        (f"{HEAD}ignore: 1\n", "ignore must be a list"),
        (f"{HEAD}ignore: [1]\n", "needs a `rule` and a `path`"),
        (f"{HEAD}ignore: [{{rule: a/b}}]\n", "needs a `rule` and a `path`"),
        (f"{HEAD}ignore: [{{rule: a/b, path: ''}}]\n", "needs a `rule` and a `path`"),
        (f"{HEAD}ignore: [{{rule: a/b, path: a, til: 2027-01-01}}]\n", "unknown key in an entry to ignore: 'til'"),
        (f"{HEAD}options: {{policy: more.yaml}}\n", "a policy cannot set 'policy'"),
        (f"{HEAD}ignore: [{{rule: a/b, path: a, until: {BOMB}}}]\n", "until '...' is not a date such as 2027-06-30"),
        (f"{HEAD}ignore: [{{rule: a/b, path: a, until: soon}}]\n", "until 'soon' is not a date such as 2027-06-30"),
        (f"{HEAD}ignore: [{{rule: a/b, path: a, until: 2027-13-01}}]\n", "month must be in 1..12"),
        (f"{HEAD}ignore: [{{rule: '*', path: '**'}}]\n", "ignores everything is not allowed"),
    ],
)
def test_what_is_no_policy_is_said(policy: Path, run: Run, text: str, said: str) -> None:
    policy.write_text(text)
    outcome = run("scan", "models", "--policy", "policy.yaml")
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_a_policy_that_is_not_there_or_far_too_large_is_said(policy: Path, run: Run) -> None:
    assert "No such file" in run("scan", "models", "--policy", "policy.yaml").err
    policy.write_bytes(b"#" * (1 << 20) + b"\n")
    assert "more than 1,048,576 bytes" in run("scan", "models", "--policy", "policy.yaml").err


def test_the_example_is_one(models: Path, run: Run) -> None:
    outcome = run("scan", "models/clean.pkl", "--policy", str(ROOT / "deploy/policy/policy.yaml"))
    assert outcome.code == 0
    assert "no longer needed" in outcome.err, "nothing of vendor/ is here"
