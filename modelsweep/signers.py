"""Who may sign, as a user says it: files of public keys, or of certificates and whom they vouch for.

`FILE` holds a public key, or certificates (PEM) of which one has to have issued the signer's; `FILE=WHO` demands
besides that the certificate names WHO, a pattern. An identity alone would prove nothing: anybody can write it into a
certificate of their own.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode

from modelsweep.core.units import MIB

_BLOCK = re.compile(
    r"-----BEGIN (?P<kind>PUBLIC KEY|CERTIFICATE)-----(?P<data>[A-Za-z0-9+/=\s]+)-----END (?P=kind)-----"
)


def signer(value: str) -> str:
    """Return who may sign, as `Options.require_signers` has it; raises ValueError for what nobody can mean."""
    name, _, who = (value, "", "") if os.path.isfile(value) else value.partition("=")
    try:
        with open(name, encoding="utf-8", errors="replace") as file:
            text = file.read(MIB)
    except OSError as error:
        raise ValueError(f"{name or value}: {error.strerror}: give a file with a key or certificates") from None
    if "PRIVATE KEY-----" in text:
        raise ValueError(f"{name}: holds a private key, which no verifier needs: give the public key")
    blocks = [(match["kind"], "".join(match["data"].split())) for match in _BLOCK.finditer(text)]
    kinds = {kind for kind, _ in blocks}
    if len(kinds) != 1 or (len(blocks) > 1 and "PUBLIC KEY" in kinds):
        raise ValueError(f"{name}: holds neither a single public key nor certificates in PEM")
    for _, data in blocks:
        b64decode(data, validate=True)
    if who and "PUBLIC KEY" in kinds:
        raise ValueError(f"{name}: a key names nobody: leave out {who!r}, or give certificates")
    return "\n".join([who, *(f"-----BEGIN {kind}-----\n{data}\n-----END {kind}-----" for kind, data in blocks)])
