"""Names of what no model file has reason to call are of a family; what only looks like one is not."""

from __future__ import annotations

import pytest

from scanners.judge.dangerous_names import family, family_of_function

DANGEROUS = """
    os.system posix.system nt.system subprocess.Popen pty.spawn runpy.run_path code.InteractiveInterpreter.runcode
    _pickle.loads _socket.socket _ctypes.dlopen _posixsubprocess.fork_exec _imp.create_dynamic _winapi.CreateProcess
    numpy.testing._private.utils.runstring torch.utils.collect_env.run lib2to3.pgen2.pgen.ParserGenerator
    ensurepip._run_pip idlelib.pyshell.ModifiedInterpreter.runcode timeit.timeit cProfile.run profile.Profile.run
    trace.Trace pydoc.pipepager asyncio.unix_events._UnixSubprocessTransport._start distutils.spawn.spawn
    multiprocessing.util.spawnv_passfds logging.config.dictConfig http.server.HTTPServer xmlrpc.client.ServerProxy
    ssl.get_server_certificate smtplib.SMTP webbrowser.open antigravity.geohash site.execsitecustomize
    zipimport.zipimporter imp.load_source torch._inductor.codecache.compile_file
    torch.jit.unsupported_tensor_ops.execWrapper torch.fx.experimental.symbolic_shapes.ShapeEnv pandas.read_pickle
    pandas.eval joblib.load dill.loads dill.source.getsource cloudpickle.loads sympy.sympify turtle.config_dict
    rlcompleter.Completer _aix_support._read_cmd_output _osx_support._read_output _pyrepl.pager.pipe_pager
    uuid._popen platform._syscmd_file gettext.c2py optparse.Values.read_file tracemalloc.Snapshot.load
    pathlib.PosixPath.unlink pathlib._local.Path.unlink pathlib.Path.write_text _pyio.open gzip.GzipFile
    _interpreters.run_string concurrent.interpreters.create _frozen_importlib_external.SourceFileLoader
    numpy.sum.__globals__.get sklearn.base.BaseEstimator.__init__.__globals__.get datetime.__builtins__.eval
    numpy.__spec__.loader.exec_module sklearn.base.__spec__.loader.get_data datetime.__loader__.load_module
    random._os.system collections._sys.modules.get acme.tools.subprocess.run torch.classes.load_library
    gensim.utils.unpickle networkx.read_gpickle nltk.data.load tensorflow.load_op_library datasets.load.load_dataset
    keras.src.saving.saving_lib.load_model torch.utils.model_zoo.load_url torch.fx.graph_module._exec_with_source
    torch._export.serde.serialize.GraphModuleDeserializer numpy.ndarray.tofile numpy.core.records.fromfile cv2.imwrite
    werkzeug.utils.import_string dask.utils.import_required contextvars.Context.run pstats.Stats wheel.cli.main
    concurrent.futures.thread._WorkItem.run logging.basicConfig spacy.cli.download PIL.ImageShow.show git.repo.Repo
    hydra.utils.instantiate hydra._internal.instantiate._instantiate2.instantiate
    cppyy.cppexec js2py.eval_js jpype.startJVM ptpython.repl.embed spacy.load dotenv.main.set_key click.open_file
    ruamel.yaml.load ruamel.yaml.main.load dns.resolver.resolve ray._private.services.start_ray_process popen2.Popen3
    distributed.preloading.process_preloads distributed.protocol.pickle.loads pandas._testing.round_trip_pickle
    dask.utils.apply gunicorn.util.load_class torch.backends.xeon.run_cpu.main matplotlib.testing.subprocess_run_helper
    transformers.agents.python_interpreter.evaluate_python_code pycurl.Curl gensim.downloader.load numpy.test
    joblib.dump joblib.numpy_pickle.dump matplotlib.pyplot.savefig numpy.compat.py3k.open_latin1 six.exec_
    future.utils.exec_ torch.utils.benchmark.Timer torch.utils.benchmark.utils.timer.Timer.timeit uvicorn.run
    transformers.tools.python_interpreter.evaluate kombu.utils.imports.symbol_by_name wrapt.resolve_path
    torchvision.datasets.utils.download_url datasets.load_dataset
""".split()
HARMLESS = """
    acme.code.Net acme.system.System acme.models.Evaluator os.path.join os.PathLike sklearn.base.BaseEstimator
    numpy.core.multiarray._reconstruct http.HTTPStatus pathlib.PurePath uuid.UUID collections.OrderedDict
    acme.redis.Layer acme.celery.Net datasets.features.Features keras.src.saving.saving_lib.Wheel wheels.Net
    nltk.tokenize.punkt.PunktTokenizer imageio2.Net fasttextnet.Net logging.Formatter google.protobuf.Message
    spacy.vocab.Vocab spacy.language.Language click.core.Command ruamel.yaml.comments.CommentedMap acme.dns.Net
    rpy2.robjects.vectors.FloatVector acme.io.Signal acme.config.Resource numpy.random.__RandomState_ctor
    torch.nn.modules.linear.Linear dask.utils.Dispatch distributed.Future ray.tune.search.sample.Float scipy.tests.Net
    gensim.models.word2vec.Word2Vec numba.core.typing.templates.Signature transformers.agents.tools.Tool
    torch.utils.benchmark.utils.common.Measurement torchvision.datasets.folder.ImageFolder
    joblib.numpy_pickle.NumpyArrayWrapper
""".split()
TELLING = (
    "acme.run_command acme.tools.safe_eval acme.execute_script acme.x.Popen acme.crackfortran.myeval acme.system "
    "acme.load_pickle acme.pip_install acme.run_subprocess acme.import_from_string acme.run_bash acme.pickle_loads"
)
SILENT = (
    "acme.eval_metric acme._rebuild_system acme.models.Shell acme.evaluate acme.retrieval acme.solar_system "
    "acme.Executor acme.spawn_points acme.medieval acme.executed acme.load_model acme.unpickle_vocab "
    "acme.import_strings"
)


@pytest.mark.parametrize("name", DANGEROUS)
def test_what_runs_reads_or_reaches_out_is_of_a_family(name: str) -> None:
    assert family(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_shares_a_word_is_of_none(name: str) -> None:
    assert family(name) == ""


def test_the_name_of_a_function_tells_what_it_is_for() -> None:
    assert [name for name in TELLING.split() if not family_of_function(name)] == []
    assert [name for name in SILENT.split() if family_of_function(name)] == []
