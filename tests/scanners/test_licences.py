"""What licences are called, the grammar of SPDX expressions, and what an obligation does under --strict."""

from __future__ import annotations

import pytest

from modelsweep.core.report import Gate, Report, Tool
from modelsweep.core.text import printable
from scanners.parsing.licences import licence_of, licence_of_header, licence_of_text
from scanners.parsing.spdx_expression import LONGEST, NoExpression, joined, parsed, written
from scanners.parsing.spdx_ids import EXCEPTIONS, LICENCES
from tests.scanners.case import examine_bytes

NAMES = {
    "mit": "MIT",
    "The MIT License (MIT)": "MIT",
    "MIT License": "MIT",
    "Apache License, Version 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "GPLv3": "GPL-3.0-only",
    "GNU General Public License v3.0": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "agpl-3.0": "AGPL-3.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "LGPL-2.1+": "LGPL-2.1-or-later",
    "CC BY-NC-SA 4.0": "CC-BY-NC-SA-4.0",
    "Creative Commons Attribution Non Commercial 4.0 International": "CC-BY-NC-4.0",
    "creative commons attribution share alike 3.0": "CC-BY-SA-3.0",
    "CC0": "CC0-1.0",
    "llama3.1": "LicenseRef-llama3.1",
    "openrail++": "LicenseRef-openrail-plusplus",
    "mit OR (apache-2.0 and isc)": "MIT OR Apache-2.0 AND ISC",
    "(MIT OR ISC) AND zlib": "(MIT OR ISC) AND Zlib",
    "GPL-2.0-only with classpath-exception-2.0": "GPL-2.0-only WITH Classpath-exception-2.0",
    "Acme terms of 2024": "Acme terms of 2024",
}


@pytest.mark.parametrize(("name", "value"), NAMES.items(), ids=lambda value: str(value)[:30])
def test_names_become_identifiers(name: str, value: str) -> None:
    found = licence_of(name)
    assert found is not None
    assert found.value == value
    assert found.spdx == (not value.startswith("Acme"))


def test_every_identifier_is_read_and_written_again() -> None:
    for identifier in LICENCES.split():
        text = written(parsed(identifier))
        assert written(parsed(text)) == text
    for exception in EXCEPTIONS.split():
        assert written(parsed(f"GPL-2.0-only WITH {exception}")).endswith(exception)
    assert joined(["MIT OR ISC", "Zlib"]) == "(MIT OR ISC) AND Zlib"


@pytest.mark.parametrize(
    "text",
    ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "OR MIT", "no-such", "MIT WITH MIT", "(" * 400, "MIT AND " * 60 + "MIT"],
)
def test_what_is_no_expression_is_none(text: str) -> None:
    with pytest.raises(NoExpression):
        parsed(text)
    assert len(printable(text)) <= LONGEST


def test_texts_of_the_list_are_told() -> None:
    assert licence_of_text("GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007") == "LGPL-3.0-only"
    assert licence_of_text("European Union Public Licence v. 1.2\n") == "EUPL-1.2"
    assert licence_of_text("Stability AI Community License Agreement") == "LicenseRef-stabilityai-community"
    assert licence_of_text("A story about the weather.") == ""
    assert licence_of_header("# licensed under terms of its own") == ""


@pytest.mark.parametrize(("name", "strict", "relaxed"), [("agpl-3.0", 1, 0), ("mit", 0, 0), ("no such", 0, 0)])
def test_obligations_fail_a_strict_job_only(name: str, strict: int, relaxed: int) -> None:
    result = examine_bytes(f"---\nlicense: {name}\n---\n".encode(), "README.md")
    report = Report((), Tool("0", "", ()), (result,))
    assert Gate(strict=True).exit_code(report) == strict
    assert Gate().exit_code(report) == relaxed


def test_licences_of_many_sources_are_told_once() -> None:
    import io
    import zipfile

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number in range(50):
            archive.writestr(f"code/{number}.py", "# SPDX-License-Identifier: MIT\n# Copyright (c) 2024 Acme\n")
    result = examine_bytes(held.getvalue(), "code.zip")
    assert [fact.kind for fact in result.facts if fact.kind in ("licence", "copyright")] == ["licence", "copyright"]
