"""Watching: what is new is examined once, and who may say that something is."""

from __future__ import annotations

import base64
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelsweep.core.options import Selection
from modelsweep.watching import events
from modelsweep.watching.events import Gate, Refused, targets_of
from modelsweep.watching.receiver import LARGEST, Receiver
from modelsweep.watching.seen import Seen
from modelsweep.watching.watcher import Watcher
from tests.cli.conftest import CLEAN, MALICIOUS, START, Run

SECRET = "not-a-real-" + "secret-of-ours"
NEW_VERSION = {"entity": "model_version", "action": "created", "data": {"name": "tiny", "version": "3"}}


def signed(body: bytes, delivery: str = "1", at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """Return the headers that MLflow sends along."""
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.digest(secret.encode(), f"{delivery}.{timestamp}.".encode() + body, "sha256")
    return {
        "X-MLflow-Signature": "v1," + base64.b64encode(digest).decode(),
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": timestamp,
    }


def in_bucket(bucket: str, key: str) -> dict[str, Any]:
    return {"bucket": {"name": bucket}, "object": {"key": key}}


@pytest.mark.parametrize(
    ("event", "targets"),
    [
        (NEW_VERSION, ["models:/tiny/3"]),
        ({**NEW_VERSION, "entity": "model_version_alias"}, ["models:/tiny/3"]),
        ({**NEW_VERSION, "action": "deleted"}, []),
        (
            {
                "Records": [
                    {
                        "eventName": "ObjectCreated:Put",
                        "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2Bc/m.pt"}},
                    },
                    {"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "b"}, "object": {"key": "x"}}},
                ]
            },
            ["s3://b/a b+c/m.pt"],
        ),
        (
            {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "detail": {"bucket": {"name": "b"}, "object": {"key": "m.pt"}},
            },
            ["s3://b/m.pt"],
        ),
        (
            {"message": {"attributes": {"eventType": "OBJECT_FINALIZE", "bucketId": "b", "objectId": "d/m.pt"}}},
            ["gs://b/d/m.pt"],
        ),
    ],
)
def test_notifications_name_what_is_new(event: Any, targets: list[str]) -> None:
    assert list(targets_of(json.dumps(event).encode())) == targets
    wrapped = {"Type": "Notification", "Message": json.dumps(event)}
    if "Records" in event:
        assert list(targets_of(json.dumps(wrapped).encode())) == targets


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"nonsense",
        b"[" * 100_000,
        json.dumps({**NEW_VERSION, "data": {"name": 5, "version": "3"}}).encode(),
        json.dumps({**NEW_VERSION, "data": {"name": "a", "version": "../3"}}).encode(),
        json.dumps(
            {"Records": [{"eventName": "ObjectCreated", "s3": {"bucket": {"name": ""}, "object": {"key": ""}}}]}
        ).encode(),
    ],
)
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        targets_of(body)


def test_a_signature_is_believed_once_and_not_for_long() -> None:
    gate, body = Gate(SECRET), b"{}"
    gate.check(signed(body), body)
    with pytest.raises(Refused, match="delivered before"):
        gate.check(signed(body), body)
    for headers, data, why in (
        (signed(body, "2"), b"{ }", "wrong"),
        (signed(body, "3", secret="another" + "-secret-of-ours"), body, "wrong"),
        (signed(body, "4", at=time.time() - 2 * events.TOLERANCE), body, "too old"),
        (signed(body, "5", at=time.time() + 2 * events.TOLERANCE), body, "too old"),
        ({}, body, "neither"),
        ({"Authorization": "Bearer "}, body, "neither"),
    ):
        with pytest.raises(Refused, match=why):
            gate.check(headers, data)
    gate.check({"Authorization": f"Bearer {SECRET}"}, body)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver for what is below models:/tiny and s3://b."""
    watched = ("models:/tiny/", "s3://b/")
    found = Receiver("127.0.0.1", 0, Gate(SECRET), lambda uri: uri.startswith(watched), lambda line: None)
    yield found
    found.close()


def post(receiver: Receiver, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
    request = urllib.request.Request(receiver.address, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_receiver_takes_what_is_watched(receiver: Receiver) -> None:
    body = json.dumps(NEW_VERSION).encode()
    assert post(receiver, body, signed(body)) == 202
    assert post(receiver, body, signed(body)) == 401
    other = json.dumps({**NEW_VERSION, "data": {"name": "other", "version": "1"}}).encode()
    assert post(receiver, other, signed(other, "2")) == 202
    assert post(receiver, b"{}", signed(b"{}", "3")) == 400
    assert post(receiver, b"x", {"Content-Length": str(LARGEST + 1)}) == 413
    assert post(receiver, b"{}", {}) == 401
    assert post(receiver, None, {}, "GET") == 404  # type: ignore[arg-type]
    assert [receiver.targets.get_nowait() for _ in range(receiver.targets.qsize())] == ["models:/tiny/3"]


def test_a_silent_sender_does_not_keep_others_waiting(receiver: Receiver) -> None:
    host, _, port = receiver.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as silent:
        silent.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
        body = json.dumps(NEW_VERSION).encode()
        assert post(receiver, body, signed(body)) == 202


def test_what_was_handed_over_is_not_handed_over_again(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.pkl").write_bytes(CLEAN)
    handed: list[str] = []

    def look() -> list[str]:
        handed.clear()
        seen = Seen(str(tmp_path / "state" / "watch.sqlite"))
        watcher = Watcher(
            [str(tmp_path / "models")], Selection(), seen, lambda uris, key: handed.extend(uris), lambda line: None
        )
        watcher.look()
        seen.close()
        return [Path(name).name for name in handed]

    assert look() == ["a.pkl"]
    assert look() == []
    (tmp_path / "models" / "b.pkl").write_bytes(CLEAN)
    assert look() == ["b.pkl"]
    (tmp_path / "models" / "a.pkl").write_bytes(MALICIOUS)
    assert look() == ["a.pkl"]


def test_what_could_not_be_handed_over_comes_again_under_the_same_key(tmp_path: Path) -> None:
    target = tmp_path / "a.pkl"
    target.write_bytes(CLEAN)
    seen = Seen(str(tmp_path / "state"))
    handed: list[tuple[list[str], str]] = []

    def cut_short(uris: Sequence[str], key: str) -> None:
        handed.append((list(uris), key))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Watcher([str(target)], Selection(), seen, cut_short, lambda line: None).look()
    seen.close()
    seen = Seen(str(tmp_path / "state"))
    (tmp_path / "b.pkl").write_bytes(CLEAN)
    targets = [str(target), str(tmp_path / "b.pkl")]
    again = Watcher(targets, Selection(), seen, lambda uris, key: handed.append((list(uris), key)), lambda line: None)
    assert again.look() == 1
    assert handed[0] == handed[1]
    assert [uris for uris, _ in handed[1:]] == [[targets[0]], [targets[1]]]
    assert handed[2][1] != handed[0][1]
    assert again.look() == 0
    assert len(handed) == 3
    seen.close()


def test_watching_once_says_what_is_new(run: Run, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(models.parent / "state"))
    first = run("watch", "models", "--once")
    assert (first.code, "4 new" in first.err, "os.system" in first.out) == (1, True, True)
    second = run("watch", "models", "--once")
    assert (second.code, "0 new" in second.err, second.out) == (0, True, "")
    assert run("watch", "absent", "--once").code == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--webhook", "nowhere"], "not an address like"),
        (["--webhook", "127.0.0.1:0"], "set MODELSWEEP_WEBHOOK_SECRET"),
        (["--every", "0", "--webhook", "127.0.0.1:0"], "set MODELSWEEP_WEBHOOK_SECRET"),
        (["--every", "0"], "--every 0 finds nothing by itself"),
    ],
)
def test_mistakes_are_said(run: Run, models: Path, arguments: list[str], sentence: str) -> None:
    outcome = run("watch", "models", *arguments)
    assert outcome.code == 2
    assert sentence in outcome.err


def test_it_watches_until_it_is_told_to_stop(models: Path) -> None:
    environment = {**os.environ, "MODELSWEEP_WEBHOOK_SECRET": SECRET, "XDG_STATE_HOME": str(models.parent / "state")}
    command = [sys.executable, "-P", "-c", START, "watch", "models", "--every", "0.2", "--webhook", "127.0.0.1:0"]
    with subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True, cwd=models.parent) as process:
        assert process.stdout is not None
        wait_for(process.stdout.readline, "evil.pkl")
        (models / "late.pkl").write_bytes(MALICIOUS)
        wait_for(process.stdout.readline, "late.pkl")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "taking notifications at http://127.0.0.1:" in err
    assert SECRET not in out + err


def wait_for(read: Callable[[], str], word: str) -> None:
    for _ in range(1000):
        line = read()
        assert line, f"ended before {word}"
        if word in line:
            return
