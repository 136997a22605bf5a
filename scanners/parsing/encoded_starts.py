"""Beginnings of payloads in base64, hexadecimal digits or rarer encodings, and of compressed bytes.

These are the patterns of `scanners.detectors.encoded`. Each begins with a literal byte, and is so long that random
bytes do not match it.
"""

from __future__ import annotations

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BEFORE = (b'"', b"'", b" ", b"\0", b",", b":")
"""Characters that may precede a nominated run, and are matched with it."""
COMPRESSED = (
    rb"\x1f\x8b\x08[\x00\x08].{4}[\x00\x02\x04][\x00-\x0d\xff]",
    rb"BZh[1-9]1AY&SY",
    rb"\xfd7zXZ\x00\x00[\x00\x01\x04\x0a]",
    # Zstandard: no reserved bit, a window or a length, and a first block that is not of the reserved kind
    rb"\x28\xb5\x2f\xfd[\x00\x04\x20\x24\x40\x44\x60\x64\x80\x84\xa0\xa4\xc0\xc4\xe0\xe4].",
    rb"\x1f\xc2\x8b\x08[\x00\x08]",
    rb"\xc3\xbd7zXZ\x00\x00[\x00\x01\x04\x0a]",
    rb"\x28\xc2\xb5/\xc3\xbd[\x00\x04\x20\x24\x40\x44\x60\x64]",
    rb"\x04\x22\x4d\x18[\x40\x44\x48\x4c\x60\x64\x68\x6c][\x40\x50\x60\x70]",
    rb"\x5d\x00\x00[\x00\x04\x08\x10\x20\x40\x80][\x00-\x08](?:\xff{8}|.{5}\x00{3})",
)
# A letter after the first characters of base64 holds the rest of the last byte
_BASE64 = (
    rb"gA(?:[IM]o|[JN][9djVXYK])[A-Za-z0-9+/_-]{12}",  # protocols 2 and 3: MARK, EMPTY_DICT, GLOBAL, ...
    rb"gA(?:[SW][VM]|[QU]o|[RV][j9dY])[A-Za-z0-9+/_-]{12}",  # protocols 4 and 5, with a frame and without
    rb"Y(?:29zCn|3Bvc2l4C|2J1aWx0aW5zC|19fYnVpbHRpbl9f|3N1YnByb2Nlc3M)[A-Za-z0-9+/_-]{12}",  # cos, cposix, ...
    rb"f0VMR[gI][A-Za-z0-9+/_-]{12}",
    rb"TV[opq][A-Q]AA[A-Za-z0-9+/_-]{12}",
    rb"z(?:/|v)rt/[A-Za-z0-9+/_-]{12}",
    rb"yv66v[A-Za-z0-9+/_-]{12}",
    rb"IyEv(?:Ym|dX)[A-Za-z0-9+/_-]{12}",  # #!/bin, #!/usr
    rb"aW1wb3J0I[A-Za-z0-9+/_-]{12}",  # import
    rb"Z(?:nJvbSB|XhlYy)[A-Za-z0-9+/_-]{12}",  # from, exec
    rb"X19pbXBvcnRf[A-Za-z0-9+/_-]{12}",  # __import__
    rb"H4sI[A-Za-z0-9+/_-]{16}",
    rb"UEsDB[A-D][A-Za-z0-9+/_-]A[A-Za-z0-9+/_-]{16}",  # zip
    rb"k05VTVBZA[A-Za-z0-9+/_-]{16}",  # arrays of NumPy
    rb"SQ(?:BFAFgA|BuAHYA)[A-Za-z0-9+/_-]{12}",  # IEX, Inv in UTF-16
    rb"JAB[A-Za-z0-9]A[A-Za-z0-9+/_-]{12}",
    rb"Qlpo(?:MT|Mj|Mz|ND|NT|Nj|Nz|OD|OT)FBWSZTW[A-Za-z0-9+/_-]{12}",  # bzip2
    rb"/Td6WFoA[A-Za-z0-9+/_-]{12}",  # xz
    rb"KLUv[/_][Q-Za-f][A-Za-z0-9+/_-]{16}",  # Zstandard
    rb"BCJNG[E-H][A-Za-z0-9+/_-]{16}",  # LZ4
    rb"Z0F[JKNORSTVWX][A-Za-z0-9+/_-]{20}",  # base64 of base64 of protocols 2 to 5
    rb"ODAwM[jz](?:Yz|dk|Vk|I4|U4)[A-Za-z0-9+/_-]{20}",  # base64 of hexadecimal digits
    rb"ODAwN[DT](?:k1|hj|Yz|dk|Vk|I4|U4)[A-Za-z0-9+/_-]{20}",
)
_HEX = (
    rb"800[45]95[0-9a-fA-F]{14}",
    rb"800[23](?:63|7d|5d|28|58)[0-9a-fA-F]{14}",
    rb"7[fF]454[cC]460[12]01[0-9a-fA-F]{12}",
    rb"4[dD]5[aA]90000[0-9a-fA-F]{12}",
    rb"1[fF]8[bB]08[0-9a-fA-F]{14}",
    rb"23212[fF]62696[eE][0-9a-fA-F]{10}",
    rb"696[dD]706[fF]7274[0-9a-fA-F]{10}",
    rb"65786563[0-9a-fA-F]{14}",
    rb"800[45](?:8[cC]|63|7d|5d|28|58)[0-9a-fA-F]{14}",
    (
        rb"63(?:6[fF]73|706[fF]736978|(?:5[fF]5[fF])?6275696[cC]74696[eE](?:5[fF]5[fF]|73)|73756270726[fF]63657373)0[aA]"
        rb"[0-9a-fA-F]{12}"
    ),  # cos
    rb"425[aA]68(?:3[1-9])314159265359[0-9a-fA-F]{8}",  # bzip2
    rb"fd377a585a00[0-9a-f]{12}",  # xz
    rb"28[bB]52[fF][fF][dD][0-9a-fA-F]{20}",  # Zstandard
    rb"04224[dD]18[4-7][0-9a-fA-F]{20}",  # LZ4
    rb"789[cC][0-9a-fA-F]{40}",
    rb"78[dD][aA][0-9a-fA-F]{40}",
)
_UNUSUAL = (
    rb"QA(?:CJ[KL]|CZ[KL]|CI[YZ]|[BC][CDG-JM-PRS])[A-Z2-7]{20}",  # base32 of protocols 2 to 5
    *(head + rb"[A-Z2-7]{20}" for head in (b"NFWXA33", b"MV4GKY3", b"EMQS6YT", b"EMQS65L")),  # import, exec, #!/...
    rb"tN(?:[FJ][IZ]|[VW]b|[WA][9wjLKI])[A-Za-z0-9+/_-]{14}",  # rot13 of base64
    rb"nJ1jo3W0V[A-Za-z0-9+/_-]{14}",
)
DEFLATED = rb"e(?:J[w-z]|N[o-r]|A[E-H])[A-Za-z0-9+/_-]{40}"
ZLIB = tuple(before + DEFLATED for before in (b'"', b"'", b" ", rb"\x00", b",", b":"))
_BITS = 6
"""Of a letter of base64."""
_SHORT = 3
"""Letters of a name that tell nothing by themselves."""
_MODULES = (b"os", b"nt", b"pty", b"sys", b"posix", b"runpy", b"builtins", b"importlib", b"subprocess", b"__builtin__")


def _in_base64(data: bytes, follows: bytes, before: int) -> bytes:
    """Return the pattern of bytes in base64 with so many bytes before them, of letters that hold no others.

    What `follows` is a byte of which only the first two bits are certain, as they are of any letter, or of the opcodes
    behind a name: one letter more for hyperscan, which is slower where there are but four.
    """
    bits = len(data) * 8 + 2
    skipped = -before * 8 % _BITS
    number = int.from_bytes(data + follows, "big") >> _BITS
    places = range(bits - skipped - _BITS, -1, -_BITS)
    return bytes(_LETTERS[number >> place & 63] for place in places).replace(b"+", rb"[+-]").replace(b"/", rb"[/_]")


def _named(module: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return how the opcodes GLOBAL, INST and SHORT_BINUNICODE name a module, and what follows."""
    lines = (module + b"\n",) if len(module) > _SHORT else (b"c%b\n" % module, b"i%b\n" % module)
    return (*((line, b"a") for line in lines), (b"\x8c%c%b" % (len(module), module), b"\x8c"))


INSIDE = tuple(
    _in_base64(*named, before) + rb"[A-Za-z0-9+/_-]{4}"
    for module in _MODULES
    for named in _named(module)
    for before in range(3)
)
"""Names of modules that run commands, anywhere in base64, for each alignment to its groups of three bytes."""
RUNS = (*_BASE64, *_HEX, *ZLIB, *_UNUSUAL, *INSIDE)
