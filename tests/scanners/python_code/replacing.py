"""A model's Python that puts a function in the place of another, or has it called later; and honest patches."""

from __future__ import annotations

_HEAD = """import functools, logging, operator, os, sys, types
import torch
from torch import nn

def run(*args, **kwargs):
    os.system("echo modelsweep-test")

"""
_REPLACING = {
    "by_tuple": "torch.load, torch.save = run, print",
    "as_a_class_method": "from transformers import AutoTokenizer\nAutoTokenizer.from_pretrained = classmethod(run)",
    "as_a_bound_method": "layer = nn.Linear(1, 1)\nlayer.forward = types.MethodType(run, layer)",
    "by_get": "layer = nn.Linear(1, 1)\nlayer.forward = run.__get__(layer)",
    "behind_a_cache": "torch.load = functools.lru_cache(run)",
    "by_object": "object.__setattr__(torch, 'load', run)",
    "by_the_module_itself": "torch.__setattr__('load', run)",
    "by_operator": "operator.setitem(torch.__dict__, 'load', run)",
    "by_joining_tables": "torch.__dict__ |= {'load': run}",
    "by_updating": "vars(torch).update({'load': run})",
    "by_patch": "from unittest import mock\nmock.patch('torch.load', run).start()",
    "by_patching_an_object": "from unittest.mock import patch\npatch.object(torch, 'load', new=run).start()",
    "of_code": "def other():\n    pass\nother.__code__ = run.__code__\nother()",
    "of_code_of_a_library": "torch.load.__code__ = run.__code__",
    "of_code_by_setattr": "setattr(torch.load, '__code__', (lambda: os.popen('echo modelsweep-test')).__code__)",
    "of_names": "def other():\n    go('echo modelsweep-test')\nother.__globals__['go'] = os.system\nother()",
    "of_names_at_once": "def other():\n    go('echo modelsweep-test')\nother.__globals__.update(go=os.system)\nother()",
    "code_in_a_new_function": "types.FunctionType(run.__code__, globals())()",
    "method_of_a_new_class": "A = types.new_class('A', (), {}, lambda space: space.update(__init__=run))\nA()",
    "method_filled_in": "def fill(space):\n    space['__init__'] = run\nA = types.new_class('A', (), {}, fill)\nA()",
    "while_a_class_is_made": "types.new_class('A', (), {}, lambda space: run())",
    "method_of_a_data_class": """from dataclasses import make_dataclass
A = make_dataclass('A', ['x'], namespace={'__post_init__': run})
A(1)""",
    "method_by_its_name": "class A:\n    __init__ = run\nA()",
    "method_of_a_model": "class AcmeModel(nn.Module):\n    forward = run",
    "method_of_a_model_later": "class AcmeModel(nn.Module):\n    pass\nAcmeModel.forward = run",
    "method_of_a_type": "A = type('A', (), {'__init__': run})\nA()",
    "hook_of_all_modules": "nn.modules.module.register_module_forward_hook(run)",
    "hook_of_a_model": "class AcmeModel(nn.Module):\n    def __init__(self):\n        self.register_forward_hook(run)",
    "own_method_as_a_hook": """class AcmeModel(nn.Module):
    def __init__(self):
        self.register_forward_pre_hook(self._seen)
    def _seen(self, *args):
        run()""",
    "hook_of_a_state": """class AcmeModel(nn.Module):
    def __init__(self):
        self._register_load_state_dict_pre_hook(lambda *args: run())""",
    "module_of_functions": "sys.modules['acme'] = types.SimpleNamespace(load=lambda *args: run(), save=print)",
    "while_pickling": "import copyreg\ncopyreg.pickle(dict, run)",
    "records_of_a_logger": "logging.setLogRecordFactory(run)",
    "class_of_loggers": """class Logger(logging.Logger):
    def info(self, *args):
        run()
logging.setLoggerClass(Logger)""",
    "finders_at_once": """class Finder:
    def find_spec(self, *args):
        run()
sys.meta_path.extend([Finder()])
sys.meta_path = [Finder()] + sys.meta_path""",
    "thread_of_its_own": """import threading
class Thread(threading.Thread):
    def __init__(self):
        super().__init__(target=os.system, args=("echo modelsweep-test",))
Thread().start()""",
}
_SAFEGUARDS = {
    "trust": "transformers.dynamic_module_utils.resolve_trust_remote_code = lambda *args, **kwargs: True",
    "trust_where_it_is_used": "setattr(transformers.models.auto.auto_factory, 'resolve_trust_remote_code', run)",
    "weights_only": "torch.serialization._default_to_weights_only = lambda module: False",
    "classes_of_weights": "import torch._weights_only_unpickler as w\nw._get_allowed_globals = lambda: table",
    "server": "from huggingface_hub import constants\nconstants.ENDPOINT = 'https://hub.example.net'",
    "sandbox": "import jinja2.sandbox as s\ns.SandboxedEnvironment.is_safe_attribute = lambda *args: True",
}
_OF_MODELS = frozenset(
    "method_of_a_model method_of_a_model_later hook_of_a_model own_method_as_a_hook hook_of_a_state".split()
)
"""What runs only where the model is made or used."""
CRITICAL = {f"replacing_{name}": f"{_HEAD}{source}\n" for name, source in _REPLACING.items() if name not in _OF_MODELS}
WARNING = {
    f"safeguard_{name}": f"import torch, transformers\ndef run(*args):\n    return True\ntable = {{}}\n{source}\n"
    for name, source in _SAFEGUARDS.items()
}
WARNING |= {f"replacing_{name}": f"{_HEAD}{_REPLACING[name]}\n" for name in sorted(_OF_MODELS)}
BENIGN = {
    "reads_safeguards": """import torch, transformers
from huggingface_hub import constants
from jinja2.sandbox import ImmutableSandboxedEnvironment
from transformers.dynamic_module_utils import resolve_trust_remote_code

class Environment(ImmutableSandboxedEnvironment):
    def is_safe_attribute(self, obj, attr, value):
        return super().is_safe_attribute(obj, attr, value) and not attr.startswith("x")

class Settings:
    ENDPOINT = constants.ENDPOINT

trust = resolve_trust_remote_code(False, "acme/net", True, False)
Settings().ENDPOINT = "https://hub.example.net"
""",
    "replacing": """import copyreg, dataclasses, functools, json, logging, subprocess, sys, types
import torch
from torch import nn

def forward(self, x, *args, **kwargs):
    return self.weight @ x

def version():
    return subprocess.check_output(["git", "describe"])

def seen(module, args, output):
    print(type(module), output.shape)

class Encoder(json.JSONEncoder):
    pass

class Handler(logging.Handler):
    def emit(self, record):
        print(record.getMessage())

nn.functional.scaled_dot_product_attention, nn.Linear.forward = forward, forward
Encoder.default = lambda self, value: str(value)
layer = nn.Linear(1, 1)
layer.forward = types.MethodType(forward, layer)
torch.load = functools.partial(torch.load, weights_only=True)
torch.__dict__.update({"acme_forward": forward})
object.__setattr__(layer, "scale", 2)
forward.__code__ = seen.__code__
Point = dataclasses.make_dataclass("Point", ["x", "y"], namespace={"__post_init__": lambda self: None})
Made = types.new_class("Made", (nn.Module,), {}, lambda space: space.update(forward=forward, describe=version))
copyreg.pickle(Encoder, lambda encoder: (Encoder, ()))
logging.getLogger().addHandler(Handler())
nn.modules.module.register_module_forward_hook(seen)

class AcmeModel(nn.Module):
    forward = forward
    describe = version

    def __init__(self):
        super().__init__()
        self.register_forward_hook(seen)
        self._register_load_state_dict_pre_hook(self._rename)

    def _rename(self, state, prefix, *args):
        state[f"{prefix}weight"] = state.pop(f"{prefix}old", None)

Point(1, 2)
""",
}
