"""What frameworks that are not installed here write is clean: pickles that name their classes, made at run time."""

from __future__ import annotations

import collections
import contextlib
import enum
import io
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from modelsweep.core.report import Verdict
from tests.benign import assert_benign
from tests.scanners.case import examine_bytes

# Classes that checkpoints, callbacks, configurations and tokenizers of these frameworks hold.
CLASSES = """
    flax.linen.linear.Dense flax.linen.combinators.Sequential flax.nnx.nn.linear.Linear
    equinox.nn._mlp.MLP equinox.nn._linear.Linear diffrax._solver.tsit5.Tsit5
    nilearn.maskers.nifti_masker.NiftiMasker lmfit.models.GaussianModel
    skimage.transform._geometric.AffineTransform nibabel.nifti1.Nifti1Image uncertainties.core.Variable
    emcee.ensemble.EnsembleSampler morfessor.baseline.BaselineModel morfessor.baseline.ConstrNode
    doubleml.plm.plr.DoubleMLPLR optbinning.binning.binning.OptimalBinning qutip.core.qobj.Qobj cobra.core.model.Model
    eli5.base.Explanation pandera.api.pandas.container.DataFrameSchema
    sparse.numba_backend._coo.core.COO lightfm.lightfm.LightFM pandas.tseries.offsets.Day pandas.core.panel.Panel
    pandas.core.categorical.Categorical pandas.indexes.range.RangeIndex pandas.tseries.index.DatetimeIndex
    ConfigSpace.configuration_space.ConfigurationSpace ConfigSpace.conditions.EqualsCondition contextlib.nullcontext
    d3rlpy.dataset.compat.MDPDataset formulaic.utils.variables.Variable neuralforecast.tsdataset.TimeSeriesDataset
    ngboost.api.NGBSurvival nfoursid.kalman.Kalman numpyro.distributions.continuous.Normal
    sktime.forecasting.base._fh.ForecastingHorizon torch._dynamo.hooks.Hooks
    vector_quantize_pytorch.residual_vq.ResidualVQ fastai.torch_core.TensorImage fastcore.transform.Pipeline
    fasttransform.transform.Pipeline flaml.automl.model.LGBMEstimator torchrl.modules.models.models.MLP
    accelerate.state.PartialState accelerate.utils.dataclasses.DeepSpeedPlugin addict.addict.Dict
    apex.amp.scaler.LossScaler deepspeed.runtime.fp16.loss_scaler.DynamicLossScaler
    deepspeed.utils.tensor_fragment.fragment_address detectron2.config.config.CfgNode
    diffusers.models.unets.unet_2d_condition.UNet2DConditionModel easydict.EasyDict flair.data.Dictionary
    gensim.models.word2vec.Word2Vec gymnasium.spaces.discrete.Discrete hdbscan.hdbscan_.HDBSCAN
    imblearn.pipeline.Pipeline
    keras.preprocessing.text.Tokenizer keras.src.legacy.preprocessing.text.Tokenizer keras_preprocessing.text.Tokenizer
    lightning.fabric.utilities.data.AttributeDict lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint
    mlflow.models.signature.ModelSignature mlflow.types.schema.Schema nltk.tokenize.punkt.PunktSentenceTokenizer
    open_clip.model.CLIP peft.tuners.lora.config.LoraConfig pyannote.audio.core.task.Specifications
    pytorch_lightning.utilities.parsing.AttributeDict sentence_transformers.models.Pooling.Pooling
    sentence_transformers.SentenceTransformer.SentenceTransformer
    sentence_transformers.training_args.SentenceTransformerTrainingArguments
    stable_baselines3.common.policies.ActorCriticPolicy statsmodels.regression.linear_model.OLS
    timm.models.resnet.ResNet timm.models.vision_transformer.VisionTransformer torch_geometric.data.data.Data
    torchmetrics.classification.accuracy.MulticlassAccuracy torchvision.models.resnet.ResNet
    transformers.configuration_utils.PretrainedConfig transformers.models.bert.configuration_bert.BertConfig
    transformers.models.bert.modeling_bert.BertModel transformers.tokenization_utils_base.BatchEncoding
    transformers.tokenization_utils_fast.PreTrainedTokenizerFast transformers.trainer_pt_utils.AcceleratorConfig
    transformers.training_args.TrainingArguments transformers.training_args_seq2seq.Seq2SeqTrainingArguments
    flax.linen.module.SetupState implicit.cpu.als.AlternatingLeastSquares
    lifelines.fitters.coxph_fitter.SemiParametricPHFitter optax._src.base.EmptyState polars.series.series.Series
    prophet.forecaster.Prophet surprise.prediction_algorithms.matrix_factorization.SVD
    ml_collections.config_dict.config_dict.ConfigDict torch.distributed._mesh_layout._MeshLayout
    torch.distributed.checkpoint.filesystem._StorageInfo torch.distributed.checkpoint.metadata.Metadata
    torch.distributed.checkpoint.metadata.TensorProperties torch.distributed.device_mesh.DeviceMesh
    torch.distributed.tensor._dtensor_spec.DTensorSpec torch.distributed.tensor.placement_types.Replicate
    trl.trainer.dpo_config.DPOConfig trl.trainer.sft_config.SFTConfig ultralytics.nn.modules.block.C2f
    ultralytics.nn.modules.conv.Conv ultralytics.nn.modules.head.Detect ultralytics.nn.tasks.DetectionModel
    arch.univariate.mean.ConstantMean autogluon.tabular.predictor.predictor.TabularPredictor
    botorch.models.gp_regression.SingleTaskGP darts.timeseries.TimeSeries econml.dml.dml.LinearDML
    fastai.callback.core.TrainEvalCallback fastcore.foundation.L gluonts.model.forecast.SampleForecast
    gpytorch.kernels.scale_kernel.ScaleKernel hyperopt.base.Trials
    interpret.glassbox._ebm._ebm.ExplainableBoostingClassifier linearmodels.iv.model.IV2SLS
    mlforecast.forecast.MLForecast mmdet.models.detectors.faster_rcnn.FasterRCNN mmengine.config.config.Config
    mmengine.logging.message_hub.MessageHub monai.transforms.compose.Compose
    networkx.classes.reportviews.EdgeView open_clip.transform.MaybeToTensor optuna.samplers._tpe.sampler.TPESampler
    pgmpy.factors.discrete.CPD.TabularCPD pygam.pygam.LinearGAM pyro.distributions.torch.Normal
    pytorch_tabnet.tab_model.TabNetClassifier river.compose.pipeline.Pipeline sb3_contrib.tqc.policies.TQCPolicy
    segmentation_models_pytorch.decoders.unet.model.Unet sktime.forecasting.naive._naive.NaiveForecaster
    skopt.learning.gaussian_process.gpr.GaussianProcessRegressor sksurv.linear_model.coxph.CoxPHSurvivalAnalysis
    stable_baselines3.common.vec_env.vec_normalize.VecNormalize stanza.models.common.pretrain.PretrainedWordVocab
    statsforecast.core.StatsForecast tslearn.clustering.kmeans.TimeSeriesKMeans xarray.core.variable.IndexVariable
    TTS.config.shared_configs.BaseDatasetConfig TTS.tts.configs.xtts_config.XttsConfig TTS.tts.models.xtts.XttsArgs
    TTS.tts.models.vits.VitsAudioConfig mmcv.utils.config.ConfigDict
    ultralytics.utils.loss.v8DetectionLoss ultralytics.utils.tal.TaskAlignedAssigner umap.umap_.UMAP yacs.config.CfgNode
""".split()
ENUMS = """
    megatron.core.enums.ModelType megatron.core.transformer.enums.AttnBackend
    torch.distributed.checkpoint.metadata._MEM_FORMAT_ENCODING
    accelerate.utils.dataclasses.DistributedType pyannote.audio.core.task.Problem
    transformers.trainer_utils.HubStrategy transformers.trainer_utils.IntervalStrategy
    transformers.trainer_utils.SchedulerType transformers.training_args.OptimizerNames
""".split()
OWN = ("models.yolo.DetectionModel", "__main__.Model", "src.code.net.Encoder", "utils.plots.Colors")
REFUSED = (
    "mmcv.utils.config.Config",
    "mmengine.config.lazy.LazyObject",
    "torch_geometric.nn.conv.gat_conv.GATConv",
    "polars.lazyframe.frame.LazyFrame",
)
"""Classes of listed frameworks that import, execute or unpickle what their state says."""
PRIVATE = ("whisper_finetuned.model.Net", "acme_models.yolo.DetectionModel")


@pytest.fixture
def modules() -> Iterator[dict[str, types.ModuleType]]:
    """Modules of the test's own making, gone from `sys.modules` afterwards."""
    before = dict(sys.modules)
    try:
        yield sys.modules
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]
        sys.modules.update(before)


def placed(modules: dict[str, types.ModuleType], path: str, made: Any) -> Any:
    """Return a class under the dotted name that pickle will write for it."""
    module, _, name = path.rpartition(".")
    parts = module.split(".")
    for stop in range(1, len(parts) + 1):
        package = ".".join(parts[:stop])
        modules[package] = types.ModuleType(package)
    made.__module__, made.__qualname__ = module, name
    setattr(modules[module], name, made)
    return made


def instance(modules: dict[str, types.ModuleType], path: str, base: type = object) -> Any:
    """Return an instance of a new class named `path`, with some attributes."""
    made = placed(modules, path, type("Made", (base,), {}))()
    made.__dict__.update(lr=0.1, names=["a"], nested={"x": (1, None)})
    return made


@pytest.mark.parametrize("path", CLASSES)
def test_classes_of_frameworks_are_clean(path: str, modules: dict[str, types.ModuleType]) -> None:
    value = instance(modules, path)
    for protocol in (0, 2, 4):
        assert_benign(pickle.dumps({"kept": value}, protocol), "training_args.pkl")


@pytest.mark.parametrize("path", ENUMS)
def test_enumerations_of_frameworks_are_clean(path: str, modules: dict[str, types.ModuleType]) -> None:
    kinds = placed(modules, path, enum.Enum("Kinds", {"NO": "no", "STEPS": "steps"}))
    for protocol in (2, 4):
        assert_benign(pickle.dumps([kinds.NO, kinds.STEPS], protocol), "training_args.pkl")


def test_the_namespace_that_ultralytics_calls_without_arguments_is_clean(modules: dict[str, types.ModuleType]) -> None:
    value = instance(modules, "ultralytics.utils.IterableSimpleNamespace", types.SimpleNamespace)
    assert_benign(pickle.dumps({"args": value}, 2), "best.pkl")


@pytest.mark.parametrize("module", ["sklearn.linear_model.sgd_fast", "sklearn.linear_model._sgd_fast"])
def test_losses_of_scikit_learn_of_any_age_are_clean(module: str, modules: dict[str, types.ModuleType]) -> None:
    hinge = placed(modules, f"{module}.Hinge", type("Hinge", (), {}))
    hinge.__reduce__ = lambda _self: (hinge, (1.0,))
    for protocol in (0, 2, 4):
        assert_benign(pickle.dumps({"loss_function_": hinge()}, protocol), "classifier.pkl")


@pytest.mark.parametrize("module", ["joblib.memory", "sklearn.externals.joblib.memory"])
def test_caches_of_joblib_are_clean_if_they_have_no_folder(module: str, modules: dict[str, types.ModuleType]) -> None:
    memory = placed(modules, f"{module}.Memory", type("Memory", (), {"folder": None}))
    memory.__reduce__ = lambda self: (memory, (self.folder, None, False, 0))
    kept = memory()
    for protocol in (0, 2, 4):
        assert_benign(pickle.dumps({"memory": kept}, protocol), "agglomerative.pkl")
    kept.folder = "/etc/modelsweep-test"
    assert examine_bytes(pickle.dumps({"memory": kept}, 2), "agglomerative.pkl").verdict is Verdict.MALICIOUS


@pytest.mark.parametrize("name", ["pandas.tslib.Timestamp", "pandas._libs.tslib.Timedelta", "pandas._period.Period"])
def test_times_of_pandas_of_any_age_are_clean(name: str, modules: dict[str, types.ModuleType]) -> None:
    time = placed(modules, name, type(name.rpartition(".")[2], (), {}))
    time.__reduce__ = lambda _self: (time, (1, None, None))
    for protocol in (0, 2, 4):
        assert_benign(pickle.dumps({"at": time()}, protocol), "frame.pkl")


@pytest.mark.parametrize("protocol", [2, 4])
def test_statistics_that_mmengine_keeps_by_name_are_clean(protocol: int, modules: dict[str, types.ModuleType]) -> None:
    def reduced(self: Any) -> float:
        return 0.0

    history = placed(modules, "mmengine.logging.history_buffer.HistoryBuffer", type("HistoryBuffer", (), {}))
    for name in ("min", "max", "mean", "current"):
        method = types.FunctionType(reduced.__code__, {}, name)
        method.__module__, method.__qualname__ = history.__module__, f"HistoryBuffer.{name}"
        setattr(history, name, method)
    kept = history()
    kept.__dict__["_statistics_methods"] = {name: getattr(history, name) for name in ("min", "max", "mean", "current")}
    assert_benign(pickle.dumps({"message_hub": {"log_scalars": {"loss": kept}}}, protocol), "epoch_12.pth")


@pytest.mark.parametrize("made", ["torch_geometric.data.batch.Batch", "acme_models.Batch"])
def test_batches_of_graphs_are_clean_if_all_of_them_is_of_their_package(
    made: str, modules: dict[str, types.ModuleType]
) -> None:
    maker = type("Maker", (), {"__call__": lambda _self, _batch, _base: None})
    getter = placed(modules, "torch_geometric.data.batch.DynamicInheritanceGetter", maker)
    data = placed(modules, "torch_geometric.data.data.Data", type("Data", (), {}))
    batch = placed(modules, made, type("Batch", (), {}))
    modules[getter.__module__].__dict__[getter.__qualname__] = getter  # placed() makes each module anew
    batch.__reduce__ = lambda _self: (getter(), (batch, data), {"num_graphs": 2})
    raw = pickle.dumps(batch(), 4)
    if made.startswith("torch_geometric"):
        assert_benign(raw, "graphs.pt")
    else:
        assert examine_bytes(raw, "graphs.pkl").verdict is Verdict.MALICIOUS


@pytest.mark.parametrize("path", REFUSED)
def test_classes_of_frameworks_that_run_what_they_hold_are_to_be_reviewed(
    path: str, modules: dict[str, types.ModuleType]
) -> None:
    result = examine_bytes(pickle.dumps(instance(modules, path), 2), "model.pkl")
    assert result.verdict in (Verdict.REVIEW, Verdict.MALICIOUS)


@pytest.mark.parametrize("path", PRIVATE)
def test_a_class_of_a_private_package_is_to_be_reviewed(path: str, modules: dict[str, types.ModuleType]) -> None:
    result = examine_bytes(pickle.dumps(instance(modules, path), 2), "model.pkl")
    assert result.verdict is Verdict.REVIEW
    assert result.problems == ()


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("path", OWN)
def test_classes_of_the_script_and_of_modules_beside_it_are_no_alarm(
    path: str, protocol: int, modules: dict[str, types.ModuleType]
) -> None:
    if path.startswith("__main__"):
        modules["__main__"] = types.ModuleType("__main__")
    data = pickle.dumps({"net": instance(modules, path), "kind": path}, protocol)
    assert_benign(data, "model.pkl")


STATES: dict[str, Any] = {
    "stable_baselines3.common.vec_env.base_vec_env.CloudpickleWrapper": pickle.dumps([1.0]),
    "skorch.classifier.NeuralNetClassifier": {
        "device": "cpu",
        "__cuda_dependent_attributes__": pickle.dumps({"module_": [1.0]}),
    },
    "e3nn.o3._linear.Linear": {"training": True, "__codegen__": {"main": ("fx", pickle.dumps([1.0], 2))}},
    "kornia.augmentation._2d.intensity.color_jitter.ColorJitter": {"p": 0.5},
    "darts.models.forecasting.nbeats.NBEATSModel": {"work_dir": "/home/me/darts_logs", "model_name": "run"},
}
"""What instances of classes that load a file, compile or open a folder as their state says are saved with."""


def with_state(modules: dict[str, types.ModuleType], path: str, state: Any) -> Any:
    """Return an instance of a new class named `path` that is saved with a state."""
    return placed(modules, path, type("Made", (), {"__getstate__": lambda _self: state}))()


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("path", STATES)
def test_states_with_files_and_folders_are_clean(
    path: str, protocol: int, modules: dict[str, types.ModuleType]
) -> None:
    assert_benign(pickle.dumps(with_state(modules, path, STATES[path]), protocol), "model.pkl")


class Payload:
    """Runs a command that only prints, were it ever loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo modelsweep-test",)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("path", ["skorch.classifier.NeuralNetClassifier", "e3nn.o3._linear.Linear"])
def test_files_in_a_state_are_examined(path: str, protocol: int, modules: dict[str, types.ModuleType]) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:  # as torch.save and torch.jit.save write
        archive.writestr("archive/data.pkl", pickle.dumps(Payload(), 2))
        archive.writestr("archive/version", "3\n")
    for hidden in (pickle.dumps(Payload(), 2), inner.getvalue()):
        state = {"__cuda_dependent_attributes__": hidden, "__codegen__": {"main": ("fx", hidden)}}
        data = pickle.dumps(with_state(modules, path, state), protocol)
        assert examine_bytes(data, "model.pkl").verdict is Verdict.MALICIOUS


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_state_that_is_a_pickle_is_examined(protocol: int, modules: dict[str, types.ModuleType]) -> None:
    path = "stable_baselines3.common.vec_env.base_vec_env.CloudpickleWrapper"
    for state, verdict in ((pickle.dumps(Payload(), 2), Verdict.MALICIOUS), (b"no pickle", Verdict.REVIEW)):
        data = pickle.dumps(with_state(modules, path, state), protocol)
        assert examine_bytes(data, "model.pkl").verdict is verdict


@pytest.mark.parametrize("hidden", [collections.UserString("made"), {"a": {"b": {"c": {"d": {"e": b"deep"}}}}}])
def test_files_in_a_state_that_are_not_literal_are_not_clean(hidden: Any, modules: dict[str, types.ModuleType]) -> None:
    state = {"__codegen__": {"main": ("fx", hidden)}}
    data = pickle.dumps(with_state(modules, "e3nn.o3._linear.Linear", state), 4)
    assert examine_bytes(data, "model.pkl").verdict is not Verdict.CLEAN


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("kornia.augmentation._2d.intensity.color_jitter.ColorJitter", {"_compile_kwargs": {"backend": "x"}}),
        ("darts.models.forecasting.nbeats.NBEATSModel", {"work_dir": "sftp://example.org/", "model_name": "run"}),
    ],
)
def test_states_that_compile_or_connect_are_to_be_reviewed(
    path: str, state: dict[str, Any], modules: dict[str, types.ModuleType]
) -> None:
    assert examine_bytes(pickle.dumps(with_state(modules, path, state), 4), "model.pkl").verdict is Verdict.REVIEW


def test_a_compiled_module_is_clean_as_long_as_nothing_is_hooked_in(modules: dict[str, types.ModuleType]) -> None:
    def reduced(state: dict[str, Any]) -> bytes:
        callback = instance(modules, "torch._dynamo.convert_frame.CatchErrorsWrapper")
        net, made = instance(modules, "__main__.Net"), "torch._dynamo.eval_frame"
        given = (callback, contextlib.nullcontext, True)
        context = type("Made", (), {"__reduce__": lambda self: (type(self), given, state)})
        module = type("Made", (), {"__reduce__": lambda self: (type(self), (net, context()))})
        placed(modules, f"{made}.OptimizedModule", module)
        placed(modules, f"{made}.OptimizeContext", context)
        vars(modules[made])["OptimizedModule"] = module  # placed() makes each module anew
        modules["contextlib"] = contextlib
        return pickle.dumps(module(), 4)

    assert_benign(reduced({"export": False, "dynamic": None, "compiler_config": None}), "compiled.pt")
    assert examine_bytes(reduced({"enter_exit_hooks": [print]}), "compiled.pt").verdict is not Verdict.CLEAN


TEXTS = {
    "README.md": "# Model\n\nNever call `os.system(cmd)` or `eval(x)`; load with `weights_only=True`.\n\n"
    "```python\nimport os, pickle\nos.system('nvidia-smi')\nmodel = pickle.load(open('model.pkl', 'rb'))\n```\n",
    "notes.txt": "cos\nsystem\nsin\n\n(lp0\nis how old pickles begin.\n",
    "brief.txt": "(in\nbrief)",
    "answer.md": "((if\nyes",
    "vocab.txt": "[PAD]\n[UNK]\nsubprocess\n__import__\neval\nexec\nos.system\n",
    "merges.txt": "#version: 0.2\nc os\no s\ns ystem\n",
    "config.json": '{"architectures": ["BertModel"], "model_type": "bert", "torch_dtype": "float16"}',
    "requirements.txt": "torch==2.3.1\ntransformers>=4.40\nnumpy\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_beside_models_are_clean(name: str) -> None:
    assert_benign(TEXTS[name].encode(), name)
