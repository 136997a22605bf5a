"""`learn`: what it lets through of a package that it never imports, and what the file then does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from textwrap import dedent

import pytest

from modelsweep.cli.allow_file import patterns_of
from modelsweep.cli.commands import run
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from modelsweep.learning.learn import FILES, LARGEST, Learned, learn
from scanners.judge.listed_names import is_class
from tests.scanners.case import examine_bytes

SOURCE = """
    import os, elsewhere
    from dataclasses import dataclass
    from sklearn.base import BaseEstimator

    @dataclass
    class Config:
        width: int = 3

    class Net(BaseEstimator):
        def __init__(self, command):
            os.system(command)

    class Restores:
        def __setstate__(self, state):
            os.system(state)

    class Decorated:
        pass
    Decorated = elsewhere.changed(Decorated)

    @elsewhere.changed
    class Wrapped:
        pass

    class Patched:
        pass
    Patched.__setstate__ = lambda self, state: os.system(state)

    def pair(x):
        return [x, 1]

    def start(x):
        os.system(x)
    """
STATE = b"\x80\x02cacme.net\n%b\n)\x81}b."
CALL = b"\x80\x02cacme.net\n%b\n(K\x01tR."


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n")
    (folder / "net.py").write_text(dedent(SOURCE))
    return folder


def learned(package: Path) -> Learned:
    return learn(package.parent, package.name, (), is_class)


def test_what_loading_runs_decides(package: Path) -> None:
    found = learned(package)
    assert found.made == ["acme.net.Net"]
    assert set(found.called) >= {"acme.net.Config", "acme.net.pair"}
    assert set(found.refused) == {
        f"acme.net.{name}" for name in ("Restores", "Decorated", "Wrapped", "Patched", "start")
    }
    assert not found.unread
    assert set(found.digests) == {"acme/__init__.py", "acme/net.py"}


def test_the_file_lets_through_what_it_names_and_no_more(package: Path, tmp_path: Path) -> None:
    file = tmp_path / "allow.json"
    assert run(["learn", str(package), "-o", str(file)]) == 0
    options = Options(allow_imports=patterns_of(str(file)))

    def verdict(form: bytes, name: bytes, options: Options = options) -> Verdict:
        return examine_bytes(form % name, "model.pkl", options).verdict

    assert verdict(STATE, b"Net", Options()) is Verdict.REVIEW
    assert verdict(STATE, b"Net") is Verdict.CLEAN
    assert verdict(CALL, b"Net") is Verdict.REVIEW
    assert verdict(CALL, b"Config") is Verdict.CLEAN
    assert verdict(CALL, b"pair") is Verdict.CLEAN
    assert verdict(STATE, b"Restores") is Verdict.REVIEW
    assert verdict(CALL, b"start") is Verdict.REVIEW


REACTS = """
    import os, functools, re

    class Lines:
        def __iter__(self):
            os.system(self.command)
            return iter([])

    class Shown:
        @property
        def text(self):
            return os.system(self.command)

    class Copied:
        def __reduce__(self):
            return os.system, ("echo modelsweep-test",)

    class Plain:
        def __iter__(self):
            return iter(self.items)

    class Meta(type):
        def __call__(cls, command):
            os.system(command)

    class OfMeta(metaclass=Meta):
        pass

    def restore(self, state):
        os.system(state["command"])

    class Assigned:
        __setstate__ = restore

    class Renamed:
        def fill(self, state):
            os.system(state["command"])
        __setstate__: object = fill

    def total(values):
        return sum(values)

    def largest(values, key):
        return max(values, key=key)

    def ordered(values):
        return sorted(values, key=lambda value: value[0])

    def folded(function, values):
        return functools.reduce(function, values)

    def replaced(function, text):
        return re.sub(".", function, text)

    def shadowed(function, text):
        def inner(print):
            return print(text)
        return inner(function)

    def decorated(function):
        @function
        def inner():
            return 1
        return inner

    def derived(base):
        class Inner(base):
            pass
        return Inner

    def planted(owner, name, value):
        setattr(owner, name, value)

    def matched(value, text):
        match value:
            case {"f": len}:
                return len(text)
    """
HELD = b"cacme.react\n%b\n)\x81"


@pytest.fixture
def reacting(package: Path) -> Path:
    (package / "react.py").write_text(dedent(REACTS))
    return package


def test_what_runs_more_than_its_name_says_is_refused(reacting: Path) -> None:
    found = learned(reacting)
    refused = {name.removeprefix("acme.react.") for name in found.refused if name.startswith("acme.react.")}
    functions = {"largest", "folded", "replaced", "shadowed", "decorated", "derived", "planted", "matched", "restore"}
    assert refused == {"Assigned", "Renamed", *functions}
    assert {"acme.react.total", "acme.react.ordered", "acme.react.Plain"} <= set(found.called)
    assert "acme.react.OfMeta" in found.made
    assert set(found.reacting) == {f"acme.react.{name}" for name in ("Lines", "Shown", "Copied", "OfMeta")}


@pytest.mark.parametrize(
    ("pickled", "verdict"),
    [
        (b"]" + HELD % b"Lines" + b"a.", Verdict.CLEAN),
        (b"cacme.react\ntotal\n(" + HELD % b"Lines" + b"tR.", Verdict.REVIEW),
        (b"cacme.react\ntotal\n(](" + HELD % b"Lines" + b"etR.", Verdict.REVIEW),
        (b"cbuiltins\nset\n(" + HELD % b"Lines" + b"tR.", Verdict.REVIEW),
        (b"cbuiltins\nlist\n(" + HELD % b"Lines" + b"tR.", Verdict.REVIEW),
        (b"cacme.react\ntotal\n(" + HELD % b"Plain" + b"tR.", Verdict.CLEAN),
        (b"cacme.react\ntotal\n(](K\x01K\x02etR.", Verdict.CLEAN),
    ],
)
def test_instances_that_react_may_be_held_only(
    pickled: bytes, verdict: Verdict, reacting: Path, tmp_path: Path
) -> None:
    file = tmp_path / "allow.json"
    assert run(["learn", str(reacting), "-o", str(file)]) == 0
    options = Options(allow_imports=patterns_of(str(file)))
    assert examine_bytes(b"\x80\x02" + pickled, "model.pkl", options).verdict is verdict


def test_scan_takes_the_file(package: Path, tmp_path: Path) -> None:
    file, model = tmp_path / "allow.json", tmp_path / "model.pkl"
    model.write_bytes(STATE % b"Net")
    assert run(["learn", str(package), "-o", str(file)]) == 0
    assert run(["scan", "--no-progress", str(model)]) == 1
    assert run(["scan", "--no-progress", "--allow-from", str(file), str(model)]) == 0


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        '{"modelsweep-allow": 2}',
        '{"modelsweep-allow": 1, "packages": [{"package": "acme", "instances": ["*"], "calls": []}]}',
        '{"modelsweep-allow": 1, "packages": [{"package": "acme", "instances": [], "calls": ["os.system"]}]}',
        '{"modelsweep-allow": 1, "packages": [{"package": "acme", "calls": ["acme.x"]}]}',
    ],
)
def test_a_file_that_is_no_allow_list_is_refused(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "allow.json"
    file.write_text(content)
    assert run(["scan", "--allow-from", str(file), str(file)]) == 2
    assert "allow.json" in capsys.readouterr().err


HOSTILE = {
    "no_text": b"\xff\xfe\0bad(",
    "brackets": b"x = " + b"(" * 50_000 + b")" * 50_000,
    "signs": b"x = " + b"-" * 100_000 + b"1",
    "sum": b"x = " + b"+".join([b"1"] * 50_000),
    "attributes": b"class A:\n    def __setstate__(self, state):\n        a" + b".b" * 30_000 + b"()\n",
    "bases": b"\n".join(b"class C%d(C%d): pass" % (n, n + 1) for n in range(2_000)),
    "large": b"#" * (LARGEST + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_source_is_bounded(name: str, package: Path) -> None:
    (package / f"{name}.py").write_bytes(HOSTILE[name])
    found = learned(package)
    assert not [path for path in found.made + found.called if path.startswith(f"acme.{name}.")]
    assert (
        [where for where in found.unread if name in where] or [p for p in found.refused if name in p] or name == "sum"
    )


def test_links_and_special_files_are_left_out(package: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("class Outside: pass\n")
    (package / "link.py").symlink_to(outside)
    (package / "loop").symlink_to(package, target_is_directory=True)
    os.mkfifo(package / "fifo.py")
    found = learned(package)
    assert set(found.unread) == {"acme/link.py", "acme/fifo.py"}
    assert not [name for name in found.called if "Outside" in name]
    assert len(found.digests) < FILES


def test_the_file_is_json_for_people(package: Path, tmp_path: Path) -> None:
    file = tmp_path / "allow.json"
    assert run(["learn", str(package / "net.py"), "-o", str(file)]) == 0
    value = json.loads(file.read_text())
    assert value["packages"][0]["package"] == "net"
    assert list(value["packages"][0]["sources"]) == ["net.py"]
    assert run(["learn", "no_such_package_here"]) == 2
