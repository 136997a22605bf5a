"""Operators in TorchScript source: what is called is told, what is only mentioned is not, whatever the size."""

from __future__ import annotations

import pytest

from modelsweep.core.report import Verdict
from scanners.parsing.torchscript import MAX_PARSED, called, mentioned
from tests.scanners.case import examine_bytes
from tests.scanners.torch.cases import script

LINE = "x = torch.relu(x)"
MANY = MAX_PARSED // len(LINE)


@pytest.mark.parametrize(
    "source",
    ["torch.save(x, 1)", "torch . save (x)", "(torch\n  .save(x))", "torch \\\n .save(x)", "y = [torch.save(x, 1)]"],
)
def test_calls_are_found_however_they_are_spaced(source: str) -> None:
    assert mentioned(source.encode()) == called(source.encode()) == {"torch.save"}


@pytest.mark.parametrize("source", ['"torch.save(x)"', "# torch.save(x)", "'''\nops.acme.run(x)\n'''"])
def test_what_is_only_mentioned_is_not_called(source: str) -> None:
    assert mentioned(source.encode())
    assert called(source.encode()) == set()


@pytest.mark.parametrize("source", ["xtorch.save(x)", "torch.save", "torch.relu(x)", "self.ops.save(x)"])
def test_other_names_are_not_told(source: str) -> None:
    assert mentioned(source.encode()) == set()


@pytest.mark.parametrize("source", ["$", "(" * 100_000, "-" * 100_000 + "1", "\0"])
def test_source_that_the_parser_refuses(source: str) -> None:
    assert not called(source.encode())


def test_long_source_is_examined_without_a_tree() -> None:
    result = examine_bytes(script(*[LINE] * MANY, 'torch.save(x, "f")'), "model.pt")
    assert result.verdict is Verdict.MALICIOUS
    assert examine_bytes(script(*[LINE] * MANY), "model.pt").verdict is Verdict.CLEAN
