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
    "adabelief_pytorch", "adapt", "adapters", "addict", "aif360", "alibi", "alibi_detect", "anndata", "arviz",
    "ase", "astropy", "attr", "autofeat", "autots", "bayes_opt", "bidict", "bilby", "Bio", "blackjax", "blitz",
    "bm25s", "boltons", "boruta", "box", "braindecode", "captum", "causalimpact", "causalinference", "causallearn",
    "causalml", "celer", "celltypist", "chaospy", "chex", "class_resolver", "cma", "cmdstanpy", "cobra",
    "confection", "ConfigSpace", "control", "copulas", "coreforecast", "corextopic", "cornac", "crepes", "ctgan",
    "cvxpy", "daal4py", "dalex", "dask_ml", "datasets", "datasketch", "dateutil", "deap", "deepctr_torch",
    "deepecho", "dendropy", "denoising_diffusion_pytorch", "deslib", "dice_ml", "diffrax", "doubleml", "dowhy",
    "dscribe", "dynesty", "easydict", "einops", "eli5", "ema_pytorch", "emcee", "equinox", "esda", "evalml",
    "factor_analyzer", "fairlearn", "fastcore", "fastprogress", "fasttransform", "fcmeans", "featuretools", "flaml",
    "flax", "formulaic", "frozendict", "galpy", "genieclust", "geopandas", "geotorch", "glum", "GPy", "graphtools",
    "group_lasso", "gseapy", "gstools", "gymnax", "haiku", "hiclass", "hierarchicalforecast", "hummingbird",
    "hyperopt", "hyppo", "igraph", "imbens", "imgaug", "imitation", "immutables", "imodels", "implicit",
    "intervaltree", "iris", "jax", "jaxopt", "joblib", "jraph", "keybert", "langchain_community", "langchain_core",
    "laplace", "lazypredict", "lenskit", "libpysal", "lifelines", "lifetimes", "lightkurve", "lightly", "lime",
    "lineartree", "lineax", "lingam", "lion_pytorch", "lmfit", "local_attention", "lpips", "mapclassify",
    "matminer", "MDAnalysis", "mdtraj", "mealpy", "metric_learn", "miceforest", "minigrid", "minisom",
    "ml_collections", "mne", "modAL", "monty", "mord", "morfessor", "mudata", "munch", "neat", "networkx",
    "neuralprophet", "nevergrad", "nflows", "nfoursid", "nibabel", "nilearn", "nltk", "node2vec", "numdifftools",
    "numpoly", "numpy", "numpyro", "omegaconf", "onedal", "openTSNE", "optax", "optbinning", "optimistix", "optuna",
    "orbit", "ot", "packaging", "pacmap", "pandas", "pandera", "paramz", "pastas", "pennylane", "performer_pytorch",
    "perpetual", "pettingzoo", "phate", "photutils", "pint", "polars", "pomegranate", "pretty_midi", "prince",
    "prodigyopt", "prophet", "pycox", "pycrfsuite", "pydantic", "pydeseq2", "pydmd", "pygad", "pykeen", "pykrige",
    "pymatgen", "pymoo", "PyNomaly", "pyproj", "pyriemann", "pyrsistent", "pysindy", "pyswarms", "pythae",
    "pytorch_msssim", "pytorch_optimizer", "pytorch_tabular", "pytorch_widedeep", "pyts", "pytz", "qutip",
    "rank_bm25", "rdt", "recbole", "recordlinkage", "rectools", "reformer_pytorch", "rotary_embedding_torch",
    "rsl_rl", "rtdl_num_embeddings", "rtdl_revisiting_models", "ruptures", "sacremoses", "SALib", "schedulefree",
    "scikeras", "scipy", "scvi", "sdv", "segment_anything", "shap", "simpy", "skactiveml", "skbase", "skbio",
    "skfda", "skforecast", "skfuzzy", "skglm", "skimage", "sklearn_crfsuite", "sklearn_genetic", "sklearn_pandas",
    "sklearnex", "sklift", "sko", "skrebate", "skrl", "skrules", "smac", "smote_variants", "smt", "snntorch",
    "snorkel", "sortedcontainers", "spacy", "specutils", "stable_baselines", "stanio", "stumpy", "sumy", "sunpy",
    "suod", "supervised", "supervision", "surprise", "symspellpy", "tab_transformer_pytorch", "tabm", "tbats",
    "tensordict", "tensorly", "textacy", "thinc", "tianshou", "tiktoken", "toad", "top2vec", "torch", "torch_ema",
    "torch_optimizer", "torchani", "torchcde", "torchcrf", "torchdiffeq", "torchensemble", "torchrl", "torchsde",
    "torchsurv", "torchtuples", "torchxrayvision", "transformers_interpret", "uncertainties", "utilsforecast",
    "vecstack", "vector_quantize_pytorch", "verde", "wfdb", "wittgenstein", "woodwork", "xarray", "xgbse", "yacs",
    "yake", "yellowbrick", "zepid",
)  # fmt: skip
"""Only the classes that pass are taken, by name."""

HELD_ONLY = ("jaxlib", "keras", "matplotlib", "patsy", "plotly", "seaborn", "tf_keras", "tqdm")
"""What they have may be named; none of their classes was read: they save arrays and archives, or nothing."""

LEFT_OUT = (
    "datasets.utils", "jax.experimental", "jax.extend", "jax.tools", "jax._src.debugger", "jax._src.export",
    "jax._src.internal_test_util", "jax._src.interpreters.mlir", "jax._src.lax", "jax._src.lib", "jax._src.pallas",
    "jax._src.state", "jax._src.tpu", "joblib.externals", "langchain_community.adapters",
    "langchain_community.agent_toolkits", "langchain_community.agents", "langchain_community.cache",
    "langchain_community.callbacks", "langchain_community.chains", "langchain_community.chat_loaders",
    "langchain_community.chat_models", "langchain_community.document_compressors",
    "langchain_community.document_loaders", "langchain_community.document_transformers",
    "langchain_community.embeddings", "langchain_community.example_selectors",
    "langchain_community.graph_vectorstores", "langchain_community.graphs", "langchain_community.indexes",
    "langchain_community.llms", "langchain_community.memory", "langchain_community.query_constructors",
    "langchain_community.storage", "langchain_community.tools", "langchain_community.utilities",
    "langchain_community.vectorstores", "langchain_core.language_models", "langchain_core.tracers",
    "networkx.drawing", "numpy.distutils", "numpy.f2py", "numpy.testing", "pandas.compat.pickle_compat",
    "pandas.io", "pandas.plotting", "pandas.util", "scipy._build_utils", "torch._dynamo", "torch._export",
    "torch._functorch", "torch._higher_order_ops", "torch._inductor", "torch._lazy", "torch._library",
    "torch._logging", "torch._numpy", "torch._vendor", "torch.backends", "torch.compiler", "torch.contrib",
    "torch.distributed", "torch.export", "torch.fx", "torch.hub", "torch.jit", "torch.multiprocessing",
    "torch.onnx", "torch.package", "torch.profiler", "torch.testing", "torch.utils.benchmark",
    "torch.utils.bottleneck", "torch.utils.cpp_extension", "torch.utils.hipify", "torch.utils.tensorboard",
    "torch.utils.viz",
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
