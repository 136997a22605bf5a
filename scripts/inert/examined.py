"""Which packages are examined, and under which of their modules a class of any name is taken as inert."""

from __future__ import annotations

WILDCARDS = (
    "accelerate", "catboost", "category_encoders", "diffusers", "efficientnet_pytorch", "feature_engine",
    "flair", "gensim", "gymnasium", "hdbscan", "hmmlearn", "imblearn", "kornia", "lightgbm", "lightning",
    "lightning_fabric", "mlxtend", "mmengine", "monai", "open_clip", "peft", "pmdarima", "pynndescent", "pyod",
    "pytorch_lightning", "segmentation_models_pytorch", "sentence_transformers", "sklearn", "skorch",
    "speechbrain", "stable_baselines3", "statsmodels", "timm", "torch.ao", "torch.distributions", "torch.nn",
    "torch.optim", "torch.quantization", "torch_geometric", "torchaudio", "torchmetrics", "torchtext",
    "torchvision", "transformers", "ultralytics", "umap", "xgboost",
)  # fmt: skip
"""Every examined version of these was read whole, and what does not pass is refused by name, so a new class of a
version that was not read is taken as its neighbours are. Packages that handle files, code or processes have none."""

LISTED = (
    "addict", "cmdstanpy", "datasets", "dateutil", "easydict", "einops", "flax", "formulaic", "implicit", "joblib",
    "lifelines", "munch", "networkx", "nltk", "numpy", "omegaconf", "optax", "packaging", "pandas", "prophet", "pytz",
    "scipy", "shap", "stanio", "surprise", "torch", "yacs",
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
