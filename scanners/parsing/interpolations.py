"""What OmegaConf fills into a text of a configuration: `${model.name}` stands for another value of the same document.

Specification: https://omegaconf.readthedocs.io/en/latest/usage.html#variable-interpolation. Paths that begin with a
dot go from the mapping that they stand in, and are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from scanners.parsing.code_keys import HYDRA_HELPERS

_PLACE = re.compile(r"\$\{([^${}:]{1,200})\}")
"""A place for a value: what has a colon is worked out by a function of the program."""
_KEY = re.compile(r"[^.\[\]]+")
_DEEP, _LONGEST = 4, 300
"""Values that are filled into others, and characters of what comes of it, that no target comes near."""
_DOCUMENTS, _TEXTS = 4, 1_000
"""Documents of a file that are looked into, and texts that are filled: those after them are left as they are."""


class Places:
    """The documents of one file, from which places in its texts are filled."""

    def __init__(self, documents: Sequence[Json]) -> None:
        self._documents = documents
        self._left = _TEXTS

    def filled(self, text: str) -> list[str]:
        """Return `text` with the values that it names, of each document that has all; `text` itself where none has.

        So it stays where a helper of Hydra's comes of it, which is nothing without what it is given.
        """
        if "${" not in text:
            return [text]
        self._left -= 1
        known = self._left >= 0 and len(self._documents) <= _DOCUMENTS
        whole = {_filled(text, document) for document in self._documents} if known else set[str]()
        made = sorted(one for one in whole if "${" not in one and one not in HYDRA_HELPERS)
        return made or [text]


def _filled(text: str, document: Json) -> str:
    for _ in range(_DEEP):
        if len(text) > _LONGEST:
            break
        known = _PLACE.sub(lambda match: _value(document, match[1].strip(), match[0]), text)
        if known == text:
            break
        text = known
    return text


def _value(document: Json, path: str, otherwise: str) -> str:
    """Return the text at a path such as `a.b[0]`, or `otherwise`."""
    found: Json = None if path.startswith(".") else document
    for name in _KEY.findall(path):
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and len(name) < 10 and int(name) < len(found):
            found = found[int(name)]
        else:
            return otherwise
    return found if isinstance(found, str) and len(found) <= _LONGEST else otherwise
