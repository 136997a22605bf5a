"""Which packages are examined, and under which of their modules a class of any name is taken as inert."""

from __future__ import annotations

WILDCARDS = (
    "accelerate", "aeon", "albumentations", "allennlp", "arch", "autogluon", "bertopic", "bitsandbytes",
    "botorch", "catboost", "category_encoders", "chemprop", "cleanlab", "compressed_tensors", "d3rlpy", "darts",
    "deepchem", "diffusers", "e3nn", "econml", "effdet", "efficientnet_pytorch", "encodec", "facenet_pytorch",
    "fastai", "feature_engine", "filterpy", "flair", "gensim", "gluonts", "gplearn", "gpytorch", "gym",
    "gymnasium", "hdbscan", "hmmlearn", "hqq", "ignite", "imblearn", "interpret", "kmodes", "kornia",
    "lightgbm", "lightning", "lightning_fabric", "linear_operator", "linearmodels", "mace", "mapie", "megatron",
    "mlforecast", "mlxtend", "mmcv", "mmdet", "mmengine", "mmpose", "mmpretrain", "mmseg", "monai", "nemo",
    "neuralforecast", "ngboost", "open_clip", "optimum", "peft", "pgmpy", "pmdarima", "pyannote", "pycaret",
    "pygam", "pykalman", "pynndescent", "pyod", "pyro", "pytorch_forecasting", "pytorch_lightning",
    "pytorch_metric_learning", "pytorch_tabnet", "quantile_forest", "river", "sb3_contrib",
    "segmentation_models_pytorch", "sentence_transformers", "setfit", "sklearn", "sklearn_extra", "sklego",
    "skmultilearn", "skopt", "skorch", "skrub", "sksurv", "sktime", "speechbrain", "stable_baselines3",
    "stanza", "statsforecast", "statsmodels", "tabpfn", "textblob", "timm", "torch.ao", "torch.distributions",
    "torch.nn", "torch.optim", "torch.quantization", "torch_geometric", "torchao", "torchaudio", "torchio",
    "torchmetrics", "torchtext", "torchvision", "tpot", "transformers", "trl", "tsfresh", "tslearn", "TTS",
    "ultralytics", "umap", "vit_pytorch", "x_transformers", "xgboost", "yolov5",
)  # fmt: skip
"""Every examined version of these was read whole, and what does not pass is refused by name, so a new class of a
version that was not read is taken as its neighbours are. Packages that handle files, code or processes have none."""

LISTED = (
    "addict", "bayes_opt", "box", "cmdstanpy", "coreforecast", "datasets", "dateutil", "easydict", "einops",
    "fastcore", "fastprogress", "fasttransform", "flax", "formulaic", "hummingbird", "hyperopt", "implicit",
    "joblib", "lifelines", "lime", "ml_collections", "munch", "networkx", "nltk", "numpy", "omegaconf", "optax",
    "optuna", "packaging", "pandas", "polars", "prophet", "pytz", "scipy", "shap", "skbase", "spacy", "stanio",
    "surprise", "thinc", "torch", "utilsforecast", "xarray", "yacs",
)  # fmt: skip
"""Only the classes that pass are taken, by name."""

HELD_ONLY = ("jax", "keras", "tf_keras")
"""What they have may be named; none of their classes was read, since they save arrays and archives."""

LEFT_OUT = (
    "datasets.utils", "joblib.externals", "networkx.drawing", "numpy.distutils", "numpy.f2py", "numpy.testing",
    "pandas.compat.pickle_compat", "pandas.io", "pandas.plotting", "pandas.util", "scipy._build_utils",
    "torch._dynamo", "torch._export", "torch._functorch", "torch._higher_order_ops", "torch._inductor",
    "torch._lazy", "torch._library", "torch._logging", "torch._numpy", "torch._vendor", "torch.backends",
    "torch.compiler", "torch.contrib", "torch.distributed", "torch.export", "torch.fx", "torch.hub",
    "torch.jit", "torch.multiprocessing", "torch.onnx", "torch.package", "torch.profiler", "torch.testing",
    "torch.utils.benchmark", "torch.utils.bottleneck", "torch.utils.cpp_extension", "torch.utils.hipify",
    "torch.utils.tensorboard", "torch.utils.viz",
)  # fmt: skip
"""Modules of listed packages that no saved model has classes of, or that deal in code, files and processes."""


def is_left_out(module: str) -> bool:
    """Whether `module` stands under one of :data:`LEFT_OUT`."""
    return any(module == one or module.startswith(f"{one}.") for one in LEFT_OUT)


def wildcard_over(module: str) -> str:
    """The wildcard prefix that `module` stands under, or an empty string."""
    return next((one for one in WILDCARDS if module == one or module.startswith(f"{one}.")), "")
