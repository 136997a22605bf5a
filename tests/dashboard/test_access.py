"""Who may see the pages, and what no other page can do with them."""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient

from modelsweep.dashboard import access as guarding
from modelsweep.dashboard.access import HEADERS, Access, BadToken
from modelsweep.dashboard.setup import Listings
from modelsweep.dashboard.site import Board
from modelsweep.jobs import Fleet
from tests.dashboard.conftest import HERE, HOST, TOKEN, browser_of, text_of


@pytest.fixture
def guarded(fleet: Fleet, listings: Listings) -> FlaskClient:
    """A browser at a dashboard with a token."""
    return browser_of(Board(fleet), Access(TOKEN), listings)


@pytest.mark.parametrize("host", ["localhost", "localhost:8420", "127.0.0.1:8420", "[::1]:8420"])
def test_without_a_token_it_answers_to_this_machine(browser: FlaskClient, host: str) -> None:
    assert browser.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:8420", "localhost.rebound.example", "10.0.0.5"])
def test_without_a_token_it_answers_to_no_other_name(browser: FlaskClient, host: str) -> None:
    answer = browser.get("/", headers={"Host": host})
    assert (answer.status_code, "serves localhost only" in text_of(answer)) == (403, True)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:81"},
        {"Referer": f"http://{HOST}/"},
    ],
)
def test_forms_of_other_pages_are_refused(browser: FlaskClient, headers: dict[str, str]) -> None:
    for address in ("/new", "/jobs/2222-3333-4444/cancel", "/jobs/2222-3333-4444/retry"):
        answer = browser.post(address, data={"targets": "/"}, headers=headers)
        assert (answer.status_code, "did not come from a page" in text_of(answer)) == (403, True)


def test_a_browser_signs_in_and_out(guarded: FlaskClient) -> None:
    answer = guarded.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")
    assert guarded.post("/sign-in", data={"token": TOKEN}).status_code == 403, "of another page"
    wrong = guarded.post("/sign-in", data={"token": TOKEN[:-1]}, headers=HERE)
    assert (wrong.status_code, "not the token" in text_of(wrong)) == (403, True)
    answer = guarded.post("/sign-in", data={"token": TOKEN}, headers=HERE)
    assert answer.status_code == 302
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    assert guarded.get("/", headers={"Host": "models.example"}).status_code == 302, "cookies are of one host"
    assert guarded.get("/").status_code == 200
    assert guarded.post("/sign-out", headers=HERE).status_code == 302
    assert guarded.get("/").status_code == 302


def test_behind_tls_the_cookie_is_for_tls(guarded: FlaskClient) -> None:
    headers = {**HERE, "X-Forwarded-Proto": "https"}
    assert "Secure" in guarded.post("/sign-in", data={"token": TOKEN}, headers=headers).headers["Set-Cookie"]


def test_programs_bring_the_token_with_them(guarded: FlaskClient) -> None:
    assert guarded.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.get("/", headers={"Authorization": "Bearer none"}).status_code == 403
    assert guarded.get("/", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 302
    assert guarded.get("/health").status_code == 200


def test_tokens_are_not_guessed(guarded: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    said = [guarded.post("/sign-in", data={"token": str(n)}, headers=HERE).status_code for n in range(12)]
    assert said == [403] * 10 + [429] * 2
    assert guarded.post("/sign-in", data={"token": TOKEN}, headers=HERE).status_code == 429
    now[0] += guarding.TRIES_WITHIN
    assert guarded.post("/sign-in", data={"token": TOKEN}, headers=HERE).status_code == 302


@pytest.mark.parametrize("token", ["short", "x" * 15, "töken" * 10, "a\n" * 20])
def test_tokens_that_anybody_guesses_are_refused(token: str) -> None:
    with pytest.raises(BadToken, match="at least 16 ASCII characters"):
        Access(token)


def test_every_answer_is_hardened(browser: FlaskClient) -> None:
    for address in ("/", "/none", "/static/live.js", "/palette.css", "/health", "/new"):
        headers = browser.get(address).headers
        wanted = HEADERS | ({"Cache-Control": "no-cache"} if "static" in address else {})
        assert {name: headers[name] for name in HEADERS} == wanted


def test_only_a_form_that_was_sent_counts_as_a_try(guarded: FlaskClient) -> None:
    for _ in range(guarding.TRIES + 1):
        assert guarded.head("/sign-in").status_code == 200
    assert guarded.post("/sign-in", data={"token": TOKEN}, headers=HERE).status_code == 302


def test_pages_that_are_asked_for_again_and_again_keep_nobody_signed_in(guarded: FlaskClient) -> None:
    assert "Set-Cookie" in guarded.post("/sign-in", data={"token": TOKEN}, headers=HERE).headers
    answer = guarded.get("/")
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)
