"""Credentials of many makes: where one may stand, and its exact form.

A table: the checks of credential_checks decide. Private keys and passwords in URLs have parsers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from modelsweep.core.text import printable
from scanners.detector import RUN
from scanners.parsing.credential_checks import (
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
    maybe,
    varies,
)
from scanners.parsing.database_urls import login_at
from scanners.parsing.private_key import private_key_at

KEY_END = b"PRIVATE KEY-----"
BACK = 512
"""Bytes before a nominated place that are looked at."""
REACH = 16 * 1024
"""Bytes after it."""


Check = Callable[[bytes, re.Match[bytes]], bool | None]


class Credential(NamedTuple):
    """What stands in `start:stop` of the bytes looked at.

    `sure` says that it is verified, or that nothing else looks so; `hidden` are the texts that must go nowhere, and
    `mark` tells two of one title apart without saying what they are.
    """

    title: str
    start: int
    stop: int
    sure: bool
    hidden: tuple[str, ...]
    mark: str


class Make(NamedTuple):
    """One form of credential: `nominates` begins with the literal `lead`, `form` is all of it with the group `s`.

    `back` is how many bytes before `lead` it may begin. `check(data, match)` says whether it is sure, None where it is
    none at all.
    """

    title: str
    lead: bytes
    nominates: bytes
    form: bytes
    check: Check
    back: int = 0


def credentials_at(data: bytes, at: int) -> Iterator[Credential]:
    """Yield the credentials whose lead stands at `at` of `data`."""
    for make in MAKES:
        if not data.startswith(make.lead, at):
            continue
        match = _around(make, data, at)
        sure = None if match is None else make.check(data, match)
        if match is not None and sure is not None:
            secret = match["s"].decode("latin-1")
            yield Credential(make.title, match.start(), match.end(), sure, (secret,), digest(match["s"]))
    if data.startswith(KEY_END, at):
        yield from _private_key(data, at)
    login = login_at(data, at) if data.startswith(b"://", at) else None
    if login:
        # No digest of a password: it could be guessed by it. Its host tells it apart
        hidden, where = (login.password.decode("utf-8", "replace"),), printable(login.host, 60)
        yield Credential(login.title, login.start, login.stop, login.sure, hidden, where)


@cache
def _compiled(form: bytes) -> re.Pattern[bytes]:
    # Not all at import: a hundred regular expressions take longer than a small file
    return re.compile(form)


def _around(make: Make, data: bytes, at: int) -> re.Match[bytes] | None:
    """Return the form that begins at `at`, or up to `back` before it and reaches beyond it."""
    if not make.back:
        return _compiled(make.form).match(data, at)
    begin = max(0, at - make.back)
    return next((match for match in _compiled(make.form).finditer(data, begin, at + 4096) if match.end() > at), None)


def _private_key(data: bytes, at: int) -> Iterator[Credential]:
    start = data.rfind(b"-----BEGIN ", max(0, at - 40), at)
    key = private_key_at(data, start) if start >= 0 else None
    if key is None or not key.lines:
        return
    service = b"service_account" in data[max(0, start - BACK) : start]
    title = "key of a Google service account" if service else f"private key ({key.kind})"
    mark = digest("".join(key.lines).encode())
    yield Credential(title, start, start + key.length, not key.encrypted, key.lines, mark)


_CONTENTS = {"i": rb"[A-Z2-7]", "w": rb"[A-Za-z0-9_-]", "a": rb"[A-Za-z0-9]", "h": rb"[0-9a-f]", "l": rb"[A-Za-z]"}


def _token(title: str, prefix: str, kind: str, length: str, check: Check = varies, *, whole: bool = False) -> Make:
    """Return the make of `prefix` and `length` characters of one kind, with nothing of the sort before or after.

    What is checked is without the prefix, unless `whole`.
    """
    lead, content = prefix.encode(), _CONTENTS[kind]
    least = min(int(length.partition(",")[0]), RUN)
    form = b"%b{%b})" % (content, length.encode())
    form = b"(?P<s>" + re.escape(lead) + form if whole else re.escape(lead) + b"(?P<s>" + form
    return _at(title, prefix, b"%b%b{%d}" % (re.escape(lead), content, least), form, check)


def _named(title: str, name: str, kind: bytes, length: int, check: Check = varies) -> Make:
    """Return the make of a value of `length` characters that only the name before it tells."""
    before = name.encode() + rb"[ \t\x22'=:,\\>(\]]{1,12}"
    least, most = (length, length) if length > 20 else (length, 100)
    form = b"%b(?P<s>%b{%d,%d})" % (before, kind, least, most)
    nominates = name.encode() if len(name) >= RUN else b"%b%b{%d}" % (before, kind, RUN)
    return _at(title, name, nominates, form, check)


def _at(title: str, lead: str, nominates: bytes, form: bytes, check: Check = varies, back: int = 0) -> Make:
    """Return the make of a form that is more than a prefix and its rest."""
    edged = rb"(?<![A-Za-z0-9_+-])" + form + rb"(?![A-Za-z0-9_+-])"
    return Make(title, lead.encode(), nominates, edged, check, back)


_HEX = rb"[0-9a-f]"
_BASE64 = rb"[A-Za-z0-9/+]"
_BASE64URL = rb"[A-Za-z0-9_-]"
_SLACK = rb"xox[abeprs]-[0-9]{9}[0-9A-Za-z-]{12}"
_ANTHROPIC = rb"sk-ant-(?P<s>[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{80,110})"
_WEB_TOKEN = (
    rb"(?<![A-Za-z0-9_.-])(?P<s>(?P<header>eyJ[A-Za-z0-9_-]{15,400})\.(?P<claims>eyJ[A-Za-z0-9_-]{15,2000})"
    rb"\.(?P<sign>[A-Za-z0-9_-]{20,700}))(?![A-Za-z0-9_-])"
)
MAKES = (
    _token("AWS access key", "AKIA", "i", "16", is_access_key),
    _token("AWS temporary access key", "ASIA", "i", "16", is_access_key),
    _named("AWS secret access key", "aws_secret_access_key", _BASE64, 40, is_named_aws_secret),
    _named("AWS secret access key", "AWS_SECRET_ACCESS_KEY", _BASE64, 40, is_named_aws_secret),
    _at("GitHub token", "gh", rb"gh[pousr]_[A-Za-z0-9]{20}", rb"gh[pousr]_(?P<s>[A-Za-z0-9]{36})", has_crc),
    _at(
        "GitHub fine-grained token",
        "github_pat_",
        rb"github_pat_[A-Za-z0-9]{22}_",
        rb"github_pat_(?P<s>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})",
    ),
    _at(
        "GitLab token",
        "glpat-",
        rb"glpat-[A-Za-z0-9_-]{20}",
        rb"glpat-(?P<s>[A-Za-z0-9_-]{20}|[A-Za-z0-9_-]{27,300}\.[0-9a-z]{9})",
    ),
    _token("Hugging Face token", "hf_", "l", "34", in_letters),
    _token("Hugging Face token of an organisation", "api_org_", "l", "34", in_letters),
    _at(
        "OpenAI key",
        "T3BlbkFJ",
        rb"T3BlbkFJ[A-Za-z0-9_-]{20}",
        rb"sk-(?P<s>(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80})",
        back=100,
    ),
    _at("Anthropic key", "sk-ant-", rb"sk-ant-[A-Za-z0-9_-]{20}", _ANTHROPIC),
    _token("OpenRouter key", "sk-or-v1-", "h", "64"),
    _at("Groq key", "gsk_", rb"gsk_[A-Za-z0-9]{20}", rb"gsk_(?P<s>[A-Za-z0-9]{20}WGdyb3FY[A-Za-z0-9]{24})"),
    _token("Replicate token", "r8_", "a", "37"),
    _token("NVIDIA key", "nvapi-", "w", "64"),
    _token("xAI key", "xai-", "a", "80"),
    _token("Perplexity key", "pplx-", "a", "48"),
    _token("Pinecone key", "pcsk_", "w", "60,80"),
    _at("LangSmith key", "lsv2_", rb"lsv2_[ps][kt]_[0-9a-f]{20}", rb"lsv2_[ps][kt]_(?P<s>[0-9a-f]{32}_[0-9a-f]{10})"),
    _named("Weights & Biases key", "WANDB_API_KEY", _HEX, 40),
    _at(
        "Weights & Biases key",
        "wandb.login(",
        rb"wandb\.login\((?:key=)?[\x22'][0-9a-f]{20}",
        rb"wandb\.login\((?:key=)?[\x22'](?P<s>[0-9a-f]{40})",
    ),
    _named("MLflow token", "MLFLOW_TRACKING_TOKEN", _BASE64URL, 20, maybe),
    _named("MLflow password", "MLFLOW_TRACKING_PASSWORD", _BASE64URL, 20, maybe),
    _named("Kaggle key", "KAGGLE_KEY", _HEX, 32),
    _token("Databricks token", "dapi", "h", "32"),
    _token("Artifactory key", "AKCp", "a", "69"),
    _token("Artifactory reference token", "cmVmdGtu", "a", "56", is_reference, whole=True),
    _at("PyPI token", "pypi-AgE", rb"pypi-AgE[A-Za-z0-9_-]{20}", rb"pypi-(?P<s>AgE[A-Za-z0-9_-]{80,400})", is_macaroon),
    _token("npm token", "npm_", "a", "36", has_crc),
    _at("Slack token", "xox", _SLACK, rb"(?P<s>xox[abeprs]-(?:[0-9]{9,14}-){1,3}[A-Za-z0-9]{20,64})"),
    _at(
        "Slack webhook",
        "hooks.slack.com/services/T",
        rb"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20}",
        rb"hooks\.slack\.com/services/(?P<s>T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,28})",
    ),
    _at(
        "Discord webhook",
        "/webhooks/",
        rb"/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{20}",
        rb"discord(?:app)?\.com/api/webhooks/(?P<s>[0-9]{17,20}/[A-Za-z0-9_-]{60,72})",
        back=24,
    ),
    _at(
        "Telegram bot token",
        ":AA",
        rb":AA[A-Za-z0-9_-]{20}",
        rb"(?:bot)?(?P<s>[0-9]{8,10}:AA[A-Za-z0-9_-]{32,33})",
        back=16,
    ),
    _token("Stripe live key", "sk_live_", "a", "24,110"),
    _token("Stripe live key", "rk_live_", "a", "24,110"),
    _token("Google API key", "AIza", "w", "35", is_google_key),
    _token("Google OAuth client secret", "GOCSPX-", "w", "28"),
    _at("SendGrid key", "SG.", rb"SG\.[A-Za-z0-9_-]{22}", rb"SG\.(?P<s>[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"),
    _token("DigitalOcean token", "dop_v1_", "h", "64"),
    _token("Docker Hub token", "dckr_pat_", "w", "27"),
    _token("HashiCorp Vault token", "hvs.", "w", "90,120"),
    _at("Grafana token", "glsa_", rb"glsa_[A-Za-z0-9]{20}", rb"glsa_(?P<s>[A-Za-z0-9]{32}_[0-9a-f]{8})"),
    _named("Cohere key", "COHERE_API_KEY", rb"[A-Za-z0-9]", 40),
    _named("Cohere key", "CO_API_KEY", rb"[A-Za-z0-9]", 40),
    _named("Twilio token", "TWILIO_AUTH_TOKEN", _HEX, 32),
    _named("Azure OpenAI key", "AZURE_OPENAI_API_KEY", rb"[A-Za-z0-9]", 32),
    _named("Mistral key", "MISTRAL_API_KEY", rb"[A-Za-z0-9]", 32),
    Make(
        "Kaggle key",
        b'"key',
        rb'"key\\?":[ \t]{0,4}\\?"[0-9a-f]{20}',
        rb'"key\\?":[ \t]{0,4}\\?"(?P<s>[0-9a-f]{32})\\?"',
        is_kaggle_key,
    ),
    Make(
        "login of a container registry",
        b'"auth',
        rb'"auth\\?":[ \t]{0,4}\\?"[A-Za-z0-9+/]{20}',
        rb'"auth\\?":[ \t]{0,4}\\?"(?P<s>[A-Za-z0-9+/]{20,2000}={0,2})\\?"',
        is_registry_login,
    ),
    Make(
        "password of a .netrc file",
        b"password",
        rb"password[ \t]{1,8}[A-Za-z0-9_-]{20}",
        rb"password[ \t]{1,8}(?P<s>[A-Za-z0-9_.+/=-]{20,200})(?![^\s\\'\x22])",
        is_netrc_password,
    ),
    Make(
        "Azure storage key",
        b"AccountKey=",
        rb"AccountKey=[A-Za-z0-9/+]{20}",
        rb"AccountKey=(?P<s>[A-Za-z0-9/+]{86}==)",
        is_storage_key,
    ),
    Make(
        "Azure shared access signature",
        b"sig=",
        rb"sig=[A-Za-z0-9%]{43}",
        rb"sig=(?P<s>[A-Za-z0-9%]{42,64}%3[dD])(?![A-Za-z0-9%])",
        is_shared_signature,
    ),
    Make("JSON web token", b".eyJ", rb"\.eyJ[A-Za-z0-9_-]{17}", _WEB_TOKEN, is_web_token, back=BACK),
)
RUNS = tuple(make.nominates for make in MAKES if make.lead not in (b"AccountKey=", b"sig="))
"""What stands in runs of characters of tokens, as the matcher wants it (see detector.py)."""
PATTERNS = (
    rb"PRIVATE KEY-----[ \t\r\n\x22',+\\nr]{1,24}[A-Za-z0-9+/]{20}",
    rb"AccountKey=[A-Za-z0-9/+]{20}",
    rb"sig=[A-Za-z0-9%]{43}",
    rb"://[A-Za-z0-9._%+-]{0,64}:[^\s:@/<>{}\[\]$\x22'`\\*]{3,100}@[A-Za-z0-9]",
)
