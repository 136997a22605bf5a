"""`modelsweep learn`: an allow-list for one's own classes, from their source, which is never imported."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import click

from modelsweep.cli.terminal import say, write_line
from modelsweep.core.text import printable
from modelsweep.core.units import counted
from modelsweep.learning.learn import Learned, NoSource, learn

SHOWN = 50
"""Names of a kind that are shown without --verbose."""


@click.command(short_help="Derive an allow-list for your own classes from their source.")
@click.argument("targets", nargs=-1, required=True, metavar="PACKAGE|PATH...")
@click.option("--output", "-o", metavar="FILE", help="Write the allow-list for scan --allow-from FILE.")
@click.option("--verbose", "-v", is_flag=True, help="Show every name, and why the others are refused.")
def command(targets: tuple[str, ...], output: str | None, verbose: bool) -> int:
    """Show which classes and functions of a package a pickle may name without a warning, and why others may not.

    The source is read and never imported. A class is allowed if nothing of it that loading runs (__new__,
    __setstate__, __del__, setters and so on, also in its bases) does more than store data; a function is allowed if
    nothing that it calls does. Instances whose other methods do more (__iter__, __repr__, properties) may be stored,
    and are reported where loading passes them to a call. What is not allowed is reported as before.

    \b
    Examples:
      modelsweep learn ./src/acme
      modelsweep learn acme -o acme-allow.json && modelsweep scan --allow-from acme-allow.json models/
    """
    from modelsweep.cli.allow_file import written

    found = [_learned(folder, name) for target in targets for folder, name in _places(target)]
    for item in found:
        for line in _lines(item, verbose=verbose):
            write_line(line)
    if output:
        versions = {item.package: version for item in found if (version := _version(item.package))}
        Path(output).write_text(written(found, versions), encoding="utf-8")
        count = sum(len(item.made) + len(item.called) for item in found)
        say(f"{output}: {counted(count, 'name')}; review them, then scan with --allow-from {output}")
    return 0


def _places(target: str) -> Iterator[tuple[Path, str]]:
    """Yield the folder and the name of each package that `target` names; raises UsageError where there is none."""
    path = Path(target)
    if path.is_dir():
        if (path / "__init__.py").is_file() or (not any(path.glob("*/__init__.py")) and not any(path.glob("*.py"))):
            yield path.resolve().parent, path.resolve().name
            return
        yield from ((path.resolve(), one.parent.name) for one in sorted(path.glob("*/__init__.py")))
        yield from ((path.resolve(), one.stem) for one in sorted(path.glob("*.py")) if one.stem.isidentifier())
    elif path.suffix == ".py" and path.is_file():
        yield path.resolve().parent, path.stem
    elif target.isidentifier() and (folder := _installed(target)):
        yield folder, target
    else:
        raise click.UsageError(f"{printable(target, 200)}: neither a folder, a .py file nor a package installed here")


def _installed(name: str) -> Path | None:
    """Return the folder of the path of this Python that holds a package, never the one that the user stands in."""
    for entry in sys.path:
        folder = Path(entry)
        if entry and folder.is_dir() and ((folder / name).is_dir() or (folder / f"{name}.py").is_file()):
            return folder
    return None


def _learned(folder: Path, name: str) -> Learned:
    from scanners.judge.listed_names import is_class

    try:
        return learn(folder, name, (Path(sysconfig.get_path("purelib")),), is_class)
    except NoSource as error:
        raise click.ClickException(str(error)) from error


def _version(name: str) -> str:
    """Return the version of the distribution of a package as its metadata says, or nothing."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _lines(item: Learned, *, verbose: bool) -> Iterator[str]:
    yield f"{item.package}: {counted(len(item.digests), 'file')} read, none imported"
    kinds = (
        ("may be made and filled, but not called", [(name, "") for name in item.made]),
        ("may be called with anything", [(name, "") for name in item.called]),
        ("of these may be held only, and handed to no call", list(item.reacting.items())),
        ("refused", list(item.refused.items())),
        ("not read", list(item.unread.items())),
    )
    for title, names in kinds:
        if names:
            yield f"  {len(names):,} {title}"
        shown = names if verbose else names[:SHOWN]
        yield from (printable(f"    {name}{': ' if why else ''}{why}", 200) for name, why in shown)
        if len(shown) < len(names):
            yield f"    and {len(names) - len(shown):,} more: --verbose lists all"
