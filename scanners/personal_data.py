"""Personal data in text that travels with a model: rows of a data set, logs, outputs of notebooks, test requests.

It is not an attack, and the search takes a second to start, so it runs only on request (`opt_in`). Presidio confirms
candidates (`scanners.parsing.presidio`). Only the kind, number and place of personal data are reported, see
`Context.secrets`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs, problem_of
from modelsweep.core.units import KIB, MIB
from scanners.detectors.secrets import is_test
from scanners.text import accepts, decoded

if TYPE_CHECKING:
    from scanners.parsing.personal_kinds import Found

NAME = "personal-data"
NEEDS = ("presidio-analyzer", "phonenumbers", "tldextract")
MAX_SEARCHED = 4 * MIB
"""Maximum bytes of a file that is searched completely; of a larger one, as many in evenly spread blocks."""
BLOCK = 32 * KIB
PIECE = 16 * KIB
"""Characters per call of the recognisers, which compare all of their results in one text with each other."""
MANY = 20
"""Number of different values, or of records, that a file does not contain by accident or as examples."""
FEW_IN_PROSE = 5
"""Number of different e-mail addresses in prose beyond those of authors; for IP addresses, in any file."""
MOST_TRIED = 20_000
"""Maximum candidates for phone numbers per file, after which the search stops: it would take minutes."""
GENUINE = 2
"""At least one in this many card number candidates must have a valid check digit; by chance, one in ten has."""
_TABLES = frozenset((".csv", ".tsv", ".psv", ".tab"))
_DATA = _TABLES | {".json", ".jsonl", ".ndjson", ".log", ".ldif", ".vcf", ".sql"}

_FIX = (
    "Find out where it comes from, and whether you may keep and publish it. If not, remove it from the file, and from "
    "the history of the repository that holds it; take made-up values for examples (example.com, 555-0100)."
)
_REFERENCES = ("https://eur-lex.europa.eu/eli/reg/2016/679/oj", "https://microsoft.github.io/presidio/")
FOUND = Rule(
    id="personal-data/found",
    title="Personal data in a file",
    severity=Severity.INFO,
    message="{subject}: {distinct}, the first at {place}",
    why="The values have the form of a kind of personal data; where that kind has check digits, they are right. "
    "Whether they are those of real people, and may be there, nobody can tell from the file.",
    fix=_FIX,
    confidence="medium",
    cwe=359,
    references=_REFERENCES,
)
MUCH = Rule(
    id="personal-data/much",
    title="Numbers of many people's cards, accounts or identity documents",
    severity=Severity.WARNING,
    message="{subject}: {distinct} different ones, the first at {place}",
    why="So many numbers with the right check digits, or in a column named after them, are neither examples nor "
    "chance. Model files are copied and published with everything beside them.",
    fix=_FIX,
    confidence="medium",
    cwe=359,
    references=_REFERENCES,
)
RECORDS = Rule(
    id="personal-data/records",
    title="Records of many people",
    severity=Severity.WARNING,
    message="{count} lines with several kinds of personal data each: {subject}",
    why="Lines that hold, say, an e-mail address and a phone number each are records of people. Model files are copied "
    "and published with everything beside them.",
    fix=_FIX,
    confidence="medium",
    cwe=359,
    references=_REFERENCES,
)
SAMPLED = Rule(
    id="personal-data/sampled",
    title="Large text, of which a part was searched for personal data",
    severity=Severity.INFO,
    message="{read} characters of {size} bytes were searched for personal data",
    why="Large files are searched in blocks that are evenly spread, and those with very many phone numbers only at "
    "their beginning: a table or a log shows what it holds, but what stands in one place only may be missed.",
    fix="Search the whole file with Presidio itself if you have to be sure.",
    references=("https://microsoft.github.io/presidio/",),
)


class _Piece(NamedTuple):
    """Text to search, which begins at a line number or at an offset in bytes."""

    text: str
    line: int
    offset: int


class _Tally:
    """Values of one kind: how many, which different ones, and where the first is."""

    def __init__(self, place: str, line: int) -> None:
        self.place, self.line = place, line
        self.count = 0
        self.sure = False
        self.values: set[str] = set()
        self.written: set[str] = set()


class _Search:
    """What has been found in the pieces of a file so far."""

    def __init__(self, blob: Blob) -> None:
        from scanners.parsing.personal_kinds import Header
        from scanners.parsing.presidio import presidio

        self.header = Header()
        self.whole = blob.size <= MAX_SEARCHED
        self.read = self.tried = 0
        self.tallies: dict[str, _Tally] = {}
        self.records: Counter[frozenset[str]] = Counter()
        """Number of lines that hold exactly these kinds."""
        self._candidates: set[str] = set()
        self._presidio, self._suffix = presidio(), blob.locator.suffix

    def look(self, piece: _Piece) -> None:
        """Search one piece, and count what it holds."""
        from scanners.parsing.personal_kinds import Reading

        reading = Reading(self._presidio, piece.text, self.header)
        lines: dict[int, set[str]] = {}
        places: set[int] = set()
        for found in reading.found():
            if found.start in places:  # one number may be valid in two countries
                continue
            places.add(found.start)
            line = piece.text.count("\n", 0, found.start)
            lines.setdefault(line, set()).add(found.kind)
            self._count(found, piece, line)
        self.read += len(piece.text)
        self.tried += reading.tried
        self._candidates |= reading.candidates
        self.records.update(frozenset(kinds) for kinds in lines.values() if len(kinds) > 1)

    def _count(self, found: Found, piece: _Piece, line: int) -> None:
        from scanners.parsing.personal_kinds import normal

        tally = self.tallies.get(found.kind)
        if tally is None:
            number = piece.line + line if piece.line else 0
            place = f"line {number}" if number else f"byte {piece.offset} or after"
            tally = self.tallies[found.kind] = _Tally(place, number)
        tally.count += 1
        tally.sure = tally.sure or found.sure
        tally.values.add(normal(found.kind, found.value))
        tally.written.add(found.value)

    def significant(self) -> dict[str, _Tally]:
        """Return the kinds that go beyond names of authors, version numbers and chance."""
        from scanners.parsing.personal_kinds import ADDRESS, CARD, EMAIL

        found = dict(sorted(self.tallies.items()))
        if CARD in found:
            cards = found[CARD]
            chance = len(cards.values) * GENUINE < len(self._candidates)
            if chance or not (cards.sure or len(cards.values) >= FEW_IN_PROSE):
                del found[CARD]
        few = {ADDRESS} if self._suffix in _DATA else {ADDRESS, EMAIL}
        return {kind: tally for kind, tally in found.items() if kind not in few or len(tally.values) >= FEW_IN_PROSE}


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the amount of personal data of each kind in a text; raises MissingDependency without Presidio."""
    search = _Search(blob)
    try:
        for piece in _pieces(blob, search):
            if search.tried > MOST_TRIED:
                search.whole = False
                break
            context.personal.spend(len(piece.text))
            search.look(piece)
    except OverLimit as limit:
        if context.first("problem", f"{NAME} {limit}"):
            yield problem_of(limit, blob.locator, NAME)
    if not search.whole:
        yield Finding(SAMPLED, blob.locator, evidence={"read": search.read, "size": blob.size})
    yield from _findings(blob, context, search)


def _findings(blob: Blob, context: Context, search: _Search) -> Iterator[Item]:
    from scanners.parsing.personal_kinds import ADDRESS, CARD, IBAN, IDENTITIES

    significant = search.significant()
    for kind, tally in significant.items():
        if kind != ADDRESS:  # other scanners report what code connects to
            context.secrets.update(tally.values | tally.written)
        evidence: dict[str, Json] = {"count": tally.count, "distinct": len(tally.values), "place": tally.place}
        if tally.line:
            evidence["line"] = tally.line
        yield Fact("personal-data", kind, blob.locator, detail=evidence)
        numbered = kind in IDENTITIES or kind in (CARD, IBAN)
        much = numbered and len(tally.values) >= MANY and not is_test(blob)
        yield Finding(MUCH if much else FOUND, blob.locator, kind, evidence=evidence)
    several = [(held.intersection(significant), count) for held, count in search.records.items()]
    lines = sum(count for held, count in several if len(held) > 1)
    if lines >= MANY and not is_test(blob):
        kinds = sorted({kind for held, _ in several if len(held) > 1 for kind in held})
        yield Finding(RECORDS, blob.locator, ", ".join(kinds), evidence={"count": lines})


def _pieces(blob: Blob, search: _Search) -> Iterator[_Piece]:
    """Yield the text in pieces that end at line ends if possible, and record the names of a table's columns."""
    from scanners.parsing.personal_kinds import header_of

    line = 1
    for offset, text in _blocks(blob):
        if not offset and blob.locator.suffix in _TABLES:
            search.header = header_of(text.partition("\n")[0])
        at = 0
        while at < len(text):
            stop = text.rfind("\n", at, at + PIECE) + 1 or at + PIECE
            yield _Piece(text[at:stop], line, offset)
            line += text.count("\n", at, stop) if line else 0
            at = stop
        line = 0 if blob.size > MAX_SEARCHED else line


def _blocks(blob: Blob) -> Iterator[tuple[int, str]]:
    """Yield offsets and text: all of a small file, otherwise whole lines in evenly spread blocks."""
    if blob.size <= MAX_SEARCHED:
        yield 0, decoded(blob.reader.read(0, blob.size))
        return
    mark = blob.head[:2] if blob.head[:2] in (b"\xff\xfe", b"\xfe\xff") else b""
    step = blob.size // (MAX_SEARCHED // BLOCK) & ~1
    for offset in range(0, step * (MAX_SEARCHED // BLOCK), step):
        text = decoded((mark if offset else b"") + blob.reader.read(offset, min(BLOCK, blob.size - offset)))
        start = text.find("\n") + 1 if offset else 0
        yield offset, text[start : text.rfind("\n") + 1 or len(text)]


SCANNER = Scanner(
    name=NAME,
    title="Personal data in text",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(FOUND, MUCH, RECORDS, SAMPLED),
    suffixes=(".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".log"),
    needs=NEEDS,
    judged=False,
    opt_in=True,
    signs=Signs(plain=True),
)
