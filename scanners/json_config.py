"""JSON configurations of models: the Python code that their keys make loaders import, and chat templates.

Hugging Face's config.json, tokenizer_config.json and their kin (https://huggingface.co/docs/transformers/custom_models),
model_index.json of diffusers, modules.json of sentence-transformers, and Hydra's `_target_` in any JSON. Only the
configuration is judged here, not the Python files that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import JSON_STARTS, Blob, Context, Item, Malformed, Scanner, Signs, problem_of
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text
from scanners.judge.external_files import leaves, outside
from scanners.metadata_text import suspicious_facts
from scanners.parsing.interpolations import Interpolator
from scanners.parsing.json_text import (
    WIDE_STARTS,
    Entry,
    JsonFault,
    as_utf8,
    begins_wide,
    documents,
    entries,
    outline,
    spelled_out,
)
from scanners.parsing.json_words import CODE, COMMANDS, COMPUTED, ONNX, PRIVATE, TELLING, holds
from scanners.parsing.name_sets import MAX_HASHED, hash_of_names
from scanners.parsing.onnx_schema import HOLDING_GRAPHS, JSON_SUFFIX
from scanners.suffixes import NEVER_PLAIN

SIZE_LIMIT = 64 * MIB
"""Maximum bytes of JSON that are parsed; the objects take about eight times as much memory."""
_MEMORY_FACTOR = 4
_ALWAYS_PARSED = MIB
"""Maximum bytes of a file that is parsed even without any of the keys, to find out whether it is complete."""
_CHUNK = 8 * MIB
_REPLACE_KEY = b'"Replace"'
_SUFFIXES = (".json", ".ipynb", ".jsonl")
_LENIENT = (".json5", ".jsonc", ".hjson")
"""Suffixes of JSON with comments, trailing commas, or unquoted keys."""
_UNQUOTED_SUFFIX = ".hjson"
_BEGINNINGS = b"{[/#"
_MAX_LENIENT = 8 * MIB
"""Maximum characters that are parsed leniently, token by token."""
_OBJECT = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"')
_FLOW_KEYS = frozenset({"nodes", "provider", "tools", "result"})
"""Top-level keys of flows, agents and lists of tools, which have at least one of these."""
_TOOL_KEYS = frozenset({"description", "function"})
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_CALLABLE_KEY = re.compile(r"(?:^|_)(?:fn|func|hook|callback|callable)s?$")
"""Ends of keys whose values a program calls by name."""
_ESCAPED = re.compile(rb"\\u00[2-7]")
"""Escapes of ASCII characters, which may spell any of them."""
_EXPRESSION = re.compile(rb'"expr_str"\s*:\s*"((?:[^"\\]|\\.)*)"')
_CHUNK_OVERLAP = 64
"""Bytes by which searched chunks overlap: more than the longest word."""
_SHOWN = 200
_MAX_PATH = 1_200
"""Maximum characters of a path that are kept: more than judges accept as a path."""
_MAX_SHARDS = 10_000
_MANIFEST = "MAR-INF/MANIFEST.json"
_ZARR_METADATA = frozenset({".zarray", ".zmetadata", "zarr.json"})
"""Files of zarr that describe arrays as JSON."""
# Pipeline modules of diffusers with components of their own: model_index.json names them without their package.
_PIPELINE_MODULES = frozenset(
    "alt_diffusion audioldm2 blip_diffusion deepfloyd_if kandinsky kolors latent_diffusion ltx2 paint_by_example "
    "shap_e spectrogram_diffusion stable_audio stable_cascade stable_diffusion stable_diffusion_safe unclip "
    "unidiffuser versatile_diffusion wuerstchen".split()
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text that begins like an object, or like a list in a file named as JSON."""
    if blob.size == 0 or begins_wide(blob.head):
        return blob.size > 0
    suffix = blob.locator.suffix
    named = suffix in _SUFFIXES and as_utf8(blob.head).lstrip()[:1] in _BEGINNINGS
    return bool(named or suffix in _LENIENT or _OBJECT.match(blob.head)) and text.reads_as_text(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the code that the file names, and its chat templates.

    Raises Malformed if the JSON is cut or invalid, and OverLimit if it exceeds 64 MiB and may name code.
    """
    from scanners.parsing.code_keys import conventional

    limit = min(SIZE_LIMIT, context.limits.parsed_bytes // _MEMORY_FACTOR)
    if blob.size > limit:
        if any(_may_name_code(chunk) for chunk in _chunks(blob)):
            raise OverLimit(f"more than {limit:,} bytes of JSON, with keys that may name code")
        return
    data = spelled_out(as_utf8(blob.reader.read(0, blob.size)))
    yield from _replacements(blob, data)
    network = holds(ONNX, data) and blob.locator.suffix != JSON_SUFFIX
    may_name_code = network or _may_name_code(data) or blob.locator.suffix in _LENIENT  # keys may be unquoted there
    if not may_name_code and len(data) > _ALWAYS_PARSED:
        _check_end(data)
        return
    commands = may_hold_commands(blob, data)
    open_to_code = may_name_code or commands or holds(CODE, data) or holds(PRIVATE, data)
    content = data.decode("utf-8", "replace")
    try:
        found = _documents(blob, content, open_to_code)
    except JsonFault as fault:
        found = _lenient_documents(blob, content, fault, may_name_code)
        may_name_code = open_to_code = True
    if network and any(map(_is_onnx_graph, found)):
        yield blob.window(f"model{JSON_SUFFIX}", 0, blob.size, expect="onnx-text")
    evaluated = may_name_code and b'"$' in data
    for document in found:
        yield from conventional(blob, document, context)
        yield from _items(blob, document, context)
        if open_to_code:
            yield from settings(blob, document, context, commands=commands)
        if evaluated:
            yield from _expressions(blob, document)


def _replacements(blob: Blob, data: bytes) -> Iterator[Item]:
    """Yield the words that a tokenizer replaces, or a Problem if there are too many to examine."""
    if _REPLACE_KEY in data:
        from scanners.parsing.word_replacements import replacements

        try:
            yield from replacements(blob, data)
        except OverLimit as limit:
            yield problem_of(limit, blob.locator, SCANNER.name)


def _is_onnx_graph(document: Json) -> bool:
    """Return whether a document holds an ONNX graph in the JSON form of protobuf."""
    return isinstance(document, dict) and any(isinstance(document.get(key), dict | list) for key in HOLDING_GRAPHS)


def _lenient_documents(blob: Blob, content: str, fault: JsonFault, may_name_code: bool) -> list[Json]:
    """Return the documents of invalid JSON as lenient readers parse them, or none if they reject it too.

    If they do, raises Malformed for text that may name code, is cut short, or has the name of a model.
    """
    lenient = _lenient(blob, content)
    is_model = blob.locator.suffix in NEVER_PLAIN  # not text that looks like JSON
    is_cut = (fault.cut or lenient is None) and blob.locator.suffix in _SUFFIXES
    if not lenient and (may_name_code or is_model or is_cut):
        raise Malformed(f"not JSON: {fault}") from None
    return lenient or []


def _lenient(blob: Blob, content: str) -> list[Json] | None:
    """Return the documents as lenient readers parse them, or None if the text is cut short even for those."""
    from scanners.parsing.json_lenient import NoJson, strict

    suffix = blob.locator.suffix
    if len(content) > _MAX_LENIENT or suffix not in (*_SUFFIXES, *_LENIENT):
        return []
    try:
        found = documents(strict(content, bare=suffix == _UNQUOTED_SUFFIX))
        return found if all(isinstance(document, dict | list) for document in found) else []
    except JsonFault:
        return []
    except NoJson as fault:
        return None if fault.cut else []


def may_hold_commands(blob: Blob, data: bytes) -> bool:
    """Return whether a configuration may hold attack commands that the scanner of commands does not report."""
    if not holds(COMMANDS, data):
        return False
    from scanners.command_documents import is_document

    return not is_document(blob)  # for which the scanner of commands knows what runs them


def settings(blob: Blob, document: Json, context: Context, *, commands: bool = False) -> Iterator[Item]:
    """Yield code and templates under keys that loaders evaluate, in any configuration, including parsed TOML.

    `commands` tells whether to look for attack commands too.
    """
    from scanners.loose_settings import command_facts, loose_facts

    interpolator = Interpolator([document])
    for entry in entries(document):
        context.operations.spend()
        for one in _interpolated(entry, interpolator) if entry.key == "_target_" else (entry,):
            yield from _HANDLERS.get(entry.key, _other)(blob, one)
        if not _is_setting(blob, entry):
            continue
        yield from loose_facts(blob, entry)
        if commands:
            yield from command_facts(blob, entry)
        if isinstance(entry.value, str):
            called = _CALLABLE_KEY.search(entry.key) is not None
            path = printable(entry.path, _SHOWN)
            yield from suspicious_facts(entry.value, blob.locator, path, context, names=called)


def _interpolated(entry: Entry, interpolator: Interpolator) -> list[Entry]:
    """Return `entry` once for each value that the interpolations in its text can take."""
    if not isinstance(entry.value, str):
        return [entry]
    return [entry._replace(value=value) for value in interpolator.resolved(entry.value)]


def _expressions(blob: Blob, document: Json) -> Iterator[Item]:
    """Yield what MONAI bundles evaluate: strings that begin with `$`, also in lists."""
    from scanners.parsing.bundle_expressions import PREFIX, evaluated

    values = (entry.value if isinstance(entry.value, list) else [entry.value] for entry in entries(document))
    yield from evaluated(blob, (one for some in values for one in some if isinstance(one, str) and one[:1] == PREFIX))


def _documents(blob: Blob, text: str, may_name_code: bool) -> list[Json]:
    """Return the documents of `text`, or none if it lacks all keys of interest; raises JsonFault."""
    from scanners.parsing.code_keys import KEYS

    if may_name_code:
        return documents(text)
    found = outline(text)
    if KEYS.isdisjoint(found.keys) and _FLOW_KEYS.isdisjoint(found.keys) and not _is_manifest(blob):
        return []
    return documents(text, repeated=found.may_repeat)


def _may_name_code(data: bytes) -> bool:
    if holds(TELLING, data) or (b"\\" in data and _ESCAPED.search(data)):
        return True
    return holds(COMPUTED, data) and _reaches_out(data)


def _reaches_out(data: bytes) -> bool:
    """Return whether a shape expression of torch.export does more than arithmetic."""
    from scanners.parsing.evaluated_keys import reaches_out

    return any(reaches_out(text.decode("utf-8", "replace")) for text in set(_EXPRESSION.findall(data)))


def _chunks(blob: Blob) -> Iterator[bytes]:
    for start in range(0, blob.size, _CHUNK):
        yield as_utf8(blob.reader.read(start, min(_CHUNK + _CHUNK_OVERLAP, blob.size - start)))


def _check_end(data: bytes) -> None:
    """Raise Malformed unless the last bracket could close the first: the only check of a long file left unparsed."""
    first, last = data.lstrip()[:1], data.rstrip()[-1:]
    if {b"{": b"}", b"[": b"]"}.get(first, last) != last:
        raise Malformed("not JSON: the text ends too early")


def _reference(blob: Blob, name: str, how: str, path: str, root: str = "") -> Fact:
    """Return the fact that a key names code, which loaders look for in the folder `root` first."""
    detail: dict[str, Json] = {"how": how, "path": printable(path, _SHOWN)}
    if root:
        detail["roots"] = [printable(root, _SHOWN)]
    return Fact("code-reference", printable(name, _SHOWN), blob.locator, detail=detail)


def _target(blob: Blob, entry: Entry) -> Iterator[Item]:
    from scanners.parsing.code_keys import HYDRA_HELPERS, how_called  # helpers are judged with their arguments

    if isinstance(entry.value, str) and entry.value and entry.value not in HYDRA_HELPERS:
        yield _reference(blob, entry.value, how_called(entry.value), entry.path)


def _auto_map(blob: Blob, entry: Entry) -> Iterator[Item]:
    """Yield the class of each auto class; tokenizers have a list of two, either of which may be null."""
    for kind, value in entry.value.items() if isinstance(entry.value, dict) else [("", entry.value)]:
        for name in value if isinstance(value, list) else [value]:
            yield from _own_code(blob, name, f"{entry.path}.{kind}" if kind else entry.path)


def _own_code(blob: Blob, name: Json, path: str) -> Iterator[Item]:
    """Yield `file.Class` of this repository, or `repository--file.Class` of another one."""
    if isinstance(name, str):
        yield _reference(blob, name, "remote" if "--" in name else "local", path)


def _custom_pipelines(blob: Blob, entry: Entry) -> Iterator[Item]:
    for task, value in entry.value.items() if isinstance(entry.value, dict) else ():
        if isinstance(value, dict):
            yield from _own_code(blob, value.get("impl"), f"{entry.path}.{task}.impl")


def _trust_remote_code(blob: Blob, entry: Entry) -> Iterator[Item]:
    if entry.value is True:
        yield _reference(blob, entry.key, "trust", entry.path)


def _chat_template(blob: Blob, entry: Entry) -> Iterator[Item]:
    """Yield what chat templates reach: one text or its lines, a list of named templates, or an object of them."""
    from scanners.parsing.jinja_template import template_facts

    value = entry.value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(map(str, value))
    for name, template in _templates(value):
        if isinstance(name, str) and leaves(name):
            yield _reference(blob, name, "written", f"{entry.path}, the name of a template,")
        if isinstance(template, str):
            yield from template_facts(template, blob.locator, printable(entry.path, _SHOWN))


def _templates(value: Json) -> Iterator[tuple[Json, Json]]:
    """Yield each template with its name, which becomes a file name when the tokenizer is saved."""
    several = value if isinstance(value, list) else [value]
    for name, item in value.items() if isinstance(value, dict) else (("", item) for item in several):
        yield (item.get("name", name), item.get("template")) if isinstance(item, dict) else (name, item)


def _kernel(blob: Blob, entry: Entry) -> Iterator[Item]:
    """Yield a kernel repository (`owner/name`, `name:function`) in place of the name of a built-in implementation."""
    several = entry.value.values() if isinstance(entry.value, dict) else [entry.value]  # one for each part of a model
    for value in several:
        if isinstance(value, str) and set(value) & set("/:"):
            yield _reference(blob, value, "kernel", entry.path)


def _base_model(blob: Blob, entry: Entry) -> Iterator[Item]:
    """Yield the name of the model that this one is derived from, for comparison with a blacklist."""
    if isinstance(entry.value, str) and entry.value:
        detail: dict[str, Json] = {"key": printable(entry.key, _SHOWN), "text": printable(entry.value, _SHOWN)}
        yield Fact("metadata", printable(entry.key, _SHOWN), blob.locator, detail=detail)


def _other(blob: Blob, entry: Entry) -> Iterator[Item]:
    return _kernel(blob, entry) if entry.key.startswith("_") and entry.key.endswith("_internal") else iter(())


def _is_setting(blob: Blob, entry: Entry) -> bool:
    """Return whether a value may be a setting; lists and lines of objects are data instead."""
    return "[" not in entry.path and blob.locator.suffix != ".jsonl" and entry.key not in _HANDLERS


_HANDLERS: dict[str, Callable[[Blob, Entry], Iterator[Item]]] = {
    "_target_": _target,
    "auto_map": _auto_map,
    "custom_pipelines": _custom_pipelines,
    "trust_remote_code": _trust_remote_code,
    "chat_template": _chat_template,
    "_name_or_path": _base_model,
    "base_model_name_or_path": _base_model,
    "attn_implementation": _kernel,
    "_attn_implementation": _kernel,
}


def _items(blob: Blob, document: Json, context: Context) -> Iterator[Item]:
    """Yield what depends on the whole document, such as modules of sentence-transformers or components of diffusers."""
    if isinstance(document, list):
        yield from _modules(blob, document)
        yield from _listed_tools(blob, document, context)
    elif isinstance(document, dict) and "_class_name" in document and _is_pipeline(blob, document["_class_name"]):
        yield from _components(blob, document)
    elif isinstance(document, dict) and isinstance(document.get("weight_map"), dict):
        yield from _shards(blob, document)
    elif isinstance(document, dict) and isinstance(document.get("weightsManifest"), list):
        yield from _tfjs_weights(blob, document["weightsManifest"])
    elif isinstance(document, dict) and isinstance(document.get("tree_metadata"), dict):
        yield from _orbax_arrays(blob, document["tree_metadata"])
    elif isinstance(document, dict) and "version" in document and "refs" in document:
        yield from _kerchunk_references(blob, document["refs"], context)
    elif isinstance(document, dict) and _is_manifest(blob):
        yield from _handler(blob, document.get("model"))
    elif isinstance(document, dict):
        yield from _remote_parts(blob, document)
        yield from _steps(blob, document)
        yield from _flow(blob, document, context)


def _flow(blob: Blob, document: dict[str, Json], context: Context) -> Iterator[Item]:
    """Yield the code and commands in nodes of flows, components of agents and descriptions of tools."""
    if not _FLOW_KEYS.isdisjoint(document):
        from scanners.flows import flow_items

        yield from flow_items(blob, document, context)


def _listed_tools(blob: Blob, document: list[Json], context: Context) -> Iterator[Item]:
    """Yield what tool descriptions in a list make an assistant do."""
    first = document[0] if document else None
    if isinstance(first, dict) and not _TOOL_KEYS.isdisjoint(first):
        from scanners.flows import tool_items

        yield from tool_items(blob, document, "", context)


def _modules(blob: Blob, modules: list[Json]) -> Iterator[Item]:
    """Yield the classes of sentence-transformers modules, and their folders that lead out of the model."""
    for at, item in enumerate(modules):
        if isinstance(item, dict) and {"idx", "type"} <= item.keys() and isinstance(item["type"], str):
            yield _reference(blob, item["type"], "class", f"[{at}].type")
            if isinstance(folder := item.get("path"), str) and leaves(folder):
                yield _reference(blob, folder, "outside", f"[{at}].path")


def _remote_parts(blob: Blob, config: dict[str, Json]) -> Iterator[Item]:
    """Yield the repositories whose code a model without code of its own trusts for its parts (CVE-2026-5241)."""
    if config.get("trust_remote_code") is not True or "auto_map" in config:
        return
    for key, part in config.items():
        name = part.get("_name_or_path") if isinstance(part, dict) and key.endswith("_config") else None
        if isinstance(name, str) and _REPOSITORY.fullmatch(name):
            yield _reference(blob, name, "remote", f"{key}._name_or_path")


def _steps(blob: Blob, processor: dict[str, Json]) -> Iterator[Item]:
    """Yield the classes of a LeRobot processor that are not in its registry: it imports them by name."""
    steps = processor.get("steps") if "name" in processor else None
    for at, step in enumerate(steps if isinstance(steps, list) else ()):
        name = step.get("class") if isinstance(step, dict) and "config" in step else None
        if isinstance(name, str):
            yield _reference(blob, name, "class", f"steps[{at}].class")


def _is_manifest(blob: Blob) -> bool:
    return str(blob.locator).replace("!", "/").endswith(_MANIFEST)


def _shards(blob: Blob, index: dict[str, Json]) -> Iterator[Item]:
    """Yield the shards of an index, each with its tensors; raises OverLimit for more than 10,000 shards."""
    tensors, metadata = index["weight_map"], index.get("metadata")
    shards: dict[str, list[str]] = {}
    for name, shard in tensors.items() if isinstance(tensors, dict) else ():
        for part in shard if isinstance(shard, list) else (shard,):  # Keras may split one tensor
            if isinstance(part, str):
                shards.setdefault(part, []).append(name)
    if len(shards) > _MAX_SHARDS:
        raise OverLimit(f"an index of {len(shards):,} shards")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    known = total if isinstance(total, int | float) and 0 <= total < 1 << 63 else 0
    detail: dict[str, Json] = {"shards": len(shards), "total": int(known)}
    yield Fact("shard-index", printable(blob.locator.name, _SHOWN), blob.locator, detail=detail)
    for shard, names in shards.items():
        found: dict[str, Json] = {"count": len(names)}
        if len(names) <= MAX_HASHED:
            found["names"] = hash_of_names(names)
        yield Fact("shard", printable(shard, _MAX_PATH), blob.locator, detail=found)


def _tfjs_weights(blob: Blob, manifest: Json) -> Iterator[Item]:
    """Yield the weight files of TensorFlow.js, whose paths it joins to the folder of the model."""
    for at, group in enumerate(manifest if isinstance(manifest, list) else ()):
        paths = group.get("paths") if isinstance(group, dict) else None
        for name in paths if isinstance(paths, list) else ():
            if isinstance(name, str):
                detail: dict[str, Json] = {"framework": "tfjs", "used_by": f"weightsManifest[{at}].paths"}
                yield Fact("external-file", printable(name, _MAX_PATH), blob.locator, detail=detail)


def _orbax_arrays(blob: Blob, tree: Json) -> Iterator[Item]:
    """Yield the arrays of Orbax whose keys, joined to the folder of the checkpoint, lead out of it."""
    for leaf in tree.values() if isinstance(tree, dict) else ():
        keys = leaf.get("key_metadata") if isinstance(leaf, dict) else None
        for key in keys if isinstance(keys, list) else ():
            name = key.get("key") if isinstance(key, dict) else None
            if isinstance(name, str) and leaves(name):
                detail: dict[str, Json] = {"framework": "orbax", "used_by": "an array of the checkpoint"}
                yield Fact("external-file", printable(name, _MAX_PATH), blob.locator, detail=detail)


def _handler(blob: Blob, model: Json) -> Iterator[Item]:
    """Yield the files that TorchServe imports, from the manifest of an unpacked archive: see scanners.torchserve."""
    from scanners.torchserve import BUILT_IN_HANDLERS

    for key in ("handler", "modelFile"):
        name = model.get(key) if isinstance(model, dict) else None
        if isinstance(name, str) and name not in BUILT_IN_HANDLERS and not outside(name):
            yield _reference(blob, name, "handler", f"model.{key}", "..")


def _is_pipeline(blob: Blob, class_name: Json) -> bool:
    """Return whether lists are components: in other diffusers configurations they are blocks and activations."""
    return blob.locator.name.endswith("model_index.json") or not isinstance(class_name, str) or "Pipeline" in class_name


def _components(blob: Blob, index: dict[str, Json]) -> Iterator[Item]:
    """Yield the classes of components; a file with the package's name in the component's folder takes precedence."""
    for key, value in index.items():
        match value:
            case [str(file), str(name)] if key == "_class_name":
                yield from _own_code(blob, f"{file}.{name}", key)
            case [str(library), str(name), *rest] if not key.startswith("_") and _is_component(rest):
                how = "component" if library in _PIPELINE_MODULES else "class"
                yield _reference(blob, f"{library}.{name}", how, key, key)


def _is_component(rest: list[Json]) -> bool:
    """Return whether `rest` may follow library and class: nothing, or an object that modular pipelines load from."""
    return not rest or (len(rest) == 1 and isinstance(rest[0], dict))


def _kerchunk_references(blob: Blob, references: Json, context: Context) -> Iterator[Item]:
    """Yield what templates in kerchunk references reach, which fsspec renders with plain Jinja2, and codecs of arrays.

    The metadata of an array is JSON inside a string there.
    """
    from scanners.parsing.code_keys import conventional
    from scanners.parsing.jinja_template import template_facts

    for key, value in references.items() if isinstance(references, dict) else ():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str) and "{{" in first:
            yield from template_facts(first, blob.locator, printable(f"refs.{key}", _SHOWN))
        if key.rpartition("/")[2] in _ZARR_METADATA and isinstance(value, str) and "pickle" in value:
            try:
                described = documents(value)
            except JsonFault:
                continue
            for document in described:
                yield from conventional(blob, document, context)


SCANNER = Scanner(
    name="json",
    title="JSON configurations (Hugging Face, diffusers, sentence-transformers, PEFT, Hydra)",
    version=28,
    accepts=accepts,
    scan=scan,
    suffixes=(*_SUFFIXES, *_LENIENT),
    signs=Signs(JSON_STARTS, (*_SUFFIXES, *_LENIENT), at=((0, WIDE_STARTS),)),
)
