"""Generate `inert_names.py` and `inert_classes_*.py` of `scanners/judge`: `python -m scripts.inert [--env FOLDER]`.

Run in the root of the repository. Makes the environments of frameworks.txt in the folder (gigabytes, minutes),
examines their sources, saves real objects with them, writes the tables, and prints what was refused and what real
saves use that no table covers. With `--join` only new packages of [sources] that are taken by name are examined
(minutes less, and only the current environment).
"""

from __future__ import annotations

import argparse
import json
import sysconfig
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.inert.coverage import uncovered
from scripts.inert.derive import examine
from scripts.inert.environment import prepare_environment, read_frameworks, run_saves, site_packages, unpack_wheel
from scripts.inert.tables import build_tables, join_tables, present_tables, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.inert.derive import Derived

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "scanners" / "judge"


def main() -> None:
    """Make everything anew; environments that are already there are used again."""
    parser = argparse.ArgumentParser(prog="python -m scripts.inert", description=__doc__)
    parser.add_argument("--env", type=Path, default=Path(".venv-frameworks"), help="folder of the environments")
    parser.add_argument("--join", nargs="+", metavar="PACKAGE", help="examine these alone, and add them to the tables")
    options = parser.parse_args()
    folder = options.env.resolve()
    sections = read_frameworks(HERE / "frameworks.txt")
    if options.join:
        _join(folder, sections, options.join)
        return
    pythons = [prepare_environment(folder / name, sections[name]) for name in ("current", "older")]
    current, older = (site_packages(folder / name) for name in ("current", "older"))
    wheels = {line: unpack_wheel(line, folder / "sources") for line in sections["sources"]}
    reports: list[dict[str, Any]] = [json.loads(run_saves(python)) for python in pythons]
    worlds = [(current,), (older, current), *_worlds(wheels, current)]
    derived = examine(worlds, Path(sysconfig.get_path("stdlib")))
    tables = build_tables(derived, reports, _versions(sections))
    write(tables, TARGET)
    _report_refusals(derived)
    for line in uncovered(tables, reports):
        print(f"not covered: {line}")


def _join(folder: Path, sections: dict[str, list[str]], names: list[str]) -> None:
    """Examine packages of [sources] that are in LISTED, over the current environment, and add them to the tables."""
    prepare_environment(folder / "current", sections["current"])
    current = site_packages(folder / "current")
    lines = [line for line in sections["sources"] if line.partition("==")[0] in names]
    worlds: list[tuple[Path, ...]] = [(unpack_wheel(line, folder / "sources"), current) for line in lines]
    derived = examine(worlds, Path(sysconfig.get_path("stdlib")))
    known = present_tables()
    found = build_tables(derived, [], _versions({"sources": lines}), known.texts["REFUSED"])
    write(join_tables(known, found), TARGET)
    _report_refusals(derived)


def _worlds(wheels: dict[str, Path], current: Path) -> Iterator[tuple[Path, ...]]:
    """One world for each wheel: its sources, over the current environment, over the last version of all other wheels.

    A class whose base is in another package is judged with that base, and not refused for want of it.
    """
    newest = {line.partition("==")[0]: folder for line, folder in wheels.items()}
    for line, folder in wheels.items():
        name = line.partition("==")[0]
        yield (folder, current, *(other for package, other in newest.items() if package != name))


def _versions(sections: dict[str, list[str]]) -> dict[str, str]:
    """Every version of every framework that was used, in the order of frameworks.txt."""
    versions: dict[str, list[str]] = {}
    for line in (line for lines in sections.values() for line in lines if "==" in line):
        name, version = line.split()[0].split("==")
        known = versions.setdefault(name, [])
        if version not in known:
            known.append(version)
    return {name: " ".join(found) for name, found in versions.items()}


def _report_refusals(derived: Derived) -> None:
    reasons = Counter(verdict.refusal for verdict in derived.verdicts.values() if verdict.refusal)
    examples = {verdict.refusal: path for path, verdict in derived.verdicts.items() if verdict.refusal}
    for reason, count in reasons.most_common():
        print(f"refused: {count} such as {examples[reason]}: {reason}")


if __name__ == "__main__":
    main()
