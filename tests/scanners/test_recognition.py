"""Only scanners that may accept a blob are asked; nobody who would have accepted it is left out."""

from __future__ import annotations

import random

import pytest

from modelsweep.core.locator import Locator
from modelsweep.core.reader import MemoryReader, Truncated
from modelsweep.core.scanner import TAIL, ZIP, Blob, Malformed, Scanner, Signs
from scanners import SCANNERS
from scanners.recognition import Recognition
from tests.scanners.case import Case
from tests.scanners.mutation import mutated
from tests.scanners.test_cases import all_cases

RECOGNITION = Recognition(SCANNERS)
CASES = [pytest.param(case, id=f"{folder}-{name}") for folder, name, case in all_cases()]
SIGNS = [scanner.signs for scanner in SCANNERS if scanner.signs]
NAMES = sorted(
    {name for signs in SIGNS for name in signs.names}
    | {f"model{suffix}" for signs in SIGNS for suffix in signs.suffixes}
    | {f"model{suffix}" for scanner in SCANNERS for suffix in scanner.suffixes}
    | {
        "model",
        "MODEL.JSON",
        ".md",
        "x.",
        "Dockerfile",
        "LICENSE",
        "config",
        "requirements/base.txt",
        "blobs/sha256/00",
    }
)


def blob_of(data: bytes, name: str) -> Blob:
    """Return a file of these bytes."""
    return Blob(Locator(name), MemoryReader(data)).with_head()


def accepting(blob: Blob) -> list[str]:
    """Return who accepts `blob` when all are asked."""
    return [scanner.name for scanner in SCANNERS if _accepts(scanner, blob)]


def recognised(blob: Blob) -> list[str]:
    """Return who accepts `blob` of those that are asked."""
    return [scanner.name for scanner in RECOGNITION.candidates(blob) if _accepts(scanner, blob)]


def _accepts(scanner: Scanner, blob: Blob) -> bool:
    try:
        return scanner.accepts(blob)
    except (Truncated, Malformed):
        return False


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_recognised_as_if_all_were_asked(case: Case) -> None:
    data, rng = case.build()[: 1 << 20], random.Random(case.name)
    forms = [data, data[:3], *(mutated(data, rng) for _ in range(2))]
    names = [case.name, *rng.sample(NAMES, 3)]
    for blob in (blob_of(form, name) for form in forms for name in names):
        assert recognised(blob) == accepting(blob), blob.locator


@pytest.mark.parametrize("name", NAMES)
def test_every_first_byte_under_every_name(name: str) -> None:
    rng = random.Random(name)
    heads = [b"", *(bytes((first,)) + rest for first in range(256) for rest in (b"", rng.randbytes(40)))]
    for blob in (blob_of(head, name) for head in heads):
        assert recognised(blob) == accepting(blob), blob.head


def _scanner(name: str, signs: Signs | None) -> Scanner:
    return Scanner(name, name, 1, lambda _blob: True, lambda _blob, _context: iter(()), signs=signs)


def test_whoever_has_one_of_its_signs_is_asked_in_order() -> None:
    found = Recognition(
        [
            _scanner("zero", Signs(b"\0")),
            _scanner("named", Signs(names=("index.json",))),
            _scanner("any", None),
            _scanner("ending", Signs(b"P", (".pt",))),
            _scanner("nothing", Signs()),
        ]
    )

    def asked(data: bytes, name: str) -> list[str]:
        return [scanner.name for scanner in found.candidates(blob_of(data, name))]

    assert asked(b"\0", "index.json") == ["zero", "named", "any"]
    assert asked(b"PK", "a/model.bin") == ["any", "ending"]
    assert asked(b"", "model.PT") == ["any", "ending"]
    assert asked(b"", "b") == ["any"]


def test_what_stands_at_an_offset_or_the_end_is_looked_for() -> None:
    at = Signs(names=("x.bin",), at=((4, (b"ab", b"cd")), (8, (b"ef",))))
    found = Recognition([_scanner("at", at), _scanner("zip", ZIP)])

    def asked(data: bytes, name: str = "y.bin") -> list[str]:
        return [scanner.name for scanner in found.candidates(blob_of(data, name))]

    assert asked(b"....cd") == asked(b"........ef") == asked(b"", "x.bin") == ["at"]
    assert asked(b"ab..") == []
    assert asked(b"PK") == ["zip"]
    end = b"PK\5\6" + bytes(18)
    assert asked(bytes(100_000) + end) == asked(b"\1" + end + bytes(TAIL - len(end))) == ["zip"]
    assert asked(b"\1" + end + bytes(TAIL)) == []


def test_plain_text_is_demanded_alone_or_besides() -> None:
    found = Recognition([_scanner("any", Signs(plain=True)), _scanner("md", Signs(suffixes=(".md",), plain=True))])

    def asked(data: bytes, name: str) -> list[str]:
        return [scanner.name for scanner in found.candidates(blob_of(data, name))]

    assert asked(b"text", "a.md") == asked("text".encode("utf-16"), "a.md") == ["any", "md"]
    assert asked(b"text", "a.txt") == asked(b"", "a") == ["any"]
    assert asked(b"text\0", "a.md") == []
