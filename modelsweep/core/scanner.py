"""What a scanner is: a value that says which bytes it accepts and a function that yields what it sees in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Span
from modelsweep.core.limits import Budget, Limits, OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import ContentChanged, Reader, SourceFault, Truncated, WindowReader
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import dataclass, field

HEAD = 4 * KIB
TAIL = 64 * KIB + 22
"""The last bytes, in which the end record of a zip stands: it is so long without its comment."""
TOLD = 1_000
"""Different facts of one kind that members of a unit may repeat: licences and copyright lines of source files."""
EMBEDDED, EMBEDDED_RATIO = 512 * KIB, 4
"""Bytes of pickles inside other bytes that are interpreted of any unit, and for each byte of it."""
DESCRIBED, DESCRIBED_RATIO, MOST_DESCRIBED = 2 * MIB, 32, 24 * MIB
"""Characters of described arguments that facts of any unit may hold, for each byte of it besides, and at most."""
SNIPPETS, SNIPPET = 5_000, 1 * KIB
"""Texts that are parsed as Python in any unit, and the bytes of it that allow for one more."""
PERSONAL = 32 * MIB
"""Characters of texts in any unit that are searched for personal data, which takes half a second for each million."""
UNDONE, UNDONE_RATIO = 8 * MIB, 8
"""Letters of encoded texts inside others that are undone of any unit, and for each byte of it."""
DECODED = "decoded"
"""What a container expects of bytes that are a compressed form of what it yields besides: nothing searches them again.
A compressor writes what does not shrink as it is, so that they may show pieces of the content."""
RAW = "raw"
"""What a container expects of bytes that no format describes, tensor storages above all: only the raw pass sees it."""


WEIGHED = 128 * KIB
"""Bytes of tensors in a blob from which their numbers are looked at: NumPy takes 0.1 s to load."""


class Numbers(NamedTuple):
    """A tensor in a blob, as the scanner of its format says that it stands there: `offset` and `length` in bytes.

    `dtype` is named as in safetensors (`F32`, `BF16`, `I8`), and little-endian. `units` is the axis of a matrix along
    which its units (neurons, classes) lie, None where the tensor may be data as well as weights.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    units: int | None = 0


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes to look at, and where they stand: what a scanner receives, and yields again for what lies inside.

    `expect` names the scanner for bytes whose format the container already knows (an object array holds a pickle), or
    is RAW;
    `expanded` marks bytes that stand nowhere in the file as they are (decompressed, decoded).
    """

    locator: Locator
    reader: Reader
    depth: int = 0
    expect: str = ""
    expanded: bool = False
    head: bytes = field(default=b"", repr=False)
    """The first `HEAD` bytes, for recognition."""

    @property
    def size(self) -> int:
        """Bytes there are."""
        return self.reader.size

    def window(self, name: str, offset: int, length: int, expect: str = "") -> Blob:
        """Return `length` bytes from `offset` as a nested blob; raises Truncated if some are missing."""
        return self.nested(name, WindowReader(self.reader, offset, length), expect=expect)

    def nested(self, name: str, reader: Reader, *, expect: str = "", expanded: bool = False) -> Blob:
        """Return what `reader` reads as the blob `name` inside this one."""
        return Blob(self.locator.member(name), reader, self.depth + 1, expect, expanded)

    def with_head(self) -> Blob:
        """Return the blob with its first bytes read, as recognition wants it."""
        head = self.reader.read(0, min(HEAD, self.reader.size))
        return Blob(self.locator, self.reader, self.depth, self.expect, self.expanded, head)


class Spool(Protocol):
    """Keeps expanded bytes off the heap: in memory while small, else in a file of its own."""

    def __call__(self, chunks: Iterable[bytes]) -> Reader:
        """Return a reader of all `chunks`; what the iterable raises passes through."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A member that becomes a unit of its own: not `scan` of the archive's scanner examines it, but `member`.

    `size` is its size in the archive, in bytes. Which members these are may depend only on the archive's directory and
    on the options, and no two of them may share bytes.
    """

    locator: Locator
    size: int


class Context:
    """What examining one unit may still cost, and the services that a scanner has apart from the bytes."""

    __slots__ = (
        *("_spool", "_told", "divider", "embedded", "expanded", "limits", "members", "operations", "options"),
        *("described", "extracted", "personal", "secrets", "snippets", "undone"),
    )

    def __init__(self, options: Options, unit_size: int, spool: Spool) -> None:
        limits = options.limits
        self.options = options
        self.limits: Limits = limits
        self.members = Budget("archive members", limits.members)
        self.operations = Budget("operations", limits.operations)
        self.expanded = Budget("decompressed bytes", max(limits.expanded_floor, limits.expanded_ratio * unit_size))
        self.embedded = Budget("bytes of pickles that overlap", EMBEDDED + EMBEDDED_RATIO * unit_size)
        """For pickles inside other bytes, each of which may run to the end of these bytes."""
        room = min(DESCRIBED + DESCRIBED_RATIO * unit_size, MOST_DESCRIBED)
        self.described = Budget("characters of arguments in pickles", room)
        """A few bytes of a pickle may name the same large arguments again and again."""
        self.extracted: set[tuple[Locator, int, int]] = set()
        """Pickles inside other bytes that were examined: where they begin, and how long they are."""
        self.undone = Budget("letters of encoded texts that overlap", UNDONE + UNDONE_RATIO * unit_size)
        """For texts that begin inside others, each of which may run to the end of the outer one."""
        self.snippets = Budget("texts that may be code", SNIPPETS + unit_size // SNIPPET)
        """For files, cells, settings and the like that are parsed as Python, whatever their length."""
        self.personal = Budget("characters searched for personal data", PERSONAL)
        self.secrets: set[str] = set()
        """Credentials and personal data found in the unit, which are removed from everything reported about it."""
        self.divider = ""
        """The name of the scanner that may make members of the unit units of their own."""
        self._told: dict[str, set[str]] = {}
        self._spool = spool

    def apart(self, blob: Blob, scanner: str, entries: int) -> int:
        """Return how many members of `blob`, which has `entries` entries, may be units of their own.

        Finding one of them reads the entries again; in total this stays within the limit of members of a unit.
        """
        if blob.depth or self.divider != scanner:
            return 0
        return min(self.limits.apart, self.limits.members // max(entries, 1))

    def is_heavy(self, size: int) -> bool:
        """Return whether a member that takes `size` bytes of its archive may be a unit of its own.

        It may then expand as much as a file of that size. All such members together get no more than the archive has.
        """
        return size * self.limits.expanded_ratio >= self.limits.expanded_floor

    def first(self, kind: str, value: str) -> bool:
        """Return whether `value` is new in the unit, and fewer than `TOLD` others of its kind were reported."""
        told = self._told.setdefault(kind, set())
        if value in told or len(told) >= TOLD:
            return False
        told.add(value)
        return True

    def spool(self, chunks: Iterable[bytes]) -> Reader:
        """Return a reader of all decompressed `chunks`; raises OverLimit if they exceed the budget of the unit."""
        return self._spool(self._counted(chunks))

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.expanded.spend(len(chunk))
            yield chunk


Item = Fact | Finding | Problem | Blob | Apart | Numbers


NUMBERED = "0"
"""The name that stands for all names made of digits and dots."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs at least one of which every blob shows that a scanner accepts; of other blobs it is not asked, nor loaded.

    `first` holds the bytes that the content may begin with; `suffixes` and `names` are those of the locator (`NUMBERED`
    stands for all numbers); `at` has what may be at an offset below `HEAD`, `ends` what may be anywhere in the last
    `TAIL` bytes, and `holds` what may be anywhere in the first `HEAD` bytes. `plain` requires, alone or in addition,
    that the head is plain text: without NUL, unless it is UTF-16.
    """

    first: bytes = b""
    suffixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    at: tuple[tuple[int, tuple[bytes, ...]], ...] = ()
    ends: tuple[bytes, ...] = ()
    plain: bool = False
    holds: tuple[bytes, ...] = ()


def ends_with(blob: Blob, ends: tuple[bytes, ...]) -> bool:
    """Return whether any of `ends` is in the last `TAIL` bytes of `blob`."""
    reader, start = blob.reader, max(0, blob.size - TAIL)
    try:
        return any(reader.find(value, start) >= 0 for value in ends)
    except (Truncated, SourceFault):
        return True  # the scanner that is asked then reports it


_WIDE = (b"\xff\xfe", b"\xfe\xff")


def is_plain(head: bytes) -> bool:
    """Return whether the first bytes of a blob may be text."""
    return b"\0" not in head or head.startswith(_WIDE)


SPACE = b" \t\n\r\v\f"
"""What `bytes.lstrip` takes off."""
JSON_STARTS = b"{[\xef\xbb\xbf\xff\xfe" + SPACE
"""First bytes of JSON, including white space and byte order marks."""
ZIP = Signs(b"P", ends=(b"PK\5\6",))
"""Signs of every zip, even after other data."""


def begins(*magics: bytes) -> bytes:
    """Return the first byte of each magic number, for `Signs.first`."""
    return bytes({magic[0] for magic in magics})


@dataclass(frozen=True, slots=True)
class Scanner:
    """A format or mechanism that modelsweep knows: recognition by content first, then extraction.

    `accepts` gets a blob whose `head` is read. `scan` yields facts, findings, problems, nested blobs and tensors; what
    it raises (Truncated, Malformed, OverLimit, SourceFault) becomes a problem. `suffixes` are only for the
    documentation. `judged` means that a blob counts as examined once this scanner accepts it; a scanner that accepts
    any bytes sets it to False.
    """

    name: str
    title: str
    version: int
    accepts: Callable[[Blob], bool]
    scan: Callable[[Blob, Context], Iterator[Item]]
    rules: tuple[Rule, ...] = ()
    suffixes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Optional packages without which the format is reported as not scanned."""
    judged: bool = True
    member: Callable[[Blob, Context, int], Iterator[Item]] | None = None
    """Yields what `scan` would have yielded for the member at this place (from 0) among its `Apart` items."""
    weigh: Callable[[Blob, Sequence[Numbers], Context], Iterator[Item]] | None = None
    """For a scanner that accepts no blob, but examines the tensors that others found in one. If a package that it needs
    is missing, it is left out, and is not part of the ruleset."""
    opt_in: bool = False
    """Whether it only runs where it is chosen by name. Otherwise it is left out, and is not part of the ruleset; there,
    the versions of what it `needs` are, too."""
    signs: Signs | None = None
    """Without signs it is asked of every blob. They only save time: a blob that shows them need not be accepted."""


def is_chosen(scanner: Scanner, names: Sequence[str] | None) -> bool:
    """Return whether a scanner runs where `names` are chosen, None for all that nobody has to ask for."""
    return not scanner.opt_in if names is None else scanner.name in names


class Malformed(Exception):
    """Bytes violate the format that they claim; `detail` says how, `offset` where."""

    def __init__(self, detail: str, offset: int | None = None) -> None:
        super().__init__(detail)
        self.detail, self.offset = detail, offset


class Encrypted(Exception):
    """Bytes are encrypted and cannot be examined."""


class MissingDependency(Exception):
    """An optional package is not installed; the message names it and the extra that installs it."""


EXHAUSTED = ("ran out of stack", "ran out of memory")
"""Details of problems that depend on the machine, and on what was examined before."""
_KINDS: tuple[tuple[type[Exception], ProblemKind], ...] = (
    (OverLimit, ProblemKind.LIMIT),
    (Encrypted, ProblemKind.ENCRYPTED),
    (MissingDependency, ProblemKind.DEPENDENCY),
    (ContentChanged, ProblemKind.CHANGED),
    (SourceFault, ProblemKind.SOURCE),
)


def problem_of(error: Exception, locator: Locator, scanner: str) -> Problem:
    """Return the problem that an exception from `scanner` becomes; one that no scanner should raise is a crash."""
    kind, detail, span = _meaning_of(error)
    return Problem(kind, locator, scanner, printable(detail, 300), span)


def _meaning_of(error: Exception) -> tuple[ProblemKind, str, Span | None]:
    if isinstance(error, Truncated):
        return ProblemKind.MALFORMED, f"cut short: {error}", Span(error.offset)
    if isinstance(error, Malformed):
        return ProblemKind.MALFORMED, error.detail, None if error.offset is None else Span(error.offset)
    for kind, meaning in _KINDS:
        if isinstance(error, kind):
            return meaning, str(error), None
    if isinstance(error, (MemoryError, RecursionError)):
        return ProblemKind.LIMIT, EXHAUSTED[isinstance(error, MemoryError)], None
    return ProblemKind.CRASH, f"{type(error).__name__}: {error}", None
