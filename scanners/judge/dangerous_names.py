"""Callables that no model file has a reason to call, by family: packages by prefix, and single names of mixed modules.

Sources: CPython's audit events and Bandit's blacklists for the standard library; CVE-2025-10157 (submodules of a listed
package), CVE-2025-1716 (pip.main), picklescan and fickling advisories of 2025; arXiv 2508.19774 (library gadgets).
`inert_names` takes precedence, so that an enumeration of `http` or a class of `pathlib` stays inert.
"""

from __future__ import annotations

from functools import cache

from modelsweep.core import patterns as re

# Family -> dotted prefixes: everything at or below them. Words that people name their own packages by are left out.
PACKAGES: dict[str, str] = {
    "command execution": """
        PIL.ImageShow git.cmd git.repo invoke.runners matplotlib.texmanager setuptools._distutils.spawn
        _aix_support _bootsubprocess _pyrepl.pager _winapi concurrent.futures.process distutils.spawn fabric
        joblib.externals.loky joblib.testing mailcap msvcrt multiprocessing nt numpy.distutils.exec_command os
        paramiko pexpect pipes plumbum posix posixsubprocess psutil.Popen pty ptyprocess subprocess
        sympy.utilities._compilation torch.distributed.elastic torch.distributed.launch torch.distributed.rpc
        torch.distributed.run torch.multiprocessing torch.utils.bottleneck torch.utils.collect_env win32api
        win32com win32process winreg winrm
        aiobotocore.credentials anyio.open_process anyio.run_process botocore.credentials click.edit
        click.launch click.termui nltk.internals trio.open_process trio.run_process
        accelerate.commands airflow.operators.bash airflow.providers.standard.operators.bash ansible conda.cli
        git.Repo matplotlib.testing popen2 ray._private.runtime_env ray._private.services ray.autoscaler
        snakemake.shell torch.backends.xeon typer.launch
    """,
    "code execution": """
        cupy.RawKernel cupy.RawModule detectron2.config.lazy hyperpyyaml mmengine.config mmcv.utils.config
        torch._export.serde torch.fx._lazy_graph_module torch.distributed.launcher torch.distributed.nn.jit
        torch.utils.show_pickle torch.utils.hipify triton.compiler triton.runtime tvm.runtime.load_module
        langchain_experimental.utilities.python langchain_experimental.tools.python langchain.utilities.python
        langchain_community.tools.shell langchain.tools.shell langchain_community.utilities.bash
        langchain.utilities.bash langchain_experimental.llm_bash langchain_experimental.pal_chain
        llama_index.tools.code_interpreter smolagents.local_python_executor
        Cython IPython _cffi_backend _frozen_importlib _frozen_importlib_external _imp _interpreters _pytest
        _testcapi _testinternalcapi _xxsubinterpreters antigravity bdb cProfile cffi click.testing compileall
        concurrent.interpreters ctypes cython dill.source dill.temp doctest execnet faulthandler idlelib
        importlib ipykernel jinja2 jupyter_client lib2to3 logging.config mako marshal modulefinder nbconvert
        nbformat nose nose2 numba.core.typing numexpr numpy.ctypeslib numpy.distutils numpy.f2py numpy.testing
        pandas.core.computation pandas.eval patsy.eval pdb pkgutil profile py_compile pydoc pytest pyximport
        rlcompleter runpy scipy.weave sitecustomize sklearn.utils._testing sympy.core.sympify
        sympy.external.importtools sympy.lambdify sympy.parsing sympy.plotting.experimental_lambdify
        sympy.printing.preview sympy.sympify sympy.testing sympy.utilities.autowrap sympy.utilities.lambdify
        sympy.utilities.matchpy_connector sympy.utilities.source timeit tkinter torch._dynamo torch._inductor
        torch._ops torch.fx.experimental torch.jit torch.ops torch.package torch.testing
        torch.utils.cpp_extension torch.utils.data.datapipes.utils turtle turtledemo unittest venv virtualenv
        zipapp zipimport
        codeop dask.core.get dask.local dask.threaded joblib.parallel.BatchedCalls
        bpython cppyy dukpy execjs ipdb jpype js2py llvmlite.binding lupa matlab.engine oct2py ptpython
        py_mini_racer pycuda.compiler quickjs rpy2.rinterface.evalr rpy2.robjects.R rpy2.robjects.r spacy.load
        RestrictedPython airflow.operators.python asteval chameleon dask.compatibility.apply dask.multiprocessing.get
        dask.utils.apply distributed.preloading distributed.utils.import_file distributed.worker.apply_function dl
        genshi.template ihooks imputil jaxlib.xla_client.load_pjrt_plugin_dynamically numpy.test pandas.test
        pandas.util._tester pyopencl.Program ray.util.debugpy ray.util.rpdb rexec scipy.test
        transformers.agents.python_interpreter transformers.tools.python_interpreter torch.utils.benchmark.Timer
        torch.utils.benchmark.utils.cpp_jit torch.utils.benchmark.utils.timer.Timer
        torch.utils.benchmark.utils.valgrind_wrapper
        spacy.util.load_model xonsh
    """,
    "package installation": """
        mmengine.utils.package_utils spacy.cli ultralytics.utils.checks wheel
        distutils easy_install ensurepip pip pip._internal pkg_resources setuptools
    """,
    "network access": """
        celery dns elasticsearch evaluate.loading gdown google.cloud kubernetes nltk.downloader psycopg2 pymongo pymysql
        gensim.downloader grequests httplib2 mechanize nltk.download pycurl requests_html seaborn.load_dataset
        stanza.download treq datasets.load_dataset pyngrok tensorflow_hub.load torchvision.datasets.utils
        uvicorn.Server uvicorn.main uvicorn.run uvicorn.server uvicorn.supervisors uvicorn.workers
        redis sqlalchemy.create_engine torch.utils.model_zoo ultralytics.utils.downloads wget
        aiohttp asynchat asyncore boto3 botocore django flask fsspec ftplib gcsfs gradio http.client http.server
        httplib httpx huggingface_hub imaplib keras.src.utils.file_utils keras.utils.get_file
        mlflow.artifacts mlflow.deployments mlflow.gateway mlflow.projects mlflow.store mlflow.tracking nntplib
        poplib pysftp requests s3fs smtpd smtplib socket socketserver ssl telnetlib tensorflow.keras.utils.get_file
        selenium torch.hub tornado transformers.utils.hub twisted urllib.URLopener urllib.request urllib.robotparser
        urllib2 urllib3 uuid._get_command_stdout wandb webbrowser websocket websockets wsgiref xmlrpc
    """,
    "file access": """
        cv2.VideoCapture cv2.VideoWriter cv2.imread cv2.imwrite imageio imghdr librosa.load logging.basicConfig
        numpy.core.multiarray.fromfile numpy._core.multiarray.fromfile numpy.core.records.fromfile
        numpy.rec.fromfile numpy.ndarray.tofile numpy.ma.mrecords numpy.lib._npyio_impl patoolib py7zr
        pyarrow.parquet pyclbr rarfile scipy.sparse._matrix_io scipy.sparse.load_npz skimage.io sndhdr soundfile
        xml.dom.expatbuilder xml.dom.pulldom
        PIL.Image.open _pyio aifc bz2.BZ2File bz2.open codecs.open compression dbm distutils.file_util filecmp
        fileinput glob gzip gzip.open h5py io.FileIO io.OpenWrapper io.open io.open_code linecache
        logging.FileHandler logging.handlers lzma.LZMAFile lzma.open mailbox mmap netrc numpy.DataSource
        numpy.fromfile numpy.genfromtxt numpy.lib._datasource numpy.lib.format numpy.lib.npyio numpy.load
        numpy.loadtxt numpy.memmap numpy.save numpy.savetxt numpy.savez pandas.io pandas.read_csv
        pandas.read_hdf pandas.read_json pandas.read_pickle pandas.read_sql pandas.read_table scipy.io shelve
        shutil sqlite3 sunau tarfile tempfile tokenize.open wave xml.etree.ElementInclude zipfile
        http.cookiejar joblib._store_backends joblib.memory joblib.Memory numpy.fromregex pandas.ExcelFile
        pandas.ExcelWriter pandas.HDFStore tensorflow.compat.v1.gfile tensorflow.python.lib.io
        tensorflow.python.platform.gfile torch.save uu
        bsddb click.open_file click.utils.open_file dotenv smart_open
    """,
    "deserialisation": """
        datasets.load fairseq.checkpoint_utils fastai.learner.load_learner fasttext.load_model gensim.utils.unpickle
        joblib.numpy_pickle_utils keras.src.saving.saving_api keras.src.saving.saving_lib.load_model
        keras.src.saving.serialization_lib.enable_unsafe_deserialization keras.src.utils.python_utils.func_load
        kombu.serialization mlflow.pyfunc.load_model mlflow.sklearn.load_model mlflow.pytorch.load_model
        networkx.read_gpickle networkx.readwrite.gpickle nltk.data onnxruntime.InferenceSession
        distributed.protocol.deserialize distributed.protocol.pickle gensim.utils.SaveLoad.load
        lightning.fabric.utilities.cloud_io lightning_fabric.utilities.cloud_io pandas._testing.round_trip_pickle
        pytorch_lightning.utilities.cloud_io ray._private.serialization
        polars.DataFrame.deserialize polars.LazyFrame.deserialize pstats pyarrow.deserialize
        pyspark.serializers ruamel.yaml.load ruamel.yaml.load_all ruamel.yaml.main statsmodels.iolib.smpickle
        tensorflow.keras.models.load_model
        tensorflow.load_library tensorflow.load_op_library tensorflow.python.framework.load_library
        tensorflow.python.saved_model torch._C.import_ir_module torch._C.PyTorchFileReader torch.export.load
        _pickle cPickle cloudpickle.load cloudpickle.loads copyreg.add_extension copyreg.pickle dill._dill.load
        dill._dill.loads dill.load dill.load_module dill.load_module_asdict dill.load_session dill.loads
        dill.session joblib.load joblib.numpy_pickle.NumpyUnpickler joblib.numpy_pickle.load
        joblib.numpy_pickle_compat jsonpickle keras.models.load_model keras.saving pandas.compat.pickle_compat
        pickle pickletools sklearn.datasets tensorflow.io tensorflow.saved_model torch.load torch.serialization
        torch.storage.UntypedStorage.from_file tracemalloc.Snapshot xgboost.core.Booster.load_model yaml
        skops.io torch._export torch.distributed.checkpoint.format_utils torch.distributed.checkpoint.load
        torch.distributed.distributed_c10d._tensor_to_object
    """,
    "interpreter internals": """
        _thread atexit builtins.__dict__ ctypes.util curses fcntl gc readline resource signal sys syslog termios
        threading tty
    """,
}
# Family -> single names whose siblings are harmless.
NAMES: dict[str, str] = {
    "command execution": """
        _osx_support._read_output asyncio.base_events asyncio.create_subprocess_exec
        asyncio.create_subprocess_shell asyncio.get_event_loop asyncio.run asyncio.subprocess
        asyncio.unix_events commands.getoutput commands.getstatusoutput docker.from_env git.cmd invoke.Context
        invoke.run platform._syscmd_file platform._syscmd_ver platform.popen popen2.popen2 popen2.popen3
        sh.Command uuid._popen
        _osx_support._find_build_tool _osx_support._find_executable asyncio.events asyncio.new_event_loop
        uuid._arp_getnode uuid._find_mac_near_keyword uuid._find_mac_under_heading uuid._ifconfig_getnode
        uuid._ip_getnode uuid._lanscan_getnode uuid._netstat_getnode
    """,
    "code execution": """
        asyncio.open_connection asyncio.runners.run asyncio.start_server cgitb.enable codecs.register
        _codecs.register concurrent.futures.thread._WorkItem new.code new.function
        omegaconf.OmegaConf.register_new_resolver omegaconf.omegaconf.OmegaConf.register_new_resolver
        symtable.symtable sysconfig._init_posix tabnanny.check torch.fx.graph_module._exec_with_source
        tensorflow.python.ops.script_ops tensorflow.py_function tensorflow.numpy_function types.CoroutineType
        annotationlib.ForwardRef.evaluate builtins.breakpoint builtins.compile builtins.eval builtins.exec
        builtins.execfile builtins.exit builtins.help builtins.input builtins.quit cProfile.run
        code.InteractiveConsole code.InteractiveInterpreter code.compile_command code.interact
        codeop.compile_command collections.namedtuple dataclasses.make_dataclass dill._dill._eval_repr
        dill._dill._getattr dill.dill._eval_repr dill.dill._getattr encodings.search_function fire.Fire
        functools.singledispatch gettext.c2py hydra._internal.instantiate hydra.utils.call hydra.utils.get_method
        hydra.utils.get_object hydra.utils.instantiate fire.core.Fire weave.inline scrapy.cmdline.execute
        gunicorn.util.import_app imp.load_compiled imp.load_dynamic imp.load_module
        imp.load_package imp.load_source numpy.core._internal._dtype_from_pep3118 optparse.Values.read_file
        optparse.Values.read_module pandas.DataFrame.eval pandas.DataFrame.query
        pandas.core.frame.DataFrame.eval pandas.core.frame.DataFrame.query profile.Profile profile.run
        profile.runctx py._path py.process site.addpackage site.addsitedir site.execsitecustomize site.main
        test.libregrtest test.support torch._C._cuda_getDevice torch._classes torch.classes
        torch.cuda.nvtx torch.fx._symbolic_trace
        torch.fx.graph_module._forward_from_src torch.utils._config_module.ConfigModule.load_config trace.Trace
        trace.main types.FunctionType types.LambdaType typing.ForwardRef._evaluate
        typing._eval_type typing.get_type_hints
        annotationlib.call_annotate_function annotationlib.call_evaluate_function annotationlib.get_annotations
        asyncio.open_unix_connection asyncio.start_unix_server asyncio.streams dataclasses._create_fn
        inspect._signature_fromstr inspect.get_annotations torch.fx.graph_module._method_from_src
        future.utils.exec_ six.exec_
        typing.evaluate_forward_ref hydra.core.utils.configure_log hydra.core.utils.run_job
        omegaconf.OmegaConf.legacy_register_resolver omegaconf.OmegaConf.register_resolver
        omegaconf.omegaconf.OmegaConf.legacy_register_resolver omegaconf.omegaconf.OmegaConf.register_resolver
    """,
    "import": """
        allennlp.common.util.import_module_and_submodules dask.utils.import_required werkzeug.utils.import_string
        gunicorn.util.load_class pyramid.util.DottedNameResolver ray._private.utils.load_class zope.dottedname.resolve
        django.utils.module_loading.import_string importlib_metadata.EntryPoint
        builtins.__import__ builtins.reload cloudpickle.cloudpickle.subimport dill._dill._create_capsule
        dill._dill._import_module hydra._internal.utils._locate hydra.utils._locate hydra.utils.get_class
        hydra.utils.get_static_method imp.reload transformers.dynamic_module_utils
        transformers.utils.import_utils._LazyModule transformers.utils.import_utils.create_import_structure_from_path
        kombu.utils.imports.symbol_by_name kombu.utils.symbol_by_name wrapt.importer.resolve_path
        wrapt.patches.resolve_path wrapt.resolve_path wrapt.wrappers.resolve_path
        transformers.utils.import_utils.direct_transformers_import warnings._getcategory xml.dom.domreg
    """,
    "file access": """
        _io.FileIO _io.open _io.open_code argparse.FileType builtins.file builtins.open pathlib.Path.chmod
        pathlib.Path.mkdir pathlib.Path.open pathlib.Path.read_bytes pathlib.Path.read_text pathlib.Path.rename
        pathlib.Path.rmdir pathlib.Path.symlink_to pathlib.Path.touch pathlib.Path.unlink
        pathlib.Path.write_bytes pathlib.Path.write_text pathlib.Path.replace
        pathlib.Path.hardlink_to pathlib.Path.link_to
        pathlib.Path.lchmod pathlib.Path.copy pathlib.Path.move pathlib.Path.delete plistlib.load xml.dom.minidom.parse
        xml.etree.ElementTree.parse xml.sax.parse
        configparser.ConfigParser.read configparser.RawConfigParser.read gettext.GNUTranslations gettext.find
        gettext.translation mimetypes.MimeTypes.read mimetypes.init mimetypes.read_mime_types
        trace.CoverageResults xml.etree.ElementTree.ElementTree.parse xml.etree.ElementTree.ElementTree.write
        xml.etree.ElementTree.iterparse xml.sax.saxutils.prepare_input_source hydra.compose
        hydra.core.utils._save_config hydra.experimental hydra.initialize hydra.initialize_config_dir
        hydra.initialize_config_module omegaconf.OmegaConf.load omegaconf.OmegaConf.save
        omegaconf.omegaconf.OmegaConf.load omegaconf.omegaconf.OmegaConf.save
        joblib.dump joblib.numpy_pickle.dump matplotlib.figure.Figure.savefig matplotlib.pyplot.savefig
        numpy.compat.open_latin1 numpy.compat.py3k.open_latin1
    """,
    "indirection": """
        contextvars.Context.run copyreg.__reduce_ex__ inspect.getattr_static itertools.accumulate itertools.dropwhile
        itertools.filterfalse itertools.takewhile
        _functools.reduce _operator.attrgetter _operator.call _operator.methodcaller builtins.__build_class__
        builtins.apply builtins.delattr builtins.filter builtins.globals builtins.locals builtins.map
        builtins.object.__getattribute__ builtins.object.__setattr__ builtins.setattr
        builtins.type.__getattribute__ builtins.vars
        contextlib.ExitStack.callback dill._dill._delattr dill._dill._getattribute dill._dill._setattr
        dill._shims._dill._delattr dill._shims._dill._setattr functools.reduce itertools.starmap
        operator.attrgetter operator.call operator.methodcaller types.DynamicClassAttribute weakref.finalize
    """,
}
_HARMLESS = (
    "hydra.experimental.callback",
    "hydra.experimental.callbacks",
    "os.path",
    "os.PathLike",
    "os.fspath",
    "os.stat_result",
    "os.uname_result",
    "numba.core.typing.templates.Signature",
    "pandas.io.formats.printing.PrettyDict",
    "torch.fx._symbolic_trace.Tracer",
    "torch.jit._script.RecursiveScriptModule",
)
# Attributes through which any object leads to the modules, functions and classes that it was made of.
_INTERNAL_ATTRIBUTES = frozenset(
    "__base__ __bases__ __builtins__ __closure__ __code__ __dict__ __func__ __getattribute__ __globals__ __loader__ "
    "__mro__ __self__ __spec__ __subclasses__ __wrapped__".split()
)
_PATHS = re.compile(r"pathlib\.(?:_local\.)?(?:Path|PosixPath|WindowsPath)\.")
# What functions that run something are called, whatever their package. Of classes only the one that all know.
_RUNNING_FUNCTION = re.compile(
    r"Popen|_*+(?:system|spawn|shell|\w*pipe_pager|run(?:code|source|string)|(?:\w+_|my)?(?:exec|eval|execfile|popen"
    r"|(?:run|exec|execute)_(?:bash|cmd|command|code|script|shell|shell_command|string|subprocess|system_command)"
    r"|execute_subprocess_async|subprocess_run_helper|shell_exec|check_output(?:_cmd)?|check_call|get(?:status)?output"
    r"|(?:read|load)_g?pickle|load_pkl|pickle_loads|unsafe_load|load_(?:op_)?library|install_package|pip_install"
    r"|import_(?:from_)?string"
    r"|cmd_output|urlopen|urlretrieve|(?:import|load|exec)_module|func_load|py_func(?:tion)?|numpy_function"
    r"|deserialize_keras_object))"
)
# How pandas names what reads from an address or a file, and what writes to one.
_PANDAS_IO = re.compile(
    r"pandas\.(?:(?:core\.\w+\.)?\w+\.)?(?:read_[a-z]+|to_(?:clipboard|csv|excel|feather|gbq|hdf|html|iceberg|json|latex"
    r"|markdown|orc|parquet|pickle|sql|stata|xml))"
)
# How numpy names what reads or writes a file, in any of its modules and classes of arrays.
_NUMPY_IO = re.compile(
    r"numpy\.(?:\w+\.)*(?:dump|tofile|fromfile|fromregex|(?:open_)?memmap|genfromtxt|loadtxt|recfrom(?:csv|txt)|save(?:txt|z\w*)?)"
)
# Modules that other modules import: reached through any of them (`random._os.system`) they are as dangerous.
_ALIASED = frozenset(
    "os posix nt subprocess sys socket shutil importlib builtins ctypes marshal pickle runpy pty".split()
)


_LOADER = re.compile(r"\.(?:from_pretrained|from_config|load\w*|pipeline|read_\w+|run|call)$")
_EXECUTING = frozenset({"command execution", "code execution"})


@cache
def _prefixes() -> dict[str, str]:
    return {name: family for table in (PACKAGES, NAMES) for family, names in table.items() for name in names.split()}


@cache
def family(name: str) -> str:
    """Return the danger family of a dotted name, or "".

    Every tail of the name is checked too, so that a module reached through another one's imports is found.
    """
    parts = _PATHS.sub("pathlib.Path.", name).split(".")
    first = ""
    for start in range(len(parts) - 1):
        tail = parts[start:]
        found = "" if start else _family_of(tail, whole=True)
        tail[0] = tail[0].lstrip("_") or tail[0]
        found = found or _family_of(tail, whole=start == 0)
        if found in _EXECUTING:  # also where the module that leads there is of a family by itself: `shutil.os.system`
            return found
        first = first or found
    return first or ("indirection" if _INTERNAL_ATTRIBUTES.intersection(parts[1:]) else "")


def family_of_function(name: str) -> str:
    """Return the danger family that a function's own name suggests, whatever its package: `acme.tools.run_command`."""
    if _PANDAS_IO.fullmatch(name) or _NUMPY_IO.fullmatch(name):
        return "file access"
    return "code execution" if _RUNNING_FUNCTION.fullmatch(name.rpartition(".")[2]) else ""


_VALUE_METHODS = frozenset("copy open rename replace".split())
"""Methods of paths that strings, tables and tensors have too."""
_DANGEROUS_METHOD = re.compile(
    r"exec(?:l|v)p?e?|(?:posix_)?spawn\w*|fork\w*|kill\w*|putenv|startfile|remove(?:dirs)?|truncate|set_data"
)
"""Names in `os` and module loaders for functions that start, end, delete and write."""


def method_family(name: str) -> str:
    """Return the danger family that a method's name suggests for any object, such as `unlink` of a path."""
    if _DANGEROUS_METHOD.fullmatch(name):
        return "command execution"
    return "" if name in _VALUE_METHODS else family(f"pathlib.Path.{name}")


def _family_of(parts: list[str], *, whole: bool) -> str:
    dotted = ".".join(parts)
    if dotted.startswith(_HARMLESS) and not _leads_on(parts):
        return ""
    table = _prefixes()
    # An inner tail must name a module that others import, or something in a listed one: `acme.code.Net` is private.
    shortest = 1 if whole or parts[0] in _ALIASED else 2
    for length in range(len(parts), shortest - 1, -1):
        found = table.get(".".join(parts[:length]))
        if found:
            return found
    return ""


def _leads_on(parts: list[str]) -> bool:
    """Return whether a harmless prefix leads into another module, such as `os.path.os.system`."""
    return any(part.lstrip("_") in _ALIASED for part in parts[1:])


def is_loader(name: str) -> bool:
    """Return whether a callable has a name for loading a model or running a program."""
    return _LOADER.search(name) is not None
