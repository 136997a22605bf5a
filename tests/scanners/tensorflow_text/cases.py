"""Graphs of TensorFlow as text, in the spellings that parsers of it accept."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

NODES = """
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node {
  name: "path"  # where to
  op: "Const"
  attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: -1 } } string_val: "/tmp/x" } } }
}
"""
WRITES = 'node { name: "w" op: "WriteFile" input: "path" input: "x" }'
CLOSED = "versions { producer: 1882 min_consumer: 0x10 }\n"


def case(text: str, verdict: Verdict, name: str = "graph.pbtxt") -> Case:
    """Return the case of a text; what is left of a cut one may be a graph of fewer nodes."""
    return Case(text.encode, name, verdict, cut_is_clean=True)


def saved(graph: str) -> str:
    """Return a SavedModel."""
    return f'saved_model_schema_version: 1 meta_graphs {{ meta_info_def {{ tags: "serve" }} graph_def {{ {graph} }} }}'


SMALL = 'node { name: "epsilon" op: "Const" attr { value { tensor { float_val: 1e-08 float_val: -2.5E-3f } } } }\n'


CASES = {
    "benign": case(NODES + CLOSED, Verdict.CLEAN),
    "benign_saved_model": case(saved(NODES), Verdict.CLEAN, "saved_model.pbtxt"),
    "benign_label_map": case('item { id: 1 name: "node" }\nitem { id: 2 name: "op: \\"WriteFile\\"" }', Verdict.CLEAN),
    "benign_words": case(NODES.replace("/tmp/x", 'node { op: \\"WriteFile\\" }') + CLOSED, Verdict.CLEAN),
    "benign_comment": case(NODES + "# " + WRITES + "\n", Verdict.CLEAN),
    "benign_small_numbers": case(NODES + SMALL + CLOSED, Verdict.CLEAN),
    "writes_file_behind_small_numbers": case(NODES + SMALL + WRITES + CLOSED, Verdict.MALICIOUS),
    "writes_file": case(NODES + WRITES + CLOSED, Verdict.MALICIOUS),
    "writes_file_as_textproto": case(NODES + WRITES + CLOSED, Verdict.MALICIOUS, "graph.textproto"),
    "benign_other_textproto": case(
        'library { name: "node" node { id: 4 children: [5] } }', Verdict.CLEAN, "t.textproto"
    ),
    "writes_file_saved_model": case(saved(NODES + WRITES), Verdict.MALICIOUS, "saved_model.pbtxt"),
    "writes_file_other_spelling": case(
        NODES
        + "node: <name: 'w', op: '\\127\\x72iteF' \"ile\"; input: ['path', \"x\"] unknown: {a: [1, -2.5e3, inf]}>",
        Verdict.MALICIOUS,
    ),
    "writes_file_in_function": case(
        f"{NODES} library {{ function {{ signature {{ name: 'f' }} {WRITES.replace('node', 'node_def')} }} }}",
        Verdict.MALICIOUS,
    ),
    "asset_climbs_out": case(
        saved(NODES).removesuffix("}") + 'collection_def { key: "a" value { any_list { value { '
        '[type.googleapis.com/tensorflow.AssetFileDef] { filename: "../../etc/passwd" } } } } } }',
        Verdict.MALICIOUS,
        "saved_model.pbtxt",
    ),
    "damaged": case(NODES + 'node { name: "w" op ', Verdict.NOT_SCANNED),
    "nested_too_deep": case("node { a " + "{ b " * 200, Verdict.NOT_SCANNED),
    "no_text": case('node { name: "w\n" }', Verdict.NOT_SCANNED),
    "list_not_ended": case(NODES + "node { name: ['a' 'b' 3 }", Verdict.NOT_SCANNED),
    "name_not_ended": case(NODES + "[type.googleapis.com/x", Verdict.NOT_SCANNED),
}
