"""Every format that we claim is recognised under each of its endings, and each word of the list of formats is there."""

from __future__ import annotations

import importlib
import re

import pytest

from scanners.formats import FORMATS, Format
from scripts import docs
from tests.scanners.case import Case, examine_bytes

WORDS = """
PyTorch .pt .pth .bin zip legacy tar TorchScript torch.package .pt2 ExecuTorch .pte .ptl .mar TensorFlow SavedModel
.pb directory .meta TFLite TensorRT .engine .plan .trt Keras .h5 .hdf5 .keras config JSON ONNX external data
SafeTensors index GGUF GGML .gguf .ggml .ggmf .ggjt .ggla .ggsa Flax JAX .msgpack .flax .orbax .jax .ckpt .checkpoint
.orbax-checkpoint Pickle .pkl .pickle .dill cloudpickle Joblib compressors NumPy .npy .npz PMML ZIP TAR 7z gz bz2 xz
lz4 zstd zlib OCI Docker manifests layers DVC pointers LFS CoreML .mlmodel .mlpackage MXNet NeMo CNTK RKNN Torch7
CatBoost XGBoost LightGBM Llamafile PaddlePaddle OpenVINO Skops R serialized RAR Jinja2 templates MLmodel conda
requirements YAML TOML configs model cards Python files
""".split()
"""What people ask for."""
PAGE = docs.format_page()
SAMPLES = {
    "Arrow, Feather, Parquet": "arrow/benign",
    "PyTorch zip checkpoint": "torch/benign",
    "PyTorch distributed checkpoint": "torch_distributed/benign",
    "PyTorch legacy checkpoint": "torch_legacy/benign",
    "PyTorch legacy tar checkpoint": "torch_tar/benign",
    "TorchScript": "torch/benign_script",
    "PyTorch Mobile": "torch_mobile/benign",
    "torch.package": "torch/benign_package",
    "torch.export": "torch/benign_export",
    "ExecuTorch": "executorch/benign",
    "TorchServe archive of a model or a workflow": "torchserve/benign",
    "Torch7": "torch7/benign",
    "TensorFlow SavedModel and frozen graph": "tensorflow/benign",
    "TensorFlow meta graph": "tensorflow/benign_meta",
    "StableHLO: exported functions of JAX": "stablehlo/benign_exported",
    "Equinox model": "numpy/benign_equinox",
    "ONNX as text": "onnx_text/benign_text",
    "ONNX as JSON": "onnx_text/benign_json",
    "ONNX in its own syntax": "onnx_text/benign_syntax",
    "TensorFlow graph as text": "tensorflow_text/benign",
    "TensorFlow checkpoint": "tensorflow_checkpoint/benign_table",
    "TFRecord and event files": "tfrecord/benign",
    "Riegeli records (SavedModels that were split)": "riegeli/benign",
    "Circle": "tflite/benign_circle",
    "TensorFlow graph for mapping into memory": "tensorflow_mapped/benign",
    "whisper.cpp, RWKV, examples of ggml": "ggml/benign_whisper",
    "Workflows (Orange, RapidMiner, KNIME)": "workflow/benign",
    "Caffe2 networks": "caffe2/benign",
    "Programs of TVM's virtual machines": "tvm/benign",
    "Shell scripts, tasks of editors, hooks, containers, build files": "commands/benign_script",
    "TensorFlow Lite (TFLite)": "tflite/benign",
    "TensorRT engine": "tensorrt/engine",
    "Java objects as XML (XMLDecoder, XStream, Weka)": "java_xml/benign_tree",
    "CTranslate2 (faster-whisper, OpenNMT)": "ctranslate2/benign",
    "CoreML, compiled": "coreml_compiled/benign_program",
    "LiteRT-LM": "litertlm/benign",
    "MNN": "mnn/benign",
    "ncnn": "ncnn/benign",
    "Shortcuts of Windows and macOS, registry files": "shortcuts/benign_link",
    "Vowpal Wabbit": "vowpal_wabbit/benign",
    "Ruby objects (Marshal)": "ruby/benign",
    "Avro": "avro/benign",
    "FAISS and hnswlib indexes": "search_index/benign_flat",
    "Annoy index": "search_index/benign_annoy",
    "Tables and databases (ORC, Lance, SAS, SPSS, Stata, DuckDB, LMDB, SQLite, wandb)": "data/benign_lmdb",
    "Small networks (dlib, Tesseract, Marian, TNN, KANN, RTen, NNUE), llama.cpp's imatrix": "data/benign_marian",
    "Darknet weights": "data/benign_darknet",
    "Models for accelerators (Hailo, Ascend, Sophgo, Kendryte, CVITEK, VeriSilicon, Qualcomm DLC, CUDA, ROCm)": (
        "accelerator/benign_ascend"
    ),
    "WebAssembly": "wasm/usual",
    "MATLAB": "matlab/benign",
    "Java objects (Weka, CoreNLP, DL4J)": "java/benign_tree",
    "Objects of .NET (BinaryFormatter, Accord.NET)": "dotnet/benign",
    "ML.NET": "mlnet/benign",
    "Julia's BSON.jl (Flux)": "julia/benign",
    "Julia's Serialization": "julia/stream",
    "Java sources (POJO of H2O, classes for DJL)": "java_source/benign",
    "CRFsuite, Kaldi, OpenFst, KenLM": "data/benign_kaldi",
    "Parameters of TVM, arrays of ND4J (DL4J)": "data/benign_tvm",
    "MATLAB of version 4": "matlab/benign_version_4",
    "Keras HDF5": "keras_h5/benign_model",
    "Keras config JSON": "keras/benign_config",
    "ONNX": "onnx/benign",
    "ONNX Runtime format": "ort/benign",
    "SafeTensors": "safetensors/benign_real",
    "SafeTensors index": "json_config/benign_config",
    "GGUF": "gguf/benign_real",
    "GGML (GGML, GGMF, GGJT, GGLA)": "ggml/benign_ggjt",
    "llama.cpp state (GGSA, sessions)": "ggml/session",
    "Llamafile": "llamafile/executable",
    "Flax and JAX MessagePack": "flax/benign",
    "Orbax checkpoint": "flax/benign",
    "Pickle": "pickle/benign_nested",
    "Joblib": "pickle/benign_nested",
    "NumPy array": "numpy/benign_floats",
    "Skops": "skops/benign",
    "PMML": "pmml/benign",
    "XGBoost": "xgboost/benign_ubj",
    "XGBoost JSON": "xgboost/benign_json",
    "LightGBM": "lightgbm/benign",
    "CatBoost": "catboost/benign",
    "CoreML": "coreml/benign",
    "CoreML package": "coreml/benign_manifest",
    "Caffe network as text": "caffe/benign",
    "Caffe weights": "caffe/benign_weights",
    "MXNet symbol": "mxnet/benign",
    "MXNet parameters": "mxnet/benign_params",
    "PaddlePaddle program": "paddle/benign",
    "PaddlePaddle 3 program": "paddle/benign_ir",
    "PaddlePaddle parameters": "paddle/benign_parameters",
    "OpenVINO": "openvino/benign",
    "CNTK": "cntk/benign",
    "RKNN": "rknn/benign",
    "NeMo": "nemo/benign",
    "R serialized": "r_data/benign",
    "ZIP archive": "zip/benign_stored",
    "TAR archive": "tar/benign_ustar",
    "7z archive": "sevenzip/benign_stored",
    "gz stream": "compressed/benign_gzip",
    "bz2 stream": "compressed/benign_bzip2",
    "xz and lzma stream": "compressed/benign_xz",
    "lz4 stream": "compressed/benign_lz4",
    "zstd stream": "compressed/benign_zstd",
    "zlib stream": "compressed/benign_zlib",
    "OCI and Docker image": "oci/benign_layout",
    "OCI and Docker manifests": "oci/benign_manifest",
    "LFS pointers (Git LFS)": "pointer/lfs_named_as_model",
    "git-annex and XetHub pointers": "pointer/annex",
    "Signatures of models (OpenSSF model-signing, Sigstore)": "signature/benign_keyless",
    "DVC pointers": "pointer/benign_dvc",
    "Jinja2 templates": "jinja/benign_chat",
    "Gin configs": "gin/benign",
    "Jsonnet configs": "jsonnet/benign",
    "MLmodel, conda and YAML configs": "yaml_config/benign_lightning_hparams",
    "JSON configs": "json_config/benign_config",
    "requirements, TOML configs, model cards, licences": "text/benign_multilingual",
    "Python files": "python_code/benign_defined",
    "Notebooks": "json_config/benign_notebook",
    "Native executables and libraries": "executable/shared_library",
    "SentencePiece vocabulary, fastText and word2vec vectors, netCDF, FITS": "data/benign_sentencepiece",
    "Pictures, sound, video, fonts, PDF": "media/benign_png",
}
"""A case of each format: the rest have none that goes by other names, and are shown by cases of their own."""
WITHOUT = {
    "Keras zip",
    "NumPy archive",
    "OCI blob",
    "Compiled Python",
    "Triton and DJL Serving configs",
    "RWKV vocabularies",
    "Weights beside their graph (ONNX, OpenVINO, TensorFlow.js, ncnn, MNN, MLC, Chroma)",
    next(f.title for f in FORMATS if ".rar" in f.suffixes),
}


def case_of(name: str) -> Case:
    """Return the case `folder/name`."""
    folder, _, case = name.partition("/")
    found: Case = importlib.import_module(f"tests.scanners.{folder}.cases").CASES[case]
    return found


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_what_people_ask_for_is_in_the_docs(word: str) -> None:
    assert re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", PAGE), f"docs/formats.md does not speak of {word}"


def test_every_format_has_a_sample() -> None:
    assert len({item.title for item in FORMATS}) == len(FORMATS)
    assert {item.title for item in FORMATS} == SAMPLES.keys() | WITHOUT


def named() -> list[tuple[Format, str]]:
    """Return the formats with each of their endings."""
    return [(item, suffix) for item in FORMATS if item.title in SAMPLES for suffix in item.suffixes]


@pytest.mark.parametrize(
    ("item", "suffix"), named(), ids=lambda value: value if isinstance(value, str) else value.title
)
def test_formats_are_recognised_under_each_of_their_endings(item: Format, suffix: str) -> None:
    case = case_of(SAMPLES[item.title])
    result = examine_bytes(case.build(), f"model{suffix}", case.options)
    assert item.scanners[0] in result.artifacts[0].scanners
    assert result.verdict is case.verdict, [*result.findings, *result.problems]


@pytest.mark.parametrize(
    "item", [item for item in FORMATS if item.title in SAMPLES and not item.named], ids=lambda i: i.title
)
def test_what_is_recognised_by_content_needs_no_name(item: Format) -> None:
    case = case_of(SAMPLES[item.title])
    assert item.scanners[0] in examine_bytes(case.build(), "blob").artifacts[0].scanners
