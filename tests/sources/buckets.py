"""A real S3 on loopback (moto's server), and a client that fills it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.request import Request, urlopen

import pytest

REGION = "eu-west-3"
SECRET = "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYtestTESTkey"
"""What must stand nowhere; boto3 and moto believe any."""


def s3_environment(endpoint: str) -> dict[str, str]:
    """Return the environment of somebody with keys for the S3 at `endpoint`."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIA" + "TESTTESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def use(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    """Let this process be somebody with this environment, and nobody else."""
    for name in ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_REQUEST_PAYER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def real_s3() -> Iterator[str]:
    """Yield the address of an S3 that is gone afterwards."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def emptied(client: Any, bucket: str) -> None:
    """Make `bucket`, and let nothing else be there."""
    urlopen(Request(f"{client.meta.endpoint_url}/moto-api/reset", method="POST")).close()
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def listing_of(sizes: Mapping[str, int]) -> bytes:
    """Return the only page of a listing of `bucket`, of objects of these sizes with the ETag "1"."""
    items = "".join(
        f"<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag>"
        f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for name, size in sizes.items()
    )
    return f"<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode()


def client_of(environment: Mapping[str, str]) -> Any:
    """Return a client of our own."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
