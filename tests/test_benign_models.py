"""What Keras, ONNX, GGUF, skops, safetensors and MLflow write is clean: files made by the libraries themselves."""

from __future__ import annotations

import functools
import os
import pathlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from tests.benign import assert_benign

pytestmark = pytest.mark.filterwarnings("ignore")


@functools.cache
def keras() -> Any:
    """Return Keras on the backend that the tests have; skips without one."""
    pytest.importorskip("torch", reason="torch is not installed: see ./dev help")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


# Layer -> the arguments it wants, by the shape of what goes in.
VECTORS: dict[str, dict[str, Any]] = {
    "Dense": {"units": 2, "activation": "relu", "kernel_regularizer": "l2", "kernel_constraint": "max_norm"},
    "Activation": {"activation": "gelu"},
    "ActivityRegularization": {"l1": 0.1},
    "AlphaDropout": {"rate": 0.1},
    "BatchNormalization": {},
    "CategoryEncoding": {"num_tokens": 4},
    "Discretization": {"bin_boundaries": [0.1, 0.2]},
    "Dropout": {"rate": 0.1},
    "ELU": {},
    "Flatten": {},
    "GaussianDropout": {"rate": 0.1},
    "GaussianNoise": {"stddev": 0.1},
    "Identity": {},
    "LayerNormalization": {},
    "LeakyReLU": {},
    "Masking": {},
    "Normalization": {"mean": 0.0, "variance": 1.0},
    "PReLU": {},
    "ReLU": {},
    "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 0.1},
    "Reshape": {"target_shape": (2, 2)},
    "Softmax": {},
    "SpectralNormalization": {},
    "UnitNormalization": {},
}
SEQUENCES: dict[str, dict[str, Any]] = {
    "AveragePooling1D": {"pool_size": 2},
    "Conv1D": {"filters": 2, "kernel_size": 2},
    "Conv1DTranspose": {"filters": 2, "kernel_size": 2},
    "Cropping1D": {},
    "EinsumDense": {"equation": "abc,cd->abd", "output_shape": (None, 2)},
    "GRU": {"units": 2},
    "GlobalAveragePooling1D": {},
    "GlobalMaxPooling1D": {},
    "LSTM": {"units": 2, "return_sequences": True},
    "MaxPooling1D": {},
    "Permute": {"dims": (2, 1)},
    "SeparableConv1D": {"filters": 2, "kernel_size": 2},
    "SimpleRNN": {"units": 2},
    "SpatialDropout1D": {"rate": 0.1},
    "UpSampling1D": {},
    "ZeroPadding1D": {},
}
IMAGES: dict[str, dict[str, Any]] = {
    "AveragePooling2D": {"pool_size": 2},
    "CenterCrop": {"height": 2, "width": 2},
    "Conv2D": {"filters": 2, "kernel_size": 2},
    "Conv2DTranspose": {"filters": 2, "kernel_size": 2},
    "DepthwiseConv2D": {"kernel_size": 2},
    "GlobalAveragePooling2D": {},
    "GroupNormalization": {"groups": 1},
    "MaxPooling2D": {},
    "RandomContrast": {"factor": 0.1},
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
    "Resizing": {"height": 2, "width": 2},
    "SeparableConv2D": {"filters": 2, "kernel_size": 2},
    "UpSampling2D": {},
    "ZeroPadding2D": {},
}
INPUTS = ((VECTORS, (4,)), (SEQUENCES, (4, 3)), (IMAGES, (4, 4, 3)))
MERGING = "Add Average Concatenate Dot Maximum Minimum Multiply Subtract".split()
OPTIMIZERS = "sgd adam adamw rmsprop adagrad adadelta adamax nadam ftrl lion adafactor".split()


def layered(name: str) -> Any:
    """Return a model of one layer."""
    arguments, shape = next((table[name], shape) for table, shape in INPUTS if name in table)
    layers = keras().layers
    if name == "SpectralNormalization":
        arguments = {"layer": layers.Dense(2)}
    return keras().Sequential([keras().Input(shape), getattr(layers, name)(**arguments)])


def assert_saved_model_is_clean(model: Any, folder: pathlib.Path) -> None:
    for name in ("model.keras", "model.h5", "model.weights.h5"):
        path = folder / name
        (model.save_weights if ".weights." in name else model.save)(path)
        assert_benign(path.read_bytes(), name)
    assert_benign(model.to_json().encode(), "config.json")


@pytest.mark.parametrize("name", [*VECTORS, *SEQUENCES, *IMAGES])
def test_standard_layers_are_clean(name: str, tmp_path: pathlib.Path) -> None:
    assert_saved_model_is_clean(layered(name), tmp_path)


@pytest.mark.parametrize("name", MERGING)
def test_merging_layers_are_clean(name: str, tmp_path: pathlib.Path) -> None:
    inputs = [keras().Input((4,)), keras().Input((4,))]
    arguments = {"axes": 1} if name == "Dot" else {}
    assert_saved_model_is_clean(keras().Model(inputs, getattr(keras().layers, name)(**arguments)(inputs)), tmp_path)


def test_attention_and_wrappers_are_clean(tmp_path: pathlib.Path) -> None:
    layers = keras().layers
    sequence = keras().Input((4, 3))
    attended = layers.MultiHeadAttention(num_heads=1, key_dim=2)(sequence, sequence)
    wrapped = layers.TimeDistributed(layers.Dense(2))(
        layers.Bidirectional(layers.LSTM(2, return_sequences=True))(attended)
    )
    assert_saved_model_is_clean(keras().Model(sequence, layers.RNN(layers.GRUCell(2))(wrapped)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_models_are_clean(name: str, tmp_path: pathlib.Path) -> None:
    model = layered("Dense")
    model.compile(optimizer=name, loss="mse", metrics=["mae", keras().metrics.RootMeanSquaredError()])
    assert_saved_model_is_clean(model, tmp_path)


def test_schedules_losses_and_metrics_are_clean(tmp_path: pathlib.Path) -> None:
    model, optimizers = layered("Dense"), keras().optimizers
    rate = optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    metrics = [keras().metrics.AUC(), keras().metrics.Precision()]
    model.compile(optimizer=optimizers.SGD(rate), loss=keras().losses.BinaryCrossentropy(), metrics=metrics)
    assert_saved_model_is_clean(model, tmp_path)


def test_a_whole_network_is_clean(tmp_path: pathlib.Path) -> None:
    network = keras().applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=2, alpha=0.35)
    assert_saved_model_is_clean(network, tmp_path)


def onnx_models() -> list[pathlib.Path]:
    """Return the models that ONNX ships for the tests of its backends."""
    from onnx.backend import test

    return sorted((pathlib.Path(test.__file__).parent / "data").rglob("*.onnx"))


def test_the_models_of_the_onnx_wheel_are_clean() -> None:
    models = onnx_models()
    assert len(models) > 50
    for path in models:
        assert_benign(path.read_bytes(), path.name)


@pytest.mark.slow
def test_every_operator_of_onnx_is_clean() -> None:
    from onnx.backend.test.case.node import collect_testcases

    cases = collect_testcases(None)
    assert len(cases) > 1_000
    for case in cases:
        assert case.model is not None
        assert_benign(case.model.SerializeToString(), f"{case.name}.onnx")


def test_safetensors_are_clean() -> None:
    from safetensors.numpy import save

    tensors = {"a": numpy.ones(2, "f4"), "b": numpy.zeros((0, 2), "f2"), "c": numpy.ones((), "i8")}
    assert_benign(save(tensors, {"format": "pt", "license": "apache-2.0"}), "model.safetensors")


def test_gguf_is_clean(tmp_path: pathlib.Path) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(str(tmp_path / "model.gguf"), "llama")
    writer.add_context_length(10)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "b", "os.system", "__import__"])
    writer.add_chat_template("{% for m in messages %}{{ m['role'] + '\n' + m['content'] }}{% endfor %}")
    writer.add_tensor("a", numpy.ones((4, 4), "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert_benign((tmp_path / "model.gguf").read_bytes(), "model.gguf")


SKOPS = "RandomForestClassifier LogisticRegression SVC KNeighborsClassifier GaussianNB MLPClassifier KMeans PCA".split()


@pytest.mark.parametrize("name", SKOPS)
def test_skops_files_are_clean(name: str) -> None:
    from skops import io

    from tests.test_benign_libraries import fitted

    assert_benign(io.dumps(fitted(name)), "model.skops")


def trained() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(numpy.arange(10.0).reshape(5, 2), [0, 1, 0, 1, 0])


def save_sklearn(folder: pathlib.Path) -> None:
    import mlflow.sklearn

    mlflow.sklearn.save_model(trained(), folder, serialization_format="cloudpickle", pip_requirements=["scikit-learn"])


def save_python(folder: pathlib.Path) -> None:
    import mlflow.pyfunc
    from mlflow.pyfunc.model import PythonModel

    class Double(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return model_input

    Double.__module__ = "__main__"
    mlflow.pyfunc.save_model(folder, python_model=Double(), pip_requirements=["mlflow"])


def save_xgboost(folder: pathlib.Path) -> None:
    import mlflow.xgboost
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=1).fit(numpy.arange(10.0).reshape(5, 2), [0, 1, 0, 1, 0])
    mlflow.xgboost.save_model(model, folder, pip_requirements=["xgboost"])


@pytest.mark.parametrize("save", [save_sklearn, save_python, save_xgboost], ids=lambda save: save.__name__)
def test_models_saved_by_mlflow_are_clean(save: Callable[[pathlib.Path], None], tmp_path: pathlib.Path) -> None:
    save(tmp_path / "model")
    files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert_benign(path.read_bytes(), path.name)


def test_models_of_keras_in_pickles_are_clean() -> None:
    layers = keras().layers
    model = keras().Sequential([keras().Input((4,)), layers.Dense(2, activation="relu"), layers.BatchNormalization()])
    for protocol in (2, 4, 5):
        assert_benign(pickle.dumps({"net": model, "history": [0.1]}, protocol), "model.pkl")
