"""Models of LightGBM whose children and features lead out of their trees."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

HEADER = (
    "tree\nversion={}\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=3\nfeature_names=a b c d\n"
)
PARAMETERS = "parameters:\n[boosting: gbdt]\n[input_model: ]\nend of parameters\n"
PANDAS = "\npandas_categorical:null\n"


def tree(number: int = 0, left: str = "1 -1", right: str = "-2 -3", split: str = "2 1", leaves: str = "3") -> str:
    """Return a tree of three leaves."""
    lines = {
        "Tree": str(number),
        "num_leaves": leaves,
        "num_cat": "0",
        "split_feature": split,
        "threshold": "3.15 1e-35",
        "left_child": left,
        "right_child": right,
        "leaf_value": "0.1 0.2 0.3",
    }
    return "\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


STUMP = "\nTree=1\nnum_leaves=1\nnum_cat=0\nleaf_value=0.5\n"


def model(*trees: str, version: str = "v4", end: str = PARAMETERS + PANDAS) -> bytes:
    """Return a model as the Python package saves it."""
    importance = "\nend of trees\n\nfeature_importances:\na=2\n\n"
    return (HEADER.format(version) + "".join(trees or (tree(), STUMP)) + importance + end).encode()


def case(build: Callable[[], bytes], verdict: Verdict, name: str = "model.txt", cut_is_clean: bool = False) -> Case:
    """Return the case of a model."""
    return Case(build, name, verdict, cut_is_clean=cut_is_clean)


CASES = {
    # Without the last line it is what the command line saves
    "benign": case(model, Verdict.CLEAN, cut_is_clean=True),
    "benign_bin": case(lambda: model(end=PARAMETERS).rstrip(), Verdict.CLEAN, "model.bin"),
    "benign_windows": case(lambda: model(end=PARAMETERS).replace(b"\n", b"\r\n").rstrip(), Verdict.CLEAN, "model.lgb"),
    "benign_old": case(lambda: model(version="v2", end=""), Verdict.CLEAN, cut_is_clean=True),
    "benign_categories": case(
        lambda: model(end=PARAMETERS + "\npandas_categorical:[[0, 1], [2]]"), Verdict.CLEAN, cut_is_clean=True
    ),
    "child": case(lambda: model(tree(left="700 -1")), Verdict.REVIEW),
    "leaf": case(lambda: model(tree(right="-2 -900")), Verdict.REVIEW),
    "feature": case(lambda: model(tree(split="2 4000")), Verdict.REVIEW),
    "child_missing": case(lambda: model(tree(left="1")), Verdict.REVIEW),
    "huge_count": case(lambda: model(tree(leaves="4000000000")), Verdict.REVIEW),
    "no_number": case(lambda: model(tree(left="x -1")), Verdict.NOT_SCANNED),
    "without_end": case(lambda: model(end="parameters:\n[boosting: gbdt]\n"), Verdict.NOT_SCANNED),
    "more_behind": case(lambda: model(end=PARAMETERS + "something else\n"), Verdict.NOT_SCANNED, cut_is_clean=True),
}
