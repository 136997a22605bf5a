"""Arguments of the library, checked where they are given: what nobody can mean raises ValueError or TypeError.

A text where several are taken stands for itself; its characters would be patterns of one letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args

from modelsweep.core.options import Options
from modelsweep.core.related import SIGNATURE
from modelsweep.core.report import Attachment

Texts = str | Iterable[str]
_Number = TypeVar("_Number", int, float)


def texts(name: str, value: Texts) -> tuple[str, ...]:
    """Return patterns or names; raises ValueError where one is empty, which would match anything."""
    found = (value,) if isinstance(value, str) else tuple(value)
    for text in found:
        if not isinstance(text, str):
            raise TypeError(f"{name}: {text!r} is not text")
        if not text:
            raise ValueError(f"{name}: an empty text matches nothing useful")
    return found


def signers(name: str, value: Texts) -> tuple[str, ...]:
    """Return who may sign, of files as signers.py describes them; raises ValueError."""
    files = texts(name, value)
    if not files:
        return ()
    from modelsweep.signers import signer

    return tuple(map(signer, files))


def attachments(name: str, value: Texts) -> tuple[Attachment, ...]:
    """Return what a report has of files; raises ValueError for one that cannot be attached."""
    paths = texts(name, value)
    if not paths:
        return ()
    from modelsweep.evidence import attached

    return tuple(map(attached, paths))


def can_require(options: Options) -> None:
    """Raise ValueError where signers are required, and nothing would be compared with what they signed."""
    if not options.require_signers:
        return
    if options.depth != "full":
        raise ValueError("a signer can be required only at full depth: quick depth reads no file completely")
    if options.scanners is not None and SIGNATURE not in options.scanners:
        raise ValueError(f"a signer can be required only where the scanner {SIGNATURE} is used")


def size(name: str, value: int | None) -> int | None:
    """Return a number of bytes, None for no bound; raises TypeError, ValueError."""
    return None if value is None else number(name, value)


def number(name: str, value: _Number) -> _Number:
    """Return a finite number that is not negative; raises TypeError, ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {value!r} is not a number")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name}: {value!r} is not a number of 0 or more")
    return value


def seconds(name: str, value: float) -> float:
    """Return a positive number of seconds; raises TypeError, ValueError."""
    if number(name, value) == 0:
        raise ValueError(f"{name}: 0 seconds is too short")
    return value


def one_of(name: str, value: Any, literal: Any) -> Any:
    """Return a value of a Literal type; raises ValueError."""
    if value not in get_args(literal):
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(map(repr, get_args(literal)))}")
    return value


def scanner_ids(names: Texts | None, plugins: Sequence[str]) -> tuple[str, ...] | None:
    """Return the ids of scanners, None for all; `names` as people write them. Raises ValueError, PluginError.

    Scanners that have to be asked for (`opt_in`), if there are no others, are added to all.
    """
    if names is None:
        return None
    from modelsweep.scanner_names import resolve
    from scanners.catalogue import names as names_of
    from worker.plugins import scanners_with

    installed = scanners_with(tuple(plugins))
    known = names_of(installed)
    chosen = {found for name in texts("scanners", names) for found in resolve(name, known)}
    asked_for = {scanner.name for scanner in installed if scanner.opt_in}
    if chosen and chosen <= asked_for:
        chosen |= set(known) - asked_for
    return tuple(name for name in known if name in chosen)
