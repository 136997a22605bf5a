"""The classes of a Python module: whom they inherit from, and which of their methods a loader runs."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.limits import Budget
from scanners.parsing.python_names import OWN
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_sinks import KINDS
from scanners.parsing.python_syntax import Definition, methods, renamed

MODEL_METHODS = frozenset(
    "__init__ __new__ __call__ __setstate__ __reduce__ __init_subclass__ forward call build from_pretrained "
    "__getattr__ __getattribute__ __setattr__ __post_init__ __set_name__ init_weights "
    "load_context initialize preprocess inference postprocess handle predict generate post_init _init_weights "
    "prepare_inputs_for_generation from_config _load_from_state_dict load_state_dict extra_repr _tokenize tokenize "
    "encode decode convert_tokens_to_string apply_chat_template save_pretrained "
    "_info _split_generators _generate_examples _generate_tables _prepare_split _download_and_prepare _compute".split()
)
"""Methods that loading a model, a data set or a metric, or using it once, goes through."""
COMMAND_METHODS = frozenset("run finalize_options initialize_options __init__".split())
"""Methods of the commands that a setup.py adds: installing runs them."""
HOOK_METHODS = frozenset("initialize finalize clean update get_known_classifiers __init__".split())
"""Methods that Hatch calls of a hook while it builds a project: installing the folder runs them."""
_HOOK_BASES = frozenset({"BuildHookInterface", "MetadataHookInterface"})
_MODEL_BASES = (
    *("Module", "Model", "ModelForCausalLM", "Layer", "Config", "Tokenizer", "TokenizerFast", "Pipeline"),
    *("Processor", "FeatureExtractor", "Handler", "LightningModule", "PythonModel"),
    *("GeneratorBasedBuilder", "ArrowBasedBuilder", "DatasetBuilder", "BuilderConfig", "Metric"),
)
_MODEL_NAMES = frozenset({"EndpointHandler"})
_NODE = frozenset({"INPUT_TYPES", "IS_CHANGED", "VALIDATE_INPUTS"})
"""Methods of nodes of ComfyUI, which calls that one, too, whose name is their attribute FUNCTION."""
_OF_SERVERS = frozenset(
    "__init__ load load_model setup unload initialize auto_complete_config execute finalize preprocess predict "
    "inference postprocess handle explain generate decode_request encode_response transform_input "
    "transform_output".split()
)
"""Methods that servers of models call of the class that they make, besides those that using a model goes through."""
_SERVING = frozenset("predict inference handle decode_request".split())
"""Those of which one is enough for a class to be what a server is given."""
_SERVER_NAMES = frozenset({"TritonPythonModel", "OvmsPythonModel"})
SERVERS = tuple(
    "bentoml. beam. cog. fastapi.FastAPI fastapi.APIRouter flask.Flask flask.Blueprint kserve. litserve. "
    "mlflow.pyfunc. mlserver. modal.App modal.Stub ray.serve. runpod. sagemaker_inference. seldon_core. ts. "
    "google.cloud.aiplatform.prediction.".split()
)
"""Beginnings of the names of bases and decorators that make a class, or a function, what they serve."""
_COMMAND_BASES = frozenset(
    "install install_lib install_data install_scripts develop editable_wheel egg_info build build_py build_ext "
    "build_clib build_scripts sdist bdist bdist_egg bdist_wheel BuildExtension Command".split()
)
_ENUMERATIONS = ("enum.", "aenum.")
_ANCESTORS = 20
_METHODS = 64
"""Functions that a class is given for methods."""


def is_for_server(names: list[ast.expr], scope: Scope) -> bool:
    """Return whether one of the bases or decorators is of a package that serves models."""
    return any(name.startswith(SERVERS) for name in names_called(names, scope))


def names_called(expressions: list[ast.expr], scope: Scope) -> Iterator[str]:
    """Yield the names of bases or decorators, or of what makes those that are calls."""
    return (scope.name_of(item.func if isinstance(item, ast.Call) else item) for item in expressions)


def _function_of(definition: ast.ClassDef) -> Iterator[str]:
    for statement in definition.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="FUNCTION")], value=ast.Constant(value=str(name))):
                yield name


class ClassUse(NamedTuple):
    """What making an instance of a class, and using it, runs: `methods` of the classes of its `lineage`.

    `is_known` says that its base or name makes it a class that loaders use; all others may be made by nobody.
    `is_served` says that its base, decorator, name or methods make it one that a server of models makes.
    """

    name: str
    lineage: list[tuple[ast.ClassDef, Scope]]
    methods: frozenset[str]
    is_known: bool
    is_served: bool = False


class Classes:
    """The classes of a module by name, each with the scope that it stands in."""

    def __init__(self, budget: Budget, *, is_setup: bool) -> None:
        self._budget, self._is_setup = budget, is_setup
        self._known: dict[str, tuple[ast.ClassDef, Scope]] = {}
        self._given: Counter[str] = Counter()
        self._served: dict[str, frozenset[str]] = {}

    def add(self, definition: ast.ClassDef, scope: Scope) -> None:
        """Take a class in; a later one of the same name takes its place."""
        self._known[definition.name] = definition, scope
        self._served.clear()

    def extend(self, name: str, method: str, function: Definition | ast.Lambda) -> None:
        """Let a class have a function of the module for a method, which a name in it is given."""
        known = self._known.get(name)
        if known is None or self._given[name] >= _METHODS:
            return
        definition, scope = known
        more = renamed(function, method)
        if any(item.body is more.body for item in methods(definition, frozenset({method}))):
            return
        self._given[name] += 1
        made = ast.ClassDef(name, definition.bases, definition.keywords, [*definition.body, more], [])
        self._known[name] = ast.copy_location(made, definition), scope
        self._served.clear()

    def definition(self, name: str) -> ast.ClassDef | None:
        """Return the class of a name."""
        return self._known[name][0] if name in self._known else None

    def lineage(self, name: str) -> list[tuple[ast.ClassDef, Scope]]:
        """Return a class of the module with its bases in the module, each with the scope that it stands in."""
        found: dict[str, tuple[ast.ClassDef, Scope]] = {}
        left = [name]
        while left and len(found) < _ANCESTORS:
            self._budget.spend()
            following = left.pop()
            if following in self._known and following not in found:
                definition, scope = found[following] = self._known[following]
                bases = (scope.name_of(base) for base in definition.bases)
                left += [base.removeprefix(OWN) for base in bases if base.startswith(OWN)]
        return list(found.values())

    def is_enumeration(self, name: str) -> bool:
        """Return whether the members of a class are made when it is defined."""
        return any(
            scope.name_of(base).startswith(_ENUMERATIONS)
            for definition, scope in self.lineage(name)
            for base in definition.bases
        )

    def uses(self) -> Iterator[ClassUse]:
        """Yield the classes that somebody may make and use as a model or a command of setup."""
        for name in list(self._known):
            lineage = self.lineage(name)
            names = frozenset[str]().union(*(self._loaded(definition) for definition, _ in lineage))
            served = self.served_methods(name)
            if names:
                yield ClassUse(name, lineage, names, is_known=True)
            if served or (not names and any(methods(definition, MODEL_METHODS) for definition, _ in lineage)):
                yield ClassUse(name, lineage, served if names else MODEL_METHODS | served, False, bool(served))

    def served_methods(self, name: str) -> frozenset[str]:
        """Return the methods that a server of models calls of the class, none where it makes no such class."""
        if name not in self._served:
            self._served[name] = self._served_methods(name)
        return self._served[name]

    def _served_methods(self, name: str) -> frozenset[str]:
        for definition, scope in self.lineage(name):
            if definition.name in _SERVER_NAMES or methods(definition, _SERVING):
                return _OF_SERVERS
            if is_for_server(definition.decorator_list, scope) or is_for_server(definition.bases, scope):
                return _OF_SERVERS
            if methods(definition, _NODE):
                return _NODE | frozenset(_function_of(definition))
        return frozenset()

    def _loaded(self, definition: ast.ClassDef) -> frozenset[str]:
        """Return the methods that loaders run of a class with such a name or such bases."""
        names = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in definition.bases]
        if self._is_setup and _COMMAND_BASES.intersection(name.lstrip("_") for name in names):  # `as _bdist_wheel`
            return COMMAND_METHODS
        if _HOOK_BASES.intersection(names):
            return HOOK_METHODS
        is_model = definition.name in _MODEL_NAMES or any(name.endswith(_MODEL_BASES) for name in names)
        return MODEL_METHODS if is_model else frozenset()

    def inherited(self, name: str) -> str:
        """Return what a method of a class, `@Mine().load`, is that comes from a class of another module."""
        owner, _, method = name.partition("().")
        if not name.startswith(OWN) or "." in method or not method:
            return name
        for definition, scope in self.lineage(owner.removeprefix(OWN)):
            if methods(definition, frozenset({method})):
                return name
            for base in definition.bases:
                if (found := f"{scope.name_of(base)}().{method}") in KINDS:
                    return found
        return name

    def of_neighbours(self, name: str) -> list[str]:
        """Return what a method of a class, `@Mine().load`, may be that comes from a class of a neighbour."""
        owner, _, method = name.partition("().")
        if (
            not method
            or "." in method
            or any(methods(item, frozenset({method})) for item, _ in self.lineage(owner[1:]))
        ):
            return []
        bases = [scope.name_of(base) for item, scope in self.lineage(owner[1:]) for base in item.bases]
        return [f"{base}.{method}" for base in bases if base.startswith(".")]
