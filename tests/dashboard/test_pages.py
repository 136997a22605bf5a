"""What the pages show of jobs, from the form that sets one up to its reports."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from modelsweep.core.options import Options, Selection
from modelsweep.dashboard import setup as setting_up
from modelsweep.dashboard import shown
from modelsweep.dashboard import site as pages
from modelsweep.dashboard.access import Access
from modelsweep.dashboard.setup import Listings
from modelsweep.dashboard.site import ADDRESSES, Board
from modelsweep.fleet.answers import JobState
from modelsweep.fleet.job import JobSpec, new_id
from modelsweep.fleet.private_redis import PrivateRedis
from modelsweep.fleet.signature import Key
from modelsweep.jobs import Fleet
from reporting import WRITERS
from tests.dashboard.conftest import HERE, ODD, browser_of, submitted, text_of

UNKNOWN = "2222-3333-4444"


def test_a_scan_from_the_form_to_its_findings(browser: FlaskClient, models: Path) -> None:
    job = submitted(browser, targets=str(models))
    page = browser.get(f"/jobs/{job}")
    text = text_of(page)
    assert "2 malicious" in text
    assert "1 clean" in text
    assert "loading would run os.system('echo modelsweep-test')" in text
    assert "pickle/dangerous-call" in text
    assert "cut.zip" in text, "what was not scanned, and why"
    assert ODD in text, "the name of the file as it is"
    assert "<script>alert" not in page.get_data(as_text=True), "and never as a tag"
    assert job in text_of(browser.get("/"))


def test_the_form_asks_for_what_submit_would(browser: FlaskClient, models: Path, fleet: Fleet) -> None:
    job = submitted(
        browser,
        targets=f"{models / 'clean.pkl'}\n{models / 'evil.pkl'}\n",
        profile="serialization-attacks",
        blacklist="evil*\nbad*",
        **{"max-file-size": "1MB", "newest-first": "on", "format": ["html", "markdown"]},
    )
    spec = fleet.spec(job)
    assert spec.targets == (str(models / "clean.pkl"), str(models / "evil.pkl"))
    assert spec.options.blacklist == ("evil*", "bad*")
    assert spec.selection.max_file_size == 1 << 20
    assert spec.selection.newest_first
    assert set(spec.reports) == {"json", "sarif", "cyclonedx", "html", "markdown"}
    assert spec.arguments[:2] == ("submit", "--profile=serialization-attacks"), "as it would be typed"


def test_a_form_that_nobody_touched_asks_for_what_scan_does_by_itself(
    browser: FlaskClient, models: Path, fleet: Fleet
) -> None:
    form = _Filled()
    form.feed(browser.get("/new").get_data(as_text=True))
    assert form.values.keys() >= {"targets", "profile", "depth", "timeout", "max-file-size", "blacklist"}
    spec = fleet.spec(submitted(browser, **{**form.values, "targets": str(models)}))
    assert spec.options == Options()
    assert spec.selection == Selection()
    assert spec.arguments == ("submit", "--", str(models))


class _Filled(HTMLParser):
    """What a browser would send of a form as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "textarea" or (tag == "input" and (given.get("type") != "checkbox" or "checked" in given)):
            self.values[name] = value
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in given or self._select not in self.values):
            self.values[self._select] = value


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"targets": " \n"}, "Nothing to scan"),
        ({"targets": "/etc"}, "is not below a folder or address"),
        ({"targets": "s3://models"}, "is not below a folder or address"),
        ({"targets": "{models}/../other"}, "is not below a folder or address"),
        ({"targets": "{models}/none"}, "no such file or folder"),
        ({"targets": "{models}", "max-file-size": "much"}, "'much'"),
        ({"targets": "{models}", "included": "nothing"}, "Unknown field 'included'"),
        ({"targets": "{models}", "include-scanner": "nothing"}, "nothing"),
        ({"targets": "{models}", "targets-from": "/etc/passwd"}, "Unknown field 'targets-from'"),
        ({"targets": "--targets-from=/etc/passwd"}, "is not below a folder or address"),
        ({"targets": "\n".join(["{models}"] * 2_000)}, "More than 1,000"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form(
    browser: FlaskClient, models: Path, form: dict[str, str], said: str
) -> None:
    filled = {name: value.format(models=models) for name, value in form.items()}
    answer = browser.post("/new", data=filled, headers=HERE)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert filled["targets"].split("\n")[0].strip() in text_of(answer), "what was typed is still there"


def test_a_link_out_of_the_roots_is_not_scanned(browser: FlaskClient, models: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (models / "link").symlink_to(tmp_path / "secret")
    answer = browser.post("/new", data={"targets": str(models / "link")}, headers=HERE)
    assert (answer.status_code, "is not below" in text_of(answer)) == (400, True)


def test_no_more_jobs_than_some_are_listed_at_a_time(
    browser: FlaskClient, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_up, "AT_ONCE", 0)
    answer = browser.post("/new", data={"targets": str(models)}, headers=HERE)
    assert (answer.status_code, "jobs are being listed" in text_of(answer)) == (400, True)


def test_reports_are_those_of_the_job(browser: FlaskClient, models: Path, fleet: Fleet) -> None:
    job = submitted(browser, targets=str(models), format="spdx")
    others = {"in-toto": b"clean.pkl", "configmap": b"ConfigMap"}
    for writer in WRITERS:
        answer = browser.get(f"/jobs/{job}/reports/{writer.name}")
        assert answer.status_code == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        assert others.get(writer.name, b"evil.pkl") in answer.data
    found = json.loads(browser.get(f"/jobs/{job}/reports/json").data)
    assert found["files_scanned"] == 4
    pointer = fleet.ledger(job).progress().report
    with fleet.store.reader(f"{pointer}/report.json") as stored:
        assert browser.get(f"/jobs/{job}/reports/json").data == stored.read()


def test_the_page_of_a_report_may_run_and_load_nothing(browser: FlaskClient, models: Path) -> None:
    job = submitted(browser, targets=str(models))
    answer = browser.get(f"/jobs/{job}/report")
    assert answer.mimetype == "text/html"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert b"modelsweep report" in answer.data


def test_of_a_job_with_very_many_files_the_page_says_where_findings_are(
    browser: FlaskClient, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(browser, targets=str(models))
    monkeypatch.setattr(shown, "FEW", 3)
    assert "see the reports for the findings" in text_of(browser.get(f"/jobs/{job}"))
    monkeypatch.setattr("modelsweep.dashboard.site.FEW", 3)
    assert browser.get(f"/jobs/{job}/reports/json").status_code == 200, "which is stored"
    answer = browser.get(f"/jobs/{job}/reports/junit")
    assert (answer.status_code, f"modelsweep report {job} -f junit" in text_of(answer)) == (400, True)


def test_a_job_is_cancelled_and_tried_again(browser: FlaskClient, models: Path, fleet: Fleet) -> None:
    spec = JobSpec(new_id(), (str(models),))
    fleet.producer(spec).create()  # and nobody lists it
    page = browser.get(f"/jobs/{spec.id}").get_data(as_text=True)
    assert "data-every" in page
    assert "Cancel the job" in page
    assert "still running" in text_of(browser.post(f"/jobs/{spec.id}/retry", headers=HERE))
    assert browser.post(f"/jobs/{spec.id}/cancel", headers=HERE).status_code == 303
    assert "Cancelled" in text_of(browser.get(f"/jobs/{spec.id}"))
    job = submitted(browser, targets=str(models))
    assert "Retry what failed" in text_of(browser.get(f"/jobs/{job}")), "cut.zip is damaged"
    answer = browser.post(f"/jobs/{job}/retry", headers=HERE)
    assert (answer.status_code, "Nothing to retry" in text_of(answer)) == (400, True), (
        "it is damaged the next time, too"
    )


def test_findings_from_before_are_not_shown_while_a_job_is_retried(
    browser: FlaskClient, models: Path, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(browser, targets=str(models))
    assert "loading would run" in text_of(browser.get(f"/jobs/{job}"))
    ended = shown.job_of(fleet, job)
    retried = replace(ended, progress=replace(ended.progress, state=JobState.RUNNING))
    monkeypatch.setattr(pages, "job_of", lambda *_: retried)
    page = text_of(browser.get(f"/jobs/{job}"))
    assert ("Running" in page, "Open the report" in page, "loading would run" in page) == (True, True, False)


def test_a_job_that_cannot_be_read_is_still_listed(browser: FlaskClient, models: Path, fleet: Fleet) -> None:
    stranger = Fleet(fleet.broker, fleet.client, fleet.connection, fleet.store, Key(bytes(32)))
    spec = JobSpec(new_id(), (str(models),))
    stranger.producer(spec).create()
    for address in ("/", f"/jobs/{spec.id}"):
        answer = browser.get(address)
        assert (answer.status_code, spec.id in text_of(answer)) == (200, True)
        assert "not signed with the key" in text_of(answer)
    fleet.cancel(spec.id)


def test_every_link_leads_somewhere(browser: FlaskClient, models: Path) -> None:
    submitted(browser, targets=str(models))
    seen, waiting = set(), ["/"]
    while waiting:
        address = waiting.pop()
        answer = browser.get(address)
        assert answer.status_code == 200, address
        seen.add(address)
        if "/report" not in address:
            found = re.findall(r'(?:href|src)="(/[^"]*)"', answer.get_data(as_text=True))
            waiting += {*map(html.unescape, found)} - seen - set(waiting)
    assert {"/", "/new", "/shared", "/palette.css", "/static/style.css", "/static/live.js"} <= seen


@pytest.mark.parametrize("address", ["/jobs/x", f"/jobs/{UNKNOWN}", f"/jobs/{UNKNOWN}/report", "/none", "/?page=-1"])
def test_what_is_not_there_is_said(browser: FlaskClient, address: str) -> None:
    answer = browser.get(address)
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.get_data(as_text=True)


def test_pages_of_jobs_go_back(browser: FlaskClient, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "PAGE", 1)
    older, newer = submitted(browser, targets=str(models)), submitted(browser, targets=str(models))
    first, second = text_of(browser.get("/")), text_of(browser.get("/?page=1"))
    assert (newer in first, older in first) == (True, False)
    assert (newer in second, older in second) == (False, True)


def test_without_roots_nothing_is_set_up(fleet: Fleet, listings: Listings) -> None:
    browser = browser_of(Board(fleet), Access(), listings)
    assert "New scan" not in text_of(browser.get("/"))
    for answer in (browser.get("/new"), browser.post("/new", data={"targets": "/"}, headers=HERE)):
        assert (answer.status_code, "--root" in text_of(answer)) == (404, True)
    assert browser.get("/shared").status_code == 404


def test_a_redis_that_is_away_is_said(tmp_path: Path) -> None:
    with PrivateRedis() as server:
        fleet = Fleet.reach(server.url, str(tmp_path), Key(bytes(32)))
    with fleet:
        answer = browser_of(Board(fleet), Access(), Listings(fleet)).get("/")
        assert (answer.status_code, "Redis cannot be reached" in text_of(answer)) == (503, True)


def test_each_address_has_a_page() -> None:
    assert len({(address, *methods) for address, _, methods in ADDRESSES}) == len(ADDRESSES)


@pytest.mark.parametrize("target", ["evil.pkl\0", "https://[", "http://a:b@[", "evil.pkl.dvc"])
def test_odd_targets_are_refused(browser: FlaskClient, models: Path, target: str) -> None:
    (models / "evil.pkl.dvc").write_text("outs: [{path: evil.pkl, md5: 00000000000000000000000000000000}]")
    for named in (target, f"{models}/{target}"):
        answer = browser.post("/new", data={"targets": named}, headers=HERE)
        assert answer.status_code == 400, named


def test_formats_are_those_of_the_form(browser: FlaskClient, models: Path) -> None:
    for name in ("none", "json=/tmp/report"):
        answer = browser.post("/new", data={"targets": str(models), "format": name}, headers=HERE)
        assert (answer.status_code, "Further reports: there is no" in text_of(answer)) == (400, True)
