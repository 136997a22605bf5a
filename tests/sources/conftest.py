"""One S3 for all tests of sources, with nothing in its bucket at the start of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sources import retrying
from tests.sources.buckets import client_of, emptied, real_s3, s3_environment, use
from tests.sources.double import double
from tests.sources.gcs_double import Bucket

s3_server = pytest.fixture(scope="session")(real_s3)


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 whose `bucket` is empty; the environment has keys for it."""
    environment = s3_environment(s3_server)
    use(monkeypatch, environment)
    client = client_of(environment)
    emptied(client, "bucket")
    yield client
    client.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds where seconds are waited."""
    monkeypatch.setattr(retrying, "_pause", lambda vain: 0.001)


@pytest.fixture
def gcs_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty `bucket` of Google Cloud Storage, which the environment leads to."""
    found = Bucket()
    with double(found.answer) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        yield found
        assert not found.refused
