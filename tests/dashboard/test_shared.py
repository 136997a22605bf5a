"""Reports that were shared: what is shown of them, and what is not a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from modelsweep import scan
from modelsweep.dashboard import shown
from reporting import WRITERS, View
from tests.cli.conftest import MALICIOUS
from tests.dashboard.conftest import text_of

NAME = "modelsweep-20261201T000000Z-host-1.json"


def test_a_shared_report_is_listed_shown_and_handed_out(browser: FlaskClient, shared: Path, tmp_path: Path) -> None:
    (tmp_path / "<i>evil.pkl").write_bytes(MALICIOUS)
    with open(shared / NAME, "w", encoding="utf-8") as file:
        next(writer for writer in WRITERS if writer.name == "json").write(scan(tmp_path / "<i>evil.pkl"), file, View())
    assert NAME in text_of(browser.get("/shared"))
    page = browser.get(f"/shared/{NAME}")
    assert "<i>evil.pkl" in text_of(page)
    assert "loading would run os.system" in text_of(page)
    assert "<i>" not in page.get_data(as_text=True)
    assert browser.get(f"/shared/{NAME}/file").data == (shared / NAME).read_bytes()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"issues": 1}', b'{"issues": [1]}', b"[" * 100_000, b"\xff"])
def test_what_is_no_report_is_said(browser: FlaskClient, shared: Path, content: bytes) -> None:
    (shared / NAME).write_bytes(content)
    answer = browser.get(f"/shared/{NAME}")
    assert (answer.status_code, "is not a JSON report" in text_of(answer)) == (404, True)


def test_odd_values_in_a_report_are_shown_as_they_are(browser: FlaskClient, shared: Path) -> None:
    (shared / NAME).write_text(json.dumps({"issues": [{"severity": None, "message": ["<b>"], "location": {}}, {}]}))
    answer = browser.get(f"/shared/{NAME}")
    assert (answer.status_code, "['<b>']" in text_of(answer)) == (200, True)


def test_nothing_outside_of_the_folder_is_shown(browser: FlaskClient, shared: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"issues": []}')
    (shared / "link.json").symlink_to(tmp_path / "secret.json")
    (shared / ".hidden.json").write_text('{"issues": []}')
    for name in ("link.json", ".hidden.json", "..%2fsecret.json", "../secret.json", "none.json"):
        assert browser.get(f"/shared/{name}").status_code == 404
        assert browser.get(f"/shared/{name}/file").status_code == 404
    assert "link.json" not in text_of(browser.get("/shared"))


def test_a_report_that_is_large_is_fetched_only(
    browser: FlaskClient, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shared / NAME).write_text('{"issues": []}')
    monkeypatch.setattr(shown, "LARGEST", 4)
    assert "download it instead" in text_of(browser.get(f"/shared/{NAME}"))
    assert browser.get(f"/shared/{NAME}/file").status_code == 200


def test_half_a_character_in_place_of_a_number_is_shown(browser: FlaskClient, shared: Path) -> None:
    (shared / NAME).write_text(json.dumps({"issues": [], "files_scanned": "\ud800"}))
    answer = browser.get(f"/shared/{NAME}")
    assert (answer.status_code, "0 findings" in text_of(answer)) == (200, True)
