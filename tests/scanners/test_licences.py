"""What licences are called, the grammar of SPDX expressions, and what an obligation does under --strict."""

from __future__ import annotations

import pytest

from modelsweep.core.report import Gate, Report, Tool
from modelsweep.core.text import printable
from scanners.parsing.licences import licence_of, licence_of_header, licence_of_prose, licence_of_text
from scanners.parsing.spdx_expression import MAX_LENGTH, NoExpression, joined, parsed, written
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
    assert len(printable(text)) <= MAX_LENGTH


def test_texts_of_the_list_are_told() -> None:
    assert licence_of_text("GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007") == "LGPL-3.0-only"
    assert licence_of_text("European Union Public Licence v. 1.2\n") == "EUPL-1.2"
    assert licence_of_text("Stability AI Community License Agreement") == "LicenseRef-stabilityai-community"
    assert licence_of_text("A story about the weather.") == ""


_FREE = "Permission is hereby granted, free of charge, to any person obtaining a copy of "
_FILES = (
    'this software and associated documentation files (the "Software"), to deal in the Software without restriction, '
)
_RIGHTS = "including without limitation the rights to use, and to permit persons to do so"
_AS_IS = 'THE SOFTWARE IS PROVIDED "AS IS"'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Academic Free License ("AFL") v. 3.0\n\nThis Academic Free License', "AFL-3.0"),
        ("# Open Software License 3.0\n\nThis Open Software License", "OSL-3.0"),
        ("/*\n * GNU Free Documentation License\n * Version 1.3, 3 November 2008\n */", "GFDL-1.3-only"),
        (
            f"# Functional Source License, Version 1.1, MIT Future License\n\n## MIT License\n{_FREE}{_FILES}",
            "FSL-1.1-MIT",
        ),
        (f"SIL OPEN FONT LICENSE\nVersion 1.0 - 22 November 2005\n{_FREE}the Font Software", "OFL-1.0"),
        (f"University of Illinois/NCSA Open Source License\n{_FREE}{_FILES}{_RIGHTS}", "NCSA"),
        (f"{_FREE}{_FILES}{_RIGHTS}.\n{_AS_IS}", "MIT-0"),
        (f"{_FREE}{_FILES}{_RIGHTS}, subject to conditions: shall be included in all copies. {_AS_IS}", "MIT"),
        (f"{_FREE}{_FILES}{_RIGHTS}: shall be included in all copies. It shall be used for Good, not Evil.", "JSON"),
        (f"{_FREE}the Data Files, provided that either the notice appears with all copies", ""),
        ("The zlib License\n\nThis software is provided 'as-is'", ""),
        ("Creative Commons Attribution-NoDerivs-NonCommercial 1.0\n", "CC-BY-NC-ND-1.0"),
        ("Fair\nDoc\nRuby\nCube\n", ""),
        ("Our licence\n\nWe like the Mozilla web browser and its licence.\n", ""),
        ("Apache License\nVersion 2.0, January 2004\nhttp://www.apache.org/licenses/", "Apache-2.0"),
    ],
)
def test_the_title_of_a_text_tells_it(text: str, value: str) -> None:
    assert licence_of_text(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("HUNYUAN COMMUNITY LICENSE AGREEMENT\nTencent", "LicenseRef-hunyuan-community"),
        ("Acme Non-Commercial License v1.1\n", "LicenseRef-acme-non-commercial"),
        ("We share a community license of our own.\n", ""),
    ],
)
def test_a_title_of_an_own_licence_that_binds_is_kept(text: str, value: str) -> None:
    assert licence_of_text(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("# Model\n\nThis model is released under the [CC BY-NC 4.0 license](https://x.example).\n", "CC-BY-NC-4.0"),
        ("The weights are licensed under the Llama 2 Community License Agreement.", "LicenseRef-llama2"),
        ("Licensed under the GNU Affero General Public License v3.0.", "AGPL-3.0-only"),
        ("# Model\n## License\n\n[Apache 2.0](LICENSE)\n", "Apache-2.0"),
        ("# Model\n## License\n\nSee the file of that name.\n", ""),
        ("It is under a license that nobody knows. Ask us for a license.", ""),
    ],
)
def test_pages_state_their_licence_in_words(text: str, value: str) -> None:
    assert licence_of_prose(text) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("Academic Free License v3.0", "AFL-3.0"), ("Open Software License 3.0", "OSL-3.0"), ("zlib License", "Zlib")],
)
def test_names_of_the_list_are_known(name: str, value: str) -> None:
    assert licence_of(name) == (value, True)
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
