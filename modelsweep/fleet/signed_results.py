"""Results that bear the signature of the fleet's key for their place: whoever can write to Redis and to the store can
lose a verdict, not forge one.

Stored is `MSR1`, the seal (signature.py) for the name of the object, and the blob. Its digest, and with it its name, is
that of the blob alone. Once a manifest is sealed, the digests in it say the same, and readers need no key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from modelsweep.fleet.job import SIGNED_RESULTS, JobSpec
from modelsweep.fleet.results import SEALED, chunk_of
from modelsweep.fleet.signature import Forged, Key
from modelsweep.fleet.store import Store


def signing(store: Store, key: Key, spec: JobSpec) -> Store:
    """Return `store` as results of a job are put into it, and read before there is a manifest.

    In jobs of producers of before, which workers of before may share, results are not signed.
    """
    return SignedResults(store, key) if spec.protocol >= SIGNED_RESULTS else store


@dataclass(frozen=True, slots=True)
class SignedResults:
    """A store that signs results where they are put, and checks them where they are read: `get` raises Forged, too."""

    store: Store
    key: Key

    def put(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Store `data`, signed where it is a result."""
        if chunk_of(name) is not None:
            data = SEALED + self.key.seal(_purpose(name), data)
        self.store.put(name, data, durable=durable)

    def get(self, name: str) -> bytes:
        """Return an object, of a result without its signature; raises Absent, Forged."""
        data = self.store.get(name)
        if chunk_of(name) is None:
            return data
        if not data.startswith(SEALED):
            raise Forged(name)
        return self.key.open(_purpose(name), data[len(SEALED) :], name)

    def settle(self) -> None:
        """Do as the store does."""
        self.store.settle()

    def exists(self, name: str) -> bool:
        """Return what the store does."""
        return self.store.exists(name)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Return what the store does."""
        return self.store.list(prefix)

    def delete(self, prefix: str) -> None:
        """Do as the store does."""
        self.store.delete(prefix)

    def writer(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Return what the store does; results are put."""
        return self.store.writer(name)

    def reader(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Return what the store does; results are got."""
        return self.store.reader(name)


def _purpose(name: str) -> str:
    return f"result {name}"
