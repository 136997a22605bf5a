"""The JSON by which Keras describes a model: nested objects of `class_name`, `config` and the module to import.

Format: keras.saving.serialize_keras_object (https://keras.io/api/models/model_saving_apis/serialization_utils/), and
the older form without modules in HDF5 files and `to_json()`. Whatever Keras would import, call or open is told here as
facts, wherever in the document it stands.
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
"""Characters of a name, path or text that a fact holds."""
_NAMES = 2_000
"""Names of one code object that a fact holds."""
_WORST_NODE = 72
"""Bytes that one JSON value takes in memory at most, besides the text itself."""
_CODE_VALUES = 20
"""Lists and objects that may stand around encoded code."""
_UNSAFE = re.compile(r"\benable_unsafe_deserialization\s*(?:\(|$)")
"""By its name alone or called, not in prose about it."""
# Arguments that layers and functions open as files or fetch (vocabularies, saved models, weights)
_PATHS = frozenset(
    "vocabulary vocabulary_file idf_weights merges proto handle filepath file_path filename fname path origin url "
    "cache_dir directory archive asset_path weights_path".split()
)
_ELSEWHERE = (
    *(f"/{folder}/" for folder in "etc home root proc var tmp opt usr mnt".split()),
    *("~/", "../", "..\\", "C:\\"),
)
"""How the paths of files begin that an argument of any other name may hold."""
_PACKED = re.compile(rb"[A-Za-z0-9+/=\s]*")
"""Base64, which is no source code itself."""
_WORD = re.compile(r"[^\W\d]\w*")
_SPACES = {ord(space): " " for space in "\t\n\r"}
_LAMBDA_FUNCTIONS = ("function", "output_shape", "mask")
_MODELS = ("modelTopology", "model_config")
"""Keys under which TensorFlow.js keeps a model; its objects name no modules."""
_EVALUATING = ("RWKVTokenizer", "RWKV7Tokenizer")
"""Tokenizers of keras_hub that evaluate their vocabulary."""
_OPENING = {"WhisperTokenizer": ("special_tokens", "language_tokens")}
"""Arguments that only these classes open as files, where they are texts."""
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod")
"""Layers of Keras 2 that call a TensorFlow symbol by name."""


class Document(NamedTuple):
    """A parsed configuration; `repeated` are the keys that some object declares twice."""

    value: Json
    repeated: tuple[str, ...]


class _Node(NamedTuple):
    path: str
    key: str
    value: Json


def parse(data: bytes, context: Context, errors: str = "surrogatepass") -> Document:
    """Return the document that `data` holds, in any encoding of JSON; raises Malformed and OverLimit.

    `errors` says what becomes of bytes that are no text: h5py hands them on as surrogates.
    """
    import json

    nodes = sum(data.count(mark) for mark in (b",", b"[", b"{", b":"))
    if nodes * _WORST_NODE + len(data) > context.limits.parsed_bytes:
        raise OverLimit(f"the configuration holds {nodes:,} values: more than may be held in memory")
    try:
        return Document(*with_repeated(data.decode(json.detect_encoding(data), errors)))
    except ValueError as error:
        raise Malformed(f"the configuration is not JSON: {error}", 0) from None
    except RecursionError:
        raise OverLimit("the configuration is nested too deep for Python's parser") from None


def is_keras(document: Json, context: Context) -> bool:
    """Return whether `document` describes an object as Keras does, or holds one with the module to import.

    Keras makes the objects inside lists and plain objects too, before it notices that there is no model.
    """
    return any(
        isinstance(node.value, dict)
        and isinstance(node.value.get("class_name"), str)
        and "config" in node.value
        and (not node.path or node.key in _MODELS or "module" in node.value or "registered_name" in node.value)
        for node in _nodes(document, "", context)
    )


def items(document: Json, blob: Blob, context: Context, path: str = "") -> Iterator[Item]:
    """Yield what the objects of `document` name, open and carry; `path` is where in the file it stands."""
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
    """Yield every value of `document` in its order, without recursion: depth is the attacker's to choose."""
    left = [_Node(path, "", document)]
    while left:
        node = left.pop()
        context.operations.spend()
        yield node
        if isinstance(node.value, dict):
            inner = [_Node(_joined(node.path, key), key, value) for key, value in node.value.items()]
            left.extend(reversed(inner))
        elif isinstance(node.value, list):
            # A list stands for its argument: the key goes down with it
            inner = [_Node(_joined(node.path, str(at)), node.key, value) for at, value in enumerate(node.value)]
            left.extend(reversed([item for item in inner if isinstance(item.value, (dict, list, str))]))


def _joined(path: str, key: str) -> str:
    return shortened(f"{path}.{printable(key)}" if path else printable(key))


def shortened(path: str) -> str:
    """Return `path`, of a long one the end."""
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
    """Yield the code of a Lambda layer in the form of Keras 2, or the name of what it calls."""
    for key in _LAMBDA_FUNCTIONS:
        function = config.get(key)
        if isinstance(function, dict) and function.get("class_name") == "__lambda__":
            continue  # an object of its own, which the walk meets
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
    """Return the encoded code in what `func_dump` made, (code, defaults, closure), however it is wrapped.

    Loaders differ in the key they read it from, so that an object may hold more than one.
    """
    found, left = [], [value]
    for _ in range(_CODE_VALUES):
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
    """Yield the fact of a marshalled function, with all names in its code."""
    names: dict[str, None] = {}
    size = 0
    for text in _code_texts(value):
        try:
            code = binascii.a2b_base64(text.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            code = text.encode("raw_unicode_escape", "replace")  # the form before base64, which Keras still reads
        names.update(dict.fromkeys([*names_in(code), *_words_in(code), *_words_in(text.encode("utf-8", "replace"))]))
        size += len(code)
    shown: list[Json] = [printable(name, SHOWN) for name in list(names)[:_NAMES]]
    detail: dict[str, Json] = {"path": path, "code": True, "names": shown, "size": size}
    yield Fact("keras-lambda", "a function stored by value", locator, detail=detail)
    if len(names) > _NAMES:
        yield problem_of(OverLimit(f"{path} uses {len(names):,} names: the rest is left out"), locator, "keras")


def _words_in(code: bytes) -> list[str]:
    """Return the words of source code that stands where bytecode should: some program will run that as well."""
    if b"\0" in code or _PACKED.fullmatch(code):
        return []
    try:
        text = code.decode()
    except UnicodeDecodeError:
        return []
    return _WORD.findall(text) if text.translate(_SPACES).isprintable() else []


def _torch_module(path: str, config: dict[str, Json], blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the torch checkpoint that the layer unpickles when it is made (CVE-2025-49655)."""
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
    """Yield the files that a tokenizer opens when it is made, and the code that it runs, safe mode or not."""
    for key in _OPENING.get(class_name, ()):
        file = config.get(key)
        if isinstance(file, str) and file:
            yield _fact("keras-path", file, _joined(path, key), blob.locator, key)
    if class_name not in _EVALUATING:
        return
    words = config.get("vocabulary")
    lines = words.splitlines() if isinstance(words, str) else words if isinstance(words, list) else ()
    expressions = evaluated_words.code_of(line for line in lines if isinstance(line, str))
    if expressions:
        yield evaluated_words.told(expressions[0], blob.locator, _joined(path, "vocabulary"))
        yield evaluated_words.source_of(expressions, blob)


def _module_bytes(module: Json) -> bytes:
    """Return the checkpoint out of base64, or out of the form of Keras 3.11: {"class_name": "__bytes__", ...}."""
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
        return  # in a list, which holds words of a vocabulary and the like
    if node.key in _PATHS:
        yield _fact("keras-path", text, node.path, locator, node.key)
    elif node.key == "name":
        if "/" in text or "\\" in text:
            yield _fact("keras-layer-name", text, node.path, locator)
    elif "://" in text[:12] or text.startswith(_ELSEWHERE):
        yield _fact("keras-argument", text, node.path, locator, node.key)


def _fact(kind: str, text: str, path: str, locator: Locator, key: str = "") -> Fact:
    detail: dict[str, Json] = {"path": printable(path, SHOWN)}
    if key:
        detail["argument"] = printable(key, SHOWN)
    return Fact(kind, printable(text, SHOWN), locator, detail=detail)
