"""Options and fixtures that every test may use."""

from __future__ import annotations

import os
import signal

import pytest

# What a test examines must not be known from another one, and is nobody's business afterwards
os.environ["MODELSWEEP_CACHE"] = "off"

# A shell that starts something in the background has it ignore Ctrl-C, and all that it starts: tests send that signal
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# nohup does so with SIGHUP
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--bless`, which writes the golden files instead of comparing with them."""
    parser.addoption("--bless", action="store_true", help="write golden files; read them before you commit them")


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written."""
    return bool(request.config.getoption("--bless"))
