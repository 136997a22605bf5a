"""Ruby's Marshal (models of Rumale, classifier-reborn, ai4r): objects that name their classes.

Format: https://docs.ruby-lang.org/en/master/marshal_rdoc.html. Loading creates objects of any loaded class, and calls
its hooks: `marshal_load`, `_load`, and `hash` or `<=>` of keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from scanners.parsing.ruby_stream import KINDS, MAGIC, RubyStream

NAME = "ruby"
_SHOWN = 200
_CLASS = re.compile(r"[A-Z]\w*(?:::[A-Z]\w*)*")
_MAX_VALUES = 40
"""Maximum values that are read to recognise a stream, after its two version bytes."""


def accepts(blob: Blob) -> bool:
    """Return whether valid values follow the version of the format, as far as the head reaches."""
    if not blob.head.startswith(MAGIC) or blob.head[2:3] not in KINDS:
        return False
    stream = RubyStream(blob.reader)
    try:
        for _ in range(_MAX_VALUES):
            if not stream.step():
                break
    except Truncated:
        return True
    except Malformed:
        return any(_CLASS.fullmatch(named.name) for named in stream.taken())  # a damaged one
    return True


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the classes of the stream; raises Malformed, Truncated and OverLimit."""
    told: set[tuple[str, str]] = set()
    stream = RubyStream(blob.reader, context)
    while stream.step():
        for how, name, offset in stream.taken():
            if (how, name) not in told:
                told.add((how, name))
                detail: dict[str, Json] = {"how": how}
                yield Fact("ruby-class", printable(name, _SHOWN), blob.locator, Span(offset), detail)


SCANNER = Scanner(
    name=NAME,
    title="Ruby objects (Marshal)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".marshal",),
    signs=Signs(begins(MAGIC)),
)
