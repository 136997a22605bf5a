"""Keys under which configurations contain Python that a loader evaluates, or a pickle that it loads.

Each comes from the source of its loader (docs/coverage.md names them with their versions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json

_PLAIN_EXPRESSION = re.compile(r"(?:(?:torch\.)?nn\.)?[A-Za-z_]\w*(?:\([\w.=, -]*\))?|[\d.eE+\-*/(),\[\] ]*")
"""Expressions of honest models: a layer, an activation with its numbers, a fraction, a size."""
_ARITHMETIC = re.compile(r"""(?:[\w\s+\-*/,.()<>=!&|~%^\[\]]|'[\w.+-]*'|"[\w.+-]*")*""")
_BEYOND_SHAPES = re.compile(
    r"__|[\w)\]'\"]\s*\.\s*[^\W\d]|\b(?!(?:abs|min|max|pow|round|int|float|bool|sqrt|floor|ceiling|log|exp)\b)[a-z_]+\s*\("
)
"""What no shape expression contains: double underscores, attributes, calls of functions with lower-case names."""
_SHAPE_KEYS = ("conv_feature_layers", "conv_pos_layers", "conv_aggregator_layers")
"""Keys that fairseq and converters of its models evaluate (CVE-2025-14926): sums and products of lists of numbers."""
SCOPE = "import contextlib, math, os, platform, subprocess, sys, torch\nimport numpy as np\nfrom torch import nn\n"
"""Names in the modules that evaluate layers, as far as an expression may use them."""
_MAX_LAYERS = 2_000
"""Maximum layers whose expressions are examined together."""
BY_KIND = ("__instance_type__", "__symbol__", "__nni_type__")
"""Keys under which json_tricks and NNI name what they import; NNI also reads a pickle after `bytes:` there."""
_PLAIN_BASE64 = re.compile(r"[A-Za-z0-9+/]{1,4000000}={0,2}")
_PICKLE_HEADER = re.compile(rb"\x80[\x02-\x05]")
PICKLED = frozenset({":serialized:", "__nni_obj__", "_type", *BY_KIND})
"""Keys of which every mapping with a pickle has one."""
EVALUATED = frozenset(
    {"expr_str", "backbone", "head", "scale", "download", "tokenizer_class", "source_code", *_SHAPE_KEYS}
)
"""Keys of which every mapping with Python has one, except those of Langflow, whose `type` is `code`."""


def pickled_in(mapping: Mapping[str, Json]) -> Iterator[tuple[str, bytes]]:
    """Yield the pickles in strings, with their keys, decoded like the loader does.

    Stable-Baselines3 and NNI use base64, Ray Tune hexadecimal digits. Plainly encoded pickles with a header are left
    out, since `scanners.detectors.encoded` finds them in any text.
    """
    texts = [(key, mapping.get(key)) for key in (":serialized:", "__nni_obj__")]
    texts += [(key, str(mapping[key])[6:]) for key in BY_KIND if str(mapping.get(key)).startswith("bytes:")]
    for key, text in texts:
        if isinstance(text, str) and text.isascii():
            data = _decoded(text, base64=True)
            if data and not (_PLAIN_BASE64.fullmatch(text) and _PICKLE_HEADER.match(data)):
                yield key, data
    digits = mapping.get("value")
    if mapping.get("_type") == "CLOUDPICKLE_FALLBACK" and isinstance(digits, str):
        data = _decoded(digits, base64=False)
        if data and not _PICKLE_HEADER.match(data):
            yield "value", data


def _decoded(text: str, *, base64: bool) -> bytes:
    """Decode a text like Python does, which skips foreign characters in base64; empty if it is invalid."""
    import binascii

    try:
        return binascii.a2b_base64(text) if base64 else bytes.fromhex(text)
    except (ValueError, binascii.Error):
        return b""


def evaluated_in(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the Python that loaders evaluate, with a file name for each; ordinary expressions are left out."""
    if EVALUATED.isdisjoint(mapping) and mapping.get("type") != "code":
        return
    for convention in (_exported, _layers, _picture_scale, _fairseq, _tokenizer, _components, _download):
        yield from convention(mapping)


def _exported(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the shape expression that torch.export evaluates through sympy."""
    expression = mapping.get("expr_str")
    if isinstance(expression, str) and reaches_out(expression):
        yield "evaluated_shapes", SCOPE + expression


def _layers(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the layers, arguments and activation that YOLOv5 and its descendants evaluate."""
    parts = [mapping.get("backbone"), mapping.get("head")]
    layers = [layer for part in parts for layer in _unusual_layers(part)]
    activation = mapping.get("activation")
    if isinstance(parts[0], list) and isinstance(activation, str) and _calls(activation):
        layers.append(activation)
    for first in range(0, len(layers), _MAX_LAYERS):
        yield "evaluated_layers", SCOPE + "\n".join(layers[first : first + _MAX_LAYERS])


def _picture_scale(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the image scale that PaddleX evaluates."""
    scale = mapping.get("scale")
    if isinstance(scale, str) and {"mean", "std"} & mapping.keys() and _calls(scale):
        yield "evaluated_scale", SCOPE + scale


def _fairseq(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for text in map(mapping.get, _SHAPE_KEYS):
        if isinstance(text, str) and (source := of_shapes(text)):
            yield "evaluated_shapes", source


def _tokenizer(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the tokenizer that sktime evaluates for Chronos."""
    tokenizer = mapping.get("tokenizer_class")
    if isinstance(tokenizer, str) and "tokenizer_kwargs" in mapping and _calls(tokenizer):
        yield "evaluated_tokenizer", SCOPE + tokenizer


def _components(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the code of a Langflow component, and of a function that AutoGen turns into a tool."""
    code, tool = mapping.get("value"), mapping.get("source_code")
    if mapping.get("type") == "code" and isinstance(code, str) and "\n" in code:
        yield "component", code
    if isinstance(tool, str) and "global_imports" in mapping:
        yield "evaluated_tool", tool


def _download(mapping: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield what Ultralytics runs if a data set is missing."""
    script = mapping.get("download")
    if isinstance(script, str) and "names" in mapping and {"train", "val"} & mapping.keys():
        if script.startswith("bash "):
            yield "download", f"import subprocess\nsubprocess.run({script!r}.split(), check=True)"
        elif "\n" in script or "(" in script:
            yield "download", script


def of_shapes(text: str) -> str:
    """Return the Python that fairseq evaluates for a description of layers, or "" if it is plain numbers."""
    return SCOPE + text if _calls(text) else ""


def _calls(expression: str) -> bool:
    """Return whether evaluating a text could do something, which requires a call."""
    return "(" in expression and not _PLAIN_EXPRESSION.fullmatch(expression)


def reaches_out(expression: str) -> bool:
    """Return whether a shape expression is more than arithmetic over symbols."""
    return not _ARITHMETIC.fullmatch(expression) or _BEYOND_SHAPES.search(expression) is not None


def _unusual_layers(value: Json) -> Iterator[str]:
    """Yield an expression for each unusual layer; a layer is `[from, number, module, arguments]`."""
    for layer in value if isinstance(value, list) else ():
        match layer:
            case [_, _, str(module), list(arguments), *_]:
                texts = [argument for argument in arguments if isinstance(argument, str)]
                odd = [text for text in texts if _calls(text)]
                called = "." in module and not module.startswith(("nn.", "torch.nn.", "torchvision.ops."))
                if odd or called or _calls(module):
                    yield f"({module})({', '.join(texts)})"
