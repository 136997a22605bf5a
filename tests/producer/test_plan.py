"""From targets to numbered units: order, overlaps, bounds, and what is said of targets that hold nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Selection
from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Unit
from modelsweep.core.units import KIB
from modelsweep.core.values import asdict
from producer.plan import BEGINNING, Cursor, plan, plan_after
from sources.opening import canonical, inside, opener, source_of
from sources.source import Listed, Opened, OpenedFile, Source
from tests.sources.double import Reply, double


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with `models/{a.pt,b.pt,sub/c.pt}` and `other.pt`, 1, 2, 3 and 4 KiB large."""
    (tmp_path / "models" / "sub").mkdir(parents=True)
    for size, name in enumerate(("models/a.pt", "models/b.pt", "models/sub/c.pt", "other.pt"), start=1):
        (tmp_path / name).write_bytes(bytes([size]) * size * KIB)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(targets: Sequence[str], **bounds: int) -> list[str]:
    """Return what is planned, one word per item: the address of a unit, or kind and address of a problem."""
    items = list(plan(targets, Selection(bounds.get("max_file_size"), bounds.get("max_total_size"))))
    units = [item for item in items if isinstance(item, Unit)]
    assert [unit.index for unit in units] == list(range(len(units)))
    return [item.locator.uri if isinstance(item, Unit) else f"{item.kind.value}:{item.locator.uri}" for item in items]


def file_of(opened: Opened) -> int:
    """Return the descriptor of an opened file."""
    assert isinstance(opened, OpenedFile)
    return opened.descriptor


BELOW = ["models/a.pt", "models/b.pt", "models/sub/c.pt"]


def test_units_are_numbered_in_the_order_of_targets_then_keys() -> None:
    items = list(plan(["other.pt", "models"]))
    assert items == [
        Unit(0, Locator("other.pt"), 4 * KIB),
        Unit(1, Locator("models/a.pt"), 1 * KIB),
        Unit(2, Locator("models/b.pt"), 2 * KIB),
        Unit(3, Locator("models/sub/c.pt"), 3 * KIB),
    ]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["models", "models"], BELOW),
        (["models", "models/"], BELOW),
        (["models", "models/a.pt"], BELOW),
        (["models", "models/sub"], BELOW),
        (["models/sub/c.pt", "models"], ["models/sub/c.pt", "models/a.pt", "models/b.pt"]),
        (["models/sub", "models", "models/a.pt"], ["models/sub/c.pt", "models/a.pt", "models/b.pt"]),
        (["models/sub", "./models/sub"], ["models/sub/c.pt", "./models/sub/c.pt"]),
        (["other.pt", "other.pt"], ["other.pt"]),
        (["missing", "missing"], ["source:missing"]),
        ([], []),
    ],
)
def test_one_locator_is_one_unit_however_targets_overlap(targets: list[str], expected: list[str]) -> None:
    assert planned(targets) == expected


def test_problems_of_overlapping_targets_are_said_once() -> None:
    os.mkfifo("models/sub/fifo")
    expected = [*BELOW, "unsupported:models/sub/fifo"]
    assert planned(["models", "models/sub"]) == expected
    assert planned(["models", "models/sub", "other.pt"]) == [*expected, "other.pt"]


@pytest.mark.parametrize("targets", [["models", "models/link"], ["models/link", "models"]])
def test_a_link_out_of_one_target_that_is_a_target_too_is_examined_and_not_complained_of(
    tree: Path, targets: list[str]
) -> None:
    (tree / "models" / "link").symlink_to(tree / "other.pt")
    assert planned(["models"]) == ["models/a.pt", "models/b.pt", "skipped:models/link", "models/sub/c.pt"]
    assert sorted(planned(targets)) == sorted([*BELOW, "models/link"])
    open_unit = opener(targets)
    for item in plan(targets):
        assert isinstance(item, Unit)
        os.close(file_of(open_unit(item)))


def test_what_is_too_large_is_left_out_and_said() -> None:
    items = list(plan(["models", "other.pt"], Selection(max_file_size=2 * KIB)))
    assert [item.index for item in items if isinstance(item, Unit)] == [0, 1]
    details = {item.locator.uri: (item.kind, item.detail) for item in items if isinstance(item, Problem)}
    assert details == {
        "models/sub/c.pt": (ProblemKind.SKIPPED, "3.0 KiB: more than the 2.0 KiB that a file may have"),
        "other.pt": (ProblemKind.SKIPPED, "4.0 KiB: more than the 2.0 KiB that a file may have"),
    }


def test_what_does_not_fit_in_all_is_left_out_and_smaller_files_go_on() -> None:
    assert planned(["models", "other.pt"], max_total_size=3 * KIB) == [
        "models/a.pt",
        "models/b.pt",
        "skipped:models/sub/c.pt",
        "skipped:other.pt",
    ]
    targets = ["other.pt", "models/sub/c.pt", "models/a.pt"]
    assert planned(targets, max_total_size=5 * KIB) == ["other.pt", "skipped:models/sub/c.pt", "models/a.pt"]
    problem = next(item for item in plan(targets, Selection(max_total_size=5 * KIB)) if isinstance(item, Problem))
    assert problem.detail == "3.0 KiB: only 1.0 KiB are left of 5.0 KiB in all"


def test_bounds_are_inclusive_and_nought_is_a_bound() -> None:
    Path("empty").touch()
    assert planned(["models/a.pt"], max_file_size=KIB, max_total_size=KIB) == ["models/a.pt"]
    assert planned(["models/a.pt", "empty"], max_file_size=0) == ["skipped:models/a.pt", "empty"]
    assert planned(["models/a.pt", "empty"], max_total_size=0) == ["skipped:models/a.pt", "empty"]


@pytest.mark.parametrize("address", ["gopher://host/model.pt", "x-y+z.1://bucket/key"])
def test_an_address_that_no_source_knows_is_one_clear_line(address: str) -> None:
    (problem, unit) = plan([address, "other.pt"])
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.locator) == (ProblemKind.SOURCE, Locator(address))
    assert problem.detail.startswith(f"there is no source for {address.partition('/')[0]} addresses, only for hf://")
    assert problem.detail.endswith(" and plain paths")
    assert unit == Unit(0, Locator("other.pt"), 4 * KIB)


def test_planning_is_lazy() -> None:
    listing = plan(["models", "missing"])
    assert next(listing) == Unit(0, Locator("models/a.pt"), KIB)
    Path("models/sub/c.pt").unlink()
    Path("models/sub").rmdir()
    assert [type(item) for item in listing] == [Unit, Problem, Problem]


@pytest.mark.parametrize("spell", [str, "{}/".format, "./{}".format, os.path.abspath])
def test_what_was_planned_is_opened(spell: Callable[[str], str]) -> None:
    targets = [spell("models"), "other.pt"]
    open_unit = opener(targets)
    for item in plan(targets):
        assert isinstance(item, Unit)
        opened = open_unit(item)
        assert os.pread(file_of(opened), 10 * KIB, 0) == Path(item.locator.uri).read_bytes()
        assert opened.size == item.size
        os.close(file_of(opened))


def test_the_root_folder_is_a_target_too(tree: Path) -> None:
    opened = opener(["/"])(Unit(0, Locator(f"{tree}/other.pt"), 4 * KIB))
    assert opened.size == 4 * KIB
    os.close(file_of(opened))


@pytest.mark.parametrize(
    "uri", ["other.pt", "models-2/a.pt", "/etc/hosts", "models", "models/../other.pt", "s3://b/models"]
)
def test_nothing_outside_the_targets_is_opened(uri: str) -> None:
    with pytest.raises(SourceFault):
        opener(["models"])(Unit(0, Locator(uri), 1))


def test_a_file_that_vanished_is_a_source_fault() -> None:
    unit = next(plan(["models"]))
    assert isinstance(unit, Unit)
    Path("models/a.pt").unlink()
    with pytest.raises(SourceFault, match="vanished after it was listed"):
        opener(["models"])(unit)


def content(opened: Opened) -> bytes:
    """Return the first byte of what was opened, and close it."""
    try:
        return os.pread(file_of(opened), 1, 0)
    finally:
        os.close(file_of(opened))


def unit_at(uri: str) -> Unit:
    return Unit(0, Locator(uri), KIB)


class TestFolderThatStaysOpen:
    """The second file of a folder is opened beside the first one."""

    def test_it_leads_out_by_no_link_and_no_dots(self, tree: Path) -> None:
        with opener(["models"]) as open_unit:
            assert content(open_unit(unit_at("models/a.pt"))) == b"\1"
            (tree / "models" / "b.pt").unlink()
            (tree / "models" / "b.pt").symlink_to(tree / "other.pt")
            for uri in ("models/b.pt", "models/..", "models/.", "models/", "models/sub"):
                with pytest.raises(SourceFault):
                    open_unit(unit_at(uri))

    def test_a_file_that_is_a_target_itself_is_opened_as_such(self, tree: Path) -> None:
        (tree / "models" / "link").symlink_to(tree / "other.pt")
        with opener(["models", "models/link"]) as open_unit:
            assert content(open_unit(unit_at("models/a.pt"))) == b"\1"
            assert content(open_unit(unit_at("models/link"))) == b"\4"

    def test_a_folder_that_was_made_anew_is_found(self, tree: Path) -> None:
        with opener(["models"]) as open_unit:
            assert content(open_unit(unit_at("models/sub/c.pt"))) == b"\3"
            (tree / "models" / "sub" / "c.pt").unlink()
            (tree / "models" / "sub").rmdir()
            with pytest.raises(SourceFault, match="vanished after it was listed"):
                open_unit(unit_at("models/sub/c.pt"))
            (tree / "models" / "sub").mkdir()
            (tree / "models" / "sub" / "c.pt").write_bytes(b"\7")
            assert content(open_unit(unit_at("models/sub/c.pt"))) == b"\7"

    def test_a_root_that_the_target_leads_out_of_is_asked_for_each_folder(self, tree: Path) -> None:
        (tree / "outside").mkdir()
        (tree / "outside" / "a.pt").write_bytes(b"\7")
        (tree / "target").symlink_to(tree / "models")
        with opener(["target"], [str(tree / "models")]) as open_unit:
            assert content(open_unit(unit_at("target/a.pt"))) == b"\1"
            (tree / "target").unlink()
            (tree / "target").symlink_to(tree / "outside")
            assert content(open_unit(unit_at("target/b.pt"))) == b"\2", "the folder that was looked at"
            with pytest.raises(SourceFault, match="outside the roots"):
                open_unit(unit_at("target/sub/c.pt"))
            with pytest.raises(SourceFault, match="outside the roots"):
                open_unit.another()(unit_at("target/a.pt"))

    def test_nothing_stays_open_once_it_is_closed(self) -> None:
        before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
        with opener(["models"]) as open_unit:
            os.close(file_of(open_unit(unit_at("models/a.pt"))))
        assert len(os.listdir("/proc/self/fd") if before else []) == len(before)


@pytest.mark.usefixtures("tree")
class TestPatterns:
    @pytest.mark.parametrize(
        ("include", "exclude", "left"),
        [
            (("*.pt",), (), ["models/a.pt", "models/b.pt", "models/sub/c.pt"]),
            (("sub/*",), (), ["models/sub/c.pt"]),
            (("sub/",), (), ["models/sub/c.pt"]),
            (("a.pt", "c.pt"), ("sub/*",), ["models/a.pt"]),
            ((), ("*",), []),
            (("*.PT",), (), []),
        ],
    )
    def test_paths_below_the_target_and_names_match(
        self, include: tuple[str, ...], exclude: tuple[str, ...], left: list[str]
    ) -> None:
        items = list(plan(["models"], Selection(include=include, exclude=exclude)))
        assert [item.locator.uri for item in items if isinstance(item, Unit)] == left
        said = [(item.kind, item.locator.uri, item.detail[:6]) for item in items if isinstance(item, Problem)]
        count = 3 - len(left)
        assert said == ([(ProblemKind.DESELECTED, "models", f"{count} file")] if count else [])

    def test_nothing_is_said_where_nothing_is_left_out(self) -> None:
        assert list(plan(["models"], Selection(include=("*",)))) == list(plan(["models"]))

    def test_what_cannot_be_listed_is_said_all_the_same(self) -> None:
        (problem,) = plan(["none"], Selection(include=("*.pt",)))
        assert isinstance(problem, Problem)
        assert problem.kind is ProblemKind.SOURCE

    def test_the_address_is_not_said_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with double(lambda request: Reply(418)) as server:
            monkeypatch.setenv("HF_ENDPOINT", server.url)
            (problem,) = plan(["hf://org/name"], Selection())
        assert isinstance(problem, Problem)
        assert (problem.locator.uri, problem.detail) == ("hf://org/name", "the Hub answered 418")


class Shelf:
    """A source of addresses `shelf:/NAME`: keys in order, some of which are a Problem; it says where it was begun."""

    def __init__(self, keys: Sequence[str], *, goes_on: bool) -> None:
        self.keys, self.begun = keys, list[str]()
        self.source = Source(
            "shelf",
            accepts=lambda target: target.startswith("shelf:/"),
            list=lambda target: self.list(target, ""),
            open=lambda listed, target: pytest.fail("nothing is opened"),
            list_after=self.list if goes_on else None,
        )

    def list(self, target: str, after: str) -> Iterator[Listed | Problem]:
        self.begun.append(after)
        for key in sorted(self.keys, key=str.encode):
            uri = f"{target}/{key}"
            if uri.encode() > after.encode():
                bad = "broken" in key
                yield Problem(ProblemKind.SKIPPED, Locator(uri), "shelf", "no") if bad else Listed(Locator(uri), 10)


KEYS = [
    "a.pt",
    "a.pt.dvc",
    "b",
    "broken1",
    "b-x",
    "b.dvc",
    "b.dvc-x",
    "b/x",
    "c.dvc",
    "c.dvc2",
    "c/broken",
    "d.dvc",
    "e",
]


@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize(
    "selection",
    [Selection(), Selection(exclude=("b*",)), Selection(max_total_size=75), Selection(include=("*.dvc", "*broken*"))],
)
def test_a_listing_goes_on_behind_any_cursor(
    monkeypatch: pytest.MonkeyPatch, goes_on: bool, selection: Selection
) -> None:
    shelf = Shelf(KEYS, goes_on=goes_on)
    monkeypatch.setattr("producer.plan.source_of", lambda target: shelf.source)
    targets = ["shelf:/one", "shelf:/two", "shelf:/six"]
    whole = list(plan_after(BEGINNING, targets, selection))
    assert len([item for item, _ in whole if isinstance(item, Problem)]) > 3
    for place, (item, cursor) in enumerate(whole):
        if isinstance(item, Unit):
            shelf.begun.clear()
            stored = Cursor(**json.loads(json.dumps(asdict(cursor))))
            rest = list(plan_after(stored, targets, selection))
            assert [other for other, _ in rest] == [other for other, _ in whole[place + 1 :]]
            assert shelf.begun == [cursor.uri if goes_on else "", *[""] * (2 - cursor.target)]


def test_overlapping_targets_are_listed_again_and_go_on_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(["a", "b/broken", "b/c", "b/d", "e"], goes_on=True)
    inner = Shelf(["broken", "c", "d"], goes_on=True)
    monkeypatch.setattr("producer.plan.source_of", lambda target: (inner if target.endswith("/b") else shelf).source)
    targets = ["shelf:/one/b", "shelf:/one"]
    whole = list(plan_after(BEGINNING, targets))
    assert [item.locator.uri.rpartition("/")[2] for item, _ in whole] == ["broken", "c", "d", "a", "e"]
    for place, (item, cursor) in enumerate(whole):
        if isinstance(item, Unit):
            assert [other for other, _ in plan_after(cursor, targets)] == [other for other, _ in whole[place + 1 :]]


@pytest.mark.parametrize("way", ["../b", "a/..", "%2e%2e/b", "%2E./b", "..%2fb", "./a"])
def test_an_address_with_dots_leads_out_of_no_root_however_they_are_spelled(way: str) -> None:
    root = "https://models.example/public"
    assert inside(f"{root}/a..b/%2ehidden", [root]) == f"{root}/a..b/%2ehidden"
    with pytest.raises(SourceFault, match="with dots"):
        inside(f"{root}/{way}", [root])


@pytest.mark.parametrize("target", ["https://[", "http://a@[::1", "https://models.example:port/a", "http://h:99999/a"])
def test_an_address_that_cannot_be_taken_apart_is_a_fault(target: str) -> None:
    assert canonical(target).startswith("http")
    with pytest.raises(SourceFault, match="not an address"):
        source_of(target)
