"""Honest functions and classes of a script, which cloudpickle and dill store by value, are clean, their dark twins not.

Both are made from source, as if in the script that is run: what a module defines is stored by its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import cloudpickle
import dill
import pytest

from modelsweep.core.report import Verdict
from tests.benign import assert_benign
from tests.scanners.case import examine_bytes

HONEST = {
    "evaluation_mode": "def it(model):\n    model.eval()\n    return model",
    "table_is_asked": "def it(table): return table.eval('a + b').query('a > 1')",
    "roles_of_a_chat": "def it(text): return [{'role': 'system', 'content': text}]",
    "platform": "import platform\ndef it(): return platform.system() == 'Linux'",
    "picture": "import base64\ndef it(text): return base64.b64decode(text)",
    "opens_a_file": "import json\ndef it(path):\n    with open(path) as stream: return json.load(stream)",
    "partial": "import functools\ndef read(path): return open(path).read()\nit = functools.partial(read, 'x')",
    "cached": "import functools\n@functools.lru_cache(maxsize=None)\ndef it(number): return number",
    "context": "import contextlib\n@contextlib.contextmanager\ndef it(): yield 1",
    "attributes": "def it(value, name): return getattr(value, name) if hasattr(value, name) else None",
    "closure": "def make(k):\n    def inner(x): return x * k\n    return inner\nit = make(3)",
    "callable": "class C:\n    def __call__(self, text): return text.lower()\nit = C()",
    "frozen": "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass C: a: int = 1\nit = C()",
    "dataclass": "import dataclasses\n@dataclasses.dataclass\nclass C: a: int = 1\nit = C()",
    "enumeration": "import enum\nclass C(enum.Enum): A = 1\nit = C.A",
    "enumeration_of_texts": "import enum\nclass C(str, enum.Enum): A = 'a'\nit = C.A",
    "named_tuple": "import typing\nclass C(typing.NamedTuple): a: int = 1\nit = C()",
    "slots": "class C:\n    __slots__ = ('a',)\nit = C()\nit.a = 1",
}
RUN = "__import__('os').system('echo modelsweep-test')"
DARK = {
    "state": """
class C:
    def __setstate__(self, state): RUN
it = C()
it.a = 1
""",
    "state_by_a_method": """
class C:
    def go(self): RUN
    def __setstate__(self, state): self.go()
it = C()
it.a = 1
""",
    "state_by_a_lambda": """
class C:
    __setstate__ = lambda self, state: RUN
it = C()
it.a = 1
""",
    "constructor_called": """
class C:
    def __init__(self, x=0): x and RUN
    def __reduce__(self): return C, (1,)
it = C()
""",
    "truth_asked": """
class K:
    def __bool__(self): return RUN == 0
class C:
    def __reduce__(self): return bool, (K(),)
it = C()
""",
    "property_of_slots": """
class C:
    @property
    def a(self): return 1
    @a.setter
    def a(self, value): RUN
    def __getstate__(self): return None, {'a': 1}
it = C()
""",
}
"""What loading would run; saving runs none of it."""


def with_dill(value: object) -> bytes:
    """Return a pickle with the functions that others call, and no more of the script."""
    return bytes(dill.dumps(value, recurse=True))


WRITERS: dict[str, Callable[[object], bytes]] = {
    "cloudpickle": cloudpickle.dumps,
    "cloudpickle_2": lambda value: cloudpickle.dumps(value, 2),
    "dill": with_dill,
}


def made(source: str, patch: pytest.MonkeyPatch) -> object:
    """Return what a script calls `it`; all that it defines can be found in the module that is run."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    code = compile(source.replace("RUN", RUN), "script.py", "exec", dont_inherit=True)
    exec(code, namespace)  # our own sources, from above
    for name, value in namespace.items():
        if not name.startswith("__"):
            patch.setattr(sys.modules["__main__"], name, value, raising=False)
    return namespace["it"]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", HONEST)
def test_honest_code_by_value_is_clean(name: str, writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if writer == "dill" and name.startswith("enumeration"):
        pytest.skip("dill wants to find enumerations in the program that it was loaded by")
    assert_benign(WRITERS[writer](made(HONEST[name], monkeypatch)), "model.pkl")


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", DARK)
def test_code_by_value_that_runs_on_load_is_malicious(name: str, writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine_bytes(WRITERS[writer](made(DARK[name], monkeypatch)), "model.pkl").verdict is Verdict.MALICIOUS
