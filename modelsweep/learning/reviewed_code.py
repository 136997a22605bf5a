"""What the AST check of load hooks takes as harmless, as read by people: all of :mod:`load_hooks` that is opinion."""

from __future__ import annotations

import fnmatch
import re

# Bases without source here (C or builtin). `__new__` and the C-level `__setstate__` of each only store what they get.
HARMLESS_BASES = frozenset(
    """
    builtins.object builtins.dict builtins.list builtins.tuple builtins.set builtins.frozenset builtins.int
    builtins.float builtins.complex builtins.str builtins.bytes builtins.bytearray builtins.type builtins.property
    builtins.BaseException builtins.Exception builtins.ValueError builtins.TypeError builtins.RuntimeError
    builtins.KeyError builtins.IndexError builtins.AttributeError builtins.NotImplementedError builtins.ImportError
    builtins.Warning builtins.UserWarning builtins.RuntimeWarning builtins.DeprecationWarning builtins.FutureWarning
    builtins.ArithmeticError builtins.AssertionError builtins.StopIteration builtins.OSError builtins.IOError
    builtins.NameError builtins.SyntaxWarning builtins.LookupError builtins.SystemExit builtins.KeyboardInterrupt
    builtins.ResourceWarning builtins.PendingDeprecationWarning builtins.EnvironmentError abc.ABC
    torch.ao.quantization.observer.ABC torch.quantization.observer.ABC lightning_utilities.core.enums.StrEnum
    builtins.MemoryError builtins.FileNotFoundError builtins.SyntaxError types.SimpleNamespace numbers.Integral
    typing.Generic typing.Protocol typing.NamedTuple typing.TypedDict typing.Dict typing.List typing.Mapping
    typing.MutableMapping typing.Sequence typing.Iterator typing.Iterable typing.Callable typing.Hashable
    typing.Tuple typing.Sized typing.Collection typing.MutableSequence typing.Set typing.MutableSet typing.Any
    typing_extensions.Protocol typing_extensions.TypedDict typing_extensions.NamedTuple collections.OrderedDict
    collections.defaultdict collections.deque collections.UserDict collections.UserList collections.Counter
    collections.ChainMap collections.abc.Mapping collections.abc.MutableMapping collections.abc.Sequence
    collections.abc.MutableSequence collections.abc.Set collections.abc.MutableSet collections.abc.Iterable
    collections.abc.Iterator collections.abc.Callable collections.abc.Collection collections.abc.Hashable
    collections.abc.Sized collections.abc.Container collections.abc.Generator collections.abc.Reversible
    collections.abc.KeysView collections.abc.ValuesView collections.abc.ItemsView collections.Mapping
    collections.MutableMapping collections.Sequence collections.MutableSequence enum.Enum enum.IntEnum enum.Flag
    enum.IntFlag enum.StrEnum contextlib.ContextDecorator contextlib.AbstractContextManager
    contextlib.AbstractAsyncContextManager datetime.datetime datetime.date datetime.timedelta datetime.tzinfo
    string.Formatter numbers.Number numbers.Real argparse.Namespace json.JSONEncoder json.encoder.JSONEncoder
    ast.NodeVisitor ast.NodeTransformer logging.Formatter logging.Filter numpy.ndarray numpy._core.ndarray
    numpy.core.ndarray numpy.core.multiarray.ndarray numpy._core.multiarray.ndarray numpy.generic threading.local
    pprint.PrettyPrinter numpy.matrix numpy.void numpy.random.mtrand.RandomState scipy.spatial._ckdtree.cKDTree
    scipy.spatial._kdtree.node scipy.spatial.kdtree.node scipy.interpolate._interpnd.NDInterpolatorBase
    scipy.interpolate.interpnd.NDInterpolatorBase torch._C.TensorBase torch._C._TensorBase torch._C.Generator
    torch._C.StorageBase torch._C.ScriptModule torch._C._FunctionBase torch._C._LegacyVariableBase
    torch._C.ScriptFunction torch._C.FloatStorageBase torch._C.DoubleStorageBase torch._C.HalfStorageBase
    torch._C.LongStorageBase torch._C.IntStorageBase torch._C.ShortStorageBase torch._C.CharStorageBase
    torch._C.ByteStorageBase torch._C.BoolStorageBase torch._C.BFloat16StorageBase torch._C.ComplexDoubleStorageBase
    torch._C.ComplexFloatStorageBase torch._C.QUInt8StorageBase torch._C.QInt8StorageBase torch._C.QInt32StorageBase
    torch._C.QUInt4x2StorageBase torch._C.QUInt2x4StorageBase torch.nn.Module torch.nn.modules.module.Module
    pandas._libs.internals.BlockManager pandas._libs.internals.Block pandas._libs.internals.SharedBlock
    pandas._libs.internals.NumpyBlock pandas._libs.internals.NDArrayBackedBlock
    pandas._libs.tslibs.offsets.BaseOffset pandas._libs.tslibs.offsets._Tick pandas._libs.tslibs.offsets._BaseOffset
    builtins.ConnectionError pandas._libs.arrays.NDArrayBacked pandas._libs.tslibs.timestamps._Timestamp
    pandas._libs.interval.IntervalMixin pandas._libs.properties.AxisProperty
    pandas._libs.tslibs.dtypes.PeriodDtypeBase pandas._libs.tslibs.period.PeriodMixin
    sklearn.neighbors._kd_tree.KDTree64 sklearn.neighbors._kd_tree.BinaryTree64
    """.split()
)

HARMLESS_BUILTINS = frozenset(
    """
    abs all any bool bytes callable complex dict divmod enumerate float frozenset getattr hasattr hash id int
    isinstance issubclass iter len list max min next object ord chr pow print property range repr reversed round set
    setattr delattr slice sorted str sum super tuple type zip vars ArithmeticError AssertionError AttributeError
    DeprecationWarning Exception FutureWarning ImportError IndexError KeyError LookupError ModuleNotFoundError
    NotImplementedError OSError RuntimeError StopIteration TypeError ValueError UserWarning RuntimeWarning
    """.split()
)

# Methods that only read or arrange data, on whatever object they are called.
HARMLESS_METHODS = frozenset(
    """
    add any all append astype clear clone copy count detach difference discard dim endswith extend fill flatten
    format get index insert intersection isalnum isalpha isdigit isidentifier issubset item items join keys lower
    lstrip max mean min ndimension numel pop popitem ravel remove replace reshape reverse rpartition partition
    rsplit rstrip setdefault size sort split splitlines squeeze stack startswith strip sum symmetric_difference t
    title to tolist tobytes transpose union unsqueeze update upper values view zfill zip capitalize warn warning
    debug info error total_seconds utcoffset mro isoformat search match fullmatch acquire release is_floating_point
    data_ptr requires_grad_ is_complex encode warning_once group groupdict groups removesuffix removeprefix
    is_contiguous as_subclass cpu numpy _make_wrapper_subclass
    decode popleft move_to_end isdisjoint __contains__ __dir__ __enter__ __eq__ __exit__ __getattr__
    __getattribute__ __getitem__ __getstate__ __hash__ __init__ __init_subclass__ __iter__ __len__ __missing__
    __new__ __repr__ __setattr__ __setitem__ __setstate__ toarray conj nbytes id_to_token convert_id_to_token
    IdToPiece get_vocab_size cast isna to_numpy named_modules tocsr tocsc tocoo todense getnnz equals __delattr__
    __delitem__ __bool__ __str__ __subclasses__ __or__ __ior__ __add__ __iadd__
    """.split()
)

# Functions and constructors outside of the examined source: pure, or storing their arguments.
HARMLESS_CALLS = frozenset(
    """
    copy.copy copy.deepcopy functools.wraps functools.update_wrapper builtins.object.__new__ re.findall
    dataclasses.astuple torch.get_default_device torch.is_floating_point typing.get_args
    numpy.random._generator.default_rng warnings.warn torch.overrides.has_torch_function_unary
    torch.overrides.has_torch_function torch._C._has_torch_function torch._C._has_torch_function_unary
    warnings.simplefilter warnings.catch_warnings logging.getLogger weakref.ref weakref.proxy
    weakref.WeakKeyDictionary weakref.WeakValueDictionary weakref.WeakSet _thread.allocate_lock itertools.islice
    inspect.getfullargspec threading.Lock threading.RLock threading.Condition threading.Event threading.local
    threading.current_thread threading.get_ident multiprocessing.Lock collections.OrderedDict
    collections.defaultdict collections.deque collections.Counter collections.namedtuple functools.partial
    functools.reduce operator.index itertools.chain itertools.count itertools.repeat inspect.isclass
    inspect.signature inspect.isfunction inspect.ismethod inspect.currentframe inspect.getmodule
    types.MappingProxyType types.MethodType types.SimpleNamespace typing.cast textwrap.dedent dataclasses.fields
    dataclasses.asdict dataclasses.is_dataclass dataclasses.field dataclasses.replace math.prod math.sqrt math.floor
    math.ceil math.log math.isnan math.isclose time.time time.monotonic time.perf_counter datetime.datetime
    datetime.timedelta datetime.datetime.now datetime.date uuid.uuid4 re.compile re.match re.search re.sub re.escape
    json.dumps json.loads json.JSONDecoder random.Random numpy.asarray numpy.array numpy.zeros numpy.ones
    numpy.empty numpy.dtype numpy.asanyarray numpy.arange numpy.ascontiguousarray numpy.concatenate numpy.append
    numpy.abs numpy.any numpy.all numpy.ndim numpy.prod numpy.isscalar numpy.int64 numpy.int32 numpy.intp
    numpy.float64 numpy.float32 numpy.random.RandomState numpy.random.default_rng numpy.issubdtype numpy.frombuffer
    numpy.unique numpy.iinfo numpy.isnan numpy.isfinite torch.tensor torch.zeros torch.ones torch.empty torch.arange
    torch.device torch.Size torch.is_tensor torch.Generator torch.no_grad torch.as_tensor torch.zeros_like
    torch.ones_like torch.equal torch.is_grad_enabled torch.triu torch._C._get_tracing_state
    torch._C._disabled_torch_function_impl torch._C._log_api_usage_once torch._C.DisableTorchFunctionSubclass
    torch._C._VariableFunctions.empty torch._C._is_torch_function_enabled torch.jit.is_scripting
    torch.jit.is_tracing torch.nn.Parameter torch.nn.parameter.Parameter torch.iinfo torch.finfo torch.cat
    torch.stack torch.empty_like torch.full torch.get_default_dtype torch._C._get_default_device
    torch._C._set_grad_enabled packaging.version.parse packaging.version.Version distutils.version.LooseVersion
    """.split()
)

# Compiled modules of pure functions over arrays and scalars, and what is not pure in them.
HARMLESS_PREFIXES = (
    "numpy._core.", "numpy.core.", "pandas._libs.lib.", "pandas._libs.tslibs.", "pandas._libs.missing.",
    "pandas._libs.hashtable.", "pandas._libs.algos.",
    "pandas._libs.internals.", "scipy.sparse._sparsetools.", "torch._C._functorch.",
    "torch._ops.ops.quantized.", "torch._ops.ops.sparse.",
)  # fmt: skip
FILE_FUNCTIONS = frozenset(
    "fromfile memmap frompyfunc from_dlpack load save loadtxt genfromtxt savetxt open_memmap tofile vectorize".split()
)

# Decorators that leave a load hook what it is.
HARMLESS_DECORATORS = frozenset(
    """
    property classmethod staticmethod abstractmethod override overload cached_property no_grad ignore unused wraps
    lru_cache cache final deprecated export _copy_to_script_wrapper compile_ignored _jit_ignore doc Appender
    Substitution deprecate_kwarg available_if setter wrapt _preprocess_data no_type_check contextmanager
    rank_zero_only
    """.split()
)

LOGGING_METHODS = frozenset("debug info warning warning_once warn error exception log warn_once".split())

# Functions and hooks that the check cannot follow, read by a person: with a hostile state they raise, convert data, or
# arrange attributes. Patterns where all versions of a family of classes do the same.
READ_FUNCTIONS = tuple(
    """
    torch.optim.optimizer.Optimizer.__setstate__
    torch.optim.optimizer.Optimizer._patch_step_function
    torch.optim.optimizer.Optimizer._hook_for_profile
    torch._tensor.Tensor.__setstate__
    torch.tensor.Tensor.__setstate__
    torch.overrides.handle_torch_function
    torch.storage.*Storage.__new__
    torch.storage.*Storage.__setitem__
    torch.nn.modules.utils._*
    torch.nn.modules.container.*.__setitem__
    torch.nn.modules.container.*.append
    torch.nn.modules.container.*.extend
    torch.nn.modules.module.Module.*
    torch.nn.parallel.distributed.DistributedDataParallel.__setstate__
    torch*quantized.modules.functional_modules.*.add
    torch_geometric.data.data.Data.__setattr__
    torch_geometric.data.storage.BaseStorage.__setattr__
    torch_geometric.data.feature_store.FeatureStore.__setitem__
    torch_geometric.data.graph_store.GraphStore.__setitem__
    torch_geometric.nn.module_dict.ModuleDict.__setitem__
    torchmetrics.metric.Metric.__setstate__
    torchmetrics.metric.Metric.__eq__
    torchvision.transforms.functional.pil_to_tensor
    torchvision.tv_tensors.*.__new__
    peft.tuners._buffer_dict.BufferDict.__setitem__
    diffusers.utils.deprecation_utils.deprecate
    transformers.generation.configuration_utils.GenerationConfig.__hash__
    transformers.generation.configuration_utils.GenerationConfig.__eq__
    dateutil.tz.*.__eq__
    torch.nn.parameter.*.__new__
    transformers.tokenization_utils_base.PreTrainedTokenizerBase.__getattr__
    transformers.tokenization_utils_base.PreTrainedTokenizerBase.__setattr__
    transformers.tokenization_utils_base.SpecialTokensMixin.__setattr__
    transformers.*.__len__
    speechbrain.nnet.containers.*.append
    speechbrain.utils.*.append
    numpy*.getlimits.finfo.__new__
    numpy.lib.mixins.NDArrayOperatorsMixin.*
    numpy*.recarray.*
    numpy.ma.core.*
    numpy.matrixlib.defmatrix.matrix.__new__
    pandas.core.dtypes.*
    pandas.core.indexes.*
    pandas.core.arrays.*
    pandas.core.indexers.*
    pandas.core.construction.*
    pandas.core.generic.NDFrame.*
    pandas.core.frame.DataFrame.*
    pandas.core.series.Series.*
    pandas.core.internals.*
    pandas.core.groupby.groupby.*.__getattr__
    pandas.core.sparse.*
    pandas.util._exceptions.find_stack_level
    scipy.sparse.*.__bool__
    scipy.sparse.*.__getattr__
    scipy.sparse.*.__setitem__
    scipy.sparse.*.__len__
    scipy.interpolate.*.extend
    scipy.interpolate.*interp1d.__init__
    scipy.interpolate.*RBFInterpolator.__setstate__
    scipy.spatial.transform.*Rotation.__setstate__
    scipy.signal.*ltisys.*.__new__
    scipy._lib._array_api_override.array_namespace
    sklearn.model_selection._search.ParameterGrid.__len__
    sklearn.isotonic.IsotonicRegression.__setstate__
    statsmodels.base.wrapper.ResultsWrapper.__getattribute__
    statsmodels.*Results.append
    statsmodels.*Results.extend
    statsmodels.tsa.statespace.representation.Representation.extend
    statsmodels.tsa.statespace.initialization.Initialization.__setitem__
    networkx.classes.*.__new__
    accelerate.optimizer.*.__setstate__
    easydict.EasyDict.__setattr__
    einops.layers.*.__setstate__
    addict.addict.Dict.*
    PIL.Image.Image.__setstate__
    fastai.data.core.*.__getattr__
    fastcore.basics.GetAttr*.__getattr__
    fastcore.basics.fastuple.add
    fastcore.foundation.L.*
    fasttransform.cast.cast
    fasttransform.transform.Pipeline.__getattr__
    linear_operator.operators.*.add
    darts.timeseries.TimeSeries.append
    mlforecast.grouped_array.GroupedArray.append
    networkx.classes.reportviews.*.__len__
    pygam.terms.MetaTermMixin.__setattr__
    xarray.core.*.__getattr__
    xarray.core.*.__setitem__
    huggingface_hub.hub_mixin.ModelHubMixin.__new__
    mmengine.config.config.ConfigDict.*
    pydantic.main.BaseModel.*
    monai.metrics.metric.Cumulative.__len__
    monai.transforms.compose.*.__len__
    monai.transforms.transform.MapTransform.__new__
    stable_baselines3.common.vec_env.base_vec_env.VecEnvWrapper.__getattr__
    torch_geometric.data.in_memory_dataset.InMemoryDataset.__getattr__
    omegaconf.*
    astropy.table.table.*Table.*
    astropy.units.quantity.Quantity.*
    anndata._core.anndata.AnnData.__setitem__
    ase.atoms.*.append
    ase.atoms.*.extend
    Bio.PDB.*.add
    cvxpy.expressions.expression.Expression.*
    equinox.*.Module.__eq__
    geopandas.array.GeometryArray.__setstate__
    geopandas.*.__setitem__
    geopandas.geodataframe.GeoDataFrame.__setstate__
    pydantic.types.*.__eq__
    pyproj.crs.crs.CRS.__hash__
    pyproj.crs.crs.CRS.__eq__
    pint.util.UnitsContainer.*
    sklearn_pandas.dataframe_mapper.*
    sklearn_pandas.pipeline.*
    """.split()
)
# Hooks that a person read, too, which set attributes of other objects only: their own never goes through a setter.
UNSET = frozenset({"flax.linen.module.Module.__getattr__"})
_READ = re.compile("|".join(map(fnmatch.translate, READ_FUNCTIONS)))


def is_read(path: str) -> bool:
    """Whether a person accepted the function or method of this dotted path."""
    return _READ.fullmatch(path) is not None
