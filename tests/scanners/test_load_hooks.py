"""The AST check behind the inert tables: what loading runs of a class, and what it refuses."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from modelsweep.learning.load_hooks import HookChecker, Verdict
from modelsweep.learning.source_index import Sources

if TYPE_CHECKING:
    from pathlib import Path


def judged(folder: Path, source: str, name: str = "Made", *, plain: bool = False) -> Verdict:
    (folder / "package").mkdir(exist_ok=True)
    (folder / "package" / "__init__.py").write_text("from .inner import *\n", encoding="utf-8")
    (folder / "package" / "inner.py").write_text(dedent(source), encoding="utf-8")
    sources = Sources([folder])
    found = sources.class_at(f"package.{name}")
    assert found is not None
    return HookChecker(sources, plain=plain).judge(found)


HARMLESS = {
    "no hooks": "class Made:\n    def fit(self): open('x')\n",
    "plain state": "class Made:\n    def __setstate__(self, state):\n        self.__dict__.update(state)\n",
    "method that passes": """
        class Made(dict):
            def __setstate__(self, state):
                self._restore(dict(state))
            def _restore(self, state):
                for key, value in state.items():
                    setattr(self, key, value)
        """,
    "inherited": "class Base:\n    def __eq__(self, other): return eval(other)\nclass Made(Base): pass\n",
    "append of more than loading hands over": """
        class Made:
            def append(self, observation, action, reward): self.file.write_text(action)
        """,
    "append by name only": "class Made:\n    def append(self, item, *, to): open(to).write(item)\n",
    "another method that passes": """
        class Made(list):
            def store(self, item): self.last = item
            add = append = store
        """,
    "functions of its own as keys": """
        class Made:
            def __setstate__(self, state):
                self.items = sorted(state['items'], key=lambda item: item[0])
                self.names = max(state['names'], key=len)
        """,
    "namedtuple": "from collections import namedtuple\nMade = namedtuple('Made', 'a b')\n",
}
REFUSED = {
    "exec": "class Made:\n    def __setstate__(self, state): exec(state['code'])\n",
    "file in a destructor": "import os\nclass Made:\n    def __del__(self): os.remove(self.path)\n",
    "renamed import": "from os import system as log\nclass Made:\n    def __setstate__(self, state): log(state)\n",
    "local import": "class Made:\n    def __new__(cls):\n        import subprocess as s\n        s.run('x')\n",
    "value of the state": "class Made:\n    def __setstate__(self, state): state['hook'](1)\n",
    "attribute of the instance": "class Made:\n    def __setstate__(self, state): self.hook(1)\n",
    "result of getattr": "class Made:\n    def __getattr__(self, name): return getattr(self.inner, name)()\n",
    "method of a value": "class Made:\n    def append(self, item): self.file.write_text(item)\n",
    "append with a default": "class Made:\n    def append(self, item, to='x'): open(to).write(item)\n",
    "extend with any number": "class Made:\n    def extend(self, *items): open(items[0])\n",
    "append that is decorated": "class Made:\n    @staticmethod\n    def append(item, to='x'): open(to)\n",
    "two functions away": """
        import pickle
        def read(data): return pickle.loads(data)
        def restore(data): return read(data)
        class Made:
            def __setstate__(self, state): self.inner = restore(state)
        """,
    "of a base": "class Base:\n    def __setstate__(self, state): exec(state)\nclass Made(Base): pass\n",
    "unknown base": "from elsewhere import Base\nclass Made(Base): pass\n",
    "unknown decorator": "from x import y\nclass Made:\n    @y\n    def __setstate__(self, state): pass\n",
    "property that is read": """
        class Made:
            @property
            def shape(self): return eval(self.text)
            def __len__(self): return self.shape
        """,
    "constructor": """
        class Other:
            def __init__(self, path): open(path, 'w')
        class Made:
            def __setstate__(self, state): self.other = Other(state)
        """,
    "a function in the place of a hook": """
        def restore(self, state): exec(state)
        class Made:
            __setstate__ = restore
        """,
    "another method in the place of a hook": """
        class Made:
            def fill(self, state): exec(state)
            __setstate__: object = fill
        """,
    "a hook that is imported": "class Made:\n    from elsewhere import restore as __setstate__\n",
    "a hook behind a match": """
        import sys
        class Made:
            match sys.platform:
                case 'linux':
                    def __setstate__(self, state): exec(state)
        """,
    "a builtin's name for a parameter": """
        class Made:
            def __setstate__(self, state):
                def inner(print): print(1)
                inner(state['hook'])
        """,
    "a function as a key": "class Made:\n    def __setstate__(self, state): max(state['x'], key=state['hook'])\n",
    "override of what a base calls": """
        class Base:
            def __setstate__(self, state): self.restore(state)
            def restore(self, state): pass
        class Made(Base):
            def restore(self, state): exec(state)
        """,
}


@pytest.mark.parametrize("label", HARMLESS)
def test_harmless_classes_pass(label: str, tmp_path: Path) -> None:
    assert judged(tmp_path, HARMLESS[label]).refusal == ""


@pytest.mark.parametrize("label", REFUSED)
def test_what_acts_on_load_is_refused(label: str, tmp_path: Path) -> None:
    assert judged(tmp_path, REFUSED[label]).refusal


def test_a_setter_that_acts_is_named(tmp_path: Path) -> None:
    source = """
        class Made:
            @property
            def path(self): return self._path
            @path.setter
            def path(self, value): open(value)
        """
    assert judged(tmp_path, source) == Verdict(setters=("path",))


def test_an_enum_is_known_by_its_base(tmp_path: Path) -> None:
    assert judged(tmp_path, "import enum\nclass Made(str, enum.Enum):\n    A = 'a'\n").is_enum


SETTER = "    def __setattr__(self, name, value): eval(value)\n"
OF_STATES: dict[str, tuple[str, bool]] = {
    "a setter alone": ("class Made:\n" + SETTER, True),
    "state put into the dictionary": (
        "class Made:\n    def __setstate__(self, state): self.__dict__.update(state)\n" + SETTER,
        True,
    ),
    "state that is set": ("class Made:\n    def __setstate__(self, state): self.x = state\n" + SETTER, False),
    "state that is set by name": (
        "class Made:\n    def __setstate__(self, state): setattr(self, 'x', state)\n" + SETTER,
        False,
    ),
    "a value that is set elsewhere": (
        "class Base:\n    def append(self, item): self._add(item)\n    def _add(self, item): self.last = item\n"
        "class Made(Base):\n" + SETTER,
        False,
    ),
    "a hook that acts": ("class Made:\n    def __setstate__(self, state): exec(state)\n" + SETTER, False),
}


@pytest.mark.parametrize("label", OF_STATES)
def test_a_setter_matters_only_where_loading_sets_attributes(label: str, tmp_path: Path) -> None:
    source, passes = OF_STATES[label]
    assert judged(tmp_path, source).refusal
    assert (judged(tmp_path, source, plain=True).refusal == "") is passes
