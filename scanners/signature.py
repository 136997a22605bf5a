"""Signatures of models: Sigstore bundles as model_signing writes them (`model.sig`), or those of one file.

Format: https://github.com/sigstore/model-transparency and https://docs.sigstore.dev/about/bundle/. Whether a signature
matches the certificate or key beside it is checked here, offline. That proves that the list of files has not changed,
but not who signed it. `scanners/judge/repository` compares the files themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.scanner import (
    SPACE,
    Blob,
    Context,
    Item,
    Malformed,
    MissingDependency,
    Scanner,
    Signs,
    problem_of,
)
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import replace
from scanners.judge.external_files import leaves, outside
from scanners.parsing.json_text import JsonFault, as_utf8, documents, with_repeated
from scanners.parsing.signature_check import Checked, checked, key_hint, logged_digests
from scanners.parsing.signer_check import is_by
from scanners.parsing.sigstore_bundle import (
    MEDIA,
    METHODS,
    SINGLE_FILE,
    STATEMENT_PREFIX,
    Bundle,
    Listed,
    Statement,
    bundle_of,
    kind_of,
    statement_of,
)

NAME = "signature"
SIZE_LIMIT = 32 * MIB
MAX_FILES = 20_000
"""Maximum files of a list that are reported."""
MAX_IGNORED = 1_000
"""Maximum ignored paths of a signature that are reported."""
SUFFIXES = (".sig", ".sigstore")
_KEYS = (MEDIA.encode(), b'"verificationMaterial"', b'"dsseEnvelope"')
"""Keys of which the first bytes of a bundle contain one, in any order of writing."""
_SHOWN = 300
_MAX_OUTSIDE = 20
_SPEC = "https://github.com/sigstore/model-transparency/blob/main/README.md"
_BUNDLE = "https://docs.sigstore.dev/about/bundle/"
_ATTACK = "https://attack.mitre.org/techniques/T1553/"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    return Rule(f"{NAME}/{what}", title, severity, message, why, fix, cwe=347, references=references)


INVALID = _rule(
    "invalid",
    "Signature that does not match the signed content",
    Severity.CRITICAL,
    "the signature is not valid: {subject}",
    "Without the signer's key or account nobody can sign: the list of files was changed after it was signed, or the "
    "signature was made up. Verifying it fails; anybody who does not verify it is deceived.",
    "Do not load the model. Download it again from its publisher, and tell the signer.",
    _SPEC,
    _ATTACK,
)
CONTRADICTION = _rule(
    "contradiction",
    "Signed list of files that contradicts itself",
    Severity.WARNING,
    "the list of files contradicts itself: {subject}",
    "model_signing rejects such a list, so nobody can verify the model. Less careful programs may each read something "
    "different in it.",
    "Have the model signed again with a current release of model_signing.",
    _SPEC,
)
CERTIFICATE = _rule(
    "certificate",
    "Certificate that cannot vouch for the signature",
    Severity.WARNING,
    "{subject} ({path})",
    "Verifiers accept a signature only if its certificate is meant for signing, was valid at the time, and was issued "
    "by one that comes with it or that they know.",
    "Ask the signer to sign with a proper certificate. Until then, treat the model as unsigned.",
    _SPEC,
)
LOG_ENTRY = _rule(
    "log-entry",
    "Signature with somebody else's log entry",
    Severity.WARNING,
    "the transparency log entry belongs to something else ({subject})",
    "The entry should prove when the signature was made, and lets its signer see it. This one was taken from another "
    "signature. Sigstore verifiers reject it.",
    "Do not rely on the signature. Ask the signer for the one that was logged.",
    _BUNDLE,
)
OUTSIDE = _rule(
    "path-outside",
    "Signature that lists a file outside the model",
    Severity.WARNING,
    "the signature lists {subject}: {reason}",
    "Verifiers join the names in the list to the model's folder, so verifying reads that file of the user's. No signer "
    "writes such a name.",
    "Do not rely on the signature. Ask who made it.",
    _SPEC,
)
NOTHING = _rule(
    "covers-nothing",
    "Signature that covers no file",
    Severity.WARNING,
    "the signature lists no file{subject}",
    "It can be valid for any content of the folder, which looks signed but is not.",
    "Treat the model as unsigned.",
    _SPEC,
)
RULES = (INVALID, CONTRADICTION, CERTIFICATE, LOG_ENTRY, OUTSIDE, NOTHING)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is JSON that begins like a Sigstore bundle, or has the suffix of a signature."""
    if blob.head.lstrip(b"\xef\xbb\xbf" + SPACE)[:1] != b"{" or b"\0" in blob.head:
        return False
    return blob.locator.suffix in SUFFIXES or any(key in blob.head for key in _KEYS)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what is signed, by whom, and what is wrong; raises Malformed if cut short, OverLimit above 32 MiB."""
    if blob.size > min(SIZE_LIMIT, context.limits.parsed_bytes // 8):
        raise OverLimit(f"more than {SIZE_LIMIT:,} bytes of a signature")
    bundle = _bundle(blob)
    if bundle is None:
        return
    statement = statement_of(bundle)
    context.operations.spend(len(statement.files) if statement else 1)
    try:
        check = checked(bundle)
    except (Malformed, MissingDependency) as error:
        yield problem_of(error, blob.locator, NAME)
        check = Checked(None, "", None)
    if check.fits is None and check.reason:
        yield Problem(ProblemKind.UNSUPPORTED, blob.locator, NAME, printable(f"not verified: {check.reason}", _SHOWN))
    fact = _fact(blob.locator, bundle, statement, check)
    try:
        yield replace(fact, detail={**fact.detail, **_required(bundle, statement, check, context)})
    except MissingDependency as error:
        yield fact
        yield problem_of(error, blob.locator, NAME)
    yield from _files(blob.locator, bundle, statement)
    yield from _unknown(blob.locator, bundle, statement)
    yield from _faults(blob.locator, bundle, statement, check)


def _unknown(where: Locator, bundle: Bundle, statement: Statement | None) -> Iterator[Problem]:
    """Yield a Problem if a newer release may have signed in a way that cannot be compared with the files."""
    kind = kind_of(bundle) if statement is None and bundle.payload is not None else ""
    if kind.startswith(STATEMENT_PREFIX):
        detail = f"not compared: a statement about a model of a kind that is not known: {printable(kind, _SHOWN)}"
        yield Problem(ProblemKind.UNSUPPORTED, where, NAME, detail)
    if statement is not None and statement.method not in METHODS:
        detail = f"not compared: files taken in a way that is not known: {printable(statement.method, _SHOWN)}"
        yield Problem(ProblemKind.UNSUPPORTED, where, NAME, detail)


def _bundle(blob: Blob) -> Bundle | None:
    content = as_utf8(blob.reader.read(0, blob.size)).decode("utf-8-sig", "replace")
    try:
        document, repeated = with_repeated(content)
    except (ValueError, RecursionError):
        try:
            documents(content, repeated=False)  # several documents are lines of attestations
        except (JsonFault, RecursionError) as fault:
            raise Malformed(f"the signature is not JSON: {fault}") from None
        if blob.locator.suffix in SUFFIXES:
            raise Malformed("data follows the signature, which verifiers reject") from None
        return None
    return bundle_of(document, repeated)


# -- what it says


def _fact(where: Locator, bundle: Bundle, statement: Statement | None, check: Checked) -> Fact:
    """Return the fact with everything about a signature except its files."""
    signer = check.signer
    hint = printable(bundle.hint or key_hint(bundle.key), _SHOWN)
    names = [printable(name, _SHOWN) for name in signer.names] if signer else []
    detail: dict[str, Json] = {"signs": _signs(bundle, statement), "integrity": _integrity(check)}
    if signer:
        detail |= {"issuer": printable(signer.issuer, _SHOWN), "certificate": signer.fingerprint}
        detail |= {"names": list(names[1:])} if names[1:] else {}
        detail |= {"repository": printable(signer.repository, _SHOWN)} if signer.repository else {}
    times = [entry.time for entry in bundle.logged if entry.time]
    if times:
        detail["logged"] = times[0]
    if statement:
        detail |= _manner(statement)
    value = names[0] if names else f"key {hint}" if hint else "key"
    return Fact("signature", value, where, detail=detail)


def _integrity(check: Checked) -> str:
    if check.fits is None:
        return "not checked"
    what = "certificate" if check.signer else "key"
    return f"fits its {what}, which nobody vouched for here" if check.fits else f"does not fit its {what}"


def _required(bundle: Bundle, statement: Statement | None, check: Checked, context: Context) -> dict[str, Json]:
    """Return whether a required signer made the signature; a list that its own verifier would reject does not count."""
    anchors = context.options.require_signers
    if not anchors:
        return {}
    doubtful = statement is not None and (statement.faults or statement.repeated or bundle.repeated)
    return {"may_sign": not doubtful and any(is_by(anchor, bundle, check) for anchor in anchors)}


def _signs(bundle: Bundle, statement: Statement | None) -> str:
    if bundle.payload is None:
        return "file"
    return "model" if statement else printable(kind_of(bundle) or bundle.payload_type, _SHOWN)


def _manner(statement: Statement) -> dict[str, Json]:
    """Return how the files of a list were selected and hashed."""
    ignored: list[Json] = [printable(name, _SHOWN) for name in statement.ignored[:MAX_IGNORED]]
    manner: dict[str, Json] = {
        "model": printable(statement.subject, _SHOWN),
        "statement": statement.kind,
        "method": printable(statement.method, _SHOWN),
        "files": len({plain(item.name) for item in statement.files}),
        "ignored": ignored,
    }
    if statement.shard_size:
        manner["shard_size"] = statement.shard_size
    return manner


def _files(where: Locator, bundle: Bundle, statement: Statement | None) -> Iterator[Item]:
    """Yield the listed files, each by its plain path below the folder, as loaders find it."""
    if bundle.payload is None and bundle.digest:
        detail: dict[str, Json] = {"algorithm": printable(bundle.algorithm, _SHOWN), "digest": bundle.digest}
        yield Fact("signed-file", SINGLE_FILE, where, detail=detail)
    if statement is None or statement.method not in METHODS:
        return
    for item in statement.files[:MAX_FILES]:
        detail = {"algorithm": printable(item.algorithm, _SHOWN), "digest": item.digest[:256]}
        if item.end >= 0:
            detail |= {"start": item.start, "end": item.end}
        yield Fact("signed-file", plain(item.name), where, detail=detail)
    if len(statement.files) > MAX_FILES:
        detail_of_limit = f"more than {MAX_FILES:,} files are listed: the rest is not compared"
        yield Problem(ProblemKind.LIMIT, where, NAME, detail_of_limit)


def plain(name: str) -> str:
    """Return a path as model_signing compares it, without empty parts and dots, and with control characters escaped."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return printable(("/" if name.startswith("/") else "") + "/".join(parts), 4 * _SHOWN) or SINGLE_FILE


# -- what is wrong with it


def _faults(where: Locator, bundle: Bundle, statement: Statement | None, check: Checked) -> Iterator[Finding]:
    if check.fits is False:
        yield Finding(INVALID, where, check.reason)
    elif bundle.payload is not None and not any(bundle.signatures):
        yield Finding(INVALID, where, "there is no signature")
    if check.signer:
        who = printable(check.signer.names[0], _SHOWN)
        yield from (Finding(CERTIFICATE, where, fault, path=who) for fault in check.signer.faults)
    yield from _log_faults(where, bundle)
    if statement is None:
        return
    for fault in statement.faults:
        # A signer may have listed files wrongly, but anybody can assemble what has no valid signature
        yield Finding(CONTRADICTION if check.fits else INVALID, where, fault)
    yield from _contradictions(where, bundle, statement)
    if not statement.files:
        ignored = ", and leaves out " + ", ".join(statement.ignored[:_MAX_OUTSIDE]) if statement.ignored else ""
        yield Finding(NOTHING, where, printable(ignored, _SHOWN))
    yield from _outside(where, statement)


def _log_faults(where: Locator, bundle: Bundle) -> Iterator[Finding]:
    own = bundle.digest if bundle.payload is None else hashlib.sha256(bundle.payload).hexdigest()
    kinds = ("hashedrekord",) if bundle.payload is None else ("dsse", "intoto")
    for entry in bundle.logged:
        if entry.kind in kinds and any(digest != own for digest in logged_digests(entry)):
            yield Finding(LOG_ENTRY, where, printable(entry.kind, _SHOWN))


def _contradictions(where: Locator, bundle: Bundle, statement: Statement) -> Iterator[Finding]:
    if len(bundle.signatures) > 1:
        yield Finding(CONTRADICTION, where, f"it has {len(bundle.signatures)} signatures, of which one is looked at")
    for key in dict.fromkeys((*bundle.repeated, *statement.repeated)):
        yield Finding(CONTRADICTION, where, f"it has the key {printable(key, _SHOWN)} twice")
    known: dict[tuple[str, int, int], Listed] = {}
    for item in statement.files:
        first = known.setdefault((plain(item.name), item.start, item.end), item)
        if first.digest != item.digest:
            yield Finding(CONTRADICTION, where, f"{plain(item.name)} is listed twice, with other digests")


def _outside(where: Locator, statement: Statement) -> Iterator[Finding]:
    told = 0
    for name in dict.fromkeys(item.name for item in statement.files):
        reason = outside(name) if leaves(name) else ""
        if reason and told < _MAX_OUTSIDE:
            told += 1
            yield Finding(OUTSIDE, where, printable(name, _SHOWN), evidence={"reason": reason})


SCANNER = Scanner(
    name=NAME,
    title="Signature of a model or a file (OpenSSF model-signing, Sigstore)",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=RULES,
    suffixes=(".sig", ".sigstore", ".json"),
    needs=("cryptography",),
    judged=True,
    signs=Signs(suffixes=SUFFIXES, holds=_KEYS, plain=True),
)
