"""Formats under their usual names, with their suffixes and the scanners that know them.

`modelsweep doctor` and docs/formats.md list these; tests check that each is recognised under each of its suffixes.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelsweep.core.values import dataclass
from scanners import SCANNERS


@dataclass(frozen=True, slots=True)
class Format:
    """A format; the first of its `scanners` recognises it, and `note` describes its peculiarities.

    `named` tells whether recognition also depends on the file name, since the content alone could be something else.
    """

    title: str
    suffixes: tuple[str, ...]
    scanners: tuple[str, ...]
    note: str = ""
    named: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Optional packages without which files of the format are reported as not scanned."""
        return tuple(dict.fromkeys(name for scanner in self.scanners for name in _NEEDS.get(scanner, ())))


_NEEDS: Mapping[str, tuple[str, ...]] = {scanner.name: scanner.needs for scanner in SCANNERS}


def _format(title: str, suffixes: str, scanners: str, note: str = "", *, named: bool = False) -> Format:
    return Format(title, tuple(suffixes.split()), tuple(scanners.split()), note, named)


FORMATS: tuple[Format, ...] = (
    _format("PyTorch zip checkpoint", ".pt .pth .bin .ckpt", "torch zip pickle"),
    _format("PyTorch distributed checkpoint", ".distcp", "torch-distributed torch zip pickle", named=True),
    _format("PyTorch legacy checkpoint", ".pt .pth .bin", "torch-legacy pickle"),
    _format("PyTorch legacy tar checkpoint", ".tar .pt .pth", "tar torch-tar pickle"),
    _format("TorchScript", ".pt .pth .ptl", "torch zip pickle", "code is read as Python; `.ptl` for phones, too"),
    _format("PyTorch Mobile", ".ptl .ff", "torch-mobile", "bytecode as a FlatBuffer; the older form is a zip"),
    _format("torch.package", ".pt", "torch zip pickle python"),
    _format("torch.export", ".pt2", "torch zip pickle"),
    _format("ExecuTorch", ".pte .ptl .ptd .bpte", "executorch", "programs, tensors beside them, bundles with tests"),
    _format("TorchServe archive of a model or a workflow", ".mar .war", "torchserve zip python"),
    _format("Torch7", ".t7 .th", "torch7", "Lua bytecode is told"),
    _format(
        "TensorFlow SavedModel and frozen graph",
        ".pb",
        "tensorflow",
        "a directory is examined file by file: saved_model.pb, variables, assets",
    ),
    _format("TensorFlow meta graph", ".meta", "tensorflow"),
    _format("TensorFlow graph as text", ".pbtxt .textproto .txtpb", "tensorflow-text", named=True),
    _format("TensorFlow graph for mapping into memory", ".pbmm", "tensorflow-mapped tensorflow", named=True),
    _format("TensorFlow checkpoint", ".index", "tensorflow-checkpoint"),
    _format("TFRecord and event files", ".tfrecord", "tfrecord"),
    _format(
        "Riegeli records (SavedModels that were split)",
        ".cpb .riegeli",
        "riegeli tensorflow",
        "what Brotli compressed needs its package; transposed chunks are never clean",
    ),
    _format("StableHLO: exported functions of JAX", ".jax .mlirbc", "stablehlo", "calls of Python are told"),
    _format("TensorFlow Lite (TFLite)", ".tflite .lite", "tflite"),
    _format("Circle", ".circle", "tflite"),
    _format("LiteRT-LM", ".litertlm", "litertlm", "its models, tokenizers and templates are examined each"),
    _format("MNN", ".mnn", "mnn", "plug-ins are told, and files that hold weights"),
    _format("ncnn", ".param", "ncnn", "tells the weights beside it"),
    _format("TensorRT engine", ".engine .plan .trt", "tensorrt", "never clean: the layout is not published"),
    _format("Keras zip", ".keras", "zip keras keras-h5"),
    _format("Keras HDF5", ".h5 .hdf5 .keras", "keras-h5"),
    _format("Keras config JSON", ".json", "keras json", "also of exploded folders"),
    _format("ONNX", ".onnx", "onnx", "external data is checked for where it lies, and not followed"),
    _format("ONNX as text", ".textproto .txtpb .pbtxt .prototxt", "onnx-text onnx", named=True),
    _format("ONNX as JSON", ".onnxjson", "onnx-text onnx", "found in any other JSON, too", named=True),
    _format("ONNX in its own syntax", ".onnxtxt .onnxtext", "onnx-text onnx", named=True),
    _format("ONNX Runtime format", ".ort", "ort"),
    _format("SafeTensors", ".safetensors", "safetensors"),
    _format("SafeTensors index", ".json", "json"),
    _format("GGUF", ".gguf", "gguf"),
    _format("GGML (GGML, GGMF, GGJT, GGLA)", ".ggml .ggmf .ggjt .ggla .bin", "ggml"),
    _format("whisper.cpp, RWKV, examples of ggml", ".bin", "ggml"),
    _format("CTranslate2 (faster-whisper, OpenNMT)", ".bin", "ctranslate2"),
    _format("llama.cpp state (GGSA, sessions)", ".ggsa", "ggml", "recognised; never clean"),
    _format("Llamafile", ".llamafile", "executable zip gguf", "an executable, then what it holds"),
    _format("Flax and JAX MessagePack", ".msgpack .flax .jax", "flax"),
    _format(
        "Orbax checkpoint",
        ".ckpt .checkpoint .orbax .orbax-checkpoint",
        "flax ocdbt",
        "MessagePack or OCDBT; a directory is examined file by file",
    ),
    _format("Pickle", ".pkl .pickle .dill .cloudpickle", "pickle", "also of dill and cloudpickle"),
    _format("Joblib", ".joblib", "pickle compressed", "all compressors: zlib gz bz2 xz lzma lz4"),
    _format("NumPy array", ".npy", "numpy"),
    _format("Equinox model", ".eqx", "numpy", "arrays behind a line of JSON", named=True),
    _format("NumPy archive", ".npz", "zip numpy"),
    _format("Skops", ".skops", "skops zip"),
    _format("PMML", ".pmml", "pmml"),
    _format("XGBoost", ".ubj .bin .model", "xgboost", "UBJSON and the binary form of old releases"),
    _format("XGBoost JSON", ".json", "xgboost"),
    _format("LightGBM", ".txt .model", "lightgbm"),
    _format("CatBoost", ".cbm", "catboost"),
    _format("Vowpal Wabbit", ".vw .model", "vowpal-wabbit", "its options, which whoever loads it obeys"),
    _format("CoreML", ".mlmodel", "coreml"),
    _format("CoreML package", ".mlpackage", "coreml", "a directory: model, weights and manifest are examined each"),
    _format(
        "CoreML, compiled",
        ".mil .weights",
        "coreml-compiled",
        "parts of `.mlmodelc`: program, description, weights",
    ),
    _format("Caffe network as text", ".prototxt", "caffe text", "layers of Python are told", named=True),
    _format("Caffe weights", ".caffemodel", "caffe"),
    _format("Caffe2 networks", ".pb", "caffe2"),
    _format("MXNet symbol", ".json", "mxnet json"),
    _format("MXNet parameters", ".params", "mxnet"),
    _format("PaddlePaddle program", ".pdmodel", "paddle"),
    _format("PaddlePaddle 3 program", ".json", "paddle json"),
    _format("PaddlePaddle parameters", ".pdiparams", "paddle", "`.pdparams` and `.pdopt` are pickles"),
    _format(
        "OpenVINO",
        ".xml",
        "openvino raw-weights",
        "weights in .bin are raw numbers, known where they are named `openvino_*.bin`",
    ),
    _format("CNTK", ".cntk .dnn .cmf .model", "cntk"),
    _format("RKNN", ".rknn", "rknn"),
    _format("Programs of TVM's virtual machines", ".ro", "tvm", "those of Relay are never clean"),
    _format(
        "Models for accelerators (Hailo, Ascend, Sophgo, Kendryte, CVITEK, VeriSilicon, Qualcomm DLC, CUDA, ROCm)",
        ".hef .om .bmodel .kmodel .cvimodel .nb .dlc .cubin .hsaco .neff",
        "accelerator",
        "code for the processor is told; IREE is never clean",
    ),
    _format("NeMo", ".nemo", "tar yaml torch"),
    _format("R serialized", ".rds .rda .RData", "r compressed"),
    _format("MATLAB", ".mat", "matlab", "functions and objects of Java are told; version 7.3 is HDF5"),
    _format("MATLAB of version 4", ".mat", "matlab", named=True),
    _format("Java objects (Weka, CoreNLP, DL4J)", ".ser .model", "java", "what reading them would use is told"),
    _format("Java objects as XML (XMLDecoder, XStream, Weka)", ".xml", "java-xml text"),
    _format(
        "Workflows (Orange, RapidMiner, KNIME)", ".ows .rmp .knime", "workflow text", "pickles and scripts in them"
    ),
    _format("Objects of .NET (BinaryFormatter, Accord.NET)", ".bin .accord", "dotnet"),
    _format("ML.NET", ".key", "mlnet", "the parts inside its zip"),
    _format("Ruby objects (Marshal)", ".marshal .dat", "ruby", "what loading them would use is told"),
    _format("Julia's BSON.jl (Flux)", ".bson", "julia", "names are told, and functions that travel as code"),
    _format("Julia's Serialization", ".jls", "julia", "never clean: names alone are looked for"),
    _format("Java sources (POJO of H2O, classes for DJL)", ".java", "java-source text", named=True),
    _format("ZIP archive", ".zip .whl .jar", "zip", "every member is examined; those of Deflate64 need inflate64"),
    _format("TAR archive", ".tar", "tar"),
    _format("7z archive", ".7z", "sevenzip"),
    _format("gz stream", ".gz", "compressed"),
    _format("bz2 stream", ".bz2", "compressed"),
    _format("xz and lzma stream", ".xz .lzma", "compressed"),
    _format("lz4 stream", ".lz4", "compressed"),
    _format("zstd stream", ".zst", "compressed"),
    _format("zlib stream", ".zlib", "compressed"),
    _format(
        "OCI and Docker image",
        ".tar",
        "oci tar",
        "manifests, layers, configurations; a layout directory is examined file by file, blobs by their content",
    ),
    _format("OCI and Docker manifests", ".json", "oci json", "also artifacts: ModelKit, ORAS, Ollama"),
    _format("OCI blob", "", "oci-blob", "its digest is compared with its name", named=True),
    _format(
        "RAR, ACE, StuffIt, CAB, LHA, ARJ, cpio, deb, rpm, xar, ISO, SquashFS, .Z, Snappy, brotli",
        ".rar .ace .sit .cab .lzh .arj .cpio .deb .rpm .xar .iso .squashfs .Z .sz .br",
        "unreadable",
        "said to be unreadable, never clean",
    ),
    _format("Arrow, Feather, Parquet", ".arrow .feather .parquet", "arrow", "types of columns; the data is raw bytes"),
    _format("Avro", ".avro", "avro", "classes of Java in the schema; the rows are raw bytes"),
    _format("FAISS and hnswlib indexes", ".faiss .index .bin .hnsw", "search-index", "lists in other files are told"),
    _format("Annoy index", ".ann .annoy", "search-index", named=True),
    _format(
        "Weights beside their graph (ONNX, OpenVINO, TensorFlow.js, ncnn, MNN, MLC, Chroma)",
        ".onnx_data .bin .weight",
        "raw-weights",
        "numbers without a structure, known by the names that writers give them",
        named=True,
    ),
    _format(
        "Signatures of models (OpenSSF model-signing, Sigstore)",
        ".sig .sigstore .json",
        "signature json text",
        "compared with the files beside it; who signed is told, and not vouched for",
    ),
    _format("DVC pointers", ".dvc", "pointer text", "the listing says where the data is missing", named=True),
    _format("LFS pointers (Git LFS)", ".safetensors .bin", "pointer", "never clean: the weights are elsewhere"),
    _format("git-annex and XetHub pointers", ".bin", "pointer", "never clean: the weights are elsewhere"),
    _format("Jinja2 templates", ".jinja .jinja2 .j2", "jinja text", named=True),
    _format("Gin configs", ".gin", "gin text", named=True),
    _format("RWKV vocabularies", ".txt", "vocabulary text", "words that tokenizers evaluate", named=True),
    _format("Jsonnet configs", ".jsonnet .libsonnet", "jsonnet text", named=True),
    _format("MLmodel, conda and YAML configs", ".yaml .yml", "yaml mlflow requirements text", named=True),
    _format("Triton and DJL Serving configs", ".pbtxt .properties", "serving text", named=True),
    _format("JSON configs", ".json", "json text"),
    _format(
        "requirements, TOML configs, model cards, licences", ".txt .toml .md", "text requirements model-card licence"
    ),
    _format(
        "Shell scripts, tasks of editors, hooks, containers, build files",
        ".sh .bash .bat .cmd .ps1 .desktop",
        "commands persistence text",
        named=True,
    ),
    _format("Shortcuts of Windows and macOS, registry files", ".lnk .url .webloc .reg", "shortcuts", named=True),
    _format("Python files", ".py", "python text", named=True),
    _format("Notebooks", ".ipynb", "python json text", named=True),
    _format("Compiled Python", ".pyc", "python-compiled", named=True),
    _format(
        "WebAssembly",
        ".wasm",
        "wasm",
        "imports are told; its code is not examined, so that only modules without any are clean",
    ),
    _format("Native executables and libraries", ".so .dll .exe .dylib", "executable"),
    _format("SentencePiece vocabulary, fastText and word2vec vectors, netCDF, FITS", ".model .bin .ftz .nc", "data"),
    _format("CRFsuite, Kaldi, OpenFst, KenLM", ".crfsuite .mdl .raw .fst .klm", "data", "inert: recognised by content"),
    _format(
        "Tables and databases (ORC, Lance, SAS, SPSS, Stata, DuckDB, LMDB, SQLite, wandb)",
        ".orc .lance .sas7bdat .sav .dta .duckdb .mdb .db .wandb",
        "data",
        "inert: recognised by content",
    ),
    _format(
        "Small networks (dlib, Tesseract, Marian, TNN, KANN, RTen, NNUE), llama.cpp's imatrix",
        ".traineddata .bin .tnnmodel .kan .rten .nnue .dat",
        "data",
        "inert: recognised by content",
    ),
    _format("Darknet weights", ".weights", "data", "inert", named=True),
    _format("Parameters of TVM, arrays of ND4J (DL4J)", ".params .bin", "data", "inert: recognised by content"),
    _format("Pictures, sound, video, fonts, PDF", ".png .jpg .pdf .wav", "media"),
)
