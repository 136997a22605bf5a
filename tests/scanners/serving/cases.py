"""Configurations of model servers as people deploy them, and with libraries and code of somebody else's."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

TRITON = """name: "densenet_onnx"
platform: "onnxruntime_onnx"
max_batch_size : 0
input [
  { name: "data_0" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 224, 224 ] }
]
output [ { name: "fc6_1" data_type: TYPE_FP32 dims: [ 1000 ] label_filename: "densenet_labels.txt" } ]
parameters: { key: "EXECUTION_ENV_PATH", value: { string_value: "$$TRITON_MODEL_DIRECTORY/env.tar.gz" } }
instance_group [ { kind: KIND_GPU count: 1 } ]
"""
PYTHON = 'name: "preprocess"\nbackend: "python"\nmax_batch_size: 8\ninstance_group [{ kind: KIND_CPU }]\n'
DJL = """# serving of an LLM
engine=MPI
option.model_id=acme/llama
option.entryPoint=djl_python.huggingface
option.tensor_parallel_degree=4
"""


def triton(content: str, verdict: Verdict = Verdict.CLEAN) -> Case:
    """Return the case of a configuration of Triton, of which a shorter one may be whole."""
    return Case(content.encode, "densenet/config.pbtxt", verdict, cut_is_clean=True)


def djl(content: str, verdict: Verdict = Verdict.CLEAN) -> Case:
    """Return the case of properties for DJL Serving."""
    return Case(content.encode, "model/serving.properties", verdict, cut_is_clean=True)


def node(handler: str) -> str:
    """Return a graph with a node of Python."""
    options = f'[type.googleapis.com / mediapipe.PythonExecutorCalculatorOptions]: {{ handler_path: "{handler}" }}'
    return (
        'input_stream: "OVMS_PY_TENSOR:in"\n'
        f'node {{ name: "py" calculator: "PythonExecutorCalculator" node_options: {{ {options} }} }}\n'
    )


def opennlp(factory: str) -> Callable[[], bytes]:
    """Return the manifest of a model of OpenNLP."""
    return f"Manifest-Version=1.0\nLanguage=en\nOpenNLP-Version=2.5.0\nfactory={factory}\n".encode


CASES = {
    "benign_node_of_python": Case(node("servable.py").encode, "graph.pbtxt", Verdict.CLEAN, cut_is_clean=True),
    "node_of_python_elsewhere": Case(node("/tmp/servable.py").encode, "graph.pbtxt", Verdict.REVIEW, cut_is_clean=True),
    "benign_triton": triton(TRITON),
    "benign_python_backend": triton(PYTHON),
    "benign_djl": djl(DJL),
    "factory_that_runs": Case(
        opennlp("javax.script.ScriptEngineManager"), "manifest.properties", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "factory_of_a_stranger": Case(
        opennlp("com.acme.Factory"), "manifest.properties", Verdict.REVIEW, cut_is_clean=True
    ),
    "benign_factory": Case(
        opennlp("opennlp.tools.postag.POSTaggerFactory"), "manifest.properties", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_other_properties": djl("! a comment\ntoken = x\noption.entryPoint\noption.trust_remote_code=false\n"),
    "library_of_operators": triton(
        TRITON + 'model_operations { op_library_filename: "libops.so" op_library_filename: [ "b.so" ] }\n',
        Verdict.REVIEW,
    ),
    "library_in_escapes": triton(
        'model_operations < op_library_filename: "\\154ibops.so" >\n' + PYTHON, Verdict.REVIEW
    ),
    "backend_of_a_path": triton(PYTHON.replace('"python"', '"../../uploads/evil"'), Verdict.REVIEW),
    "backend_behind_a_comment": triton(
        f"# {'x' * 5_000}\n" + PYTHON.replace('"python"', '"../../uploads/evil"'), Verdict.REVIEW
    ),
    "extension_of_openvino": triton(
        TRITON + 'parameters: { key: "CPU_EXTENSION_PATH", value: { string_value: "/models/libevil.so" } }\n',
        Verdict.REVIEW,
    ),
    "runtime_of_its_own": triton(PYTHON + 'runtime: "libtriton_acme.so"\n', Verdict.REVIEW),
    "model_outside": triton(PYTHON + 'default_model_filename: "../../other/1/model.py"\n', Verdict.REVIEW),
    "code_beside": triton(PYTHON + 'default_model_filename: "serve.py"\n'),
    "benign_paths": triton(
        PYTHON.replace("[{", "[ {")
        + 'parameters: { key: "EXECUTION_ENV_PATH", value: { string_value: "/opt/envs/py310.tar.gz" } }\n'
        + 'cc_model_filenames [ { key: "7.5" value: "resnet_T4.plan" } ]\n'
        + 'model_warmup [ { name: "w" inputs { key: "x" value { dims: 4 input_data_file: "raw/x" } } } ]\n'
    ),
    "environment_of_anybody": triton(
        PYTHON + 'parameters [ { key: "EXECUTION_ENV_PATH" value { string_value: "/tmp/env.tar.gz" } } ]',
        Verdict.REVIEW,
    ),
    "environment_elsewhere": triton(TRITON.replace("DIRECTORY/env", "DIRECTORY/../../uploads/env"), Verdict.REVIEW),
    "environment_of_an_address": triton(TRITON.replace("$$TRITON_MODEL_DIRECTORY/", "s3://acme/"), Verdict.REVIEW),
    "warmup_outside": triton(
        PYTHON + 'model_warmup { inputs { key: "x" value { input_data_file: "../../../../etc/shadow" } } }',
        Verdict.REVIEW,
    ),
    "model_for_a_device_outside": triton(
        PYTHON + 'cc_model_filenames { key: "7.5" value: "/srv/other/model.plan" }', Verdict.REVIEW
    ),
    "agent_of_a_path": triton(
        PYTHON + 'model_repository_agents { agents [ { name: "../../uploads/evil" } ] }', Verdict.REVIEW
    ),
    "worker_of_its_own": triton(
        PYTHON + 'parameters { key: "executor_worker_path" value { string_value: "/models/net/1/worker.sh" } }',
        Verdict.REVIEW,
    ),
    "benign_worker": triton(
        PYTHON + 'parameters { key: "executor_worker_path" '
        'value { string_value: "/opt/tritonserver/backends/tensorrtllm/trtllmExecutorWorker" } }'
    ),
    "broken": triton(PYTHON + "parameters { key: ", Verdict.NOT_SCANNED),
    "entry_point": djl(DJL.replace("djl_python.huggingface", "serve.py")),
    "entry_point_elsewhere": djl(DJL.replace("djl_python.huggingface", "https://acme.example/a.py"), Verdict.REVIEW),
    "entry_point_that_runs": djl(DJL.replace("djl_python.huggingface", "os.system"), Verdict.MALICIOUS),
    "benign_translator": djl(DJL + "translatorFactory=ai.djl.huggingface.translator.TextEmbeddingTranslatorFactory\n"),
    "translator_of_its_own": djl(DJL + "option.translatorFactory=acme.EvilFactory\n", Verdict.REVIEW),
    "trusting": djl(DJL + "option.trust_remote_code = true\n"),
}
