"""Signers that a user requires: which signatures count as theirs, and what is said of files that none covers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import modelsweep
from modelsweep.cache.extraction import extraction
from modelsweep.core.finding import ProblemKind, Severity
from modelsweep.core.options import Options
from modelsweep.core.wire import decode_options, encode_options
from modelsweep.signers import signer
from scanners.judge.repository import signers
from tests.cli.conftest import START
from tests.scanners.signature.signing import (
    ADDRESS,
    KEY,
    OTHER,
    anchor,
    as_pem,
    bundle,
    certificate,
    chain,
    encoded,
    hinted,
    key_anchor,
    keyless,
    listed,
    of_file,
    pem,
    root,
    statement,
    text,
    with_key,
)
from tests.scanners.test_signatures import MODEL, below, problems, said, signed

CURVE = ec.derive_private_key(0xACE, ec.SECP256R1())
STATEMENT = statement(listed(MODEL))
CERTIFIED = bundle(STATEMENT, chain(certificate(), root()))
LONE = bundle(STATEMENT, {"certificate": {"rawBytes": text(certificate(keyless=True))}})
BROKEN = bundle(STATEMENT, hinted(), also=statement(listed({**MODEL, "more.json": b"{}"})))
DOUBTFUL = bundle({**STATEMENT, "subject": []}, with_key())
OWN_CHILD = certificate(OTHER, KEY)
"""A certificate that somebody issued with a key that is only for signing models."""


@pytest.mark.parametrize(
    ("signature", "who", "covered"),
    [
        (bundle(STATEMENT, hinted()), key_anchor(), True),
        (bundle(STATEMENT, hinted()), key_anchor(OTHER), False),
        (bundle(STATEMENT, hinted(OTHER)), key_anchor(OTHER), False),  # a hint is no signature
        (CERTIFIED, key_anchor(), True),
        (CERTIFIED, anchor(root()), True),
        (CERTIFIED, anchor(certificate()), True),
        (CERTIFIED, anchor(certificate(OTHER)), False),
        (CERTIFIED, anchor(root(may_issue=False)), False),
        (CERTIFIED, anchor(certificate(OTHER), root()), True),
        (bundle(STATEMENT, keyless(STATEMENT)), anchor(root(), who=ADDRESS), True),
        (bundle(STATEMENT, keyless(STATEMENT)), anchor(root(), who="*@acme.example"), True),
        (bundle(STATEMENT, keyless(STATEMENT)), anchor(root(), who="*@other.example"), False),
        (LONE, anchor(root(), who=ADDRESS), True),
        (bundle(STATEMENT, chain(certificate(authority=OTHER))), anchor(root()), False),
        (bundle(STATEMENT, chain(OWN_CHILD, certificate()), OTHER), anchor(root()), False),
        (bundle(STATEMENT, chain(certificate(OTHER)), KEY), anchor(root()), False),
        (BROKEN, key_anchor(), False),
        (DOUBTFUL, key_anchor(), False),
        (bundle(STATEMENT, with_key()), key_anchor(), True),
        (bundle(STATEMENT, with_key()), anchor(root()), False),  # no certificate leads anywhere
    ],
)
def test_whose_signatures_count(signature: Any, who: str, covered: bool) -> None:
    files, options = {**MODEL, "model.sig": encoded(signature)}, Options(require_signers=(who,))
    found = said(files, options)
    assert ProblemKind.CRASH not in {problem.kind for problem in problems(files, options)}
    wanted = [(rule, where) for rule, where, _ in found if rule in ("unsigned-model", "other-signer")]
    assert {where for _, where in wanted} == (set() if covered else {*MODEL} - {"README.md"})


def test_one_of_several_signers_is_enough() -> None:
    options = Options(require_signers=(key_anchor(OTHER), key_anchor()))
    assert said({**MODEL, "model.sig": signed()}, options) == []


def test_each_file_is_to_be_signed() -> None:
    options = Options(require_signers=(key_anchor(),))
    files = {**below("a", {**MODEL, "model.sig": signed()}), "b/config.json": b"{}", "c.json": b"{}", ".git/x": b"x"}
    assert said(files, options) == [
        ("unsigned-model", "b/config.json", "config.json"),
        ("unsigned-model", "c.json", "c.json"),
    ]
    changed = {**MODEL, "config.json": b"[]", "more.json": b"{}", "model.sig": signed()}
    assert said(changed, options) == [
        ("unsigned-model", "config.json", "config.json"),
        ("changed-file", "model.sig", "config.json"),
        ("unsigned-file", "model.sig", "more.json"),
        ("unsigned-model", "more.json", "more.json"),
    ]
    single = {"w.json": b"{}", "w.json.sigstore.json": encoded(of_file(b"{}", hinted(), CURVE))}
    assert said(single, Options(require_signers=(key_anchor(CURVE),))) == []


def test_the_message_says_who_signed_instead() -> None:
    files = {**MODEL, "model.sig": encoded(CERTIFIED)}
    found = modelsweep_findings(files, Options(require_signers=(key_anchor(OTHER),)))
    assert found == {
        f"{name} is signed by CN={ADDRESS}, who is not a required signer" for name in ("config.json", "vocab.txt")
    }


def modelsweep_findings(files: dict[str, bytes], options: Options) -> set[str]:
    """Return the critical messages."""
    from tests.scanners.test_signatures import results_of

    found = [finding for result in results_of(files, options) for finding in result.findings]
    return {finding.message for finding in found if finding.severity is Severity.CRITICAL}


def test_too_many_files_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signers, "MAX_HELD", 2)
    found = problems({**MODEL, "model.sig": signed()}, Options(require_signers=(key_anchor(),)))
    assert {(problem.kind, problem.detail[:29]) for problem in found} == {
        (ProblemKind.LIMIT, "more than 2 files beside it: ")
    }


def test_without_the_package_no_signer_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    options = Options(require_signers=(key_anchor(),))
    files = {"w.json": b"{}", "model.sig": signed({"w.json": b"{}"})}
    assert [problem.kind for problem in problems(files, options)] == [ProblemKind.DEPENDENCY]
    assert said(files, options)[-1][0] == "other-signer"


def test_signers_travel_and_tell_results_apart() -> None:
    options = Options(require_signers=(key_anchor(), anchor(root(), who=ADDRESS)))
    assert decode_options(encode_options(options)) == options
    older = {key: value for key, value in encode_options(Options()).items() if key != "require_signers"}
    assert decode_options(older) == Options()
    assert extraction(options, "") != extraction(Options(), "")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A signed model, its signer's key and a certificate beside it."""
    folder = tmp_path / "acme"
    for name, data in {**MODEL, "model.sig": signed()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (tmp_path / "acme.pub").write_bytes(pem(KEY))
    (tmp_path / "other.pub").write_bytes(pem(OTHER))
    (tmp_path / "roots.pem").write_text(as_pem(root()) + "\n" + as_pem(certificate()))
    return folder


def test_the_library_requires_signers(model: Path) -> None:
    own, other = str(model.parent / "acme.pub"), str(model.parent / "other.pub")
    assert modelsweep.scan(model, require_signers=own, reuse="nothing").findings == ()
    found = modelsweep.scan(model, require_signers=[other], reuse="nothing").findings
    assert {finding.rule.id for finding in found} == {"repository/other-signer"}
    with pytest.raises(ValueError, match="only at full depth"):
        modelsweep.scan(model, require_signers=own, depth="quick")
    with pytest.raises(ValueError, match="the scanner signature"):
        modelsweep.scan(model, require_signers=own, scanners="pickle")


def test_what_is_said_of_files_that_name_nobody(model: Path) -> None:
    folder = model.parent
    private = folder / "private.pem"
    private.write_text("-----BEGIN " + "PRIVATE KEY-----\nAAAA\n-----END " + "PRIVATE KEY-----\n")
    for value, reason in (
        (str(folder / "none.pub"), "No such file or directory"),
        ("release@acme.example", "No such file or directory"),
        (str(private), "holds a private key"),
        (str(model / "config.json"), "neither a single public key nor certificates"),
        (f"{folder / 'acme.pub'}=somebody", "a key names nobody"),
    ):
        with pytest.raises(ValueError, match=reason):
            signer(value)
    assert signer(f"{folder / 'roots.pem'}={ADDRESS}") == anchor(root(), certificate(), who=ADDRESS)
    assert signer(str(folder / "acme.pub")).splitlines()[1] == "-----BEGIN PUBLIC KEY-----"


def test_the_command_requires_signers(model: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-c", START, "scan", "acme", "--no-cache", *arguments]
        done = subprocess.run(command, cwd=model.parent, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    assert run("--require-signer", "acme.pub")[0] == 0
    code, told = run("--require-signer", "other.pub")
    assert code == 1
    assert "config.json is signed by key" in told
    code, told = run("--require-signer", "acme.pub", "--depth", "quick")
    assert code == 2
    assert "only at full depth" in told
    assert "neither a single public key" in run("--require-signer", "acme/config.json")[1]
