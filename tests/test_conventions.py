"""The habits of the code base, held: tuples equal folders, rules are named and shown, functions stay short."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import pkgutil
import re
from pathlib import Path

import pytest

import scanners
import scanners.detectors
from modelsweep.cli.profiles import FAMILIES as PLACES
from modelsweep.cli.profiles import PROFILES, RECOGNISERS
from modelsweep.core.scanner import Scanner
from scanners import SCANNERS
from scanners.catalogue import Declared, declared_rules, names
from scanners.detector import Detector
from scanners.detectors import DETECTORS
from scanners.formats import FORMATS
from scanners.judge import JUDGES, Judge
from tests.scanners.test_cases import all_cases

ROOT = Path(__file__).parents[1]
PRODUCT = ("modelsweep", "sources", "scanners", "reporting", "producer", "worker")
PACKAGES = (*PRODUCT, "scripts", "bench")
GOLDENS = ROOT / "tests" / "scanners"
LONGEST = 60
"""Lines of a function of the product."""
LONG_FUNCTIONS = {
    "scanners/parsing/pickle_machine.py:run",  # one flat loop: a call for each opcode would halve its speed
}
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*")
# What the first part of a rule's name may be besides the name of who declares it
FAMILIES = {
    "archive": "what unpacking would do, in every format of archive",
    "executable": "code inside other files, found by the detector of executables",
    "flax": "arrays of JAX's checkpoints outside their folder, judged apart from its format",
    "keras": "layers and files of Keras, in every format that holds them",
    "licence": "what licences oblige to, in every format that states one",
    "matlab": "functions of MATLAB, in every version of its files",
    "mnn": "external files of MNN, judged apart from its format",
    "name": "the judge of blacklisted names",
    "onnx": "operators and external files of ONNX, judged apart from its format",
    "paddle": "operators and parameters of PaddlePaddle, whose files are judged apart from its format",
    "script": "the detector of scripts",
    "search-index": "lists of FAISS in other files, judged apart from its format",
    "template": "the judge of chat templates",
    "tensorflow": "operators and assets of TensorFlow, in every format that holds them",
    "tflite": "operators and external files of TensorFlow Lite, judged apart from its format",
    "torch": "storages, in every format of torch",
}


def modules_with(package: object, name: str) -> dict[str, object]:
    """Return the value called `name` of each module directly in a package that has one."""
    path: list[str] = package.__path__  # type: ignore[attr-defined]
    prefix: str = package.__name__  # type: ignore[attr-defined]
    found = (importlib.import_module(f"{prefix}.{module.name}") for module in pkgutil.iter_modules(path))
    return {module.__name__: getattr(module, name) for module in found if hasattr(module, name)}


def test_the_tuple_of_scanners_is_the_folder() -> None:
    found = modules_with(scanners, "SCANNER")
    assert all(isinstance(value, Scanner) for value in found.values())
    assert len(found) == len(SCANNERS) == len({scanner.name for scanner in SCANNERS})
    assert {name.rpartition(".")[2] for name in found} == set(scanners.MODULES)
    assert {getattr(value, "name", "") for value in found.values()} == {scanner.name for scanner in SCANNERS}


def test_the_tuple_of_detectors_is_the_folder() -> None:
    found = modules_with(scanners.detectors, "DETECTOR")
    assert all(isinstance(value, Detector) for value in found.values())
    assert {name.rpartition(".")[2] for name in found} == set(scanners.detectors.MODULES)
    names = [*(scanner.name for scanner in SCANNERS), *(detector.name for detector in DETECTORS)]
    assert len(set(names)) == len(names), "a name chooses one scanner or detector"


def test_the_tuple_of_judges_is_the_folder() -> None:
    found = modules_with(scanners.judge, "findings")
    assert {module.findings for module in JUDGES} == set(found.values())
    assert len({judge.name for judge in JUDGES}) == len(JUDGES)


def test_every_scanner_and_detector_is_in_one_family_of_the_profiles() -> None:
    placed = [name for members in PLACES.values() for name in members]
    assert sorted(placed) == sorted(names()), "modelsweep/cli/profiles.py"
    narrow = {name for profile in PROFILES for name in profile.scanners} | set(RECOGNISERS)
    assert set(names()) - narrow == set(), "no narrower profile runs it"


def test_every_scanner_knows_a_format_that_people_name() -> None:
    known = {scanner.name for scanner in SCANNERS if not (scanner.weigh or scanner.opt_in)}  # of other formats
    assert {name for item in FORMATS for name in item.scanners} == known, "formats.py"


@pytest.mark.parametrize("declared", declared_rules(), ids=lambda declared: declared.rule.id)
def test_rules_are_named_and_worded(declared: Declared) -> None:
    rule, owner = declared.rule, declared.owner
    assert SLUG.fullmatch(rule.id), "SCANNER/WHAT in small letters"
    family = rule.id.partition("/")[0]
    assert family in FAMILIES or owner.startswith(family), f"{rule.id} of {owner}"
    assert rule.title[0].isupper() or not rule.title[0].isalpha()
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.references or family == "name", "why should anybody believe it? (the blacklist is the user's own)"


def test_one_id_is_one_rule() -> None:
    owners: list[Scanner | Detector | Judge] = [*SCANNERS, *DETECTORS, *JUDGES]
    rules = {rule for owner in owners for rule in owner.rules}
    assert len({rule.id for rule in rules}) == len(rules)


@functools.cache
def goldens() -> tuple[dict[str, object], ...]:
    """Return all golden results."""
    return tuple(json.loads(path.read_text()) for path in sorted(GOLDENS.glob("*/golden/*.json")))


def fired() -> set[str]:
    """Return the rules that appear in a golden."""
    return {finding["rule"] for golden in goldens() for finding in golden["findings"]}  # type: ignore[attr-defined]


def test_every_rule_fires_in_a_golden_and_all_that_fire_are_declared() -> None:
    rules = {declared.rule.id for declared in declared_rules()}
    by_name = {rule.id for judge in JUDGES if judge.name == "blacklist" for rule in judge.rules}  # test_blacklist.py
    assert rules - fired() - by_name == set()
    assert fired() - rules == set()


def test_every_scanner_has_a_clean_case() -> None:
    clean = {
        name
        for golden in goldens()
        if golden["verdict"] == "clean"
        for artifact in golden["artifacts"]  # type: ignore[attr-defined]
        for name in artifact.rpartition(" ")[2].split(",")
    }
    never_examined = {"unreadable", "tensorrt"}
    assert {scanner.name for scanner in SCANNERS} - clean == never_examined


def test_every_golden_has_its_case() -> None:
    cases = {GOLDENS / folder / "golden" / f"{name}.json" for folder, name, _ in all_cases()}
    assert set(GOLDENS.glob("*/golden/*.json")) == cases


def sources() -> list[Path]:
    """Return the modules of the product and of its tools."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are_and_functions_stay_short(path: Path) -> None:
    tree = ast.parse(path.read_text())
    where = path.relative_to(ROOT).as_posix()
    assert ast.get_docstring(tree), "a docstring"
    if path.relative_to(ROOT).parts[0] not in PRODUCT:
        return
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {f"{where}:{node.name}" for node in functions if (node.end_lineno or 0) - node.lineno >= LONGEST}
    assert long - LONG_FUNCTIONS == set()


def test_scanners_look_at_no_more_of_an_address_than_is_part_of_the_key() -> None:
    """Of the cache: what was seen in a file is known for others of the same bytes. Judges are asked anew each time."""
    for path in sorted(ROOT.glob("scanners/**/*.py")):
        if not {"judge", "repository"} & set(path.parts):
            asked = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
            assert "uri" not in asked, f"{path}: use name, suffix, path, telling_path"
