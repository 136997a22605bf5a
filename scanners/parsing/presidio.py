"""Single recognisers of Presidio (https://microsoft.github.io/presidio/), which check patterns and check digits.

Presidio's own engine would load a language model, and download it if missing. Neither happens here: suffixes of
domains come from the list in the package tldextract.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

from modelsweep.core.scanner import MissingDependency

_FRAMEWORKS = ("cupy", "mxnet", "tensorflow", "torch")
_SEPARATOR = " ;\n"
"""Separator of texts that are matched together; no number extends across it."""
_NO_REGION = ("ZZ",)
"""The value of phonenumbers for no region: only numbers with a country code are found."""


class Match(NamedTuple):
    """The range of a recogniser's match in a text."""

    start: int
    stop: int


class Presidio:
    """The recognisers of Presidio; raises MissingDependency if it is not installed."""

    def __init__(self) -> None:
        self._known = _loaded()
        self._offline = _offline_domains()
        self._recognisers: dict[str, Any] = {}

    def matches(self, name: str, text: str) -> list[Match]:
        """Return the matches of the recogniser with a class name; none if this Presidio lacks it."""
        if name not in self._recognisers:
            self._recognisers[name] = self._made(name)
        recogniser = self._recognisers[name]
        return _places(recogniser, text) if recogniser else []

    def _made(self, name: str) -> Any:
        made: Any = getattr(self._known, name, None)
        if made is None:
            return None
        recogniser = made()
        if name == "EmailRecognizer":
            # The default would ask a server for the suffixes of domains
            recogniser.validate_result = lambda found: self._offline(found).fqdn != ""
        return recogniser

    def phones(self, texts: Sequence[str], *, international: bool) -> Iterator[tuple[int, str]]:
        """Yield the phone numbers in `texts`, each with the index of its text.

        With `international` they must have a country code; otherwise they are those of some large countries.
        """
        key = f"phones {international}"
        if key not in self._recognisers:
            made = self._known.PhoneRecognizer
            self._recognisers[key] = made(supported_regions=_NO_REGION) if international else made()
        starts = []
        at = 0
        for text in texts:
            starts.append(at)
            at += len(text) + len(_SEPARATOR)
        joined = _SEPARATOR.join(texts)
        index = 0
        for start, stop in sorted(_places(self._recognisers[key], joined)):
            while index + 1 < len(starts) and starts[index + 1] <= start:
                index += 1
            yield index, joined[start:stop]


@cache
def presidio() -> Presidio:
    """Return the recognisers, loaded once per process; raises MissingDependency."""
    return Presidio()


def _places(recogniser: Any, text: str) -> list[Match]:
    return [Match(found.start, found.end) for found in recogniser.analyze(text, recogniser.supported_entities, None)]


def _loaded() -> Any:
    # spaCy's thinc imports every installed framework, unused here, at a cost of seconds and gigabytes
    modules = cast("dict[str, Any]", sys.modules)
    absent = [name for name in _FRAMEWORKS if name not in modules]
    modules.update(dict.fromkeys(absent))
    try:
        from presidio_analyzer import predefined_recognizers
    except ImportError:
        raise MissingDependency("looking for personal data needs the package presidio-analyzer") from None
    finally:
        for name in absent:
            del modules[name]
    return predefined_recognizers


def _offline_domains() -> Any:
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)
