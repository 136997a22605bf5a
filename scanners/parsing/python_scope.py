"""Which calls of a Python module run when it is imported, or when a class of it is used: read in its syntax tree.

Names are resolved through imports, assignments, getattr, __import__ and sys.modules; constants are folded as far as
obfuscation goes, and constant code is read in the place where it runs. A function runs on import where something that
does so calls it. Calls below `if __name__ == "__main__"` are not told.
Those in classes that look like no model are told with their class: something else may name it as one. What is merely
defined is read last: somebody may call it in a way that is not followed. Nothing is ever executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.limits import Budget
from scanners.parsing.python_arguments import UNKNOWN, arguments, command, made_of
from scanners.parsing.python_constants import OWN, Definition, Folder
from scanners.parsing.python_decoders import bytes_of, text_of
from scanners.parsing.python_sinks import (
    CALLERS,
    FINDERS,
    KINDS,
    READ,
    SPAWNERS,
    STATEMENTS,
    SWITCHES,
    TRUSTING,
    UNPICKLERS,
    UNSAFE_YAML,
)

IMPORT, USE, MADE, DEFINED = "import", "use", "made", "defined"
MODEL_METHODS = frozenset(
    "__init__ __new__ __call__ __setstate__ __reduce__ __init_subclass__ forward call build from_pretrained "
    "load_context initialize preprocess inference postprocess handle predict generate".split()
)
"""Methods that loading a model, or using it once, goes through."""
COMMAND_METHODS = frozenset("run finalize_options initialize_options __init__".split())
"""Methods of the commands that a setup.py adds: installing runs them."""
_CALLED = frozenset("__call__ __reduce__ __reduce_ex__ __getstate__ __class_getitem__ __init_subclass__".split())
"""Special methods that using an instance like any other object does not run: all others are taken to be run."""
_MODULE_HOOKS = ("__getattr__", "__dir__", "_load_pyfunc")
"""Functions that looking a class up in the module calls, and what MLflow calls of a loader module."""
_MODEL_BASES = (
    *("Module", "Model", "ModelForCausalLM", "Layer", "Config", "Tokenizer", "TokenizerFast", "Pipeline"),
    *("Processor", "FeatureExtractor", "Handler", "LightningModule", "PythonModel"),
)
_MODEL_NAMES = frozenset({"EndpointHandler"})
_COMMAND_BASES = frozenset("install develop egg_info build build_py build_ext sdist bdist_egg Command".split())
_CODE_DEPTH = 4
"""Constant texts of code inside each other."""
_LEVELS = 6
"""Calls inside each other that are followed at once; later ones are followed at the end."""
_ENTERED = 8
"""Different arguments with which one function is followed."""
_ANCESTORS = 20
_APART = 20
"""Classes of no known kind that are each read with all that they call; later ones only with what was not read yet."""
_FROM_CLASS = frozenset(("__class_getitem__", "__getitem__"))
_ASKING = (
    *("builtins.isinstance", "builtins.issubclass", "builtins.hasattr", "builtins.callable", "builtins.getattr"),
    *("builtins.setattr", "functools.wraps", "functools.update_wrapper", "functools.partial", "builtins.type"),
    *("inspect.", "typing.", "builtins.id", "builtins.repr", "builtins.str", "builtins.super"),
)
"""Prefixes of functions that never call what they are handed."""
_RUNNING = frozenset({"command", "code", "memory"})
"""Kinds of callables that matter where they are handed on, or merely defined functions call them."""
_MERELY = frozenset({"command", "code", "memory", "descriptor", "sending", "permissions"})
_DEFINED_CALLS = 100
_RUNNING_MODULES = frozenset(name.partition(".")[0] for name, kind in KINDS.items() if kind in _MERELY)
_LOOKING_UP = frozenset("builtins.getattr builtins.__import__ importlib.import_module builtins.compile".split())
"""Functions by which what runs something is found under any name."""
_PYTHON_C = re.compile(r"\bpython[\d.]*\s+-c\s*([\"'])([\s\S]*)\1")
_PROT_EXEC = 4
_SETUID = 0o4000
_ENVIRON = "os.environ"
_CALLS = 2_000
_SHOWN = 10
_MENTIONED = 20
_ROOTS = ("/", "~")
_LONGEST = 200
"""Characters of a constant that is compared with others."""


class Call(NamedTuple):
    """A call of one of KINDS: `when` is IMPORT, USE or MADE, `text` its first argument as far as it is constant.

    `owner` is the class that has to be made for it where nothing says that anybody makes it.
    `sources` are the names of the calls that make its arguments, `mentions` their variables and short constants.
    `folded` says that the argument is constant, `encoded` that a long constant is part of what makes it, `handed` that
    the callable is handed to something of which nobody knows whether it calls it.
    """

    name: str
    kind: str
    when: str
    line: int
    text: str
    sources: tuple[str, ...] = ()
    mentions: frozenset[str] = frozenset()
    folded: bool = False
    encoded: bool = False
    shell: bool = False
    mode: str = ""
    owner: str = ""
    handed: bool = False


class Found(NamedTuple):
    """What a module does: its calls, and pickles among its constants with their lines."""

    calls: list[Call]
    pickles: list[tuple[int, bytes]]


class _Body(NamedTuple):
    folder: Folder
    when: str
    line: int = 0
    """Line of the call that brought constant code here, 0 in the file itself."""
    depth: int = 0
    in_class: bool = False
    level: int = 0
    """Functions that called each other to get here."""
    owner: str = ""
    inside: str = ""
    """The class in whose body this stands."""
    handed: bool = False
    """Whether this is a lambda, which stands where something takes it to call it."""


def read(tree: ast.Module, budget: Budget, *, is_setup: bool = False) -> Found:
    """Return what a module does on import, and then on use; a setup.py is run as a script, too."""
    reading = _Reading(budget, is_setup=is_setup)
    reading.run(tree)
    return reading.found


class _Reading:
    """What is known of a module while its statements are read in the order in which they run."""

    def __init__(self, budget: Budget, *, is_setup: bool) -> None:
        self.found = Found([], [])
        self._budget, self._is_setup = budget, is_setup
        self._module = Folder()
        self._functions = self._module.functions
        self._classes: dict[str, tuple[ast.ClassDef, Folder]] = {}
        self._left: list[tuple[list[ast.stmt], _Body]] = []
        self._entered: dict[int, set[str]] = {}
        self._defined: dict[int, tuple[Definition | ast.Lambda, _Body]] = {}
        self._later_annotations = False

    def run(self, tree: ast.Module) -> None:
        self._later_annotations = any(
            isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
            for node in tree.body
        )
        self._block(tree.body, _Body(self._module, IMPORT))
        self._drain()
        known: list[tuple[str, list[tuple[ast.ClassDef, Folder]], frozenset[str]]] = []
        unknown = list(known)
        for name in list(self._classes):
            lineage = self._lineage(name)
            names = frozenset[str]().union(*(self._loaded(definition) for definition, _ in lineage))
            if names or any(_methods(definition, MODEL_METHODS) for definition, _ in lineage):
                (known if names else unknown).append((name, lineage, names or MODEL_METHODS))
        for name, lineage, names in known:
            self._make(name, lineage, names, USE)
        self._hooks()
        self._drain()
        for place, (name, lineage, names) in enumerate(unknown):
            if place < _APART:
                self._entered.clear()
            self._make(name, lineage, names, MADE)
            self._drain()
        self._rest()

    def _rest(self) -> None:
        """Read the functions that nothing was seen to call: of what they do, only what runs something is kept."""
        before = len(self.found.calls)
        while self._defined:
            function, body = self._defined.pop(next(iter(self._defined)))
            if id(function) in self._entered or not self._may_run(function, body.folder):
                continue
            self._entered[id(function)] = set()
            within = body._replace(when=DEFINED, owner="", level=0, line=0)
            if isinstance(function, ast.Lambda):
                scope = body.folder.call(function, None, body.folder)
                within = within._replace(folder=scope, handed=True)
                self._expression(function.body, within)
                self._kept(ast.copy_location(ast.Return(function.body), function.body), within)
            else:
                self._enter(function, body.folder, None, within, first=body.inside and f"{OWN}{body.inside}()")
            self._drain()
        kept = self.found.calls[before : before + _DEFINED_CALLS]
        self.found.calls[before:] = kept if any(call.kind in _MERELY for call in kept) else []

    def _may_run(self, function: ast.AST, folder: Folder) -> bool:
        """Return whether a function names what runs something, or imports it: all others need not be worked out."""
        for item in ast.walk(function):
            self._budget.spend()
            match item:
                case ast.Import(names=names) | ast.ImportFrom(names=names):
                    module = item.module or "" if isinstance(item, ast.ImportFrom) else names[0].name
                    if module.partition(".")[0] in _RUNNING_MODULES:
                        return True
                case ast.Name() | ast.Attribute():
                    name = folder.name_of(item)
                    if KINDS.get(name) in _MERELY or name in _LOOKING_UP:
                        return True
        return False

    def _make(self, name: str, lineage: list[tuple[ast.ClassDef, Folder]], names: frozenset[str], when: str) -> None:
        """Read what making an instance of a class, and using it, runs."""
        for definition, folder in lineage:
            body = _Body(folder, when, owner=name if when == MADE else "")
            for method in _methods(definition, names):
                self._enter(method, folder, None, body, first=f"{OWN}{name}()")

    def _lineage(self, name: str) -> list[tuple[ast.ClassDef, Folder]]:
        """Return a class of the module with its bases in the module."""
        found: dict[str, tuple[ast.ClassDef, Folder]] = {}
        left = [name]
        while left and len(found) < _ANCESTORS:
            self._budget.spend()
            following = left.pop()
            if following in self._classes and following not in found:
                definition, folder = found[following] = self._classes[following]
                bases = (folder.name_of(base) for base in definition.bases)
                left += [base.removeprefix(OWN) for base in bases if base.startswith(OWN)]
        return list(found.values())

    def _loaded(self, definition: ast.ClassDef) -> frozenset[str]:
        names = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in definition.bases]
        if self._is_setup and _COMMAND_BASES.intersection(names):
            return COMMAND_METHODS
        is_model = definition.name in _MODEL_NAMES or any(name.endswith(_MODEL_BASES) for name in names)
        return MODEL_METHODS if is_model else frozenset()

    def _hooks(self) -> None:
        for name in _MODULE_HOOKS:
            if name in self._functions:
                function, folder = self._functions[name]
                self._enter(function, folder, None, _Body(folder, USE))

    def _drain(self) -> None:
        while self._left:
            self._block(*self._left.pop())

    def _enter(self, function: Definition, folder: Folder, call: ast.Call | None, body: _Body, first: str = "") -> None:
        if any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in function.decorator_list):
            first = ""
        given = [command(body.folder, item) for item in (call.args if call else ())]
        entered = self._entered.setdefault(id(function), set())
        key = repr(given)
        if key in entered or len(entered) >= _ENTERED:
            return
        entered.add(key)
        inner = folder.call(function, call, body.folder, first)
        within = body._replace(folder=inner, in_class=False, inside="", level=body.level + 1)
        if body.level < _LEVELS:
            self._block(function.body, within)
        else:
            self._left.append((function.body, within._replace(level=0)))

    def _block(self, statements: list[ast.stmt], body: _Body) -> None:
        for statement in statements:
            self._statement(statement, body)

    def _statement(self, node: ast.AST, body: _Body) -> None:
        self._budget.spend()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, body)
            case ast.ClassDef():
                self._class(node, body)
            case ast.If():
                self._branches(node, body)
            case _:
                if isinstance(node, ast.For | ast.AsyncFor):
                    body.folder.learn_loop(node.target, node.iter)
                if isinstance(node, ast.For | ast.AsyncFor | ast.While):
                    # What a loop changes is known by what it is made of only.
                    changed = (item.target for item in ast.walk(node) if isinstance(item, ast.AugAssign))
                    body.folder.blur(target.id for target in changed if isinstance(target, ast.Name))
                unsure = isinstance(node, ast.Try | ast.TryStar | ast.Match | ast.While | ast.For)
                body.folder.unsure += unsure
                self._children(node, body)
                body.folder.learn(node)
                self._kept(node, body)
                body.folder.unsure -= unsure

    def _kept(self, node: ast.AST, body: _Body) -> None:
        """Read what a statement puts in a place where others find it and call it: hooks, attributes, tables."""
        match node:
            case ast.Assign() | ast.AugAssign():
                targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
                value = node.value
            case ast.Return(value=ast.Tuple(elts=[value, *_])):  # as __reduce__ does
                targets = [ast.Attribute(ast.Name(OWN), "")]
            case _:
                return
        for target in targets:
            place = target.value if isinstance(target, ast.Subscript) else target
            if not isinstance(target, ast.Attribute | ast.Subscript):
                continue
            named = body.folder.name_of(place)
            if named == _ENVIRON and isinstance(target, ast.Subscript):
                call = ast.copy_location(ast.Call(place, [target.slice, value], []), value)
                self._told(_ENVIRON, call.args, call, body)
            call = ast.copy_location(ast.Call(place, [value], []), value)
            self._found_by(f"{named}.append", value, body)
            self._handed_on(value, [value], call, body)
            owner = body.folder.name_of(place.value) if isinstance(place, ast.Attribute) else named
            if owner and not owner.startswith(OWN):
                self._handed(value, [value], call, body)

    def _found_by(self, name: str, value: ast.expr, body: _Body) -> None:
        """Read what each later import calls of what is put into a table of finders."""
        if name not in FINDERS:
            return
        for item in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
            self._method(body.folder.name_of(item), frozenset(FINDERS[name]), None, body)

    def _function(self, node: Definition, body: _Body) -> None:
        given = node.args
        at_once = [item for item in (*given.defaults, *given.kw_defaults) if item]
        if not self._later_annotations:
            named = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
            at_once += [item.annotation for item in named if item and item.annotation]
            at_once += [node.returns] if node.returns else []
        for expression in (*node.decorator_list, *at_once):
            self._expression(expression, body)
        self._defined.setdefault(id(node), (node, body))
        if body.in_class:
            body.folder.set(node.name, f"{OWN}{node.name}", node)
        else:
            body.folder.define(node)
        self._decorated(node, body)

    def _decorated(self, node: Definition | ast.ClassDef, body: _Body) -> None:
        """Read what decorators do: each is called with what it stands above."""
        for decorator in node.decorator_list:
            call = ast.Call(decorator, [ast.Name(node.name)], [])
            if isinstance(decorator, ast.Lambda):
                scope = body.folder.call(decorator, call, body.folder)
                self._expression(decorator.body, body._replace(folder=scope))
            self._call(ast.copy_location(call, decorator), body)

    def _class(self, node: ast.ClassDef, body: _Body) -> None:
        for expression in (*node.decorator_list, *node.bases, *(item.value for item in node.keywords)):
            self._expression(expression, body)
        self._classes[node.name] = node, body.folder
        body.folder.set(node.name, f"{OWN}{node.name}", node)
        inner = Folder(body.folder)
        self._block(node.body, body._replace(folder=inner, in_class=True, inside=node.name))
        inner.close_class(node.name)
        self._decorated(node, body)
        for base in node.bases:
            self._method(body.folder.name_of(base), frozenset({"__init_subclass__"}), None, body)
        for item in node.keywords:
            if item.arg == "metaclass":
                self._method(body.folder.name_of(item.value), None, None, body)
                call = ast.copy_location(ast.Call(item.value, [], []), item.value)
                self._handed(item.value, [item.value], call, body)

    def _branches(self, node: ast.If, body: _Body) -> None:
        """Read all branches: each `elif` is nested in the one before it, perhaps a thousand deep."""
        while True:
            self._expression(node.test, body)
            if not _never_on_import(node.test) or (self._is_setup and _is_main_test(node.test)):
                body.folder.unsure += 1
                self._block(node.body, body)
                body.folder.unsure -= 1
            if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
                break
            node = node.orelse[0]
        body.folder.unsure += 1
        self._block(node.orelse, body)
        body.folder.unsure -= 1

    def _children(self, node: ast.AST, body: _Body) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, body)
            else:  # statements, and parts of them: handlers, cases, with items
                self._statement(child, body)

    def _expression(self, expression: ast.expr, body: _Body) -> None:
        for node, done in _walk(expression):
            self._budget.spend()
            if not done:
                self._begun(node, body)
            elif isinstance(node, ast.Call):
                if isinstance(node.func, ast.Lambda):
                    scope = body.folder.call(node.func, node, body.folder)
                    self._expression(node.func.body, body._replace(folder=scope))
                self._call(node, body)
            elif isinstance(node, ast.NamedExpr):
                body.folder.learn(node)
            elif isinstance(node, ast.Subscript):
                self._method(body.folder.name_of(node.value).removesuffix("()"), _FROM_CLASS, None, body)
            elif isinstance(node, ast.Attribute) and (name := body.folder.name_of(node)).startswith(OWN):
                self._property(name, body)

    def _begun(self, node: ast.AST, body: _Body) -> None:
        """Take in what parts of an expression rest on, before they are read."""
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for generator in node.generators:
                if isinstance(generator.iter, ast.List | ast.Tuple | ast.Set):
                    body.folder.learn_loop(generator.target, generator.iter)
        elif isinstance(node, ast.Lambda):
            self._defined.setdefault(id(node), (node, body))

    def _follow(self, name: str, call: ast.Call | None, body: _Body) -> None:
        """Read what runs where a function, a class or a method of the module, `@NAME().METHOD`, is called."""
        if not name.startswith(OWN):
            return
        owner, _, method = name.partition(".")
        if method:
            self._method(owner, frozenset({method}), call, body)
        elif owner.endswith("()"):
            self._method(owner, frozenset({"__call__"}), call, body)
        elif owner.removeprefix(OWN) in self._functions:
            function, folder = self._functions[owner.removeprefix(OWN)]
            self._enter(function, folder, call, body)
        else:
            self._method(owner, None, call, body)
            for definition, folder in self._lineage(owner.removeprefix(OWN)):
                for base in definition.bases:  # whose instances are commands: class Shell(subprocess.Popen)
                    made = call or ast.copy_location(ast.Call(base, [], []), base)
                    self._handed_on(base, [base], made, body._replace(folder=folder))

    def _property(self, name: str, body: _Body) -> None:
        owner, _, attribute = name.removeprefix(OWN).partition(".")
        definition = self._classes.get(owner.removesuffix("()"))
        for method in _methods(definition[0], frozenset({attribute})) if definition else ():
            if any(body.folder.name_of(item).endswith("property") for item in method.decorator_list):
                self._follow(name, None, body)

    def _method(self, owner: str, names: frozenset[str] | None, call: ast.Call | None, body: _Body) -> None:
        """Read the methods of a class of the module, of which `owner` is the name or an instance.

        Without names all special ones, but for those that take a call of their own.
        """
        if names and "start" in names:
            names |= {"run"}  # of threads and processes
        instance = owner.removeprefix(OWN).removesuffix("()")
        if not owner.startswith(OWN) or instance not in self._classes:
            return
        for definition, folder in self._lineage(instance):
            for item in _methods(definition, names):
                self._enter(item, folder, call, body, first=f"{OWN}{instance}()")

    def _foreign(self, name: str) -> str:
        """Return what a method of an own class is that it has from a class of another module: `@Mine().load`."""
        owner, _, method = name.partition("().")
        if not name.startswith(OWN) or "." in method or not method:
            return name
        for definition, folder in self._lineage(owner.removeprefix(OWN)):
            if _methods(definition, frozenset({method})):
                return name
            for base in definition.bases:
                if (found := f"{folder.name_of(base)}().{method}") in KINDS:
                    return found
        return name

    def _inherited(self, node: ast.Call, body: _Body) -> None:
        """Read the method that `super().NAME()` calls."""
        match node.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=method):
                own = body.folder.first.removeprefix(OWN).removesuffix("()")
                for definition, folder in self._lineage(own)[1:]:
                    for item in _methods(definition, frozenset({method})):
                        self._enter(item, folder, node, body, first=body.folder.first)

    def _call(self, node: ast.Call, body: _Body) -> None:
        node = body.folder.direct(node)
        name = body.folder.name_of(node.func)
        given = [*node.args, *(item.value for item in node.keywords)]
        self._inherited(node, body)
        self._follow(name, node, body)
        self._given(name, given, node, body)
        if name == "builtins.setattr" and len(given) > len(("object", "name")):
            owner, attribute = body.folder.name_of(given[0]), body.folder.constant(given[1])
            body.folder.set_member(owner, str(attribute), body.folder.name_of(given[2]))
        elif name in UNPICKLERS and given and isinstance(data := body.folder.constant(given[0]), (str, bytes)):
            self._pickle(data, node, body)
        elif name and len(self.found.calls) < _CALLS:
            name = self._foreign(name)
            if name in KINDS or _is_on(node, TRUSTING):
                self._told(name, given, node, body)

    def _given(self, name: str, given: list[ast.expr], node: ast.Call, body: _Body) -> None:
        """Read what becomes of the arguments of a call: called, executed, kept as finders, or nobody knows."""
        if name in STATEMENTS:
            self._statements(given, node, body)
        elif not name.startswith(_ASKING):
            for item in given:
                if name in CALLERS:
                    self._handed(item, given, node, body)
                elif name in FINDERS:
                    self._found_by(name, item, body)
                else:
                    self._handed_on(item, given, node, body)

    def _statements(self, given: list[ast.expr], node: ast.Call, body: _Body) -> None:
        """Read what runs where a text of code, or something to call, is handed on: a later text prepares the first."""
        for item in reversed(given):
            constant = body.folder.constant(item)
            if isinstance(constant, (str, bytes)):
                self._inner_code("code", constant, [], body._replace(line=body.line or node.lineno))
            else:
                self._handed(item, given, node, body)

    def _handed_on(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: _Body) -> None:
        """Read what something is handed of which nobody knows whether it calls it."""
        if not isinstance(item, _NAMING):
            return
        name = body.folder.name_of(item)
        if KINDS.get(name) in _RUNNING and len(self.found.calls) < _CALLS:
            self._told(name, _beside(item, given), node, body, handed=True)

    def _handed(self, item: ast.expr, given: list[ast.expr], node: ast.Call, body: _Body) -> None:
        """Read what a caller such as threading.Thread is handed to call."""
        name = body.folder.name_of(item)
        if isinstance(item, ast.Lambda):
            self._expression(item.body, body)
        self._follow(name, None, body)
        if name in KINDS:
            self._told(name, _beside(item, given), node, body)

    def _pickle(self, data: str | bytes, node: ast.Call, body: _Body) -> None:
        try:
            self.found.pickles.append((body.line or node.lineno, bytes_of(data)))
        except ValueError:  # characters that no pickle holds
            return

    def _told(self, name: str, given: list[ast.expr], node: ast.Call, body: _Body, *, handed: bool = False) -> None:
        folder, kind = body.folder, KINDS.get(name, "remote")
        if name == "yaml.load" and not UNSAFE_YAML.intersection(map(folder.name_of, given[1:])):
            return
        if (name in SWITCHES and not _is_on(node, *SWITCHES[name])) or not _MATTERS.get(kind, _always)(node):
            return
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name.startswith("pathlib.") and owner:
            given = [owner, *given]
        if kind == "copying":  # what matters is where to
            given = [*given[1:], *given[:1]]
        first = given[0] if given else None
        constant = folder.constant(first) if first else None
        made = made_of(folder, given)
        body = body._replace(line=body.line or node.lineno)
        listed = arguments(folder, first) if first else []
        text = command(folder, first) if first else ""
        if kind == "command" and name.startswith(SPAWNERS):
            listed = [command(folder, item) for item in given if not isinstance(item, ast.Starred)]
            text = " ".join(listed)
        if name.startswith("pip."):
            text = f"pip {text}"
        self._inner_code(kind, constant, listed or [text], body)
        folded = isinstance(constant, (str, bytes))
        if folded and name in READ and not made.calls - {"builtins.compile"}:
            return  # nothing but what was just read
        self.found.calls.append(
            Call(
                name=name,
                kind=kind,
                when=body.when,
                line=body.line,
                text=text,
                sources=tuple(sorted(made.calls)[:_SHOWN]),
                mentions=frozenset(
                    sorted(text for text in made.mentions if 1 < len(text) < _LONGEST or text in _ROOTS)[:_MENTIONED]
                ),
                folded=folded,
                encoded=made.encoded,
                shell=_is_shell(name, node),
                mode=_mode(node, given[1:], folder),
                owner=body.owner,
                handed=handed or body.handed,
            )
        )

    def _inner_code(self, kind: str, constant: object, listed: list[str], body: _Body) -> None:
        """Read constant code in the place where it runs: of exec and eval, and of `python -c`."""
        code = text_of(constant) if kind == "code" and isinstance(constant, (str, bytes)) else ""
        if kind == "command" and "-c" in listed[:-1] and "python" in listed[0]:
            code = listed[listed.index("-c") + 1]
        elif kind == "command" and (match := _PYTHON_C.search(listed[0])):
            code = match[2]
        if not code or body.depth >= _CODE_DEPTH or UNKNOWN in code:
            return
        tree = parsed(code.strip().encode("utf-8", "replace"))
        if tree is not None:
            self._block(tree.body, body._replace(depth=body.depth + 1))


def parsed(source: bytes) -> ast.Module | None:
    """Return the syntax tree of a module in the encoding that it declares, None where it is no Python of this version.

    Raises RecursionError and MemoryError for what is nested too deep.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, LookupError):  # ValueError: NUL; LookupError: an encoding that is none of text
            return None


def _is_shell(name: str, node: ast.Call) -> bool:
    if name.endswith((".system", ".popen", ".getoutput", ".getstatusoutput", "_subprocess_shell", "invoke.run")):
        return True
    flags = [item.value for item in node.keywords if item.arg == "shell"]
    return any(isinstance(flag, ast.Constant) and bool(flag.value) for flag in flags)


def _beside(item: ast.expr, given: list[ast.expr]) -> list[ast.expr]:
    """Return what a callable among arguments is probably called with: what comes after it, or else all others."""
    rest = given[given.index(item) + 1 :] or [other for other in given if other is not item]
    return [part for other in rest for part in (other.elts if isinstance(other, ast.Tuple | ast.List) else [other])]


def _always(_node: ast.Call) -> bool:
    return True


def _sets_user(node: ast.Call) -> bool:
    """Return whether a call of chmod gives a file the rights of its owner whoever runs it."""
    modes = [*node.args, *(item.value for item in node.keywords)]
    return any(
        (isinstance(part, ast.Attribute) and part.attr == "S_ISUID")
        or (isinstance(part, ast.Constant) and type(part.value) is int and _SETUID <= part.value < 2 * _SETUID)
        for mode in modes
        for part in ast.walk(mode)
    )


def _executable(node: ast.Call) -> bool:
    """Return whether a call of mmap maps memory that may be run."""
    flags = [item.value for item in node.keywords if item.arg == "prot"] or node.args[3:4]
    return any(
        (isinstance(part, ast.Attribute) and part.attr == "PROT_EXEC")
        or (isinstance(part, ast.Constant) and isinstance(part.value, int) and bool(part.value & _PROT_EXEC))
        for flag in flags
        for part in ast.walk(flag)
    )


_MATTERS = {"mapping": _executable, "permissions": _sets_user}
"""Kinds of calls that matter with certain arguments only."""


def _is_on(node: ast.Call, keyword: str, wanted: bool = True) -> bool:
    """Return whether a keyword of a call is the constant `wanted`."""
    return any(
        item.arg == keyword and isinstance(item.value, ast.Constant) and item.value.value is wanted
        for item in node.keywords
    )


def _mode(node: ast.Call, rest: list[ast.expr], folder: Folder) -> str:
    """Return the mode that a file is opened with, where the call has one."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "open" and rest:
        flags = {part.attr for part in ast.walk(rest[0]) if isinstance(part, ast.Attribute)}
        if flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND"}:
            return "w"
    named = [item.value for item in node.keywords if item.arg == "mode"]
    found = folder.constant((named or rest)[0]) if named or rest else ""
    return found if isinstance(found, str) and len(found) < _SHOWN else ""


def _methods(definition: ast.ClassDef, names: frozenset[str] | None) -> list[Definition]:
    """Return the methods of a class that have one of some names, or without any all special ones."""
    return [
        item
        for item in definition.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        and (_is_special(item.name) if names is None else item.name in names)
    ]


def _is_special(name: str) -> bool:
    return (name.startswith("__") and name.endswith("__") and name not in _CALLED) or name == "_missing_"


def _never_on_import(node: ast.expr) -> bool:
    """Return whether a condition never holds on import: `__name__ == "__main__"`, or TYPE_CHECKING."""
    match node:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case ast.BoolOp(op=ast.And(), values=values):
            return any(_never_on_import(value) for value in values)
    return _is_main_test(node)


def _is_main_test(node: ast.expr) -> bool:
    match node:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case ast.Compare(left=ast.Constant(value="__main__"), ops=[ast.Eq()], comparators=[ast.Name(id="__name__")]):
            return True
    return False


_NAMING = ast.Name | ast.Attribute | ast.Subscript | ast.IfExp | ast.BoolOp | ast.NamedExpr
"""Expressions that stand for something that has a name."""
_CLOSED = ast.Call | ast.NamedExpr | ast.Attribute | ast.Subscript
"""What does something only when all below it was worked out."""


def _walk(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Yield a node and all below it that runs where it stands, in order: not the bodies of lambdas.

    Those that do something when all below them is done come a second time, with True.
    """
    left = [(node, False)]
    while left:
        item, done = left.pop()
        yield item, done
        if not done:
            if isinstance(item, _CLOSED):
                left.append((item, True))
            if not isinstance(item, ast.Lambda):
                left.extend((child, False) for child in reversed(list(ast.iter_child_nodes(item))))
