"""Licence files, headers of sources and keys of configurations as they are written, and text that only looks so."""

from __future__ import annotations

import json

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

MIT = """MIT License

Copyright (c) 2023 Acme Research

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software, to deal in the Software without restriction, and to permit persons to whom
it is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.
"""
BSD = """Copyright 2016-2019 The Acme Authors. All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice.
{third}
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS "AS IS".
"""
THIRD = "3. Neither the name of Acme nor the names of its contributors may be used to endorse products.\n"
APACHE = """                                 Apache License
                           Version 2.0, January 2004
                        http://www.apache.org/licenses/

   Copyright [yyyy] [name of copyright owner]
"""
AGPL = """                    GNU AFFERO GENERAL PUBLIC LICENSE
                       Version 3, 19 November 2007

 Copyright (C) 2007 Free Software Foundation, Inc. <https://fsf.org/>
 Everyone is permitted to copy and distribute verbatim copies
"""
LLAMA = """LLAMA 3.1 COMMUNITY LICENSE AGREEMENT
Llama 3.1 Version Release Date: July 23, 2024
"""
NC = """Attribution-NonCommercial 4.0 International

=======================================================================

Creative Commons Corporation ("Creative Commons") is not a law firm
"""
AGPL_HEADER = """# Copyright (C) 2021-2024 Acme <legal@example.org>
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General
# Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any
# later version.
import math
"""
APACHE_HEADER = """# coding=utf-8
# Copyright 2018 The Acme AI Authors and The Other Inc. team.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
import math
"""
PACKAGE = """Metadata-Version: 2.1
Name: acme
License: Apache Software License
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Programming Language :: Python :: 3
"""


def text(content: str, name: str) -> Case:
    """Return the case of a text, of which a shorter one may be whole, as `name`."""
    return Case(content.encode, name, Verdict.CLEAN, cut_is_clean=True)


def config(name: str, **values: object) -> Case:
    """Return the case of a JSON object as `name`."""
    return Case(lambda: json.dumps(values, indent=1).encode(), name, Verdict.CLEAN)


CASES = {
    "setup": text('from setuptools import setup\nsetup(name="acme", license="AGPL-3.0")\n', "setup.py"),
    "benign_mit": text(MIT, "LICENSE"),
    "benign_apache": text(APACHE, "LICENSE.txt"),
    "benign_bsd_2": text(BSD.format(third=""), "LICENSE"),
    "benign_bsd_3": text(BSD.format(third=THIRD), "COPYING"),
    "benign_notice": text("Acme Models\nCopyright © 2022, 2023 Acme GmbH\nPortions by others.\n", "NOTICE"),
    "benign_header": text(APACHE_HEADER, "modeling_acme.py"),
    "benign_identifier": text("# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-only\nx = 1\n", "util.py"),
    "benign_exception": text("// SPDX-License-Identifier: GPL-2.0-only WITH Classpath-exception-2.0\n", "Net.java"),
    "benign_package": text(PACKAGE, "METADATA"),
    "benign_toml": text('[project]\nname = "acme"\nlicense = {text = "MIT"}\n', "pyproject.toml"),
    "benign_words": text("# The license of each file is checked; a copyright notice is kept.\nx = 1\n", "check.py"),
    "benign_vocabulary": config("vocab.json", license=4211, copyright=99, GPL=7),
    "benign_list": config("annotations.json", licenses=[{"id": 1, "name": "Attribution License"}]),
    "benign_readme": text("# Acme\n\nNot under the GNU Affero General Public License version 3.\n", "notes.txt"),
    "agpl": text(AGPL, "COPYING"),
    "agpl_header": text(AGPL_HEADER, "server.py"),
    "gpl_identifier": text("/* SPDX-License-Identifier: GPL-2.0+ */\n", "kernel.cu"),
    "both": text("# SPDX-License-Identifier: MIT AND (AGPL-3.0 OR SSPL-1.0)\n", "both.py"),
    "llama": text(LLAMA, "LICENSE"),
    "non_commercial": text(NC, "LICENSE"),
    "non_commercial_config": config("config.json", model_type="bert", license="cc-by-nc-4.0"),
    "research_only": config("config.json", license="other", license_name="acme-research-license"),
    "unknown": config("config.json", license="Acme EULA, see the web page"),
    "sspl_package": text("license: SSPL-1.0\nname: acme\n", "meta.yaml"),
    "secret_in_copyright": text(
        "Copyright (c) 2023 Acme https://acme:{}@example.org/\n".format("Xk29vQz7Lm"), "NOTICE"
    ),
}
