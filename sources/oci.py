"""Images and artifacts in OCI registries: the layers and the configuration of a manifest, for all its platforms.

    oci://HOST[:PORT]/REPOSITORY[:TAG|@sha256:DIGEST]

Blobs are read by range, and bear the SHA-256 that their manifest names and every client checks. A registry on this
machine is spoken to without TLS, as Docker does. Credentials are those of Docker's configuration (DOCKER_CONFIG) that
are written in it; helpers that it names are not run.
https://github.com/opencontainers/distribution-spec, https://github.com/opencontainers/image-spec
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass
from sources.source import Listed, Opened, Source

if TYPE_CHECKING:
    from sources.web import Refused, Web

NAME = "oci"
CONFIG = "DOCKER_CONFIG"
MANIFESTS = 256
"""Manifests of one index, nested ones included."""
BLOBS = 20_000
LARGEST_CONFIG = 4 * MIB
_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_READ = {name.casefold(): name for name in ("config", "digest", "layers", "manifests", "schemaVersion", "size", "urls")}
"""What is read of manifests. Clients in Go take these names in any case, too, and what comes last."""
_ACCEPT = {"Accept": ", ".join(_TYPES)}
_TITLE, _CREATED = "org.opencontainers.image.title", "org.opencontainers.image.created"
_ADDRESS = re.compile(
    r"oci://(?P<host>[\w.\-\[\]:]+?)/(?P<repository>[a-z0-9._\-/]+)(?::(?P<tag>\w[\w.-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_DIGEST = re.compile("sha256:([0-9a-f]{64})")
_CHALLENGE = re.compile(r'(?<!\w)(\w++)="([^"]*)"')
_HERE = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?")
_DOCKER_HUB = "https://index.docker.io/v1/"
_ALIASES = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_tokens: dict[tuple[str, str], Mapping[str, str]] = {}
"""The header that opened a repository the last time, by host and repository."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a registry: what is asked for in it is `reference`, a tag or a digest."""

    host: str
    name: str
    reference: str

    @property
    def url(self) -> str:
        """Where its manifests and blobs are."""
        scheme = "http" if _HERE.fullmatch(self.host) else "https"
        name = f"library/{self.name}" if self.host in _ALIASES and "/" not in self.name else self.name
        return f"{scheme}://{_ALIASES.get(self.host, self.host)}/v2/{name}"

    @property
    def web(self) -> Web:
        """What makes requests, as far as it is known what opens the repository."""
        from sources.web import Web

        return Web(_tokens.get((self.host, self.name), {}))


def repository_of(target: str) -> Repository:
    """Return the repository that an address names; raises SourceFault where it is none."""
    found = _ADDRESS.fullmatch(target.rstrip("/"))
    if not found or ".." in found["repository"]:
        raise SourceFault(
            "not the address of a registry: oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:DIGEST"
        )
    return Repository(found["host"], found["repository"], found["digest"] or found["tag"] or "latest")


def list_target(target: str) -> Iterator[Listed | Problem]:
    """Yield the blobs of an image or artifact by name, each once; raises SourceFault."""
    place = target.rstrip("/")
    repository = repository_of(place)
    blobs: dict[str, Mapping[str, Any]] = {}
    created: dict[str, float] = {}
    for manifest in _manifests(repository):
        written = _created(manifest)
        for blob in _blobs_of(manifest):
            name = _name_of(blob)
            if name in blobs and blobs[name].get("digest") != blob.get("digest"):
                name = f"{blob.get('digest')}"
            blobs[name], created[name] = blob, max(written, created.get(name, 0.0))
            if len(blobs) > BLOBS:
                raise SourceFault(f"more than {BLOBS:,} blobs")
    for name in sorted(blobs, key=str.encode):
        where = Locator(f"{place}/{name}", version=str(blobs[name].get("digest")))
        yield _listed(where, blobs[name], created[name])


def _created(manifest: Mapping[str, Any]) -> float:
    """Return when an image was made, where its manifest says so; configurations that may are not read for it."""
    annotations = manifest.get("annotations")
    try:
        return datetime.fromisoformat(str(annotations[_CREATED])).timestamp() if isinstance(annotations, dict) else 0.0
    except (KeyError, ValueError, OverflowError):
        return 0.0


def _listed(where: Locator, blob: Mapping[str, Any], created: float) -> Listed | Problem:
    digest, size = _DIGEST.fullmatch(where.version), blob.get("size")
    if blob.get("urls"):
        return Problem(ProblemKind.SKIPPED, where, NAME, "kept elsewhere than in the registry (urls): not read")
    if not digest or type(size) is not int or size < 0:
        return Problem(ProblemKind.SOURCE, where, NAME, "a manifest names it without SHA-256 or size")
    return Listed(where, size, digest[1], created)


def _name_of(blob: Mapping[str, Any]) -> str:
    """Return the file name that a blob bears as an artifact (ORAS), else its digest."""
    annotations = blob.get("annotations")
    title = annotations.get(_TITLE) if isinstance(annotations, dict) else None
    if not isinstance(title, str) or len(title) > 1024 or "\0" in title or {"", ".", ".."} & set(title.split("/")):
        return str(blob.get("digest"))
    return title


def _blobs_of(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    layers = manifest.get("layers")
    for blob in (manifest.get("config"), *(layers if isinstance(layers, list) else ())):
        if isinstance(blob, dict):
            _require_plain(blob)
            yield blob


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raises SourceFault where it says something twice, of which clients may take either."""
    found = dict(pairs)
    if len({name.casefold() for name in found}) < len(pairs):
        raise SourceFault("a manifest that says something twice: clients may take either")
    return found


def _require_plain(value: Mapping[str, Any]) -> None:
    """Raise SourceFault for a name that other clients would read as one that is read here."""
    for name in value:
        if _READ.get(name.casefold(), name) != name:
            raise SourceFault(f"a manifest with {printable(name, 40)!r}, which some clients take for another name")


def _manifests(repository: Repository) -> Iterator[Mapping[str, Any]]:
    """Yield the image manifests behind a reference, through indexes."""
    pending, seen = [repository.reference], set[str]()
    while pending:
        reference = pending.pop(0)
        if reference in seen:
            continue
        seen.add(reference)
        if len(seen) > MANIFESTS:
            raise SourceFault(f"an index of more than {MANIFESTS} manifests")
        manifest = _manifest(repository, reference)
        children = manifest.get("manifests")
        if isinstance(children, list):
            pending += _references(children)
        # A document may be both, and a client takes it for either (CVE-2021-41190)
        if "layers" in manifest or not isinstance(children, list):
            if manifest.get("schemaVersion") != 2:
                raise SourceFault("a manifest in an old or unknown format")
            yield manifest


def _references(children: list[Any]) -> Iterator[str]:
    for child in children:
        if isinstance(child, dict):
            _require_plain(child)
            yield str(child.get("digest"))


def _manifest(repository: Repository, reference: str) -> Mapping[str, Any]:
    import hashlib

    if not re.fullmatch(r"sha256:[0-9a-f]{64}|\w[\w.-]{0,127}", reference, re.ASCII):
        raise SourceFault(f"an index names a manifest by {printable(reference, 80)!r}")
    data = _opened(repository, f"{repository.url}/manifests/{reference}")
    digest = _DIGEST.fullmatch(reference)
    if digest and hashlib.sha256(data).hexdigest() != digest[1]:
        raise SourceFault(f"the manifest {reference[:19]} has another digest")
    try:
        manifest = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise SourceFault(f"the manifest {reference[:19]} is not JSON") from error
    if not isinstance(manifest, dict):
        raise SourceFault(f"the manifest {reference[:19]} is not a JSON object")
    _require_plain(manifest)
    return manifest


def _opened(repository: Repository, url: str) -> bytes:
    from sources.web import Refused

    try:
        return repository.web.document(url, _ACCEPT)[0]
    except Refused as refusal:
        _answer_challenge(repository, refusal)
    return repository.web.document(url, _ACCEPT)[0]


def _answer_challenge(repository: Repository, refusal: Refused) -> None:
    """Get what opens the repository, by what a 401 asks for; raises `refusal`, SourceFault.

    https://distribution.github.io/distribution/spec/auth/token/
    """
    from urllib.parse import urlencode

    from sources.web import Web, host_of

    challenge = refusal.headers.get("WWW-Authenticate", "") if refusal.status == 401 else ""
    scheme = challenge.partition(" ")[0].lower()
    basic = _basic(repository.host)
    if scheme == "basic" and basic:
        _tokens[repository.host, repository.name] = basic
        return
    asked = dict(_CHALLENGE.findall(challenge))
    realm = asked.get("realm", "")
    if scheme != "bearer" or not realm.startswith(
        ("https://", "http://" if _HERE.fullmatch(repository.host) else "https://")
    ):
        raise refusal
    scope = asked.get("scope") or f"repository:{repository.name}:pull"
    query = urlencode({"service": asked.get("service", ""), "scope": scope})
    web = Web(basic, public_only=host_of(realm) != host_of(repository.url))
    answer, _ = web.json(f"{realm}{'&' if '?' in realm else '?'}{query}")
    token = answer.get("token") or answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise SourceFault(f"{repository.host} gave no token for {repository.name}")
    _tokens[repository.host, repository.name] = {"Authorization": f"Bearer {token}"}


def _basic(host: str) -> dict[str, str]:
    """Return the header with the credentials that Docker's configuration holds for a registry, or nothing."""
    folder = os.environ.get(CONFIG) or os.path.join(os.path.expanduser("~"), ".docker")
    names = (host, f"https://{host}", f"https://{host}/v1/", *((_DOCKER_HUB,) if host in _ALIASES else ()))
    try:
        with open(os.path.join(folder, "config.json"), "rb") as file:
            entries: Any = json.loads(file.read(LARGEST_CONFIG)).get("auths", {})
        entry: Any = next((entries[name] for name in names if name in entries), {})
        user, _, password = b64decode(entry.get("auth", ""), validate=True).decode().partition(":")
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    if not password:
        return {}
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def open_object(listed: Listed, target: str) -> Opened:
    """Open a blob for reading by range; makes no request. Raises SourceFault."""
    from sources.remote import opened_url

    repository = repository_of(target)
    if not _DIGEST.fullmatch(listed.locator.version):
        raise SourceFault("its digest is unknown")

    def renewed(refusal: Refused) -> Web:
        _answer_challenge(repository, refusal)  # none was asked for yet, or it has expired
        return repository.web

    return opened_url(repository.web, f"{repository.url}/blobs/{listed.locator.version}", listed.size, renewed=renewed)


SOURCE = Source(
    name=NAME,
    accepts=lambda target: target.startswith("oci://"),
    list=list_target,
    open=open_object,
    examples=("oci://ghcr.io/org/model:v1", "oci://host/repository@sha256:..."),
    credentials=(CONFIG,),
    needs=("urllib3",),
)
