"""The specification of a job: what is examined and how, fixed when it is submitted and signed for the workers."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from modelsweep.core.finding import JsonObject
from modelsweep.core.options import Options, Reuse, Selection
from modelsweep.core.report import Attachment
from modelsweep.core.units import MIB
from modelsweep.core.wire import (
    MISSHAPEN,
    decode_attachment,
    decode_options,
    dumps,
    encode_attachment,
    encode_options,
)
from modelsweep.fleet.signature import Damaged, Key

PROTOCOL = 3
"""Raised when an older worker could not do a job of a newer producer as it is meant."""
SIGNED_RESULTS = 3
"""Protocol of jobs from which on results are signed."""
LARGEST = 4 * MIB
"""Bytes of a specification: thousands of targets."""
KEPT = 7 * 24 * 3600.0
"""Seconds that a job and its results are kept after it ended."""
REPORTS = ("json", "sarif", "cyclonedx")
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without characters that people confuse."""
_ID = re.compile(rf"[{_ALPHABET}]{{4}}-[{_ALPHABET}]{{4}}-[{_ALPHABET}]{{4}}")


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job: `targets` are examined with `options`, as far as `selection` lets them through.

    `reports` are the formats that are written when it ends; `arguments` is the command line that started it;
    `gpu` has large weights wait for workers with a GPU, as long as there are any;
    `created` is in seconds since the epoch; a chunk holds at most `chunk_files` units and, beyond one unit,
    `chunk_bytes` of them together; the job is forgotten `kept` seconds after it ended; `reuse` says what workers need
    not read again where their cache knows it.
    """

    id: str
    targets: tuple[str, ...]
    options: Options = field(default_factory=Options)
    selection: Selection = field(default_factory=Selection)
    reports: tuple[str, ...] = REPORTS
    arguments: tuple[str, ...] = ()
    created: float = 0.0
    chunk_files: int = 64
    chunk_bytes: int = 64 * MIB
    interactive: bool = False
    gpu: bool = False
    kept: float = KEPT
    reuse: Reuse = "objects"
    root: str = ""
    """The folder that portable addresses in reports are relative to: where the job was submitted."""
    attachments: tuple[Attachment, ...] = ()
    protocol: int = PROTOCOL


class UnknownProtocol(Exception):
    """A job asks for more than this version can do; the sentence says so."""


def new_id() -> str:
    """Return a job id that people can type: twelve characters, 59 bits at random."""
    parts = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
    return "-".join(parts)


def is_id(text: str) -> bool:
    """Return whether `text` is written as job ids are."""
    return _ID.fullmatch(text) is not None


def seal_spec(spec: JobSpec, key: Key) -> bytes:
    """Return a specification as signed JSON."""
    value = cast(JsonObject, asdict(spec)) | {"options": encode_options(spec.options)}
    if spec.attachments:
        value["attachments"] = [encode_attachment(attachment) for attachment in spec.attachments]
    else:
        del value["attachments"]  # older workers know none
    return key.seal(_purpose(spec.id), dumps(value))


def open_spec(job: str, sealed: bytes, key: Key) -> JobSpec:
    """Return the specification of `job`; raises Forged, Damaged, and UnknownProtocol for that of a newer version."""
    name = f"specification of job {job}"
    if len(sealed) > LARGEST:
        raise Damaged(name, f"{len(sealed):,} bytes are too many")
    value: Mapping[str, Any] = json.loads(key.open(_purpose(job), sealed, name))
    try:
        if value["protocol"] <= PROTOCOL:
            return _spec(value)
    except MISSHAPEN as error:
        raise Damaged(name, f"none that this version understands ({type(error).__name__})") from error
    raise UnknownProtocol(
        f"job {job} was submitted by a newer version (protocol {value['protocol']}, this one knows {PROTOCOL})"
    )


def _spec(value: Mapping[str, Any]) -> JobSpec:
    selection = value["selection"]
    return JobSpec(
        **{
            **value,
            "targets": tuple(value["targets"]),
            "options": decode_options(value["options"]),
            "selection": Selection(
                selection["max_file_size"],
                selection["max_total_size"],
                tuple(selection.get("include", ())),
                tuple(selection.get("exclude", ())),
                selection.get("newest_first", False),
            ),
            "reports": tuple(value["reports"]),
            "arguments": tuple(value["arguments"]),
            "attachments": tuple(map(decode_attachment, value.get("attachments", ()))),
        }
    )


def spec_name(job: str) -> str:
    """Return where the specification is stored, besides the ledger."""
    return f"jobs/{job}/specification"


def cursor_name(page: str) -> str:
    """Return where the cursor behind the page of this name is stored, besides the ledger."""
    return page.replace("/pages/", "/cursors/")


def cursor_purpose(job: str) -> str:
    """Return what cursors of the job are sealed for."""
    return f"cursor {job}"


def _purpose(job: str) -> str:
    return f"job {job}"
