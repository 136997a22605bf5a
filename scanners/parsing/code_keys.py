"""Keys under which configurations name code by the convention of one loader.

Each convention comes from the source of its loader (docs/coverage.md names them with their versions). A key alone is
too weak a sign, since `target` and `name` can mean anything: the other keys of the same mapping decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.text import printable
from scanners.parsing.builtin_names import BUILTINS
from scanners.parsing.evaluated_keys import BY_KIND, EVALUATED, PICKLED, SCOPE, evaluated_in, pickled_in
from scanners.parsing.json_text import joined, within

_SHOWN = 200
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.\w+)+")
_FILE_AND_NAME = re.compile(r"[\w./\\-]+:\w+")
_MAX_TREESPECS = 4
"""Maximum nesting of JSON strings in the description of a tree of inputs: one more than real ones have."""
_TRUE = ("true", "yes", "on")
_NATIVE = re.compile(r"\.(?:so|dll|dylib)(?:\.\d+)*$", re.IGNORECASE)
_QUALCOMM = re.compile(r"(?:lib)?Qnn\w+\.(?:so|dll)", re.IGNORECASE)
"""Libraries of the Qualcomm runtime itself, with which a model chooses the processor."""
TOKENIZER_FILES = frozenset(
    "vocab_file merges_file tokenizer_file spm_file source_spm target_spm target_vocab_file entity_vocab_file "
    "monolingual_vocab_file normalizer_file word_shape_file word_pronunciation_file sentencepiece_model_file".split()
)
"""File arguments of transformers' tokenizers; before 5.24 the configuration took precedence over the repository."""


class Named(NamedTuple):
    """Code that a mapping names, the key, and what the loader does with it (see `scanners.judge.code_references`)."""

    key: str
    name: str
    how: str


class _Convention(NamedTuple):
    """A key, other keys of which the mapping must have one, and what the loader does with the dotted name."""

    key: str
    beside: tuple[str, ...]
    how: str


_CONVENTIONS = (
    _Convention("target", ("params",), "hint"),  # instantiate_from_config of latent-diffusion and all that came of it
    _Convention("target", ("nemo_version",), "call"),  # NeMo
    _Convention("target", ("restore_path",), "hint"),
    _Convention("class_path", ("class_path",), "hint"),  # jsonargparse, Lightning's command line
    _Convention("name", ("params",), "hint"),  # pipelines of pyannote.audio
    _Convention("type", ("init_parameters",), "hint"),  # Haystack
    _Convention("implementation", ("parameters", "name"), "hint"),  # MLServer
    _Convention("module", ("api_version",), "hint"),  # BentoML
    _Convention("module", ("class",), "hint"),  # pyannote.audio, allennlp
    _Convention("megatron_core", ("peft_type",), "module"),  # PEFT
    _Convention("activation_function", ("in_features",), "class"),  # Dense of sentence-transformers
    _Convention("tokenizer_class", ("update_embeddings",), "class"),  # WordEmbeddings of sentence-transformers
    _Convention("sbert_ce_default_activation_function", ("model_type",), "class"),  # CrossEncoder
    _Convention("object_constructor", ("object_kwargs",), "class"),  # llama_index in MLflow
    _Convention("class", ("sparkVersion",), "hint"),  # PySpark
    _Convention("uses", ("constructor_name",), "call"),  # Rasa
    _Convention("characters_class", ("characters_class",), "hint"),  # Coqui
    _Convention("_component_", ("_component_",), "call"),  # torchtune
    _Convention("_class_path", ("_class_path",), "hint"),  # hyperparameters of Lightning
    _Convention("_instantiator", ("_instantiator",), "hint"),
    _Convention("provider", ("component_type",), "hint"),  # components of AutoGen
    _Convention("class", ("config", "state_file"), "hint"),  # steps of processors of LeRobot
    _Convention("()", ("()",), "hint"),  # logging.config.dictConfig
    _Convention("class", ("formatter", "level", "stream", "filters"), "hint"),  # its handlers
)
_MEMBER_KEYS = frozenset({"name", "function", "attr", "class", "callable"})
"""Keys of a name in the module that the same mapping names, as for tools of CrewAI (CVE-2026-92206)."""
_JSONPICKLE = ("py/object", "py/type", "py/function", "py/class", "py/mod")
"""Keys under which jsonpickle names what it imports and creates or calls (https://jsonpickle.github.io)."""
_WEAK_KEYS = frozenset(
    "target type class class_name cls callable func function factory constructor component entry_point loader fn hook "
    "callback handler import".split()
)
"""Keys under which some programs name a callable to import, and others store any word."""
LOOSELY = frozenset(
    form for key in _WEAK_KEYS for form in (key, f"_{key}_", f"__{key}__", f"${key}", f"@{key}", f"+{key}")
) - {"_target_"}
"""Such keys with the signs that programs add to them; Hydra's own key is handled separately."""
_LOOKUP_FUNCTION = re.compile(
    r"(?:\w*_)?(?:import|locate|resolve|get_(?:method|object|class|func|attr)|load_(?:object|class|func)|instantiate)\w*"
    r"|partial|partialmethod|methodcaller|attrgetter|getattr|map|filter|reduce|starmap|call|apply|Thread|Process|Timer"
)
"""Names of functions that look up a name, or call their argument."""
_DANGEROUS_MEMBER = re.compile(
    r"system|popen|startfile|(?:exec|spawn|posix_spawn)\w*|check_output|check_call|getoutput|__\w+__"
)
"""Names with which a getter reaches command execution or the interpreter in a module."""
_REGISTERED = re.compile(r"[A-Z]\w*")
"""A target without a package, which Hydra refuses: a class of MONAI, or one in a file of the folder."""
_RUNS = re.compile(
    r"os\.(?:system|popen|startfile|(?:exec|spawn|posix_spawn)\w*)|(?:posix|nt)\.system|subprocess\.\w+|pty\.spawn"
    r"|builtins\.(?:eval|exec|compile|__import__)|runpy\.run_\w+|commands\.get\w*output|pickle\.loads?|marshal\.loads?"
)
_JAVA_CLASS_KEYS = ("@class", "@type", "java-class", "java-element-class", "java-key-class")
"""Keys under which Java readers of JSON, and of Avro schemas, find the class to instantiate (CVE-2024-47561)."""
_JAVA_CLASS = re.compile(r"(?:[a-z]\w*\.)+[A-Z][\w$]*")
_SERVICE_KEYS = {
    "service": ("python", "docker", "include", "labels"),
    "predict": ("build",),
    "train": ("build",),
    "import_path": ("route_prefix", "runtime_env", "deployments", "name"),
}
"""Top-level keys of bentofile.yaml, cog.yaml, or an application of Ray Serve, with the keys beside them."""
HYDRA_HELPERS = frozenset(
    f"hydra.utils.{name}" for name in "call get_class get_method get_object get_static_method instantiate".split()
)
"""Targets that import or call their arguments, which are judged instead of the target."""
_GETTERS = frozenset({"methodcaller", "attrgetter", "getattr"})
_LOADING_METHODS = frozenset(
    "from_pretrained load_checkpoint load_from_checkpoint load_model load_state_dict restore_from".split()
)
"""Names of methods that load a model, mostly a pickle, from a file or an address."""
_ADDRESS = re.compile(r"(?!hf://)[a-z][a-z0-9+.-]{1,15}://", re.IGNORECASE)
_UNSAFE_ADDRESS = re.compile(r"http://|\w+://\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)
_EXTERNAL_PREFIX = "ext://"
"""Prefix of a name that logging settings import: https://docs.python.org/3/library/logging.config.html."""
_EXPERIMENT_KEYS = frozenset({"dataset_reader", "data_loader", "trainer"})
"""Keys of which an AllenNLP experiment has one beside `model`; a dotted `type` is imported there."""
_BY_KEY: dict[str, list[_Convention]] = {}
for _convention in _CONVENTIONS:
    _BY_KEY.setdefault(_convention.key, []).append(_convention)


def conventional(blob: Blob, document: Json, context: Context) -> Iterator[Item]:
    """Yield references to code, and a blob for each mapping whose strings a loader evaluates."""
    if not _has_convention(document):
        return
    experiment = isinstance(document, dict) and "model" in document and not _EXPERIMENT_KEYS.isdisjoint(document)
    for path, mapping in mappings(document):
        context.operations.spend()
        if KEYS.isdisjoint(mapping):
            continue
        yield from _named_code(blob, mapping, path, experiment=experiment)
        yield from _java_classes(blob, mapping, path)
        yield from _prompt(blob, mapping, path)
        for name, data in pickled_in(mapping):
            yield blob.nested(printable(joined(path, name), _SHOWN), MemoryReader(data), expect="pickle", expanded=True)
        yield from _evaluated(blob, mapping, path)


def _named_code(blob: Blob, mapping: Mapping[str, Json], path: str, *, experiment: bool) -> Iterator[Fact]:
    """Yield the code that one mapping names; an environment variable in place of a key is not code."""
    for named in (*named_in(mapping), *(_registered(mapping) if experiment else ())):
        if named.how != "secret" or not _ENVIRONMENT_KEY.search(path[-_MAX_KEY:]):
            where = f"{path}.{named.key}" if path else named.key
            detail: dict[str, Json] = {"how": named.how, "path": printable(where, _SHOWN)}
            yield Fact("code-reference", printable(named.name, _SHOWN), blob.locator, detail=detail)


def _prompt(blob: Blob, mapping: Mapping[str, Json], path: str) -> Iterator[Item]:
    """Yield what the Jinja template of a LangChain prompt reaches."""
    template = mapping.get("template")
    if mapping.get("template_format") == "jinja2" and isinstance(template, str):
        from scanners.parsing.jinja_template import template_facts

        where = f"{path}.template" if path else "template"
        yield from template_facts(template, blob.locator, printable(where, _SHOWN))


def _evaluated(blob: Blob, mapping: Mapping[str, Json], path: str) -> Iterator[Item]:
    """Yield the Python code that a loader evaluates or builds from strings, each as a file, and pickles."""
    for name, source in evaluated_in(mapping):
        if source.startswith(SCOPE):
            text = " ".join(source[len(SCOPE) :].split())
            about: dict[str, Json] = {"how": "evaluated", "path": printable(path or "the top", _SHOWN)}
            yield Fact("code-reference", printable(text, _SHOWN), blob.locator, detail=about)
        yield blob.nested(f"{name}.py", MemoryReader(source.encode("utf-8", "replace")), expanded=True)


def _java_classes(blob: Blob, mapping: Mapping[str, Json], path: str) -> Iterator[Fact]:
    """Yield the class that Jackson (of DL4J) or fastjson instantiates."""
    for key in _JAVA_CLASS_KEYS:
        name = mapping.get(key)
        if isinstance(name, str) and _JAVA_CLASS.fullmatch(name):
            detail: dict[str, Json] = {"how": "named", "path": printable(joined(path, key), _SHOWN)}
            yield Fact("java-class", printable(name, _SHOWN), blob.locator, detail=detail)


def _has_convention(document: Json) -> bool:
    """Return whether any mapping has a key of a convention, without computing paths, since few documents do."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if not KEYS.isdisjoint(value):
                return True
            left += value.values()
        elif isinstance(value, list):
            left += value
    return False


def mappings(document: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield every mapping of a document with the keys that lead to it, outer ones first."""
    for path, value in within(document):
        if isinstance(value, dict):
            yield path, value


def named_in(mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the code that one mapping names by a convention."""
    for key, value in mapping.items():
        if isinstance(value, str) and value:
            found = list(_text_conventions(key, value, mapping))
            yield from found
            name = value.removeprefix(_EXTERNAL_PREFIX).replace(":", ".", 1)
            weak = value.startswith(_EXTERNAL_PREFIX) or key in LOOSELY
            if not found and weak and _RUNS.fullmatch(name):
                yield Named(key, name, "mention")
            elif key in _MEMBER_KEYS and _RUNS.fullmatch(f"{mapping.get('module')}.{value}"):
                yield Named(key, f"{mapping['module']}.{value}", "mention")
        elif isinstance(value, dict | list) and key in _NESTED:
            yield from _NESTED[key](value, mapping)


def how_called(target: str) -> str:
    """Return how a `_target_` is used: it is called, computed later, or looked up among the classes of MONAI."""
    if "${" in target:
        return "computed"
    return "beside" if _REGISTERED.fullmatch(target) and target not in BUILTINS else "call"


def runs_something(name: str) -> bool:
    """Return whether a name is that of a callable that runs commands or code, under any key."""
    return _RUNS.fullmatch(name) is not None


def _target_arguments(key: str, value: str, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the arguments of a Hydra helper, and addresses from which a target loads a checkpoint.

    A mapping as an argument has a `_target_` of its own, which is handled separately.
    """
    positional = mapping.get("_args_")
    arguments = positional if isinstance(positional, list) else []
    if value.rpartition(".")[2] in _LOADING_METHODS:
        for name, item in (*mapping.items(), *(("_args_", item) for item in arguments)):
            if isinstance(item, str) and _ADDRESS.match(item):
                yield Named(name, item, "checkpoint")
    if value not in HYDRA_HELPERS:
        yield from _named_arguments(value, [*mapping.items(), *(("_args_", item) for item in arguments)])
        return
    given = [mapping.get("path"), mapping.get("config"), *arguments[:1]]
    for callee in given:
        if isinstance(callee, str) and callee:
            yield Named(key, callee, "computed" if "${" in callee else "lookup")
    if not any(given):
        yield Named(key, value, "call")


def _named_arguments(target: str, given: list[tuple[str, Json]]) -> Iterator[Named]:
    """Yield names of dangerous callables among a target's arguments: a target that looks up names would call them."""
    last = target.rpartition(".")[2]
    finds = _LOOKUP_FUNCTION.fullmatch(last) is not None
    for key, item in given:
        if not isinstance(item, str) or item == target:
            continue
        name = item.replace(":", ".", 1)
        if _RUNS.fullmatch(name):
            yield Named(key, name, "hint" if finds else "mention")
        elif last in _GETTERS and key == "_args_" and _DANGEROUS_MEMBER.fullmatch(item.rpartition(".")[2]):
            yield Named(key, item, "mention")


def _text_conventions(key: str, value: str, mapping: Mapping[str, Json]) -> Iterator[Named]:
    for convention in _BY_KEY.get(key, ()):
        if _DOTTED.fullmatch(value) and any(other in mapping for other in convention.beside):
            yield Named(key, value, convention.how)
            return
    if key in _JSONPICKLE and _DOTTED.fullmatch(value):
        yield Named(key, value, "hint")
    elif key in _TEXTS:
        yield from _TEXTS[key](key, value, mapping)
    elif key == "base_image" and "\n" in value.strip():
        yield Named(key, value, "injected")
    elif _FILE_AND_NAME.fullmatch(value) and _is_service(key, mapping):
        yield Named(key, value, "handler")
        dotted = value.replace(":", ".")
        if key == "import_path" and _RUNS.fullmatch(dotted):
            yield Named(key, dotted, "hint")


def _registered(mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the class that AllenNLP imports if none is registered under the name; it counts if a file defines it."""
    name = mapping.get("type")
    if isinstance(name, str) and _DOTTED.fullmatch(name):
        yield Named("type", name, "beside")


def _library(key: str, value: str, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the libraries that onnxruntime-genai, or one of its providers, loads."""
    if key != "backend_path" or (_NATIVE.search(value) and not _QUALCOMM.fullmatch(value)):
        yield Named(key, value, "library")


def _served_library(key: str, value: str, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield libraries of custom nodes and loaders, and folders of models, that OpenVINO Model Server loads."""
    if _NATIVE.search(value) and ("name" in mapping if key == "base_path" else "loader_name" in mapping):
        yield Named(key, value, "library")


def _trust(key: str, value: str, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    if value.lower() in _TRUE:
        yield Named(key, key, "trust")


def _tokenizer_file(key: str, value: str, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    yield Named(key, value, "path")


def _model_file(key: str, value: str, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the file that mlx-lm runs for the architecture of a model."""
    if "model_type" in mapping and value.endswith(".py"):
        yield Named(key, value, "handler")


def _by_kind(key: str, value: str, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield what NNI imports; a pickle in place of the name is found like any other in base64."""
    kind, _, name = value.rpartition(":")
    if kind in ("", "path") and _DOTTED.fullmatch(name):
        yield Named(key, name, "call")


def _pyref(_key: str, value: str, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield what Fiddle imports, in whose form NeMo stores how a model is built."""
    module, name = mapping.get("module"), mapping.get("name")
    if value == "pyref" and isinstance(module, str) and isinstance(name, str):
        yield Named("type.pyref", f"{module}.{name}", "call")


def _located(key: str, value: str, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield what GluonTS calls, which may also be a builtin."""
    if "__kind__" in mapping:
        yield Named(key, value, "call")


def _spec(key: str, value: str, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    yield from _treespec(value, key, _MAX_TREESPECS)


def _treespec(text: str, key: str, depth: int) -> Iterator[Named]:
    """Yield the enumerations and factories that torch.export imports to rebuild the inputs of a program."""
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    for _, mapping in mappings(found):
        enum, factory = mapping.get("fqn"), mapping.get("default_factory_module")
        if "__enum__" in mapping and isinstance(enum, str):
            yield Named(key, enum.replace(":", "."), "name")
        if isinstance(factory, str):
            yield Named(key, f"{factory}.{mapping.get('default_factory_name')}", "name")
        for value in mapping.values() if depth else ():
            if isinstance(value, str) and value[:1] in ("{", "["):
                yield from _treespec(value, key, depth - 1)


def _is_service(key: str, mapping: Mapping[str, Json]) -> bool:
    """Return whether a mapping is the top level of bentofile.yaml or cog.yaml, or an application of Ray Serve."""
    return any(other in mapping for other in _SERVICE_KEYS.get(key, ()))


def _auto_mapping(value: Json, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the class that PEFT imports for the base model."""
    if isinstance(value, dict) and "peft_type" in mapping:
        library, name = value.get("parent_library"), value.get("base_model_class")
        if isinstance(library, str) and isinstance(name, str):
            yield Named("auto_mapping", f"{library}.{name}", "class")


def _custom_imports(value: Json, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield what mmengine imports before it reads the rest of a configuration."""
    listed = value.get("imports") if isinstance(value, dict) else None
    for name in listed if isinstance(listed, list) else [listed]:
        if isinstance(name, str):
            yield Named("custom_imports.imports", name, "hint")


def _types(value: Json, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the modules of Router and Asym of sentence-transformers."""
    if isinstance(value, dict) and "structure" in mapping:
        yield from (Named(f"types.{key}", name, "class") for key, name in value.items() if isinstance(name, str))


def _cross_encoder(value: Json, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    name = value.get("activation_fn") if isinstance(value, dict) else None
    if isinstance(name, str) and _DOTTED.fullmatch(name):
        yield Named("sentence_transformers.activation_fn", name, "class")


def _packages(value: Json, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield strings that are no package names among those that BentoML and Cog copy into a build file."""
    for name in value if isinstance(value, list) else ():
        if isinstance(name, str) and _INJECTED.search(name):
            yield Named("system_packages", name, "injected")


def _variables(value: Json, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield variables of BentoML's build files that inject an instruction on another line."""
    pairs = list(value.items()) if isinstance(value, dict) else []
    for item in value if isinstance(value, list) else ():
        pairs.append((str(item.get("name", "")), item.get("value")) if isinstance(item, dict) else ("", item))
    for name, given in pairs:
        for text in (name, given):
            if isinstance(text, str) and _INSTRUCTION.search(text):
                yield Named("env", text, "injected")


def _assets(value: Json, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the files of a KerasHub preset that may be elsewhere."""
    for name in value if isinstance(value, list) and "class_name" in mapping else ():
        if isinstance(name, str) and ("/" in name or "\\" in name):
            yield Named("assets", name, "asset")


def _data_files(value: Json, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the files of a data set, which are opened on the local machine if their paths are absolute."""
    for item in value if isinstance(value, list) else [value]:
        path = item.get("path") if isinstance(item, dict) else item
        for name in path if isinstance(path, list) else [path]:
            if isinstance(name, str):
                yield Named("data_files", name, "path")


def _filters(value: Json, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the codec of numcodecs that unpickles each chunk of a zarr array, also inside shards."""
    array = "zarr_format" in mapping or "node_type" in mapping
    for item in value if isinstance(value, list) else (value,):
        codec = item.get("id", item.get("name")) if isinstance(item, dict) else None
        if codec == "numcodecs.pickle" or (array and codec == "pickle"):
            yield Named("filters", "numcodecs.pickles.Pickle", "codec")


def _checkpoints(value: Json, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield what a SpeechBrain Pretrainer downloads from a host that anybody in between can impersonate."""
    for name, item in value.items() if isinstance(value, dict) and "loadables" in mapping else ():
        if isinstance(item, str) and _UNSAFE_ADDRESS.match(item):
            yield Named(f"paths.{name}", item, "checkpoint")


def _constructor(value: Json, mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the class of an object that LangChain serialized, or the environment variable that it fills in."""
    if isinstance(value, list) and mapping.get("lc") in (1, 2, "1", "2"):
        how = {"constructor": "hint", "secret": "secret"}.get(str(mapping.get("type")))
        if how:
            yield Named("id", ".".join(str(part) for part in value), how)


def _instance_type(value: Json, _mapping: Mapping[str, Json]) -> Iterator[Named]:
    """Yield the class that json_tricks imports and instantiates without its constructor."""
    match value:
        case [str(module), str(name)]:
            yield Named("__instance_type__", f"{module}.{name}", "class")


_INJECTED = re.compile(r"[;&|`\n]|\$\((?!uname\b)")
"""What no package name contains; some legitimately run `uname`."""
_INSTRUCTION = re.compile(r"\n[^\S\n]*(?:RUN|COPY|ADD|FROM|ENTRYPOINT|CMD|SHELL|USER)\s")
"""An instruction of a Dockerfile on a new line after something else."""
_MAX_KEY = 100
"""Characters at the end of a path that suffice to identify its key."""
_ENVIRONMENT_KEY = re.compile(
    r"(?i)(?:key|token|secret|passw\w*|cred\w*|auth\w*|url|user\w*|instance\w*|endpoint|host|organi[sz]ation|project\w*"
    r"|account|region|space\w*|id)s?$"
)
"""Ends of keys that hold an environment variable in LangChain objects, as their classes declare."""
_TEXTS: dict[str, Callable[[str, str, Mapping[str, Json]], Iterator[Named]]] = {
    **dict.fromkeys(TOKENIZER_FILES, _tokenizer_file),
    **dict.fromkeys(("custom_ops_library", "backend_path", "trt_extra_plugin_lib_paths"), _library),
    **dict.fromkeys(BY_KIND, _by_kind),
    **dict.fromkeys(("in_spec", "out_spec"), _spec),
    **dict.fromkeys(("base_path", "library_path"), _served_library),
    "trust_remote_code": _trust,
    "data_files": lambda _, value, mapping: _data_files(value, mapping),
    "model_file": _model_file,
    "_target_": _target_arguments,
    "class": _located,
    "type": _pyref,
}
_NESTED = {
    "__instance_type__": _instance_type,
    "auto_mapping": _auto_mapping,
    "custom_imports": _custom_imports,
    "types": _types,
    "data_files": _data_files,
    "assets": _assets,
    "sentence_transformers": _cross_encoder,
    "filters": _filters,
    "codecs": _filters,
    "compressor": _filters,
    "index_codecs": _filters,
    "id": _constructor,
    "paths": _checkpoints,
    "system_packages": _packages,
    "env": _variables,
    "envs": _variables,
}
KEYS = frozenset(
    (
        *_BY_KEY,
        *_JSONPICKLE,
        *_JAVA_CLASS_KEYS,
        *_TEXTS,
        *_NESTED,
        *_SERVICE_KEYS,
        *LOOSELY,
        "base_image",
        *PICKLED,
        *EVALUATED,
        "template",  # of prompts
    )
)
"""All keys of conventions; a mapping without any of these names no code."""
