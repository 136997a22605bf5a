"""Python pickles of protocols 0 to 5, as written by pickle, dill, cloudpickle and joblib.

Specification: CPython Lib/pickletools.py; PEP 307, 3154, 574. The streams are interpreted, never loaded; what a loader
would call is extracted here and judged in `scanners.judge.pickle_calls`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import at_hand
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner

NAME = "pickle"
SUFFIXES = (".pkl", ".pickle", ".dill", ".joblib", ".cloudpickle", ".p")


def accepts(blob: Blob) -> bool:
    """Recognise a stream by interpreting its first bytes; a damaged stream is recognised by header and suffix."""
    from scanners.parsing.pickle_stream import begins_stream, has_header

    if has_header(blob.head) and blob.locator.suffix in SUFFIXES:
        return True
    return begins_stream(blob.reader)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what each stream imports, calls and hides; raises Malformed where a loader would fail."""
    from scanners.parsing.pickle_extract import extract, hidden_streams, interests
    from scanners.parsing.pickle_kinds import EXHAUSTED, FAULTY
    from scanners.parsing.pickle_stream import Streams, taken_over

    left = context.operations.left
    first = taken_over(blob.reader, interests(), left)
    streams = Streams(at_hand(blob.reader), interests(), context.operations.spend, left, first)
    ordinal = count(1)
    for machine in streams:
        yield from extract(machine, blob.locator, context)
        yield from hidden_streams(machine, blob, context, ordinal)
    if streams.position < blob.size:
        behind = streams.position
        yield blob.window("trailing data", behind, blob.size - behind, expect=RAW)
    if streams.outcome == EXHAUSTED:
        raise OverLimit("more opcodes, calls or stack than one stream may hold")
    if streams.outcome == FAULTY:
        raise Malformed(f"the pickle ends abruptly: {streams.fault}", streams.position)


SCANNER = Scanner(
    name=NAME,
    title="Python pickle (pickle, dill, cloudpickle, joblib)",
    version=21,
    accepts=accepts,
    scan=scan,
    suffixes=SUFFIXES,
)
