"""Names of scanners as people write them."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from modelsweep.cli.selection import known_names, looks_like_scanner, resolve, spread, words

KNOWN = ("pickle", "torch", "torch-zip", "keras-h5", "zip")
OPTIONS = frozenset({"--include-scanner", "--exclude-scanner"})


def spread_known(*arguments: str) -> list[str]:
    return spread(arguments, OPTIONS, lambda: KNOWN)


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("pickle", ("pickle",)),
        ("Pickle", ("pickle",)),
        ("PickleScanner", ("pickle",)),
        ("picklescanner", ("pickle",)),
        ("torch_zip", ("torch-zip",)),
        ("TorchZipScanner", ("torch-zip",)),
        ("PyTorchZipScanner", ("torch",)),
        ("JoblibScanner", ("pickle",)),
        ("H5Scanner", ("keras-h5",)),
        ("KerasH5Scanner", ("keras-h5",)),
    ],
)
def test_ids_and_class_names_in_any_case(word: str, ids: tuple[str, ...]):
    assert resolve(word, KNOWN) == ids


def test_an_unknown_name_gets_close_matches():
    with pytest.raises(click.UsageError, match="did you mean pickle"):
        resolve("pikle", KNOWN)


def test_a_scanner_of_a_later_version_is_said_to_be_to_come():
    with pytest.raises(click.UsageError, match=r"WeightDistributionScanner: this version has no scanner for that"):
        resolve("WeightDistributionScanner", KNOWN)


def test_a_scanner_option_takes_the_names_after_it_and_no_target():
    assert spread_known("--include-scanner", "pickle", "H5Scanner", "model.bin", "zip") == [
        *("--include-scanner", "pickle", "--include-scanner", "H5Scanner", "model.bin", "zip")
    ]


def test_a_target_named_like_a_scanner_is_never_left_out_silently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zip").mkdir()
    with pytest.raises(click.UsageError, match=r"'zip' is a scanner and a file here: write \./zip, or repeat"):
        spread_known("--include-scanner", "pickle", "zip")
    arguments = ["--include-scanner", "zip", "./zip"]
    assert spread_known(*arguments) == arguments


def test_a_misspelt_class_name_is_no_target():
    assert spread_known("--exclude-scanner", "zip", "PikleScanner", "m.pt")[-3:] == [
        *("--exclude-scanner", "PikleScanner", "m.pt")
    ]


@pytest.mark.parametrize("word", ["./pickle", "pickle/", "pickle.pkl", "-", "-q", "model"])
def test_paths_and_options_are_no_scanners(word: str):
    assert not looks_like_scanner(word, KNOWN)


def test_nothing_is_spread_after_the_end_of_options():
    arguments = ["--", "--include-scanner", "pickle", "zip"]
    assert spread_known(*arguments) == arguments


def test_an_option_without_value_is_left_for_click_to_refuse():
    assert spread_known("m.pt", "--include-scanner") == ["m.pt", "--include-scanner"]


def test_commas_and_repetition():
    assert words(["pickle,zip", "keras-h5"]) == ["pickle", "zip", "keras-h5"]


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("TensorflowSavedModelScanner", "tensorflow"),
        ("TensorFlowMetaGraphScanner", "tensorflow"),
        ("PyTorchZipScanner", "torch"),
        ("PyTorchBinaryScanner", "torch-legacy"),
        ("KerasZipScanner", "keras"),
        ("SevenZipScanner", "sevenzip"),
        ("RarScanner", "unreadable"),
        ("OciLayerScanner", "oci"),
        ("Jinja2TemplateScanner", "jinja"),
        ("FlaxMsgpackScanner", "flax"),
        ("JaxCheckpointScanner", "flax"),
        ("RSerializedScanner", "r"),
        ("TorchServeMarScanner", "torchserve"),
        ("Torch7Scanner", "torch7"),
        ("SafeTensorsScanner", "safetensors"),
        ("NumPyScanner", "numpy"),
        ("TensorRTScanner", "tensorrt"),
        ("TFLiteScanner", "tflite"),
        ("OpenVinoScanner", "openvino"),
        ("CatBoostScanner", "catboost"),
        ("LightGBMScanner", "lightgbm"),
        ("CNTKScanner", "cntk"),
        ("RKNNScanner", "rknn"),
        ("MXNetScanner", "mxnet"),
        ("LlamafileScanner", "executable"),
        ("ExecuTorchScanner", "executorch"),
        ("ManifestScanner", "json"),
        ("GgufScanner", "gguf"),
        ("TarScanner", "tar"),
    ],
)
def test_class_names_of_every_format(word: str, first: str):
    assert resolve(word, known_names())[0] == first
