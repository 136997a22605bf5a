"""Names of scanners as people write them: ids (`pickle`), class-style names (`PickleScanner`) and those of other tools.

Case and separators do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelsweep.core import patterns as re

# Names that no rule derives: squashed class name -> ids that do its work, of which this version may have none yet.
ALIASES: dict[str, tuple[str, ...]] = {
    "7z": ("sevenzip",),
    "config": ("json", "yaml"),
    "flaxmsgpack": ("flax",),
    "h5": ("keras-h5",),
    "jaxcheckpoint": ("flax",),
    "jinja2": ("jinja",),
    "jinja2template": ("jinja",),
    "joblib": ("pickle",),
    "license": ("licence",),
    "kerash5": ("keras-h5",),
    "keraszip": ("keras", "zip"),
    "llamafile": ("executable",),
    "manifest": ("json", "oci"),
    "metadata": ("json", "yaml"),
    "nemo": ("tar", "yaml"),
    "nestedpickle": ("pickle",),
    "oci": ("oci",),
    "ocilayer": ("oci", "oci-blob", "tar"),
    "onnx": ("onnx",),
    "paddle": ("paddle",),
    "pmml": ("pmml",),
    "pytorchbinary": ("torch-legacy",),
    "pytorchzip": ("torch",),
    "pytorch": ("torch", "torch-distributed", "torch-legacy", "torch-tar"),
    "rar": ("unreadable",),
    "rserialized": ("r",),
    "tensorflowmetagraph": ("tensorflow",),
    "tensorflowsavedmodel": ("tensorflow",),
    "tensorrt": ("tensorrt",),
    "tfsavedmodel": ("tensorflow",),
    "tflite": ("tflite",),
    "torchservemar": ("torchserve",),
    "weightdistribution": ("weights",),
    "xgboost": ("xgboost",),
}


class UnknownScanner(ValueError):
    """A name that is none of a scanner: the message has what comes close."""


def squashed(name: str) -> str:
    """Return a name without case, separators and the ending of class names: `TorchZipScanner`, `torch-zip` are one."""
    return re.sub(r"[\W_]+", "", name).lower().removesuffix("scanner")


def is_known(word: str, known: Iterable[str]) -> bool:
    """Return whether a name stands for a scanner, of this version or one to come."""
    wanted = squashed(word)
    return wanted in ALIASES or wanted in map(squashed, known)


def resolve(word: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that `word` stands for; raises UnknownScanner."""
    wanted = squashed(word)
    found = tuple(name for name in known if squashed(name) == wanted)
    found = found or tuple(name for name in ALIASES.get(wanted, ()) if name in known)
    if found:
        return found
    if wanted in ALIASES:
        raise UnknownScanner(f"{word}: this version has no scanner for that yet")
    from difflib import get_close_matches

    close = get_close_matches(wanted, {squashed(name): name for name in known}, 3, 0.6)
    names = [name for name in known if squashed(name) in close]
    hint = f": did you mean {' or '.join(names)}?" if names else ""
    raise UnknownScanner(f"{word!r} is not a scanner{hint}")
