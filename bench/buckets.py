"""What a bucket costs: requests, bytes and time of a first and a second audit, and listing a million objects.

    .venv/bin/python -m bench.buckets [--objects 10000] [--listed 1000000]

Servers are on loopback: moto's S3, which takes most of the processors itself, and one that makes keys up.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

from bench.counted_s3 import LISTING, OBJECT, REGION, CountedS3, counted_s3
from bench.endless import COMMAND, endless
from bench.machine import describe_machine
from bench.small_files import write_small_files
from bench.tables import table
from modelsweep.core.units import KIB, MIB

EACH = 2 * KIB
"""Bytes of an object in the mean."""
_AUDIT = (sys.executable, "-P", "-m", "modelsweep", "audit")


def environment(url: str, folder: Path) -> dict[str, str]:
    """Return what an audit of the S3 at `url` finds in its environment: no user's cache, and keys that nobody has."""
    names = ("MODELSWEEP_CACHE", "AWS_PROFILE", "AWS_SESSION_TOKEN")
    return {
        **{name: value for name, value in os.environ.items() if name not in names},
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "SOURCE_DATE_EPOCH": "0",
    }


def audits(folder: Path, amount: int) -> Iterator[list[str]]:
    """Yield a row for each audit of `amount` objects; raises AssertionError where reports differ."""
    write_small_files(folder / "tree", amount, EACH, Random(1))
    files = {str(path.relative_to(folder / "tree")): path for path in (folder / "tree").rglob("*") if path.is_file()}
    with counted_s3() as s3:
        s3.fill("bucket", {key: path.read_bytes() for key, path in files.items()})
        used = environment(s3.url, folder)
        first, row = _audited("first audit", "s3://bucket", folder, used, s3)
        yield row
        second, row = _audited("second audit, all of it known", "s3://bucket", folder, used, s3)
        yield row
        (folder / "cache").rename(folder / "cache-of-before")
        yield _killed(folder, used, s3, amount // 2)
        third, row = _audited("after that one", "s3://bucket", folder, used, s3)
        yield row
        tree, row = _audited("the same tree on disk", "tree", folder, used, s3)
        yield row
    same = {report.replace("s3://bucket", "tree") for report in (first, second, third)} == {tree}
    assert same, "the reports differ"


def _audited(title: str, target: str, folder: Path, used: Mapping[str, str], s3: CountedS3) -> tuple[str, list[str]]:
    begun = time.monotonic()
    out = folder / "out.json"
    command = [*_AUDIT, target, "-f", f"json={out}"]
    ended = subprocess.run(command, cwd=folder, env=used, stdout=subprocess.DEVNULL, check=False)
    assert ended.returncode in (0, 1, 2)
    report = out.read_text()
    assert json.loads(report)["files_scanned"]
    return report, _row(title, s3, time.monotonic() - begun)


def _killed(folder: Path, used: Mapping[str, str], s3: CountedS3, after: int) -> list[str]:
    begun = time.monotonic()
    with subprocess.Popen([*_AUDIT, "s3://bucket"], cwd=folder, env=used, stdout=subprocess.DEVNULL) as audit:
        while s3.requests[OBJECT] < after:
            time.sleep(0.01)
        audit.send_signal(signal.SIGKILL)
    time.sleep(2)  # its workers end, too
    return _row(f"without what is known, killed (-9) after {after:,} objects", s3, time.monotonic() - begun)


def _row(title: str, s3: CountedS3, seconds: float) -> list[str]:
    requests, size = s3.taken()
    others = sum(requests.values()) - requests.get(LISTING, 0) - requests.get(OBJECT, 0)
    counts = (requests.get(LISTING, 0), requests.get(OBJECT, 0), others)
    return [title, *(f"{count:,}" for count in counts), f"{size / MIB:.1f}", f"{seconds:.0f}"]


def listing(amount: int) -> Iterator[list[str]]:
    """Yield rows of what listing `amount` objects takes."""
    with endless(amount) as bucket, tempfile.TemporaryDirectory() as folder:
        used = environment(bucket.url, Path(folder))
        said = subprocess.run(COMMAND, env=used, capture_output=True, text=True, check=True).stdout.split()
        assert int(said[0]) == amount
        for title, seconds, peak in zip(
            ("the first", "10,000", f"all {amount:,}"), said[1::2], said[2::2], strict=True
        ):
            yield [title, f"{float(seconds):.1f}", f"{int(peak) / KIB:.0f}"]
        bucket.pages = 0
        with subprocess.Popen([*_AUDIT, "s3://bucket"], cwd=folder, env=used, stdout=subprocess.DEVNULL) as audit:
            begun = time.monotonic()
            bucket.read.wait(600)
            taken = time.monotonic() - begun
            audit.kill()
        pages = bucket.before_first_read
        yield [f"`audit` reads its first object: {pages} of {-(-amount // 1000):,} pages listed", f"{taken:.1f}", ""]


def _shown(rows: Iterator[list[str]]) -> list[list[str]]:
    """Return all rows, each of which is printed as soon as it is there: this takes a while."""
    found = []
    for row in rows:
        print(*row, sep="; ", flush=True)
        found.append(row)
    return found


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.buckets", description="What a bucket costs.")
    parser.add_argument("--objects", type=int, default=10_000, help="that are audited (default 10,000)")
    parser.add_argument("--listed", type=int, default=1_000_000, help="that are only listed (default 1,000,000)")
    given = parser.parse_args()
    print(describe_machine(), flush=True)
    if given.objects:
        head = (f"{given.objects:,} objects, moto as S3", "listings", "objects", "others", "MB of them", "wall s")
        with tempfile.TemporaryDirectory() as folder:
            rows = _shown(audits(Path(folder), given.objects))
        print(table(head, rows), flush=True)
    if given.listed:
        rows = _shown(listing(given.listed))
        print(table((f"listing {given.listed:,} objects", "after s", "RSS MB"), rows), flush=True)


if __name__ == "__main__":
    main()
