"""Servers with certificates of one's own authority: believed where the environment names it, refused elsewhere."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from modelsweep import scan
from modelsweep.core.finding import ProblemKind
from modelsweep.core.reader import SourceFault
from sources import connections
from sources.web import Web
from tests.scanners.payload import EVIL
from tests.sources.buckets import listing_of, s3_environment, use
from tests.sources.double import Double, Reply, Request, ranged

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and its certificate for 127.0.0.1, which nobody else has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "modelsweep test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """An S3 behind TLS."""
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    found = Double(_answer)
    found.secure(context)
    use(monkeypatch, s3_environment(found.url))
    yield found
    found.close()


def _answer(request: Request) -> Reply:
    if "list-type" not in request.query:
        return ranged(EVIL, request)
    return Reply(200, listing_of({"a.pkl": len(EVIL)}), {"Content-Type": "application/xml"})


def test_a_bucket_of_ones_own_authority_is_listed_and_read(
    server: Double, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = scan("s3://bucket").problems
    assert problem.kind is ProblemKind.SOURCE
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    report = scan("s3://bucket")
    assert not report.problems
    assert report.results[0].findings


def test_plain_addresses_believe_what_requests_does(
    server: Double, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = scan(f"{server.url}/a.pkl").problems
    assert "self-signed certificate" in problem.detail
    monkeypatch.setenv(connections.AUTHORITIES, str(certificate))
    assert scan(f"{server.url}/a.pkl").results[0].findings


def test_a_file_that_holds_no_certificates_is_said(server: Double, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("none")
    for name in ("none.pem", "absent.pem"):
        with pytest.raises(SourceFault, match="no file of certificates"):
            Web(authorities=str(tmp_path / name)).head(f"{server.url}/a.pkl")
