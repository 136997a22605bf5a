"""Signatures alone, and signed models in one archive; loose files are in tests/scanners/test_signatures.py."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.signature.signing import (
    IGNORED,
    OTHER,
    SIGNED,
    bundle,
    certificate,
    chain,
    digests,
    encoded,
    hinted,
    key_anchor,
    keyless,
    listed,
    of_file,
    root,
    statement,
    with_key,
)
from tests.scanners.zip.cases import made

BY_KEY, BY_OTHER = Options(require_signers=(key_anchor(),)), Options(require_signers=(key_anchor(OTHER),))
CURVE = ec.derive_private_key(0xACE, ec.SECP256R1())
FILES = {
    "README.md": b"# Acme\n",
    "config.json": b'{"model_type": "bert"}',
    "data/labels.json": b'{"0": "good"}',
    "vocab.txt": b"a\nb\n",
}
LIST = listed(FILES)
STATEMENT = statement(LIST)
FORGED = statement([*LIST[:1], {**LIST[1], "digest": "ab" * 32}, *LIST[2:]])
UNFIXED = {**FORGED, "subject": STATEMENT["subject"]}
SHARDS = [{"name": f"w.bin:{at}:{at + 8}", "algorithm": "sha256-sharded-8", "digest": "cd" * 32} for at in (0, 8)]
BLAKE = [{**item, "algorithm": "blake2b", "digest": "ef" * 64} for item in LIST]
PROVENANCE = {**digests(FILES), "predicateType": "https://slsa.dev/provenance/v1", "predicate": {"buildDefinition": {}}}


def signature(build: Callable[[], Any], verdict: Verdict = Verdict.CLEAN, name: str = "model.sig") -> Case:
    """Return the case of a signature that stands alone."""
    return Case(lambda: encoded(build()), name, verdict)


def archive(
    files: Mapping[str, bytes], signed: Callable[[], Any], verdict: Verdict, options: Options = Options()
) -> Case:
    """Return the case of a zip that holds files and the signature of a model, compressed."""

    def build() -> bytes:
        members = {**files, "model.sig": encoded(signed())}
        return made(*((f"acme/{name}", data) for name, data in members.items()), method=zipfile.ZIP_DEFLATED)

    return Case(build, "model.zip", verdict, options)


def without(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a bundle whose envelope is another."""
    return {**document, "dsseEnvelope": {**document["dsseEnvelope"], **changes}}


CASES = {
    "benign_key": signature(lambda: bundle(STATEMENT, hinted())),
    "benign_key_along": signature(lambda: bundle(STATEMENT, with_key())),
    "benign_certificate": signature(lambda: bundle(STATEMENT, chain(certificate(), root()))),
    "benign_keyless": signature(lambda: bundle(STATEMENT, keyless(STATEMENT))),
    "benign_release_0_2": signature(lambda: bundle(digests(FILES), chain(certificate(), root()), old=True)),
    "benign_file": signature(
        lambda: of_file(b"weights", {"publicKey": {"hint": "release key"}}, CURVE), name="w.gguf.sigstore.json"
    ),
    "benign_provenance": signature(lambda: bundle(PROVENANCE, keyless(PROVENANCE)), name="build.sigstore.json"),
    "benign_other_json": Case(
        lambda: b'{"dsseEnvelope": "what a bundle holds", "docs": "application/vnd.dev.sigstore.bundle"}',
        "notes.json",
        Verdict.CLEAN,
    ),
    "benign_lines": Case(
        lambda: (json.dumps(bundle(PROVENANCE, hinted())) + "\n").encode() * 2,
        "attestations.jsonl",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "benign_model": archive(FILES, lambda: bundle(STATEMENT, keyless(STATEMENT)), Verdict.CLEAN),
    "benign_model_with_documents": archive(
        {**FILES, "CHANGELOG.md": b"# 1.0\n", "figure.png": b"\x89PNG\r\n\x1a\n" + bytes(64)},
        lambda: bundle(STATEMENT, hinted()),
        Verdict.CLEAN,
    ),
    "benign_part_of_a_model": archive(
        {"config.json": FILES["config.json"]}, lambda: bundle(STATEMENT, hinted()), Verdict.CLEAN
    ),
    "benign_left_out": archive(
        {**FILES, "local.json": b"{}"},
        lambda: bundle(statement(LIST, [*IGNORED, "local.json"]), hinted()),
        Verdict.CLEAN,
    ),
    "model_changed": archive(
        {**FILES, "config.json": b'{"model_type": "odd"}'}, lambda: bundle(STATEMENT, hinted()), Verdict.MALICIOUS
    ),
    "document_changed": archive(
        {**FILES, "README.md": b"# Other\n"}, lambda: bundle(STATEMENT, hinted()), Verdict.REVIEW
    ),
    "file_more": archive(
        {**FILES, "modeling_acme.py": b"class Net: ...\n"}, lambda: bundle(STATEMENT, hinted()), Verdict.REVIEW
    ),
    "benign_required_signer": archive(FILES, lambda: bundle(STATEMENT, hinted()), Verdict.CLEAN, BY_KEY),
    "signed_by_another": archive(FILES, lambda: bundle(STATEMENT, hinted()), Verdict.MALICIOUS, BY_OTHER),
    "required_signature_is_not_there": Case(lambda: b"{}", "config.json", Verdict.MALICIOUS, BY_KEY),
    "digests_of_another_kind": archive(FILES, lambda: bundle(statement(BLAKE), hinted()), Verdict.NOT_SCANNED),
    "list_changed": signature(lambda: bundle(STATEMENT, chain(certificate(), root()), also=FORGED), Verdict.MALICIOUS),
    "list_changed_under_a_key": signature(lambda: bundle(STATEMENT, hinted(), also=UNFIXED), Verdict.MALICIOUS),
    "list_changed_with_its_digest": signature(lambda: bundle(STATEMENT, with_key(), also=FORGED), Verdict.MALICIOUS),
    "of_another_key": signature(lambda: bundle(STATEMENT, chain(certificate(OTHER), root())), Verdict.MALICIOUS),
    "without_signature": signature(lambda: without(bundle(STATEMENT, hinted()), signatures=[]), Verdict.MALICIOUS),
    "file_of_another_key": signature(
        lambda: of_file(
            b"weights", keyless(None, ec.derive_private_key(0xBEE, ec.SECP256R1()), data=b"weights"), CURVE
        ),
        Verdict.MALICIOUS,
        "w.gguf.sigstore.json",
    ),
    "list_that_contradicts_itself": signature(lambda: bundle(UNFIXED, with_key()), Verdict.REVIEW),
    "name_twice": signature(
        lambda: bundle(statement([*LIST, {**LIST[1], "digest": "ab" * 32}]), with_key()), Verdict.REVIEW
    ),
    "key_twice": Case(
        lambda: encoded(bundle(STATEMENT, hinted())).replace(b'"dsseEnvelope"', b'"dsseEnvelope": {}, "dsseEnvelope"'),
        "model.sig",
        Verdict.REVIEW,
    ),
    "two_signatures": signature(
        lambda: without(bundle(STATEMENT, hinted()), signatures=[{"sig": "AAAA"}, {"sig": "BBBB"}]), Verdict.REVIEW
    ),
    "certificate_for_servers": signature(
        lambda: bundle(STATEMENT, chain(certificate(usable=False), root())), Verdict.REVIEW
    ),
    "certificate_of_nobody": signature(
        lambda: bundle(STATEMENT, chain(certificate(authority=OTHER), root())), Verdict.REVIEW
    ),
    "logged_too_late": signature(lambda: bundle(STATEMENT, keyless(STATEMENT, time=SIGNED + 86_400)), Verdict.REVIEW),
    "logged_for_another": signature(lambda: bundle(STATEMENT, keyless(FORGED)), Verdict.REVIEW),
    "path_outside": signature(
        lambda: bundle(statement([*LIST, {**LIST[1], "name": "../../etc/passwd"}]), hinted()), Verdict.REVIEW
    ),
    "covers_nothing": signature(lambda: bundle(statement([], ["."]), hinted()), Verdict.REVIEW),
    "later_kind": signature(
        lambda: bundle({**STATEMENT, "predicateType": "https://model_signing/signature/v9"}, hinted()),
        Verdict.NOT_SCANNED,
    ),
    "later_method": signature(lambda: bundle(statement(LIST, method="tensors"), hinted()), Verdict.NOT_SCANNED),
    "envelope_of_something_else": signature(
        lambda: bundle(STATEMENT, with_key(), kind="application/json"), Verdict.REVIEW
    ),
    "no_statement": signature(lambda: bundle({**STATEMENT, "_type": "odd"}, with_key()), Verdict.REVIEW),
    "two_documents": Case(
        lambda: encoded(bundle(STATEMENT, hinted())) + b"\n{}", "model.sig", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "kind_of_key": signature(
        lambda: bundle(
            STATEMENT,
            with_key(ed448.Ed448PrivateKey.from_private_bytes(bytes(57))),
            ed448.Ed448PrivateKey.from_private_bytes(bytes(57)),
        ),
        Verdict.NOT_SCANNED,
    ),
    "broken_certificate": signature(lambda: bundle(STATEMENT, chain(b"\x30\x03\x02\x01")), Verdict.NOT_SCANNED),
    "broken_base64": signature(lambda: without(bundle(STATEMENT, hinted()), payload="%%%"), Verdict.NOT_SCANNED),
    "broken_statement": signature(lambda: without(bundle(STATEMENT, hinted()), payload="ewo="), Verdict.NOT_SCANNED),
    "broken_digest": signature(
        lambda: bundle({**STATEMENT, "predicate": {"resources": [{"name": "a", "digest": "xyz"}]}}, hinted()),
        Verdict.NOT_SCANNED,
    ),
    "part_without_place": signature(
        lambda: bundle(statement(LIST, method="shards", shard_size=8), hinted()), Verdict.NOT_SCANNED
    ),
}
