"""Listing and opening local files, in trees that are large, odd or hostile."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import tracemalloc
from pathlib import Path
from typing import cast

import pytest

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.units import MIB
from sources.local import DEPTH, SOURCE, list_target, open_file
from sources.source import Listed
from tests.sources.tree import files, hub_cache, problems

REPOSITORY = Path(__file__).parents[2]


def content(uri: str, target: str | Path) -> bytes:
    """Return what opening an object that was listed under `target` gives."""
    opened = open_file(Listed(Locator(uri), 0), str(target))
    with open(opened.descriptor, "rb") as file:
        data = file.read()
    assert len(data) == opened.size
    return data


def test_a_file_is_listed_as_the_user_named_it_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.pt").write_bytes(b"12345")
    assert list(list_target("./model.pt")) == [Listed(Locator("./model.pt"), 5)]
    assert content("./model.pt", "./model.pt") == b"12345"


@pytest.mark.parametrize("target", [".", "./", "models", "models/", "models//", "../here/models"])
def test_what_is_below_a_folder_is_the_target_joined_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    (tmp_path / "here" / "models").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    Path("models/a.pt").write_bytes(b"a")
    below = "models/a.pt" if target.startswith("./") or target == "." else "a.pt"
    uri = f"{target.rstrip('/')}/{below}"
    assert list(list_target(target)) == [Listed(Locator(uri), 1)]
    assert content(uri, target) == b"a"


def test_the_order_is_that_of_whole_paths_as_bytes(tmp_path: Path) -> None:
    chance = random.Random(4)
    names = ["a", "a-", "a.b", "a0", "B", "é", "z\udcff", "\ue000", "\U0001f600", ".hidden", "-", "~", "A B"]
    for _ in range(300):
        folder = tmp_path.joinpath(*(f"{chance.choice(names)}.d" for _ in range(chance.randrange(4))))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / chance.choice(names)).touch()
    for name in ("x", "x.y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / "x-file").touch()
    listed = files(tmp_path)
    assert listed == sorted(listed, key=os.fsencode)
    assert listed.index("x-file") < listed.index("x.y/file") < listed.index("x/file")
    assert set(listed) == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name",
    [
        b"two\nlines.pt",
        b"\x1b[31mred\x07.pt",
        b"not utf-8 \xff\xfe.pt",
        b" ",
        b"-rf",
        b"a'b\"c",
        b"back\\slash",
        b"\xe2\x80\xae.pt",
    ],
)
def test_odd_names_are_listed_and_opened(tmp_path: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(name)
    assert [os.fsencode(found) for found in files(tmp_path)] == [name]
    assert content(os.fsdecode(path), tmp_path) == name
    assert content(os.fsdecode(path), os.fsdecode(path)) == name


def test_an_odd_name_is_made_printable_where_it_is_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/\x1b[2Jhosts")
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "a\nb").symlink_to("/proc/self/mounts")
    assert all(line.split(": ", 1)[1].isprintable() for line in problems(tmp_path))


def test_hidden_files_and_git_are_listed_too(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").touch()
    (tmp_path / ".env").touch()
    assert files(tmp_path) == [".env", ".git/HEAD"]


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert list(list_target(str(tmp_path))) == []


@pytest.mark.parametrize("target", ["nowhere/model.pt", "", "nul\0.pt", "lone \ud800 surrogate", "x" * 300])
def test_a_target_that_is_not_there_is_one_problem(target: str) -> None:
    (problem,) = list_target(target)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.SOURCE
    assert problem.locator == Locator(target)
    assert problem.detail in {
        "no such file or directory",
        "no such name can exist (a NUL character or a lone surrogate)",
        "file name too long",
    }


def test_special_files_are_said_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "model.pt").touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert problems(tmp_path) == [
            "unsupported fifo: a FIFO: never opened",
            "unsupported socket: a socket: never opened",
        ]
    assert files(tmp_path) == ["model.pt"]


@pytest.mark.parametrize(("target", "kind"), [("/dev/null", "a character device"), ("fifo", "a FIFO")])
def test_a_special_file_named_as_target_fails_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    assert problems(target) == [f"source {target}: {kind} cannot be examined, only files and folders"]


def test_a_device_in_a_folder_is_said(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "null", 0o666 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes device nodes")
    assert problems(tmp_path) == ["unsupported null: a character device: never opened"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("special", ["fifo", "socket", "folder", "link"])
def test_what_takes_the_place_of_a_listed_file_is_not_read(tmp_path: Path, special: str) -> None:
    path = tmp_path / "model.pt"
    if special == "fifo":
        os.mkfifo(path)
    elif special == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    elif special == "folder":
        path.mkdir()
    else:
        path.symlink_to("/etc/hosts")
    descriptors = os.listdir("/dev/fd")
    with pytest.raises(SourceFault, match=r"taken the place|no such device"):
        open_file(Listed(Locator(str(path)), 0), str(tmp_path))
    assert os.listdir("/dev/fd") == descriptors


def test_a_file_that_vanished_after_listing_is_a_source_fault(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.touch()
    (listed,) = list_target(str(tmp_path))
    path.unlink()
    with pytest.raises(SourceFault, match="vanished after it was listed"):
        open_file(cast(Listed, listed), str(tmp_path))


def test_a_folder_that_vanishes_while_it_is_listed_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    listing = list_target(str(tmp_path))
    next(listing)
    (tmp_path / "b" / "file").unlink()
    (tmp_path / "b").rmdir()
    gone, last = listing
    assert isinstance(gone, Problem)
    assert gone.detail == "the folder cannot be listed: no such file or directory"
    assert last.locator.uri == f"{tmp_path}/c/file"


def test_links_inside_the_tree_are_passed_over_and_never_walked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "model.pt").touch()
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "itself").symlink_to(".")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "copy.pt").symlink_to("a/model.pt")
    (tmp_path / "absolute.pt").symlink_to(tmp_path / "a" / "model.pt")
    assert files(tmp_path) == ["a/model.pt"]
    assert problems(tmp_path) == []


def test_links_out_of_the_tree_are_said(tmp_path: Path) -> None:
    outside, tree = tmp_path / "tree-outside", tmp_path / "tree"
    outside.mkdir()
    tree.mkdir()
    (outside / "secret").write_text("secret")
    (tree / "file").symlink_to("../tree-outside/secret")
    (tree / "folder").symlink_to(outside)
    (tree / "hop").symlink_to("file")
    assert files(tree) == []
    advice = "name it as a target to have it examined"
    assert problems(tree) == [
        f"skipped file: a link that leads out of {tree}, to ../tree-outside/secret: {advice}",
        f"skipped folder: a link that leads out of {tree}, to {outside}: {advice}",
        f"skipped hop: a link that leads out of {tree}, to file: {advice}",
    ]
    for name in ("file", "folder/secret", "hop", "../tree-outside/secret"):
        with pytest.raises(SourceFault):
            open_file(Listed(Locator(f"{tree}/{name}"), 0), str(tree))


def test_links_that_lead_nowhere_are_said(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("missing")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "ping").symlink_to("pong")
    (tmp_path / "pong").symlink_to("ping")
    endless = "a link that leads nowhere: too many levels of symbolic links"
    assert problems(tmp_path) == [
        "source dangling: a link that leads nowhere: no such file or directory",
        *(f"source {name}: {endless}" for name in ("loop", "ping", "pong")),
    ]
    assert problems(tmp_path / "loop") == [f"source {tmp_path}/loop: too many levels of symbolic links"]


def test_a_target_that_is_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "model.pt").write_bytes(b"m")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file.pt").symlink_to("real/model.pt")
    assert files(tmp_path / "folder") == ["model.pt"]
    assert content(f"{tmp_path}/folder/model.pt", tmp_path / "folder") == b"m"
    assert list(list_target(f"{tmp_path}/file.pt")) == [Listed(Locator(f"{tmp_path}/file.pt"), 1)]
    assert content(f"{tmp_path}/file.pt", tmp_path / "file.pt") == b"m"


def test_a_folder_swapped_for_a_link_between_listing_and_opening_does_not_lead_out(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "model.pt").touch()
    (outside / "b").mkdir(parents=True)
    (outside / "b" / "model.pt").write_text("secret")
    (listed,) = list_target(str(tree))
    (tree / "a").rename(tmp_path / "away")
    (tree / "a").symlink_to(outside)
    with pytest.raises(SourceFault):
        open_file(cast(Listed, listed), str(tree))


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "", "a//b", "./a", "/etc/hosts"])
def test_only_plain_paths_below_the_target_are_opened(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "tree" / "a").mkdir(parents=True)
    with pytest.raises(SourceFault, match="not a path below"):
        open_file(Listed(Locator(f"{tmp_path}/tree/{path}"), 0), f"{tmp_path}/tree")
    with pytest.raises(SourceFault, match="not a path below"):
        open_file(Listed(Locator(f"{tmp_path}/tree-2"), 0), f"{tmp_path}/tree")


def test_a_snapshot_of_the_hub_cache_is_read_through_its_links(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path)
    assert files(snapshot) == ["README.md", "config.json", "onnx/int8/model.onnx"]
    assert problems(snapshot) == []
    assert [item.size for item in list_target(str(snapshot)) if isinstance(item, Listed)] == [8, 4, 4]
    assert content(f"{snapshot}/config.json", snapshot) == b"aa11"
    assert content(f"{snapshot}/onnx/int8/model.onnx", snapshot) == b"bb22"
    assert content(f"{snapshot}/onnx/int8/model.onnx", f"{snapshot}/onnx") == b"bb22"
    (tmp_path / "named").symlink_to(snapshot)
    assert content(f"{tmp_path}/named/config.json", f"{tmp_path}/named") == b"aa11"


def test_a_whole_hub_cache_is_read_once_under_the_names_of_its_first_snapshot(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path)
    repository = snapshot.parents[1]
    (repository / "blobs" / "cc33.incomplete").touch()
    later = repository / "snapshots" / "1234abc"
    later.mkdir()
    (later / "config.json").symlink_to("../../blobs/aa11")
    (later / "new.json").symlink_to("../../blobs/bb22")
    hub_cache(tmp_path / "other")
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "plain").touch()
    expected = [
        "blobs/cc33.incomplete",
        *(f"snapshots/0123abc/{name}" for name in ("README.md", "config.json", "onnx/int8/model.onnx")),
    ]
    assert files(repository) == expected
    assert files(tmp_path) == [
        "blobs/plain",
        *(f"models--acme--tiny/{path}" for path in expected),
        *(f"other/models--acme--tiny/{path}" for path in expected[1:]),
    ]
    assert files(repository / "blobs") == ["aa11", "bb22", "cc33.incomplete"]
    assert files(later) == ["config.json", "new.json"]
    assert problems(tmp_path) == []
    assert content(f"{snapshot}/onnx/int8/model.onnx", tmp_path) == b"bb22"


def test_notes_of_absence_in_the_hub_cache_are_no_files(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path)
    absent = snapshot.parents[1] / ".no_exist" / "0123abc"
    absent.mkdir(parents=True)
    (absent / "model.safetensors").touch()
    (absent / "written").write_bytes(b"x")
    assert [path for path in files(tmp_path) if ".no_exist" in path] == ["models--acme--tiny/.no_exist/0123abc/written"]


@pytest.mark.parametrize(
    "text",
    [
        "../../blobs/../secret",
        "../../blobs/..",
        "../../blobs/deep/file",
        "../../blobs/fifo",
        "../../blobs/link",
        "../../blobs",
        "../../elsewhere/aa11",
        "../../../blobs/aa11",
        "../../../models--acme--tiny/blobs/aa11",
        "../x/../../blobs/aa11",
        "../x/blobs/aa11",
        "./../../blobs/aa11",
    ],
)
def test_links_that_only_resemble_the_hub_cache_are_not_followed(tmp_path: Path, text: str) -> None:
    snapshot = hub_cache(tmp_path)
    blobs = snapshot.parents[1] / "blobs"
    (blobs / "deep").mkdir()
    (blobs / "deep" / "file").touch()
    os.mkfifo(blobs / "fifo")
    (tmp_path / "secret").touch()
    (blobs / "link").symlink_to(tmp_path / "secret")
    for other in ("blobs", "models--acme--tiny/elsewhere", "models--acme--tiny/snapshots/x"):
        (tmp_path / other).mkdir()
    (tmp_path / "blobs" / "aa11").touch()
    (tmp_path / "models--acme--tiny" / "snapshots" / "x" / "blobs").mkdir()
    (tmp_path / "models--acme--tiny" / "snapshots" / "x" / "blobs" / "aa11").touch()
    (tmp_path / "models--acme--tiny" / "elsewhere" / "aa11").touch()
    (tmp_path / "models--acme--tiny" / "secret").touch()
    (snapshot / "model.pt").symlink_to(text)
    assert "model.pt" not in files(snapshot)
    assert len(problems(snapshot)) == 1
    with pytest.raises(SourceFault):
        open_file(Listed(Locator(f"{snapshot}/model.pt"), 0), str(snapshot))


def test_blobs_that_are_elsewhere_are_not_followed(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path)
    repository = snapshot.parents[1]
    (repository / "blobs").rename(tmp_path / "elsewhere")
    (repository / "blobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceFault):
        open_file(Listed(Locator(f"{snapshot}/config.json"), 0), str(snapshot))
    (repository / "blobs").unlink()
    (tmp_path / "elsewhere").rename(repository / "blobs")
    assert files(snapshot) == ["README.md", "config.json", "onnx/int8/model.onnx"]
    (repository / "snapshots").rename(repository / "checkouts")
    assert files(repository / "checkouts" / "0123abc") == ["README.md"]
    (repository / "checkouts").rename(repository / "snapshots")
    repository.rename(tmp_path / "plain")
    assert files(tmp_path / "plain" / "snapshots" / "0123abc") == ["README.md"]


def test_folders_nested_without_end_are_cut_and_said(tmp_path: Path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(DEPTH + 50):
            os.mkdir("d")
            os.chdir("d")
        Path("model.pt").touch()
    finally:
        os.chdir(here)
    start = time.process_time()
    assert files(tmp_path) == []
    assert problems(tmp_path) == [
        f"limit {'/'.join('d' * (DEPTH + 1))}: more than {DEPTH} folders deep: what is below is left out"
    ]
    assert time.process_time() - start < 10


def test_a_folder_of_100_000_files_is_listed_in_seconds_and_little_memory(tmp_path: Path) -> None:
    for number in range(100_000):
        os.close(os.open(tmp_path / f"model-{number:06}.safetensors", os.O_CREAT | os.O_WRONLY))
    start, count, previous = time.process_time(), 0, ""
    for item in list_target(str(tmp_path)):
        assert item.locator.uri > previous
        previous = item.locator.uri
        count += 1
    assert count == 100_000
    assert time.process_time() - start < 10
    tracemalloc.start()
    listing = list_target(str(tmp_path))
    next(listing)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * MIB
    # pytest keeps the folders of the last runs
    shutil.rmtree(tmp_path)


def test_a_listing_that_is_given_up_leaves_nothing_open(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file").touch()
    descriptors = os.listdir("/dev/fd")
    listing = list_target(str(tmp_path))
    next(listing)
    assert os.listdir("/dev/fd") == descriptors


def test_what_the_user_may_not_read_is_said(tmp_path: Path) -> None:
    script = """
        import os, sys
        from modelsweep.core.reader import SourceFault
        from sources.local import list_target, open_file
        os.chdir(sys.argv[1])
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        for item in list_target("."):
            name = item.locator.uri.rpartition("/")[2]
            try:
                print(name, getattr(item, "detail", None) or open_file(item, ".").size)
            except SourceFault as fault:
                print(name, fault)
    """
    tree = tmp_path / "tree"
    for folder in ("closed", "unsearchable"):
        (tree / folder).mkdir(parents=True)
        (tree / folder / "hidden.pt").touch()
    for name in ("fine.pt", "secret.pt"):
        (tree / name).write_bytes(b"abc")
    (tree / "secret.pt").chmod(0)
    (tree / "closed").chmod(0)
    (tree / "unsearchable").chmod(0o444)
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tree)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (tree / "closed").chmod(0o755)
    (tree / "unsearchable").chmod(0o755)
    assert ran.stdout.splitlines() == [
        "closed the folder cannot be listed: permission denied",
        "fine.pt 3",
        "secret.pt permission denied",
        "hidden.pt permission denied",
    ], ran.stderr


@pytest.mark.parametrize(
    ("target", "accepted"),
    [
        ("model.pt", True),
        ("/a/b", True),
        ("./s3://x", True),
        ("C:/x", True),
        ("a:b", True),
        ("", True),
        ("s3://bucket/key", False),
        ("https://huggingface.co/x", False),
        ("models:/Name/1", False),
        ("git+ssh://x", False),
    ],
)
def test_paths_are_local_and_addresses_are_not(target: str, accepted: bool) -> None:
    assert SOURCE.accepts(target) is accepted
