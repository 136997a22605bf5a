"""Newer Python read by an older one: the trees are those of the parser itself, for all that both understand."""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanners.parsing.python_newer import as_older, module
from scanners.parsing.python_syntax import parsed

NESTED = 80
LIBRARY = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[::3]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tree_of(source: str) -> str:
    tree = parsed(source.encode())
    return "" if tree is None else ast.dump(tree)


def test_the_standard_library_has_the_trees_that_its_parser_makes() -> None:
    compared = 0
    for path in LIBRARY:
        with tokenize.open(path) as file:
            text = file.read()
        found = module(text)
        if found is None:
            assert not re.search(r"""[(=]f["']""", text), path  # nothing in it could be newer
            continue
        source = path.read_bytes()
        wanted = as_older(ast.parse(source), source)
        assert ast.dump(found) == ast.dump(wanted), path
        lines = [[node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call)] for tree in (found, wanted)]
        assert sys.version_info < (3, 12) or lines[0] == lines[1], path  # before, lines in long strings were wrong
        compared += 1
    assert compared > len(LIBRARY) // 4


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("type A = int", "A = int"),
        ("type A[T] = list[T]", "A = list[T]"),
        ("if x: type A = int", "if x: A = int"),
        ("type = 1; type[0] = type", "type = 1; type[0] = type"),
        ("class A[T](B): pass", "class A(B): pass"),
        ("async def f[T: (int, str) = f(), *U, **P](a): pass", "async def f(a): pass\n(int, str)\nf()"),
        ("def f[\n  T,  # one\n](a):\n  pass", "def f(a):\n  pass"),
        ("try: pass\nexcept A, B: pass", "try: pass\nexcept (A, B): pass"),
        ("try: pass\nexcept* A, B: pass", "try: pass\nexcept* (A, B): pass"),
        ("lazy from a import b", "from a import b"),
        ("lazy import a.b; c", "import a.b; c"),
        ('f"{a["b"]}"', "f\"{a['b']}\""),
        ("f'{f'{f'{a}'}'}'", "f'''{f\"\"\"{f'{a}'}\"\"\"}'''"),
        ("f'a{{b}}\\n{x!r:>{y}}{z=}' 'c' rf'\\{d}'", "f'a{{b}}\\n{x!r:>{y}}z={z!r}c\\\\{d}'"),
        ("f'{'\\n'.join(a)}'", "f'{JOIN(a)}'"),
        ('f"{\n# two\nx\n}" + y', "f'{x}' + y"),
        ("f'\\N{BULLET}{x}'", "f'\u2022{x}'"),
        ("t'{a}{b!s}'", "f'{a}{b!s}'"),
        ("print(t'{a}' 'b'\n  f'{c}')", "print(f'{a}b{c}')"),
    ],
)
def test_newer_syntax_reads_as_older(newer: str, older: str) -> None:
    wanted = tree_of(older.replace("JOIN", "NEWLINE.join")).replace(
        "Name(id='NEWLINE', ctx=Load())", "Constant(value='\\n')"
    )
    assert wanted
    assert tree_of(newer) == wanted


@pytest.mark.parametrize(
    "source",
    ["type A", "f'{a'", "f'{a}", "f'}'", 'f"{a!x}"', "class A[T", "def f[T]", "except A, B", "lazy import", "f'{b'1'}"],
)
def test_what_is_no_python_stays_none(source: str) -> None:
    assert parsed(source.encode()) is None


def test_lines_stay_where_they_were() -> None:
    source = 'def f[\n  T,\n](): ...\nx = f"""{\n  a["b"]\n}\n""" f"{c()}"\nd()\n'
    tree = parsed(source.encode())
    assert tree
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call)] == [8, 7]


@pytest.mark.parametrize(
    ("source", "statements"),
    [
        ("f'{" * NESTED * 100, 0),
        ("f'{" * NESTED + "}'" * NESTED, 0),
        ("type A[" * 5_000, 0),
        ("except A, " * 5_000, 0),
        ("def f[T: " * 5_000, 0),
        ("f'" + "\\" * 20_001, 0),
        ("f'{a), (b}' + f'{}'\ntype A = 1", 0),
        ("f'" + "{a}" * 10_000 + "'\ntype A = 1", 2),
        ("f'a' " * 10_000 + "\ntype A = 1", 2),
    ],
    ids=lambda value: str(value)[:20],
)
def test_hostile_text_is_followed_or_given_up(source: str, statements: int) -> None:
    tree = parsed(source.encode())
    assert (0 if tree is None else len(tree.body)) == statements
