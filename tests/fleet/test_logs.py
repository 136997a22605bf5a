"""Logs: one JSON object a line, with what was bound, without secrets, and in spite of hostile text."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from modelsweep.fleet import logs

PASSWORD = "hunter" + "2-hunter"
BROKER = f"redis://:{PASSWORD}@redis.example:6379/0"
KEY = "0123456789abcdef" * 4
ENVIRONMENT = {"MODELSWEEP_BROKER_URL": BROKER, "MODELSWEEP_KEY": KEY, "PATH": "/usr/bin"}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in logs.TALKATIVE}
    yield
    for name, before in others.items():
        logging.getLogger(name).setLevel(before)
    root.handlers[:] = handlers
    root.setLevel(level)


class Log:
    """A configured log, and what was written to it."""

    def __init__(self, level: str = "", environment: Mapping[str, str] = ENVIRONMENT, console: bool = False) -> None:
        self.stream = io.StringIO()
        logs.configure(level, self.stream, console=console, environment=environment)
        self.logger = logs.logger("modelsweep.test")

    @property
    def text(self) -> str:
        """All that was written."""
        return self.stream.getvalue()

    def line(self) -> dict[str, Any]:
        """The one line that was written."""
        (line,) = self.text.splitlines()
        found = json.loads(line)
        assert isinstance(found, dict)
        return found


def test_a_line_is_an_object_with_what_was_bound() -> None:
    log = Log()
    with logs.bound(job="amber-fox-7", chunk=3, unit=41):
        log.logger.info("chunk done", units=64)
    line = log.line()
    assert list(line) == ["time", "level", "logger", "event", "job", "chunk", "unit", "units"]
    assert line["time"].endswith("Z")
    expected = {"level": "info", "logger": "modelsweep.test", "event": "chunk done"}
    assert line | expected == line
    assert (line["job"], line["chunk"], line["unit"], line["units"]) == ("amber-fox-7", 3, 41, 64)


def test_what_is_bound_ends_with_its_block_and_stays_in_its_thread() -> None:
    log = Log()
    with logs.bound(job="a"):
        thread = threading.Thread(target=lambda: log.logger.info("elsewhere"))
        thread.start()
        thread.join()
    log.logger.info("afterwards")
    assert all("job" not in json.loads(line) for line in log.text.splitlines())
    assert len(log.text.splitlines()) == 2


@pytest.mark.parametrize(
    "value",
    [
        BROKER,
        f"cannot connect to {BROKER}: refused",
        {"nested": [{"deep": (BROKER, {"x": BROKER})}]},
        BROKER.encode(),
        ValueError(f"no such host: {BROKER}"),
        {BROKER},
        {BROKER: 1},
        f"rediss://user:{PASSWORD}@host",
        f"redis://:{PASSWORD}/with@sign@host/0",
        f"redis+socket:///run/redis.sock?password={PASSWORD}",
        f"https://{PASSWORD}@git.example/x",
        f"https://b.example/k?X-Amz-Credential=a&X-Amz-Signature={PASSWORD}&x=1",
        {"MODELSWEEP_KEY": PASSWORD, "password": PASSWORD, "hf_token": PASSWORD, "aws_secret_access_key": PASSWORD},
        "x" * 3_990 + f" redis://:{PASSWORD}@host",
        "x" * 3_970 + f" redis://:{PASSWORD}@host",
    ],
)
@pytest.mark.parametrize("console", [False, True])
@pytest.mark.parametrize("environment", [{}, ENVIRONMENT])
def test_a_password_never_appears(value: object, console: bool, environment: dict[str, str]) -> None:
    log = Log(console=console, environment=environment)
    log.logger.warning("broker", value=value)
    with logs.bound(unit=value):
        log.logger.warning("said %s", value if not isinstance(value, dict) else BROKER)
    assert "broker" in log.text
    assert PASSWORD not in log.text


def test_short_and_odd_passwords_of_urls_are_hidden_too() -> None:
    log = Log(environment={})
    log.logger.info("connected", broker="redis://:pw@host/0", other="amqp://guest:g%2Fx@host//")
    assert (log.line()["broker"], log.line()["other"]) == (
        f"redis://:{logs.HIDDEN}@host/0",
        f"amqp://guest:{logs.HIDDEN}@host//",
    )


@pytest.mark.parametrize("text", [KEY, f"the key is {KEY}.", f"?k={KEY}", PASSWORD, f"AUTH {PASSWORD} failed"])
def test_secrets_of_the_environment_are_hidden_wherever_they_stand(text: str) -> None:
    log = Log()
    log.logger.error("odd", text=text, event_detail={"in": [text]})
    assert KEY not in log.text
    assert PASSWORD not in log.text
    assert log.text.count(logs.HIDDEN) == 2


def test_a_secret_is_known_by_its_decoded_and_encoded_spellings() -> None:
    secrets = logs.secrets_of({"MODELSWEEP_BROKER_URL": "redis://:a%2Fb%20cdef@h/0", "HF_TOKEN": "x/y zzzz", "A": "b"})
    assert set(secrets) == {"a%2Fb%20cdef", "a/b cdef", "a%252Fb%2520cdef", "x/y zzzz", "x%2Fy%20zzzz"}


def test_what_is_no_secret_is_kept() -> None:
    log = Log()
    kept = {
        "key": "models/bert.bin",
        "target": "https://hub.example/org/model@main",
        "path": "/models/a@b:c.pt",
        "s3": "s3://bucket/a@1.bin",
        "job": "amber-fox-7",
        "size": 3,
        "ratio": 0.5,
        "ok": True,
        "nothing": None,
    }
    log.logger.info("listed", **kept)
    assert {name: log.line()[name] for name in kept} == kept


@pytest.mark.parametrize("console", [False, True])
def test_a_hostile_name_cannot_forge_a_line_or_rewrite_the_terminal(console: bool) -> None:
    log = Log(console=console)
    hostile = 'a\n{"level": "info", "event": "forged"}\r\x1b[2J\x1b]0;x\x07\u202egpj.\u2028\x00\ud800'
    log.logger.info("scanning", unit=hostile, members=[hostile], named={hostile: hostile})
    assert len(log.text.splitlines()) == 1
    assert log.text.rstrip("\n").isprintable()
    log.text.encode("utf-8")
    if not console:
        assert log.line()["unit"] == (
            'a\\n{"level": "info", "event": "forged"}\\r\\x1b[2J\\x1b]0;x\\x07\\u202egpj.\\u2028\\x00\\ud800'
        )


def test_exceptions_are_lines_without_secrets() -> None:
    log = Log()
    try:
        raise ConnectionError(f"{BROKER}\nforged: \x1b[31mline")
    except ConnectionError as error:
        log.logger.exception("lost the broker", error=error)
    line = log.line()
    assert line["exception"][0] == "Traceback (most recent call last):"
    assert line["exception"][-2:] == [
        f"ConnectionError: redis://:{logs.HIDDEN}@redis.example:6379/0",
        r"forged: \x1b[31mline",
    ]
    assert PASSWORD not in log.text


def test_on_a_terminal_a_traceback_stands_below_its_line() -> None:
    log = Log(console=True)
    try:
        raise ValueError(BROKER)
    except ValueError:
        log.logger.exception("it failed")
    lines = log.text.splitlines()
    assert "it failed" in lines[0]
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == f"ValueError: redis://:{logs.HIDDEN}@redis.example:6379/0"
    assert len([line for line in lines if line.startswith("Traceback")]) == 1


def test_records_of_other_libraries_go_the_same_way() -> None:
    log = Log()
    with logs.bound(job="a"):
        try:
            raise OSError(BROKER)
        except OSError:
            logging.getLogger("kombu").warning("cannot reach %s\n", BROKER, exc_info=True)
    line = log.line()
    assert (line["logger"], line["level"], line["job"]) == ("kombu", "warning", "a")
    assert line["event"] == rf"cannot reach redis://:{logs.HIDDEN}@redis.example:6379/0\n"
    assert line["exception"][-1] == f"OSError: redis://:{logs.HIDDEN}@redis.example:6379/0"
    assert PASSWORD not in log.text


class Unspeakable:
    """An object whose str() raises."""

    def __str__(self) -> str:
        raise RuntimeError(BROKER)


def test_odd_values_are_logged_bounded_and_never_raise() -> None:
    log = Log()
    endless: list[object] = []
    endless.append(endless)
    log.logger.info("odd", a=Unspeakable(), b=endless, c="x" * 1_000_000, d=list(range(1_000)), e={1, "a"})
    line = log.line()
    assert line["a"] == "<Unspeakable that raises RuntimeError>"
    assert (len(line["c"]), len(line["d"])) == (logs.TEXT_LENGTH, logs.MOST_ITEMS)
    assert sorted(line["e"], key=str) == [1, "a"]
    assert "…" in json.dumps(line["b"], ensure_ascii=False)


@pytest.mark.parametrize(
    ("flag", "variable", "said"),
    [
        ("", "", ["info", "warning"]),
        ("debug", "error", ["debug", "info", "warning"]),
        ("", "WARNING", ["warning"]),
        ("error", "debug", []),
    ],
)
def test_the_level_comes_from_the_flag_else_from_the_environment(flag: str, variable: str, said: list[str]) -> None:
    log = Log(flag, {logs.LEVEL_VARIABLE: variable})
    for level in ("debug", "info", "warning"):
        getattr(log.logger, level)("x")
    assert [json.loads(line)["level"] for line in log.text.splitlines()] == said


@pytest.mark.parametrize(("level", "said"), [("info", ["warning", "error"]), ("debug", ["info", "warning", "error"])])
def test_celery_says_less_than_we_do(level: str, said: list[str]) -> None:
    log = Log(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("celery.worker.strategy"), name)("Task received")
    assert [json.loads(line)["level"] for line in log.text.splitlines()] == said


def test_an_unknown_level_is_said() -> None:
    with pytest.raises(logs.UnknownLevel, match="'loud' is not a log level: choose from debug, info, warning, error"):
        logs.configure("loud", io.StringIO())


@pytest.mark.parametrize("level", ["info", "error"])
def test_where_nobody_configured_it_nothing_is_said(level: str) -> None:
    code = f"from modelsweep.fleet import logs; logs.logger('modelsweep.x').{level}('hello', broker={BROKER!r})"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_logs_go_to_standard_error_as_json_where_that_is_no_terminal() -> None:
    code = "from modelsweep.fleet import logs; logs.configure(); logs.logger('x').info('hello')"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(done.stderr)["event"] == "hello"
