"""Examining a file loads the scanners and judges that it may be for, and no others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from modelsweep.core.locator import Locator
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob
from scanners import MODULES, SCANNERS
from scanners.detectors import DETECTORS, loaded_detector
from scanners.detectors import MODULES as DETECTOR_MODULES
from scanners.index import SCANNERS as INDEX
from scanners.judge import JUDGES, LISTED, loaded_judge
from scanners.judge.index import JUDGES as JUDGE_INDEX
from scanners.late import Late, late_scanner, loaded_scanner
from scanners.recognition import Recognition

ROOT = Path(__file__).resolve().parents[2]


def test_what_the_index_does_not_know_is_loaded_at_once() -> None:
    assert late_scanner("gguf", {}) is loaded_scanner("gguf")


def test_the_index_knows_everything_as_it_is() -> None:
    assert set(INDEX) == set(MODULES)
    for module in MODULES:
        late, loaded = late_scanner(module, INDEX), loaded_scanner(module)
        assert isinstance(late, Late)
        known = ("name", "version", "suffixes", "needs", "judged", "opt_in", "signs")
        assert [getattr(late, name) for name in known] == [getattr(loaded, name) for name in known], "run ./dev docs"
        assert (late.scan, late.rules, late.member, late.weigh) == (
            loaded.scan,
            loaded.rules,
            loaded.member,
            loaded.weigh,
        )
    for detector, module in zip(DETECTORS, DETECTOR_MODULES, strict=True):
        assert isinstance(detector, Late)
        declared = loaded_detector(module)
        fields = ("name", "version", "patterns", "runs", "owners", "sample", "title", "confirm", "rules")
        assert [getattr(detector, name) for name in fields] == [getattr(declared, name) for name in fields]
    for judge, (name, version, module) in zip(JUDGES, LISTED, strict=True):
        opinion = loaded_judge(name, version, module)
        assert (judge.name, judge.version, judge.kinds) == (opinion.name, opinion.version, opinion.kinds)
    assert set(JUDGE_INDEX) == {module for _, _, module in LISTED}
    assert all(isinstance(judge, Late) for judge in JUDGES)


# In the order of what a scan does: the zygote, then a child
_EXAMINE = """
import sys
import worker.zygote
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit
from scanners.engine import examine
from sources.spool import FileSpool
from worker.plugins import working, scanners_with
from worker.ruleset import tool
name, data = sys.argv[1], bytes.fromhex(sys.argv[2])
scanners = working(scanners_with(()))
tool(scanners)
examine(Unit(0, Locator(name), len(data)), MemoryReader(data), Options(), FileSpool("."), scanners)
print(*(module for module in sys.modules if module.startswith("scanners.")))
"""


def loaded_for(name: str, data: bytes, folder: Path) -> set[str]:
    """Return the modules of `scanners` that examining one file loads, without their package."""
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    command = [sys.executable, "-c", path + _EXAMINE, name, data.hex()]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True)
    return {module.removeprefix("scanners.") for module in done.stdout.split()}


def may_accept(name: str, data: bytes) -> set[str]:
    """Return the modules whose scanners are asked of a file, and that of weights, whose packages are looked for."""
    recognition = Recognition(SCANNERS)
    asked = {scanner.name for scanner in recognition.candidates(Blob(Locator(name), MemoryReader(data)).with_head())}
    return {module for module, known in INDEX.items() if known["name"] in asked} | {"weights"}


SIGNLESS = {"oci_blob", "pickle", "tar", "tensorflow_checkpoint", "tfrecord", "unreadable"}
"""Scanners that can tell nothing from the first bytes or the last, or look at the name in a way of their own."""


def test_hardly_any_scanner_has_no_signs() -> None:
    signless = {module for module, known in INDEX.items() if known["signs"] is None}
    assert signless <= SIGNLESS, "it would be loaded for every file: see Signs in modelsweep/core/scanner.py"


def test_a_small_pickle_loads_the_scanners_of_pickles(tmp_path: Path) -> None:
    name, data = "a.pkl", b"\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s."
    loaded = loaded_for(name, data, tmp_path)
    # `text` lends its recognition to `unreadable`
    assert loaded & set(MODULES) == may_accept(name, data) | {"text"}
    assert {"zip", "onnx", "safetensors", "json_config", "keras"}.isdisjoint(loaded)
    judges = {module for _, _, module in LISTED if f"judge.{module}" in loaded}
    assert judges == {"blacklist"}, "no fact of a call is there"
    assert {module for module in DETECTOR_MODULES if f"detectors.{module}" in loaded} == {"encoded", "pickles"}


def test_a_file_loads_the_scanner_that_it_is_for(tmp_path: Path) -> None:
    name, data = "a.gguf", b"GGUF" + (3).to_bytes(4, "little") + bytes(16)
    loaded = loaded_for(name, data, tmp_path)
    assert "gguf" in loaded
    assert loaded & set(MODULES) == may_accept(name, data) | {"text"}
