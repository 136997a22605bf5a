"""Configurations as Keras 3 and Keras 2 write them, alone and in .keras archives, and ones that would run code."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL

DTYPE = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


def made(class_name: str, config: object, module: str | None = "keras.layers", **more: object) -> dict[str, Any]:
    """Return an object in the form of Keras 3."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None, **more}


def layer(class_name: str, **config: object) -> dict[str, Any]:
    """Return a layer in the form of Keras 3."""
    return made(class_name, {"name": class_name.lower(), "trainable": True, "dtype": DTYPE, **config})


def tokenizer(class_name: str, **config: object) -> dict[str, Any]:
    """Return a tokenizer of keras_hub as Keras 3 serializes it."""
    return made(class_name, {"name": "tokenizer", **config}, "keras_hub.tokenizers")


def function(name: str, module: str = "builtins", registered: str = "function") -> dict[str, Any]:
    """Return a function by name in the form of Keras 3."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def sequential(*layers: object, **more: object) -> dict[str, Any]:
    """Return a model of `layers` in the form of Keras 3."""
    return made("Sequential", {"name": "model", "dtype": DTYPE, "layers": [INPUT, *layers]}, "keras", **more)


INPUT: dict[str, Any] = made(
    "InputLayer", {"batch_shape": [None, 8], "dtype": "float32", "sparse": False, "name": "input_layer"}
)
INITIALIZER = made("GlorotUniform", {"seed": None}, "keras.initializers")
DENSE: dict[str, Any] = layer(
    "Dense",
    units=4,
    activation="relu",
    kernel_initializer=INITIALIZER,
    kernel_regularizer=made("L2", {"l2": 0.01}, "keras.regularizers"),
    kernel_constraint=None,
)
COMPILED = {
    "optimizer": made(
        "Adam",
        {"learning_rate": made("CosineDecay", {"initial_learning_rate": 0.1}, "keras.optimizers.schedules")},
        "keras.optimizers",
    ),
    "loss": made("SparseCategoricalCrossentropy", {"from_logits": True}, "keras.losses"),
    "metrics": ["accuracy", function("my_metric"), made("AUC", {"name": "auc"}, "keras.metrics")],
    "loss_weights": None,
}
STANDARD = sequential(
    DENSE,
    layer("BatchNormalization", axis=-1, gamma_initializer=made("Ones", {}, "keras.initializers")),
    layer("Bidirectional", layer=layer("LSTM", units=4, activation="tanh"), merge_mode="concat"),
    layer("Embedding", input_dim=10, output_dim=4, mask_zero=True),
    layer("TextVectorization", standardize="lower_and_strip_punctuation", vocabulary=["", "[UNK]", "os.system", "/"]),
    layer("StringLookup", vocabulary=None, oov_token="[UNK]"),
    layer("Normalization", mean=[[0.5]], variance=None),
    layer("Activation", activation=function("swish", "keras.activations", "swish")),
    compile_config=COMPILED,
    build_config={"input_shape": [None, 8]},
)
TENSOR: dict[str, Any] = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 4], "dtype": "float32", "keras_history": ["dense", 0, 0]},
}
FUNCTIONAL = made(
    "Functional",
    {
        "name": "functional",
        "layers": [
            INPUT,
            dict(DENSE, name="dense", inbound_nodes=[{"args": [TENSOR], "kwargs": {"mask": None}}]),
            made("Add", {"name": "add"}, "keras.src.ops.numpy"),
            layer("Concatenate", axis={"class_name": "__tuple__", "items": [1, 2]}),
            layer("Rescaling", scale={"class_name": "__tensor__", "config": {"value": 0.5, "dtype": "float32"}}),
            layer("Rescaling", scale={"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}),
            layer("GetItem", key={"class_name": "__slice__", "config": {"start": 0, "stop": None, "step": None}}),
        ],
        "input_layers": [["input_layer", 0, 0]],
    },
    "keras.src.models.functional",
)
KERAS_2: dict[str, Any] = {
    "class_name": "Functional",
    "keras_version": "2.11.0",
    "backend": "tensorflow",
    "config": {
        "name": "densenet",
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8, 3], "name": "input_1"}},
            {
                "class_name": "Conv2D",
                "config": {
                    "name": "conv1/conv",
                    "activation": "linear",
                    "kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0}},
                    "batch_input_shape": {"class_name": "__tuple__", "items": [None, 8]},
                },
                "inbound_nodes": [[["input_1", 0, 0, {}]]],
            },
            {"class_name": "TFOpLambda", "config": {"name": "tf.math.add", "function": "math.add"}},
        ],
    },
}


HARMLESS: tuple[str, ...] = ("x", "expand_dims", "reduce_mean")
DANGEROUS = ("__import__", "os", "system", "echo modelsweep-test")


def encoded(texts: tuple[str, ...]) -> str:
    """Return marshalled code of Python 3.8 and later as Keras' func_dump writes it, with `texts` for its names."""
    names = b"".join(b"\xda" + bytes([len(item)]) + item.encode() for item in texts)
    code = b"\xe3" + bytes(24) + b"s\x04\0\0\0" + b"|\0S\0" + b"(" + len(texts).to_bytes(4, "little") + names
    return base64.encodebytes(code + b"\xfa\x11/home/os/model.py\xfa\x08<lambda>").decode()


def stored(names: tuple[str, ...]) -> dict[str, Any]:
    """Return a function by value in the form of Keras 3."""
    return {"class_name": "__lambda__", "config": {"code": encoded(names), "defaults": None, "closure": None}}


def source_in_base64(source: str) -> str:
    """Return source code where Keras has bytecode."""
    return base64.b64encode(source.encode()).decode()


def lambda_2(names: tuple[str, ...]) -> dict[str, Any]:
    """Return a model of one Lambda layer in the form of Keras 2."""
    config = {"name": "l", "function": [encoded(names), None, None], "function_type": "lambda", "module": "__main__"}
    return {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": config}]}}


def two_functions(names: tuple[str, ...], shape_names: tuple[str, ...]) -> dict[str, Any]:
    """Return a model of one Lambda layer in the form of Keras 2, which computes its output's shape by code, too."""
    model = lambda_2(names)
    config = model["config"]["layers"][0]["config"]
    config |= {"output_shape": [encoded(shape_names), None, None], "output_shape_type": "lambda"}
    return model


def text(document: object) -> Callable[[], bytes]:
    """Return what builds the JSON of `document`."""
    return lambda: json.dumps(document).encode()


def archive(document: object) -> Callable[[], bytes]:
    """Return what builds a .keras archive without weights."""

    def build() -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as members:
            about = {"keras_version": "3.9.0", "date_saved": "2025-03-01@10:00:00"}
            members.writestr(zipfile.ZipInfo("metadata.json"), json.dumps(about))
            members.writestr(zipfile.ZipInfo("config.json"), json.dumps(document))
        return stream.getvalue()

    return build


def case(document: object, verdict: Verdict, options: Options | None = None) -> Case:
    """Return the case of a configuration alone."""
    return Case(text(document), "config.json", verdict, options or Options())


def named(name: str, module: str | None, verdict: Verdict = Verdict.MALICIOUS, **more: object) -> Case:
    """Return the case of a model with a layer of another module."""
    return case(sequential(made(name, {"name": "layer"}, module, **more)), verdict)


def escaped(document: object) -> bytes:
    """Return JSON whose class names are spelled in escapes."""
    return json.dumps(document).replace("class_name", r"class\u005fname").encode()


TORCH = layer("TorchModuleWrapper", module=base64.b64encode(EVIL).decode(), output_shape=None)
URL_VOCABULARY = "http" + "://169.254.169.254/latest/meta-data"

WORDS = ["", "[UNK]", "http" + "://t.co/x", "/etc/passwd", "~/a", "../b"]
HIDDEN = encoded(DANGEROUS)
MANY = tuple(f"name_{number}" for number in range(2_100))


def operation(function_name: str) -> dict[str, Any]:
    """Return a model of Keras 2 that calls a function of TensorFlow by name."""
    return {
        "class_name": "Model",
        "config": {"layers": [{"class_name": "TFOpLambda", "config": {"function": function_name}}]},
    }


def function_lambda(name: str, module: str) -> dict[str, Any]:
    """Return a model of Keras 2 with a Lambda layer that calls a function by name."""
    config = {"name": "l", "function": name, "function_type": "function", "module": module}
    return {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": config}]}}


CASES = {
    "benign_sequential": Case(archive(STANDARD), "model.keras", Verdict.CLEAN),
    "benign_functional": Case(archive(FUNCTIONAL), "model.keras", Verdict.CLEAN),
    "benign_config": case(STANDARD, Verdict.CLEAN),
    "benign_keras_2": case(KERAS_2, Verdict.CLEAN),
    "benign_registered_class": named("MyLayer", None, Verdict.CLEAN, registered_name="MyPackage>MyLayer"),
    "benign_other_json": case([{"class_name": "cat", "config": "os", "path": "/etc/passwd"}], Verdict.CLEAN),
    "benign_module_allowed": case(
        sequential(made("Net", {}, "acme.layers")), Verdict.CLEAN, Options(allow_imports=("acme.*",))
    ),
    "dangerous_module": Case(archive(sequential(function("system", "os"), DENSE)), "model.keras", Verdict.MALICIOUS),
    "dangerous_builtin": case(sequential(function("eval")), Verdict.MALICIOUS),
    "dangerous_in_list": case([{"x": function("run", "subprocess")}], Verdict.MALICIOUS),
    "dangerous_escaped": Case(lambda: escaped(sequential(function("run", "subprocess"))), "c.json", Verdict.MALICIOUS),
    "dangerous_utf16": Case(
        lambda: json.dumps(sequential(function("run", "subprocess"))).encode("utf-16-le"), "c.json", Verdict.MALICIOUS
    ),
    "dangerous_behind_space": Case(
        lambda: b" " * 5000 + json.dumps(sequential(function("run", "subprocess"))).encode(),
        "c.json",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "dangerous_registered_name": named("Dense", "os", registered_name="system"),
    "dangerous_registered_name_twice": case(
        sequential(*(made("Foo", {}, "builtins", registered_name=name) for name in (None, "eval"))), Verdict.MALICIOUS
    ),
    "dangerous_typespec": case(
        {"class_name": "__typespec__", "spec_name": "Popen", "module": "subprocess", "config": ["id"]},
        Verdict.MALICIOUS,
    ),
    "dangerous_registered_package": named("Foo", None, registered_name="os>system"),
    "dangerous_reaching": case(sequential(function("getattr")), Verdict.MALICIOUS),
    "dangerous_operation": case(operation("os.system"), Verdict.MALICIOUS),
    "unusual_attribute": case(sequential(made("__class__", {}, "keras.layers")), Verdict.REVIEW),
    "get_file": case(sequential(layer("Dense", activation=function("get_file", "keras.utils"))), Verdict.MALICIOUS),
    "load_model_inside": case(sequential(function("load_model", "keras.src.saving.saving_api")), Verdict.MALICIOUS),
    "disables_safe_mode": case(
        sequential(function("enable_unsafe_deserialization", "keras.config")), Verdict.MALICIOUS
    ),
    "disables_safe_mode_as_a_layer": named(
        "enable_unsafe_deserialization",
        "keras.config",
        Verdict.MALICIOUS,
        registered_name="enable_unsafe_deserialization",
    ),
    "unusual_callable": named("CSVLogger", "keras.callbacks", Verdict.REVIEW),
    "unknown_modules": case(
        sequential(made("Net", {}, "acme.layers"), made("Block", {}, "acme.blocks"), made("Head", {}, "other")),
        Verdict.REVIEW,
    ),
    "lambda": Case(archive(sequential(layer("Lambda", function=stored(HARMLESS)))), "m.keras", Verdict.REVIEW),
    "lambda_keras_2": case(lambda_2(HARMLESS), Verdict.REVIEW),
    "lambda_dangerous": case(sequential(layer("Lambda", function=stored(DANGEROUS))), Verdict.MALICIOUS),
    "lambda_dangerous_keras_2": case(lambda_2(DANGEROUS), Verdict.MALICIOUS),
    "lambda_dangerous_outside": case(
        sequential(layer("Dense", activation={"class_name": "__lambda__", "config": {"value": [encoded(DANGEROUS)]}})),
        Verdict.MALICIOUS,
    ),
    "lambda_as_text": case(
        {"class_name": "Lambda", "config": {"name": "l", "function": encoded(DANGEROUS), "function_type": "lambda"}},
        Verdict.MALICIOUS,
    ),
    "lambda_source": case(sequential(layer("Lambda", function="lambda x: eval('x')")), Verdict.MALICIOUS),
    "lambda_source_that_reads": case(sequential(layer("Lambda", function="lambda x: open(x)")), Verdict.REVIEW),
    "lambda_source_in_base64": case(
        sequential(layer("Lambda", function=[source_in_base64("import os\nos.system('id')"), None, None])),
        Verdict.MALICIOUS,
    ),
    "lambda_source_as_bytecode": case(
        sequential(layer("Lambda", function="lambda x: __import__('os').system('id')", function_type="lambda")),
        Verdict.MALICIOUS,
    ),
    "lambda_harmless_source_in_base64": case(
        sequential(layer("Lambda", function=[source_in_base64("lambda x: x * 2"), None, None])), Verdict.REVIEW
    ),
    "lambda_names_operation": case(function_lambda("py_function", "tensorflow"), Verdict.MALICIOUS),
    "benign_lambda_of_tensorflow": case(function_lambda("abs", "tensorflow.math"), Verdict.CLEAN),
    "benign_lambda_source": case(sequential(layer("Lambda", function="lambda x: x / 255")), Verdict.CLEAN),
    "benign_mention_of_safe_mode": case(
        sequential(DENSE, notes="it says when to call enable_unsafe_deserialization, and why not"), Verdict.CLEAN
    ),
    "lambda_by_name": case(sequential(layer("Lambda", function=function("scale"))), Verdict.CLEAN),
    "torch_module": case(sequential(TORCH), Verdict.MALICIOUS),
    "torch_module_not_base64": case(sequential(layer("TorchModuleWrapper", module="A")), Verdict.REVIEW),
    "vocabulary_url": case(sequential(layer("StringLookup", vocabulary=URL_VOCABULARY)), Verdict.MALICIOUS),
    "vocabulary_absolute": case(sequential(layer("StringLookup", vocabulary="/etc/passwd")), Verdict.MALICIOUS),
    "vocabulary_file": case(sequential(layer("TextVectorization", vocabulary="vocabulary.txt")), Verdict.REVIEW),
    "saved_model_layer": case(sequential(layer("TFSMLayer", filepath="../other/model")), Verdict.MALICIOUS),
    "file_operation": case(operation("io.read_file"), Verdict.MALICIOUS),
    "file_operation_raw": case(operation("raw_ops.WriteFile"), Verdict.MALICIOUS),
    "benign_operation": case(operation("io.decode_jpeg"), Verdict.CLEAN),
    "vocabulary_evaluated": case(
        sequential(
            tokenizer("RWKVTokenizer", vocabulary=["1 ' ' 1", "2 __import__('os').system('echo modelsweep-test') 1"])
        ),
        Verdict.MALICIOUS,
    ),
    "benign_vocabulary_evaluated": case(
        sequential(tokenizer("RWKVTokenizer", vocabulary=["1 ' ' 1", "2 'os.system(' 10", "3 b'\\xff' 1"])),
        Verdict.CLEAN,
    ),
    "tokens_absolute": case(
        sequential(tokenizer("WhisperTokenizer", language_tokens="/etc/tokens.json")), Verdict.MALICIOUS
    ),
    "benign_tokens": case(
        sequential(tokenizer("WhisperTokenizer", special_tokens={"<|startoftranscript|>": 1}, language_tokens=None)),
        Verdict.CLEAN,
    ),
    "benign_words": case(sequential(layer("StringLookup", vocabulary=WORDS)), Verdict.CLEAN),
    "path_argument": case(sequential(layer("Mine", paper="https" + "://example.org/paper")), Verdict.CLEAN),
    "lambda_dotted": case(
        sequential(made("layers.Lambda", {"function": [encoded(DANGEROUS), None, None]}, "keras")), Verdict.MALICIOUS
    ),
    "lambda_of_many_names": case(sequential(layer("Lambda", function=stored(MANY))), Verdict.REVIEW),
    "lambda_of_two_codes": case(
        sequential(
            layer("Dense", activation={**stored(HARMLESS), "config": {"code": encoded(HARMLESS), "value": HIDDEN}})
        ),
        Verdict.MALICIOUS,
    ),
    "lambda_of_two_functions": case(two_functions(HARMLESS, DANGEROUS), Verdict.MALICIOUS),
    "lambda_names_os": case(function_lambda("system", "os"), Verdict.MALICIOUS),
    "benign_lambda_names_own": case(function_lambda("scale", "acme.layers"), Verdict.CLEAN),
    "benign_layer_of_application": named("LayerScale", "keras.src.applications.convnext", Verdict.CLEAN),
    "unusual_application": named("ResNet50", "keras.applications", Verdict.REVIEW),
    "unusual_function": case(sequential(function("load_anything", "keras.src.legacy.backend")), Verdict.REVIEW),
    "dangerous_in_tfjs": case(
        {"format": "layers-model", "modelTopology": {"model_config": lambda_2(DANGEROUS)}}, Verdict.MALICIOUS
    ),
    "nested_too_deep": Case(
        lambda: b'{"class_name": "Model", "config": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "config.json",
        Verdict.NOT_SCANNED,
    ),
    "layer_name_escapes": case(sequential(layer("Dense", name="../../weights")), Verdict.REVIEW),
    "duplicate_key": Case(
        lambda: json.dumps(STANDARD).replace('"units": 4', '"units": 4, "units": 5').encode(), "c.json", Verdict.REVIEW
    ),
    "cut_short": Case(json.dumps(STANDARD)[:-40].encode, "config.json", Verdict.NOT_SCANNED),
}
