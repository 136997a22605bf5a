"""Credentials in any bytes: text, configurations, notebooks, metadata of models, members of archives.

Findings name the kind of credential; the credential itself never appears in results: see `Context.secrets`.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item
from scanners.detector import Detector
from scanners.parsing.credentials import BACK, PATTERNS, REACH, RUNS, Credential, credentials_at

_FIX = (
    "Revoke it where it was issued: everybody who has the file has it too. Then remove it from the file, and from the "
    "history of the repository that holds it."
)
_REFERENCES = (
    "https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns",
)
_TESTS = frozenset({"test", "tests", "testing", "testdata", "selftest", "certdata", "fixtures", "examples"})
CREDENTIAL = Rule(
    id="secrets/credential",
    title="Credential in a file",
    severity=Severity.WARNING,
    message="{subject} at offset {offset}",
    why="The form is exact, and everything that can be verified without asking the issuer was verified: the checksum, "
    "the decoded structure, or the secret beside its id. Model files are copied and published with everything in them.",
    fix=_FIX,
    cwe=798,
    references=_REFERENCES,
)
PRIVATE_KEY = Rule(
    id="secrets/private-key",
    title="Private key in a file",
    severity=Severity.WARNING,
    message="{subject} at offset {offset}",
    why="The key decodes, and no passphrase protects it, so anybody who has the file can sign, decrypt or log in with "
    "it.",
    fix=_FIX,
    cwe=321,
    references=("https://www.rfc-editor.org/rfc/rfc7468",),
)
NAMED = Rule(
    id="secrets/named-secret",
    title="Random text named like a secret",
    severity=Severity.WARNING,
    message="{subject} at offset {offset}",
    why="The name says that it is a key, a token or a password, and the text mixes small letters, capitals and digits "
    "as random text does. The keys of many services have no other distinctive form.",
    fix=_FIX,
    confidence="medium",
    cwe=798,
    references=("https://cwe.mitre.org/data/definitions/798.html",),
)
POSSIBLE = Rule(
    id="secrets/possible-credential",
    title="Possible credential",
    severity=Severity.INFO,
    confidence="low",
    message="perhaps {subject} at offset {offset}",
    why="It has the form of a credential, but something that would tell it from an example is missing: the checksum "
    "does not match, the numbers of a key do not fit, the secret that belongs to it is not there, a passphrase "
    "protects it, it expires by itself, or it is a test key or one that pages publish.",
    fix="Check whether it is real and still valid. If so, revoke it and remove it from the file.",
    cwe=798,
    references=_REFERENCES,
)


def confirm(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield the credentials whose literal start (`lead`) is at `offset`."""
    first = max(0, offset - BACK)
    data = blob.reader.read(first, min(offset + REACH, blob.size) - first)
    for credential in credentials_at(data, offset - first):
        span = Span(first + credential.start, credential.stop - credential.start)
        yield from _items(blob, span, credential, context)


def confirm_wide(blob: Blob, start: int, text: bytes, at: int, context: Context) -> Iterator[Item]:
    """Yield the credentials at `at` of `text`, each letter of which has two bytes in the blob, from `start` on."""
    first = max(0, at - BACK)
    for credential in credentials_at(text[first : at + REACH], at - first):
        span = Span(start + 2 * (first + credential.start), 2 * (credential.stop - credential.start))
        yield from _items(blob, span, credential, context)


def _items(blob: Blob, span: Span, credential: Credential, context: Context) -> Iterator[Item]:
    context.secrets.update(credential.hidden)
    title = credential.title
    rule = POSSIBLE
    if credential.sure and title.startswith("private key"):
        rule = POSSIBLE if is_test(blob) else PRIVATE_KEY
    elif credential.sure and credential.named:
        rule = POSSIBLE if is_test(blob) else NAMED
    elif credential.sure:
        rule = CREDENTIAL
    yield Fact("secret", title, blob.locator, span, {"mark": credential.mark, "sure": credential.sure})
    yield Finding(rule, blob.locator, f"{title} ({credential.mark})", span=span, evidence={"offset": span.offset})


def is_test(blob: Blob) -> bool:
    """Return whether the path is one where packages store keys for tests and examples."""
    return not _TESTS.isdisjoint(blob.locator.path.lower().split("/")[-4:-1])


DETECTOR = Detector(
    name="secrets",
    title="a credential",
    version=10,
    patterns=PATTERNS,
    runs=RUNS,
    confirm=confirm,
    rules=(CREDENTIAL, PRIVATE_KEY, NAMED, POSSIBLE),
)
