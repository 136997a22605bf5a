"""`--notify`: what a webhook of loopback is told, when, and what becomes of one that does not answer."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from modelsweep import notifying
from tests.cli.conftest import Run

SECRET = "of-a-test"


@dataclass(slots=True)
class Webhook:
    """A server that keeps what it is sent, and answers with these statuses, one after the other, then with 200."""

    url: str
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    is_endless: bool = False
    """Whether its answers go on until nobody listens."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What it was sent."""
        return [json.loads(body) for _, body in self.requests]


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """Such a server, which the environment names."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append((dict(self.headers), body))
            status = found.statuses.pop(0) if found.statuses else 200
            self.send_response(status)
            self.send_header("Location", found.url)
            self.send_header("Content-Length", str(10**15) if found.is_endless else "0")
            self.end_headers()
            with suppress(ConnectionError):
                while found.is_endless:
                    self.wfile.write(b"x" * 65_536)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Webhook(f"http://127.0.0.1:{server.server_port}/hook/token-of-the-chat")
        monkeypatch.setenv("MODELSWEEP_NOTIFY_URL", found.url)
        monkeypatch.setattr(notifying, "PAUSE", 0.01)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def test_a_job_with_findings_is_told(models: Path, run: Run, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSWEEP_NOTIFY_SECRET", SECRET)
    outcome = run("scan", "models", "--notify", "-f", "json=out.json")
    assert (outcome.code, outcome.err) == (1, "")
    ((headers, body),) = webhook.requests
    assert headers["Content-Type"] == "application/json"
    digest = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    assert headers["X-Modelsweep-Signature-256"] == f"sha256={digest}"
    (message,) = webhook.messages
    assert message["text"] == (
        "modelsweep: 1 malicious, 1 review, 1 not scanned, 1 clean (4 files in models; exit code 1)"
    )
    assert message["verdicts"] == {"malicious": 1, "review": 1, "not scanned": 1, "clean": 1}
    assert message["exit_code"] == 1
    worst = message["findings"][0]
    assert (worst["rule"], worst["severity"]) == ("pickle/dangerous-call", "critical")
    assert worst["location"].startswith("models/evil.pkl (pos ")
    assert "token-of-the-chat" not in Path("out.json").read_text(), "the address is in no report"


def test_a_clean_job_is_not_told_nor_is_one_unasked(models: Path, run: Run, webhook: Webhook) -> None:
    assert run("scan", "models/clean.pkl", "--notify").code == 0
    assert run("scan", "models").code == 1
    assert webhook.requests == []


def test_what_was_not_scanned_is_told(models: Path, run: Run, webhook: Webhook) -> None:
    assert run("scan", "models/clean.pkl", "none.pkl", "--notify").code == 2
    (message,) = webhook.messages
    assert (message["exit_code"], message["problems"]) == (2, {"source": 1})
    assert "X-Modelsweep-Signature-256" not in webhook.requests[0][0]


def test_a_server_in_trouble_is_asked_again(models: Path, run: Run, webhook: Webhook) -> None:
    webhook.statuses = [503, 429]
    assert run("scan", "models", "--notify").err == ""
    assert len(webhook.requests) == 3


@pytest.mark.parametrize("statuses", [[404], [302], [500, 500, 500]])
def test_a_refusal_is_said_and_changes_no_exit_code(
    models: Path, run: Run, webhook: Webhook, statuses: list[int]
) -> None:
    webhook.statuses = list(statuses)
    outcome = run("scan", "models", "--notify")
    assert outcome.code == 1
    assert outcome.err == f"modelsweep: --notify: the webhook answered with status {statuses[0]}\n"
    assert len(webhook.requests) == len(statuses), "redirects are not followed"


def test_a_webhook_that_is_away_is_said(
    models: Path, run: Run, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSWEEP_NOTIFY_URL", "http://127.0.0.1:1/hook/token-of-the-chat")
    outcome = run("scan", "models", "--notify")
    assert outcome.code == 1
    assert "--notify: the webhook cannot be reached" in outcome.err
    assert "token-of-the-chat" not in outcome.err


@pytest.mark.parametrize("host", ["exa mple", "..example", "h%00", "h<>"])
def test_an_address_is_not_said_where_it_cannot_be_called(
    models: Path, run: Run, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("MODELSWEEP_NOTIFY_URL", f"https://{host}/hook/token-of-the-chat")
    outcome = run("scan", "models", "--notify")
    assert outcome.code == 1
    assert "--notify: the webhook cannot be " in outcome.err
    assert "token-of-the-chat" not in outcome.err
    assert host not in outcome.err


def test_an_answer_without_end_is_not_read(models: Path, run: Run, webhook: Webhook) -> None:
    webhook.is_endless = True
    assert run("scan", "models", "--notify").err == ""
    assert len(webhook.requests) == 1


def test_a_message_names_so_many_targets(models: Path, run: Run, webhook: Webhook) -> None:
    names = [f"none{number}" for number in range(notifying.TARGETS + 1)]
    assert run("scan", *names, "--notify").code == 2
    assert webhook.messages[0]["targets"] == names[:-1]


@pytest.mark.parametrize(
    "url",
    ["", "hook", "ftp://127.0.0.1/", "https:///hook", "https://[", "https://127.0.0.1:99999/hook", "https://h:p/hook"],
)
def test_an_address_that_is_none_is_said_before_anything_is_read(
    models: Path, run: Run, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("MODELSWEEP_NOTIFY_URL", url)
    outcome = run("scan", "models", "--notify")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--notify needs a webhook: set MODELSWEEP_NOTIFY_URL" in outcome.err


def test_watching_tells_of_each_batch(models: Path, run: Run, webhook: Webhook) -> None:
    assert run("watch", "models", "--once", "--state", "seen.sqlite", "--notify").code == 1
    assert [message["exit_code"] for message in webhook.messages] == [1]
