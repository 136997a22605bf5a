"""MessagePack of Flax: arrays that do not fit their bytes, counts that no file holds, and what hides in values."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE


def text(value: str) -> bytes:
    """Return a string."""
    data = value.encode()
    return (bytes([0xA0 | len(data)]) if len(data) < 32 else b"\xd9" + bytes([len(data)])) + data


def octets(data: bytes) -> bytes:
    """Return bytes."""
    return b"\xc5" + struct.pack(">H", len(data)) + data


def number(value: int) -> bytes:
    """Return a number."""
    return bytes([value]) if value < 128 else b"\xcf" + struct.pack(">Q", value)


def values(items: Sequence[bytes]) -> bytes:
    """Return a list."""
    return bytes([0x90 | len(items)]) + b"".join(items)


def mapping(**items: bytes) -> bytes:
    """Return a map."""
    return b"\xde" + struct.pack(">H", len(items)) + b"".join(text(key) + value for key, value in items.items())


def extension(code: int, data: bytes) -> bytes:
    """Return a value of an extension type."""
    return b"\xc8" + struct.pack(">Hb", len(data), code) + data


def array(shape: Sequence[int], dtype: str = "float32", data: bytes = bytes(24), code: int = 1) -> bytes:
    """Return an array, as flax.serialization packs it."""
    return extension(code, values([values([number(size) for size in shape]), text(dtype), octets(data)]))


def model(**more: bytes) -> bytes:
    """Return the parameters of a layer, and more values."""
    layer = mapping(kernel=array((2, 3)), bias=array((3,), "bfloat16", bytes(6)))
    return mapping(params=mapping(Dense_0=layer), **more)


def misc() -> bytes:
    """Return one value of every kind."""
    floats = b"\xca" + bytes(4), b"\xcb" + bytes(8)
    signed = b"\xd0\xff", b"\xd1\xff\xff", b"\xe0", b"\xd3" + bytes(8)
    plain = b"\xc0", b"\xc2", b"\xc3", b"\xd4\x05\0", b"\xd6\xff" + bytes(4)
    return model(
        scalar=array((), "int64", bytes(8), code=3),
        complex=extension(2, values(floats[1:] * 2)),
        list=values([*floats, *signed, *plain, b"\xd9\x02ab", b"\xdc\0\x01\0"]),
        empty=array((10, 0, 3), data=b""),
        chunks=mapping(
            __msgpack_chunked_array__=b"\xc3", shape=mapping(zero=number(6)), chunks=mapping(zero=array((6,)))
        ),
    )


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "flax_model.msgpack") -> Case:
    """Return the case of a file."""
    return Case(build, name, verdict)


CASES = {
    "benign_rows_of_spacy": Case(
        lambda: b"\x82\xcf" + bytes(range(8)) + b"\x01\xcd\x01\x02\x00", "vocab/key2row", Verdict.CLEAN
    ),
    "benign_words_with_an_address": Case(
        lambda: b"\x92\x82\xa6format\xa2cB\xa7version\x01\x93\x92\xa3och\xa2os\x92\xa9www.nt.se\xa2nt\xa2de",
        "large_sv.msgpack",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "benign_empty_lookups": Case(lambda: b"\x80", "vocab/lookups.bin", Verdict.CLEAN),
    "benign_patterns_of_spacy": Case(
        lambda: b"\x91\x82\xa8patterns\x90\xa5attrs\x80", "attribute_ruler/patterns", Verdict.CLEAN
    ),
    "rows_with_more": Case(lambda: b"\x82\x01\x01\x02", "vocab/key2row", Verdict.NOT_SCANNED),
    "benign_spacy": Case(
        lambda: mapping(vocab=octets(b"abc"), tokenizer=octets(b"x"), pipes=values([text("tagger")])),
        "nlp.bin",
        Verdict.CLEAN,
    ),
    "pickle_in_spacy": Case(lambda: mapping(vocab=octets(EVIL_PICKLE)), "nlp", Verdict.MALICIOUS),
    "benign": case(model, Verdict.CLEAN),
    "benign_without_suffix": case(model, Verdict.CLEAN, "checkpoint_0"),
    "benign_all_kinds": case(misc, Verdict.CLEAN),
    "benign_other": case(lambda: mapping(name=text("vocabulary"), ids=values([number(1), number(300)])), Verdict.CLEAN),
    "benign_unknown_type": case(lambda: model(x=array((2,), "float8_e4m3fn", bytes(2))), Verdict.CLEAN),
    "two_values": Case(lambda: model() + model(), "flax_model.msgpack", Verdict.CLEAN, cut_is_clean=True),
    "value_and_noise": Case(lambda: model() + noise(90), "flax_model.msgpack", Verdict.NOT_SCANNED, cut_is_clean=True),
    "noise_by_name": replace(case(lambda: b"\x80" + noise(900), Verdict.NOT_SCANNED), cut_is_clean=True),
    "text_by_name": case(lambda: b"no MessagePack, but small numbers to a careless reader", Verdict.NOT_SCANNED),
    "code_as_value": case(lambda: model(restore_fn=text("os.system")), Verdict.REVIEW),
    "code_as_bytes": case(
        lambda: model(note=octets(b"__import__('os').system('echo modelsweep-test')")), Verdict.REVIEW
    ),
    "code_as_key": case(lambda: model(**{"eval(x)": number(1)}), Verdict.REVIEW),
    "template_as_value": case(lambda: model(prompt=text("{{ x.__globals__ }}")), Verdict.REVIEW),
    "benign_mentions": case(
        lambda: model(
            mode=text("eval"),
            activation=text("jax.nn.gelu"),
            note=text("never call os.system(x) on load"),
            source=text("import jax; print(jax.devices())"),
        ),
        Verdict.CLEAN,
    ),
    "array_elsewhere": case(lambda: model(w=text("//GDAPlaceholder:/etc/passwd")), Verdict.MALICIOUS),
    "array_above": case(lambda: model(w=text("//GDAPlaceholder:../../secrets/w")), Verdict.MALICIOUS),
    "benign_array_beside": case(lambda: model(w=text("//GDAPlaceholder:params.aux.kernel")), Verdict.CLEAN),
    "size_mismatch": case(lambda: model(x=array((4, 400))), Verdict.REVIEW),
    "size_overflow": case(lambda: model(x=array(((1 << 64) - 1,) * 3)), Verdict.REVIEW),
    "pickle_inside": case(lambda: model(state=octets(EVIL_PICKLE)), Verdict.MALICIOUS),
    "shape_of_text": case(
        lambda: model(x=extension(1, values([text("x"), text("int8"), octets(b"")]))), Verdict.NOT_SCANNED
    ),
    "array_beyond_itself": case(
        lambda: model(
            x=extension(1, values([values([]), text("int8")]) + b"\xc6\x7f\xff\xff\xff"), y=octets(bytes(90))
        ),
        Verdict.NOT_SCANNED,
    ),
    "huge_count": case(lambda: b"\xdf\xff\xff\xff\xff" + text("a") + number(1), Verdict.NOT_SCANNED),
    "deep": case(lambda: b"\x91" * 5_000 + b"\xc0", Verdict.NOT_SCANNED),
    "unused_byte": case(lambda: mapping(x=b"\xc1"), Verdict.NOT_SCANNED),
}
