"""Credentials of many services: how to find candidates, and their exact forms.

A table of forms, with checks from credential_checks. Private keys, passwords in URLs and secrets that only a name
identifies have parsers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from modelsweep.core.text import printable
from scanners.parsing.counted_strings import beginning_at, set_apart
from scanners.parsing.credential_checks import (
    aws_secrets_beside,
    digest,
    has_crc,
    in_letters,
    is_access_key,
    is_google_key,
    is_kaggle_key,
    is_macaroon,
    is_named_aws_secret,
    is_netrc_password,
    is_reference,
    is_registry_login,
    is_shared_signature,
    is_storage_key,
    is_web_token,
    mixes,
)
from scanners.parsing.credential_forms import CredentialForm, named, shaped, token
from scanners.parsing.credential_services import SERVICES
from scanners.parsing.database_urls import login_at
from scanners.parsing.named_secrets import NAMED_PASSWORD, NAMED_RUNS, NamedSecret, counted_secret_at, named_secret_at
from scanners.parsing.private_key import private_key_at, putty_key_at

KEY_ENDS = (b"PRIVATE KEY-----", b"PRIVATE KEY BLOCK-----", b"PuTTY-User-Key-File-")
BACK = 512
"""Bytes before a nominated place that are examined."""
REACH = 16 * 1024
"""Bytes after a nominated place that are examined."""
_NEARBY = 128
"""Bytes around a named secret in which a form that contains it may begin or end."""


class Credential(NamedTuple):
    """A credential in `start:stop` of the examined bytes.

    `sure` tells whether it is verified or unmistakable, `hidden` are the strings that must not appear in results,
    `mark` distinguishes credentials of the same title without revealing them, and `named` tells whether only a name
    identifies it.
    """

    title: str
    start: int
    stop: int
    sure: bool
    hidden: tuple[str, ...]
    mark: str
    named: bool = False


def credentials_at(data: bytes, at: int) -> Iterator[Credential]:
    """Yield the credentials whose literal start is at `at` in `data`."""
    counted = counted_secret_at(data, at)
    if counted:
        yield from _named(next(set_apart(data, counted.stop - 1)), counted)
        return
    for apart in set_apart(data, at):
        named = named_secret_at(apart, at)
        found = [*_with_form(apart, at), *_with_parser(apart, at), *(_named(apart, named) if named else ())]
        if found or named:
            yield from found
            return
    if alone := beginning_at(data, at):
        yield from _with_form(alone, at)


def _with_form(data: bytes, at: int) -> Iterator[Credential]:
    """Yield credentials with one of the forms in `FORMS`."""
    for form in FORMS:
        if not data.startswith(form.lead, at):
            continue
        match = _around(form, data, at)
        sure = None if match is None else form.check(data, match)
        if match is not None and sure is not None:
            secrets = (match["s"], *(aws_secrets_beside(data, match) if form.check is is_access_key else ()))
            hidden = tuple(secret.decode("latin-1") for secret in secrets)
            yield Credential(form.title, match.start(), match.end(), sure, hidden, digest(match["s"]))


def _with_parser(data: bytes, at: int) -> Iterator[Credential]:
    """Yield a private key, or the password of a URL."""
    if data.startswith(KEY_ENDS, at):
        yield from _private_key(data, at)
    login = login_at(data, at) if data.startswith(b"://", at) else None
    if login:
        # No digest of a password, since it could be guessed from that; the host distinguishes them
        hidden, where = (login.password.decode("utf-8", "replace"),), printable(login.host, 60)
        yield Credential(login.title, login.start, login.stop, login.sure, hidden, where)


@cache
def _compiled(form: bytes) -> re.Pattern[bytes]:
    # Not at import: compiling a hundred regular expressions takes longer than scanning a small file
    return re.compile(form)


def _around(form: CredentialForm, data: bytes, at: int) -> re.Match[bytes] | None:
    """Return the match that begins at `at`, or up to `back` before it and extends beyond it."""
    if not form.back:
        return _compiled(form.pattern).match(data, at)
    begin = max(0, at - form.back)
    return next((match for match in _compiled(form.pattern).finditer(data, begin, at + 4096) if match.end() > at), None)


def _named(data: bytes, found: NamedSecret) -> Iterator[Credential]:
    """Yield the secret that only its name identifies, unless it has one of the forms."""
    first = max(0, found.start - _NEARBY)
    around = data[first : found.stop + _NEARBY]
    likely = (form for form in FORMS if form.lead in around)
    matches = ((form, match) for form in likely for match in _compiled(form.pattern).finditer(around))
    overlapping = (
        (form, match)
        for form, match in matches
        if match.start() < found.stop - first and match.end() > found.start - first
    )
    if all(form.check(around, match) is None for form, match in overlapping):
        secret = found.secret.decode("latin-1")
        yield Credential(found.name, found.start, found.stop, found.sure, (secret,), digest(found.secret), named=True)


def _private_key(data: bytes, at: int) -> Iterator[Credential]:
    putty = data.startswith(b"PuTTY", at)
    start = at if putty else data.rfind(b"-----BEGIN ", max(0, at - 40), at)
    key = None
    if start >= 0:
        key = putty_key_at(data, start) if putty else private_key_at(data, start)
    if key is None or not key.lines:
        return
    service = b"service_account" in data[max(0, start - BACK) : start]
    title = "key of a Google service account" if service else f"private key ({key.kind})"
    mark = digest("".join(key.lines).encode())
    yield Credential(title, start, start + key.length, key.whole and not key.encrypted, key.lines, mark)


_HEX = rb"[0-9a-f]"
_BASE64 = rb"[A-Za-z0-9/+]"
_SLACK = rb"xox[abeprs]-[0-9]{9}[0-9A-Za-z-]{12}"
_ANTHROPIC = rb"sk-ant-(?P<s>[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{80,110})"
_WEB_TOKEN = (
    rb"(?<![A-Za-z0-9_.-])(?P<s>(?P<header>eyJ[A-Za-z0-9_-]{15,400})\.(?P<claims>eyJ[A-Za-z0-9_-]{15,2000})"
    rb"\.(?P<sign>[A-Za-z0-9_-]{20,700}))(?![A-Za-z0-9_-])"
)
FORMS = (
    token("AWS access key", "AKIA", "i", "16", is_access_key),
    token("AWS temporary access key", "ASIA", "i", "16", is_access_key),
    named("AWS secret access key", "aws_secret_access_key", _BASE64, 40, is_named_aws_secret),
    named("AWS secret access key", "AWS_SECRET_ACCESS_KEY", _BASE64, 40, is_named_aws_secret),
    shaped("GitHub token", "gh", rb"gh[pousr]_[A-Za-z0-9]{20}", rb"gh[pousr]_(?P<s>[A-Za-z0-9]{36})", has_crc),
    shaped(
        "GitHub fine-grained token",
        "github_pat_",
        rb"github_pat_[A-Za-z0-9]{22}_",
        rb"github_pat_(?P<s>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})",
    ),
    shaped(
        "GitLab token",
        "glpat-",
        rb"glpat-[A-Za-z0-9_-]{20}",
        rb"glpat-(?P<s>[A-Za-z0-9_-]{20}|[A-Za-z0-9_-]{27,300}\.(?:[0-9a-z]{2}\.)?[0-9a-z]{9})",
    ),
    token("Hugging Face token", "hf_", "l", "34", in_letters),
    token("Hugging Face token of an organisation", "api_org_", "l", "34", in_letters),
    shaped(
        "OpenAI key",
        "T3BlbkFJ",
        rb"T3BlbkFJ[A-Za-z0-9_-]{20}",
        rb"sk-(?P<s>(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80})",
        back=100,
    ),
    shaped("Anthropic key", "sk-ant-", rb"sk-ant-[A-Za-z0-9_-]{20}", _ANTHROPIC),
    token("OpenRouter key", "sk-or-v1-", "h", "64"),
    shaped("Groq key", "gsk_", rb"gsk_[A-Za-z0-9]{20}", rb"gsk_(?P<s>[A-Za-z0-9]{20}WGdyb3FY[A-Za-z0-9]{24})"),
    token("Replicate token", "r8_", "a", "37"),
    token("NVIDIA key", "nvapi-", "w", "64"),
    token("xAI key", "xai-", "a", "80"),
    token("Perplexity key", "pplx-", "a", "48"),
    token("Pinecone key", "pcsk_", "w", "60,80"),
    shaped(
        "LangSmith key", "lsv2_", rb"lsv2_[ps][kt]_[0-9a-f]{20}", rb"lsv2_[ps][kt]_(?P<s>[0-9a-f]{32}_[0-9a-f]{10})"
    ),
    named("Weights & Biases key", "WANDB_API_KEY", _HEX, 40),
    shaped(
        "Weights & Biases key",
        "wandb.login(",
        rb"wandb\.login\((?:key=)?[\x22'][0-9a-f]{20}",
        rb"wandb\.login\((?:key=)?[\x22'](?P<s>[0-9a-f]{40})",
    ),
    token("Weights & Biases key", "wandb_v1_", "w", "77"),
    named("Kaggle key", "KAGGLE_KEY", _HEX, 32),
    token("Kaggle token", "KGAT_", "h", "32"),
    token("Neptune token", "eyJhcGlfYWRkcmVzcyI6", "a", "80,400"),
    shaped("Databricks token", "dapi", rb"dapi[0-9a-f]{20}", rb"dapi(?P<s>[0-9a-f]{32}(?:-[0-9])?)"),
    token("Databricks secret", "dose", "h", "32"),
    token("Artifactory key", "AKCp", "a", "69"),
    token("Artifactory reference token", "cmVmdGtu", "a", "56", is_reference, whole=True),
    shaped(
        "PyPI token", "pypi-AgE", rb"pypi-AgE[A-Za-z0-9_-]{20}", rb"pypi-(?P<s>AgE[A-Za-z0-9_-]{80,400})", is_macaroon
    ),
    token("npm token", "npm_", "a", "36", has_crc),
    shaped("Slack token", "xox", _SLACK, rb"(?P<s>xox[abeprs]-(?:[0-9]{9,14}-){1,3}[A-Za-z0-9]{20,64})"),
    shaped(
        "Slack token",
        "xoxe.xox",
        rb"xoxe\.xox[bp]-[A-Za-z0-9-]{20}",
        rb"xoxe\.xox[bp]-(?P<s>[0-9]-[A-Za-z0-9]{140,200})",
    ),
    shaped("Slack token", "xoxe-", rb"xoxe-[0-9]-[A-Za-z0-9]{20}", rb"xoxe-(?P<s>[0-9]-[A-Za-z0-9]{140,200})"),
    shaped(
        "Slack webhook",
        "hooks.slack.com/services/T",
        rb"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20}",
        rb"hooks\.slack\.com/services/(?P<s>T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,28})",
    ),
    shaped(
        "Discord webhook",
        "/webhooks/",
        rb"/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{20}",
        rb"discord(?:app)?\.com/api/webhooks/(?P<s>[0-9]{17,20}/[A-Za-z0-9_-]{60,72})",
        back=24,
    ),
    shaped(
        "Telegram bot token",
        ":AA",
        rb":AA[A-Za-z0-9_-]{20}",
        rb"(?:bot)?(?P<s>[0-9]{8,10}:AA[A-Za-z0-9_-]{32,33})",
        back=16,
    ),
    token("Stripe live key", "sk_live_", "a", "24,110"),
    token("Stripe live key", "rk_live_", "a", "24,110"),
    token("Google API key", "AIza", "w", "35", is_google_key),
    token("Google OAuth client secret", "GOCSPX-", "w", "28"),
    shaped("SendGrid key", "SG.", rb"SG\.[A-Za-z0-9_-]{22}", rb"SG\.(?P<s>[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"),
    token("DigitalOcean token", "dop_v1_", "h", "64"),
    token("Docker Hub token", "dckr_pat_", "w", "27"),
    token("Docker Hub token", "dckr_oat_", "w", "32"),
    token("HashiCorp Vault token", "hvs.", "w", "90,120"),
    token("HashiCorp Vault token", "hvs.", "a", "24", mixes),
    token("HashiCorp Vault token", "hvb.", "w", "138,300"),
    shaped("Grafana token", "glsa_", rb"glsa_[A-Za-z0-9]{20}", rb"glsa_(?P<s>[A-Za-z0-9]{32}_[0-9a-f]{8})"),
    named("Cohere key", "COHERE_API_KEY", rb"[A-Za-z0-9]", 40),
    named("Cohere key", "CO_API_KEY", rb"[A-Za-z0-9]", 40),
    named("Twilio token", "TWILIO_AUTH_TOKEN", _HEX, 32),
    named("Azure OpenAI key", "AZURE_OPENAI_API_KEY", rb"[A-Za-z0-9]", 32),
    named("Mistral key", "MISTRAL_API_KEY", rb"[A-Za-z0-9]", 32),
    CredentialForm(
        "Kaggle key",
        b'"key',
        rb'"key\\?":[ \t]{0,4}\\?"[0-9a-f]{20}',
        rb'"key\\?":[ \t]{0,4}\\?"(?P<s>[0-9a-f]{32})\\?"',
        is_kaggle_key,
    ),
    CredentialForm(
        "login of a container registry",
        b'"auth',
        rb'"auth\\?":[ \t]{0,4}\\?"[A-Za-z0-9+/]{20}',
        rb'"auth\\?":[ \t]{0,4}\\?"(?P<s>[A-Za-z0-9+/]{20,2000}={0,2})\\?"',
        is_registry_login,
    ),
    CredentialForm(
        "password of a .netrc file",
        b"password",
        rb"password[ \t]{1,8}[A-Za-z0-9_-]{20}",
        rb"password[ \t]{1,8}(?P<s>[A-Za-z0-9_.+/=-]{20,200})(?![^\s\\'\x22])",
        is_netrc_password,
    ),
    CredentialForm(
        "Azure storage key",
        b"AccountKey=",
        rb"AccountKey=[A-Za-z0-9/+]{20}",
        rb"AccountKey=(?P<s>[A-Za-z0-9/+]{86}==)",
        is_storage_key,
    ),
    CredentialForm(
        "Azure shared access signature",
        b"sig=",
        rb"sig=[A-Za-z0-9%]{43}",
        rb"sig=(?P<s>[A-Za-z0-9%]{42,64}%3[dD])(?![A-Za-z0-9%])",
        is_shared_signature,
    ),
    CredentialForm("JSON web token", b".eyJ", rb"\.eyJ[A-Za-z0-9_-]{17}", _WEB_TOKEN, is_web_token, back=BACK),
    *SERVICES,
)
_PLACES = (b"AccountKey=", b"sig=", b"8Q~")
RUNS = (*(form.nominates for form in FORMS if form.lead not in _PLACES), *NAMED_RUNS)
"""Patterns within runs of token characters, for `Detector.runs`."""
PATTERNS = (
    rb"PRIVATE KEY-----[ \t\r\n\x22',+\\nru05acdAD]{1,24}[A-Za-z0-9+/]{20}",
    rb"PRIVATE KEY BLOCK-----[ \t\r\n\x22',+\\nr]{1,24}[A-Za-z0-9+/]",
    rb"PuTTY-User-Key-File-[23]: ",
    *(form.nominates for form in FORMS if form.lead in _PLACES),
    NAMED_PASSWORD,
    rb"://[A-Za-z0-9._%+-]{0,64}:[^\s:@/<>{}\[\]$\x22'`\\*]{3,100}@[A-Za-z0-9]",
)
