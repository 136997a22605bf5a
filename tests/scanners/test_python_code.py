"""Python files: what real libraries run on import is no alarm, and hostile ones cost no more than their budget."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from modelsweep.core.finding import ProblemKind, Severity
from modelsweep.core.report import Verdict
from scanners import python_code
from scanners.parsing.python_sinks import KINDS, UNPICKLERS
from tests.scanners.case import examine_bytes

LIBRARY = Path(sysconfig.get_path("stdlib"))
RULES = {"python/command-on-import", "python/execution-in-function"}
"""What files of the library's own tests run without being asked, or hold: two of them put sockets in place of files."""
SHOWN = "pydoc.py: importing the file runs os.system in line "
"""`help` is an instance whose `__repr__` calls itself, and so a pager: special methods are taken to be run."""
TESTS = ("test/", "tests/", "idlelib/idle_test/", "lib2to3/tests/")

# Deep and long texts that exhaust a parser, a recursion or a budget, each with a call that must not come out clean.
HOSTILE = {
    "branches": "if a == 0:\n  x = 0\n" + "".join(f"elif a == {n}:\n  x = {n}\n" for n in range(5000)),
    "attributes": "y = a" + ".b" * 5000,
    "calls": "y = a" + "()" * 5000,
    "negations": "y = " + "not " * 5000 + "a",
    "lambdas": "y = " + "lambda: " * 3000 + "a",
    "sums": "y = 1" + "+1" * 20_000,
    "doubled": "x = 'a' * 1000\n" + "x = x + x\n" * 60 + "open(x)",
    "grown": "x = 'a'\n" + "x = x + 'b'\nopen(x)\n" * 150,
    "functions": "".join(f"def f{n}(x): return f{n + 1}(x) + f{n + 1}(x)\n" for n in range(60)) + "f0('a')",
    "arguments": "".join(f"def f{n}(x):\n  f{n + 1}(x + 'a')\n  f{n + 1}(x + 'b')\n" for n in range(200)) + "f0('a')",
    "itself": "def f(x):\n  f(x + 'a')\nx = str(x)\nx = [x for y in x]\nf('a')\nclass A(A): ...\n",
    "lambdas_in_turn": "f = lambda x: (g(x), g(x))\ng = lambda x: (f(x), f(x))\nf(os.system)\n",
    "kept_in_itself": "l = []\nl.append(l)\nfor x in l:\n  x()\n[y() for y in l]\n",
    "pairs": "a = [1]\n" + "a = zip(a, a)\n" * 60 + "for x in a: os.system(x)\n",
    "put_in": "l = []\n" + "l.append('a')\n" * 9000 + "d = {}\n" + "d['a'] = l\n" * 9000 + "os.system(l[0])\n",
    "renamed": "".join(f"from os import system as s{n}\n" for n in range(3000)),
    "counted": "x = ''\n" + "for i in range(1000):\n  x += 'aaaaaaaa'\n" * 200 + "os.system(x)\n",
    "endless": "x = 1\nwhile x:\n  x = x\n" * 50,
    "growing": "x = ['a']\nwhile x:\n  x.extend(x)\n" * 50,
    "characters": "x = ''.join(chr(n) for n in range(9000))\n" * 3,
}


LOOPS = {
    "while": "i = 0\nwhile i < 6:\n    n = s[i] + n\n    i += 1\n",
    "popped": "l = [*s]\nl = list(s)\nwhile l:\n    n += l.pop()\n",
    "broken": "i = 5\nwhile True:\n    n = n + s[i]\n    i -= 1\n    if i < 0:\n        break\n",
    "chosen": "for c in 'm.e.t.s.y.s':\n    if c == '.':\n        continue\n    n = c + n\n",
    "nested": "for w in ('sy', 'st', 'em'):\n    for c in w:\n        n += c\n",
    "counted": "for i in range(len(s)):\n    n = n + s[len(s) - 1 - i]\n",
    "put_in_front": "l = []\nfor c in s:\n    l.insert(0, c)\nn = ''.join(l)\n",
    "numbered": "l = []\nfor i, c in enumerate(b'rxrudl'):\n    l.append(c ^ 1)\nn = bytes(l).decode()\n",
    "in_function": "def f(t):\n    r = ''\n    for c in t:\n        r = c + r\n    return r\nn = f(s)\n",
}
"""Ways to put a name together in a loop."""


REACHED = {
    "default": "getattr(object(), 'x', os.system)({})",
    "text": "import_string('os.system')({})",
    "namespace": "types.SimpleNamespace(**vars(os)).system({})",
    "modules": "for k, m in sys.modules.items():\n    if k == 'os': m.system({})",
    "pattern_of_a_class": "match os:\n    case object(system=f): f({})",
    "pattern_of_a_table": "match {{'f': os.system}}:\n    case {{'f': g}}: g({})",
    "pattern_of_a_row": "match [os.system, 1]:\n    case [f, *_]: f({})",
    "star": "(*f,) = (os.system,)\nf[0]({})",
    "condition": "[y({}) for x in [1] if (y := os.system)]",
    "chain": "f = torch\nfor p in 'serialization.os.system'.split('.'):\n    f = getattr(f, p)\nf({})",
    "builtin": "setattr(builtins, 'go', os.system)\ngo({})",
    "either_function": "if x:\n    def f(c): os.system(c)\nelse:\n    def f(c): pass\nf({})",
    "never": "TYPE_CHECKING = True\nif TYPE_CHECKING: os.system({})",
    "library": "ctypes.LibraryLoader(ctypes.CDLL).LoadLibrary('libc.so.6').system({})",
    "private_name": "random.seed.__func__.__globals__['_os'].system({})",
    "turned": "l = list('metsys')\nl.reverse()\ngetattr(os, ''.join(l))({})",
}
"""Ways to reach what runs a command."""


@pytest.mark.parametrize("way", REACHED.values(), ids=REACHED)
def test_what_runs_a_command_is_reached(way: str) -> None:
    head = "import builtins, ctypes, os, random, sys, torch, types\nfrom werkzeug.utils import import_string\n"
    source = f"{head}x = len(sys.argv)\n{way.format(repr('echo modelsweep-test'))}\n"
    rules = {finding.rule.id for finding in examine_bytes(source.encode(), "modeling_acme.py").findings}
    assert "python/command-in-model-code" in rules


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_names_that_loops_put_together_are_worked_out(loop: str) -> None:
    source = f"import os\ns, n = 'metsys', ''\n{loop}getattr(os, n)('echo modelsweep-test')\n"
    rules = {finding.rule.id for finding in examine_bytes(source.encode(), "modeling_acme.py").findings}
    assert rules == {"python/command-in-model-code"}


def test_a_loop_that_asks_what_nobody_knows_is_left_alone() -> None:
    source = "import os\nn = ''\nwhile x():\n    n += 's'\nos.system(n)\n"
    assert examine_bytes(source.encode(), "modeling_acme.py").verdict is not Verdict.CLEAN


def test_without_a_word_of_the_filter_nothing_that_is_told_can_be_named() -> None:
    unfiltered = {name for name in {*KINDS, *UNPICKLERS} if not python_code.may_call_sinks(name.encode())}
    assert unfiltered == set()


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_source_costs_no_more_than_its_budget(source: str) -> None:
    result = examine_bytes(f"import os\nos.system(open)\n{source}\n".encode(), "modeling_acme.py")
    assert result.verdict is not Verdict.CLEAN
    assert not [problem for problem in result.problems if problem.kind is ProblemKind.CRASH]


ODD = {
    "controls": b"# \1\2\3\4\n",
    "text": b"a = '" + bytes(range(1, 9)) * 40 + b"'\n",
    "latin": b"# \xe9\1\xff\n" * 90,
}


@pytest.mark.parametrize("start", ODD.values(), ids=ODD)
def test_no_character_in_a_comment_makes_python_of_a_model_anything_else(start: bytes) -> None:
    source = start + b"import os\nos.system('echo modelsweep-test')\n"
    compile(source, "a", "exec")
    result = examine_bytes(source, "modeling_acme.py")
    assert "os.system" in {finding.subject for finding in result.findings}
    assert result.artifacts[0].scanners[0] == "python"


def test_what_is_named_as_python_and_is_none_is_not_clean() -> None:
    for data in (bytes(range(1, 256)), b"\1" * 300, b"(" * 9_000 + b"\1" * 900):
        assert examine_bytes(data, "modeling_acme.py").verdict is Verdict.NOT_SCANNED


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_standard_library_runs_nothing_on_import() -> None:
    found = []
    for path in sorted(LIBRARY.rglob("*.py")):
        name = path.relative_to(LIBRARY).as_posix()
        if not name.startswith(("site-packages/", "dist-packages/")):
            result = examine_bytes(path.read_bytes(), name)
            found += [(name, item) for item in result.findings if item.severity > Severity.INFO]
    outside = [f"{name}: {item.message}" for name, item in found if not name.startswith(TESTS)]
    assert [item for item in outside if not item.startswith(SHOWN)] == []
    assert {item.rule.id for _, item in found} <= RULES, [f"{name}: {item.message}" for name, item in found]
    assert len({name for name, _ in found}) <= 10
