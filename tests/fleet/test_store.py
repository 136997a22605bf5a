"""What every store must do, over each of them; then what only a folder or only Redis can suffer."""

from __future__ import annotations

import errno
import io
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import redis

from modelsweep.core.units import MIB
from modelsweep.fleet import directory_store, gcs_store, redis_store, s3_store, store
from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.redis_store import RedisStore
from modelsweep.fleet.store import Absent, Store, StoreFault
from modelsweep.fleet.stores import open_store


@pytest.fixture(params=["directory", "redis", "s3", "gs"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return an empty store of each kind."""
    if request.param == "directory":
        return DirectoryStore(str(tmp_path / "store"))
    if request.param == "s3":
        request.getfixturevalue("bucket")
        return open_store("s3://bucket/store")
    if request.param == "gs":
        request.getfixturevalue("gcs_bucket")
        return open_store("gs://bucket/store")
    client: redis.Redis = request.getfixturevalue("redis_client")
    return RedisStore(client)


def fail_after_writing(stream: BinaryIO, error: Exception) -> None:
    """Write megabytes, then raise."""
    stream.write(b"x" * 3_000_000)
    raise error


class TestContract:
    def test_what_was_put_is_got(self, any_store: Store) -> None:
        for data in (b"", b"one", bytes(range(256)) * 5000):
            any_store.put("jobs/4/pages/0", data)
            assert any_store.get("jobs/4/pages/0") == data
            with any_store.reader("jobs/4/pages/0") as stream:
                assert stream.read() == data

    def test_what_takes_more_than_one_request_is_got_as_it_was_written(self, any_store: Store) -> None:
        data = random.Random(3).randbytes(9 * MIB + 5)  # Google's client sends parts from 8 MiB on
        with any_store.writer("large") as stream:
            for start in range(0, len(data), MIB):
                stream.write(data[start : start + MIB])
        with any_store.reader("large") as stream:
            assert stream.read() == data
        assert any_store.get("large") == data

    def test_putting_twice_is_putting_once(self, any_store: Store) -> None:
        any_store.put("a", b"same")
        any_store.put("a", b"same")
        assert list(any_store.list()) == ["a"]

    def test_what_is_not_there_is_absent(self, any_store: Store) -> None:
        any_store.put("a/b", b"")
        for name in ("nothing", "a", "a/b/c", "x/y/z"):
            assert not any_store.exists(name)
            with pytest.raises(Absent, match=name):
                any_store.get(name)
            with pytest.raises(Absent, match=name), any_store.reader(name):
                pass

    def test_names_are_listed_in_the_order_of_their_bytes(self, any_store: Store) -> None:
        names = ["a/b", "a/c/1", "a-b/x", "a.b/x", "a0", "B", "a/c-1", "a/c.1", "z/" + "y" * 200]
        for name in random.Random(7).sample(names, len(names)):
            any_store.put(name, b"x")
        assert list(any_store.list()) == sorted(names)
        assert list(any_store.list("a")) == list(any_store.list("a/")) == ["a/b", "a/c-1", "a/c.1", "a/c/1"]
        assert list(any_store.list("a/c")) == ["a/c/1"]
        assert list(any_store.list("a/b")) == ["a/b"]
        assert list(any_store.list("a/b/c")) == list(any_store.list("nothing/there")) == []

    def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(self, any_store: Store) -> None:
        for name in ("jobs/4/x", "jobs/42/x", "jobs/4-/x", "jobs/5"):
            any_store.put(name, b"x")
        any_store.delete("jobs/4")
        assert list(any_store.list()) == ["jobs/4-/x", "jobs/42/x", "jobs/5"]
        any_store.delete("jobs/5")
        any_store.delete("jobs/none")
        any_store.delete("none/at/all")
        assert list(any_store.list()) == ["jobs/4-/x", "jobs/42/x"]
        any_store.delete("")
        assert list(any_store.list()) == []

    def test_more_names_than_are_listed_at_once(self, any_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(redis_store, "_BATCH", 7)
        names = [f"many/{number:04d}" for number in range(30)]
        for name in names:
            any_store.put(name, b"")
        assert list(any_store.list("many")) == names
        any_store.delete("many")
        assert list(any_store.list()) == []

    def test_what_is_written_appears_whole_at_the_end(self, any_store: Store) -> None:
        pieces = [os.urandom(300_000) for _ in range(9)]
        any_store.put("report", b"old")
        with any_store.writer("report") as stream:
            for piece in pieces:
                assert stream.write(piece) == len(piece)
            assert any_store.get("report") == b"old"
            assert list(any_store.list()) == ["report"]
        assert any_store.get("report") == b"".join(pieces)
        with any_store.reader("report") as reader:
            assert reader.read(10) == pieces[0][:10]
            assert reader.read() == b"".join(pieces)[10:]

    def test_text_may_be_written_through_a_layer_that_closes_the_stream(self, any_store: Store) -> None:
        with any_store.writer("text") as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8")
            text.write("käse\n")
            text.close()
        assert any_store.get("text").decode() == "käse\n"
        with any_store.writer("empty"):
            pass
        assert any_store.get("empty") == b""

    def test_what_fails_while_it_is_written_never_appears(self, any_store: Store) -> None:
        with pytest.raises(OSError, match="not of the store"), any_store.writer("a/report") as stream:
            fail_after_writing(stream, OSError("not of the store"))
        assert list(any_store.list()) == []
        with pytest.raises(Absent):
            any_store.get("a/report")

    @pytest.mark.parametrize(
        "name",
        [
            *["", "/", "..", ".", "a/../b", "../a", "/etc/passwd", "a//b", "a/", ".hidden", "a/.part", "a\\b", "a b"],
            *["ä", "a\n", "a\0b", "x" * 201, "/".join(["abc"] * 300), "a/*", "~", "c:x"],
        ],
    )
    def test_names_that_would_leave_it_are_refused(self, any_store: Store, name: str) -> None:
        for call in (any_store.get, any_store.exists, lambda name: any_store.put(name, b"x")):
            with pytest.raises(StoreFault, match="no name of an object"):
                call(name)
        with pytest.raises(StoreFault), any_store.writer(name):
            pass
        if name not in ("", "a/"):  # of a prefix, nothing is everything, and a slash may end it
            with pytest.raises(StoreFault):
                any_store.delete(name)
            with pytest.raises(StoreFault):
                list(any_store.list(name))

    def test_larger_objects_than_fit_are_read_as_streams_only(
        self, any_store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        any_store.put("large", b"x" * 1001)
        for module in (store, redis_store, s3_store, gcs_store, sys.modules[DirectoryStore.__module__]):
            monkeypatch.setattr(module, "LARGEST", 1000)
        with pytest.raises(StoreFault, match=r"large: .*more"):
            any_store.get("large")
        with any_store.reader("large") as stream:
            assert len(stream.read()) == 1001

    def test_many_write_one_name_at_once_and_one_of_them_stays_whole(self, any_store: Store) -> None:
        def write(byte: int) -> None:
            for _ in range(20):
                any_store.put("busy/name", bytes([byte]) * 50_000)

        threads = [threading.Thread(target=write, args=(byte,)) for byte in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            try:
                data = any_store.get("busy/name")
            except Absent:
                continue
            assert len(data) == 50_000
            assert len(set(data)) == 1
        for thread in threads:
            thread.join()
        assert list(any_store.list()) == ["busy/name"]


class TestS3:
    @pytest.mark.usefixtures("bucket")
    def test_large_objects_go_in_parts_and_none_is_left_over(
        self, monkeypatch: pytest.MonkeyPatch, bucket: Any
    ) -> None:
        monkeypatch.setattr(s3_store, "PART", 5 * MIB)
        kept = open_store("s3://bucket/deep/store/")
        data = os.urandom(12 * MIB)
        with kept.writer("a/report") as stream:
            stream.write(data)
        assert kept.get("a/report") == data
        monkeypatch.setattr(s3_store, "PART", MIB)
        with pytest.raises(KeyError), kept.writer("b") as stream:
            fail_after_writing(stream, KeyError())
        assert "Uploads" not in bucket.list_multipart_uploads(Bucket="bucket")
        assert [item["Key"] for item in bucket.list_objects_v2(Bucket="bucket")["Contents"]] == ["deep/store/a/report"]

    @pytest.mark.usefixtures("bucket")
    def test_a_bucket_that_is_not_there(self) -> None:
        with pytest.raises(StoreFault, match="there is no bucket"):
            open_store("s3://no-such-bucket").put("a", b"x")
        with pytest.raises(StoreFault, match="begin with a bucket"):
            open_store("s3:///x")


class TestDirectory:
    def test_only_this_user_may_enter(self, tmp_path: Path) -> None:
        folder = DirectoryStore(str(tmp_path / "new" / "store"))
        folder.put("a/b", b"x")
        for path, mode in ((".", 0o700), ("a", 0o700), ("a/b", 0o600)):
            assert stat.S_IMODE(os.stat(tmp_path / "new" / "store" / path).st_mode) == mode

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_bytes(b"secret")
        folder = DirectoryStore(str(tmp_path / "store"))
        folder.put("jobs/1/a", b"x")
        os.symlink(outside, tmp_path / "store" / "jobs" / "2")
        os.symlink(outside / "secret", tmp_path / "store" / "jobs" / "1" / "b")
        with pytest.raises(StoreFault, match="jobs/1/b: there is a link"):
            folder.get("jobs/1/b")
        for call in (folder.get, lambda name: folder.put(name, b"planted")):
            with pytest.raises(StoreFault, match="jobs/2/"):
                call("jobs/2/secret")
        assert not folder.exists("jobs/2/secret")
        assert list(folder.list()) == ["jobs/1/a"]
        with pytest.raises(StoreFault, match="jobs/2: there is a link"):
            list(folder.list("jobs/2"))
        folder.put("jobs/1/b", b"ours")  # takes the place of the link, not of what it names
        folder.delete("jobs/2/secret")
        folder.delete("jobs/2")
        folder.delete("jobs")
        assert (outside / "secret").read_bytes() == b"secret"
        assert os.listdir(outside) == ["secret"]
        assert list(folder.list()) == []

    def test_what_is_no_file_is_no_object(self, tmp_path: Path) -> None:
        folder = DirectoryStore(str(tmp_path))
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(Absent):
            folder.get("pipe")

    def test_drafts_of_writers_that_died_are_no_objects_and_go_with_their_folder(self, tmp_path: Path) -> None:
        folder = DirectoryStore(str(tmp_path))
        folder.put("jobs/1/a", b"x")
        (tmp_path / "jobs" / "1" / ".0123.part").write_bytes(b"half")
        assert list(folder.list()) == ["jobs/1/a"]
        folder.delete("jobs/1")
        assert os.listdir(tmp_path / "jobs") == []

    def test_a_killed_writer_leaves_the_old_object(self, tmp_path: Path) -> None:
        folder = DirectoryStore(str(tmp_path))
        folder.put("report", b"old")
        code = (
            "import os, signal, sys\n"
            "from modelsweep.fleet.stores import open_store\n"
            "with open_store(sys.argv[1]).writer('report') as stream:\n"
            "    stream.write(b'new' * 1000000)\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60)
        assert ended.returncode == -signal.SIGKILL
        assert folder.get("report") == b"old"
        assert list(folder.list()) == ["report"]

    def test_what_need_not_last_goes_into_the_folder_of_the_one_before_while_that_is_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, descended = DirectoryStore(str(tmp_path / "store")), list[str]()
        descend = DirectoryStore._descend

        def noting(self: DirectoryStore, folders: list[str], *, make: bool = False) -> int:
            descended.append("/".join(folders))
            return descend(self, folders, make=make)

        monkeypatch.setattr(DirectoryStore, "_descend", noting)
        for name in ("1/a", "1/b", "2/a", "2/b", "1/c"):
            folder.put(f"jobs/{name}", name.encode(), durable=False)
        assert descended == ["jobs/1", "jobs/2", "jobs/1"]
        folder.delete("jobs/1")
        folder.put("jobs/1/d", b"d", durable=False)
        assert folder.get("jobs/1/d") == b"d", "not into what was removed"
        (tmp_path / "store").rename(tmp_path / "away")
        DirectoryStore(str(tmp_path / "store"))
        folder.put("jobs/1/e", b"e", durable=False)
        assert folder.get("jobs/1/e") == b"e", "nor into another store that stood in this place"
        assert [*folder.list()] == ["jobs/1/e"]

    def test_a_folder_that_vanished_is_said_and_not_made_again(self, tmp_path: Path) -> None:
        folder = DirectoryStore(str(tmp_path / "store"))
        folder.put("a", b"x")
        os.rename(tmp_path / "store", tmp_path / "gone")
        for call in (folder.get, folder.exists, folder.delete, lambda name: folder.put(name, b"x")):
            with pytest.raises(StoreFault, match="store: the store's folder cannot be opened"):
                call("a")
        with pytest.raises(StoreFault):
            list(folder.list())
        assert os.listdir(tmp_path) == ["gone"]

    def test_a_file_in_the_way_of_a_folder(self, tmp_path: Path) -> None:
        folder = DirectoryStore(str(tmp_path))
        folder.put("a", b"x")
        with pytest.raises(StoreFault, match=r"a/b: .*in its place"):
            folder.put("a/b", b"x")
        folder.put("c/d", b"x")
        with pytest.raises(StoreFault, match="c: "):
            folder.put("c", b"x")
        assert list(folder.list()) == ["a", "c/d"]

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_no_folder_can_be_made_there(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreFault, match="cannot be"):
            DirectoryStore(str(tmp_path / place))

    def test_missing_permission(self, tmp_path: Path) -> None:
        """Another user's folder: the test asks as nobody where it runs as root, whom nothing is forbidden."""
        (tmp_path / "store").mkdir(0o700)
        (tmp_path / "store" / "a").write_bytes(b"x")
        (tmp_path / "store").chmod(0)
        code = (
            "import os, sys\n"
            "from modelsweep.fleet.store import StoreFault\n"
            "from modelsweep.fleet.stores import open_store\n"
            "from modelsweep.fleet import directory_store\n"
            "if os.getuid() == 0:\n"
            "    os.setuid(65534)\n"
            "for use in (lambda s: s.get('a'), lambda s: s.put('a', b''), lambda s: list(s.list())):\n"
            "    try:\n"
            "        use(open_store(sys.argv[1]))\n"
            "    except StoreFault as fault:\n"
            "        print(fault)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "store")], capture_output=True, text=True, timeout=60
        )
        (tmp_path / "store").chmod(0o700)
        lines = ended.stdout.splitlines()
        assert len(lines) == 3, ended
        assert all("Permission denied" in line and "store" in line for line in lines)

    @pytest.fixture
    def no_large_files(self) -> Iterator[None]:
        """Let the kernel refuse files of more than 100 kB, as a full disk does."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @pytest.mark.usefixtures("no_large_files")
    def test_a_full_disk_is_said_and_nothing_half_stays(self, tmp_path: Path) -> None:
        folder = DirectoryStore(str(tmp_path / "store"))
        folder.put("results/1", b"old")
        with pytest.raises(StoreFault, match="results/1: the store is full"):
            folder.put("results/1", b"x" * 200_000)
        with pytest.raises(StoreFault, match="results/1: the store is full"), folder.writer("results/1") as stream:
            stream.write(b"x" * 10_000_000)
        assert folder.get("results/1") == b"old"
        assert os.listdir(tmp_path / "store" / "results") == ["1"]

    def test_a_store_that_does_not_outlive_its_process_waits_for_no_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[int] = []
        monkeypatch.setattr(os, "fsync", waited.append)
        DirectoryStore(str(tmp_path), durable=False).put("a", b"x")
        assert waited == []
        DirectoryStore(str(tmp_path)).put("b", b"x")
        assert len(waited) == 2, "the file, then the folder that names it"

    def test_what_can_be_made_again_waits_for_the_disk_once_all_together(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[int] = []
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", waited.append)
        monkeypatch.setattr(directory_store, "_sync", lambda folder: synced.append(os.fstat(folder).st_ino))
        lasting = DirectoryStore(str(tmp_path))
        lasting.put("results/1", b"x", durable=False)
        assert (lasting.get("results/1"), waited, synced) == (b"x", [], [])
        lasting.settle()
        DirectoryStore(str(tmp_path), durable=False).settle()
        assert synced == [tmp_path.stat().st_ino]

    def test_a_disk_that_takes_nothing_any_more_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(_folder: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        DirectoryStore(str(tmp_path)).settle()
        monkeypatch.setattr(directory_store, "_sync", failing)
        with pytest.raises(StoreFault, match="Input/output error"):
            DirectoryStore(str(tmp_path)).settle()


class TestRedis:
    def test_all_keys_are_below_one_prefix_and_no_draft_stays(self, redis_client: redis.Redis) -> None:
        kept = RedisStore(redis_client)
        kept.put("a/b", b"x")
        with kept.writer("c") as stream:
            stream.write(b"x" * 3_000_000)
        with pytest.raises(KeyError), kept.writer("d") as stream:
            fail_after_writing(stream, KeyError())
        assert sorted(redis_client.keys("*")) == [b"ms:store-names", b"ms:store:a/b", b"ms:store:c"]
        assert redis_client.ttl("ms:store:c") == -1
        kept.delete("")
        assert redis_client.keys("*") == []

    def test_the_draft_of_a_writer_that_died_expires(self, redis_client: redis.Redis) -> None:
        with RedisStore(redis_client).writer("a") as stream:
            stream.write(b"x" * 2_000_000)
            (draft,) = redis_client.keys("ms:store-drafts:*")
            assert 0 < redis_client.ttl(draft) <= 3600

    def test_a_piece_that_was_lost_or_came_twice_is_noticed(self, redis_client: redis.Redis) -> None:
        def write(stream: BinaryIO) -> None:
            stream.write(b"x" * 2_000_000)
            (draft,) = redis_client.keys("ms:store-drafts:*")
            redis_client.append(draft, b"again")
            stream.write(b"x" * 2_000_000)

        with pytest.raises(StoreFault, match="a: the connection"), RedisStore(redis_client).writer("a") as stream:
            write(stream)
        assert redis_client.keys("*") == []

    def test_a_full_redis_is_said(self, redis_client: redis.Redis) -> None:
        kept = RedisStore(redis_client)
        kept.put("a", b"old")
        before = int(redis_client.config_get("maxmemory")["maxmemory"] or 0)
        redis_client.config_set("maxmemory", 1)
        try:
            with pytest.raises(StoreFault, match="a: the store is full"):
                kept.put("a", b"new")
            with pytest.raises(StoreFault, match="a: the store is full"), kept.writer("a") as stream:
                stream.write(b"new")
            assert kept.get("a") == b"old"
        finally:
            redis_client.config_set("maxmemory", before)

    def test_a_key_of_another_type_is_a_fault(self, redis_client: redis.Redis) -> None:
        redis_client.rpush("ms:store:a", "x")
        with pytest.raises(StoreFault, match="a: Redis refuses: WRONGTYPE"):
            RedisStore(redis_client).get("a")

    @pytest.mark.parametrize("scheme", ["redis+socket", "unix"])
    def test_a_redis_that_is_not_there(self, tmp_path: Path, scheme: str) -> None:
        gone = open_store(f"{scheme}://{tmp_path}/none.sock?virtual_host=0")
        with pytest.raises(StoreFault, match="a/b: Redis does not answer"):
            gone.get("a/b")


@pytest.mark.parametrize("uri", ["ftp://host/x", "s4://bucket", "file://", "file://host/x", "", "redis://host:port"])
def test_addresses_that_are_none(uri: str) -> None:
    with pytest.raises(StoreFault):
        open_store(uri)


def test_an_address_is_said_without_its_password() -> None:
    with pytest.raises(StoreFault) as caught:
        open_store("ftp://user:open-sesame@host/x")
    assert "sesame" not in str(caught.value)


def test_stores_by_address(tmp_path: Path) -> None:
    for uri in (str(tmp_path / "a b"), f"file://{tmp_path}/a%20b"):
        opened = open_store(uri)
        assert isinstance(opened, DirectoryStore)
        opened.put("x", b"x")
        assert os.listdir(tmp_path) == ["a b"]
    assert isinstance(open_store("redis+socket:///tmp/none.sock?virtual_host=3"), RedisStore)


def test_a_store_that_does_not_outlive_its_job_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    for scheme, waits in (("temporary", False), ("file", True)):
        store = open_store(f"{scheme}://{tmp_path}/{scheme}")
        store.put("name", b"data")
        assert store.get("name") == b"data"
        assert bool(synced) is waits
