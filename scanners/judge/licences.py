"""Obligations of licences: source code for network users, no commercial use, forbidden uses.

They are informational, because only the user of a model can tell whether an obligation matters. Under `--strict` they
fail (see `Gate`). Of alternatives (`MIT OR GPL-3.0-only`), the one with the fewest obligations counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import printable

KINDS = frozenset({"licence"})
_SHOWN = 200


def _rule(what: str, title: str, message: str, why: str, fix: str, *references: str) -> Rule:
    return Rule(
        id=f"licence/{what}",
        title=title,
        severity=Severity.INFO,
        message=message,
        why=why,
        fix=fix,
        references=references,
    )


NETWORK = _rule(
    "network-copyleft",
    "Licence that requires source code from service providers",
    "{subject}: whoever lets others use it over a network must offer them the source code",
    "The licence counts use over a network as distribution, so a service around the model or its code may have to be "
    "published under the same licence.",
    "Ask your licence team before you build a service on it, or use a model under another licence.",
    "https://www.gnu.org/licenses/agpl-3.0.html",
    "https://spdx.org/licenses/SSPL-1.0.html",
)
COPYLEFT = _rule(
    "copyleft",
    "Licence that extends to works based on the file",
    "{subject}: works distributed with it come under the same licence",
    "Distributing the file, or a work based on it, obliges you to offer the source code of the whole under this "
    "licence.",
    "Keep it apart from what you distribute under another licence, or ask your licence team.",
    "https://www.gnu.org/licenses/gpl-faq.html",
)
NON_COMMERCIAL = _rule(
    "non-commercial",
    "Licence that forbids commercial use",
    "{subject}: not for commercial use",
    "The licence allows only research or private use. Products, and services that earn money, violate it.",
    "Do not use it in a product. Ask its owner for a commercial licence, or use another model.",
    "https://creativecommons.org/licenses/by-nc/4.0/",
)
RESTRICTED = _rule(
    "use-restricted",
    "Licence that forbids some uses",
    "{subject}: restricts what it may be used for, and by whom",
    "Community and responsible-AI licences are not open-source licences: they list forbidden uses, may exclude large "
    "companies or countries, and require the same terms to be passed on.",
    "Read the conditions, compare them with your intended use, and pass them on with the model.",
    "https://huggingface.co/docs/hub/repositories-licenses",
)
UNKNOWN = Rule(
    id="licence/unknown",
    title="Unknown licence",
    severity=Severity.DEBUG,
    message="{subject} is neither on the SPDX list nor otherwise known here",
    why="Its obligations cannot be told from its name.",
    fix="Name it by its SPDX identifier, or read its text.",
    references=("https://spdx.org/licenses/",),
)
RULES = (NETWORK, COPYLEFT, NON_COMMERCIAL, RESTRICTED, UNKNOWN)
_OBLIGATIONS = (
    (NETWORK, r"(?i)(?:AGPL|SSPL|OSL|CPAL|RPL|RPSL|NPOSL|CPOL)-|LicenseRef-(?:agpl|sspl)"),
    (COPYLEFT, r"(?i)(?:GPL-|LicenseRef-gpl)(?!.* WITH )"),
    (
        NON_COMMERCIAL,
        (
            r"(?i).*(?:-NC(?:-|$)|\bnon-?commercial|\bresearch\b|-research|academic|non-?production)"
            r"|LicenseRef-(?:apple-amlr|deepfloyd)|Aladdin\b"
        ),
    ),
    (
        RESTRICTED,
        (
            r"(?i)LicenseRef-.*(?:rail|llama|gemma|qwen|deepseek|grok|falcon|stabilityai|nvidia-open|ltxv|community)"
            r"|BUSL-|Elastic-|PolyForm-|FSL-|SUL-|Hippocratic-|COIL-|JSON\Z"
        ),
    ),
)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield the obligations of each licence, once per file that states it."""
    for fact in facts:
        said: set[str] = set()
        for rule, pattern in _OBLIGATIONS:
            for name in _bound_licences(fact, pattern):
                if name not in said:
                    said.add(name)
                    yield Finding(rule, fact.locator, name, span=fact.span)
        if not said and not fact.detail.get("spdx"):
            yield Finding(UNKNOWN, fact.locator, printable(fact.value, _SHOWN), span=fact.span)


def _bound_licences(fact: Fact, pattern: str) -> list[str]:
    """Return the licences of a fact that match `pattern` and that no alternative can replace."""
    from scanners.parsing.spdx_expression import NoExpression, binds, parsed

    try:
        tree = parsed(fact.value)
    except NoExpression:
        return [printable(fact.value, _SHOWN)] if re.match(pattern, fact.value) else []
    return binds(tree, lambda name: re.match(pattern, name) is not None)
