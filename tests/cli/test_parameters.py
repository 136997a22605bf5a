"""Option values as people write them."""

from __future__ import annotations

from collections.abc import Callable

import click
import pytest

from modelsweep.cli.arguments import Tolerance
from modelsweep.cli.parameters import count, interval, rate, seconds, size, tolerance


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (size, "1GB", 2**30),
        (size, "500 kb", 500 * 1024),
        (size, "1048576", 2**20),
        (seconds, "0.5", 0.5),
        (interval, "0", 0.0),
        (interval, "0.2", 0.2),
        (rate, "2.5", 2.5),
        (count, "8", 8),
        (tolerance, "5", Tolerance(files=5)),
        (tolerance, "0.1%", Tolerance(percent=0.1)),
    ],
)
def test_values(convert: Callable[[str], object], text: str, value: object):
    assert convert(text) == value


@pytest.mark.parametrize(
    ("convert", "text"),
    [
        *((size, text) for text in ("", "much", "-1", "1 parsec", "nan", "infGB")),
        *((seconds, text) for text in ("0", "-1", "nan", "inf", "soon")),
        *((interval, text) for text in ("-1", "nan", "inf", "soon")),
        *((rate, text) for text in ("0", "-1", "nan", "inf", "often")),
        *((count, text) for text in ("0", "-1", "1.5", "²", "all")),
        *((tolerance, text) for text in ("-1", "101%", "-1%", "nan%", "few")),
    ],
)
def test_nonsense_is_refused_with_what_was_expected(convert: Callable[[str], object], text: str):
    with pytest.raises(click.BadParameter, match=r"is (not|neither)"):
        convert(text)
