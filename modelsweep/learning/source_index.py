"""Index of Python source by AST: what every name of a package means, without importing anything.

A :class:`Sources` is one consistent set of packages (one environment, or one unpacked wheel over it): two versions of
a framework are two indexes.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

SKIPPED_PARTS = frozenset(
    "tests test testing _testing conftest setup examples benchmarks docs cli __main__ fixtures internal_test".split()
)
MAX_ALIASES = 12  # re-exports followed before a name is given up: an import cycle never ends by itself


@dataclass(frozen=True)
class ClassSource:
    """One class statement (or one assignment of a namedtuple, whose base is tuple)."""

    module: str
    name: str
    bases: tuple[ast.expr, ...]
    methods: dict[str, list[FunctionNode]] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    decorators: tuple[ast.expr, ...] = ()
    metaclass: ast.expr | None = None
    renamed: tuple[str, ...] = ()  # modules that a decorator such as `@set_module("pandas")` gives it instead

    @property
    def path(self) -> str:
        """The class as a pickle names it, module and qualified name joined by a dot."""
        return f"{self.module}.{self.name}"


@dataclass
class ModuleSource:
    """One parsed module: definitions by name, and what its imports and assignments make of other names."""

    name: str
    classes: dict[str, ClassSource] = field(default_factory=dict)
    functions: dict[str, FunctionNode] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    is_package: bool = False
    changed: set[str] = field(
        default_factory=set
    )  # classes and functions defined twice, or whose attributes are assigned from outside


class Sources:
    """Modules by dotted name, parsed on first use, found under `roots` (site-packages folders or unpacked wheels)."""

    def __init__(self, roots: Iterable[Path], largest: int | None = None) -> None:
        self.roots = tuple(roots)
        self._largest = largest
        self._modules: dict[str, ModuleSource | None] = {}

    def module(self, name: str) -> ModuleSource | None:
        """The module `name`, or None where no root has source for it (a C extension, or not installed)."""
        if name not in self._modules:
            self._modules[name] = self._parse(name)
        return self._modules[name]

    def resolve(self, path: str) -> str:
        """The defining path of dotted `path`, with re-exports followed; builtins are given as `builtins.X`."""
        for _ in range(MAX_ALIASES):
            module, rest = self._split(path)
            if module is None or not rest:
                return path
            head, _, tail = rest.partition(".")
            origin = self._origin(module, head)
            if origin is None:
                return path
            path = origin + (f".{tail}" if tail else "")
        return path

    def _origin(self, module: ModuleSource, name: str, depth: int = 0) -> str | None:
        """Where `module` has `name` from, or None where it defines it itself (or not at all, as far as is known)."""
        if name in module.classes or name in module.functions:
            return None
        if name in module.aliases:
            return module.aliases[name]
        for star in reversed(module.stars):  # a later import hides what an earlier one brought
            other = self.module(star)
            if other is not None and (name in other.classes or name in other.functions or name in other.aliases):
                return f"{star}.{name}"
            if other is not None and other is not module and depth < MAX_ALIASES:
                origin = self._origin(other, name, depth + 1)
                if origin:
                    return origin
        return None

    def class_at(self, path: str) -> ClassSource | None:
        """The class statement that `path` names after re-exports."""
        module, rest = self._split(self.resolve(path))
        return module.classes.get(rest) if module else None

    def function_at(self, path: str) -> tuple[str, FunctionNode] | None:
        """Module name and definition of the module-level function that `path` names after re-exports."""
        module, rest = self._split(self.resolve(path))
        if module is None or rest not in module.functions:
            return None
        return module.name, module.functions[rest]

    def binds(self, module_name: str, name: str) -> bool:
        """Whether a module defines or imports `name` at its top level."""
        module = self.module(module_name)
        if module is None:
            return False
        return name in module.classes or name in module.functions or self._origin(module, name) is not None

    def path_of(self, expression: ast.expr, module_name: str) -> str | None:
        """The dotted path that a Name or Attribute chain means inside a module, or None for any other expression."""
        parts: list[str] = []
        while isinstance(expression, ast.Attribute):
            parts.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name):
            return None
        head = expression.id
        origin = "builtins" if not self.binds(module_name, head) and hasattr(builtins, head) else module_name
        return self.resolve(".".join([origin, head, *reversed(parts)]))

    def module_names(self, package: str) -> Iterator[str]:
        """Every module of `package` that has source, in the order of their files.

        Tests and examples are left out, and files that no import statement names, such as `net copy.py`.
        """
        for root in self.roots:
            top = root / package
            files = sorted(top.rglob("*.py")) if top.is_dir() else [top.with_suffix(".py")]
            parts = [file.relative_to(root).with_suffix("").parts for file in files if file.exists()]
            yield from (
                ".".join(one[:-1] if one[-1] == "__init__" else one)
                for one in parts
                if not SKIPPED_PARTS.intersection(one) and all(map(str.isidentifier, one))
            )
            if parts:
                return

    def _split(self, path: str) -> tuple[ModuleSource | None, str]:
        """The longest prefix of `path` that is a module, and what is left."""
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            module = self.module(".".join(parts[:end]))
            if module is not None:
                return module, ".".join(parts[end:])
        return None, path

    def _parse(self, name: str) -> ModuleSource | None:
        if name == "builtins":
            return None
        relative = name.replace(".", "/")
        for root in self.roots:
            for file, is_package in ((root / relative / "__init__.py", True), (root / f"{relative}.py", False)):
                if file.is_file() and self._is_read(file, root):
                    return parse_module(name, file.read_bytes(), is_package=is_package)
        return None

    def _is_read(self, file: Path, root: Path) -> bool:
        """Whether a file may be read where sources are anybody's: no link out of its root, and not too large."""
        if self._largest is None:
            return True
        return file.resolve().is_relative_to(root.resolve()) and file.stat().st_size <= self._largest


def parse_module(name: str, source: bytes, *, is_package: bool) -> ModuleSource | None:
    """Index one module; None where it is not Python 3 source."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
            statements = list(_flat(tree.body))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    module = ModuleSource(name, is_package=is_package)
    for statement in statements:
        _index_statement(module, statement)
    return module


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a scope, those under `if`, `try`, `with` and `for` among them."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While):
            yield from _flat(statement.body)
            yield from _flat(getattr(statement, "orelse", ()))
            yield from _flat(getattr(statement, "finalbody", ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _flat(handler.body)
        elif isinstance(statement, ast.Match):
            for case in statement.cases:
                yield from _flat(case.body)


def _index_statement(module: ModuleSource, statement: ast.stmt) -> None:
    if isinstance(statement, ast.ClassDef):
        _index_class(module, statement, statement.name)
    elif isinstance(statement, FunctionNode):
        if statement.name in module.functions and "overload" not in map(ast.unparse, statement.decorator_list):
            module.changed.add(statement.name)
        module.functions[statement.name] = statement
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        module.aliases.update(imported_names(statement, module))
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            module.stars.append(_origin_module(statement, module))
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        if statement.targets[0].id in module.classes:
            module.changed.add(statement.targets[0].id)
        _index_assignment(module, statement.targets[0].id, statement.value)
    elif isinstance(statement, ast.Assign):
        module.changed.update(
            target.value.id
            for target in statement.targets
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
        )
        _note_rename(module, statement.targets[0], statement.value)


def _note_rename(module: ModuleSource, target: ast.expr, value: ast.expr) -> None:
    """Note the module that a class is given behind its body: `Name.__module__ = "package"`."""
    if not (isinstance(target, ast.Attribute) and target.attr == "__module__" and isinstance(target.value, ast.Name)):
        return
    found = module.classes.get(target.value.id)
    if found is not None and isinstance(value, ast.Constant) and isinstance(value.value, str):
        module.classes[found.name] = replace(found, renamed=(*found.renamed, value.value))


def _index_assignment(module: ModuleSource, target: str, value: ast.expr) -> None:
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith(("namedtuple", "_make_tuple_bunch")):
        module.classes[target] = ClassSource(module.name, target, (ast.Name("tuple"),))
    elif isinstance(value, ast.Name | ast.Attribute) and target not in module.classes:
        path = ast.unparse(value)
        if path.replace(".", "").isidentifier() and path != target:
            head, _, tail = path.partition(".")
            own = "builtins" if hasattr(builtins, head) and head not in module.classes else module.name
            origin = module.aliases.get(head, f"{own}.{head}")
            module.aliases[target] = origin + (f".{tail}" if tail else "")


def _index_class(module: ModuleSource, node: ast.ClassDef, name: str) -> None:
    renamed = tuple(
        str(one.args[0].value)
        for one in node.decorator_list
        if isinstance(one, ast.Call)
        and ast.unparse(one.func).endswith("set_module")
        and isinstance(one.args[0], ast.Constant)
    )
    if name in module.classes:
        module.changed.add(name)
    metaclass = next((one.value for one in node.keywords if one.arg in ("metaclass", None)), None)
    found = ClassSource(
        module.name,
        name,
        tuple(node.bases),
        decorators=tuple(node.decorator_list),
        metaclass=metaclass,
        renamed=renamed,
    )
    module.classes[name] = found
    for statement in _flat(node.body):
        if isinstance(statement, FunctionNode):
            found.methods.setdefault(statement.name, []).append(statement)
        elif isinstance(statement, ast.ClassDef):
            _index_class(module, statement, f"{name}.{statement.name}")
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found.values[target.id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            found.values[statement.target.id] = statement.value
        elif isinstance(statement, ast.ImportFrom):
            found.values.update((one.asname or one.name, ast.Name(one.name)) for one in statement.names)


def imported_names(statement: ast.Import | ast.ImportFrom, module: ModuleSource) -> dict[str, str]:
    """The names that an import statement of `module` binds, with the dotted path of each."""
    if isinstance(statement, ast.Import):
        return {
            (alias.asname or alias.name.partition(".")[0]): (
                alias.name if alias.asname else alias.name.partition(".")[0]
            )
            for alias in statement.names
        }
    origin = _origin_module(statement, module)
    return {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in statement.names if alias.name != "*"}


def _origin_module(statement: ast.ImportFrom, module: ModuleSource) -> str:
    """The absolute name of the module that a `from` statement reads."""
    origin = statement.module or ""
    if not statement.level:
        return origin
    parts = module.name.split(".")
    kept = parts[: len(parts) - statement.level + (1 if module.is_package else 0)]
    return ".".join([*kept, origin] if origin else kept)
