"""The public API: `scan` examines targets on this machine and returns a report.

report = scan("models/", blacklist=["unsafe_model"], max_file_size=2**30, timeout=600)
for finding in report.findings: ...
"""

# ruff: noqa: E402 - the guard stands before the imports that it guards
from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from modelsweep import checked, shadowing
from modelsweep.core.finding import Problem
from modelsweep.core.options import Depth, Options, Reuse, Selection
from modelsweep.core.related import is_telling, tells_of_others
from modelsweep.core.report import Report, Run, Tool, Unit, UnitResult
from modelsweep.core.values import dataclass, field, replace
from modelsweep.core.wire import shown_options

shadowing.check()

from producer.plan import plan
from producer.spelling import named_alike
from sources.opening import canonical, opener
from sources.source import scheme_of
from worker.execution import SandboxFailed
from worker.supervisor import Supervisor

if TYPE_CHECKING:
    from modelsweep.cache.known import Known

__all__ = ["JobOptions", "SandboxFailed", "Target", "scan", "scan_job"]

Target = str | os.PathLike[str]
Progress = Callable[[UnitResult], None]
"""Called with each result as it is completed, in any order."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a job is done: how every unit is examined, which units there are, and how many are examined at once.

    `jobs` 0 is one for each processor that this process may use; `reuse` says what is not read again where this user's
    cache knows it.
    """

    options: Options = field(default_factory=Options)
    selection: Selection = field(default_factory=Selection)
    jobs: int = 0
    reuse: Reuse = "objects"


def scan(  # noqa: PLR0913 - keywords that people look for, documented below
    *targets: Target | Iterable[Target],
    blacklist: checked.Texts = (),
    max_file_size: int | None = None,
    max_total_size: int | None = None,
    include: checked.Texts = (),
    exclude: checked.Texts = (),
    newest_first: bool = False,
    timeout: float = 300.0,
    allow_imports: checked.Texts = (),
    require_signers: checked.Texts = (),
    scanners: checked.Texts | None = None,
    plugins: checked.Texts = (),
    depth: Depth = "full",
    jobs: int = 0,
    reuse: Reuse = "objects",
    attachments: checked.Texts = (),
    progress: Progress | None = None,
) -> Report:
    """Examine files and folders and return the report; nothing that is scanned is loaded or run.

    `blacklist` holds patterns of model and file names that are reported; larger files than `max_file_size` and what
    passes `max_total_size` together (bytes) are left out, which is said; `include` and `exclude` are patterns of
    paths and names (`*.pt`, `a/*`), and what they leave out is counted; `newest_first` examines, and with
    `max_total_size` chooses, what was written last first; `timeout` is in seconds for a file of up to 1 GiB and
    grows with size; `allow_imports` are names to trust such as `acme.*`; `require_signers` are files of keys or
    certificates of those who have to have signed what is examined (signers.py); `scanners` are the names of those to
    use (`pickle`, `PickleScanner`), None for all; `plugins` are installed packages whose scanners are used too; `depth`
    "quick" looks at structure only; `jobs` files are examined at once (0: one for each processor); `progress` gets
    each result as it is completed.

    `reuse` says what is not read again that this user's cache knows: "objects" of remote stores, "files" too, taking
    inode and times for their content, or "nothing". `attachments` are paths of results of other tools, of
    which the report has a summary.

    What cannot be examined is a Problem in the report. Raises ValueError for arguments that nobody can mean, and
    SandboxFailed where no sandboxed process can be started; importing this raises shadowing.Shadowed where a folder
    on the path hides a package of modelsweep.
    """
    packages = checked.texts("plugins", plugins)
    options = Options(
        depth=checked.one_of("depth", depth, Depth),
        scanners=checked.scanner_ids(scanners, packages),
        allow_imports=checked.texts("allow_imports", allow_imports),
        blacklist=checked.texts("blacklist", blacklist),
        require_signers=checked.signers("require_signers", require_signers),
        plugins=packages,
        timeout=checked.seconds("timeout", timeout),
    )
    checked.can_require(options)
    selection = Selection(
        checked.size("max_file_size", max_file_size),
        checked.size("max_total_size", max_total_size),
        checked.texts("include", include),
        checked.texts("exclude", exclude),
        newest_first,
    )
    job = JobOptions(options, selection, checked.number("jobs", jobs), checked.one_of("reuse", reuse, Reuse))
    evidence = checked.attachments("attachments", attachments)
    return scan_job(_names(targets), job, progress).with_attachments(evidence)


def scan_job(
    targets: Sequence[str],
    job: JobOptions,
    progress: Progress | None = None,
    arguments: Sequence[str] = (),
    say: Callable[[str], object] = warnings.warn,
    watch: Callable[[Callable[[], int]], object] | None = None,
) -> Report:
    """Do a job and return its report, which names `arguments` as what it was started with; raises as `scan` does.

    `say` gets a sentence where something is wrong with the cache, which changes no report. `watch` gets what tells how
    many bytes of large files that are being examined were read, to be asked by any thread while this runs.
    """
    started, clock = time.time(), time.perf_counter()
    targets = tuple(map(canonical, targets))
    problems: list[Problem] = []
    known = _known(targets, job, say)
    with Supervisor(job.options, job.jobs, known) as supervisor, opener(targets) as open_unit:
        results, related = [], bool(job.options.require_signers)
        if watch:
            watch(supervisor.reading)

        def noted() -> Iterator[Unit]:
            nonlocal related
            for unit in _units(targets, job.selection, problems):
                related = related or is_telling(unit.locator.uri)
                yield unit

        for result in supervisor.examine(noted(), open_unit):
            if progress:
                progress(result)
            results.append(result)
            related = related or tells_of_others(result)
            if related:
                _load_across()
        tool, answered = supervisor.tool(), supervisor.answered
    run = Run(started, time.perf_counter() - clock, tuple(arguments), known=answered)
    results.sort(key=lambda result: result.unit.index)
    if related:
        from scanners.judge.repository.across import together

        results = together(results, job.options)
    return _report(targets, job, tool, results, problems, run)


def _known(targets: Sequence[str], job: JobOptions, say: Callable[[str], object]) -> Known | None:
    """Return what this user's cache knows, None where nothing of it is wanted."""
    if job.reuse == "nothing" or (job.reuse == "objects" and not any(map(scheme_of, targets))):
        return None
    from modelsweep.cache.known import Known
    from modelsweep.cache.opening import cache_address, open_cache

    address = cache_address()
    return Known(lambda: open_cache(address, say), job.options, job.reuse, say) if address else None


def _load_across() -> None:
    """Load what judges files by each other while some are still being examined: it takes 8 ms."""
    import scanners.judge.repository.across  # noqa: F401


def _units(targets: Sequence[str], selection: Selection, problems: list[Problem]) -> Iterator[Unit]:
    """Yield the units of the targets; what is no unit goes to `problems`."""
    for item in plan(targets, selection):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            yield item


def _report(
    targets: tuple[str, ...], job: JobOptions, tool: Tool, results: list[UnitResult], problems: list[Problem], run: Run
) -> Report:
    """Return the report of `results` in report order; under SOURCE_DATE_EPOCH nothing in it varies between two runs."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        run = Run(start_time=float(epoch))
        results = [replace(result, duration=0.0) for result in results]
    return Report(targets, tool, tuple(results), tuple(problems), run, shown_options(job.options, job.selection))


def _names(targets: Iterable[Target | Iterable[Target]]) -> tuple[str, ...]:
    """Return targets as text, with lists of them spread, each once."""
    names: list[str] = []
    for target in targets:
        if isinstance(target, (str, os.PathLike)):
            names.append(os.fspath(target))
        else:
            names += [os.fspath(name) for name in target]
    return named_alike(names)
