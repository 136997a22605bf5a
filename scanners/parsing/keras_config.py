"""The JSON with which Keras describes a model: nested objects of `class_name`, `config` and the module to import.

Format: keras.saving.serialize_keras_object (https://keras.io/api/models/model_saving_apis/serialization_utils/), and
the older form without modules in HDF5 files and `to_json()`. Everything that Keras would import, call or open becomes a
fact, anywhere in the document.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.scanner import Blob, Context, Item, Malformed, problem_of
from modelsweep.core.text import printable
from scanners.parsing import evaluated_words
from scanners.parsing.json_text import with_repeated
from scanners.parsing.marshal_names import names_in

SHOWN = 160
"""Maximum characters of a name, path or text in a fact."""
_MAX_NAMES = 2_000
"""Maximum names of one code object in a fact."""
_MAX_NODE_BYTES = 72
"""Maximum bytes that one JSON value takes in memory, besides its text."""
_MAX_CODE_NESTING = 20
"""Maximum nesting of lists and objects around encoded code."""
_UNSAFE = re.compile(r"\benable_unsafe_deserialization\s*(?:\(|$)")
"""The name alone or a call of it, but not prose about it."""
# Arguments that layers and functions open as files or download (vocabularies, saved models, weights)
_PATHS = frozenset(
    "vocabulary vocabulary_file idf_weights merges proto handle filepath file_path filename fname path origin url "
    "cache_dir directory archive asset_path weights_path".split()
)
_FILE_BEGINNINGS = (
    *(f"/{folder}/" for folder in "etc home root proc var tmp opt usr mnt".split()),
    *("~/", "../", "..\\", "C:\\"),
)
"""Beginnings of file paths that are reported for arguments of any name."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*")
"""Base64, which is not source code."""
_WORD = re.compile(r"[^\W\d]\w*")
_SPACES = {ord(space): " " for space in "\t\n\r"}
_LAMBDA_FUNCTIONS = ("function", "output_shape", "mask")
_MODELS = ("modelTopology", "model_config")
"""Keys under which TensorFlow.js stores a model; its objects name no modules."""
_EVALUATING_TOKENIZERS = ("RWKVTokenizer", "RWKV7Tokenizer")
"""Tokenizers of keras_hub that evaluate their vocabulary."""
_FILE_ARGUMENTS = {"WhisperTokenizer": ("special_tokens", "language_tokens")}
"""String arguments that only these classes open as files."""
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod")
"""Layers of Keras 2 that call a TensorFlow symbol by name."""


class Document(NamedTuple):
    """A parsed configuration, and the keys that some object declares twice (`repeated`)."""

    value: Json
    repeated: tuple[str, ...]


class _Node(NamedTuple):
    path: str
    key: str
    value: Json


def parse(data: bytes, context: Context, errors: str = "surrogatepass") -> Document:
    """Parse `data` in any encoding of JSON; raises Malformed and OverLimit.

    `errors` is the handler for invalid bytes: h5py passes them on as surrogates.
    """
    import json

    nodes = sum(data.count(mark) for mark in (b",", b"[", b"{", b":"))
    if nodes * _MAX_NODE_BYTES + len(data) > context.limits.parsed_bytes:
        raise OverLimit(f"the configuration holds {nodes:,} values: more than may be held in memory")
    try:
        return Document(*with_repeated(data.decode(json.detect_encoding(data), errors)))
    except ValueError as error:
        raise Malformed(f"the configuration is not JSON: {error}", 0) from None
    except RecursionError:
        raise OverLimit("the configuration is nested too deep for Python's parser") from None


def is_keras(document: Json, context: Context) -> bool:
    """Return whether `document` describes a Keras object, or contains one with a module to import.

    Keras also creates the objects inside lists and plain objects, before it notices that there is no model.
    """
    return any(
        isinstance(node.value, dict)
        and isinstance(node.value.get("class_name"), str)
        and "config" in node.value
        and (not node.path or node.key in _MODELS or "module" in node.value or "registered_name" in node.value)
        for node in _nodes(document, "", context)
    )


def items(document: Json, blob: Blob, context: Context, path: str = "") -> Iterator[Item]:
    """Yield what the objects of `document` name, open and contain; `path` is its position in the file."""
    told: set[tuple[str, str, str]] = set()
    for node in _nodes(document, path, context):
        found = _object(node, blob, context) if isinstance(node.value, dict) else _text(node, blob.locator)
        for item in found:
            if isinstance(item, Fact):
                same = item.detail.get("registered_name", "") if item.kind == "keras-object" else item.detail
                key = (item.kind, item.value, str(same))
                if key in told:
                    continue
                told.add(key)
            yield item


def _nodes(document: Json, path: str, context: Context) -> Iterator[_Node]:
    """Yield every value of `document` in order, without recursion, since the attacker chooses the depth."""
    left = [_Node(path, "", document)]
    while left:
        node = left.pop()
        context.operations.spend()
        yield node
        if isinstance(node.value, dict):
            inner = [_Node(_joined(node.path, key), key, value) for key, value in node.value.items()]
            left.extend(reversed(inner))
        elif isinstance(node.value, list):
            # Items of a list get the key of the list
            inner = [_Node(_joined(node.path, str(at)), node.key, value) for at, value in enumerate(node.value)]
            left.extend(reversed([item for item in inner if isinstance(item.value, (dict, list, str))]))


def _joined(path: str, key: str) -> str:
    return shortened(f"{path}.{printable(key)}" if path else printable(key))


def shortened(path: str) -> str:
    """Return `path`, or the end of a long one."""
    return path if len(path) <= SHOWN else f"…{path[1 - SHOWN :]}"


def _object(node: _Node, blob: Blob, context: Context) -> Iterator[Item]:
    value, locator = node.value, blob.locator
    assert isinstance(value, dict)
    class_name, config = value.get("class_name"), value.get("config")
    if not isinstance(class_name, str) or not ({"config", "module", "registered_name"} & value.keys()):
        return
    yield _named(node.path, value, locator)
    class_name = class_name.rpartition(".")[2]  # `layers.Lambda` in the module `keras` is found as well
    if class_name == "__lambda__":
        yield from _code(node.path, config, locator)
    elif not isinstance(config, dict):
        return
    elif class_name == "Lambda" or any(config.get(f"{key}_type") == "lambda" for key in _LAMBDA_FUNCTIONS):
        yield from _lambda(node.path, config, locator)
    elif class_name in _OPERATIONS:
        yield _fact("keras-operation", str(config.get("function", config.get("symbol", ""))), node.path, locator)
    elif class_name == "TorchModuleWrapper":
        yield from _torch_module(node.path, config, blob, context)
    else:
        yield from _tokenizer(class_name, node.path, config, blob)


def _named(path: str, value: dict[str, Json], locator: Locator) -> Fact:
    """Return the fact of the class or function that Keras looks up for `value`."""
    module, registered = value.get("module"), value.get("registered_name")
    name, config = str(value["class_name"]), value.get("config")
    role = "class"
    if name == "function" and isinstance(config, str):
        name, role = config, "function"
    elif name == "__typespec__" and isinstance(value.get("spec_name"), str):
        name = str(value["spec_name"])
    dotted = f"{module}.{name}" if isinstance(module, str) and module else name
    detail: dict[str, Json] = {"path": printable(path, SHOWN), "role": role}
    if isinstance(registered, str):
        detail["registered_name"] = printable(registered, SHOWN)
    return Fact("keras-object", printable(dotted, SHOWN), locator, detail=detail)


def _lambda(path: str, config: dict[str, Json], locator: Locator) -> Iterator[Item]:
    """Yield the code of a Lambda layer in the form of Keras 2, or the name of the function that it calls."""
    for key in _LAMBDA_FUNCTIONS:
        function = config.get(key)
        if isinstance(function, dict) and function.get("class_name") == "__lambda__":
            continue  # an object of its own, which the walk visits
        stored = config.get(f"{key}_type", "" if isinstance(function, str) else "lambda") == "lambda"
        if stored and _code_texts(function):
            yield from _code(_joined(path, key), function, locator)
        elif key == "function":
            name = function.get("config") if isinstance(function, dict) else function or config.get("function_name")
            name = name if isinstance(name, str) else "a function"
            module = config.get("module")
            detail: dict[str, Json] = {"path": path, "code": False}
            if isinstance(module, str):
                detail["module"] = printable(module, SHOWN)
            yield Fact("keras-lambda", printable(name, SHOWN), locator, detail=detail)


def _code_texts(value: Json) -> list[str]:
    """Return the encoded code in the result of `func_dump` (code, defaults, closure), however it is wrapped.

    Loaders differ in the key that they read, so an object may contain more than one.
    """
    found, left = [], [value]
    for _ in range(_MAX_CODE_NESTING):
        if not left:
            break
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            left.extend(item[:1])
        elif isinstance(item, dict):
            left.extend(item[key] for key in ("code", "value", "items") if key in item)
    return found


def _code(path: str, value: Json, locator: Locator) -> Iterator[Item]:
    """Yield the fact for a marshalled function, with all names in its code."""
    names: dict[str, None] = {}
    size = 0
    for text in _code_texts(value):
        try:
            code = binascii.a2b_base64(text.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            code = text.encode("raw_unicode_escape", "replace")  # the form before base64, which Keras still reads
        names.update(dict.fromkeys([*names_in(code), *_words_in(code), *_words_in(text.encode("utf-8", "replace"))]))
        size += len(code)
    shown: list[Json] = [printable(name, SHOWN) for name in list(names)[:_MAX_NAMES]]
    detail: dict[str, Json] = {"path": path, "code": True, "names": shown, "size": size}
    yield Fact("keras-lambda", "a function stored by value", locator, detail=detail)
    if len(names) > _MAX_NAMES:
        yield problem_of(OverLimit(f"{path} uses {len(names):,} names: the rest is left out"), locator, "keras")


def _words_in(code: bytes) -> list[str]:
    """Return the words of source code in place of bytecode, which some program may run too."""
    if b"\0" in code or _BASE64.fullmatch(code):
        return []
    try:
        text = code.decode()
    except UnicodeDecodeError:
        return []
    return _WORD.findall(text) if text.translate(_SPACES).isprintable() else []


def _torch_module(path: str, config: dict[str, Json], blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the torch checkpoint that the layer unpickles when it is created (CVE-2025-49655)."""
    yield Fact("keras-torch-module", "TorchModuleWrapper", blob.locator, detail={"path": path})
    module = config.get("module")
    try:
        data = _module_bytes(module)
    except binascii.Error as error:
        yield problem_of(Malformed(f"{path}.module is not base64: {error}"), blob.locator, "keras")
        return
    if data:
        yield blob.nested(_joined(path, "module"), context.spool([data]), expanded=True)


def _tokenizer(class_name: str, path: str, config: dict[str, Json], blob: Blob) -> Iterator[Item]:
    """Yield the files that a tokenizer opens when it is created, and code that it runs even in safe mode."""
    for key in _FILE_ARGUMENTS.get(class_name, ()):
        file = config.get(key)
        if isinstance(file, str) and file:
            yield _fact("keras-path", file, _joined(path, key), blob.locator, key)
    if class_name not in _EVALUATING_TOKENIZERS:
        return
    words = config.get("vocabulary")
    lines = words.splitlines() if isinstance(words, str) else words if isinstance(words, list) else ()
    expressions = evaluated_words.code_of(line for line in lines if isinstance(line, str))
    if expressions:
        yield evaluated_words.expression_fact(expressions[0], blob.locator, _joined(path, "vocabulary"))
        yield evaluated_words.source_of(expressions, blob)


def _module_bytes(module: Json) -> bytes:
    """Decode the checkpoint from base64, or from the form of Keras 3.11: {"class_name": "__bytes__", ...}."""
    if isinstance(module, dict):
        inner = module.get("config")
        value = inner.get("value") if isinstance(inner, dict) else None
        return value.encode("utf-8", "replace") if isinstance(value, str) else b""
    return binascii.a2b_base64(module.encode("ascii", "replace")) if isinstance(module, str) else b""


def _text(node: _Node, locator: Locator) -> Iterator[Fact]:
    text = node.value
    if not isinstance(text, str) or not text:
        return
    if _UNSAFE.search(text):
        yield _fact("keras-unsafe", text, node.path, locator)
    if node.path.rpartition(".")[2] != node.key:
        return  # lists hold words of a vocabulary and the like
    if node.key in _PATHS:
        yield _fact("keras-path", text, node.path, locator, node.key)
    elif node.key == "name":
        if "/" in text or "\\" in text:
            yield _fact("keras-layer-name", text, node.path, locator)
    elif "://" in text[:12] or text.startswith(_FILE_BEGINNINGS):
        yield _fact("keras-argument", text, node.path, locator, node.key)


def _fact(kind: str, text: str, path: str, locator: Locator, key: str = "") -> Fact:
    detail: dict[str, Json] = {"path": printable(path, SHOWN)}
    if key:
        detail["argument"] = printable(key, SHOWN)
    return Fact(kind, printable(text, SHOWN), locator, detail=detail)
