"""Personal data: asked for or not, with and without Presidio, never from a network, and never shown."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelsweep.cache.extraction import extraction
from modelsweep.checked import scanner_ids
from modelsweep.cli.profiles import PROFILES
from modelsweep.cli.selection import choose, known_names
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit
from modelsweep.core.scanner import Context
from modelsweep.core.wire import dumps, encode_result
from scanners import SCANNERS
from scanners.engine import examine
from scanners.parsing.personal_kinds import EMAIL, Header, Reading, broken, header_of, is_address, is_fictitious
from tests.scanners.case import examine_bytes
from tests.scanners.personal_data.cases import ASKED
from tests.scanners.personal_data.people import rows, table
from tests.scanners.spool import memory_spool
from worker.plugins import versions, working
from worker.ruleset import tool

ROOT = Path(__file__).resolve().parents[2]
PROFILE = {profile.name: profile for profile in PROFILES}
PEOPLE = table("email", "phone", "card", "ssn", "iban")
needs_presidio = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import presidio_analyzer"], capture_output=True).returncode != 0,
    reason="presidio_analyzer is not installed: MODELSWEEP_TEST_PRESIDIO=1 ./dev test installs it",
)


def values() -> Iterator[str]:
    for row in rows("email", "phone", "card", "ssn", "iban"):
        yield from row


def test_it_runs_only_where_it_is_named() -> None:
    result = examine_bytes(PEOPLE, "people.csv")
    assert not result.findings
    assert "personal-data" not in result.artifacts[0].scanners
    assert "personal-data" not in tool(working(SCANNERS)).scanners
    assert "personal-data" in tool(working(SCANNERS, ("text", "personal-data"))).scanners


def test_it_is_added_to_what_else_is_chosen() -> None:
    everything = set(known_names()) - {"personal-data"}
    full = PROFILE["full-audit"]
    assert choose(full, (), (), ()) is None
    assert set(choose(full, ("personal-data",), (), ()) or ()) == everything | {"personal-data"}
    assert set(choose(full, (), ("gguf",), ()) or ()) == everything - {"gguf"}
    assert set(scanner_ids(["personal-data"], ()) or ()) == everything | {"personal-data"}
    assert set(scanner_ids(["personal-data", "gguf"], ()) or ()) == {"gguf", "personal-data"}
    both = set(choose(full, ("pickle", "PersonalDataScanner"), (), ()) or ())
    assert {"pickle", "personal-data"} <= both
    assert "gguf" not in both
    narrow = set(choose(PROFILE["personal-data"], (), (), ()) or ())
    assert {"personal-data", "zip", "text"} <= narrow
    assert "pickle" not in narrow


_WITHOUT = """
import sys
sys.path.insert(0, {root!r})
sys.modules["presidio_analyzer"] = None
from tests.scanners.case import examine_bytes
from tests.scanners.personal_data.cases import ASKED
result = examine_bytes(b"name,mail\\n", "people.csv", ASKED)
print(result.verdict.value, *(f"{{problem.kind.value}}: {{problem.detail}}" for problem in result.problems))
"""


def test_without_presidio_each_text_is_said_to_be_unexamined() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT.format(root=str(ROOT))], capture_output=True, text=True)
    assert done.stdout.strip() == (
        "not scanned dependency: looking for personal data needs the package presidio-analyzer"
    ), done.stderr


@needs_presidio
def test_versions_of_what_decides_are_part_of_the_ruleset() -> None:
    asked = working(SCANNERS, ("personal-data",))
    assert [entry.partition("==")[0] for entry in versions((), asked)] == [
        "presidio-analyzer",
        "phonenumbers",
        "tldextract",
    ]
    assert versions((), working(SCANNERS)) == ()


def test_earlier_results_count_for_the_same_versions_only() -> None:
    asked = Options(scanners=("text", "personal-data"))
    assert extraction(asked, "one") != extraction(asked, "other")
    plain = Options(scanners=("text",))
    assert extraction(plain, "one") == extraction(plain, "other")


@needs_presidio
def test_nothing_said_of_a_unit_holds_a_value() -> None:
    # other scanners see the same bytes, and quote from them
    options = Options(scanners=(*known_names(),))
    listing = "".join(
        f'mail = "{row[0]}"\nos.system("echo modelsweep-test {row[0]} {row[2]}")\n'
        for row in rows("email", "phone", "card")
    )
    for data, name in ((PEOPLE, "people.csv"), (PEOPLE, "people.txt"), (listing.encode(), "setup.py")):
        result = examine_bytes(data, name, options)
        assert any(finding.rule.id.startswith("personal-data/") for finding in result.findings)
        said = dumps(encode_result(result)).decode()
        shown = [value for row in rows("email", "phone", "card") for value in row]
        assert not [value for value in (*values(), *shown) if value in said]


@needs_presidio
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_is_asked_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a connection")

    from scanners.parsing.presidio import Presidio

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    found = Reading(Presidio(), "from anna@acme-people.co.uk or anna@acme.nosuchending\n", Header()).found()
    assert [(item.kind, item.value) for item in found] == [(EMAIL, "anna@acme-people.co.uk")]


@needs_presidio
def test_no_framework_is_loaded_with_it(tmp_path: Path) -> None:
    for name in ("torch", "tensorflow", "cupy", "mxnet"):
        (tmp_path / f"{name}.py").write_text('raise SystemExit("loaded")')
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
    code += "from scanners.parsing.presidio import presidio; presidio(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


@needs_presidio
def test_a_unit_with_very_much_text_is_said_to_be_unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    class Poor(Context):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            self.personal.left = 100

    monkeypatch.setattr("scanners.engine.Context", Poor)
    unit = Unit(0, Locator("people.csv"), len(PEOPLE))
    result = examine(unit, MemoryReader(PEOPLE), ASKED, memory_spool)
    assert [problem.kind.value for problem in result.problems] == ["limit"]


@needs_presidio
def test_a_phone_book_is_searched_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanners.personal_data.MOST_TRIED", 100)
    book = table("phone", people=3_000)
    result = examine_bytes(book, "phones.csv", ASKED)
    phones, part = result.findings
    assert (part.rule.id, phones.subject) == ("personal-data/sampled", "phone numbers")
    assert 100 < int(str(phones.evidence["count"])) < 3_000
    assert int(str(part.evidence["read"])) < len(book) // 2


@needs_presidio
def test_lines_are_those_of_the_file() -> None:
    data = b"nothing\n" * 5_000 + b"mail,anna@acme-people.org\n"
    (finding,) = examine_bytes(data, "people.csv", ASKED).findings
    assert finding.evidence["place"] == "line 5001"


@needs_presidio
def test_members_of_archives_are_looked_at() -> None:
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", PEOPLE)
    findings = examine_bytes(packed.getvalue(), "data.zip", ASKED).findings
    assert {str(finding.locator) for finding in findings} == {"data.zip!people.csv"}


@pytest.mark.parametrize("text", ["", "\n\n", "a" * 5_000, "a b," * 2_000 + "\n" + '"' * 3_000, "\r\nx\u2028y" * 900])
def test_breaking_long_lines_moves_nothing(text: str) -> None:
    found = broken(text)
    assert len(found) == len(text)
    assert max(map(len, found.splitlines() or [""])) <= 1_000
    kept = [place for place, (old, new) in enumerate(zip(text, found, strict=True)) if old != new]
    assert all(found[place] == "\n" for place in kept)


def test_columns_of_a_table() -> None:
    header = header_of('"Name";Phone;"E-Mail"\r\n')
    assert header.names == ("name", "phone", "e-mail")
    assert [header.name(line) for line in ("", "a;", '"a;b";', '"a;b', "a;b;c;d")] == [
        "name",
        "phone",
        "phone",
        "name",
        "",
    ]


@pytest.mark.parametrize(
    ("address", "somebody"),
    [
        ("81.2.69.142", True),
        ("2a02:26f0:6c00::1", True),
        ("192.0.2.1", False),
        ("10.1.200.3", False),
        ("2001:db8::1", False),
        ("1.21.4.1", False),
        ("81.2.69.0/24", False),
        ("81.2.69.400", False),
    ],
)
def test_addresses_of_somebody(address: str, somebody: bool) -> None:
    assert is_address(address) is somebody


def test_numbers_of_films_are_nobodys() -> None:
    assert is_fictitious("+1 (212) 555-0142")
    assert not is_fictitious("+1 (212) 555-1142")
