"""Suffixes that promise a model or an archive: other content under such a name must not pass as a harmless file."""

from __future__ import annotations

MODEL_SUFFIXES = frozenset(
    # pickles, PyTorch and what executes like them
    ".pkl .pickle .p .pck .dill .cloudpickle .joblib .ser .pt .pth .ckpt .bin .t7 .th .mar .war .pt2 .pte "
    ".ptl .ptd .bpte .distcp .ff .nemo .skops .npy .npz "
    # weights without code
    ".safetensors .eqx .gguf .ggml .ggmf .ggjt .ggla .ggsa .llamafile .msgpack .flax .orbax .jax "
    ".checkpoint .orbax-checkpoint .tfrecord .faiss .hnsw .annoy .avro "
    # objects of other languages
    ".marshal .bson .jls .accord .vw "
    # graphs
    ".h5 .hdf5 .keras .onnx .onnx_data .ort .tflite .lite .circle .litertlm .pb .cpb .pbmm .mlmodel .mlpackage "
    ".pdmodel .pdiparams .params .caffemodel .engine .plan .trt .rknn .mnn .hef .bmodel .kmodel .cvimodel .dlc .vmfb "
    ".ubj .cbm .dnn .rds .rda .rdata .torch .feather .arrow .parquet "
    # archives
    ".zip .whl .jar .tar .tgz .gz .bz2 .tbz2 .xz .txz .lzma .lz4 .zst .zlib .z .7z .rar .ace .sit .sitx .cab .lha .lzh "
    ".arj .zoo .cpio .deb .rpm .xar .iso .dmg .squashfs .wim .lz .lzo .snappy .sz .br".split()
)

NATIVE_SUFFIXES = frozenset(".so .dll .pyd .exe .dylib .class .pyc".split())

NEVER_PLAIN = MODEL_SUFFIXES | NATIVE_SUFFIXES
"""Suffixes of files that are never plain, even if their content reads as text or begins like a picture."""
