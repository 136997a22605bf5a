"""What was written by us and what was not: HMAC-SHA256 (RFC 2104) with a key that never enters the broker."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping

VARIABLE = "MODELSWEEP_KEY"
SHORTEST = 32
"""Bytes of a key: as many as the hash has."""
TAG = 32


class Damaged(Exception):
    """An object is not what was written: `name` says which, the sentence what is wrong with it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name, self.detail = name, detail


class Forged(Damaged):
    """An object does not bear the signature of our key for this purpose."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"not signed with the key of this process ({VARIABLE})")


class BadKey(Exception):
    """There is no key, or one that is none; the sentence says how to make one."""


class Key:
    """A secret that producers and workers share; it is never shown, stored or sent."""

    __slots__ = ("_keyed",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST:
            raise BadKey(f"a key of {len(secret)} bytes is too short: {SHORTEST} or more are needed")
        self._keyed = hmac.new(secret, digestmod="sha256")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Key:
        """Return the key in `MODELSWEEP_KEY`, hexadecimal; raises BadKey, which does not repeat what stands there."""
        text = environment.get(VARIABLE, "").strip()
        if not text:
            raise BadKey(
                f"{VARIABLE} is not set: all of a fleet share one, made once by `openssl rand -hex {SHORTEST}`"
            )
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise BadKey(f"{VARIABLE} is not hexadecimal: make one with `openssl rand -hex {SHORTEST}`") from None

    @staticmethod
    def new_secret() -> str:
        """Return a new secret as `from_environment` reads it, for children of a private fleet."""
        return secrets.token_hex(SHORTEST)

    def seal(self, purpose: str, data: bytes) -> bytes:
        """Return `data` with its signature for `purpose` in front: what is sealed for one opens for no other."""
        return self._tag(purpose, data) + data

    def open(self, purpose: str, sealed: bytes, name: str = "") -> bytes:
        """Return what was sealed for `purpose`; raises Forged, which says `name`, else the purpose."""
        data = sealed[TAG:]
        if not hmac.compare_digest(self._tag(purpose, data), sealed[:TAG]):
            raise Forged(name or purpose)
        return data

    def _tag(self, purpose: str, data: bytes) -> bytes:
        keyed = self._keyed.copy()
        encoded = purpose.encode()
        # The length keeps ("a", "bc") and ("ab", "c") apart.
        keyed.update(len(encoded).to_bytes(4, "big") + encoded)
        keyed.update(data)
        return keyed.digest()
