"""The HTML page: well formed, self-contained, and nothing out of a file comes to life in it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from modelsweep.core.locator import Locator
from reporting import html
from tests.reporting.sample import hostile_name, malicious_archive, sample_report
from tests.reporting.test_writers import VIEW, written


class Page(HTMLParser):
    """Collects tags, and checks that each is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value or "" for name, value in attrs if name in {"href", "src"}}
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    page = Page()
    page.feed(written("html", sample_report(), replace(VIEW, verbose=True)))
    assert page.open == []
    assert not page.tags & {"script", "img", "link", "iframe", "object", "form"}
    assert all(link.startswith("#") for link in page.links)


def test_the_page_escapes_what_comes_out_of_files() -> None:
    unit = malicious_archive()
    finding = replace(unit.findings[0], subject="<script>alert(1)</script>", locator=Locator('a"><img src=x>.pkl'))
    text = written("html", replace(sample_report(), results=(replace(unit, findings=(finding,)),), targets=("<b>",)))
    assert "<script>" not in text
    assert "<img" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text


def test_the_worst_files_come_first_and_places_are_those_inside_of_them() -> None:
    first = malicious_archive()
    harmless = replace(first, unit=replace(first.unit, locator=Locator("a.txt")), findings=first.findings[3:4])
    text = written("html", replace(sample_report(), results=(harmless, hostile_name(), first)))
    places = [text.index(f"<h2><code>{name}") for name in ("models/model.pt", "models/a b%20", "a.txt")]
    assert places == sorted(places)
    assert '<code class="quiet">in archive/data.pkl, pos 42</code>' in text


def test_no_more_is_listed_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "LISTED", 3)
    first = malicious_archive()
    harmless = replace(first, unit=replace(first.unit, locator=Locator("a.txt")), findings=first.findings[3:4])
    text = written("html", replace(sample_report(), results=(harmless, first)))
    assert text.count("<tr>\n<td class=") == 3
    assert "a.txt" not in text
    assert "2 more findings are left out here" in text
