"""Command lines of `scan` that need no parser: targets, and options that take one word or none.

What the options mean is in `plain_options`, which is generated from those of click. To load click and make its options
takes as long as all else of a small scan in this process. Whatever is not plain is left to it, mistakes above all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, cast

from modelsweep.cli.arguments import ScanArguments, Tolerance
from modelsweep.cli.plain_options import DEFAULTS, FLAGS, VALUES


def plain_arguments(words: Sequence[str]) -> ScanArguments | None:
    """Return what the words behind `scan` say, None where click is to tell."""
    found: dict[str, Any] = {**DEFAULTS, "tolerated": Tolerance(*DEFAULTS["tolerated"])}
    targets: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            targets.append(word)
        elif word in FLAGS:
            name, value = FLAGS[word]
            found[name] = value
        elif not _take_value(found, word, rest):
            return None
    return cast(ScanArguments, {**found, "targets": tuple(targets)})


def _take_value(found: dict[str, Any], word: str, rest: Iterator[str]) -> bool:
    """Take in an option with its value, the next of the `rest`; return whether it is a plain one."""
    option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
    if option not in VALUES:
        return False
    name, choices, several = VALUES[option]
    value = value if equals else next(rest, "-")
    if (value.startswith("-") and not equals) or (choices and value not in choices):
        return False
    found[name] = (*found[name], value) if several else value
    return True


def scan_plainly(plain: ScanArguments, words: Sequence[str]) -> int:
    """Do what the `plain` arguments in `words` say and return the exit code; click is left to tell of mistakes."""
    from modelsweep.cli.scanning import scan

    try:
        return scan(plain, tuple(words))
    except Exception as error:
        click = sys.modules.get("click")
        if not (click and isinstance(error, click.UsageError)):
            raise
    from modelsweep.cli.commands import invoke

    return invoke(tuple(words))
