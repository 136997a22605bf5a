"""The classes of a Python module: what they inherit from, and which of their methods a loader runs."""

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
"""Methods that run when a model, data set or metric is loaded or used once."""
COMMAND_METHODS = frozenset("run finalize_options initialize_options __init__".split())
"""Methods of setup.py commands, which run during installation."""
HOOK_METHODS = frozenset("initialize finalize clean update get_known_classifiers __init__".split())
"""Methods of Hatch build hooks, which run when the folder is installed."""
_HOOK_BASES = frozenset({"BuildHookInterface", "MetadataHookInterface"})
_MODEL_BASES = (
    *("Module", "Model", "ModelForCausalLM", "Layer", "Config", "Tokenizer", "TokenizerFast", "Pipeline"),
    *("Processor", "FeatureExtractor", "Handler", "LightningModule", "PythonModel"),
    *("GeneratorBasedBuilder", "ArrowBasedBuilder", "DatasetBuilder", "BuilderConfig", "Metric"),
)
_MODEL_NAMES = frozenset({"EndpointHandler"})
_COMFYUI_METHODS = frozenset({"INPUT_TYPES", "IS_CHANGED", "VALIDATE_INPUTS"})
"""Methods of ComfyUI nodes; ComfyUI also calls the method that their attribute FUNCTION names."""
_SERVER_METHODS = frozenset(
    "__init__ load load_model setup unload initialize auto_complete_config execute finalize preprocess predict "
    "inference postprocess handle explain generate decode_request encode_response transform_input "
    "transform_output".split()
)
"""Methods that model servers call on the class that they instantiate, besides MODEL_METHODS."""
_SERVER_ENTRY_METHODS = frozenset("predict inference handle decode_request".split())
"""Methods of which one is enough to mark a class as written for a model server."""
_SERVER_NAMES = frozenset({"TritonPythonModel", "OvmsPythonModel"})
SERVER_PACKAGES = tuple(
    "bentoml. beam. cog. fastapi.FastAPI fastapi.APIRouter flask.Flask flask.Blueprint kserve. litserve. "
    "mlflow.pyfunc. mlserver. modal.App modal.Stub ray.serve. runpod. sagemaker_inference. seldon_core. ts. "
    "google.cloud.aiplatform.prediction.".split()
)
"""Name prefixes of bases and decorators by which a class or function is served."""
_COMMAND_BASES = frozenset(
    "install install_lib install_data install_scripts develop editable_wheel egg_info build build_py build_ext "
    "build_clib build_scripts sdist bdist bdist_egg bdist_wheel BuildExtension Command".split()
)
_ENUMERATIONS = ("enum.", "aenum.")
_MAX_ANCESTORS = 20
_MAX_ADDED_METHODS = 64
"""Maximum functions outside a class that are taken in as its methods."""


def is_for_server(names: list[ast.expr], scope: Scope) -> bool:
    """Return whether one of the bases or decorators belongs to a package that serves models."""
    return any(name.startswith(SERVER_PACKAGES) for name in names_called(names, scope))


def names_called(expressions: list[ast.expr], scope: Scope) -> Iterator[str]:
    """Return the names of bases or decorators, or of the called functions if they are calls."""
    return (scope.name_of(item.func if isinstance(item, ast.Call) else item) for item in expressions)


def _function_of(definition: ast.ClassDef) -> Iterator[str]:
    for statement in definition.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="FUNCTION")], value=ast.Constant(value=str(name))):
                yield name


class ClassUse(NamedTuple):
    """What instantiating and using a class runs: the `methods` of all classes in its `lineage`.

    `is_known` says that loaders use the class, by its base or name; other classes may never be instantiated.
    `is_served` says that a model server instantiates the class, by its base, decorator, name or methods.
    """

    name: str
    lineage: list[tuple[ast.ClassDef, Scope]]
    methods: frozenset[str]
    is_known: bool
    is_served: bool = False


class Classes:
    """The classes of a module by name, each with its enclosing scope."""

    def __init__(self, budget: Budget, *, is_setup: bool) -> None:
        self._budget, self._is_setup = budget, is_setup
        self._by_name: dict[str, tuple[ast.ClassDef, Scope]] = {}
        self._added_methods: Counter[str] = Counter()
        self._served: dict[str, frozenset[str]] = {}

    def add(self, definition: ast.ClassDef, scope: Scope) -> None:
        """Add a class, replacing an earlier one of the same name."""
        self._by_name[definition.name] = definition, scope
        self._served.clear()

    def extend(self, name: str, method: str, function: Definition | ast.Lambda) -> None:
        """Add a function of the module to a class as the method that is called `method`."""
        known = self._by_name.get(name)
        if known is None or self._added_methods[name] >= _MAX_ADDED_METHODS:
            return
        definition, scope = known
        more = renamed(function, method)
        if any(item.body is more.body for item in methods(definition, frozenset({method}))):
            return
        self._added_methods[name] += 1
        made = ast.ClassDef(name, definition.bases, definition.keywords, [*definition.body, more], [])
        self._by_name[name] = ast.copy_location(made, definition), scope
        self._served.clear()

    def definition(self, name: str) -> ast.ClassDef | None:
        """Return the class with a name, or None."""
        return self._by_name[name][0] if name in self._by_name else None

    def lineage(self, name: str) -> list[tuple[ast.ClassDef, Scope]]:
        """Return a class of the module and its bases in the module, each with its enclosing scope."""
        found: dict[str, tuple[ast.ClassDef, Scope]] = {}
        left = [name]
        while left and len(found) < _MAX_ANCESTORS:
            self._budget.spend()
            following = left.pop()
            if following in self._by_name and following not in found:
                definition, scope = found[following] = self._by_name[following]
                bases = (scope.name_of(base) for base in definition.bases)
                left += [base.removeprefix(OWN) for base in bases if base.startswith(OWN)]
        return list(found.values())

    def is_enumeration(self, name: str) -> bool:
        """Return whether a class is an enumeration, whose members are instantiated when it is defined."""
        return any(
            scope.name_of(base).startswith(_ENUMERATIONS)
            for definition, scope in self.lineage(name)
            for base in definition.bases
        )

    def uses(self) -> Iterator[ClassUse]:
        """Yield the classes that may be instantiated and used as a model or a setup.py command."""
        for name in list(self._by_name):
            lineage = self.lineage(name)
            names = frozenset[str]().union(*(self._loaded(definition) for definition, _ in lineage))
            served = self.served_methods(name)
            if names:
                yield ClassUse(name, lineage, names, is_known=True)
            if served or (not names and any(methods(definition, MODEL_METHODS) for definition, _ in lineage)):
                yield ClassUse(name, lineage, served if names else MODEL_METHODS | served, False, bool(served))

    def served_methods(self, name: str) -> frozenset[str]:
        """Return the methods that a model server calls on a class, or none if it is not made for one."""
        if name not in self._served:
            self._served[name] = self._served_methods(name)
        return self._served[name]

    def _served_methods(self, name: str) -> frozenset[str]:
        for definition, scope in self.lineage(name):
            if definition.name in _SERVER_NAMES or methods(definition, _SERVER_ENTRY_METHODS):
                return _SERVER_METHODS
            if is_for_server(definition.decorator_list, scope) or is_for_server(definition.bases, scope):
                return _SERVER_METHODS
            if methods(definition, _COMFYUI_METHODS):
                return _COMFYUI_METHODS | frozenset(_function_of(definition))
        return frozenset()

    def _loaded(self, definition: ast.ClassDef) -> frozenset[str]:
        """Return the methods that loaders run because of a class's name or bases."""
        names = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in definition.bases]
        if self._is_setup and _COMMAND_BASES.intersection(name.lstrip("_") for name in names):  # `as _bdist_wheel`
            return COMMAND_METHODS
        if _HOOK_BASES.intersection(names):
            return HOOK_METHODS
        is_model = definition.name in _MODEL_NAMES or any(name.endswith(_MODEL_BASES) for name in names)
        return MODEL_METHODS if is_model else frozenset()

    def inherited(self, name: str) -> str:
        """Return the imported method that `@Mine().load` inherits if it is in KINDS, else the name unchanged."""
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

    def inherited_from_neighbours(self, name: str) -> list[str]:
        """Return the methods of neighbouring files' classes that `@Mine().load` may inherit."""
        owner, _, method = name.partition("().")
        if (
            not method
            or "." in method
            or any(methods(item, frozenset({method})) for item, _ in self.lineage(owner[1:]))
        ):
            return []
        bases = [scope.name_of(base) for item, scope in self.lineage(owner[1:]) for base in item.bases]
        return [f"{base}.{method}" for base in bases if base.startswith(".")]
