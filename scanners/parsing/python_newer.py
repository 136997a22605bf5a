"""Rewrite Python syntax since 3.12 as syntax of 3.11: verdicts must not depend on the Python version we run on.

f-strings may contain any expression (PEP 701), type aliases and type parameters have their own syntax (PEP 695, 696),
strings may be templates (PEP 750), several exceptions need no parentheses (PEP 758), and imports may be lazy (PEP 810).
Source is rewritten in one pass without being checked; the parser decides whether the result is Python. Line numbers are
kept, columns are not.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NoReturn, TypeVar

_NEWER = re.compile(
    r"""\b(?i:[ft]r?|r[ft])["']|\btype[ \t]+\w|\b(?:def|class)[ \t]+\w+[ \t]*\[|\bexcept\b[^\n:]*,|\blazy[ \t]+\w"""
)
"""Marks of newer syntax: source without a match has none."""
_KEPT_NEWER = re.compile(rb"""\btype\s+\w|\b(?:def|class)\s+\w+\s*\[|\b(?i:tr?|rt)["']""")
"""Marks of syntax for which newer parsers have separate nodes."""
_TOKEN = re.compile(
    r"""(?P<gap>(?:[ \t\f]|\\\n|\#[^\n]*)+)|(?P<line>\n)|(?P<quote>(?i:[ft]r?|r[ft]|br?|rb|[ru])?(?:"{3}|'{3}|["']))"""
    r"""|(?P<word>\w+)|(?P<sign>[=!<>]=|.)""",
    re.DOTALL,
)
_HEAD = re.compile(r"(?:def|class)[ \t]+\w+[ \t]*(?=\[)")
_ALIAS = re.compile(r"type[ \t]+(\w+[ \t]*)(?=\[|=(?!=))")
_LAZY = re.compile(r"lazy[ \t]+(?=(?:import|from)\b)")
_GAPS, _GAPS_AND_LINES = re.compile(r"(?:[ \t\f]|\\\n)*"), re.compile(r"(?:[ \t\f\n]|\\\n|\#[^\n]*)*")
_CONVERSION = re.compile(r"!\s*([sra])\s*")
_LAYOUT = re.compile(r"[^{}]+")
_DOUBLE = re.compile(r"\{\{|\}\}")
_QUOTES = ("'", '"', "'''", '"""')
Node = TypeVar("Node", bound=ast.expr)
_MAX_DEPTH = 60
"""Maximum nesting of f-strings and type parameters: Python allows 150, people write two."""


def _plain(quote: str) -> re.Pattern[str]:
    line = "" if quote[1:] else r"\n"
    return re.compile(rf"(?:\\.|(?!{quote})[^\\{line}])*{quote}", re.DOTALL)


def _text(quote: str, raw: bool) -> re.Pattern[str]:
    line, named = "" if quote[1:] else r"\n", "" if raw else r"\\N\{[^}\n]*\}|"
    return re.compile(rf"(?:{named}\\[^{{}}]|\\(?=[{{}}])|\{{\{{|\}}\}}|(?!{quote})[^\\{{}}{line}])+", re.DOTALL)


_PLAIN = {quote: _plain(quote) for quote in _QUOTES}
_TEXTS = {(quote, raw): _text(quote, raw) for quote in _QUOTES for raw in (False, True)}


class _NotPython(Exception):
    """The source cannot be rewritten."""


def module(text: str) -> ast.Module | None:
    """Return the tree of a module that does in 3.11 what `text` does, or None if it is not newer Python either.

    Raises RecursionError and MemoryError for source that is nested too deep.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not _NEWER.search(text):
        return None
    try:
        return _Rewriter(text).module()
    except (_NotPython, SyntaxError, ValueError):
        return None


def as_older(tree: ast.Module, source: bytes) -> ast.Module:
    """Return the tree of `source` from a newer parser with nodes of 3.11, like `module`; raises RecursionError."""
    if not hasattr(ast, "TypeAlias") or not _KEPT_NEWER.search(source):
        return tree
    older = _Older()
    older.visit(tree)
    return _with_statements(tree, older.bounds)


def _with_statements(tree: ast.Module, bounds: Iterable[ast.expr]) -> ast.Module:
    """Return `tree` with the bounds of type parameters as statements: Python evaluates them on demand."""
    tree.body += [ast.copy_location(ast.Expr(bound), bound) for bound in bounds]
    return tree


class _Older(ast.NodeTransformer):
    """Replaces nodes that 3.11 does not have, from the inside out."""

    def __init__(self) -> None:
        self.bounds: list[ast.expr] = []

    def visit(self, node: Any) -> ast.AST:
        """Return the replacement of a node."""
        self.generic_visit(node)
        for parameter in getattr(node, "type_params", ()):
            bounds = (getattr(parameter, name, None) for name in ("bound", "default_value"))
            self.bounds += [bound for bound in bounds if bound]
            node.type_params = []
        match type(node).__name__:
            case "TypeAlias":
                return ast.copy_location(ast.Assign([node.name], node.value), node)
            case "TemplateStr":
                return ast.copy_location(ast.JoinedStr(node.values), node)
            case "Interpolation":
                return ast.copy_location(ast.FormattedValue(node.value, node.conversion, node.format_spec), node)
        older: ast.AST = node
        return older


class _Rewriter:
    """One pass over source. f-strings and the expressions in them become names, which are replaced by trees later."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._lines = [place for place, letter in enumerate(text) if letter == "\n"]
        self._stands_for: dict[str, ast.expr] = {}
        self._expressions: list[tuple[str, str, int]] = []
        """Name, rewritten code and line of each expression; one call of the parser for all of them is faster."""
        self._bounds: list[ast.expr] = []
        self._depth = 0
        self._stem = "_stands_for_"
        while self._stem in text:
            self._stem += "_"

    def module(self) -> ast.Module:
        """Return the tree of the whole source."""
        tree = ast.parse(self._code())
        self._parse_expressions()
        _with_statements(tree, self._bounds)
        self._fill(tree)
        return tree

    def _parse_expressions(self) -> None:
        code = "".join(f"({code}\n),\n" for _, code, _ in self._expressions)
        found = ast.parse(f"({code})", mode="eval").body
        trees = found.elts if isinstance(found, ast.Tuple) else []
        if len(trees) != len(self._expressions):
            self._fail()
        begun = 1
        for tree, (name, code, line) in zip(trees, self._expressions, strict=True):
            ast.increment_lineno(tree, line - begun)
            begun += code.count("\n") + 2
            self._stands_for[name] = tree

    def _fill(self, tree: ast.AST) -> None:
        """Replace all names by the trees that they stand for."""
        left = [tree]
        while left:
            node = left.pop()
            for field, value in ast.iter_fields(node):
                if isinstance(value, list):
                    value[:] = map(self._replacement, value)
                    left += [item for item in value if isinstance(item, ast.AST)]
                elif isinstance(value, ast.AST):
                    setattr(node, field, self._replacement(value))
                    left.append(getattr(node, field))

    def _replacement(self, node: object) -> object:
        while isinstance(node, ast.Name) and (meant := self._stands_for.get(node.id)):
            node = ast.copy_location(meant, node) if isinstance(meant, ast.JoinedStr) else meant
        return node

    def _name(self) -> str:
        return f"{self._stem}{len(self._stands_for) + len(self._expressions)}"

    def _code(self, until: str = "") -> str:
        """Return the code from here to one of the characters `until` outside of brackets, or to the end if empty."""
        written: list[str] = []
        depth, fresh = 0, not until
        while token := _TOKEN.match(self.text, self.at):
            kind, found = token.lastgroup, token[0]
            if kind == "sign" and not depth and found in until:
                return "".join(written)
            if kind == "quote":
                written.append(self._group(bool(depth or until)))
            elif kind == "word":
                written.append(self._word(found, fresh))
            else:
                self.at = token.end()
                written.append(found)
                depth = max(depth + (found in "([{") - (found in ")]}"), 0)
            if kind != "gap":
                fresh = found in ("\n", ";", ":") and not depth and not until
        if until:
            self._fail()
        return "".join(written)

    def _fail(self) -> NoReturn:
        raise _NotPython(f"line {self._line(self.at)}")

    def _line(self, at: int) -> int:
        return bisect_left(self._lines, at) + 1

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail()

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _expect(self, pattern: re.Pattern[str]) -> str:
        """Return what `pattern` matches here, and move past it; fail if it does not match."""
        match = pattern.match(self.text, self.at)
        if match is None:
            self._fail()
        self.at = match.end()
        return match[0]

    def _word(self, word: str, fresh: bool) -> str:
        """Return the replacement of a word and of newer syntax that it begins; `fresh` at the start of a statement."""
        if word in ("def", "class") and (head := _HEAD.match(self.text, self.at)):
            self.at = head.end()
            return head[0] + self._parameters()
        if fresh and (alias := _ALIAS.match(self.text, self.at)):
            self.at = alias.end()
            return alias[1] + (self._parameters() if self._next() == "[" else "")
        if fresh and (lazy := _LAZY.match(self.text, self.at)):
            self.at = lazy.end()
            return ""
        self.at += len(word)
        return word + self._exceptions() if fresh and word == "except" else word

    def _exceptions(self) -> str:
        """Return the exceptions of a clause up to its colon, in parentheses if there are several."""
        caught = [self._code(",:")]
        while self._next() == ",":
            self.at += 1
            caught.append(self._code(",:"))
        if len(caught) == 1:
            return caught[0]
        star = "*" if caught[0].lstrip().startswith("*") else ""
        return f"{star} ({','.join(caught).lstrip().removeprefix('*')})"

    def _parameters(self) -> str:
        """Skip type parameters in brackets, keep their bounds and defaults, and return as many line breaks."""
        begun = self.at
        self._deeper()
        self.at += 1
        self._code(":=,]")
        while (stop := self._next()) != "]":
            self.at += 1
            start = self.at
            inside = self._code({":": "=,]", "=": ",]", ",": ":=,]"}[stop])
            if stop != ",":
                self._bounds.append(self._expression(inside, start))
        self.at += 1
        self._depth -= 1
        return "\\\n" * self.text.count("\n", begun, self.at)

    def _group(self, inside: bool) -> str:
        """Return the replacement of adjacent strings, which are one; `inside` brackets they may span lines."""
        begun = end = self.at
        parts: list[str | list[ast.expr]] = []
        while (token := _TOKEN.match(self.text, self.at)) and token.lastgroup == "quote":
            self.at = token.end()
            quote = token[0].lstrip("rRbBuUfFtT")
            prefix = token[0].removesuffix(quote).lower()
            if "f" in prefix or "t" in prefix:
                parts.append(self._formatted(quote, "r" in prefix))
            else:
                self._expect(_PLAIN[quote])
                parts.append(self.text[token.start() : self.at])
            end = self.at
            self._expect(_GAPS_AND_LINES if inside else _GAPS)
        self.at = end
        if all(isinstance(part, str) for part in parts):
            return self.text[begun:end]
        values: list[ast.expr] = []
        for part in parts:
            values += [self._constant(ast.literal_eval(part), begun)] if isinstance(part, str) else part
        name = self._name()
        self._stands_for[name] = ast.JoinedStr(_joined(values))
        return "".join(("(", name, "\n" * self.text.count("\n", begun, end), ")"))

    def _formatted(self, quote: str, raw: bool) -> list[ast.expr]:
        """Return the literals and fields of an f-string, and move past its closing `quote`."""
        self._deeper()
        values: list[ast.expr] = []
        while not self.text.startswith(quote, self.at):
            if self._next() == "{" and not self.text.startswith("{{", self.at):
                values += self._field(raw)
            else:
                values.append(self._literal(_TEXTS[quote, raw], raw))
        self.at += len(quote)
        self._depth -= 1
        return values

    def _literal(self, pattern: re.Pattern[str], raw: bool) -> ast.Constant:
        """Return the literal text here, which must not be empty."""
        start = self.at
        text = _DOUBLE.sub(lambda match: match[0][0], self._expect(pattern))
        if not raw and "\\" in text:
            text = text.encode("latin-1", "backslashreplace").decode("unicode_escape")
        return self._constant(text, start)

    def _field(self, raw: bool) -> list[ast.expr]:
        """Return the field in braces here, after its own source if it is written as `{x=}`."""
        self.at += 1
        start = self.at
        expression = self._expression(self._code("!:=}"), start)
        shown: list[ast.expr] = []
        if self._next() == "=":
            self.at += 1
            self._expect(_GAPS_AND_LINES)
            shown = [self._constant(self.text[start : self.at], start)]
        conversion = ord(self._expect(_CONVERSION)[1:].strip()) if self._next() == "!" else -1
        layout = self._layout(raw) if self._next() == ":" else None
        if self._next() != "}":
            self._fail()
        self.at += 1
        if shown and conversion < 0 and layout is None:
            conversion = ord("r")
        return [*shown, self._placed(ast.FormattedValue(expression, conversion, layout), start)]

    def _layout(self, raw: bool) -> ast.JoinedStr:
        """Return the format specification here, from the colon to the brace, with its nested fields."""
        start = self.at
        self.at += 1
        values: list[ast.expr] = []
        while self._next() != "}":
            values += self._field(raw) if self._next() == "{" else [self._literal(_LAYOUT, raw)]
        return self._placed(ast.JoinedStr(_joined(values)), start)

    def _expression(self, code: str, start: int) -> ast.Name:
        """Return a name that stands for the expression in rewritten `code`, which was at `start`."""
        if not code.strip():
            self._fail()
        name = self._name()
        self._expressions.append((name, code, self._line(start)))
        return self._placed(ast.Name(name, ast.Load()), start)

    def _constant(self, value: object, start: int) -> ast.Constant:
        if not isinstance(value, str):
            self._fail()
        return self._placed(ast.Constant(value), start)

    def _placed(self, node: Node, start: int) -> Node:
        node.lineno = node.end_lineno = self._line(start)
        node.col_offset = node.end_col_offset = 0
        return node


def _joined(values: Iterable[ast.expr]) -> list[ast.expr]:
    """Return `values` with adjacent strings joined, as the parser would."""
    joined: list[ast.expr] = []
    for is_text, group in groupby(values, lambda value: isinstance(value, ast.Constant)):
        items = list(group)
        text = "".join(str(item.value) for item in items if isinstance(item, ast.Constant))
        if not is_text:
            joined += items
        elif text:
            joined.append(ast.copy_location(ast.Constant(text), items[0]))
    return joined
