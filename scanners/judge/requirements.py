"""Origins of the packages that a model asks to install: other indexes, other hosts, and lines that a shell would run.

A `requirement` fact has the kind of the line in `from` (scanners.parsing.requirement_lines), the address in `source`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Confidence, Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options

_PIP = "https://pip.pypa.io/en/stable/reference/requirements-file-format/"
_CONFUSION = "https://attack.mitre.org/techniques/T1195/001/"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    return Rule(f"requirements/{what}", title, severity, message, why, fix, confidence, cwe=829, references=references)


SHELL = _rule(
    "shell-injection",
    "Requirement that a shell would run",
    Severity.CRITICAL,
    "line {line} is not a requirement: {subject}",
    "Programs that put requirements into a command line pass this to a shell, which runs it.",
    "Do not install from the file. Report it to the site you got it from.",
    "https://nvd.nist.gov/vuln/detail/CVE-2025-15379",
)
INDEX = _rule(
    "foreign-index",
    "Packages come from an index that the model chooses",
    Severity.WARNING,
    "line {line} installs packages from {subject}",
    "An index that the model names decides what is installed under every name, including the names of your own "
    "packages. Installing a package runs its code.",
    "Install from your own index, after checking what the model really needs.",
    _PIP,
    _CONFUSION,
)
PACKAGE = _rule(
    "foreign-package",
    "Package from an address",
    Severity.WARNING,
    "line {line} installs a package from {subject}",
    "What the address serves may be different tomorrow, only its owner maintains it, and installing it runs its code.",
    "Review what is there, and install your own copy.",
    _PIP,
    _CONFUSION,
)
HOST = _rule(
    "trusted-host",
    "Packages come from a host whose identity is not checked",
    Severity.WARNING,
    "line {line} trusts {subject} without a certificate",
    "Anybody between you and the host chooses what is installed.",
    "Remove the option, and give the host a valid certificate.",
    _PIP,
)
SOURCE = _rule(
    "package-source",
    "Package from a well-known place",
    Severity.INFO,
    "line {line} installs packages from {subject}",
    "The package does not come from the index that you chose, and is not reviewed there.",
    "Pin a revision or a hash, or install your own copy.",
    _PIP,
)
LOCAL = _rule(
    "local-package",
    "Package from the model's own folder",
    Severity.INFO,
    "line {line} installs {subject}",
    "It is installed under the name that it gives itself, whatever the index has under that name, and installing it "
    "runs its code.",
    "Review the package, or install the one from the index.",
    _PIP,
)
KINDS = frozenset({"requirement"})
RULES = (SHELL, INDEX, PACKAGE, HOST, SOURCE, LOCAL)
_RULES = {"index": INDEX, "links": INDEX, "vcs": PACKAGE, "url": PACKAGE}
# Forges where anybody may publish, as in the public index, and indexes of frameworks with wheels too large for it
KNOWN = re.compile(
    r"(?:git\+|hg\+)?(?:https|ssh)://(?:git@)?(?:[\w-]+\.)*"
    r"(?:(?:github|gitlab|nvidia|intel|amd|openmmlab|githubusercontent|anaconda)\.com|(?:bitbucket|codeberg|pytorch|pyg|"
    r"pypi|pythonhosted|conda|anaconda)\.org|(?:huggingface|hf)\.co|github\.io|flashinfer\.ai|vllm\.ai|"
    r"googleapis\.com/(?:jax|libtpu|tensorflow)[\w-]*)(?:[/:]|$)"
    r"|git@(?:github|gitlab)\.com:"
    r"|https?://(?:[\w-]+\.)*(?:(?:tsinghua|ustc|sjtu|bfsu|nju|zju|hit)\.edu|tencentyun|aliyun|163|huaweicloud|douban|baidu"
    r"|tencent)\.(?:com|cn)(?:[/:]|$)",
    re.IGNORECASE,
)


_STRAY = re.compile(
    r"file:(?://)?(?://+[\w.-]+\.[\w.-]+/|[\w-]+(?:\.[\w-]+)+/|(?:localhost)?(?:/private)?/(?:(?:var/)?tmp|dev/shm)/"
    r"[^#\s]{1,500}\.(?:whl|zip|tgz|tar\.\w{2,4})(?:#|$))",
    re.IGNORECASE,
)
"""Packages on another machine, or in world-writable folders; conda leaves the paths of its build folders behind."""


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield the origins of packages other than the configured index."""
    for fact in facts:
        kind, source = str(fact.detail["from"]), str(fact.detail.get("source", ""))
        evidence: dict[str, Json] = {"line": fact.detail["line"]}
        if kind == "shell":
            yield Finding(SHELL, fact.locator, fact.value, evidence=evidence)
        elif kind == "host":
            yield Finding(HOST, fact.locator, source, evidence=evidence)
        elif kind == "local":
            rule = PACKAGE if source.startswith(("\\\\", "//")) else LOCAL
            yield Finding(rule, fact.locator, source, evidence=evidence)
        elif source.lower().startswith("file:"):
            if _STRAY.match(source):
                yield Finding(PACKAGE, fact.locator, source, evidence=evidence)
        elif kind in _RULES and (kind != "links" or "://" in source):
            rule = SOURCE if KNOWN.match(source) else _RULES[kind]
            yield Finding(rule, fact.locator, source, evidence=evidence)
