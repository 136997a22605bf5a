"""JSON as it is read: what is told of it without its documents, and values of keys that later ones replace."""

from __future__ import annotations

import json

import pytest

from modelsweep.core.report import Verdict
from scanners.parsing.json_text import JsonFault, Outline, documents, outline
from tests.scanners.case import examine_bytes

HIDDEN = {"target": "os.system", "params": {}}
"""Named by keys that no word tells of: a mapping has to be looked at."""


@pytest.mark.parametrize(
    ("text", "keys", "may_repeat"),
    [
        ('{"a": {"b" : [{"c":1}, {"a":2}]}}', {"a", "b", "c"}, False),
        ('{"a": {"b": 1}, "a": 2}', {"a", "b"}, True),
        ('{"a": 1}\n{"a": 2, "\\u0062": 3}', {"a", "b"}, False),
        ('[{"a": "no key: it only looks like one"}]', {"a"}, True),
        ('["a:b"]', set(), True),
        ("[1, null]", set(), False),
        (" ", set(), False),
    ],
)
def test_outline_tells_all_keys_and_whether_any_may_be_repeated(text: str, keys: set[str], may_repeat: bool) -> None:
    assert outline(text) == Outline(frozenset(keys), may_repeat)


@pytest.mark.parametrize("text", ['{"a": ', '{"a": tru', "no JSON", '{"a": "b', "9" * 5_000])
def test_outline_finds_the_faults_that_documents_have(text: str) -> None:
    with pytest.raises(JsonFault) as said:
        documents(text)
    with pytest.raises(JsonFault) as again:
        outline(text)
    assert (str(again.value), again.value.cut) == (str(said.value), said.value.cut)


def test_documents_hold_what_later_keys_replace_where_that_is_asked() -> None:
    text = '{"a": {"b": 1}, "a": 2} [3]'
    assert documents(text) == [{"a": 2}, [3], {"a": {"b": 1}}]
    assert documents(text, repeated=False) == [{"a": 2}, [3]]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"net": [HIDDEN]}),
        f'{{"net": {json.dumps(HIDDEN)}, "net": null}}',
        f'{{"note": "see: there", "net": {json.dumps(HIDDEN)}}}',
        f'{{"note": "see: there", "net": {json.dumps(HIDDEN)}, "net": 1}}',
        f'[1]\n{{"net": {json.dumps(HIDDEN)}}}',
    ],
    ids=["plain", "replaced", "behind a colon", "replaced behind a colon", "in the second document"],
)
def test_code_that_a_convention_names_is_seen_wherever_it_stands(content: str) -> None:
    assert examine_bytes(content.encode(), "settings.json").verdict is Verdict.MALICIOUS
