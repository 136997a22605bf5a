"""Objects of Ruby: learners of its libraries, chains to commands, and streams that do not end."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise


def number(value: int) -> bytes:
    """Return a number as lengths are written."""
    if value == 0:
        return b"\0"
    if 0 < value < 123:
        return bytes([value + 5])
    width = (value.bit_length() + 7) // 8
    return bytes([width]) + value.to_bytes(width, "little")


def text(value: str | bytes) -> bytes:
    """Return bytes behind their number."""
    raw = value.encode() if isinstance(value, str) else value
    return number(len(raw)) + raw


def symbol(value: str) -> bytes:
    """Return a symbol."""
    return b":" + text(value)


def string(value: str | bytes) -> bytes:
    """Return a text in UTF-8."""
    return b'I"' + text(value) + number(1) + symbol("E") + b"T"


def instance(name: str, **variables: bytes) -> bytes:
    """Return an object with its variables."""
    pairs = b"".join(symbol("@" + key) + value for key, value in variables.items())
    return b"o" + symbol(name) + number(len(variables)) + pairs


def items(*values: bytes) -> bytes:
    """Return a list."""
    return b"[" + number(len(values)) + b"".join(values)


def table(*pairs: bytes, default: bytes = b"") -> bytes:
    """Return a table, with what stands for keys that it has not."""
    return (b"}" if default else b"{") + number(len(pairs) // 2) + b"".join(pairs) + default


def dumped(*values: bytes) -> bytes:
    """Return streams of one value each."""
    return b"".join(b"\x04\x08" + value for value in values)


def array(data: bytes) -> bytes:
    """Return numbers as Numo writes them, whose class reads them itself."""
    return b"U" + symbol("Numo::DFloat") + items(b"i\x06", items(b"i\x07"), b'"' + text(data))


FOREST = instance(
    "Rumale::Ensemble::RandomForestClassifier",
    params=table(symbol("n_estimators"), b"i\x0f", symbol("random_seed"), b"l+\x07" + struct.pack("<I", 1 << 31)[:4]),
    classes=array(noise(16)),
    rng=b"U" + symbol("Random") + items(b"i\x06"),
    rate=b"f" + text("0.5"),
)
KINDS = items(
    *(b"0", b"T", b"F", b"/" + text("a.*") + b"\0", b";\0", b"c" + text("Numo::SFloat"), b"@\x06"),
    *(
        table(string("a"), b"i\xff\x80", default=b"i\0"),
        b"S" + symbol("Struct::Point") + number(1) + symbol("x") + b"i\x06",
    ),
    *(b"C:\nArray[\0", b"Iu" + symbol("BigDecimal") + text("18:0.1e1") + number(1) + symbol("E") + b"F"),
)
CHAIN = items(
    b"c" + text("Gem::SpecFetcher"),
    b"c" + text("Gem::Installer"),
    b"U" + symbol("Gem::Requirement") + items(instance("Gem::Package::TarReader", io=instance("Net::BufferedIO"))),
)


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.dat", *, cut: bool = False) -> Case:
    """Return the case of a stream."""
    return Case(build, name, verdict, cut_is_clean=cut)


CASES = {
    "benign": case(lambda: dumped(FOREST), Verdict.CLEAN),
    "benign_kinds": case(lambda: dumped(items(symbol("first"), KINDS)), Verdict.CLEAN),
    "benign_two_values": case(lambda: dumped(string("a"), FOREST), Verdict.CLEAN, cut=True),
    "benign_words": case(lambda: dumped(table(string("Gem::Installer"), string("Kernel.system"))), Verdict.CLEAN),
    "chain": case(lambda: dumped(CHAIN), Verdict.MALICIOUS),
    "chain_behind_model": case(lambda: dumped(FOREST, CHAIN), Verdict.MALICIOUS, cut=True),
    "chain_in_damaged": case(lambda: dumped(items(CHAIN, b"?")), Verdict.MALICIOUS),
    "template_engine": case(
        lambda: dumped(instance("ActiveSupport::Deprecation::DeprecatedInstanceVariableProxy", x=instance("ERB"))),
        Verdict.MALICIOUS,
    ),
    "encoded_name": case(
        lambda: dumped(b"oI:" + text("Gem::Installer") + number(1) + symbol("E") + b"T" + b"\0"), Verdict.MALICIOUS
    ),
    "unknown_class": case(lambda: dumped(instance("Acme::Model", w=array(noise(8)))), Verdict.REVIEW),
    "no_symbol": case(lambda: dumped(b"o;\x0a\0"), Verdict.NOT_SCANNED, "model.marshal"),
    "huge_list": case(lambda: dumped(b"[\x04\xff\xff\xff\x7f" + b"0" * 9), Verdict.NOT_SCANNED),
    "noise_behind": case(lambda: dumped(FOREST) + noise(50), Verdict.NOT_SCANNED, cut=True),
}
