"""Interpolations of OmegaConf in configurations: `${model.name}` refers to another value of the same document.

Specification: https://omegaconf.readthedocs.io/en/latest/usage.html#variable-interpolation. Paths that begin with a dot
are relative to their mapping, and are left unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from scanners.parsing.code_keys import HYDRA_HELPERS

_INTERPOLATION = re.compile(r"\$\{([^${}:]{1,200})\}")
"""An interpolation without a colon; one with a colon is computed by a resolver of the program."""
_KEY = re.compile(r"[^.\[\]]+")
_MAX_DEPTH, _MAX_LENGTH = 4, 300
"""Maximum nesting of interpolations, and maximum characters of the result, far beyond any real target."""
_MAX_DOCUMENTS, _MAX_TEXTS = 4, 1_000
"""Maximum documents of a file that are used, and maximum texts that are resolved; others are left unchanged."""


class Interpolator:
    """The documents of one file, from which interpolations in its texts are resolved."""

    def __init__(self, documents: Sequence[Json]) -> None:
        self._documents = documents
        self._left = _MAX_TEXTS

    def resolved(self, text: str) -> list[str]:
        """Return `text` resolved from each document that has all of its values, or `text` itself if none has.

        It also stays unchanged if the result is a helper of Hydra, which means nothing without its arguments.
        """
        if "${" not in text:
            return [text]
        self._left -= 1
        known = self._left >= 0 and len(self._documents) <= _MAX_DOCUMENTS
        whole = {_resolved(text, document) for document in self._documents} if known else set[str]()
        made = sorted(one for one in whole if "${" not in one and one not in HYDRA_HELPERS)
        return made or [text]


def _resolved(text: str, document: Json) -> str:
    for _ in range(_MAX_DEPTH):
        if len(text) > _MAX_LENGTH:
            break
        known = _INTERPOLATION.sub(lambda match: _value(document, match[1].strip(), match[0]), text)
        if known == text:
            break
        text = known
    return text


def _value(document: Json, path: str, otherwise: str) -> str:
    """Return the string at a path such as `a.b[0]`, or `otherwise`."""
    found: Json = None if path.startswith(".") else document
    for name in _KEY.findall(path):
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and len(name) < 10 and int(name) < len(found):
            found = found[int(name)]
        else:
            return otherwise
    return found if isinstance(found, str) and len(found) <= _MAX_LENGTH else otherwise
