"""The nodes of a YAML stream from parser events; tags are resolved to their full form, but never acted on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.units import MIB

_MAX_KEYS = 8
"""Maximum keys that are kept per node: deeper nodes lose the outermost."""
_LONG_TAG = re.compile(r"%TAG[ \t]+\S{1,80}[ \t]+\S{500}")
_MAX_NESTING = 500
"""Maximum nesting of collections, since parsers visit all open ones for every token."""
_MAX_ALIASED = 16 * MIB
"""Maximum total characters that aliases of scalars may expand to."""
_MAX_MERGED = 100_000
"""Maximum keys that merges (`<<`) may add to the mappings of one file, since chains of them grow without bound."""

_MAX_VISITED = 20_000
"""Maximum nodes that are visited when aliases of collections are followed."""
_MAX_FOLLOWED = 32
"""Maximum nesting of collections when aliases are followed."""


class YamlError(Exception):
    """Raised for text that is not YAML; the message tells where."""


class Entry(NamedTuple):
    """A node: its full `tag` or "", its text if it is a scalar, and the `key` whose value it is.

    `line` counts from 1, `offset` in characters; `keys` lead to the node from the outside, also through sequences, and
    are empty for a key.
    """

    tag: str
    key: str
    value: str
    line: int
    offset: int
    keys: tuple[str, ...] = ()


def entries(content: str, tree: Tree | None = None) -> Iterator[Entry]:
    """Yield every node of all documents in order, and extend `tree`; raises YamlError at the first invalid place."""
    import yaml

    if "%TAG" in content and _LONG_TAG.search(content):
        raise OverLimit("a YAML directive puts too many characters before each tag")
    nodes = _Nodes()
    try:
        # The C parser if PyYAML has one; of SafeLoader only the parser is used, and nothing is constructed
        for event in yaml.parse(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            entry = nodes.entered(event)
            if tree is not None:
                tree.take(event)
            if entry:
                yield entry
    except yaml.YAMLError as error:
        # The parsers in C and in Python agree on the position, but not on the wording
        mark = getattr(error, "problem_mark", None)
        raise YamlError(f"line {mark.line + 1}" if mark else "its characters") from None


def entries_in_place(content: str) -> Iterator[Entry]:
    """Yield the nodes like `entries`, then the scalars that aliases of collections bring to other places.

    Raises OverLimit if there are too many of these.
    """
    tree, seen = Tree(follow=True), set[tuple[tuple[str, ...], str]]()
    aliased = "*" in content
    for entry in entries(content, tree):
        if aliased:
            seen.add((entry.keys, entry.value))
        yield entry
    for keys, value in _leaves(tree.documents) if aliased else ():
        if (keys, value) not in seen:
            seen.add((keys, value))
            yield Entry("", keys[-1] if keys else "", value, 1, 0, keys)


def _leaves(documents: list[Json]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every scalar with the keys that lead to it, also through aliases; a collection may contain itself."""
    left: list[tuple[tuple[str, ...], int, Json]] = [((), 0, document) for document in reversed(documents)]
    visited = 0
    while left:
        keys, depth, value = left.pop()
        visited += 1
        if visited > _MAX_VISITED:
            raise OverLimit(f"YAML aliases repeat more than {_MAX_VISITED:,} nodes")
        if isinstance(value, str):
            yield keys, value
        elif isinstance(value, dict | list) and depth < _MAX_FOLLOWED:
            pairs = value.items() if isinstance(value, dict) else (("", item) for item in value)
            inner = [((*keys, key)[-_MAX_KEYS:] if key else keys, depth + 1, item) for key, item in pairs]
            left += reversed(inner)


class Tree:
    """The documents of a stream as plain mappings, lists and strings, whatever their tags.

    An alias of a scalar is that scalar. An alias of a collection is empty, since the collection is visited at its
    anchor, unless `follow` is set. Keys merged with `<<` are added to the mapping that merges them.
    """

    def __init__(self, *, follow: bool = False) -> None:
        self._follow = follow
        self.documents: list[Json] = []
        self._open: list[dict[str, Json] | list[Json]] = []
        self._keys: list[str | None] = []
        self._anchors: dict[str, Json] = {}
        self._merged = 0

    def take(self, event: Any) -> None:
        """Process the next event of the parser."""
        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()
            self._keys.pop()
        elif kind == "ScalarEvent":
            self._anchored(event, event.value)
            self._place(event.value)
        elif kind == "AliasEvent":
            self._alias(self._anchors.get(event.anchor))
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            made: dict[str, Json] | list[Json] = {} if kind == "MappingStartEvent" else []
            self._anchored(event, made)
            self._place(made)
            self._open.append(made)
            self._keys.append(None)

    def _anchored(self, event: Any, value: Json) -> None:
        if event.anchor:
            self._anchors[event.anchor] = value

    def _alias(self, value: Json) -> None:
        outer = self._open[-1] if self._open else None
        if isinstance(outer, dict) and self._keys[-1] == "<<" and isinstance(value, dict):
            self._merged += len(value)
            for key, item in value.items() if self._merged <= _MAX_MERGED else ():
                outer.setdefault(key, self._aliased(item))
            self._keys[-1] = None
        else:
            self._place(self._aliased(value))

    def _aliased(self, value: Json) -> Json:
        return value if self._follow or isinstance(value, str) else None

    def _place(self, value: Json) -> None:
        """Store a value under the preceding key, as a key, or as the root of a document."""
        outer = self._open[-1] if self._open else None
        if outer is None:
            self.documents.append(value)
        elif isinstance(outer, list):
            outer.append(value)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = value if isinstance(value, str) else ""
            if isinstance(value, dict | list):
                self.documents.append(value)  # a collection as a key counts as a document
        else:
            outer[key] = value
            self._keys[-1] = None


class _Nodes:
    """The current position in the nesting."""

    def __init__(self) -> None:
        # A mapping as a list with the key of its next value, a sequence as None
        self._open: list[list[str | None] | None] = []
        # The key of each of them, or None outside of a mapping
        self._keys: list[str | None] = []
        self._anchors: dict[str, str] = {}
        self._aliased = 0

    def entered(self, event: Any) -> Entry | None:
        """Return the node that `event` begins, or None if it ends one."""
        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()
            self._keys.pop()
            return None
        if kind not in ("ScalarEvent", "AliasEvent", "MappingStartEvent", "SequenceStartEvent"):
            return None
        value = event.value if kind == "ScalarEvent" else ""
        if kind == "AliasEvent":
            value = self._anchors.get(event.anchor, "")
            self._aliased += len(value)
            if self._aliased > _MAX_ALIASED:
                raise OverLimit(f"aliases of more than {_MAX_ALIASED:,} characters")
        elif event.anchor:
            self._anchors[event.anchor] = value
        within = self._open[-1] if self._open else None
        is_key = within is not None and within[0] is None
        key = self._place(value)
        own = None if within is None else key
        keys = () if is_key else tuple(name for name in (*self._keys[-_MAX_KEYS:], own) if name is not None)
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(self._open) >= _MAX_NESTING:
                raise OverLimit(f"YAML collections are nested deeper than {_MAX_NESTING}")
            self._open.append([None] if kind == "MappingStartEvent" else None)
            self._keys.append(own)
        mark = event.start_mark
        return Entry(str(getattr(event, "tag", None) or ""), key, value, mark.line + 1, mark.index, keys)

    def _place(self, value: str) -> str:
        """Return the key whose value a node with text `value` is, and keep the node if it is itself a key."""
        mapping = self._open[-1] if self._open else None
        if mapping is None:
            return ""
        key = mapping[0]
        mapping[0] = value if key is None else None
        return key or ""
