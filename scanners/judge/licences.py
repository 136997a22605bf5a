"""What licences oblige to: sharing of source code with users of a network, no commerce, uses that are ruled out.

They inform: whether an obligation matters is for whoever uses the model. Under `--strict` they fail (see `Gate`). Of
alternatives (`MIT OR GPL-3.0-only`) the one that obliges least counts.
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
    "Licence that asks for source code from whoever offers a service",
    "{subject}: who lets others use it over a network must offer them the source code",
    "The licence counts use over a network as distribution: a service around the model or its code may have to be "
    "published under the same licence.",
    "Ask whoever answers for licences before a service is built on it, or take a model under another licence.",
    "https://www.gnu.org/licenses/agpl-3.0.html",
    "https://spdx.org/licenses/SSPL-1.0.html",
)
COPYLEFT = _rule(
    "copyleft",
    "Licence that extends to what is made of the file",
    "{subject}: what is distributed with it comes under the same licence",
    "Distributing the file, or a work based on it, means offering the source code of the whole under this licence.",
    "Keep it apart from what you distribute under another licence, or ask whoever answers for licences.",
    "https://www.gnu.org/licenses/gpl-faq.html",
)
NON_COMMERCIAL = _rule(
    "non-commercial",
    "Licence that rules out commercial use",
    "{subject}: not for commercial use",
    "The licence allows research or private use only. Products, and services that earn money, breach it.",
    "Do not use it in a product; ask its owner for a commercial licence, or take another model.",
    "https://creativecommons.org/licenses/by-nc/4.0/",
)
RESTRICTED = _rule(
    "use-restricted",
    "Licence that rules out some uses",
    "{subject}: comes with conditions on what it may be used for, and by whom",
    "Community and responsible-AI licences are no open-source licences: they list uses that are forbidden, may exclude "
    "large companies or countries, and ask that the same terms are passed on.",
    "Read the conditions, compare them with what you mean to do, and pass them on with the model.",
    "https://huggingface.co/docs/hub/repositories-licenses",
)
UNKNOWN = Rule(
    id="licence/unknown",
    title="Licence that is not known",
    severity=Severity.DEBUG,
    message="{subject} is no licence of the SPDX list, nor one that is known here",
    why="What it obliges to cannot be told from its name.",
    fix="Name it by its SPDX identifier, or read its text.",
    references=("https://spdx.org/licenses/",),
)
RULES = (NETWORK, COPYLEFT, NON_COMMERCIAL, RESTRICTED, UNKNOWN)
_BOUND = (
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
    """Yield what the licences oblige to, each licence once for each file that states it."""
    for fact in facts:
        said: set[str] = set()
        for rule, pattern in _BOUND:
            for name in _bound(fact, pattern):
                if name not in said:
                    said.add(name)
                    yield Finding(rule, fact.locator, name, span=fact.span)
        if not said and not fact.detail.get("spdx"):
            yield Finding(UNKNOWN, fact.locator, printable(fact.value, _SHOWN), span=fact.span)


def _bound(fact: Fact, pattern: str) -> list[str]:
    """Return the licences of a fact that `pattern` matches, but for those that another may be chosen for."""
    from scanners.parsing.spdx_expression import NoExpression, binds, parsed

    try:
        tree = parsed(fact.value)
    except NoExpression:
        return [printable(fact.value, _SHOWN)] if re.match(pattern, fact.value) else []
    return binds(tree, lambda name: re.match(pattern, name) is not None)
