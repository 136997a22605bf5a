"""YAML with tags that construct Python objects, in every way to write them, and configurations that look like it."""

from __future__ import annotations

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case

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


def yaml(
    content: str, verdict: Verdict = Verdict.CLEAN, name: str = "config.yaml", options: Options | None = None
) -> Case:
    """Return the case of a YAML text; a shorter one is a text as well."""
    return Case(content.encode, name, verdict, options or Options(), cut_is_clean=True)


CASES = {
    "benign_lightning_hparams": yaml(LIGHTNING),
    "benign_hydra_of_frameworks": yaml(HYDRA),
    "benign_tags_in_comments_and_text": yaml(PROSE),
    "benign_template_that_is_no_yaml": yaml(HELM),
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
    "utf16": Case(lambda: f"a: {APPLY}".encode("utf-16"), "config.yml", Verdict.MALICIOUS, cut_is_clean=True),
    "module_reference": yaml("hook: !!python/module:subprocess ''\n", Verdict.REVIEW),
    "unknown_class": yaml("state: !!python/object:acme.Net {}\n", Verdict.REVIEW),
    "allowed_class": yaml("state: !!python/object:acme.Net {}\n", options=Options(allow_imports=("acme.*",))),
    "hydra_command": yaml("model:\n  _target_: subprocess.Popen\n  args: [[echo]]\n", Verdict.MALICIOUS),
    "hydra_escaped_key": yaml('model: {"_tar\\u0067et_": builtins.exec, _args_: ["print(1)"]}\n', Verdict.MALICIOUS),
    "hydra_aliased": yaml("a: &t _target_\nb: &v os.system\nc: {*t : *v}\n", Verdict.MALICIOUS),
    "hydra_network": yaml("_target_: torch.hub.load\nrepo_or_dir: acme/model\n", Verdict.REVIEW),
    "hydra_private_package": yaml(
        "net: {_target_: acme.models.Net}\nloss: {_target_: acme.losses.Loss}\n", Verdict.REVIEW
    ),
    "hydra_interpolated": yaml("a: {_target_: '${oc.env:TARGET}'}\n", Verdict.REVIEW),
    "tag_in_broken_yaml": yaml(f"a: [1, 2\nb: 3\nc: {APPLY}", Verdict.NOT_SCANNED),
}
