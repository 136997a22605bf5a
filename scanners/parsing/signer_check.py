"""Whether a signature is that of a required signer: the user's key, or a certificate that chains to one of the user's.

The chain is checked like in model_signing: from the signer's certificate over those in the bundle to one from the user,
at the time from which the signer's is valid. Neither revocation nor the log's time of use is checked.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from modelsweep.core.scanner import MissingDependency
from scanners.parsing.signature_check import Checked, fits, issued
from scanners.parsing.sigstore_bundle import Bundle

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MAX_STEPS = 8
"""Maximum certificates between the signer's and one of the user's."""
_NAME_CONSTRAINTS = "2.5.29.30"


def is_by(anchor: str, bundle: Bundle, check: Checked) -> bool:
    """Return whether a signature is by the signer that `anchor` describes, in the form of `Options.require_signers`.

    Raises MissingDependency without the package.
    """
    who, _, pem = anchor.partition("\n")
    try:
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise MissingDependency("identifying the signer needs the package cryptography") from None
    broken = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
    try:
        with warnings.catch_warnings(action="ignore"):
            if "BEGIN PUBLIC KEY" in pem:
                return fits(serialization.load_pem_public_key(pem.encode()), bundle) is True
            roots = x509.load_pem_x509_certificates(pem.encode())
            chain = [x509.load_der_x509_certificate(data) for data in bundle.certificates]
            return check.fits is True and bool(chain) and _names(who, check) and _leads_to(chain, roots)
    except (*broken, UnsupportedAlgorithm):
        return False


def _names(who: str, check: Checked) -> bool:
    """Return whether the certificate has the name `who`; without one, any certificate will do."""
    names = check.signer.names if check.signer else ()
    return not who or any(fnmatchcase(name, who) for name in names)


def _leads_to(chain: Sequence[Certificate], roots: Sequence[Certificate]) -> bool:
    """Return whether the first certificate is one of `roots`, or was issued by one, directly or through others."""
    own = chain[0]
    at = own
    for below in range(_MAX_STEPS):
        if at in roots or any(_vouches(root, at, own, below) for root in roots):
            return True
        following = next((other for other in chain[1:] if other != at and _vouches(other, at, own, below)), None)
        if following is None:
            return False
        at = following
    return False


def _vouches(issuer: Certificate, subject: Certificate, own: Certificate, below: int) -> bool:
    """Return whether `issuer` may issue certificates, was valid, and issued `subject`, above `below` other issuers."""
    from cryptography import x509

    values = {item.oid.dotted_string: item.value for item in issuer.extensions}
    basic, usage = values.get("2.5.29.19"), values.get("2.5.29.15")
    if not isinstance(basic, x509.BasicConstraints) or not basic.ca or _NAME_CONSTRAINTS in values:
        return False
    if basic.path_length is not None and basic.path_length < below:
        return False
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return False
    was_valid = issuer.not_valid_before_utc <= own.not_valid_before_utc <= issuer.not_valid_after_utc
    return was_valid and issued(subject, issuer)
