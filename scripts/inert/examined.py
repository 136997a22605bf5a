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
    "ConfigSpace", "flaml", "nfoursid", "numpyro", "tianshou", "torchrl", "vector_quantize_pytorch",
    "adapters", "addict", "alibi", "alibi_detect", "bayes_opt", "boruta", "box", "braindecode", "captum",
    "causalimpact", "causalml", "cmdstanpy", "coreforecast", "crepes", "daal4py", "dask_ml", "datasets", "dateutil",
    "deap", "deepctr_torch", "denoising_diffusion_pytorch", "dice_ml", "dowhy", "easydict", "einops", "ema_pytorch",
    "fairlearn", "fastcore", "fastprogress", "fasttransform", "featuretools", "flax", "formulaic", "frozendict",
    "geotorch", "glum", "hierarchicalforecast", "hummingbird", "hyperopt", "imodels", "implicit", "joblib",
    "lifelines", "lifetimes", "lightly", "lime", "lineartree", "lion_pytorch", "local_attention", "lpips",
    "metric_learn", "ml_collections", "munch", "neat", "networkx", "nevergrad", "nltk", "numpy", "omegaconf",
    "onedal", "optax", "optuna", "packaging", "pandas", "performer_pytorch", "polars", "prodigyopt", "prophet",
    "pycrfsuite", "pymoo", "pyriemann", "pyswarms", "pythae", "pytorch_msssim", "pytorch_widedeep", "pyts", "pytz",
    "recbole", "recordlinkage", "reformer_pytorch", "rotary_embedding_torch", "schedulefree", "scikeras", "scipy",
    "segment_anything", "shap", "skbase", "skfuzzy", "sklearnex", "snorkel", "spacy", "stanio", "stumpy",
    "surprise", "tab_transformer_pytorch", "tensorly", "thinc", "torch", "torch_ema", "torch_optimizer", "torchcde",
    "torchdiffeq", "torchxrayvision", "transformers_interpret", "utilsforecast", "xarray", "xgbse", "yacs",
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
