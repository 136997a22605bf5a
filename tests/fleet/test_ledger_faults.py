"""A Redis that is not fit, goes away, is full, or comes back: one sentence, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from modelsweep.fleet.answers import DoneStatus, JobState, LeaseStatus, LedgerFault
from modelsweep.fleet.ledger import Ledger, Settled
from modelsweep.fleet.private_redis import PrivateRedis
from modelsweep.fleet.redis_faults import check_server, explain
from modelsweep.fleet.running import Sender

Start = Callable[..., PrivateRedis]
LONG = 1000.0


def test_a_usual_redis_is_fit(redis_client: redis.Redis):
    check_server(redis_client)


def test_a_redis_that_evicts_is_refused(own_redis: Start):
    client = own_redis().client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    check_server(client)  # without a limit nothing is ever evicted
    client.config_set("maxmemory", "100mb")
    with pytest.raises(LedgerFault, match=r"deletes keys .*allkeys-lru.* set it to noeviction"):
        check_server(client)


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ({"redis_version": "6.0.16"}, r"Redis 6\.0\.16 is too old: 6\.2 or later"),
        ({"redis_version": "7.4.0", "redis_mode": "cluster"}, "a Redis Cluster, which Celery cannot use"),
        ({"redis_version": "7.4.0", "role": "slave"}, "a read-only replica"),
    ],
)
def test_an_unfit_redis_is_refused(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, info: dict[str, object], sentence: str
):
    monkeypatch.setattr(redis_client, "info", lambda: info)
    with pytest.raises(LedgerFault, match=sentence):
        check_server(redis_client)


def test_passwords_are_asked_for_and_not_shown(own_redis: Start):
    server = own_redis()
    password = "correct-horse"
    server.client().config_set("requirepass", password)
    at_once = Retry(NoBackoff(), 0)
    with (
        redis.Redis(unix_socket_path=server.socket, retry=at_once) as none,
        pytest.raises(LedgerFault, match="wants a password"),
    ):
        check_server(none)
    with redis.Redis(unix_socket_path=server.socket, password="wrong-horse", retry=at_once) as wrong:
        with pytest.raises(LedgerFault, match="refuses the user name or the password") as raised:
            check_server(wrong)
        assert "horse" not in str(raised.value)
    with redis.Redis(unix_socket_path=server.socket, password=password) as right:
        check_server(right)


def test_a_user_that_may_not_run_scripts_is_told(own_redis: Start):
    server = own_redis()
    server.client().acl_setuser("reader", enabled=True, nopass=True, keys="*", commands=["+get", "+info"])
    with (
        redis.Redis(unix_socket_path=server.socket, username="reader", password="x") as client,
        pytest.raises(LedgerFault, match="does not allow this user what the ledger needs"),
    ):
        Ledger(client, "job").create(b"spec")


def test_a_redis_that_is_not_there_is_said(own_redis: Start):
    server = own_redis()
    client = server.client()
    ledger = Ledger(client, "job")
    ledger.create(b"spec")
    server.kill()
    for ask in (ledger.progress, ledger.spec, ledger.extents, ledger.seal, lambda: check_server(client)):
        with pytest.raises(LedgerFault, match="Redis cannot be reached"):
            ask()


def test_a_redis_that_does_not_answer_is_said(own_redis: Start):
    server = own_redis()
    server.client().client_pause(60_000)
    with (
        redis.Redis(unix_socket_path=server.socket, socket_timeout=0.05, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(LedgerFault, match="does not answer in time"),
    ):
        Ledger(client, "job").spec()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "still loading"),
        (redis.exceptions.ReadOnlyError("You can't write against a read only replica."), "read-only replica"),
        (redis.exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "cannot write its files"),
        (redis.exceptions.ResponseError("BUSY Redis is busy running a script."), "busy with another script"),
        (redis.exceptions.ResponseError("ERR what\x1b[31m ever"), r"Redis refuses: ERR what.*ever"),
    ],
)
def test_errors_are_explained(error: redis.RedisError, sentence: str):
    assert explain(error).args[0].count("\x1b") == 0
    with pytest.raises(LedgerFault, match=sentence):
        raise explain(error)


def test_a_full_redis_takes_no_new_work_but_lets_finished_work_in(own_redis: Start):
    client = own_redis().client()
    ledger = Ledger(client, "job")
    ledger.create(b"spec")
    ledger.alloc(0, b"\1\1\1", "page", b"a")
    tokens = [ledger.claim(chunk, 1, "worker", LONG).token for chunk in range(2)]
    client.config_set("maxmemory", "1")
    refused: list[Callable[[], object]] = [
        lambda: ledger.claim(2, 1, "worker", LONG),
        lambda: ledger.alloc(3, b"\1", "page", b"b"),
        ledger.seal,
    ]
    for ask in refused:
        with pytest.raises(LedgerFault, match=r"Redis is full \(maxmemory\)"):
            ask()
    assert [ledger.renew(chunk, tokens[chunk], LONG) for chunk in range(2)] == [LeaseStatus.OK] * 2
    assert ledger.done(0, tokens[0], bytes(12), {"units": 1}).status is DoneStatus.DONE
    client.config_set("maxmemory", 0)
    progress = ledger.progress()
    assert (progress.done, progress.leased, progress.allocated, progress.state) == (1, 1, 3, JobState.LISTING)
    assert progress.cursor == b"a"
    assert ledger.claim(2, 1, "worker", LONG).granted
    assert ledger.alloc(3, b"\1", "page", b"b").next == 4


def test_a_redis_that_was_killed_goes_on_where_it_was(own_redis: Start):
    server = own_redis(aof="always")
    ledger = Ledger(server.client(), "job")
    ledger.create(b"spec")
    ledger.alloc(0, b"\1\1", "page", b"a")
    ledger.seal()
    tokens = [ledger.claim(chunk, 1, "worker", LONG).token for chunk in range(2)]
    ledger.done(0, tokens[0], b"0" * 12, {"units": 1})
    before = ledger.progress()
    server.kill()
    server.start()
    after = ledger.progress()
    assert (after.counts, after.done, after.leased, after.queues) == (before.counts, 1, 1, before.queues)
    assert ledger.digests(0, 2) == [b"0" * 12, None]
    assert ledger.done(0, tokens[0], b"1" * 12, {"units": 1}).status is DoneStatus.ALREADY
    assert ledger.done(1, tokens[1], b"1" * 12, {"units": 1}).complete


@pytest.mark.parametrize("ask", ["one", "several", "sent"])
def test_a_primary_that_has_become_a_replica_is_left(own_redis: Start, ask: str):
    """Another machine goes by its name by then, which a connection that stays open would never learn."""
    server = own_redis()
    client, admin = server.client(), server.client()
    ledger = Ledger(client, "job")
    ledger.create(b"spec")
    ledger.alloc(0, b"\1\1", "page", b"cursor")
    claims = ledger.claims([0, 1], 1, "worker", LONG)
    sender = Sender(client)
    done = Settled(0, claims[0].token, bytes(12), {})
    ledger.send_done(sender, done)()
    begun = {int(entry["id"]) for entry in admin.client_list()} - {admin.client_id()}
    admin.replicaof("127.0.0.1", 1)

    def send() -> object:
        return ledger.send_done(sender, done)()

    asks: dict[str, Callable[[], object]] = {
        "one": lambda: ledger.heartbeat("producer"),
        "several": lambda: ledger.renew_all([(1, claims[1].token)] * 2, LONG),
        "sent": send,
    }
    with pytest.raises(LedgerFault, match="read-only replica"):
        asks[ask]()
    admin.replicaof("NO", "ONE")
    assert ledger.renew(1, claims[1].token, LONG) is LeaseStatus.OK
    assert ledger.send_done(sender, done)().status is DoneStatus.ALREADY
    going_on = {int(entry["id"]) for entry in admin.client_list()}
    assert client.client_id() not in begun
    assert len(begun & going_on) == (ask != "sent"), "that of the sender, which was not told"
    sender.close()
