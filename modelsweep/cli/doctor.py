"""`modelsweep doctor`: what this installation can and cannot do, and what to do about it."""

from __future__ import annotations

import platform
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from modelsweep import __version__
from modelsweep.cli.fleet_options import BROKER_VARIABLE
from modelsweep.cli.terminal import width, write_line
from modelsweep.core.installing import how_to_install, pip_install

if TYPE_CHECKING:
    from modelsweep.core.scanner import Scanner


@dataclass(frozen=True, slots=True)
class Package:
    """An optional package: the distribution, the module it brings, our extra that has it, what it is for.

    `outside` packages are those that nothing lacks until somebody names an address of that kind.
    """

    name: str
    module: str
    extra: str
    purpose: str
    outside: bool = False


USABLE = "can be used"
TITLE = 41
"""Columns of the name of a format; behind a longer one its endings stand on a line of their own."""
PACKAGES = (
    Package("boto3", "boto3", "cloud", "s3:// and r2:// addresses", outside=True),
    Package("celery", "celery", "fleet", "audit, submit, worker: jobs with many workers"),
    Package("cryptography", "cryptography", "signing", "model signatures: whether they match their certificates"),
    Package("google-cloud-storage", "google.cloud.storage", "cloud", "gs:// addresses", outside=True),
    Package("h5py", "h5py", "h5", "HDF5 files: Keras 2 models, Keras 3 weights"),
    Package("hyperscan", "hyperscan", "", "faster search of raw bytes; without it the same is found more slowly"),
    Package("inflate64", "inflate64", "7z", "Deflate64 members of zip and 7z archives"),
    Package("lz4", "lz4", "", "lz4 streams"),
    Package("mlflow", "mlflow", "mlflow", "models:/ addresses", outside=True),
    Package("NumPy", "numpy", "", "weights: their values, and what their lowest bits hide"),
    Package("presidio-analyzer", "presidio_analyzer", "personal-data", "personal data in text, where it is asked for"),
    Package("prometheus-client", "prometheus_client", "fleet", "metrics of a fleet"),
    Package("PyYAML", "yaml", "", "YAML configurations"),
    Package("redis", "redis", "fleet", "the ledger of a fleet"),
    Package("structlog", "structlog", "fleet", "logs of workers"),
    Package("urllib3", "urllib3", "cloud", "hf://, https:// and oci:// addresses, Artifactory", outside=True),
    Package("zstandard", "zstandard", "", "zstd streams"),
)


@dataclass(frozen=True, slots=True)
class ScannerStatus:
    """Whether a scanner can work here; `reason` says what it lacks."""

    name: str
    title: str
    version: int
    needs: tuple[str, ...]
    works: bool
    reason: str = ""
    without: str = "is reported as not scanned"
    """What happens while it does not work."""
    asked_for: bool = False
    """Whether it runs only where it is named, so that nothing is wrong where it cannot."""


@dataclass(frozen=True, slots=True)
class FormatStatus:
    """Whether a format can be examined here; `missing` are the packages that it lacks."""

    title: str
    suffixes: tuple[str, ...]
    scanners: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that `doctor` says."""

    modelsweep: str
    python: str
    system: str
    pickle_machine: str
    matcher: str
    arrays: tuple[str, ...]
    """Libraries that could compute the numbers of weights: NumPy does, others where a worker is told to."""
    packages: Mapping[str, str | None]
    scanners: tuple[ScannerStatus, ...]
    formats: tuple[FormatStatus, ...]
    failures: tuple[str, ...]
    sandbox: Mapping[str, str]
    redis_server: str
    """What `audit` starts where no broker is named, empty where there is none."""
    broker: str
    """Whether the broker that was named can be used, empty where none was."""
    advice: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether everything that was not left out on purpose works."""
        return not self.failures and self.broker in ("", USABLE)


@click.command(short_help="Show what this installation can do.")
@click.option("--show-failed", is_flag=True, help="Show only what does not work.")
@click.option("--plugin", "plugins", multiple=True, metavar="NAME", help="Also load this third-party package.")
@click.option("--broker", metavar="URL", envvar=BROKER_VARIABLE, help=f"Also try this Redis [${BROKER_VARIABLE}].")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def command(show_failed: bool, plugins: tuple[str, ...], broker: str | None, form: str) -> int:
    """Show what this installation can do: versions, scanners, optional packages, sandbox, and whether a broker
    answers.

    Exit code: 0 everything installed works, 2 something is broken.
    """
    diagnosis = diagnose(plugins, broker or "")
    if form == "json":
        from json import dumps

        click.echo(dumps({**asdict(diagnosis), "healthy": diagnosis.healthy}, indent=2))
    else:
        for line in _lines(diagnosis, show_failed):
            write_line(line)
    return 0 if diagnosis.healthy else 2


def diagnose(plugins: tuple[str, ...] = (), broker: str = "") -> Diagnosis:
    """Return what works and what does not, with the plug-ins and the Redis at an address."""
    from worker.backends import installed
    from worker.sandbox import features

    packages = {package.name: _version(package) for package in PACKAGES}
    scanners, failures = _scanners(plugins)
    machine, sandbox = _pickle_machine(), features()
    return Diagnosis(
        modelsweep=__version__,
        python=f"{platform.python_version()} ({sys.executable})",
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        pickle_machine=machine,
        matcher="hyperscan" if packages["hyperscan"] else "re",
        arrays=installed(),
        packages=packages,
        scanners=scanners,
        formats=_formats(scanners),
        failures=failures,
        sandbox=sandbox,
        redis_server=_redis_server() if packages["redis"] else "",
        broker=_broker(broker) if packages["redis"] else "",
        advice=tuple(_advice(machine, packages, scanners)),
    )


def _version(package: Package) -> str | None:
    """Return the version of an installed package, None where it is not there; nothing is imported but namespaces."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package.name) if find_spec(package.module) else None
    except (PackageNotFoundError, ModuleNotFoundError):
        return None


def _scanners(plugins: tuple[str, ...]) -> tuple[tuple[ScannerStatus, ...], tuple[str, ...]]:
    try:
        from worker.plugins import PluginError, scanners_with
    except Exception as error:  # noqa: BLE001 - whatever breaks the import of a scanner is what doctor is asked about
        return (), (f"the scanners do not load: {type(error).__name__}: {error}",)
    failures = []
    try:
        scanners = scanners_with(plugins)
    except PluginError as error:
        failures.append(str(error))
        scanners = scanners_with(())
    return tuple(_status(scanner) for scanner in scanners), tuple(failures)


def _formats(scanners: Sequence[ScannerStatus]) -> tuple[FormatStatus, ...]:
    """Return the formats of which the scanners load, and what each lacks."""
    if not scanners:
        return ()
    from scanners.formats import FORMATS

    missing = {
        scanner.name: scanner.reason.removeprefix("needs ").split(", ") for scanner in scanners if scanner.reason
    }
    return tuple(
        FormatStatus(
            item.title,
            item.suffixes,
            item.scanners,
            tuple(dict.fromkeys(name for scanner in item.scanners for name in missing.get(scanner, ()))),
        )
        for item in FORMATS
    )


def _status(scanner: Scanner) -> ScannerStatus:
    modules = {package.name: package.module for package in PACKAGES}
    missing = [name for name in scanner.needs if not find_spec(modules.get(name, name))]
    reason = f"needs {', '.join(missing)}" if missing else ""
    status = ScannerStatus(scanner.name, scanner.title, scanner.version, scanner.needs, not missing, reason)
    # Of weights no verdict depends on it: they are examined for all else, and the report says which scanners ran
    if scanner.opt_in:
        return replace(status, without="cannot be looked for", asked_for=True)
    return replace(status, without="is left out") if scanner.weigh else status


def _pickle_machine() -> str:
    found = find_spec("scanners.parsing.pickle_machine")
    if found is None or found.origin is None:
        return "missing"
    return "pure Python" if found.origin.endswith(".py") else "compiled"


def _redis_server() -> str:
    from modelsweep.fleet.private_redis import find_redis_server

    return find_redis_server() or ""


def _broker(url: str) -> str:
    """Return whether the broker can be used, or why not; nothing where none is named."""
    if not url:
        return ""
    from modelsweep.fleet.answers import LedgerFault
    from modelsweep.fleet.messages import BrokerFault, client_of
    from modelsweep.fleet.redis_faults import check_server

    try:
        with client_of(url) as client:
            check_server(client)
    except (BrokerFault, LedgerFault) as fault:
        return str(fault)
    return USABLE


def _advice(machine: str, packages: Mapping[str, str | None], scanners: Sequence[ScannerStatus]) -> list[str]:
    lines = []
    if machine == "pure Python":
        lines.append(
            "the pickle machine is not compiled: install a C compiler and reinstall: it is twenty times as fast then"
        )
    ours = {package.name: package for package in PACKAGES}
    for scanner in scanners:
        needs = [name for name in scanner.needs if name in ours] or scanner.needs  # others come with these
        for name in needs if not scanner.works else ():
            how = _how(ours[name]) if name in ours else pip_install([name])
            lines.append(f"{scanner.title} {scanner.without}: {how}")
    needed = {name for scanner in scanners for name in scanner.needs}
    missing = [package for package in PACKAGES if not packages[package.name] and package.name not in needed]
    for how in dict.fromkeys(map(_how, missing)):
        purposes = dict.fromkeys(package.purpose for package in missing if _how(package) == how)
        lines.append(f"{'; '.join(purposes)}: {how}")
    return lines


def _how(package: Package) -> str:
    """Return the command that installs a package, with those that it is used with."""
    return how_to_install(package.extra) if package.extra else pip_install([package.name])


def _lines(diagnosis: Diagnosis, show_failed: bool) -> list[str]:
    broken = [scanner for scanner in diagnosis.scanners if not (scanner.works or scanner.asked_for)]
    lines = [f"{'broken':<16}{failure}" for failure in diagnosis.failures]
    lines += [f"{'not working':<16}{scanner.name}: {scanner.reason}" for scanner in broken]
    lines += [
        f"{'format':<16}{form.title}: needs {', '.join(form.missing)}" for form in diagnosis.formats if form.missing
    ]
    if diagnosis.broker not in ("", USABLE):
        lines.append(f"{'broker':<16}{diagnosis.broker}")
    if show_failed:
        return lines or ["everything that is installed works"]
    working = [scanner.name for scanner in diagnosis.scanners if scanner.works]
    lines += [
        f"{'modelsweep':<16}{diagnosis.modelsweep}",
        f"{'Python':<16}{diagnosis.python}",
        f"{'system':<16}{diagnosis.system}",
        f"{'pickle machine':<16}{diagnosis.pickle_machine}",
        f"{'matcher':<16}{diagnosis.matcher}",
        f"{'weights':<16}{_arrays(diagnosis.arrays)}",
        *_column("scanners", f"{len(working)} of {len(diagnosis.scanners)} work: {', '.join(working)}"),
        f"{'redis-server':<16}{diagnosis.redis_server or 'none: audit needs --broker'}",
        f"{'broker':<16}{diagnosis.broker or f'none named (--broker, {BROKER_VARIABLE})'}",
        "sandbox",
        *(f"  {name:<22}{state}" for name, state in diagnosis.sandbox.items()),
        "optional packages",
        *(f"  {item.name:<22}{diagnosis.packages[item.name] or '-':<12}{item.purpose}" for item in PACKAGES),
        "formats",
        *(line for form in diagnosis.formats for line in _listed(form)),
    ]
    return lines + [f"advice: {line}" for line in diagnosis.advice]


def _arrays(installed: Sequence[str]) -> str:
    others = [name for name in installed if name != "numpy"]
    first = "numpy" if "numpy" in installed else "not looked at: that needs NumPy"
    return f"{first}; for worker --arrays: {', '.join(others)}" if others else first


def _column(name: str, text: str) -> list[str]:
    """Return a row of the table, whose text may need several lines."""
    return textwrap.wrap(
        text,
        max(width(sys.stdout), 60),
        initial_indent=f"{name:<16}",
        subsequent_indent=" " * 16,
        break_on_hyphens=False,
    )


def _listed(form: FormatStatus) -> list[str]:
    """Return the row of a format; a title that is longer than its column has a line of its own."""
    state = f"  (needs {', '.join(form.missing)})" if form.missing else ""
    endings = f"{' '.join(form.suffixes)}{state}"
    if len(form.title) < TITLE:
        return [f"  {form.title:<{TITLE}}{endings}".rstrip()]
    return [f"  {form.title}", f"  {'':<{TITLE}}{endings}".rstrip()]
