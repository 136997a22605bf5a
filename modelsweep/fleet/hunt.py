r"""Hunting: which models call X, use operator Y, carry licence L? Asked of stored facts; no model is read.

    call:os.system
    import:requests* or call:re:^urllib\d?\.
    operator:PyFunc and not (licence:mit or licence:apache-2.0)
    metadata:general.source.url detail.text:*evil.example*        (`and` may be left out)
    path:*/incoming/* and url:*
    host:*.evil.example

A term is `KIND:PATTERN`, true of a file one of whose facts of that kind (its members' too) has such a value; `any:` is
of every kind, `detail.KEY:PATTERN` looks at a detail of facts of any kind, `path:` and `digest:` at the file itself,
and `host:` at the hosts of all addresses in values and details of facts: in an argument of a call, say.
Patterns are globs of the whole value (`*`, `?`, `[abc]`), in any case of letters; after `re:` a regular expression that
is found anywhere in it. Quote what has blanks, quotes or parentheses: `template:"* (draft) *"`,
`call:re:'(get|set)attr'`. `not` binds before `and`, `and` before `or`.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, NamedTuple, Protocol

from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from modelsweep.core.report import UnitResult
from modelsweep.core.text import shorten

LONGEST = 10_000
"""Characters of an expression."""
DEEPEST = 50
"""Parentheses and `not` inside each other."""
EXAMINED = 300
"""Characters of a value that a regular expression sees: those of facts are mostly cut before."""
STEPS = 30_000_000
"""Ways in which a regular expression may try to match so many characters."""
ANY, PATH, DIGEST, HOST, DETAIL = "any", "path", "digest", "host", "detail."
_ALIASES = {"license": "licence"}
_TOKEN = re.compile(r"""\s*(?:(?P<mark>[()])|(?P<word>(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s()"'])+))""")
_QUOTED = re.compile(r"""(["'])((?:(?!\1)[^\\]|\\.)*)\1""")
_KEY = re.compile(r"[a-z][a-z0-9-]*|detail\.[^\s:]+")

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}://(?:[^/\s@'\"]{0,200}@)?(\[[0-9a-fA-F:.]{2,45}\]|[\w.-]{1,253})")
_NAMED = re.compile(r"(?<![\w.-])(?:(?:\d{1,3}\.){3}\d{1,3}|(?:[\w-]{1,63}\.){1,20}[a-zA-Z][\w-]{0,62})(?![\w-])")
"""A host without a scheme, as in arguments of calls: values of facts are not asked, which are names of modules."""
Matches = Callable[[str], bool]


class BadExpression(Exception):
    """An expression is none; the sentence says why and where."""


class Hit(NamedTuple):
    """A file of which an expression is true: its place, its SHA-256 (empty where unknown), the facts that say so."""

    locator: Locator
    digest: str
    facts: tuple[Fact, ...]


class Test(Protocol):
    """A part of an expression."""

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return the facts that make it true of a file, which may be none, or None where it is not true."""


def hunt(expression: str, results: Iterable[UnitResult], seen: set[str] | None = None) -> Iterator[Hit]:
    """Return the files of which `expression` is true, in the order of `results`; raises BadExpression at once.

    The kinds of all facts that there are go to `seen`: a term of another kind is true of nothing, and perhaps mistyped.
    """
    return _hits(parse(expression), results, set() if seen is None else seen)


def _hits(test: Test, results: Iterable[UnitResult], seen: set[str]) -> Iterator[Hit]:
    for result in results:
        seen.update(fact.kind for fact in result.facts)
        found = test.facts(result)
        if found is not None:
            once = {id(fact): fact for fact in found}
            yield Hit(result.unit.locator, result.digest, tuple(once.values()))


def kinds_in(expression: str) -> tuple[str, ...]:
    """Return the kinds of facts that the terms of `expression` ask for, in order; raises BadExpression."""
    found: dict[str, None] = {}

    def visit(test: object) -> None:
        if isinstance(test, OfKind) and test.kind != ANY:
            found[test.kind] = None
        for part in getattr(test, "parts", ()):
            visit(part)

    visit(parse(expression))
    return tuple(found)


# What an expression is made of


@dataclass(frozen=True, slots=True)
class OfKind:
    """True where a fact of a kind has a value that matches."""

    kind: str
    matches: Matches

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return those facts."""
        found = [fact for fact in result.facts if self.kind in (fact.kind, ANY) and self.matches(fact.value)]
        return found or None


@dataclass(frozen=True, slots=True)
class OfDetail:
    """True where a detail of a fact matches, or one of several."""

    key: str
    matches: Matches

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return those facts."""
        key = self.key
        found = [
            fact for fact in result.facts if key in fact.detail and any(map(self.matches, _texts(fact.detail[key])))
        ]
        return found or None


@dataclass(frozen=True, slots=True)
class OfHost:
    """True where a fact has an address whose host matches, in its value or in a detail."""

    matches: Matches

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return those facts."""
        return [fact for fact in result.facts if any(map(self.matches, _hosts(fact)))] or None


@dataclass(frozen=True, slots=True)
class OfFile:
    """True where something about the file itself matches."""

    told: Callable[[UnitResult], str]
    matches: Matches

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return no facts, or None."""
        return () if self.matches(self.told(result)) else None


@dataclass(frozen=True, slots=True)
class Every:
    """True where all its parts are."""

    parts: tuple[Test, ...]

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return the facts of all parts."""
        found: list[Fact] = []
        for part in self.parts:
            facts = part.facts(result)
            if facts is None:
                return None
            found += facts
        return found


@dataclass(frozen=True, slots=True)
class Some:
    """True where one of its parts is."""

    parts: tuple[Test, ...]

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return the facts of all parts that are true."""
        answers = [facts for part in self.parts if (facts := part.facts(result)) is not None]
        return [fact for facts in answers for fact in facts] if answers else None


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is not."""

    parts: tuple[Test]

    def facts(self, result: UnitResult) -> Sequence[Fact] | None:
        """Return no facts, or None."""
        return () if self.parts[0].facts(result) is None else None


def _hosts(fact: Fact) -> Iterator[str]:
    """Yield the hosts of addresses in a fact."""
    yield from _ADDRESS.findall(fact.value)
    for detail in fact.detail.values():
        for text in _texts(detail):
            yield from _ADDRESS.findall(text)
            yield from _NAMED.findall(text)


def _texts(detail: Json) -> Iterator[str]:
    """Yield a detail as text: each of several, also by names, numbers as they are written, true and false."""
    if isinstance(detail, Mapping):
        detail = list(detail.values())
    if isinstance(detail, (list, tuple)):
        for item in detail:
            yield from _texts(item)
    elif isinstance(detail, bool):
        yield str(detail).lower()
    elif isinstance(detail, (str, int, float)):
        yield str(detail)


# Reading it


def parse(expression: str) -> Test:
    """Return what `expression` asks; raises BadExpression."""
    if len(expression) > LONGEST:
        raise BadExpression(f"an expression has at most {LONGEST:,} characters")
    parser = _Parser(expression)
    test = parser.some(0)
    if parser.token:
        raise parser.wrong(f"{parser.token!r} where the expression should end")
    return test


class _Parser:
    """Recursive descent, one token ahead; `token` is empty at the end."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._after = text, 0, 0
        self.token = ""
        self._advance()

    def some(self, depth: int) -> Test:
        parts = [self._every(depth)]
        while self._is_word("or"):
            self._advance()
            parts.append(self._every(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self, depth: int) -> Test:
        parts = [self._one(depth)]
        while self.token not in ("", ")") and not self._is_word("or"):
            if self._is_word("and"):
                self._advance()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _one(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise self.wrong(f"more than {DEEPEST} parentheses inside each other")
        if self._is_word("not"):
            self._advance()
            return Not((self._one(depth + 1),))
        if self.token == "(":  # noqa: S105 - no password
            self._advance()
            test = self.some(depth + 1)
            if self.token != ")":  # noqa: S105
                raise self.wrong("a parenthesis is not closed")
            self._advance()
            return test
        return self._term()

    def _term(self) -> Test:
        key, colon, quoted = self.token.partition(":")
        if self.token.lower() in ("", ")", "and", "or"):
            raise self.wrong("a term is missing, such as call:os.system")
        key = key.lower() if not key.lower().startswith(DETAIL) else DETAIL + key[len(DETAIL) :]
        if not colon or not _KEY.fullmatch(key):
            raise self.wrong(f"{self.token!r} is not a term: write KIND:PATTERN, such as call:os.system")
        try:
            matches = _matcher(_unquoted(quoted))
        except BadExpression as error:
            raise self.wrong(str(error)) from error
        self._advance()
        return _test_of(_ALIASES.get(key, key), matches)

    def _is_word(self, word: str) -> bool:
        return self.token.lower() == word

    def _advance(self) -> None:
        self._at = self._after
        found = _TOKEN.match(self._text, self._after)
        if found is None:
            if self._text[self._after :].strip():
                raise self.wrong("a quote is not closed")
            self.token = ""
            return
        self._at, self._after = found.start(found.lastgroup or 0), found.end()
        if self._text[self._after : self._after + 1] in ('"', "'"):
            self._at = self._after
            raise self.wrong("a quote is not closed")
        self.token = found[found.lastgroup or 0]

    def wrong(self, detail: str) -> BadExpression:
        return BadExpression(f"{detail} (at character {self._at + 1})")


def _unquoted(text: str) -> str:
    """Return `text` without quotes; within them a backslash is one, but for a quote that would end them."""
    return _QUOTED.sub(lambda found: found[2].replace("\\" + found[1], found[1]), text)


def _test_of(key: str, matches: Matches) -> Test:
    if key.startswith(DETAIL):
        return OfDetail(key[len(DETAIL) :], matches)
    if key == HOST:
        return OfHost(matches)
    if key == PATH:
        return OfFile(lambda result: str(result.unit.locator), matches)
    if key == DIGEST:
        return OfFile(lambda result: result.digest, matches)
    return OfKind(key, matches)


def _matcher(pattern: str) -> Matches:
    """Return the test of a glob or, behind `re:`, of a regular expression; values repeat, so answers are kept."""
    if not pattern:
        raise BadExpression("a pattern is missing: * is any value")
    if not pattern.startswith("re:"):
        glob = re.compile(translate(pattern), re.IGNORECASE)
        return functools.lru_cache(10_000)(lambda value: glob.match(value) is not None)
    expression = _compiled(pattern[3:])
    return functools.lru_cache(10_000)(lambda value: expression.search(shorten(value, EXAMINED)) is not None)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that cannot take long on a short value; raises BadExpression."""
    # The parser of `re` itself, which has no public name: what it reads is what `re` will do.
    parser = importlib.import_module("re._parser")
    try:
        ways = _ways(parser.parse(pattern)) * EXAMINED
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadExpression(f"{pattern!r} is not a regular expression: {error}") from error
    if ways > STEPS:
        raise BadExpression(f"{pattern!r} could take too long: use fewer of * + {{}} ?, or several terms")
    return compiled


def _ways(parsed: Any) -> int:
    """Return in how many ways, at most, a parsed expression can match from one place on: what `re` may try."""
    ways = 1
    for operator, argument in parsed:
        ways *= _ways_of(str(operator), argument)
        if ways > STEPS:
            return ways
    return ways


def _ways_of(operator: str, argument: Any) -> int:
    if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, body = argument
        most = min(int(most), EXAMINED)
        inner = _ways(body)
        # Each time round it may go another way
        return (most - min(int(least), most) + 1) * (1 if inner == 1 else min(inner, 100) ** most)
    if operator == "BRANCH":
        return sum(map(_ways, argument[1]))
    if operator == "SUBPATTERN":
        return _ways(argument[-1])
    if operator in ("ATOMIC_GROUP", "ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS"):
        raise BadExpression("it has a look-around, a reference or an atomic group, which hunting does without")
    return 1
