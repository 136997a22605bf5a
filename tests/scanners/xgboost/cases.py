"""Models of XGBoost in three forms, whose children and features lead out of their trees."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.pickle.assembler import EVIL_PICKLE

LEFT, RIGHT, SPLIT = [1, -1, -1], [2, -1, -1], [3, 0, 0]
ROOT = 2147483647


def model(
    left: list[int] = LEFT, right: list[int] = RIGHT, split: list[int] = SPLIT, **attributes: str
) -> dict[str, Any]:
    """Return what XGBoost writes of one tree."""
    count = len(left)
    tree = {
        **dict.fromkeys(("base_weights", "split_conditions", "sum_hessian"), [0.5] * count),
        "default_left": [0] * count,
        "left_children": left,
        "parents": [ROOT, *[0] * (count - 1)],
        "right_children": right,
        "split_indices": split,
        "tree_param": {"num_nodes": str(count), "num_feature": "4", "num_deleted": "0", "size_leaf_vector": "1"},
    }
    boosted = {"gbtree_model_param": {"num_trees": "1"}, "tree_info": [0], "trees": [tree]}
    learner = {
        "attributes": attributes,
        "feature_names": [],
        "gradient_booster": {"model": boosted, "name": "gbtree"},
        "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "4"},
        "objective": {"name": "reg:squarederror"},
    }
    return {"learner": learner, "version": [3, 0, 0]}


def dart() -> dict[str, Any]:
    """Return a booster that keeps its trees one level deeper, with a child that is not there."""
    document = model(left=[9, -1, -1])
    tree = document["learner"]["gradient_booster"]
    document["learner"]["gradient_booster"] = {"gbtree": tree, "name": "dart", "weight_drop": [1.0]}
    return document


def changed(tree: dict[str, Any], **boosted: Any) -> dict[str, Any]:
    """Return a model whose tree, or what stands around it, has other fields."""
    document = model()
    inner = document["learner"]["gradient_booster"]["model"]
    inner.update(boosted)
    inner["trees"][0].update(tree)
    return document


def state(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a booster serializes itself as: skops keeps these bytes as a member."""
    return {"Config": {"learner": {"generic_param": {"seed": "0"}}}, "Model": document}


def categories(nodes: list[int], begins: list[int], sizes: list[int]) -> dict[str, Any]:
    """Return the fields of splits by category."""
    lists = {"categories_nodes": nodes, "categories_segments": begins, "categories_sizes": sizes}
    return {**lists, "categories": [0, 3]}


def text(document: dict[str, Any]) -> bytes:
    """Return a model as JSON."""
    return json.dumps(document, separators=(",", ":")).encode()


def length(value: int) -> bytes:
    """Return a length."""
    return b"L" + struct.pack(">q", value)


def ubj(value: Any, typed: bool = True) -> bytes:
    """Return a model as Universal Binary JSON."""
    if isinstance(value, dict):
        inner = (length(len(key)) + key.encode() + ubj(item, typed) for key, item in value.items())
        return b"{" + b"".join(inner) + b"}"
    if isinstance(value, str):
        return b"S" + length(len(value)) + value.encode()
    if isinstance(value, int):
        return b"l" + struct.pack(">i", value)
    if isinstance(value, float):
        return b"d" + struct.pack(">f", value)
    if value and typed and isinstance(value[0], int | float):
        kind, code = (b"l", "i") if isinstance(value[0], int) else (b"d", "f")
        return b"[$" + kind + b"#" + length(len(value)) + struct.pack(f">{len(value)}{code}", *value)
    if not typed:
        return b"[" + b"".join(ubj(item, typed) for item in value) + b"]"
    return b"[#" + length(len(value)) + b"".join(ubj(item, typed) for item in value)


def name(value: str) -> bytes:
    """Return a name of the old form."""
    return struct.pack("<Q", len(value)) + value.encode()


def binary(
    left: list[int] = LEFT,
    right: list[int] = RIGHT,
    split: list[int] = SPLIT,
    *,
    start: bytes = b"binf",
    booster: str = "gbtree",
    nodes: int = 0,
) -> bytes:
    """Return a model in the old form; `nodes` is how many it claims instead of those that it has."""
    learner = struct.pack("<fIiii", 0.5, 4, 0, 1, 1) + bytes(116)
    if booster == "gblinear":
        boosted = bytes(136) + struct.pack("<Q5f", 5, *[0.5] * 5)
    else:
        places = b"".join(struct.pack("<iiiIf", 0, *three, 0.5) for three in zip(left, right, split, strict=True))
        tree = struct.pack("<iiiiii", 1, nodes or len(left), 0, 0, 4, 0) + bytes(124) + places + bytes(16 * len(left))
        boosted = struct.pack("<i", 1) + bytes(156) + tree + bytes(4)
        boosted += struct.pack("<Qf", 1, 1.0) if booster == "dart" else b""
    attributes = struct.pack("<Q", 1) + name("best_iteration") + name("1")
    return (
        start
        + learner
        + name("reg:squarederror")
        + name(booster)
        + boosted
        + attributes
        + struct.pack("<Q", 1)
        + name("rmse")
    )


def json_case(document: Callable[[], dict[str, Any]], verdict: Verdict) -> Case:
    """Return the case of a model as JSON."""
    return Case(lambda: text(document()), "model.json", verdict)


def case(build: Callable[[], bytes], verdict: Verdict, file: str = "model.ubj") -> Case:
    """Return the case of a model in another form."""
    return Case(build, file, verdict)


CASES = {
    "benign_json": json_case(model, Verdict.CLEAN),
    "benign_json_attributes": json_case(
        lambda: model(note="it calls os.system(1)", scikit_learn='{"a":1}'), Verdict.CLEAN
    ),
    "code_in_json_attributes": json_case(lambda: model(note="os.system(1)"), Verdict.REVIEW),
    "benign_ubj": case(lambda: ubj(model()), Verdict.CLEAN),
    "benign_ubj_untyped": case(lambda: ubj(model(), typed=False), Verdict.CLEAN),
    "benign_binary": case(binary, Verdict.CLEAN, "model.bin"),
    "benign_binary_without_magic": case(lambda: binary(start=b"", booster="dart"), Verdict.CLEAN, "0001.model"),
    "benign_binary_linear": case(lambda: binary(booster="gblinear"), Verdict.CLEAN, "model.bin"),
    "code_in_ubj_attributes": case(lambda: ubj(model(note="os.system(1)")), Verdict.REVIEW),
    "target_in_ubj_attributes": case(lambda: ubj(model(note='{"_target_": "os.system"}')), Verdict.MALICIOUS),
    "benign_ubj_attributes": case(
        lambda: ubj(model(note="it calls os.system(1)", scikit_learn='{"a":1}')), Verdict.CLEAN
    ),
    "child_json": json_case(lambda: model(left=[1_000_000, -1, -1]), Verdict.REVIEW),
    "child_json_behind_a_long_value": Case(
        lambda: text({"note": "x" * 5_000, **model(left=[1_000_000, -1, -1])}), "model.json", Verdict.REVIEW
    ),
    "child_below_json": json_case(lambda: model(right=[-7, -1, -1]), Verdict.REVIEW),
    "children_missing_json": json_case(lambda: model(right=[2]), Verdict.REVIEW),
    "dart_json": json_case(dart, Verdict.REVIEW),
    "feature_ubj": case(lambda: ubj(model(split=[4_000, 0, 0])), Verdict.REVIEW),
    "child_ubj": case(lambda: ubj(model(left=[1 << 30, -1, -1])), Verdict.REVIEW),
    "child_binary": case(lambda: binary(left=[1 << 30, -1, -1]), Verdict.REVIEW, "model.bin"),
    "feature_binary": case(lambda: binary(split=[99, 0, 0]), Verdict.REVIEW, "model.bin"),
    "benign_categories_json": json_case(lambda: changed(categories([0], [0], [2])), Verdict.CLEAN),
    "categories_json": json_case(lambda: changed(categories([0], [1], [9_000])), Verdict.REVIEW),
    "category_of_no_node_ubj": case(lambda: ubj(changed(categories([77], [0], [2]))), Verdict.REVIEW),
    "categories_of_other_lengths": json_case(lambda: changed(categories([0, 1], [0], [2])), Verdict.REVIEW),
    "benign_targets_json": json_case(lambda: model(right=[2, 0, 1]), Verdict.CLEAN),
    "number_of_a_tree_json": json_case(lambda: changed({"id": 5}), Verdict.REVIEW),
    "one_child_json": json_case(lambda: model(right=[-1, -1, -1]), Verdict.REVIEW),
    "root_as_a_child_json": json_case(lambda: changed({"parents": [ROOT, ROOT, 0]}), Verdict.REVIEW),
    "parent_json": json_case(lambda: changed({"parents": [ROOT, 99_999, 0]}), Verdict.REVIEW),
    "output_json": json_case(lambda: changed({}, tree_info=[1_000_000]), Verdict.REVIEW),
    "loop_json": json_case(lambda: model(left=[1, 0, -1], right=[2, 2, -1]), Verdict.REVIEW),
    "loop_ubj": case(lambda: ubj(model(left=[1, 1, -1], right=[2, -1, -1])), Verdict.REVIEW),
    "benign_state_ubj": case(lambda: ubj(state(model())), Verdict.CLEAN, "3f0c.bin"),
    "loop_in_state_ubj": case(
        lambda: ubj(state(model(left=[1, 1, -1], right=[2, -1, -1]))), Verdict.REVIEW, "3f0c.bin"
    ),
    "loop_binary": case(lambda: binary(left=[0, -1, -1]), Verdict.REVIEW, "model.bin"),
    "nodes_binary": case(lambda: binary(nodes=1 << 30), Verdict.NOT_SCANNED, "model.bin"),
    "pickle_in_attribute": case(
        lambda: ubj(model(scikit_learn="@")).replace(length(1) + b"@", length(len(EVIL_PICKLE)) + EVIL_PICKLE),
        Verdict.MALICIOUS,
    ),
    "trailing_ubj": case(lambda: ubj(model()) + bytes(64), Verdict.NOT_SCANNED),
    "claimed_ubj": case(
        lambda: ubj(model()).replace(b"[$l#" + length(3), b"[$l#" + length(1 << 40), 1), Verdict.NOT_SCANNED
    ),
    "deep_ubj": case(lambda: ubj(model())[:-1] + length(1) + b"x" + b"[" * 5_000, Verdict.NOT_SCANNED),
}
