"""Shell links of Windows (.lnk): what they start, with which arguments, and the source of their icon.

Format: MS-SHLLINK (https://learn.microsoft.com/openspecs/windows_protocols/ms-shllink). The target is in up to four
places, of which Explorer uses the first that works; all are returned.
"""

from __future__ import annotations

import struct

from modelsweep.core import patterns as re
from modelsweep.core.reader import Reader, Truncated
from modelsweep.core.scanner import Malformed
from modelsweep.core.values import dataclass, field

MAGIC = bytes.fromhex("4c0000000114020000000000c000000000000046")
HEADER = 76
MAX_SIZE = 1 << 20
"""Maximum bytes that are read: links that Windows creates have a few thousand."""
_ID_LIST, _INFO = 0x01, 0x02
_STRINGS = ((0x04, "name"), (0x08, "relative"), (0x10, "folder"), (0x20, "arguments"), (0x40, "icon"))
"""Flags and meanings of the strings, in file order."""
_UNICODE = 0x80
_ENVIRONMENT, _ICON_ENVIRONMENT = 0xA0000001, 0xA0000007
_NAME = re.compile(rb"[\x20-\x7e\x80-\xff]{1,260}")
_DRIVE, _FILE, _NETWORK = 0x2F, 0x30, 0x40


@dataclass(slots=True)
class ShellLink:
    """The content of a link; `targets` are the paths of what it starts, `end` is the offset after the link."""

    targets: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    end: int = 0


def read_link(reader: Reader) -> ShellLink:
    """Return the link at the start of a reader; raises Malformed and Truncated."""
    data = reader.read(0, min(reader.size, MAX_SIZE))
    if len(data) < HEADER:
        raise Malformed("the link ends within its header")
    flags = struct.unpack_from("<I", data, 20)[0]
    link, at = ShellLink(), HEADER
    if flags & _ID_LIST:
        length = _number(data, at, "<H")
        _take(link, _path_of_ids(data[at + 2 : at + 2 + length]))
        at += 2 + length
    if flags & _INFO:
        length = _number(data, at, "<I")
        _take(link, *_paths_of_info(data[at : at + length]))
        at += max(length, 4)
    for flag, what in _STRINGS:
        if flags & flag:
            length = _number(data, at, "<H") * (2 if flags & _UNICODE else 1)
            raw = data[at + 2 : at + 2 + length]
            if len(raw) < length:
                raise Truncated(at + 2, length, reader.size)
            link.texts[what] = raw.decode("utf-16-le" if flags & _UNICODE else "cp1252", "replace")
            at += 2 + length
    _take(link, link.texts.get("relative", ""))
    link.end = _extra(link, data, at)
    return link


def _take(link: ShellLink, *targets: str) -> None:
    link.targets += [target for target in targets if target and target not in link.targets]


def _number(data: bytes, at: int, form: str) -> int:
    if at + struct.calcsize(form) > len(data):
        raise Malformed("the link ends within itself", at)
    return int(struct.unpack_from(form, data, at)[0])


def _path_of_ids(data: bytes) -> str:
    """Return the path in a list of item identifiers: a drive or a machine, then short names."""
    parts: list[str] = []
    at = 0
    while at + 3 <= len(data):
        size = struct.unpack_from("<H", data, at)[0]
        if size < 3:
            break
        kind = data[at + 2]
        start = {_DRIVE: 3, _NETWORK: 5}.get(kind if kind == _DRIVE else kind & 0x70, 14)
        if kind == _DRIVE or kind & 0x70 in (_FILE, _NETWORK):
            found = _NAME.match(data[at + start : at + size])
            parts += [found[0].decode("cp1252", "replace").strip("\\")] if found else []
        at += size
    return "\\".join(parts)


def _paths_of_info(data: bytes) -> list[str]:
    """Return the local path and the share in the LinkInfo structure."""
    if len(data) < 28:
        return []
    _, _, flags, _, local, network, suffix = struct.unpack_from("<7I", data)
    end = _text(data, suffix)
    found = [_text(data, local) + end] if flags & 1 else []
    if flags & 2 and network + 20 <= len(data):
        found.append(f"{_text(data, network + struct.unpack_from('<I', data, network + 8)[0])}\\{end}".rstrip("\\"))
    return [path for path in found if path]


def _text(data: bytes, at: int) -> str:
    found = _NAME.match(data[at : at + 260]) if at else None
    return found[0].decode("cp1252", "replace") if found else ""


def _extra(link: ShellLink, data: bytes, at: int) -> int:
    """Read the extra data blocks after the strings; return their end."""
    while at + 4 <= len(data):
        size = struct.unpack_from("<I", data, at)[0]
        if size < 8:
            return at + 4
        if at + size > len(data):
            raise Malformed("a block of the link runs beyond its end", at)
        signature = struct.unpack_from("<I", data, at + 4)[0]
        if signature in (_ENVIRONMENT, _ICON_ENVIRONMENT) and size >= 788:
            text = data[at + 268 : at + 788].decode("utf-16-le", "replace").partition("\0")[0]
            text = text or data[at + 8 : at + 268].partition(b"\0")[0].decode("cp1252", "replace")
            if signature == _ENVIRONMENT:
                _take(link, text)
            else:
                link.texts.setdefault("icon", text)
        at += size
    raise Malformed("the link has no end", at)
