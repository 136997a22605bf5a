"""`./dev bench`: makes the workloads, installs the peers, runs everything side by side and prints tables.

Every round runs each tool once, so that load of the machine falls on all alike; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
from collections.abc import Iterable, Sequence
from compileall import compile_dir
from datetime import UTC, datetime
from pathlib import Path

from bench.fleet import measure_fleet
from bench.fleet_tables import fleet_section
from bench.machine import describe_machine
from bench.measure import Cost, interpreter_peak, run
from bench.opcodes import measure_rates
from bench.peers import HASH, PEERS, ROOT, TINY, Tool, environment, installed_peers, own_tools
from bench.reports import measure_reports
from bench.results import Results
from bench.tables import fill, rates_section, reports_section, workload_section
from bench.workloads import WORKLOADS, Workload
from modelsweep.core.collector import collect_rarely
from modelsweep.shadowing import OWN

WORK = ROOT / "bench" / ".work"
OPCODES, REPORTS, FLEET = "opcodes", "reports", "fleet"
NAMES = (*(workload.name for workload in WORKLOADS), OPCODES, REPORTS, FLEET)
PATIENCE = 30.0
"""Seconds of a run from which a tool is run only once."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="names with commas; '' for none")
    parser.add_argument("--runs", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the workloads; 0.01 is a quick look")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one run (default 300)")
    parser.add_argument("--folder", type=Path, default=WORK / "files", help="where the workloads are made (10 GB)")
    parser.add_argument("--keep", action="store_true", help="leave the workloads there, for another time")
    parser.add_argument("--markdown", type=Path, help="also fill this file between its markers, which name workloads")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return 0, or 2 where the platform lacks what measuring needs."""
    if sys.platform != "linux":
        print("bench: measures by /proc and pidfd: Linux only", file=sys.stderr)
        return 2
    options = arguments(given)
    collect_rarely()  # as all commands do: producers are measured in this process
    for name in OWN:  # as an installed package is: sandboxed children cannot write what they compile
        compile_dir(ROOT / name, quiet=1)
    machine = describe_machine()
    print(machine)
    peers, missing = installed_peers(options.peers.split(","), WORK / "peers")
    for line in missing:
        print(line)
    wanted = options.only or NAMES
    for workload in (workload for workload in WORKLOADS if workload.name in wanted):
        _report(options, workload.name, _workload(options, workload, peers, machine))
    if REPORTS in wanted:
        rates = list(measure_reports(options.runs, options.scale))
        _report(options, REPORTS, reports_section(rates, _note(options, machine)))
    if FLEET in wanted:
        figures = measure_fleet(options.folder / FLEET, options.runs, options.scale, options.timeout)
        _report(options, FLEET, fleet_section(figures, _note(options, machine)))
    if OPCODES in wanted:  # last: it fills this process, and the kernel counts that into what is started from it
        _report(options, OPCODES, _opcodes(options, machine))
    return 0


def _report(options: argparse.Namespace, name: str, section: str) -> None:
    print(f"\n{section}", flush=True)
    if options.markdown:
        fill(options.markdown, name, section)


def _workload(options: argparse.Namespace, workload: Workload, peers: Iterable[Tool], machine: str) -> str:
    """Make a workload, measure all tools on it, remove it, and return what it came to."""
    folder = options.folder / f"{options.scale:g}"
    path = folder / workload.name
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    own = own_tools()
    tools = [*(own[name] for name in workload.own), *(peer for peer in peers if peer.folders or not workload.folder)]
    try:
        for made in (workload, *(other for other in WORKLOADS if other.name == TINY)):
            _apart(made.make, folder / made.name, options.scale)
        rounds = tuple(_rounds(tools, path, home, options.runs, options.timeout))
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    results = Results(rounds, interpreter_peak())
    return workload_section(workload, tools, results, _note(options, machine))


def _apart(work: object, *given: object) -> None:
    """Call `work` in a process of its own, whose memory nothing that is measured afterwards inherits."""
    process = multiprocessing.get_context("fork").Process(target=work, args=given)  # type: ignore[arg-type]
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _rounds(tools: Sequence[Tool], path: Path, home: Path, rounds: int, timeout: float) -> Iterable[dict[str, Cost]]:
    """Yield the costs of each round; the first one also has the tools that take long."""
    slow = set[str]()
    # Whatever runs first would pay for bringing the files into the page cache
    hashing = own_tools()[HASH]
    run(hashing.command(path), environment(home, hashing), home, timeout)
    for _ in range(rounds):
        costs: dict[str, Cost] = {}
        for tool in tools:
            if tool.name not in slow:
                costs[tool.name] = run(tool.command(path), environment(home, tool), home, timeout)
                if costs[tool.name].wall > PATIENCE:
                    slow.add(tool.name)
        yield costs


def _opcodes(options: argparse.Namespace, machine: str) -> str:
    return rates_section(list(measure_rates(options.runs, options.scale)), _note(options, machine))


def _note(options: argparse.Namespace, machine: str) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    scale = "" if options.scale == 1 else f" Scale {options.scale:g}."
    return f"{when}, {machine}. {options.runs} rounds, page cache warm.{scale}"


if __name__ == "__main__":
    sys.exit(main())
