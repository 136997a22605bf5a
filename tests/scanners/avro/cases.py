"""Containers of Avro, whose schema may name classes of Java, and blocks that do not add up."""

from __future__ import annotations

import json
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise

MARK = bytes(range(16))
FIELDS = [{"name": "text", "type": "string"}, {"name": "label", "type": ["null", "int"]}]


def number(value: int) -> bytes:
    """Return a number: zigzag, in groups of seven bits."""
    value = value << 1 if value >= 0 else (-value << 1) - 1
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def counted(data: bytes) -> bytes:
    """Return bytes behind their number."""
    return number(len(data)) + data


def container(*fields: dict[str, object], schema: bytes | None = None, key: bytes = b"avro.schema") -> bytes:
    """Return the header of a container."""
    described = schema or json.dumps({"type": "record", "name": "row", "fields": [*FIELDS, *fields]}).encode()
    entries = counted(key) + counted(described) + counted(b"avro.codec") + counted(b"null")
    return b"Obj\1" + number(2) + entries + number(0) + MARK


def block(rows: bytes = b"\x08cats\x02\x02", mark: bytes = MARK) -> bytes:
    """Return a block with one row."""
    return number(1) + counted(rows) + mark


def case(build: Callable[[], bytes], verdict: Verdict, *, cut: bool = True) -> Case:
    """Return the case of a container, which may end behind its header or any of its blocks."""
    return Case(build, "rows.avro", verdict, cut_is_clean=cut)


def of_java(name: str, key: str = "java-class") -> dict[str, object]:
    """Return a field that Java makes objects of a class for."""
    return {"name": "x", "type": {"type": "string", key: name}}


CASES = {
    "benign": case(lambda: container() + block() + block(), Verdict.CLEAN),
    "benign_in_sized_blocks": case(
        lambda: b"Obj\1" + number(-1) + number(40) + counted(b"avro.schema") + counted(b'"string"') + number(0) + MARK,
        Verdict.CLEAN,
    ),
    "benign_numbers_of_java": case(lambda: container(of_java("java.math.BigDecimal")) + block(), Verdict.CLEAN),
    "benign_lists_of_java": case(
        lambda: container({"name": "l", "type": {"type": "array", "items": "int", "java-class": "java.util.Set"}}),
        Verdict.CLEAN,
    ),
    "class_that_runs_commands": case(
        lambda: container(of_java("org.springframework.context.support.FileSystemXmlApplicationContext")) + block(),
        Verdict.MALICIOUS,
    ),
    "class_of_elements": case(
        lambda: container(of_java("javax.script.ScriptEngineManager", "java-element-class")), Verdict.MALICIOUS
    ),
    "unknown_class": case(lambda: container(of_java("com.acme.Label")), Verdict.REVIEW),
    "schema_is_no_json": case(lambda: container(schema=b"{'type'"), Verdict.NOT_SCANNED, cut=False),
    "no_schema": case(lambda: container(key=b"avro.schemas"), Verdict.NOT_SCANNED, cut=False),
    "another_mark": case(lambda: container() + block(mark=noise(16)), Verdict.NOT_SCANNED),
    "endless_number": case(lambda: b"Obj\1" + b"\xff" * 40, Verdict.NOT_SCANNED, cut=False),
    "huge_entry": case(lambda: b"Obj\1" + number(1) + number(1 << 40), Verdict.NOT_SCANNED, cut=False),
}
