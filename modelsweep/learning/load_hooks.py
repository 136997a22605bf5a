"""Whether instances of a class may be made without `__init__`, given a state and filled: an AST check of what runs.

Loading a pickle runs, of a class: `__new__`, `__setstate__`, attribute setters, `append`/`extend`/`add`/`__setitem__`,
hashing and comparison (keys of a dict under construction), truth of a state, and `__del__`. A class qualifies when
every such hook written in Python, in the class or above it, calls nothing but what :mod:`reviewed_code` lists or what
passes this same check, some levels deep. The check refuses whatever it does not understand.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelsweep.learning.reviewed_code import (
    FILE_FUNCTIONS,
    HARMLESS_BASES,
    HARMLESS_BUILTINS,
    HARMLESS_CALLS,
    HARMLESS_DECORATORS,
    HARMLESS_METHODS,
    HARMLESS_PREFIXES,
    LOGGING_METHODS,
    UNSET,
    is_read,
)
from modelsweep.learning.source_index import ClassSource, FunctionNode, imported_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modelsweep.learning.source_index import Sources

LOAD_HOOKS = (
    "__new__", "__setstate__", "__setattr__", "__getattr__", "__getattribute__", "__hash__", "__eq__", "__bool__",
    "__len__", "__del__", "append", "extend", "add", "__setitem__",
)  # fmt: skip
ENUM_BASES = frozenset(
    {"enum.Enum", "enum.IntEnum", "enum.Flag", "enum.IntFlag", "enum.StrEnum", "lightning_utilities.core.enums.StrEnum"}
)
GIVEN = {"append": 1, "extend": 1, "add": 1, "__setitem__": 2}
"""What loading hands to hooks that others call with more: `buffer.append(observation, action, reward)` only raises."""
CONSTRUCTORS = frozenset({"__init__", "__post_init__"})
ENUM_HOOKS = ("_missing_", "__getattr__", "__hash__", "__eq__", "__setattr__", "__del__")
SETTER = "__setattr__"
HARMLESS_METACLASSES = frozenset(
    {"builtins.type", "abc.ABCMeta", "enum.EnumMeta", "enum.EnumType", "typing._ProtocolMeta", "torch._C._TensorMeta"}
)
COPIED = frozenset({"__reduce__", "__reduce_ex__"})
_SETTERS = frozenset({"builtins.setattr", "builtins.delattr"})
CALLED_KEYWORDS = frozenset({"key", "default_factory", "repl"})
CALLED_ARGUMENTS = {"reduce": 0, "sub": 1, "subn": 1}
"""Which argument of a harmless callable it calls."""
MAX_CALL_DEPTH = 6
MAX_BASE_DEPTH = 40


@dataclass(frozen=True)
class Verdict:
    """What loading may do with a class: `refusal` is why its instances may not be built and filled, if they may not.

    `setters` are the properties whose setter does not pass: they run only for a slots state that has their name.
    """

    refusal: str = ""
    setters: tuple[str, ...] = ()
    is_enum: bool = False


@dataclass(frozen=True)
class _Scope:
    """One function under examination: where it stands, and the class of the instance it would run on."""

    module: str
    owner: ClassSource | None
    instance: ClassSource | None
    names: dict[str, str | None] = field(default_factory=dict)  # local name → dotted path, None for a mere value
    nested: frozenset[str] = frozenset()
    first: str = ""


class HookChecker:
    """Judges classes of one :class:`Sources`, remembering what it found."""

    def __init__(
        self,
        sources: Sources,
        is_known_base: Callable[[str], bool] = lambda _path: False,
        accepted: frozenset[str] = frozenset(),
        *,
        plain: bool = False,
    ) -> None:
        self.sources = sources
        self._plain = plain  # of states that are dictionaries: BUILD puts their items into `__dict__` itself
        self._is_known_base = is_known_base
        self._accepted = accepted  # hooks that a rule looks after
        self._ancestry: dict[str, tuple[tuple[ClassSource, ...], str, frozenset[str]]] = {}
        self._calls: dict[tuple[int, str], str] = {}
        self.called_attributes: set[str] = set()
        """Names that hooks look up on an instance and call: the state of the instance may shadow them."""

    def judge(self, found: ClassSource) -> Verdict:
        """The verdict on one class, in its own terms and those of everything it inherits."""
        ancestry, unknown, external = self._ancestors(found)
        if unknown:
            return Verdict(refusal=f"base {unknown} is not known")
        if external & ENUM_BASES:
            return Verdict(refusal=self._first_refusal(found, ancestry, ENUM_HOOKS), is_enum=True)
        hooks = [hook for hook in LOAD_HOOKS if hook != SETTER or not self._plain]
        return Verdict(
            refusal=self._first_refusal(found, ancestry, hooks),
            setters=tuple(sorted(set(self._refused_setters(found, ancestry)))),
        )

    def judge_call(self, found: ClassSource) -> str:
        """Why a class may not be called with any arguments at all; empty where it may."""
        return self._metaclass_refusal(found) or self._constructor_refusal(found, 0)

    def judge_reactions(self, found: ClassSource) -> str:
        """Why an instance may not be handed to what iterates over it, converts it or reads an attribute; or nothing."""
        above = self._ancestors(found)[0]
        known = {own.path for one in above if self._is_known_base(one.path) for own in self._ancestors(one)[0]}
        ancestry = tuple(one for one in above if one.path not in known)
        names = {name for owner in ancestry for name, functions in owner.methods.items() if _reacts(name, functions)}
        assigned = {
            name
            for owner in ancestry
            for name, value in owner.values.items()
            if _is_special(name) and not isinstance(value, ast.Tuple | ast.List | ast.Dict | ast.Set)
        }
        if copied := sorted((names | assigned) & COPIED):
            return f"copying it calls what {copied[0]} returns"
        return self._metaclass_refusal(found) or self._first_refusal(found, ancestry, sorted(names | assigned))

    def _metaclass_refusal(self, found: ClassSource) -> str:
        """Why calling a class may run more than its constructor; empty where its metaclass adds nothing."""
        for owner in self._ancestors(found)[0]:
            path = self.sources.path_of(owner.metaclass, owner.module) if owner.metaclass else "builtins.type"
            above = self.sources.class_at(path) if path else None
            if above is not None and path not in HARMLESS_METACLASSES:
                ancestry, unknown, _ = self._ancestors(above)
                why = f"base {unknown} is not known" if unknown else ""
                why = why or self._first_refusal(above, ancestry, ("__call__", "__instancecheck__", "__getattribute__"))
                if why:
                    return f"metaclass {path}: {why}"
            elif path not in HARMLESS_METACLASSES:
                return f"metaclass {path or 'that is computed'} is not known"
        return ""

    def judge_function(self, module: str, function: FunctionNode) -> str:
        """Why a function of a module may not be called with any arguments at all; empty where it may."""
        for decorator in function.decorator_list:
            if _last(decorator) not in HARMLESS_DECORATORS:
                return f"decorator {_last(decorator)}"
        return self._body_refusal(function, _scope(function, module, None, None, self.sources), 0)

    def ancestry(self, found: ClassSource) -> tuple[ClassSource, ...]:
        """The class and everything with source that it inherits from."""
        return self._ancestors(found)[0]

    def _ancestors(self, found: ClassSource, depth: int = 0) -> tuple[tuple[ClassSource, ...], str, frozenset[str]]:
        """The class and its bases with source (depth first), the first unknown base, and the bases without source."""
        if found.path in self._ancestry:
            return self._ancestry[found.path]
        self._ancestry[found.path] = ((found,), "", frozenset())  # a cycle of names ends here
        chain, unknown = [found], ""
        external: set[str] = set()
        for base in _written_bases(found):
            path = self.sources.path_of(base, found.module)
            above = self.sources.class_at(path) if path else None
            if above is not None and path not in HARMLESS_BASES and depth < MAX_BASE_DEPTH:
                more, missing, outer = self._ancestors(above, depth + 1)
                chain += [one for one in more if one not in chain]
                external |= outer
                unknown = unknown or missing
            elif path and (path in HARMLESS_BASES or self._is_known_base(path)):
                external.add(path)
            else:
                unknown = unknown or path or ast.unparse(base)
        result = tuple(chain), unknown, frozenset(external)
        self._ancestry[found.path] = result
        return result

    def _first_refusal(self, found: ClassSource, ancestry: tuple[ClassSource, ...], hooks: Iterable[str]) -> str:
        unhashable = _is_unhashable(ancestry)
        for hook in hooks:
            if unhashable and hook in {"__hash__", "__eq__"}:
                continue
            for owner in ancestry:
                if hook in owner.values and (why := self._assigned_refusal(owner, hook, found)):
                    return f"{owner.path}.{hook} {why}"
                for function in owner.methods.get(hook, ()):
                    why = self._refusal(function, owner, found) if _takes(function, GIVEN.get(hook)) else ""
                    if why:
                        return f"{owner.path}.{hook}: {why}"
        return ""

    def _assigned_refusal(self, owner: ClassSource, hook: str, found: ClassSource, depth: int = 0) -> str:
        """Why `hook = value` in a class body may not run during a load; empty for builtins and functions that pass."""
        value = owner.values[hook]
        if isinstance(value, ast.Constant) or is_read(f"{owner.path}.{hook}"):
            return ""
        if isinstance(value, ast.Name) and value.id in owner.methods:
            return next(filter(None, (self._refusal(one, owner, found) for one in owner.methods[value.id])), "")
        if isinstance(value, ast.Name) and value.id in owner.values and value.id != hook:
            return (
                self._assigned_refusal(owner, value.id, found, depth + 1) if depth < MAX_CALL_DEPTH else "is computed"
            )
        path = self.sources.path_of(value, owner.module)
        if path is None:
            return "is computed"
        if path.startswith("builtins.") or path.rpartition(".")[0] in HARMLESS_BASES or path in HARMLESS_CALLS:
            return ""
        function = self.sources.function_at(path)
        if function is not None and not function[1].decorator_list:
            return self._body_refusal(function[1], _scope(function[1], function[0], found, found, self.sources), 0)
        above = self.sources.class_at(path.rpartition(".")[0])
        methods = above.methods.get(path.rpartition(".")[2], []) if above else []
        if above is None or not methods:
            return f"is {path}, which is not known"
        return next(filter(None, (self._refusal(one, above, found) for one in methods)), "")

    def _refused_setters(self, found: ClassSource, ancestry: tuple[ClassSource, ...]) -> Iterator[str]:
        """Slots state is set attribute by attribute: property setters and descriptors of the class body run then."""
        for owner in ancestry:
            for name, functions in owner.methods.items():
                setters = [one for one in functions if any(_last(d) == "setter" for d in one.decorator_list)]
                if any(self._refusal(one, owner, found) for one in setters):
                    yield name
            for name, value in owner.values.items():
                if self._descriptor_refusal(owner, value):
                    yield name

    def _descriptor_refusal(self, owner: ClassSource, value: ast.expr) -> str:
        path = self.sources.path_of(value.func, owner.module) if isinstance(value, ast.Call) else None
        descriptor = self.sources.class_at(path) if path else None
        if descriptor is None:
            return ""
        ancestry = self._ancestors(descriptor)[0]
        return self._first_refusal(descriptor, ancestry, ("__set__",))

    def _refusal(self, function: FunctionNode, owner: ClassSource, instance: ClassSource, depth: int = 0) -> str:
        """Why a method may not run during a load; empty where it may."""
        path = f"{owner.path}.{function.name}"
        if path in UNSET:
            return ""
        if self._plain and function.name not in CONSTRUCTORS and any(map(_sets_attribute, _executed(function))):
            return "sets an attribute"  # which runs the setter that was not judged
        if path in self._accepted or is_read(path):
            return ""
        for decorator in function.decorator_list:
            if _last(decorator) not in HARMLESS_DECORATORS:
                return f"decorator {_last(decorator)}"
        scope = _scope(function, owner.module, owner, instance, self.sources)
        return self._body_refusal(function, scope, depth)

    def _body_refusal(self, function: FunctionNode, scope: _Scope, depth: int) -> str:
        key = (id(function), scope.instance.path if scope.instance else "")
        if key in self._calls:
            return self._calls[key]
        if depth > MAX_CALL_DEPTH:
            return "calls run too deep to follow"
        self._calls[key] = ""  # recursion adds nothing new
        for node in _executed(function):
            why = ""
            if isinstance(node, ast.Call):
                why = self._call_refusal(node, scope, depth)
            elif isinstance(node, FunctionNode | ast.ClassDef):
                why = self._inner_refusal(node, scope)
            elif isinstance(node, ast.Attribute) and scope.instance is None and not isinstance(node.ctx, ast.Load):
                why = "sets an attribute of a value"
            elif isinstance(node, ast.Attribute) and scope.instance and _is_name(node.value, scope.first):
                why = self._property_refusal(node.attr, scope, depth)
            if why:
                self._calls[key] = why
                return why
        self.called_attributes.update(self._attributes_called(function, scope))
        return ""

    def _attributes_called(self, function: FunctionNode, scope: _Scope) -> Iterator[str]:
        for node in _executed(function):
            target = node.func if isinstance(node, ast.Call) else None
            if isinstance(target, ast.Attribute) and not _is_super(target.value) and self._path(target, scope) is None:
                yield target.attr

    def _property_refusal(self, name: str, scope: _Scope, depth: int) -> str:
        assert scope.instance is not None
        for owner in self._ancestors(scope.instance)[0]:
            for function in owner.methods.get(name, ()):
                if any(_last(one) in {"property", "cached_property"} for one in function.decorator_list):
                    return self._refusal(function, owner, scope.instance, depth + 1)
        return ""

    def _call_refusal(self, call: ast.Call, scope: _Scope, depth: int) -> str:
        target = call.func
        if isinstance(target, ast.Name) and target.id in scope.nested:
            return ""
        path = self._path(target, scope)
        name = target.attr if isinstance(target, ast.Attribute) else ""
        if why := self._handed_refusal(call, path or name, scope):
            return why
        if path in _SETTERS and scope.instance is None:
            return "sets an attribute of a value"
        if path is not None:
            return self._path_refusal(path, scope, depth)
        if isinstance(target, ast.Attribute):
            if scope.instance and (_is_name(target.value, scope.first) or _is_super(target.value)):
                return self._method_refusal(target.attr, scope, depth, above=_is_super(target.value))
            return "" if target.attr in HARMLESS_METHODS else f"calls .{target.attr}() of a value"
        if isinstance(target, ast.Lambda):
            return ""  # its body is among the nodes of the function
        return f"calls a value: {ast.unparse(target)[:60]}"

    def _inner_refusal(self, node: FunctionNode | ast.ClassDef, scope: _Scope) -> str:
        """Why defining a function or class inside another one may run more: decorators, bases and metaclasses do."""
        for decorator in node.decorator_list:
            if _last(decorator) not in HARMLESS_DECORATORS or _last(decorator) in scope.names:
                return f"decorator {_last(decorator)}"
        if isinstance(node, ast.ClassDef):
            for base in (*node.bases, *(one.value for one in node.keywords)):
                path = self._path(base, scope)
                if path is None or (path not in HARMLESS_BASES and not self._is_known_base(path)):
                    return f"makes a class of {ast.unparse(base)[:60]}"
        return ""

    def _handed_refusal(self, call: ast.Call, path: str, scope: _Scope) -> str:
        """Why a harmless callable may not be given a function: it would call it."""
        name = path.rpartition(".")[2]
        handed = [one.value for one in call.keywords if one.arg in CALLED_KEYWORDS]
        at = CALLED_ARGUMENTS.get(name)
        handed += call.args[at : at + 1] if at is not None else []
        if name == "iter" and len(call.args) > 1:
            handed.append(call.args[0])
        for one in handed:
            known = isinstance(one, ast.Lambda | ast.Constant | ast.JoinedStr) or (
                isinstance(one, ast.Name) and one.id in scope.nested
            )
            target = None if known else self._path(one, scope)
            if not known and (target is None or self._path_refusal(target, scope, MAX_CALL_DEPTH)):
                return f"calls a value: {ast.unparse(one)[:60]}"
        return ""

    def _path(self, target: ast.expr, scope: _Scope) -> str | None:
        """The dotted path that a call target names, or None where it is drawn from a local value."""
        head = target
        while isinstance(head, ast.Attribute):
            head = head.value
        if not isinstance(head, ast.Name):
            return None
        if head.id in scope.names:
            base = scope.names[head.id]
            rest = ast.unparse(target)[len(head.id) :]
            return self.sources.resolve(base + rest) if base else None
        if not self.sources.binds(scope.module, head.id) and not hasattr(builtins, head.id):
            return None
        return self.sources.path_of(target, scope.module)

    def _path_refusal(self, path: str, scope: _Scope, depth: int) -> str:
        origin, _, name = path.rpartition(".")
        if origin == "builtins":
            return "" if name in HARMLESS_BUILTINS else f"calls {name}"
        if (
            path in HARMLESS_CALLS
            or is_read(path)
            or (path.startswith(HARMLESS_PREFIXES) and name not in FILE_FUNCTIONS)
        ):
            return ""
        if name in LOGGING_METHODS and origin.lower().endswith(("logger", "log", "logging", "warnings")):
            return ""
        if origin.startswith("builtins.") or origin in HARMLESS_BASES:
            return "" if name in HARMLESS_METHODS | {"fromkeys", "__reduce_ex__"} else f"calls {path}"
        function = self.sources.function_at(path)
        if function is not None:
            inner = _scope(function[1], function[0], None, None, self.sources)
            why = self._body_refusal(function[1], inner, depth + 1)
            return f"{path}: {why}" if why else ""
        found = self.sources.class_at(path)
        if found is not None:
            return self._constructor_refusal(found, depth)
        owner = self.sources.class_at(origin)
        if owner is not None:
            # Base.__setstate__(self, state) runs on this instance; Other.method(x) on one of its own class
            instance = scope.instance if scope.instance and owner in self._ancestors(scope.instance)[0] else owner
            return self._method_refusal(name, _Scope(owner.module, owner, instance), depth, above=False)
        return f"calls {path}"

    def _constructor_refusal(self, found: ClassSource, depth: int) -> str:
        if depth > MAX_CALL_DEPTH:
            return "calls run too deep to follow"
        ancestry, unknown, _ = self._ancestors(found)
        if unknown:
            return f"makes a {found.path}"
        for hook in ("__new__", "__init__", "__post_init__"):
            for owner in ancestry:
                functions = owner.methods.get(hook)
                if functions:
                    why = self._refusal(functions[-1], owner, found, depth + 1)
                    if why:
                        return f"{found.path}.{hook}: {why}"
                    break
        return ""

    def _method_refusal(self, name: str, scope: _Scope, depth: int, *, above: bool) -> str:
        """Judge `self.name()` by the method it finds; an attribute that no class defines may hold anything callable."""
        assert scope.instance is not None
        chain = self._ancestors(scope.instance)[0]
        start = chain.index(scope.owner) + 1 if above and scope.owner in chain else 0
        for owner in chain[start:]:
            if name in owner.methods:
                return next(
                    (
                        why
                        for one in owner.methods[name]
                        if (why := self._refusal(one, owner, scope.instance, depth + 1))
                    ),
                    "",
                )
        return "" if name in HARMLESS_METHODS else f"calls .{name}() of the instance"


def _takes(function: FunctionNode, given: int | None) -> bool:
    """Return whether a method may be called with so many arguments besides the instance, if that is known."""
    arguments = function.args
    if given is None or function.decorator_list:
        return True
    positional = len(arguments.posonlyargs) + len(arguments.args) - 1
    if None in arguments.kw_defaults or positional - len(arguments.defaults) > given:
        return False
    return arguments.vararg is not None or positional >= given


def _is_unhashable(ancestry: tuple[ClassSource, ...]) -> bool:
    """A class that defines `__eq__` without `__hash__` can be no key, so that a load compares none of its instances."""
    for owner in ancestry:
        if "__hash__" in owner.methods or "__hash__" in owner.values:
            return False
        if "__eq__" in owner.methods:
            return True
    return False


def _scope(
    function: FunctionNode, module: str, owner: ClassSource | None, instance: ClassSource | None, sources: Sources
) -> _Scope:
    """Which names a function binds itself: parameters and variables are values, imports are paths."""
    parameters = _parameters(function)
    names: dict[str, str | None] = dict.fromkeys(parameters)
    nested = set()
    source = sources.module(module)
    for node in _executed(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = None
        elif isinstance(node, FunctionNode) and node is not function:
            nested.add(node.name)
            names.update(dict.fromkeys(_parameters(node)))
        elif isinstance(node, ast.Lambda):
            names.update(dict.fromkeys(_parameters(node)))
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names[node.name] = None
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names[node.rest] = None
        elif isinstance(node, ast.Import | ast.ImportFrom) and source is not None:
            names.update(imported_names(node, source))
    is_static = any(_last(one) == "staticmethod" for one in function.decorator_list)
    first = parameters[0] if owner and parameters and not is_static else ""
    return _Scope(module, owner, instance, names, frozenset(nested), first)


def _parameters(function: FunctionNode | ast.Lambda) -> list[str]:
    """The names of all parameters, those by position first."""
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [one.arg for one in (*parameters, arguments.vararg, arguments.kwarg) if one]


def _reacts(name: str, functions: list[FunctionNode]) -> bool:
    """Whether something runs a method of what it is handed: operators, conversions, reading, calls of usual names."""
    computed = any(_last(one) in {"property", "cached_property"} for each in functions for one in each.decorator_list)
    return _is_special(name) or (name in HARMLESS_METHODS and name not in CONSTRUCTORS) or computed


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in CONSTRUCTORS | {"__call__", "__module__"}


def _executed(function: FunctionNode) -> Iterator[ast.AST]:
    """All nodes of a function's body but those that only describe it (annotations, defaults, decorators)."""
    for statement in function.body:
        yield from ast.walk(statement)


def _written_bases(found: ClassSource) -> Iterator[ast.expr]:
    """The bases of a class, without subscripts, and with those inside `with_metaclass(Meta, Base)`."""
    for base in found.bases:
        plain = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(plain, ast.Call) and _last(plain) == "with_metaclass":
            yield from plain.args[1:]
        elif isinstance(plain, ast.Call) and _last(plain) == "namedtuple":
            yield ast.Name("tuple")
        else:
            yield plain


def _last(expression: ast.expr) -> str:
    """The last name of a decorator or call, arguments left out."""
    if isinstance(expression, ast.Call):
        return _last(expression.func)
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ast.unparse(expression)


def _sets_attribute(node: ast.AST) -> bool:
    """Whether a node assigns or deletes an attribute of anything, or calls what may."""
    if isinstance(node, ast.Call):
        return _last(node) in {"setattr", "delattr"}
    return isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)


def _is_name(expression: ast.expr, name: str) -> bool:
    return isinstance(expression, ast.Name) and expression.id == name != ""


def _is_super(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and _is_name(expression.func, "super")
