"""What a Jinja template reaches when it is rendered, derived from its syntax tree: never compiled, never rendered.

Chat templates of tokenizers and GGUF files are rendered by loaders, some of them without a sandbox (CVE-2024-34359).
Each `template` fact has `path`, `line` and `how` the value is reached: `attribute` (names that begin with an
underscore, names of interpreter internals), `dynamic-attribute`, `global`, `load`, `url`, `instruction`, `exhaustion`,
`invisible`, `concealed`, `sending` (an address to which the conversation is appended). For a setting that is not a chat
template, only `held` is reported: what leads to the interpreter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from modelsweep.core.finding import Fact, Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.scanner import Item
from modelsweep.core.text import printable
from modelsweep.core.units import KIB
from modelsweep.core.values import replace
from scanners.parsing.concealed_orders import concealed_order
from scanners.parsing.template_names import INTERNALS, LEADING

NAME = "template"
TEMPLATE_LIMIT = 512 * KIB
"""Maximum characters of a template that is parsed: the longest in use have some 20,000."""
_MAX_FOLDED = 1000
"""Maximum characters of a constant expression that are computed."""
_SHOWN = 100
_TO_INTERPRETER = re.compile("|".join(LEADING))
_URL = re.compile(r"https?://[^\s\"'<>`{}|\\)\]]{3,200}")
_MAX_ROUNDS, _MAX_BITS = 10_000_000, 1_000_000
"""Limits far beyond any real template: rounds of a loop or characters of a text, and bits of a number."""
_INVISIBLE = re.compile(
    "[\u202a-\u202e\u2066-\u2069]"
    "|[\u200b-\u200d\u2060-\u2064\ufeff]{8}"
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]"
)
"""Marks of text direction, text in Unicode tags (except in flags of regions), and text in zero-width marks."""
_SENDING = re.compile(r"https?://[^\s\"'<>`{}|\\)\]\ufffd]{3,200}(?=\ufffd)")
_HOSTS = re.compile(r"(?<![\w.-])(?:[a-z\d][a-z\d-]{0,62}\.){1,8}[a-z]{2,24}(?![\w.-])", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]{2,}")
_PLAIN = re.compile(r"[\w ,.'!?-]{3,}")
_RAISE_FUNCTION = "raise_exception"
"""A function that loaders pass to chat templates, which rejects messages with an error text."""
_LATER_COMPARISONS, _MIN_LATE_MESSAGE = frozenset({"gt", "gteq", "eq"}), 3
"""Comparisons with which a condition waits for a message, and the message number from which that is suspicious."""
_MIN_INSTRUCTION_WORDS = 4
"""Minimum words of a text that reads as an instruction."""


class _Generation(Extension):
    """The block `{% generation %}` of transformers, which marks the assistant's output."""

    tags = {"generation"}  # noqa: RUF012 (as jinja2 declares it)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the body of the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@cache
def _environment() -> Environment:
    return Environment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do", _Generation])  # noqa: S701 (never renders)


def template_facts(text: str, locator: Locator, path: str) -> Iterator[Item]:
    """Yield what the template `text` at `path` of the file reaches, or a Problem if that is unclear."""
    if len(text) > TEMPLATE_LIMIT:
        detail = f"the template {path} is longer than {TEMPLATE_LIMIT:,} characters"
        yield Problem(ProblemKind.LIMIT, locator, NAME, detail)
        return
    first: dict[tuple[str, str], int] = _CACHE.get(text, {})
    try:
        if text not in _CACHE:
            for how, value, line in _Walk(_environment().parse(text)).reached():
                first.setdefault((how, value), line)
            _remember(text, first)
    except TemplateSyntaxError as error:
        detail = f"the template {path} cannot be parsed: {printable(str(error.message), 150)} (line {error.lineno})"
        yield Problem(ProblemKind.UNSUPPORTED, locator, NAME, detail)
    except RecursionError:
        yield Problem(ProblemKind.LIMIT, locator, NAME, f"the template {path} is nested too deep")
    for (how, value), line in first.items():
        yield Fact("template", printable(value, _SHOWN), locator, detail={"how": how, "path": path, "line": line})


def leads_to_interpreter(item: Item) -> bool:
    """Return whether an item of a template leads to the interpreter, even if its own program renders it."""
    if isinstance(item, Problem):
        return item.kind is ProblemKind.LIMIT
    return (
        isinstance(item, Fact) and item.detail["how"] == "attribute" and _TO_INTERPRETER.search(item.value) is not None
    )


def held_facts(text: str, locator: Locator, path: str) -> Iterator[Item]:
    """Yield what leads to the interpreter in a setting, if that is a template which a program may render."""
    if not _TO_INTERPRETER.search(text) or not ("{{" in text or "{%" in text):
        return
    for item in template_facts(text, locator, path):
        if isinstance(item, Fact) and _TO_INTERPRETER.search(item.value):
            yield replace(item, detail={**item.detail, "how": "held"})


_CACHE: dict[str, dict[tuple[str, str], int]] = {}
_MAX_CACHED_LENGTH, _MAX_CACHED = 16 * KIB, 16
"""Maximum characters of a template whose result is cached, and maximum entries: files of one model share templates."""


def _remember(text: str, first: dict[tuple[str, str], int]) -> None:
    if len(text) <= _MAX_CACHED_LENGTH and len(first) <= _MAX_CACHED_LENGTH // _SHOWN:
        if len(_CACHE) >= _MAX_CACHED:
            _CACHE.clear()
        _CACHE[text] = first


Reached = tuple[str, str, int]
_UNKNOWN = "\ufffd"
_MAX_DEPTH = 20
_REPEATING_CALLS = frozenset("range center ljust rjust zfill indent batch slice lipsum".split())
"""Functions, methods and filters that repeat or count as often as a number tells."""
_DUNDER = re.compile(rf"(?<![^\W_])__[a-zA-Z{_UNKNOWN}][\w{_UNKNOWN}]*")
_PATH = re.compile(r"\w+(?:\.\w+)*")
"""The argument of filters such as `map(attribute=...)`: dotted names."""
_WIDE_FIELD = re.compile(r"%[-+ #0]*\d{8,15}[a-zA-Z]|\{\w*:[^{}]{0,3}\d{8,15}[^{}]{0,3}\}")
"""Format fields that are wider than any text."""
_IN_BRACES = re.compile(r"\{([^{}]*+)\}")
_UNDERSCORED = re.compile(r"__\w+")
_MESSAGE_NAME = re.compile(r"content|text|prompt|query|question|input", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")
_LISTS = (nodes.List, nodes.Tuple)
_BUILDERS = (nodes.Concat, nodes.Add, nodes.Mul, nodes.Mod, nodes.Filter, nodes.Call, nodes.Getitem)
_LINE = "___"
"""Part of a line that a text is filled up with, and of no name."""
_MAX_PARTS = 32
"""Maximum texts of a list that are computed one by one."""
_METHODS = frozenset("strip lstrip rstrip removeprefix removesuffix rjust ljust center zfill title capitalize".split())
"""Methods of texts that are computed with their arguments."""
_FUNCTIONS = frozenset({"cycler", "joiner", "lipsum", "range", "dict", "namespace", "self"})
"""What Jinja itself provides, of which no item has a name."""
_CHANGED: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "strip": str.strip,
    "string": str,
    "safe": str,
    "reverse": lambda text: text[::-1],
}


class _Walk:
    """One pass over a template's tree; constant expressions are computed, also through `set`."""

    def __init__(self, tree: nodes.Template) -> None:
        self.tree = tree
        self.known: dict[str, str] = {}
        self.spoken: set[str] = set()
        self.dated = {"strftime_now"}
        self.bound = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
        self.bound |= {node.name for node in tree.find_all(nodes.Macro)}
        for loop in tree.find_all(nodes.For):
            if isinstance(loop.target, nodes.Name) and isinstance(loop.iter, _LISTS):
                self.known[loop.target.name] = self._fold(loop.iter)  # as if all were put together
        for block in tree.find_all(nodes.AssignBlock):
            if isinstance(block.target, nodes.Name):
                self._grow(block.target.name, self._captured(block))
        for item in tree.find_all(nodes.Assign):
            self._take_members(item)
            if isinstance(item.target, nodes.Name):
                value = self._fold(item.node)
                if self._is_message(item.node):
                    self.spoken.add(item.target.name)
                if any(name.name in self.dated for name in item.node.find_all(nodes.Name)):
                    self.dated.add(item.target.name)
                earlier = self.known.get(item.target.name)
                self.known[item.target.name] = value if earlier is None else f"{earlier} {value}"[:_MAX_FOLDED]

    def _take_members(self, item: nodes.Assign) -> None:
        """Record the values of a namespace's attributes."""
        target, made = item.target, item.node
        if isinstance(target, nodes.NSRef):
            self._grow(f"{target.name}.{target.attr}", self._fold(made))
        elif isinstance(target, nodes.Name) and isinstance(made, nodes.Call) and _last_name(made.node) == "namespace":
            for given in made.kwargs:
                self._grow(f"{target.name}.{given.key}", self._fold(given.value))

    def _grow(self, name: str, value: str) -> None:
        """Record that an attribute of a namespace is a text, or its former value with more text."""
        earlier = self.known.get(name)
        self.known[name] = value if earlier is None or earlier in value else f"{earlier} {value}"[:_MAX_FOLDED]

    def _captured(self, block: nodes.AssignBlock) -> str:
        """Return what a `set` block writes, as if each of its statements ran once."""
        parts = [part for output in _outputs(block.body) for part in output.nodes]
        text = "".join(part.data if isinstance(part, nodes.TemplateData) else self._fold(part) for part in parts)
        return _CHANGED.get(block.filter.name if block.filter else "", str)(text[:_MAX_FOLDED])

    def reached(self) -> Iterator[Reached]:
        """Yield (how, value, line) for everything that a judge should see."""
        for node in self.tree.find_all(nodes.Node):
            for how, value in self._seen(node):
                yield how, value, node.lineno

    def _seen(self, node: nodes.Node) -> Iterator[tuple[str, str]]:
        if isinstance(node, (nodes.Getattr, nodes.Keyword)):
            name = node.attr if isinstance(node, nodes.Getattr) else node.key
            if "__" in name or (name in INTERNALS and isinstance(node, nodes.Getattr)):
                yield "attribute", name
        elif isinstance(node, nodes.Const):
            yield from self._constant(node.value)
        elif isinstance(node, nodes.TemplateData):
            yield from _written(node.data)
        elif isinstance(node, (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)):
            yield "load", self._fold(node.template)
        elif isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in self.bound:
            yield "global", node.name
        else:
            yield from self._composed(node)

    def _composed(self, node: nodes.Node) -> Iterator[tuple[str, str]]:
        """Yield what depends on the combination of a node's parts."""
        if isinstance(node, (nodes.If, nodes.CondExpr)):
            yield from self._instruction(node)
        if isinstance(node, _BUILDERS):
            yield from self._built(node)
        if isinstance(node, (nodes.Output, nodes.Concat, nodes.Add)):
            yield from self._sending(node)
        if isinstance(node, (nodes.Pow, nodes.Mul, nodes.Call, nodes.Filter)):
            yield from _exhaustion(node)
        if isinstance(node, nodes.For) and (rounds := _rounds(node)) > _MAX_ROUNDS:
            yield "exhaustion", f"loops of {rounds} rounds"

    def _constant(self, value: object) -> Iterator[tuple[str, str]]:
        if isinstance(value, str):
            yield from _written(value)
            named = (_UNDERSCORED.findall(inside)[-1:] for inside in _IN_BRACES.findall(value))
            yield from (("attribute", name) for names in named for name in names)
            yield from (("exhaustion", form) for form in _WIDE_FIELD.findall(value))
            if value in INTERNALS or any(map(_DUNDER.fullmatch, value.split(".") if _PATH.fullmatch(value) else ())):
                yield "attribute", value

    def _built(self, node: nodes.Expr) -> Iterator[tuple[str, str]]:
        """Yield names that `node` builds, and computed attribute names that are unknown."""
        for name in _DUNDER.findall(self._fold(node)):
            yield "attribute", name.replace(_UNKNOWN, "?")
        yield from self._swapped(node)
        if isinstance(node, nodes.Filter) and node.name == "attr" and node.args:
            name = self._fold(node.args[0])
            if _UNKNOWN in name:
                yield "dynamic-attribute", name.replace(_UNKNOWN, "?")
            elif name in INTERNALS or _DUNDER.fullmatch(name):
                yield "attribute", name
        argument = node.arg if isinstance(node, nodes.Getitem) else None
        for name in _DUNDER.findall(self._fold(argument)) if isinstance(argument, (nodes.Name, nodes.Getattr)) else ():
            yield "attribute", name.replace(_UNKNOWN, "?")
        hidden = isinstance(argument, nodes.Concat) and not self._fold(argument).strip(_UNKNOWN)
        if hidden or (self._is_function(node) and argument and _UNKNOWN in self._fold(argument)):
            yield "dynamic-attribute", "?"

    def _is_function(self, node: nodes.Expr) -> bool:
        """Return whether `node` looks up an item of a function of Jinja: it has none, only attributes."""
        owner = node.node if isinstance(node, nodes.Getitem) else None
        return isinstance(owner, nodes.Name) and owner.name in _FUNCTIONS - self.bound

    def _swapped(self, node: nodes.Expr) -> Iterator[tuple[str, str]]:
        """Yield the host that replaces another one in the conversation."""
        if not isinstance(node, (nodes.Filter, nodes.Call)) or len(node.args) < 2:
            return
        called = node.name if isinstance(node, nodes.Filter) else _last_name(node.node)
        source = node.node.node if isinstance(node.node, nodes.Getattr) and isinstance(node, nodes.Call) else node.node
        if called == "replace" and self._is_message(source):
            hosts = [_HOSTS.findall(self._fold(argument)) for argument in node.args[:2]]
            other = [host for host in hosts[1] if not any(f".{was}".endswith(f".{host}") for was in hosts[0])]
            if hosts[0] and other:
                yield "instruction", f"{hosts[0][0]}: {other[0]} in its place"

    def _sending(self, node: nodes.Output | nodes.Concat | nodes.Add) -> Iterator[tuple[str, str]]:
        """Yield addresses with the conversation appended, so that following the link sends it there."""
        if isinstance(node, nodes.Add):
            parts: list[nodes.Expr] = [node.left, node.right]
        else:
            parts = node.nodes
        for before, after in pairwise(parts):
            if self._is_message(after) or any(map(self._is_message, after.find_all((nodes.Getattr, nodes.Getitem)))):
                text = before.data if isinstance(before, nodes.TemplateData) else self._fold(before)
                yield from (("sending", url) for url in _SENDING.findall(text + _UNKNOWN))

    def _instruction(self, node: nodes.If | nodes.CondExpr) -> Iterator[tuple[str, str]]:
        """Yield text that is added only if the conversation contains certain words."""
        tested = [word for word in self._searched_texts(node.test) if _PLAIN.fullmatch(word) and _WORDS.search(word)]
        tested = tested or list(self._dated(node.test))
        late = [] if tested else list(_late(node.test))
        if not tested and not late:
            return
        branches = [*node.body, *node.else_] if isinstance(node, nodes.If) else [node.expr1, node.expr2]
        if late:  # text before that message is the normal case
            tested, branches = late, branches[: len(node.body) if isinstance(node, nodes.If) else 1]
        for text in (text for branch in branches if branch for text in self._texts(branch)):
            if len(_WORDS.findall(_MARKUP.sub(" ", text))) >= _MIN_INSTRUCTION_WORDS:
                yield "instruction", f"{tested[0]}: {text.strip()}"

    def _dated(self, test: nodes.Node) -> Iterator[str]:
        """Yield the date that a condition waits for: no honest template changes its behaviour on a certain day."""
        for node in [test, *test.find_all(nodes.Compare)]:
            if isinstance(node, nodes.Compare):
                sides = [node.expr, *(operand.expr for operand in node.ops)]
                called = [part for side in sides for part in (side, *side.find_all(nodes.Name))]
                if any(isinstance(part, nodes.Name) and part.name in self.dated for part in called):
                    fixed = (str(side.value) for side in sides if isinstance(side, nodes.Const))
                    yield from (text for text in fixed if any(map(str.isdigit, text)))

    def _texts(self, node: nodes.Node) -> Iterator[str]:
        """Yield the texts that a statement writes or sets, except those of errors, which stop rendering."""
        refuses = (
            isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == _RAISE_FUNCTION
        )
        if refuses and _RAISE_FUNCTION not in self.bound:
            return
        text = node.data if isinstance(node, nodes.TemplateData) else getattr(node, "value", None)
        if isinstance(text, str):
            yield text
        for child in node.iter_child_nodes():
            yield from self._texts(child)

    def _searched_texts(self, test: nodes.Node) -> Iterator[str]:
        """Yield the texts that a condition searches for in the conversation."""
        for node in [test, *test.find_all((nodes.Compare, nodes.Call))]:
            if isinstance(node, nodes.Compare):
                sides = [node.expr, *(operand.expr for operand in node.ops)]
            elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
                sides = [node.node.node, *node.args]
            else:
                continue
            if any(self._is_message(side) for side in sides):
                flat = [item for side in sides for item in (side.items if isinstance(side, _LISTS) else [side])]
                yield from (
                    item.value for item in flat if isinstance(item, nodes.Const) and isinstance(item.value, str)
                )

    def _is_message(self, node: nodes.Node | None) -> bool:
        """Return whether `node` is the text of a message, judging by its name."""
        while isinstance(node, (nodes.Filter, nodes.Call, nodes.Getattr, nodes.Getitem)):
            if isinstance(node, nodes.Getattr) and _MESSAGE_NAME.search(node.attr):
                return True
            if (
                isinstance(node, nodes.Getitem)
                and isinstance(node.arg, nodes.Const)
                and isinstance(node.arg.value, str)
            ):
                return bool(_MESSAGE_NAME.search(node.arg.value))
            node = node.node
        return isinstance(node, nodes.Name) and (node.name in self.spoken or bool(_MESSAGE_NAME.search(node.name)))

    def _fold(self, node: nodes.Node, depth: int = 0) -> str:
        """Return the text that `node` evaluates to, with `_UNKNOWN` for parts known only when rendered."""
        return self._folded(node, depth)[:_MAX_FOLDED] if depth < _MAX_DEPTH else _UNKNOWN

    def _folded(self, node: nodes.Node, depth: int) -> str:
        if isinstance(node, nodes.Const):
            return str(node.value)
        if isinstance(node, (nodes.Name, nodes.Getattr)):
            member = f".{node.attr}" if isinstance(node, nodes.Getattr) else ""
            owner = node.node if isinstance(node, nodes.Getattr) else node
            return self.known.get(f"{_last_name(owner)}{member}", _UNKNOWN)
        if isinstance(node, (nodes.Concat, nodes.List, nodes.Tuple)):
            parts = node.nodes if isinstance(node, nodes.Concat) else node.items
            return "".join(self._fold(part, depth + 1) for part in parts[:_MAX_FOLDED])
        if isinstance(node, nodes.Add):
            return self._fold(node.left, depth + 1) + self._fold(node.right, depth + 1)
        if isinstance(node, nodes.Mul):
            times = node.right.value if isinstance(node.right, nodes.Const) else 1
            return self._fold(node.left, depth + 1) * (min(times, _MAX_FOLDED) if isinstance(times, int) else 1)
        if isinstance(node, nodes.Mod):
            return self._formatted(self._fold(node.left, depth + 1), [node.right], depth)
        if isinstance(node, nodes.Getitem):
            return self._sliced(node, depth) if isinstance(node.arg, nodes.Slice) else self._item(node, depth)
        return self._called(node, depth)

    def _sliced(self, node: nodes.Getitem, depth: int) -> str:
        """Return the part of a text that a slice with constant numbers selects, including a reversed text."""
        assert isinstance(node.arg, nodes.Slice)
        whole, edges = self._fold(node.node, depth + 1), list[int | None]()
        if _UNKNOWN in whole and (node.arg.start or node.arg.stop):
            return _UNKNOWN
        for edge in (node.arg.start, node.arg.stop, node.arg.step):
            number = _number(edge.node if isinstance(edge, nodes.Neg) else edge) if edge else None
            if edge and number is None:
                return _UNKNOWN
            edges.append(-number if number is not None and isinstance(edge, nodes.Neg) else number)
        return whole[slice(*edges)] if edges[2] != 0 else _UNKNOWN

    def _called(self, node: nodes.Node, depth: int) -> str:
        """Return the result of a filter or a string method."""
        if isinstance(node, nodes.Filter) and node.node is not None:
            name, source = node.name, node.node
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            name, source = node.node.attr, node.node.node
        else:
            return _UNKNOWN
        if name == "join":
            return self._joined(node, source, depth)
        if name in ("first", "last"):
            parts = self._parts(source, depth)
            return parts[-1 if name == "last" else 0] if parts else _UNKNOWN
        text = self._fold(source, depth + 1)
        if name in _CHANGED and not node.args:
            return _CHANGED[name](text)
        if name in _METHODS or name == "trim":
            return self._by_method("strip" if name == "trim" else name, text, node.args, depth)
        if name == "format":
            return self._formatted(text, node.args, depth, node.kwargs)
        if name == "replace" and len(node.args) == 2:
            return text.replace(self._fold(node.args[0], depth + 1), self._fold(node.args[1], depth + 1))
        return _UNKNOWN

    def _joined(self, node: nodes.Filter | nodes.Call, source: nodes.Node, depth: int) -> str:
        """Return the joined items of a list; `|join(x)` and `x.join()` differ in the order of operands."""
        items: nodes.Node = source
        between: nodes.Node | None = node.args[0] if node.args else None
        if isinstance(node, nodes.Call) and between is not None:
            items, between = between, source
        parts = self._parts(items, depth)
        glue = self._fold(between, depth + 1) if between is not None else ""
        return glue.join([self._fold(items, depth + 1)] if parts is None else parts)

    def _parts(self, node: nodes.Node, depth: int) -> list[str] | None:
        """Return the texts of a list, of a text that is split, or of those that a filter makes of others."""
        if depth >= _MAX_DEPTH:
            return None
        if isinstance(node, _LISTS):
            return [self._fold(part, depth + 1) for part in node.items[:_MAX_FOLDED]]
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "split":
            between = self._fold(node.args[0], depth + 1) if node.args else None
            return self._fold(node.node.node, depth + 1).split(between or None)[:_MAX_PARTS]
        if isinstance(node, nodes.Filter) and node.name == "map" and node.node is not None and node.args:
            parts, by, *given = self._parts(node.node, depth + 1), *node.args
            name = by.value if isinstance(by, nodes.Const) else ""
            made = [nodes.Filter(nodes.Const(part), name, given, [], None, None) for part in (parts or ())[:_MAX_PARTS]]
            return [self._fold(part, depth + 1) for part in made] if parts is not None and name else None
        return None

    def _item(self, node: nodes.Getitem, depth: int) -> str:
        """Return the item of a list of texts that a constant number selects."""
        at, parts = _number(node.arg), self._parts(node.node, depth)
        return parts[at] if at is not None and parts is not None and -len(parts) <= at < len(parts) else _UNKNOWN

    def _by_method(self, name: str, text: str, arguments: list[nodes.Expr], depth: int) -> str:
        """Return what a method of a text returns for constant arguments."""
        given = [_number(item) if _number(item) is not None else self._fold(item, depth + 1) for item in arguments]
        if any(isinstance(item, int) and item > _MAX_FOLDED for item in given) or _UNKNOWN in given:
            return _UNKNOWN
        try:
            made = str(getattr(str, name)(text, *given))
        except TypeError:
            return _UNKNOWN
        return _UNKNOWN if _LINE in made else made

    def _formatted(self, text: str, arguments: list[nodes.Expr], depth: int, named: Iterable[nodes.Node] = ()) -> str:
        """Fill the placeholders of `text`, for `%` and braces, in order or by name; `c` converts numbers."""
        flat = [item for part in arguments for item in (part.items if isinstance(part, nodes.Tuple) else [part])]
        values = iter([self._fold(item, depth + 1) for item in flat])
        by_name = {item.key: self._fold(item.value, depth + 1) for item in named if isinstance(item, nodes.Keyword)}

        def fill(match: re.Match[str]) -> str:
            key = match[1] or match[2]
            value = by_name.get(key, _UNKNOWN) if key else next(values, _UNKNOWN)
            is_letter = match[0][-1] == "c" or match[0].endswith(":c}")
            return chr(int(value)) if is_letter and value.isdecimal() and int(value) < 0x110000 else value

        return re.sub(r"%(?:\(([a-zA-Z_]\w*)\))?[sc]|\{(?:[0-9]*|([a-zA-Z_]\w*))(?::[sc])?\}", fill, text)


def _late(test: nodes.Node) -> Iterator[str]:
    """Yield the message for which a condition waits; honest templates only test for the first and the last."""
    for node in [test, *test.find_all(nodes.Compare)]:
        if isinstance(node, nodes.Compare) and node.ops:
            counted, number = node.expr, _number(node.ops[0].expr)
            if (
                node.ops[0].op in _LATER_COMPARISONS
                and number is not None
                and number >= _MIN_LATE_MESSAGE
                and _counts(counted)
            ):
                yield f"from message {number} on"


def _counts(node: nodes.Node) -> bool:
    """Return whether `node` is the number of messages, or the index of a loop."""
    if isinstance(node, nodes.Filter) and node.name in ("length", "count") and node.node is not None:
        return _last_name(node.node) == "messages"
    return isinstance(node, nodes.Getattr) and node.attr in ("index", "index0") and _last_name(node.node) == "loop"


def _outputs(body: Iterable[nodes.Node]) -> Iterator[nodes.Output]:
    """Yield what statements write, in order, except in `set` blocks."""
    for node in body:
        if isinstance(node, nodes.Output):
            yield node
        elif not isinstance(node, nodes.AssignBlock):
            yield from _outputs(node.iter_child_nodes())


def _written(text: str) -> Iterator[tuple[str, str]]:
    """Yield what is suspicious in a text that the template writes regardless of the conversation."""
    yield from (("url", url) for url in _URL.findall(text))
    yield from _invisible(text)
    if order := concealed_order(text):
        yield "concealed", order


def _invisible(text: str) -> Iterator[tuple[str, str]]:
    match = None if text.isascii() else _INVISIBLE.search(text)
    if match:
        # (text in tags is that of ASCII, moved)
        shown = "".join(chr(ord(c) - 0xE0000) if 0xE0020 <= ord(c) <= 0xE007E else c for c in text[match.start() :])
        yield "invisible", ascii(shown[:_SHOWN])


def _exhaustion(node: nodes.Pow | nodes.Mul | nodes.Call | nodes.Filter) -> Iterator[tuple[str, str]]:
    """Yield arithmetic, loops and texts over constants that exhaust any machine."""
    if isinstance(node, (nodes.Call, nodes.Filter)):
        name = node.name if isinstance(node, nodes.Filter) else _last_name(node.node)
        given = [*node.args, *(item.value for item in node.kwargs)]
        most = max((abs(number) for number in map(_number, given) if number is not None), default=0)
        if name in _REPEATING_CALLS and most > _MAX_ROUNDS:
            yield "exhaustion", f"{name}({most})"
        return
    left, right = _number(node.left), _number(node.right)
    if isinstance(node, nodes.Pow):
        if right is not None and (left or 2).bit_length() * right > _MAX_BITS:
            yield "exhaustion", f"** {right}"
    elif max(left or 0, right or 0) > _MAX_ROUNDS and any(
        isinstance(one, (nodes.List, nodes.Const)) for one in _sides(node)
    ):
        yield "exhaustion", f"* {max(left or 0, right or 0)}"


def _last_name(node: nodes.Node) -> str:
    return node.name if isinstance(node, nodes.Name) else node.attr if isinstance(node, nodes.Getattr) else ""


def _rounds(node: nodes.For, depth: int = 0) -> int:
    """Return how often the innermost of nested loops over constant ranges runs, or 0 if one is not such a loop."""
    made = node.iter
    if not (isinstance(made, nodes.Call) and _last_name(made.node) == "range") or depth > _MAX_DEPTH:
        return 0
    own = max((abs(number) for number in map(_number, made.args) if number is not None), default=0)
    inner = [_rounds(part, depth + 1) for part in node.body if isinstance(part, nodes.For)]
    return own * max([1, *inner]) if depth or inner else 0  # (a single loop is reported as a call of range)


def _sides(node: nodes.Mul) -> list[nodes.Expr]:
    """Return the repeated operands: texts and lists, not numbers."""
    return [one for one in (node.left, node.right) if _number(one) is None]


def _number(node: nodes.Node) -> int | None:
    value = node.value if isinstance(node, nodes.Const) else None
    if (
        isinstance(node, nodes.Pow)
        and (of := _number(node.left)) is not None
        and (to := _number(node.right)) is not None
    ):
        value = of**to if 0 <= to * of.bit_length() < 64 else _MAX_BITS
    return value if isinstance(value, int) else None
