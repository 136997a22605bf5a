"""A process that is begun before anybody asks for it, and what becomes of it."""

from __future__ import annotations

import os

import pytest

from modelsweep.core.options import Options
from worker import execution
from worker.launcher import Launcher


@pytest.fixture
def begun() -> execution.Zygote:
    """A zygote that nobody has asked for yet."""
    execution.begin()
    return execution._BEGUN[-1]


def test_who_asks_first_gets_what_was_begun(begun: execution.Zygote):
    launcher = Launcher(Options())
    assert launcher.control is begun[0]
    assert launcher.tool().ruleset
    other = Launcher(Options())
    assert other.control is not begun[0]
    for each in (launcher, other):
        each.close()


def test_what_needs_another_environment_gets_another(begun: execution.Zygote):
    control, process = execution.execute({"CUDA_VISIBLE_DEVICES": "0"})
    assert process != begun[1]
    control.close()
    assert os.waitpid(process, 0)[1] == 0
    execution.abandon()


def test_what_nobody_asked_for_is_ended(begun: execution.Zygote):
    execution.abandon()
    assert not execution._BEGUN
    with pytest.raises(ChildProcessError):
        os.waitpid(begun[1], os.WNOHANG)
