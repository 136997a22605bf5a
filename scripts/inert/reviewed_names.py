"""Names that people reviewed: what may be called with any arguments, what needs a rule, builtin and compiled classes.

Everything here was seen in real saves or is the same thing under the name of another version. "Harmless" is meant for
hostile arguments: no execution, file, network, import or deserialisation, and no argument that gets called.
"""

from __future__ import annotations

ERRORS = (
    "ArithmeticError AssertionError AttributeError BaseException BlockingIOError BufferError ConnectionError "
    "DeprecationWarning EOFError Exception FileExistsError FileNotFoundError FloatingPointError FutureWarning "
    "GeneratorExit IOError ImportError ImportWarning IndexError InterruptedError IsADirectoryError KeyError "
    "KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError "
    "OSError OverflowError PendingDeprecationWarning PermissionError RecursionError ReferenceError ResourceWarning "
    "RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit "
    "TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeWarning "
    "UserWarning ValueError Warning ZeroDivisionError"
)
PANDAS_OFFSETS = (
    "BDay BMonthBegin BMonthEnd BQuarterBegin BQuarterEnd BYearBegin BYearEnd BusinessDay BusinessHour "
    "BusinessMonthBegin BusinessMonthEnd CBMonthBegin CBMonthEnd CDay CustomBusinessDay CustomBusinessHour "
    "CustomBusinessMonthBegin CustomBusinessMonthEnd DateOffset Day Easter FY5253 FY5253Quarter HalfYearBegin "
    "HalfYearEnd BHalfYearBegin BHalfYearEnd Hour LastWeekOfMonth Micro Milli Minute MonthBegin MonthEnd Nano "
    "QuarterBegin QuarterEnd RelativeDeltaOffset Second SemiMonthBegin SemiMonthEnd Tick Week WeekOfMonth YearBegin "
    "YearEnd"
)
NUMPY_SCALARS = (
    "bool bool_ byte bytes_ cdouble clongdouble complex128 complex256 complex64 csingle datetime64 double float128 "
    "float16 float32 float64 float96 half int16 int32 int64 int8 int_ intc intp long longdouble longlong object_ short "
    "single str_ string_ timedelta64 ubyte uint uint16 uint32 uint64 uint8 uintc uintp ulong ulonglong unicode_ ushort "
    "void"
)
TORCH_STORAGES = (
    "BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage ComplexFloatStorage DoubleStorage "
    "FloatStorage HalfStorage IntStorage LongStorage QInt32Storage QInt8Storage QUInt2x4Storage QUInt4x2Storage "
    "QUInt8Storage ShortStorage"
)
TORCH_TENSORS = (
    "BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor "
    "ShortTensor"
)
BUILTIN_CALLS = f"bytearray complex frozenset set slice range xrange enumerate reversed zip bytes object {ERRORS}"

CALLS: dict[str, str] = {
    "builtins": BUILTIN_CALLS,
    "__builtin__": BUILTIN_CALLS,
    "exceptions": ERRORS,
    "array": "_array_reconstructor array",
    "_collections": "_tuplegetter",
    "collections": "ChainMap Counter OrderedDict UserDict UserList UserString deque",
    "datetime": "date datetime time timedelta timezone tzinfo",
    "decimal": "Context Decimal DecimalTuple",
    "_decimal": "Context Decimal",
    "_pydecimal": "Context Decimal",
    "fractions": "Fraction",
    "inspect": "Parameter Signature",
    "ipaddress": "IPv4Address IPv4Interface IPv4Network IPv6Address IPv6Interface IPv6Network",
    "itertools": "chain count cycle islice izip repeat product combinations permutations zip_longest",
    "logging": "getLogger",
    "platform": "uname_result",
    "time": "struct_time",
    "pathlib": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "pathlib._local": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "random": "Random",
    "re": "_compile",
    "string": "Template",
    "types": "GenericAlias MappingProxyType SimpleNamespace",
    "uuid": "UUID",
    "zoneinfo": "ZoneInfo ZoneInfo._unpickle",
    # Buffers, arrays and types of values; extension types, of which one unpickles what it stores, are not among them.
    "pyarrow.lib": (
        "CacheOptions._reconstruct _reconstruct_record_batch _reconstruct_table _restore_array binary chunked_array "
        "bool8 decimal128 decimal256 decimal32 decimal64 dictionary field fixed_shape_tensor json_ large_list "
        "large_list_view list_ list_view map_ opaque py_buffer run_end_encoded scalar schema struct time32 time64 "
        "timestamp type_for_alias union uuid"
    ),
    # Shapes, options and bytes of Arrow's own; a data set opens its files when it is read.
    "pyarrow._compute": "Expression._deserialize",
    "pyarrow._dataset": "DirectoryPartitioning FileSystemDataset FilenamePartitioning HivePartitioning",
    "pyarrow._dataset_parquet": (
        "ParquetFileFormat ParquetFileFormat.make_fragment ParquetFragmentScanOptions._reconstruct ParquetReadOptions"
    ),
    "pyarrow._fs": "SubTreeFileSystem",
    # Numbers of nodes, edges and attributes; the axes of an ellipsoid; addresses, which are parsed.
    "igraph": "Graph",
    "pyproj.geod": "Geod",
    "pydantic_core._pydantic_core": "MultiHostUrl TzInfo Url",
    # Read names of units by a parser of their own, which evaluates nothing, and leave the class alone.
    "pint": "_unpickle_measurement _unpickle_quantity _unpickle_unit",
    "polars.schema": "Schema",
    # Arrays in MessagePack, and lists of texts and patterns, of which functions are only kept.
    "spacy.matcher.matcher": "unpickle_matcher",
    "spacy.matcher.phrasematcher": "unpickle_matcher",
    "spacy.morphology": "unpickle_morphology",
    "spacy.pipeline._parser_internals.arc_eager": "ArcEager",
    "spacy.pipeline._parser_internals.ner": "BiluoPushDown",
    "spacy.strings": "StringStore",
    "spacy.tokens._serialize": "unpickle_bin",
    "spacy.vectors": "unpickle_vectors",
    "pytz": "FixedOffset _FixedOffset _UTC _p",
    "ultralytics.utils": "IterableSimpleNamespace",
    "ultralytics.yolo.utils": "IterableSimpleNamespace",
    "dateutil.tz.tz": "tzlocal tzoffset tzutc",
    "dateutil.relativedelta": "relativedelta",
    "dateutil._common": "weekday",
    "numpy": f"dtype {NUMPY_SCALARS}",
    "numpy._core": "_DType_reconstruct",
    "numpy.core": "_DType_reconstruct",
    "numpy._core._internal": "_convert_to_stringdtype_kwargs _reconstruct",
    "numpy.core._internal": "_reconstruct",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy.core._multiarray_umath": "_reconstruct scalar",
    "numpy._core._multiarray_umath": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    "numpy.ma.core": "MaskedConstant",
    "numpy.random": "__RandomState_ctor",
    "pandas": f"Interval Period PeriodDtype StringDtype CategoricalDtype IntervalDtype {PANDAS_OFFSETS}",
    "flax.core.frozen_dict": "FrozenDict",
    # Orders and weights of recursions, numbers that are converted as arrays are.
    "arch.univariate.recursions": "EGARCHUpdater EWMAUpdater FIGARCHUpdater HARCHUpdater MIDASUpdater",
    "flax.linen.module": "_get_unspecified_parent",
    "haiku._src.data_structures": "FlatMapping frozendict",
    # Queues of numbers, each made with its rate.
    "river.time_series.holt_winters": "AdditiveLevel AdditiveSeason MultiplicativeLevel MultiplicativeSeason Trend",
    # Dictionaries, whose constructors copy what they are given.
    "autogluon.core.models.abstract._auxiliary_params": "ParamsAuxDict",
    "autogluon.core.models.abstract._mutation_deprecated_dict": "ParamsDict",
    "mmcv.utils.config": "ConfigDict",
    "mmengine.config.config": "ConfigDict",
    "nltk.probability": "ConditionalFreqDist FreqDist",
    # What stands for the methods of a frozen graph: it raises.
    "networkx.classes.function": "frozen",
    # Shapes from their binary form, and an index of them.
    "shapely.io": "from_wkb",
    "shapely.strtree": "STRtree",
    # Calls what its keyword `klass` is, which only a partial can hold.
    "pandas.core.internals.blocks": "new_block",
    "pandas.core.arrays.string_": "StringDtype",
    "pandas._libs.internals": "BlockPlacement _unpickle_block",
    "pandas._libs.interval": "Interval",
    "pandas._libs.missing": "NAType",
    "pandas._libs.sparse": "BlockIndex IntIndex",
    # Under their names of 0.17 to 0.20, as those below.
    **dict.fromkeys(("pandas._libs.tslib", "pandas.tslib"), "Timedelta Timestamp __nat_unpickle"),
    **dict.fromkeys(("pandas._libs.period", "pandas._period"), "Period"),
    "pandas._sparse": "BlockIndex IntIndex",
    "pandas._libs.tslibs.nattype": "__nat_unpickle _nat_unpickle",
    "pandas._libs.tslibs.offsets": f"_delta_to_tick __pyx_unpickle_BaseOffset {PANDAS_OFFSETS}",
    "pandas.tseries.offsets": PANDAS_OFFSETS,
    "pandas._libs.tslibs.period": "Period",
    "pandas._libs.tslibs.timedeltas": "Timedelta _timedelta_unpickle",
    "pandas._libs.tslibs.timestamps": "Timestamp _unpickle_timestamp",
    "pandas._libs.tslibs.timezones": "tz_standardize",
    "pandas.core.dtypes.dtypes": "CategoricalDtype DatetimeTZDtype IntervalDtype PeriodDtype SparseDtype",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "pandas.core.internals": "BlockManager SingleBlockManager",
    "scipy.spatial._ckdtree": "cKDTree",
    "scipy.spatial.ckdtree": "cKDTree",
    "torch": f"Size device Generator dtype {TORCH_STORAGES} {TORCH_TENSORS}",
    "torch.cuda": f"{TORCH_STORAGES} {TORCH_TENSORS}",
    "torch._C": "Generator device",
    "torch._utils": (
        "_rebuild_device_tensor_from_cpu_tensor _rebuild_device_tensor_from_numpy _rebuild_meta_tensor_no_storage "
        "_rebuild_nested_tensor _rebuild_parameter _rebuild_qtensor _rebuild_sparse_csr_tensor _rebuild_sparse_tensor "
        "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_xla_tensor _rebuild_mlc_tensor"
    ),
    "torch.jit._pickle": (
        "build_boollist build_doublelist build_intlist build_tensor_from_id build_tensorlist restore_type_tag"
    ),
    "torch.nested._internal.nested_tensor": "_rebuild_njt",
    "torch.nn.parameter": "Buffer Parameter UninitializedBuffer UninitializedParameter",
    "torch.serialization": "_get_layout",
    "torch.storage": "TypedStorage UntypedStorage _TypedStorage _UntypedStorage",
    # Molecules, reactions and fingerprints from RDKit's own binary form, or a text of one.
    "rdkit.Chem.rdchem": "Mol RWMol",
    "rdkit.Chem.rdChemReactions": "ChemicalReaction",
    "rdkit.DataStructs.cDataStructs": (
        "ExplicitBitVect IntSparseIntVect LongSparseIntVect SparseBitVect UIntSparseIntVect ULongSparseIntVect"
    ),
    # As `sklearn.linear_model._sgd_fast` was called before 0.22: each takes a number.
    "sklearn.linear_model.sgd_fast": (
        "Classification EpsilonInsensitive Hinge Huber Log LossFunction ModifiedHuber Regression "
        "SquaredEpsilonInsensitive SquaredHinge SquaredLoss"
    ),
    # Compiled like those of scikit-learn, and a dictionary of numbers in Rust.
    "econml.tree._tree": "Tree",
    "river._river_rust.vectordict": "VectorDict",
    "dill._dill": "_create_lock _create_rlock",
    "dill.dill": "_create_lock",
}
"""Harmless with any arguments. `zip`, `enumerate` and the like only advance iterators, and none of those here calls."""

CALLABLE_COMPILED = (
    "sklearn._loss._loss", "sklearn.linear_model._sgd_fast", "sklearn.linear_model.sgd_fast", "sklearn.tree._tree",
    "sklearn.tree._criterion", "sklearn.tree._splitter", "sklearn.tree._utils", "sklearn.tree._partitioner",
    "sklearn.ensemble._hist_gradient_boosting._bitset", "sklearn.ensemble._hist_gradient_boosting.histogram",
    "sklearn.ensemble._hist_gradient_boosting.splitting", "sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree",
    "sklearn.neighbors._quad_tree", "sklearn.metrics._dist_metrics", "sklearn.utils._fast_dict",
    "sklearn.cluster._hierarchical_fast", "sklearn.decomposition._online_lda_fast",
    "numpy.random.bit_generator", "numpy.random._mt19937", "numpy.random._pcg64", "numpy.random._philox",
    "numpy.random._sfc64", "numpy.random._generator", "numpy.random.mtrand",
    "pandas._libs.arrays", "pandas._libs.interval", "pandas._libs.sparse", "pandas._libs.tslibs.dtypes",
    "statsmodels.tsa.statespace._initialization", "statsmodels.tsa.statespace._kalman_filter",
    "statsmodels.tsa.statespace._kalman_smoother", "statsmodels.tsa.statespace._representation",
    "statsmodels.tsa.statespace._simulation_smoother", "statsmodels.tsa.statespace._cfa_simulation_smoother",
    "scipy.spatial._ckdtree", "scipy.spatial.transform._rotation", "scipy.interpolate._rgi_cython",
    "torch.return_types",
)  # fmt: skip
"""Compiled modules whose classes may be called with any arguments: they check types and copy arrays."""

COMPILED_CLASSES: dict[str, str] = {
    # What `from __future__ import annotations` leaves in a module.
    "__future__": "_Feature",
    # Compiled functions of JAX, with the Python function that they hold, and the shapes of trees: filled by a literal
    # table, of which nothing is called before they are (pjit.cc and pytree.cc, from memory).
    **dict.fromkeys(("jaxlib._jax", "jaxlib.xla_extension"), "PjitFunction PjitFunctionCache"),
    **dict.fromkeys(("jaxlib._jax.pytree", "jaxlib.xla_extension.pytree"), "PyTreeDef"),
    # Dataclasses and spaces of parameters, without a hook (ray 2.60; most of that package deals in processes).
    **dict.fromkeys(
        ("ray.air.config", "ray.train"), "CheckpointConfig FailureConfig LoggingConfig RunConfig ScalingConfig"
    ),
    "ray.train.v2.api.config": "CheckpointConfig FailureConfig LoggingConfig RunConfig ScalingConfig",
    "ray.tune.search.sample": (
        "Categorical Categorical._Uniform Float Float._LogUniform Float._Normal Float._Uniform Function "
        "Function._CallSampler Integer Integer._LogUniform Integer._Uniform Quantized"
    ),
    # Keeps its values under weak references; a function in its state is called with such a reference.
    "weakref": "WeakKeyDictionary",
    # Comparing them compares what they hold; items of a feature structure are set in itself and in those within it.
    "nltk.featstruct": "FeatDict FeatStruct",
    "nltk.grammar": "ProbabilisticProduction",
    "nltk.tree": "Tree",
    "optuna.distributions": "CategoricalDistribution",
    # The setting of a compressor: five values and no hook. `tables.Leaf` is its module in files of PyTables 1, which
    # PyTables itself reads under the other name (attributeset.py, 3.11.1).
    **dict.fromkeys(("tables.Leaf", "tables.filters"), "Filters"),
    # Bits, without a hook for a state (bitarray 3.12.3, _bitarray.c).
    "bitarray": "bitarray frozenbitarray",
    "reprlib": "Repr",
    "river.neighbors.ann.swinn": "SWINN",
    # Not one has a hook; modules and classes of one name hide the bases from the script.
    **{
        f"tbats.{package}.{name}": name
        for package in ("abstract", "bats", "tbats")
        for name in (
            "Case Components Context MatrixBuilder MatrixBuilderCache Model ModelParams ParamsOptimizer SeedFinder"
        ).split()
    },
    **{f"tbats.{package}.{package.upper()}": package.upper() for package in ("bats", "tbats")},
    # What widgets of Orange keep of their settings: classes without a hook (Orange 3.40, orange-widget-base 4.28).
    **dict.fromkeys(("Orange.widgets.settings", "orangewidget.settings"), "Context"),
    **dict.fromkeys(("Orange.widgets.utils.filedialogs", "orangewidget.utils.filedialogs"), "RecentPath"),
    # Plain classes, dataclasses and dictionaries of packages that are not installed here: their documentation and saves
    # show no hook that loading calls; their source was not followed.
    **dict.fromkeys(("detectron2.config.config", "fvcore.common.config"), "CfgNode"),
    **dict.fromkeys(("apex.amp.scaler", "deepspeed.runtime.fp16.loss_scaler"), "DynamicLossScaler LossScaler"),
    **dict.fromkeys(
        (
            "keras.preprocessing.text",
            "keras.src.legacy.preprocessing.text",
            "keras.src.preprocessing.text",
            "keras_preprocessing.text",
            "tensorflow.python.keras.preprocessing.text",
            "tf_keras.preprocessing.text",
            "tf_keras.src.preprocessing.text",
        ),
        "Tokenizer",
    ),
    **{
        f"trl.trainer.{name.lower()}_config": f"{name}Config"
        for name in "BCO CPO DPO GKD GRPO KTO ORPO PPO PRM RLOO Reward SFT".split()
    },
    "deepspeed.utils.tensor_fragment": "fragment_address",
    # mmcv 1's, of which mmengine has the successor.
    "mmcv.utils.config": "ConfigDict",
    # Dataclasses of coqpit, whose hooks compare what is read with a text, and set what is put in as an attribute.
    "TTS.config.shared_configs": "BaseAudioConfig BaseDatasetConfig BaseTrainingConfig",
    "TTS.tts.configs.shared_configs": "BaseTTSConfig CapacitronVAEConfig CharactersConfig GSTConfig",
    "TTS.tts.configs.vits_config": "VitsConfig",
    "TTS.tts.configs.xtts_config": "XttsConfig",
    "TTS.tts.models.vits": "VitsArgs VitsAudioConfig",
    "TTS.tts.models.xtts": "XttsArgs XttsAudioConfig",
    # A text with a role and a source, and an index with methods of pandas: what their __new__ does is set those.
    "formulaic.utils.variables": "Variable",
    "sktime.forecasting.base._fh": "ForecastingHorizon",
    # Compiled distances of earlier versions, by the names that classes of other packages are refused under.
    **dict.fromkeys(
        ("hdbscan.dist_metrics", "sklearn.neighbors._dist_metrics", "sklearn.neighbors.dist_metrics"),
        "HammingDistance ManhattanDistance",
    ),
    # What a compiled module is wrapped in: closures of callbacks, which are called when the module is.
    "contextlib": "nullcontext",
    "torch._dynamo.convert_frame": "CatchErrorsWrapper ConvertFrame ConvertFrameAssert ConvertFrameBox",
    "torch._dynamo.hooks": "Hooks",
    "torch._dynamo.repro.after_dynamo": "WrapBackendDebug",
    # Its __setstate__ makes an empty one and assigns the fields, which converts dictionaries and checks types.
    "ml_collections.config_dict.config_dict": "ConfigDict",
    # Numbers that describe a type of numbers.
    **dict.fromkeys(("numpy.core.getlimits", "numpy._core.getlimits"), "MachArLike"),
    # Arrays of coordinates and values; what their __setstate__ does is assign four attributes (sparse 0.19, 0.15).
    **dict.fromkeys(("sparse._coo.core", "sparse.numba_backend._coo.core"), "COO"),
    **dict.fromkeys(("sparse._compressed.compressed", "sparse.numba_backend._compressed.compressed"), "GCXS"),
    **dict.fromkeys(("sparse._dok", "sparse.numba_backend._dok"), "DOK"),
    # Settings, arrays and a RandomState, without a hook (lightfm 1.17, from saves of it and its documentation).
    "lightfm.lightfm": "LightFM",
    "lightfm.data": "Dataset",
    # As DataFrame, Categorical and the indexes of later versions, which were read; these were not.
    "pandas.core.panel": "Panel",
    "pandas.core.categorical": "Categorical",
    **dict.fromkeys(("pandas.core.index", "pandas.indexes.api"), "Float64Index Index Int64Index MultiIndex"),
    "pandas.indexes.base": "Index",
    "pandas.indexes.category": "CategoricalIndex",
    "pandas.indexes.frozen": "FrozenList FrozenNDArray",
    "pandas.indexes.multi": "MultiIndex",
    "pandas.indexes.numeric": "Float64Index Int64Index UInt64Index",
    "pandas.indexes.range": "RangeIndex",
    "pandas.tseries.index": "DatetimeIndex",
    "pandas.tseries.period": "PeriodIndex",
    "pandas.tseries.tdi": "TimedeltaIndex",
    # What their __eq__, __getattr__, `add` and `append` do: compare texts, log, sort terms, note conditions.
    "ConfigSpace.configuration_space": "ConfigurationSpace",
    "neuralforecast.tsdataset": "TimeSeriesDataset",
    # Its __setstate__ makes a polynomial of coefficients.
    "darts.models.forecasting.fft": "FFT",
    # Classes of constraints without a state, whose bases are named by what they are types of.
    "pyro.distributions.constraints": "_SoftplusLowerCholesky _SoftplusPositive",
    # Their __new__ makes a tensor of numbers. Pipelines sort what they are given, and set it up.
    "fastai.torch_core": (
        "TensorBase TensorCategory TensorFlowField TensorImage TensorImageBW TensorImageBase TensorMask "
        "TensorMultiCategory"
    ),
    "fastai.vision.core": "TensorBBox TensorPoint",
    **dict.fromkeys(("fastcore.transform", "fasttransform.transform"), "Pipeline"),
    # Holds options; what it does to files, it does when somebody calls it.
    "fsspec.implementations.local": "LocalFileSystem",
    "cmdstanpy.compilation": "CompilerOptions",
    "cmdstanpy.stanfit.mle": "CmdStanMLE",
    "formulaic.formula": "SimpleFormula",
    "formulaic.parser.types.term": "Term",
    # Slots of graphs, whose length is counted from the nodes.
    "networkx.classes.reportviews": ("EdgeView InEdgeView InMultiEdgeView MultiEdgeView OutEdgeView OutMultiEdgeView"),
    # Size, mode, palette and raw bytes.
    "PIL.Image": "Image",
    "mlflow.models.signature": "ModelSignature _TypeHints",
    "mlflow.pyfunc.model": "ChatAgent ChatModel PythonModel PythonModelContext ResponsesAgent _FunctionPythonModel",
    "mlflow.types.schema": (
        "AnyType Array ColSpec Map Object ParamSchema ParamSpec Property Schema TensorInfo TensorSpec"
    ),
    "numba.core.registry": "CPUDispatcher",
    # Frames of Arrow's types; a LazyFrame may hold functions as pickles.
    "polars.dataframe.frame": "DataFrame",
    "polars.series.series": "Series",
    "pyannote.audio.core.model": "Introspection",
    "sentencepiece": "SentencePieceProcessor",
    "econml.tree._tree": "Tree",
    "river._river_rust.vectordict": "VectorDict",
    # Its __setstate__ makes compiled helpers of a sparse matrix, or is that of a plain class.
    "implicit.cpu.bpr": "BayesianPersonalizedRanking",
    "implicit.cpu.lmf": "LogisticMatrixFactorization",
    "implicit.nearest_neighbours": "BM25Recommender CosineRecommender ItemItemRecommender TFIDFRecommender",
    # Their __setstate__ looks a distribution up in a table of two and mixes it with a score into a new class.
    "ngboost.api": "NGBClassifier NGBRegressor NGBSurvival",
    # Its __getattr__ looks names up in the distribution of scipy that it holds.
    "ngboost.distns.normal": "Normal",
    # Types of columns, whose __eq__ compares types.
    "polars.datatypes.classes": (
        "Array Binary Boolean Categorical Categories Date Datetime Decimal Duration Enum Field Float32 Float64 Int128 "
        "Int16 Int32 Int64 Int8 List Null Object String Struct Time UInt16 UInt32 UInt64 UInt8 Unknown Utf8"
    ),
    "ngboost.ngboost": "NGBoost",
    "Bio.Align": "PairwiseAligner",
    "igraph": "Graph",
    "pydantic_core._pydantic_core": "MultiHostUrl Url",
    "polars.schema": "Schema",
    "thinc.backends.numpy_ops": "NumpyOps",
    # Slots of arrays; __eq__, which compares them element by element, is all that was not followed.
    "xarray.core.dataarray": "DataArray",
    "xarray.core.dataset": "Dataset",
    # How shap keeps what it explains: objects by name, of which `__getattr__` hands one out.
    "slicer.slicer": "Slicer",
    "slicer.slicer_internal": "Alias AliasLookup Obj",
    # Ordinary classes that Cython compiles.
    "surprise.prediction_algorithms.co_clustering": "CoClustering",
    "surprise.prediction_algorithms.matrix_factorization": "NMF SVD SVDpp",
    "surprise.prediction_algorithms.slope_one": "SlopeOne",
    "pyannote.audio.core.task": "Specifications",
    "builtins": f"object dict list set frozenset tuple int float complex str bytes bytearray bool {ERRORS}",
    "__builtin__": (
        f"object dict list set frozenset tuple int long float complex str unicode bytes bytearray bool {ERRORS}"
    ),
    "exceptions": ERRORS,
    # What it holds is examined as a file of its own.
    "_io": "BytesIO",
    # In the globals of functions that dill stores: made without a constructor they hold a name and a path.
    "_frozen_importlib": "ModuleSpec",
    "_frozen_importlib_external": "SourceFileLoader",
    "argparse": "Namespace",
    "calendar": "Calendar HTMLCalendar TextCalendar",
    "configparser": (
        "BasicInterpolation ConfigParser ConverterMapping ExtendedInterpolation Interpolation LegacyInterpolation "
        "RawConfigParser SectionProxy"
    ),
    "dataclasses": (
        "Field FrozenInstanceError InitVar KW_ONLY "
        "_DataclassParams _FIELD_BASE _HAS_DEFAULT_FACTORY_CLASS _MISSING_TYPE"
    ),
    "difflib": "Match SequenceMatcher",
    "email._policybase": "Compat32",
    "email.header": "Header",
    "email.message": "EmailMessage MIMEPart Message",
    "email.policy": "EmailPolicy",
    "graphlib": "TopologicalSorter _NodeInfo",
    "http.cookies": "BaseCookie Morsel SimpleCookie",
    "inspect": "BoundArguments Parameter Signature _empty",
    "json.encoder": "JSONEncoder",
    "logging": "Filter Formatter LogRecord PercentStyle StrFormatStyle StringTemplateStyle",
    "optparse": "Values",
    "sched": "Event",
    "statistics": "LinearRegression NormalDist",
    "textwrap": "TextWrapper",
    "tokenize": "TokenInfo",
    "urllib.parse": "DefragResult DefragResultBytes ParseResult ParseResultBytes SplitResult SplitResultBytes",
    "xml.etree.ElementTree": "Element ElementTree",
    "collections": "ChainMap Counter OrderedDict UserDict UserList UserString defaultdict deque",
    "UserDict": "UserDict",
    "datetime": "date datetime time timedelta timezone tzinfo",
    "decimal": "Context Decimal DecimalTuple",
    "fractions": "Fraction",
    "ipaddress": "IPv4Address IPv4Interface IPv4Network IPv6Address IPv6Interface IPv6Network",
    "json.decoder": "JSONDecodeError",
    "pathlib": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "pathlib._local": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "random": "Random",
    "string": "Formatter Template",
    "types": "SimpleNamespace",
    "typing": "Generic TypeVar ParamSpec",
    "uuid": "UUID",
    "zoneinfo": "ZoneInfo",
    "numpy": f"dtype ndarray matrix recarray record chararray poly1d vectorize errstate {NUMPY_SCALARS}",
    "numpy.dtypes": (
        "BoolDType ByteDType BytesDType CLongDoubleDType Complex128DType Complex64DType DateTime64DType Float16DType"
        " Float32DType Float64DType Int16DType Int32DType Int64DType Int8DType IntDType LongDType LongDoubleDType"
        " LongLongDType ObjectDType ShortDType StrDType StringDType TimeDelta64DType UByteDType UInt16DType UInt32DType"
        " UInt64DType UInt8DType UIntDType ULongDType ULongLongDType UShortDType VoidDType"
    ),
    "numpy.core.records": "recarray record",
    "numpy._core.records": "recarray record",
    "numpy.rec": "recarray record",
    "numpy.char": "chararray",
    "numpy.core.defchararray": "chararray",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.ma.core": "MaskedArray MaskedConstant mvoid",
    "numpy.ma.mrecords": "MaskedRecords",
    "numpy.ma": "MaskedArray",
    "numpy.lib.polynomial": "poly1d",
    "numpy.lib.function_base": "vectorize",
    "pandas._libs.internals": "Block BlockManager BlockPlacement NumpyBlock SharedBlock",
    "pandas._libs.interval": "Interval IntervalMixin",
    "pandas._libs.missing": "NAType",
    "pandas._libs.sparse": "BlockIndex IntIndex",
    "pandas._libs.tslibs.offsets": f"BaseOffset RelativeDeltaOffset {PANDAS_OFFSETS}",
    "pandas._libs.tslibs.period": "Period",
    "pandas._libs.tslibs.timedeltas": "Timedelta",
    "pandas._libs.tslibs.timestamps": "Timestamp",
    "pandas": f"DateOffset Interval Period Timedelta Timestamp {PANDAS_OFFSETS}",
    "pandas.core.internals.managers": "BaseBlockManager BlockManager SingleBlockManager",
    "scipy.interpolate._interpnd": "CloughTocher2DInterpolator LinearNDInterpolator NDInterpolatorBase",
    "scipy.interpolate.interpnd": "CloughTocher2DInterpolator LinearNDInterpolator NDInterpolatorBase",
    "scipy.spatial._qhull": "ConvexHull Delaunay HalfspaceIntersection Voronoi",
    "scipy.spatial.qhull": "ConvexHull Delaunay Voronoi",
    "scipy.spatial._ckdtree": "cKDTree cKDTreeNode",
    "torch": f"Generator ScriptObject Size Tensor device {TORCH_STORAGES} {TORCH_TENSORS}",
    "torch.cuda": f"{TORCH_STORAGES} {TORCH_TENSORS}",
    "torch._C": "Generator _VariableFunctionsClass",
    "torch._dynamo.decorators": "_DimRange",
    # Dataclasses and tuples of numbers and names; one hook compares enumerations, one looks groups up.
    **dict.fromkeys(("torch.distributed._tensor", "torch.distributed._tensor.api"), "DTensor"),
    "torch.distributed._mesh_layout": "_FlatLayout _MeshLayout",
    "torch.distributed._tensor.placement_types": "DTensorSpec Partial Replicate Shard TensorMeta _Partial",
    "torch.distributed.algorithms.join": "_JoinConfig",
    "torch.distributed.checkpoint.filesystem": "_StorageInfo _StoragePrefix",
    "torch.distributed.checkpoint.metadata": (
        "BytesStorageMetadata ChunkStorageMetadata Metadata MetadataIndex StorageMeta TensorProperties "
        "TensorStorageMetadata"
    ),
    "torch.distributed.device_mesh": "DeviceMesh",
    "torch.distributed.tensor": "DTensor",
    "torch.distributed.tensor._dtensor_spec": "DTensorSpec ShardOrderEntry TensorMeta",
    "torch.distributed.tensor.placement_types": "Partial Replicate Shard _MaskPartial _StridedShard",
    "torch.nested._internal.nested_tensor": "NestedTensor",
    "torch.nn.parameter": "Buffer Parameter UninitializedBuffer UninitializedParameter",
    "torch.torch_version": "TorchVersion",
    "tokenizers": "AddedToken Encoding Regex Tokenizer",
    "tokenizers.models": "BPE Model Unigram WordLevel WordPiece",
    "tokenizers.decoders": (
        "BPEDecoder ByteFallback ByteLevel CTC Decoder Fuse Metaspace Replace Sequence Strip WordPiece"
    ),
    "tokenizers.normalizers": (
        "BertNormalizer ByteLevel Lowercase NFC NFD NFKC NFKD Nmt Normalizer Precompiled Prepend Replace Sequence "
        "Strip "
        "StripAccents"
    ),
    "tokenizers.pre_tokenizers": (
        "BertPreTokenizer ByteLevel CharDelimiterSplit Digits FixedLength Metaspace PreTokenizer Punctuation Sequence "
        "Split UnicodeScripts Whitespace WhitespaceSplit"
    ),
    "tokenizers.processors": "BertProcessing ByteLevel PostProcessor RobertaProcessing Sequence TemplateProcessing",
    "tokenizers.trainers": "BpeTrainer Trainer UnigramTrainer WordLevelTrainer WordPieceTrainer",
    "gym.spaces.box": "Box",
    "gym.spaces.dict": "Dict",
    "gym.spaces.discrete": "Discrete",
    "gym.spaces.multi_binary": "MultiBinary",
    "gym.spaces.multi_discrete": "MultiDiscrete",
    "gym.spaces.space": "Space",
    "gym.spaces.tuple": "Tuple",
    "fairseq.data.dictionary": "Dictionary",
    "lightgbm.basic": "Booster",
    "xgboost.core": "Booster",
    "catboost.core": "CatBoost CatBoostClassifier CatBoostRanker CatBoostRegressor _CatBoostBase",
    "joblib.numpy_pickle": "NDArrayWrapper NumpyArrayWrapper ZNDArrayWrapper",
    "joblib.numpy_pickle_compat": "NDArrayWrapper ZNDArrayWrapper",
    "sklearn.externals.joblib.numpy_pickle": "NDArrayWrapper NumpyArrayWrapper ZNDArrayWrapper",
    "sklearn.externals.joblib.numpy_pickle_compat": "NDArrayWrapper ZNDArrayWrapper",
}
"""Builtin or compiled classes, and classes whose load hooks the AST check refuses but a person accepts."""

ARGUMENT_RULES: dict[str, str] = {
    "_codecs.encode": "text-codec",
    "__builtin__.getattr": "getattr",
    "__builtin__.reduce": "union-type",
    "builtins.getattr": "getattr",
    "dill._dill._get_attr": "getattr",
    "__builtin__.iter": "one-argument",
    "builtins.iter": "one-argument",
    "__builtin__.type": "one-datum",
    "builtins.type": "one-datum",
    **{
        f"{module}.{name}": "data-arguments"
        for module in ("builtins", "__builtin__")
        for name in ("bool", "dict", "float", "int", "str")
    },
    **{
        f"{module}.{name}": "sequence-arguments"
        for module in ("builtins", "__builtin__")
        for name in ("list", "tuple")
    },
    "__builtin__.long": "data-arguments",
    # Bits: their class and their bytes, which are copied (bitarray 3.12.3, _bitarray.c); earlier versions call the
    # class with its bytes (from memory).
    "bitarray.bitarray": "data-arguments",
    "bitarray.frozenbitarray": "data-arguments",
    "bitarray._bitarray._bitarray_reconstructor": "class-first",
    "__builtin__.unicode": "data-arguments",
    "collections.defaultdict": "callable-first",
    "collections._tuplegetter": "data-arguments",
    "functools.lru_cache": "cached-function",
    "functools.partial": "callable-first",
    "types.MethodType": "callable-first",
    "builtins.classmethod": "callables",
    "builtins.property": "callables",
    "builtins.staticmethod": "callables",
    "torch.fx.graph_module.reduce_graph_module": "graph-code",
    "torch.fx.graph_module.reduce_package_graph_module": "graph-code",
    "_functools.reduce": "union-type",
    "functools.reduce": "union-type",
    "operator.attrgetter": "held-names",
    "operator.itemgetter": "held-names",
    "operator.methodcaller": "held-method",
    "_operator.getitem": "typing-subscript",
    "operator.getitem": "typing-subscript",
    "copy_reg._reconstructor": "reconstructor",
    "copyreg._reconstructor": "reconstructor",
    "copy_reg.__newobj__": "class-first",
    "copyreg.__newobj__": "class-first",
    "copyreg.__newobj_ex__": "class-first",
    **{
        f"{package}cloudpickle.cloudpickle.{name}": rule
        for package in ("", "joblib.externals.", "numba.", "ray.")
        for name, rule in (("_builtin_type", "type-by-name"), ("subimport", "module-by-name"))
    },
    "dill._dill._load_type": "type-by-name",
    "dill.dill._load_type": "type-by-name",
    "dill._dill._eval_repr": "literal-repr",
    "dill.dill._eval_repr": "literal-repr",
    "dill._dill._import_module": "module-by-name",
    "dill._dill._create_array": "calls-0-with-1",
    "dill._dill._create_ftype": "made-partial",
    "dill.dill._create_ftype": "made-partial",
    "torch._tensor._rebuild_from_type": "calls-0-with-2",
    "torch._tensor._rebuild_from_type_v2": "calls-0-with-2",
    "torch.tensor._rebuild_from_type": "calls-0-with-2",
    "torch._utils._rebuild_parameter_with_state": "setattr-state",
    "torch._utils._rebuild_wrapper_subclass": "class-first",
    "torch.storage._load_from_bytes": "nested-file",
    "torch._dynamo.eval_frame.OptimizeContext": "compiled-context",
    "torch._dynamo.eval_frame.OptimizedModule": "compiled-module",
    **{
        f"{module}.saving.pickle_utils.deserialize_model_from_bytecode": "nested-file"
        for module in ("keras", "keras.src", "tensorflow.python.keras", "tf_keras.src")
    },
    # The state of a vocabulary and of a document: what dill or cloudpickle wrote, beside arrays and texts.
    # Calls the methods of patterns on the exceptions that it is given.
    "spacy.tokenizer.Tokenizer": "bound-patterns",
    "pyarrow._fs.FileSystem._from_uri": "local-uri",
    "astropy.units.core._recreate_irreducible_unit": "same-package",
    "spacy.vocab.unpickle_vocab": "nested-pickle-4",
    "spacy.tokens.doc.unpickle_doc": "nested-pickle-1",
    # Whatever travels as a pickle inside of a pickle: cloudpickle's and joblib's `loads` are the first of these.
    **dict.fromkeys(("_pickle.loads", "pickle.loads", "cPickle.loads", "cloudpickle.loads"), "nested-pickle"),
    **dict.fromkeys(("cloudpickle.cloudpickle.loads", "dill.loads", "dill._dill.loads"), "nested-pickle"),
    "deap.creator.meta_create": "created-class",
    "diffusers.configuration_utils.FrozenDict": "data-arguments",
    "fsspec.spec.make_instance": "local-files",
    # What estimators of scikit-learn before 0.19 keep for each fit; joblib before 0.12 makes it anew.
    "joblib.memory.Memory": "no-folder",
    "sklearn.externals.joblib.memory.Memory": "no-folder",
    "hdbscan.dist_metrics.newObj": "same-package",
    "regex._regex.compile": "data-arguments",
    "torch_geometric.data.batch.DynamicInheritanceGetter.__call__": "same-package",
    "jax._src.array._reconstruct_array": "calls-0-with-1",
    "jax._src.device_array.reconstruct_device_array": "calls-0-with-1",
    "numba.core.serialize._unpickle__CustomPickled": "nested-file",
    "numba.core.serialize.custom_rebuild": "same-package",
    "numpy.core._ufunc_reconstruct": "global-by-name",
    "numpy._core._ufunc_reconstruct": "global-by-name",
    "numpy.ma.core._mareconstruct": "same-package",
    "numpy.ma.mrecords._mrreconstruct": "same-package",
    **{
        f"numpy.random._pickle.{name}": "same-package"
        for name in ("__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor")
    },
    **{
        f"pandas.core.indexes.{path}": "same-package"
        for path in (
            "base._new_Index", "datetimes._new_DatetimeIndex", "interval._new_IntervalIndex",
            "period._new_PeriodIndex", "timedeltas._new_TimedeltaIndex",
        )
    },
    **dict.fromkeys(
        (
            "pandas.core.index._new_Index", "pandas.indexes.base._new_Index", "pandas.tseries.index._new_DatetimeIndex",
            "pandas.tseries.period._new_PeriodIndex",
        ),
        "same-package",
    ),
    "dateutil.tz._tzfile._unpickle": "same-package",
    **{
        f"sklearn.{module}.newObj": "same-package"
        for module in (
            "metrics._dist_metrics", "neighbors._ball_tree", "neighbors._dist_metrics", "neighbors._kd_tree",
            "neighbors.ball_tree", "neighbors.dist_metrics", "neighbors.kd_tree",
        )
    },
}  # fmt: skip
"""Callable → the rule under which it is harmless; :mod:`scripts.inert.rules` states them."""

REFUSED: dict[str, str] = {
    # They import what their state names, when a configuration of mmengine is asked for them.
    "mmengine.config.lazy": "LazyAttr LazyObject",
}
"""Classes that pass the check and are refused all the same."""

STATE_RULES: dict[str, str] = {
    # Functions that make environments, by cloudpickle.
    "gym.vector.utils.misc.CloudpickleWrapper": "state-pickle",
    "gymnasium.vector.utils.misc.CloudpickleWrapper": "state-pickle",
    "stable_baselines3.common.vec_env.base_vec_env.CloudpickleWrapper": "state-pickle",
    "functools.cached_property": "held-functions",
    "functools.partial": "callable-first",
    "functools.partialmethod": "held-functions",
    "joblib.numpy_pickle.NDArrayWrapper": "file-beside",
    "joblib.numpy_pickle.ZNDArrayWrapper": "file-beside",
    "joblib.numpy_pickle_compat.NDArrayWrapper": "file-beside",
    "joblib.numpy_pickle_compat.ZNDArrayWrapper": "file-beside",
    "lightgbm.basic.Booster": "raw-handle",
    # Reads its trees from JSON, in Rust.
    "perpetual.booster.PerpetualBooster": "plain-state",
    # A text is the name of an encoding, which is fetched from the network.
    "tiktoken.core.Encoding": "plain-state",
    "sklearn.externals.joblib.numpy_pickle.NDArrayWrapper": "file-beside",
    "sklearn.externals.joblib.numpy_pickle.ZNDArrayWrapper": "file-beside",
    "sklearn.externals.joblib.numpy_pickle_compat.NDArrayWrapper": "file-beside",
    "sklearn.externals.joblib.numpy_pickle_compat.ZNDArrayWrapper": "file-beside",
    "xgboost.core.Booster": "raw-handle",
}
"""Class → the rule for the state that it is given."""

RULE_BASES: dict[str, str] = {
    "scipy.stats._distn_infrastructure.rv_generic": "distribution-state",
    "statsmodels.base.data.ModelData": "formula-state",
}
"""Classes whose subclasses all carry a rule for their state, because the state of these is executed or evaluated."""

RULED_HOOKS: dict[str, str] = {
    # Sets the state of generators of numbers, of a class that the state names.
    "ctgan.synthesizers.base.BaseSynthesizer.__setstate__": "plain-state",
    "darts.models.forecasting.torch_forecasting_model.TorchForecastingModel.__setstate__": "local-folder",
    "e3nn.util.codegen._mixin.CodeGenMixin.__setstate__": "nested-state",
    **{
        f"flax.nnx.variablelib.Variable.{hook}": "plain-metadata"
        for hook in ("__setattr__", "__getattr__", "__setitem__", "__len__")
    },
    "hyperopt.pyll.base.Apply.__setstate__": "uncompiled-state",
    "kornia.augmentation._2d.intensity.base._PicklableCompileMixin.__setstate__": "uncompiled-state",
    "skorch.net.NeuralNet.__setstate__": "nested-state",
    "tensordict.nn.common.TensorDictModule.__setstate__": "pickled-module",
    "tsfresh.feature_extraction.settings.PickableSettings.__setstate__": "pickled-keys",
}
"""Hooks that only load a file, compile, or open a file system, all as the state says: a class that passes
but for one of these is taken under the rule for its state."""

ENUMS: dict[str, str] = {
    "http": "HTTPMethod HTTPStatus",
    "inspect": "_ParameterKind",
    "re": "RegexFlag",
    "deepspeed.runtime.zero.config": "ZeroStageEnum",
    "Orange.widgets.visualize.ownomogram": "SortBy",
    "PIL.Image": "Dither Palette Quantize Resampling Transform Transpose",
    "megatron.core.dist_checkpointing.validation": "StrictHandling",
    "megatron.core.enums": "Fp4Recipe Fp8Recipe ModelType",
    "megatron.core.rerun_state_machine": "RerunDiagnostic RerunMode RerunState RerunValidationStatus",
    "megatron.core.transformer.enums": "AttnBackend AttnMaskType AttnType CudaGraphScope LayerType",
    "mlflow.types.schema": "DataType",
    "pyannote.audio.core.task": "Problem Resolution",
    "torch.distributed.checkpoint.metadata": "_MEM_FORMAT_ENCODING",
    "uuid": "SafeUUID",
    "regex._regex_core": "RegexFlag",
    "pandas._libs.tslibs.dtypes": "FreqGroup Resolution",
    "pandas._libs.lib": "_NoDefault",
}
"""Enum classes of the standard library and of compiled modules."""

HELD: dict[str, str] = {
    "ml_dtypes": "*",
    "builtins": (
        "Ellipsis NoneType NotImplemented abs all any ascii bin bool bytearray bytes callable chr complex dict divmod "
        "enumerate filter"
        " float format frozenset hasattr "
        "hash hex id int isinstance issubclass iter len list map max min next object oct "
        "ord pow print"
        " property range repr reversed round set slice sorted str sum super tuple type zip classmethod staticmethod"
    ),
    "pyarrow": "NA",
    "Orange.data.variable": "ContinuousVariable DiscreteVariable StringVariable TimeVariable",
    "pyarrow._compute": "Expression",
    "pyarrow._dataset_parquet": "ParquetFragmentScanOptions",
    "pyarrow._fs": "FileSystem",
    "pyarrow.lib": "CacheOptions",
    "_operator": "*",
    "operator": "*",
    "cmath": "*",
    "math": "*",
    "numbers": "*",
    "typing": (
        "* _ProtocolMeta _TypedDictMeta _allow_reckless_class_checks _dict_new _get_protocol_attrs "
        "_is_callable_members_only "
        "_no_init_or_replace_init"
    ),
    "typing_extensions": "*",
    "collections.abc": "*",
    "dataclasses": (
        "FrozenInstanceError InitVar KW_ONLY MISSING asdict astuple dataclass field fields is_dataclass replace "
        "_dataclass_getstate _dataclass_setstate "
        "_FIELD _FIELD_CLASSVAR _FIELD_INITVAR _HAS_DEFAULT_FACTORY _KW_ONLY_TYPE _replace"
    ),
    "attr._make": "__ne__ _frozen_delattrs _frozen_setattrs",
    "dill._dill": "_setitems",
    "enum": "Enum EnumMeta EnumType Flag IntEnum IntFlag StrEnum auto",
    "enum.Enum": "__format__ __new__ __repr__ __str__ _generate_next_value_",
    "abc": "ABC ABCMeta",
    "copy": "copy deepcopy",
    "datetime": "*",
    "decimal": "*",
    "statistics": "*",
    "string": "*",
    "textwrap": "dedent fill indent shorten wrap",
    "unicodedata": "*",
    "re": "compile escape findall fullmatch match search split sub",
    "time": "*",
    "types": "NoneType EllipsisType NotImplementedType MappingProxyType",
    "_thread": "get_ident",
    "contextlib": (
        "* _AsyncGeneratorContextManager _BaseExitStack _GeneratorContextManager _GeneratorContextManagerBase "
        "_RedirectStream"
    ),
    "enum.Flag": "_generate_next_value_",
    "reprlib": "* _possibly_sorted",
    "reprlib.Repr": "repr",
    "functools": "cmp_to_key lru_cache partial reduce total_ordering wraps",
    "itertools": "*",
    "heapq": "*",
    "bisect": "*",
    "random": "*",
    "nltk.tokenize": "*",
    "zlib": "adler32 crc32",
    "collections.abc.MutableMapping": "clear",
    "jaxlib.utils": "safe_map safe_zip",
}
"""What a save may reference without calling it: functions of data, as callbacks, metrics and factories."""

CYTHON_PACKAGES = "hdbscan numpy pandas pyarrow scipy sklearn spacy statsmodels"

_SHAPES = r"(?:[^\W\d]\w*, )*"
_LOCATION = r"loc=0(?:, scale=1)?"
_VALUES = r"loc, (?:scale|1)"
DISTRIBUTION_TEMPLATE = (
    rf"\ndef _parse_args\(self, {_SHAPES} {_LOCATION}\):\n    return \({_SHAPES}\), {_VALUES}\n"
    rf"\ndef _parse_args_rvs\(self, {_SHAPES} {_LOCATION}, size=None\):\n"
    rf"    return self\._argcheck_rvs\({_SHAPES} {_VALUES}, size=size\)\n"
    rf"\ndef _parse_args_stats\(self, {_SHAPES} {_LOCATION}, moments='mv'\):\n"
    rf"    return \({_SHAPES}\), {_VALUES}, moments\n"
)
"""What scipy makes of the shapes of a distribution, as a pattern (`parse_arg_template` of `_distn_infrastructure`)."""

CALLABLE_BASES = ("transformers.utils.generic.ModelOutput", "transformers.file_utils.ModelOutput")
"""Classes whose subclasses are saved as a call of the class with its fields, which only stores them."""
