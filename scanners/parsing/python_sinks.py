"""Python callables that matter to whoever imports a file, by what they do."""

from __future__ import annotations

from modelsweep.core import patterns as re

_TABLE = {
    "code": """
        builtins.exec builtins.eval builtins.execfile types.FunctionType runpy.run_path runpy.run_module
        runpy._run_module_as_main runpy._run_module_code runpy._run_code
        code.InteractiveInterpreter().runsource code.InteractiveInterpreter().runcode
        ctypes.pythonapi.PyRun_SimpleString ctypes.PyDLL().PyRun_SimpleString IPython.get_ipython().run_cell
        code.interact code.InteractiveConsole().push
        code.InteractiveConsole().interact code.InteractiveConsole().runsource code.InteractiveConsole().runcode
        pandas.eval numexpr.evaluate sympy.sympify sympy.parsing.sympy_parser.parse_expr
        builtins.object.__subclasses__ types.CodeType types.CodeType().replace
        logging.config.dictConfig logging.config.fileConfig hydra.utils.instantiate hydra.utils.call
        hydra.utils.get_method unittest.mock.patch pydoc.locate
        IPython.get_ipython().run_line_magic IPython.get_ipython().run_cell_magic mako.template.Template
        tornado.template.Template js2py.eval_js juliacall.Main.seval rpy2.robjects.r
        pyarmor.__pyarmor__ jinja2.Template jinja2.Environment().from_string jinja2.environment.Template
    """,
    "command": """
        os.system os.popen os.startfile os.popen2 os.popen3 pty.spawn commands.getoutput commands.getstatusoutput
        subprocess.run subprocess.call subprocess.Popen subprocess.check_call subprocess.check_output
        subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_exec
        asyncio.create_subprocess_shell os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe
        os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe os.posix_spawn
        os.posix_spawnp distutils.spawn.spawn setuptools._distutils.spawn.spawn pexpect.run pexpect.spawn
        pexpect.runu psutil.Popen invoke.run sh.bash sh.sh IPython.get_ipython().system
        IPython.get_ipython().getoutput IPython.utils.process.system IPython.utils.process.getoutput
        numpy.distutils.exec_command.exec_command ctypes.CDLL().system ctypes.CDLL().popen ctypes.PyDLL().system
        ctypes.cdll.LoadLibrary().system ctypes.cdll.msvcrt.system ctypes.windll.msvcrt.system
        ctypes.windll.kernel32.WinExec ctypes.windll.shell32.ShellExecuteA ctypes.windll.shell32.ShellExecuteW
        pip.main pip._internal.main pip._internal.cli.main.main ensurepip._run_pip
        multiprocessing.util.spawnv_passfds _posixsubprocess.fork_exec platform.popen pydoc.pipepager
        pydoc.tempfilepager fabric.Connection().run fabric.Connection().local fabric.Connection().sudo
        plumbum.local.__getitem__ docker.from_env().containers.run webbrowser.get
        asyncio.subprocess.create_subprocess_shell asyncio.subprocess.create_subprocess_exec
        asyncio.get_event_loop().subprocess_shell asyncio.get_event_loop().subprocess_exec
        asyncio.new_event_loop().subprocess_shell asyncio.new_event_loop().subprocess_exec
        asyncio.get_running_loop().subprocess_shell asyncio.get_running_loop().subprocess_exec
        paramiko.SSHClient().exec_command tkinter.Tcl().eval plumbum.local.__getitem__() pipes.Template().append
        webbrowser.GenericBrowser webbrowser.BackgroundBrowser matlab.engine.start_matlab().system
        jpype.java.lang.Runtime.getRuntime().exec ctypes.LibraryLoader().LoadLibrary().system
        ctypes.LibraryLoader()[].system importlib.import_module().system importlib.import_module().popen
    """,
    "connection": """
        socket.socket().connect socket.socket().connect_ex socket.create_connection asyncio.open_connection
        telnetlib.Telnet paramiko.SSHClient().connect smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP
        socket.socket().sendto websocket.create_connection websockets.connect
    """,
    "sending": """
        requests.post requests.put requests.patch requests.Session().post requests.session().post httpx.post httpx.put
        httpx.Client().post aiohttp.ClientSession().post aiohttp.ClientSession().put
        urllib3.PoolManager().request http.client.HTTPConnection().request
        http.client.HTTPSConnection().request
    """,
    "fetching": """
        urllib.request.urlopen urllib.request.urlretrieve urllib.urlopen urllib.urlretrieve urllib2.urlopen
        urllib.request.build_opener().open requests.get requests.request requests.Session().get requests.session().get
        httpx.get httpx.Client().get aiohttp.ClientSession().get gradio_client.Client grpc.insecure_channel
        redis.Redis redis.StrictRedis redis.from_url pymongo.MongoClient sentry_sdk.init wget.download
        webbrowser.open webbrowser.open_new webbrowser.open_new_tab
    """,
    "resolving": "socket.gethostbyname socket.gethostbyname_ex socket.getaddrinfo dns.resolver.resolve",
    "descriptor": "os.dup2",
    "lookup": """
        os.getattr() subprocess.getattr() builtins.getattr() posix.getattr() pty.getattr() runpy.getattr()
        commands.getattr() ctypes.CDLL().getattr()
    """,
    "naming": "",
    "handing": """
        socket.socket().send socket.socket().sendall socket.create_connection().send
        socket.create_connection().sendall smtplib.SMTP().sendmail smtplib.SMTP_SSL().sendmail
        huggingface_hub.HfApi().upload_file huggingface_hub.HfApi().upload_folder huggingface_hub.upload_file
        huggingface_hub.upload_folder boto3.client().upload_file boto3.client().put_object
    """,
    "native": """
        ctypes.CDLL ctypes.PyDLL ctypes.WinDLL ctypes.OleDLL ctypes.cdll.LoadLibrary ctypes.windll.LoadLibrary
        torch.ops.load_library torch.classes.load_library tensorflow.load_op_library tensorflow.load_library
        torch.utils.cpp_extension.load torch.utils.cpp_extension.load_inline cython.inline Cython.inline
        Cython.Build.Inline.cython_inline cffi.FFI().dlopen cffi.FFI().verify numpy.ctypeslib.load_library
        onnxruntime.SessionOptions().register_custom_ops_library llvmlite.binding.load_library_permanently
        triton.runtime.build._build numpy.f2py.compile ctypes.LibraryLoader().LoadLibrary
        sqlite3.connect().load_extension
    """,
    "loading": """
        importlib.machinery.SourceFileLoader importlib.machinery.SourcelessFileLoader
        importlib.machinery.ExtensionFileLoader importlib.util.spec_from_file_location imp.load_source
        imp.load_compiled imp.load_dynamic zipimport.zipimporter
    """,
    "permissions": "os.chmod os.fchmod os.lchmod pathlib.Path().chmod",
    "forking": "os.fork os.forkpty",
    "environment": "os.environ os.putenv os.environ.update os.environ.setdefault os.environ.__setitem__",
    "memory": """
        ctypes.windll.kernel32.VirtualAlloc ctypes.windll.kernel32.RtlMoveMemory ctypes.windll.kernel32.CreateThread
        ctypes.windll.kernel32.VirtualProtect ctypes.windll.kernel32.WriteProcessMemory
        ctypes.windll.kernel32.CreateRemoteThread ctypes.CDLL().mprotect ctypes.CDLL().mmap
        ctypes.pythonapi.mprotect
    """,
    "mapping": "mmap.mmap",
    "copying": """
        shutil.copy shutil.copy2 shutil.copyfile shutil.move os.rename os.replace os.symlink os.link winreg.OpenKey
        winreg.OpenKeyEx winreg.CreateKey winreg.CreateKeyEx
    """,
    "removing": """
        shutil.rmtree os.remove os.unlink os.rmdir os.removedirs pathlib.Path().unlink pathlib.Path().rmdir
    """,
    "unpickling": """
        pickle.load pickle.loads dill.load dill.loads cloudpickle.load cloudpickle.loads joblib.load
        pickle.Unpickler().load dill.Unpickler().load pandas.read_pickle torch.load numpy.load
        torch.serialization.load joblib.numpy_pickle.load shelve.open yaml.unsafe_load yaml.unsafe_load_all
        yaml.load jsonpickle.decode pickle.Unpickler().load_build keras.models.load_model keras.saving.load_model
        tensorflow.keras.models.load_model pickle._loads pickle._load pickle._Unpickler().load
        keras.config.enable_unsafe_deserialization keras.src.saving.serialization_lib.enable_unsafe_deserialization
        tensorflow.keras.config.enable_unsafe_deserialization
    """,
    "path": "sys.path.insert sys.path.append",
    "remote": "torch.hub.load transformers.dynamic_module_utils.get_class_from_dynamic_module",
    "writing": """
        builtins.open io.open codecs.open pathlib.Path().write_text pathlib.Path().write_bytes pathlib.Path().open
        os.open
    """,
}
KINDS = {name: kind for kind, names in _TABLE.items() for name in names.split()}
"""Kinds of callables by dotted name."""
CALLERS = frozenset(
    "builtins.map builtins.filter functools.reduce threading.Thread threading.Timer multiprocessing.Process "
    "atexit.register _thread.start_new_thread asyncio.run asyncio.to_thread weakref.finalize signal.signal "
    "concurrent.futures.ThreadPoolExecutor().submit concurrent.futures.ThreadPoolExecutor().map "
    "concurrent.futures.ProcessPoolExecutor().submit concurrent.futures.ProcessPoolExecutor().map "
    "concurrent.futures.thread.ThreadPoolExecutor().submit multiprocessing.Pool().apply multiprocessing.Pool().map "
    "multiprocessing.Pool().apply_async multiprocessing.pool.ThreadPool().apply multiprocessing.pool.ThreadPool().map "
    "asyncio.get_event_loop().run_until_complete asyncio.new_event_loop().run_until_complete asyncio.create_task "
    "asyncio.get_event_loop().run_in_executor asyncio.ensure_future contextlib.ExitStack().callback operator.call "
    "itertools.starmap builtins.sorted builtins.max builtins.min builtins.any builtins.all sys.settrace sys.setprofile "
    "sys.addaudithook gc.callbacks.append threading.settrace threading.setprofile codecs.register "
    "torch.multiprocessing.spawn torch.multiprocessing.Process multiprocessing.context.Process "
    "multiprocessing.get_context().Process multiprocessing.get_context().Pool().map asyncio.gather asyncio.wait_for "
    "asyncio.Runner().run contextvars.copy_context().run contextlib.ExitStack().push builtins.iter "
    "sched.scheduler().enter sched.scheduler().enterabs itertools.accumulate itertools.groupby itertools.takewhile "
    "itertools.dropwhile itertools.filterfalse signal.sigaction builtins.next faulthandler.register re.sub re.subn "
    "importlib.abc.Loader().exec_module os.register_at_fork weakref.ref weakref.WeakMethod collections.defaultdict "
    "unittest.mock.patch unittest.mock.patch.object mock.patch mock.patch.object copyreg.pickle copyreg.constructor "
    "logging.setLogRecordFactory types.new_class torch.library.impl torch.library.register_fake "
    "asyncio.new_event_loop().call_soon asyncio.get_event_loop().call_soon asyncio.get_running_loop().call_soon "
    "asyncio.new_event_loop().call_later asyncio.get_event_loop().call_later asyncio.get_running_loop().call_later "
    "builtins.property numpy.vectorize numpy.frompyfunc torch.utils._pytree.tree_map "
    "tensorflow.py_function tensorflow.numpy_function "
    "tensorflow.compat.v1.py_func".split()
)
"""Callables that call their arguments."""
STATEMENTS = frozenset(
    "typing.ForwardRef "
    "timeit.timeit timeit.repeat timeit.Timer cProfile.run cProfile.runctx cProfile.Profile().run profile.run "
    "profile.runctx profile.Profile().run pdb.run pdb.runeval bdb.Bdb().run pdb.Pdb().run trace.Trace().run "
    "trace.Trace().runctx doctest.debug_script doctest.debug_src test.support.run_code".split()
)
"""Callables that run a string as code or call their arguments; constant code is analysed."""
HOOKS = frozenset(
    "register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook "
    "register_backward_hook register_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook "
    "_register_load_state_dict_pre_hook _register_state_dict_hook register_state_dict_pre_hook "
    "register_state_dict_post_hook register_module_forward_hook register_module_forward_pre_hook "
    "register_module_full_backward_hook register_module_full_backward_pre_hook register_post_accumulate_grad_hook "
    "register_step_pre_hook register_step_post_hook register_optimizer_step_post_hook".split()
)
"""Methods and functions of torch that register a callback of a module."""
HANDLERS = frozenset("addHandler addFilter setLoggerClass".split())
"""Methods and functions of loggers that take an object or a class and call its methods."""
FINDERS = {
    "sys.meta_path.insert": ("find_spec", "find_module"),
    "sys.meta_path.append": ("find_spec", "find_module"),
    "sys.meta_path.extend": ("find_spec", "find_module"),
    "sys.path_hooks.extend": ("__init__", "find_spec"),
    "sys.path_hooks.insert": ("__init__", "find_spec"),
    "sys.path_hooks.append": ("__init__", "find_spec"),
}
"""Methods that later imports call on the objects in lists of finders, by the call that adds an object."""
SWITCHES = {
    "torch.load": ("weights_only", False),
    "torch.serialization.load": ("weights_only", False),
    "numpy.load": ("allow_pickle", True),
    **dict.fromkeys(
        ("keras.models.load_model", "keras.saving.load_model", "tensorflow.keras.models.load_model"),
        ("safe_mode", False),
    ),
}
"""Loaders of the kind `unpickling` that unpickle only if a keyword has this value."""
SAFEGUARDS = re.compile(
    r"transformers\.(?:\w+\.)*resolve_trust_remote_code|torch\.serialization\._default_to_weights_only"
    r"|torch\.(?:serialization\.)?_weights_only_unpickler\.\w+|(?:tensorflow\.)?keras\.(?:\w+\.)*in_safe_mode"
    r"|jinja2\.sandbox\.\w+\.is_safe_\w+|huggingface_hub\.constants\.(?:ENDPOINT|HUGGINGFACE_CO_URL_TEMPLATE)"
    r"|transformers\.utils\.hub\.HUGGINGFACE_CO_RESOLVE_ENDPOINT"
)
"""Settings that libraries check before they run code, load pickles or fetch files; they apply to the whole process."""
GUARDING = "safeguard"
"""The kind of an assignment to one of SAFEGUARDS."""
ORDERING = "ordering"
"""The kind of a call of any function whose argument is a command that may be an attack."""
TRUSTING = "trust_remote_code"
"""The keyword, of any call, that lets the code of a repository run."""
UNPICKLERS = frozenset("pickle.loads pickle.load dill.loads dill.load cloudpickle.loads cloudpickle.load".split())
SPAWNERS = ("os.spawn", "os.posix_spawn", "os.exec", "asyncio.create_subprocess_exec")
"""Prefixes of callables that take a command as separate arguments."""
NAMED = frozenset(
    "logging.config.dictConfig logging.config.fileConfig hydra.utils.instantiate hydra.utils.call "
    "hydra.utils.get_method unittest.mock.patch pydoc.locate".split()
)
"""Callables of the kind `code` that look up, and mostly call, what strings name: they matter if it is dangerous."""
TEMPLATES = frozenset("jinja2.Template jinja2.Environment().from_string jinja2.environment.Template".split())
"""Callables of the kind `code` that make templates: they matter if a template uses special attributes."""
READ = frozenset(
    "builtins.exec builtins.eval builtins.execfile code.InteractiveInterpreter().runsource types.FunctionType "
    "code.InteractiveInterpreter().runcode code.InteractiveConsole().push ctypes.pythonapi.PyRun_SimpleString".split()
)
"""Callables of the kind `code` whose constant code is analysed with the file; the call itself is not recorded."""
UNSAFE_YAML = frozenset(
    "yaml.Loader yaml.UnsafeLoader yaml.CLoader yaml.CUnsafeLoader yaml.loader.UnsafeLoader".split()
)
"""Loader classes with which `yaml.load` constructs any object that the document names."""
