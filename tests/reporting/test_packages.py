"""Packages of lists: what becomes of the lines that pip and conda read."""

from __future__ import annotations

import pytest

from modelsweep.core.finding import Fact
from modelsweep.core.locator import Locator
from reporting.packages import packages_of

WHERE = Locator("requirements.txt")


@pytest.mark.parametrize(
    ("kind", "line", "name", "version"),
    [
        ("requirement", "torch==2.1.0", "torch", "2.1.0"),
        ("requirement", "torch == 2.1.0+cu118", "torch", "2.1.0+cu118"),
        ("requirement", "Typing_Extensions===4.0", "typing-extensions", "4.0"),
        ("requirement", "ruamel.yaml", "ruamel.yaml", ""),
        ("requirement", "numpy>=1.2,<2", "numpy", ""),
        ("requirement", "numpy==1.*", "numpy", ""),
        ("requirement", "numpy==1.2,!=1.3", "numpy", ""),
        ("requirement", "requests[socks,use_chardet]==2.0; python_version < '3'", "requests", "2.0"),
        ("requirement", "requests (==2.0)", "requests", "2.0"),
        ("requirement", "acme==1.0 --hash=sha256:00 --hash=sha256:11", "acme", "1.0"),
        ("conda-requirement", "python=3.10", "python", "3.10"),
        ("conda-requirement", "conda-forge::scipy=1.2.3=py310_0", "scipy", "1.2.3"),
        ("conda-requirement", "numpy 1.8.1 py27_0", "numpy", "1.8.1"),
        ("conda-requirement", "numpy==1.8.1", "numpy", "1.8.1"),
        ("conda-requirement", "numpy>=1.8", "numpy", ""),
        ("conda-requirement", "_libgcc_mutex", "_libgcc_mutex", ""),
    ],
)
def test_a_line_is_a_package(kind: str, line: str, name: str, version: str) -> None:
    (package,) = packages_of([Fact(kind, line, WHERE)])
    ecosystem = "conda" if kind.startswith("conda") else "pypi"
    expected = f"pkg:{ecosystem}/{name}" + (f"@{version}" if version else "")
    assert (package.name, package.version, package.url.replace("%2B", "+")) == (name, version, expected)
    assert (package.where, package.line) == (WHERE, line)


@pytest.mark.parametrize(
    "line",
    [
        *("", "-e .", "--index-url https://p.example", "https://x.example/y.whl", "acme @ https://x.example/y.whl"),
        *("git+https://github.com/a/b", "./local", "../up.whl", "a b", "\udcff", "a\nb", "$(id)", "x" * 200),
    ],
)
def test_what_comes_from_elsewhere_is_none(line: str) -> None:
    assert not list(packages_of([Fact("requirement", line, WHERE)]))


def test_other_facts_are_none_and_a_line_counts_once() -> None:
    facts = [
        Fact("framework", "torch", WHERE),
        Fact("requirement", "torch", WHERE),
        Fact("requirement", "torch", WHERE),
    ]
    assert [package.url for package in packages_of(facts)] == ["pkg:pypi/torch"]
