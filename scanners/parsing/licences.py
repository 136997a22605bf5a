"""Recognition of licences from names, headers and whole texts, as SPDX identifiers if possible.

Names are those of SPDX (https://spdx.org/licenses/), of the Hugging Face Hub
(https://huggingface.co/docs/hub/repositories-licenses), and common variants. A licence with a name of its own that is
not on the SPDX list, such as those of Llama and Gemma, becomes a `LicenseRef-`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from modelsweep.core.scanner import Context
from modelsweep.core.text import printable, redact
from scanners.parsing.spdx_expression import NoExpression, parsed, spelled, written
from scanners.parsing.spdx_ids import LICENCES

SHOWN = 200
"""Maximum characters of a licence or copyright line that are kept."""
MAX_NAME = 300
"""Maximum characters of a name that is looked up."""
MAX_NOTICES = 20
"""Maximum copyright lines that are kept per file."""
UNKNOWN = ("other", "unknown", "none", "custom", "proprietary")
"""Placeholders for a name."""
_TITLE_LENGTH = 4_000
"""Characters at the start of a text that contain its title or first sentence."""
_BODY_LENGTH = 4_000
"""Characters after that in which the texts of one family differ."""


class Licence(NamedTuple):
    """A licence: `value` is an SPDX expression if `spdx`, otherwise the name as written."""

    value: str
    spdx: bool


def licence_of(name: str) -> Licence | None:
    """Return the licence for an expression, an identifier of the Hub, or a name; None if `name` is none of these."""
    text = " ".join(name.split())
    if not text or len(text) > MAX_NAME or text.lower() in ("null", "no license", "n/a", "-"):
        return None
    try:
        return Licence(written(parsed(text)), spdx=True)
    except NoExpression:
        pass
    key = _key(text)
    known = _by_key().get(key) or _gnu(key) or _creative_commons(key) or _of_hub(text)
    return Licence(known, spdx=True) if known else Licence(printable(text, SHOWN), spdx=False)


def licence_facts(
    context: Context, locator: Locator, name: str, key: str, own_name: str = "", *, once: bool = False
) -> Iterator[Fact]:
    """Yield the licence `name` of the key `key`; `own_name` is the name of a licence given as `other`.

    With `once`, it is reported once per unit, for files that often repeat it, such as sources.
    """
    licence = licence_of(name)
    if licence and own_name and not licence.spdx:
        licence = licence_of(own_name) or licence
        reference = _reference(own_name)
        licence = licence if licence.spdx or not reference else Licence(reference, spdx=True)
    if licence and context.first("licence", licence.value if once else f"{locator} {licence.value}"):
        detail: dict[str, Json] = {"key": printable(key, SHOWN), "text": printable(redact(name), SHOWN)}
        yield Fact("licence", licence.value, locator, detail={**detail, "spdx": licence.spdx})


def copyright_facts(context: Context, locator: Locator, text: str) -> Iterator[Fact]:
    """Yield the copyright lines of `text`, each once in a unit."""
    found = 0
    for match in _COPYRIGHT.finditer(text):
        line = " ".join(match[0].rstrip(_EDGES).split())
        if found < MAX_NOTICES and not _BLANK.search(line) and context.first("copyright", line):
            found += 1
            yield Fact("copyright", printable(redact(line), SHOWN), locator)


_EDGES = " \t*#/;%!-\"'|\\"
# The word, then the sign or a year; "copyright notice" and the like are sentences of licences
_COPYRIGHT = re.compile(
    r"(?im)\b(?:copyright[ \t:,]{0,4}(?:\(c\)|©|&copy;|(?:19|20)\d\d)|©[ \t]{0,4}(?:copyright)?[ \t]{0,4}(?:19|20)\d\d)"
    r"[^\r\n]{1,300}|(?<![^\s#*/])©[ \t]{0,4}(?:19|20)\d\d[^\r\n]{1,300}"
)
_BLANK = re.compile(
    r"(?i)[\[<{](?:yyyy|year|name|fullname|copyright|owner|author|date)|free software foundation, inc\. <http|\{\{|%s"
)
_NOISE = frozenset({"the", "license", "licence", "version", "gnu", "v", "v.", "of", "a", "software", "and", "terms"})


def _key(name: str) -> str:
    """Return a normalized name: `The Apache License, Version 2.0` becomes `apache-2.0`."""
    words = re.findall(r"[a-z0-9.+]+", name.lower())
    kept = [word for word in words if word not in _NOISE]
    kept = kept[:1] if len(kept) == 2 and kept[0] == kept[1] else kept  # The MIT License (MIT)
    return "-".join(re.sub(r"^v(?=\d)", "", word).strip(".") for word in kept)


@cache
def _by_key() -> dict[str, str]:
    known = {_key(identifier): spelled(identifier) or identifier for identifier in LICENCES.split()}
    for identifier, names in _ALIASES.items():
        known.update(dict.fromkeys(names.split(), identifier))
    return {**_titles(), **known}


@cache
def _titles() -> dict[str, str]:
    """Return the licence identifiers by normalized name; those of `v2.1 only` also by `v2.1`."""
    from scanners.parsing.spdx_names import NAMES

    found: dict[str, str] = {}
    for line in NAMES.strip().splitlines():
        identifier, _, name = line.partition(" ")
        key = _key(name)
        found[key] = found[key.removesuffix("-only")] = spelled(identifier) or identifier
    return found


_ALIASES = {
    "Apache-2.0": "apache apache-2 apache2 apache2.0 asl-2.0 osi-approved-apache apache-2.0-license",
    "MIT": "mit expat mit-x11 osi-approved-mit mit-license",
    "BSD-3-Clause": "bsd-3 new-bsd bsd3 3-clause-bsd modified-bsd revised-bsd bsd-new bsd-3-clause-new-or-revised",
    "BSD-2-Clause": "bsd-2 bsd2 simplified-bsd 2-clause-bsd freebsd bsd-simplified",
    "MPL-2.0": "mpl2 mpl-2 mozilla-public-2.0 osi-approved-mozilla-public-2.0-mpl-2.0",
    "CC0-1.0": "cc0 cc-0 cc0-1.0-universal creative-commons-zero-1.0-universal",
    "Unlicense": "unlicense osi-approved-unlicense",
    "ISC": "isc osi-approved-isc-iscl",
    "PSF-2.0": "psf python-foundation osi-approved-python-foundation",
    "ODbL-1.0": "odbl open-database open-data-commons-open-database",
    "ODC-By-1.0": "odc-by",
    "PDDL-1.0": "pddl",
    "BSL-1.0": "boost boost-1.0",
    "LPPL-1.3c": "lppl",
    "Zlib": "zlib zlib-libpng",
    "Artistic-2.0": "artistic",
    "BUSL-1.1": "business-source-1.1 busl bsl-1.1",
    "SSPL-1.0": "sspl server-side-public server-side-public-1 sspl-1",
    "Elastic-2.0": "elastic elastic-2",
    "PolyForm-Noncommercial-1.0.0": "polyform-noncommercial",
    "etalab-2.0": "etalab",
    "C-UDA-1.0": "c-uda",
}
_GNU = re.compile(
    r"(?:osi-approved-)?(?:(?P<a>affero-general-public|agpl)|(?P<l>lesser-general-public|library-general-public|lgpl)"
    r"|(?P<g>general-public|gpl))(?P<n>-?v?\d(?:\.\d)?)(?P<later>\+|-\+|-or-later|-or-newer|-only)?"
    r"(?:-(?:a|l)?gplv?\d(?:\.\d)?\+?)?"
)


def _gnu(key: str) -> str:
    """Return the GNU identifier for common variants, such as `GPLv3` or `General Public License v3 or later`."""
    match = _GNU.fullmatch(key)
    if match is None:
        return ""
    family = "AGPL" if match["a"] else "LGPL" if match["l"] else "GPL"
    number = match["n"].strip("-v")
    later = match["later"] not in (None, "-only") or key.endswith("+")
    number = number if "." in number else f"{number}.0"
    return spelled(f"{family}-{number}-{'or-later' if later else 'only'}") or ""


_COMMONS = re.compile(
    r"(?:creative-commons|cc)-(?:attribution|by)(?P<nc>-?non-?commercial|-nc)?(?P<more>-?share-?alike|-sa|-?no-?"
    r"deriv(?:ative|ative-works|atives|s)|-nd)?-(?P<number>\d\.\d)(?:-(?:international|unported|generic|public))*"
)


def _creative_commons(key: str) -> str:
    match = _COMMONS.fullmatch(key)
    if match is None:
        return ""
    more = match["more"] or ""
    parts = ["CC-BY", "NC" if match["nc"] else "", "ND" if "n" in more else "SA" if more else "", match["number"]]
    return spelled("-".join(part for part in parts if part)) or ""


_HUB = frozenset(
    "openrail openrail++ bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m "
    "h-research intel-research apple-ascl apple-amlr openmdw-1.0 openmdw-1.1 lgpl-lr deepfloyd-if-license "
    "fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma ltxv "
    "cc bsd gpl lgpl".split()
)
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_ -]{0,79}")


def _of_hub(name: str) -> str:
    return _reference(name) if name.lower() in _HUB else ""


def _reference(name: str) -> str:
    """Return a name as an SPDX reference to a licence that is not on the list, or "" if it is not a name."""
    if not _SLUG.fullmatch(name) or name.lower() in UNKNOWN:
        return ""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", name.lower().replace("++", "-plusplus")).strip("-")
    return f"LicenseRef-{plain}" if plain else ""


# Whole texts

_FRAME = " \t#*/;|%\"'>=+_.,:-"
_TITLE_LINES = 10
"""Non-blank lines at the start of a text that may contain its title."""
_AGREEMENT_TITLE = re.compile(
    r"(?i)(?P<whose>[a-z0-9][a-z0-9 .-]{0,40}) (?P<kind>community|non-?commercial|(?:open )?rail(?:-[a-z])?|research)"
    r"(?: (?:model|use|research))? licen[cs]e(?: agreement)?(?:,? (?:version |v\.? ?)?[\d.]{1,6})?"
)
"""Titles such as `Acme Community License Agreement`."""
_CALLED = re.compile(r"(?i)licen[cs]e|commons|dedication|agreement")
_TITLE_SUFFIX = re.compile(
    r"(?i)\([^()]{0,60}\)|\"[^\"]{0,60}\"|[ ,-]{0,4}\b(?:\d{1,2} )?(?:january|february|march|april|may|june|july|august"
    r"|september|october|november|december)\b[ \d,]{0,6}\d{4}"
)
"""Parts of a title besides the name: a short form, and the date of publication."""


def licence_of_text(text: str) -> str:
    """Return the identifier of the licence whose text this is, or "" if it is unknown."""
    if titled := _by_title(text[:_TITLE_LENGTH]):
        return titled
    plain = _flat(text[: 4 * (_TITLE_LENGTH + _BODY_LENGTH)])[: _TITLE_LENGTH + _BODY_LENGTH]
    hits = []
    for order, (pattern, name) in enumerate(_texts()):
        match = pattern.search(plain, 0, _TITLE_LENGTH)
        if match:
            hits.append((match.start(), order, match.expand(name)))
    if not hits:
        return _own_title(text[:_TITLE_LENGTH])
    start, _, name = min(hits)
    if name in _FAMILIES:
        return _FAMILIES[name](plain[start:])
    licence = licence_of(re.sub(r"[^A-Za-z0-9.+-]+", "-", name))
    return licence.value if licence else ""


def _by_title(text: str) -> str:
    """Return the identifier of the licence whose SPDX name is one of the first lines, or two consecutive ones."""
    lines = [line for line in (line.strip(_FRAME) for line in text.splitlines()) if line][:_TITLE_LINES]
    for place, line in enumerate(lines):
        for title in (line, " ".join(lines[place : place + 2])):
            if len(title) <= MAX_NAME and _CALLED.search(title):
                keys = (_key(title), _key(_TITLE_SUFFIX.sub("", title)))
                if found := next((_titles()[key] for key in keys if "-" in key and key in _titles()), ""):
                    return found
    return ""


def _own_title(text: str) -> str:
    """Return the reference to an unlisted licence whose title is that of a licence agreement."""
    lines = [line for line in (line.strip(_FRAME) for line in text.splitlines()) if line][:_TITLE_LINES]
    match = next((match for match in map(_AGREEMENT_TITLE.fullmatch, lines) if match), None)
    return _reference(f"{match['whose']} {match['kind']}") if match else ""


def licence_of_header(text: str) -> str:
    """Return the identifier for the usual words in the comment at the head of a source file."""
    plain = _flat(text)
    gnu = _GNU_HEADER.search(plain)
    if gnu:
        family = {"affero": "AGPL", "lesser": "LGPL", "library": "LGPL"}.get(gnu["kind"] or "", "GPL")
        later = "later" in gnu["terms"]
        number = gnu["number"] if "." in gnu["number"] else f"{gnu['number']}.0"
        return spelled(f"{family}-{number}-{'or-later' if later else 'only'}") or ""
    for pattern, name in _headers():
        if pattern.search(plain):
            return name
    return _under(plain)


def licence_of_prose(text: str) -> str:
    """Return the identifier of the licence that a page states in a sentence, or below a heading."""
    heading = _HEADING.search(text)
    line = _LINK.sub(r"\1", heading["line"]).strip(_MARKS) if heading else ""
    licence = licence_of(line) if line else None
    return licence.value if licence and licence.spdx else _under(_flat(text))


def _under(plain: str) -> str:
    """Return the identifier of the licence in a normalized sentence such as "released under the ..."."""
    for match in islice(_UNDER.finditer(plain), _MAX_SENTENCES):
        licence = licence_of(match["name"])
        found = licence.value if licence and licence.spdx else licence_of_text(match["name"])
        if found:
            return found
    return ""


_MAX_SENTENCES = 20
"""Maximum sentences that are checked for a licence."""
_UNDER = re.compile(
    r"\b(?:licensed|released|distributed|available|provided|is) under (?:the )?"
    r"(?:terms (?:and conditions )?of (?:the )?)?(?:\[ ?)?(?P<name>[a-z0-9][a-z0-9 .,+:()-]{1,70}? licen[cs]e\b"
    r"(?: agreement)?(?:,? (?:version |v\.? ?)?\d(?:\.\d+)?)?)"
)
_HEADING = re.compile(
    r"(?im)^#{1,6}[ \t]{0,4}licen[cs]e[ \t]{0,4}\r?\n(?:[ \t]{0,4}\r?\n){0,2}(?P<line>[^\r\n]{2,200})$"
)
_LINK = re.compile(r"\[([^\]]{1,100})\]\([^)]{0,200}\)")
_MARKS = " \t*_`.>-"


def _flat(text: str) -> str:
    """Return `text` in lower case, without comment marks, and with white space as single blanks."""
    return " ".join(re.sub(r"[\s#*/;|%_\"'>]+", " ", text.lower()).split())


def _bsd(text: str) -> str:
    if "all advertising materials" in text:
        return "BSD-4-Clause"
    named = "neither the name" in text or "names of its contributors" in text or "may not be used to endorse" in text
    clear = "no express or implied licenses to any party s patent" in text
    return ("BSD-3-Clause-Clear" if clear else "BSD-3-Clause") if named else "BSD-2-Clause"


def _mit(text: str) -> str:
    if "used for good, not evil" in text:
        return "JSON"
    if "shall be included in all copies" in text:
        return "MIT"
    return "MIT-0" if _MIT_0.match(text) else ""


def _isc(text: str) -> str:
    return "ISC" if "provided that the above copyright notice" in text else "0BSD"


_MIT_0 = re.compile(
    r"permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    r"documentation files \(the software \), to deal in the software without restriction,[^.]{0,300}so\.? "
    r"the software is provided"
)
_FAMILIES = {"BSD": _bsd, "MIT": _mit, "ISC": _isc}
_TEXTS = (
    (r"gnu affero general public license version 3", "AGPL-3.0-only"),
    (r"gnu (?:lesser|library) general public license version (2\.1|3|2)(?:\.0)?\b", r"LGPL-\1"),
    (r"gnu general public license version ([123])\b", r"GPL-\1"),
    (r"server side public license version 1", "SSPL-1.0"),
    (r"apache license,? version 2\.0", "Apache-2.0"),
    (r"permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    (r"redistribution and use in source and binary forms", "BSD"),
    (
        r"permission to use, copy, modify, and(?: or)? distribute this software for any purpose with or without fee",
        "ISC",
    ),
    (r"mozilla public license,? (?:version )?2\.0", "MPL-2.0"),
    (r"eclipse public license - v(?:ersion)? ?([12])\.0", r"EPL-\1.0"),
    (r"european union public licence v\. ?1\.([12])", r"EUPL-1.\1"),
    (r"boost software license - version 1\.0", "BSL-1.0"),
    (r"this is free and unencumbered software released into the public domain", "Unlicense"),
    (r"cc0 1\.0 universal", "CC0-1.0"),
    (r"attribution-noncommercial-sharealike (\d\.\d)", r"CC-BY-NC-SA-\1"),
    (r"attribution-noncommercial-noderiv(?:ative)?s (\d\.\d)", r"CC-BY-NC-ND-\1"),
    (r"attribution-noncommercial (\d\.\d)", r"CC-BY-NC-\1"),
    (r"attribution-noderivs-noncommercial (\d\.\d)", r"CC-BY-NC-ND-\1"),
    (r"attribution-sharealike (\d\.\d)", r"CC-BY-SA-\1"),
    (r"attribution-noderiv(?:ative)?s (\d\.\d)", r"CC-BY-ND-\1"),
    (r"creative commons attribution (\d\.\d)|\battribution (\d\.\d) international", r"CC-BY-\1\2"),
    (r"business source license 1\.1", "BUSL-1.1"),
    (r"elastic license 2\.0", "Elastic-2.0"),
    (r"polyform noncommercial license 1\.0\.0", "PolyForm-Noncommercial-1.0.0"),
    (r"python software foundation license version 2", "PSF-2.0"),
    (r"sil open font license version 1\.1", "OFL-1.1"),
    (r"open data commons open database license", "ODbL-1.0"),
    (r"community data license agreement - (permissive|sharing) - version (\d\.\d)", r"CDLA-\1-\2"),
    (r"do what the fuck you want to public license", "WTFPL"),
    (r"the artistic license 2\.0", "Artistic-2.0"),
    (r"bigscience (?:open )?rail(?:-m)? license|bigscience rail license", "LicenseRef-bigscience-openrail-m"),
    (r"bigcode (?:open ?)?rail-m", "LicenseRef-bigcode-openrail-m"),
    (r"creativeml open ?rail(?:\+\+)?-?m", "LicenseRef-creativeml-openrail-m"),
    (r"\bopen ?rail", "LicenseRef-openrail"),
    (r"(?:meta )?llama (\d(?:\.\d)?) community license agreement", r"LicenseRef-llama\1"),
    (r"gemma terms of use", "LicenseRef-gemma"),
    (r"(?:tongyi )?qianwen (?:license|research license)|qwen (?:license|research license)", "LicenseRef-qwen"),
    (r"deepseek license agreement", "LicenseRef-deepseek"),
    (r"stability ai (community|non-commercial research community|non-commercial) ", r"LicenseRef-stabilityai-\1"),
    (r"flux ?\.?1 \[dev\] non-commercial license", "LicenseRef-flux-1-dev-non-commercial"),
    (r"mistral ai (research|non-production) license", r"LicenseRef-mistral-ai-\1"),
    (r"nvidia open model license", "LicenseRef-nvidia-open-model"),
    (r"fair noncommercial research license", "LicenseRef-fair-noncommercial-research"),
    (r"falcon (?:180b tii|llm|2 11b tii) license", "LicenseRef-falcon"),
)
_GNU_HEADER = re.compile(
    r"under the terms of the gnu (?:(?P<kind>affero|lesser|library) )?general public "
    r"license(?P<terms>[^.]{0,120}?version (?P<number>\d(?:\.\d)?)(?:[^.]{0,60}any later version)?)"
)
_HEADERS = (
    (r"licensed under the apache license,? version 2\.0", "Apache-2.0"),
    (r"permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    (r"licensed under the mit license", "MIT"),
    (r"licensed under (?:the )?cc[ -]by-nc[ -]4\.0", "CC-BY-NC-4.0"),
    (r"subject to the terms of the mozilla public license, v\. 2\.0", "MPL-2.0"),
    (r"licensed under the server side public license", "SSPL-1.0"),
)


@cache
def _texts() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), name) for pattern, name in _TEXTS)


@cache
def _headers() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), name) for pattern, name in _HEADERS)
