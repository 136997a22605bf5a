"""The rules about several files of a repository: which code runs, what is missing, what is signed."""

from __future__ import annotations

from modelsweep.core.finding import Confidence, Rule, Severity
from modelsweep.core.related import KINDS as RELATED

_CUSTOM_MODELS = "https://huggingface.co/docs/transformers/custom_models"
_INDEX = "https://huggingface.co/docs/transformers/big_models"
_ATTACK = "https://attack.mitre.org/techniques/T1195/001/"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.INFO else "medium"
    return Rule(f"repository/{what}", title, severity, message, why, fix, confidence, cwe=829, references=references)


LOADED = _rule(
    "loaded-code",
    "Python file that runs because of a configuration",
    Severity.INFO,
    "{config} makes {subject} run ({key}): {does}",
    "Loading the model and trusting its code imports the file, with everything that it imports, and instantiates a "
    "class from it.",
    "Review the file, and pin the revision that was reviewed.",
    _CUSTOM_MODELS,
)
SUSPICIOUS = _rule(
    "suspicious-code",
    "Python file that runs because of a configuration, and runs commands or uses the network",
    Severity.WARNING,
    "{config} makes {subject} run ({key}): {does}",
    "Loading the model with its own code runs this file without any notice from the program that loads it.",
    "Do not load the model until somebody has read the file. Ask its author why it is needed.",
    _CUSTOM_MODELS,
    _ATTACK,
)
DANGEROUS = _rule(
    "dangerous-code",
    "Dangerous Python file that runs because of a configuration",
    Severity.CRITICAL,
    "{config} makes {subject} run ({key}): {does}",
    "Loading the model with its own code runs this file, which does what no honest file does: its author controls the "
    "machine that loads it.",
    "Do not load the model. Report it to the site you got it from.",
    _CUSTOM_MODELS,
    _ATTACK,
)
COMPILED = _rule(
    "compiled-code",
    "Compiled code that runs because of a configuration",
    Severity.WARNING,
    "{config} makes {subject} run ({key}): {does}",
    "Python imports compiled files like source files, but nobody can read what they do.",
    "Ask for the source, review it, and build it yourself.",
    "https://docs.python.org/3/reference/import.html",
)
REPLACED = _rule(
    "replaced-code",
    "Compiled file that was not made from the source beside it",
    Severity.CRITICAL,
    "{subject} runs in place of {source}, which does not name {names}",
    "Python runs the file in __pycache__ instead of the source if their size and time, or a hash, match. Anybody who "
    "reads the source is misled.",
    "Do not load the model. Report it to the site you got it from.",
    "https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation",
    _ATTACK,
)
MISSING = _rule(
    "missing-code",
    "Configuration that names missing code",
    Severity.INFO,
    "{path} names {subject}, which is not among the examined files",
    "Missing code was not reviewed. If a loader finds it elsewhere, that is what runs.",
    "Scan the whole repository, at the revision that is loaded.",
    _CUSTOM_MODELS,
)
SHARD_OUTSIDE = _rule(
    "shard-outside",
    "Index that names a shard outside the model",
    Severity.CRITICAL,
    "the index reads tensors from {subject}: {reason}",
    "Loaders join the name to the model's folder. This name leads to another file of the user's, which may be a pickle "
    "that runs.",
    "Do not load the model. Shards belong beside their index.",
    _INDEX,
)
MISSING_SHARD = _rule(
    "missing-shard",
    "Weights with missing parts",
    Severity.INFO,
    "{who} {count} shard(s) that are not among the examined files: {names}",
    "Missing shards were not examined. If a loader finds them elsewhere, that is what it loads.",
    "Scan the whole repository, or download the missing shards.",
    _INDEX,
)
SHARD_TENSORS = _rule(
    "shard-tensors",
    "Shard with other tensors than its index says",
    Severity.INFO,
    "{index} names {said} tensor(s) in {subject}, which holds {there}, or others",
    "Loaders that follow the index ignore the rest, and fail if a tensor is missing; others load all of them.",
    "Have the index written again from the shards.",
    _INDEX,
)
TOTAL_SIZE = _rule(
    "total-size",
    "Index whose total size does not match its shards",
    Severity.INFO,
    "the index says {subject} bytes in total, but its shards hold {held}",
    "Some programs count parameters by this number, though nothing relies on it. The index may also belong to other "
    "weights.",
    "Have the index written again from the shards.",
    _INDEX,
)
_SIGNING = "https://github.com/sigstore/model-transparency"
CHANGED = _rule(
    "changed-file",
    "File that differs from the signed one",
    Severity.CRITICAL,
    "{subject} is not the file that was signed: {difference}",
    "Somebody changed the file after the model was signed, or replaced it: this is what signatures are for. "
    "model_signing rejects the model, but nothing checks a signature unless it is asked to.",
    "Do not load the model. Download it again from its publisher. If its authors changed it themselves, have them sign "
    "it again.",
    _SIGNING,
    _ATTACK,
)
CHANGED_TEXT = _rule(
    "changed-text",
    "Document that differs from the signed one",
    Severity.WARNING,
    "{subject} is not the file that was signed: {difference}",
    "No loader reads the file, and authors often edit the documents beside a model after they sign it. But the signer "
    "did not vouch for the present text, and model_signing rejects the model.",
    "Compare it with the published one, or have the model signed again.",
    _SIGNING,
)
UNSIGNED = _rule(
    "unsigned-file",
    "Unsigned file in a signed model",
    Severity.WARNING,
    "{subject} is in the signed model but not on its list of files",
    "Loaders use it like the signed files: by its name, or because a configuration names it. model_signing rejects a "
    "model with an extra file.",
    "Find out where the file comes from. Remove it, or have the model signed with it.",
    _SIGNING,
    _ATTACK,
)
UNSIGNED_TEXT = _rule(
    "unsigned-text",
    "Unsigned documents in a signed model",
    Severity.INFO,
    "{count} document(s), signature(s) or similar files are in the signed model but not on its list of files: {names}",
    "No loader reads them, but model_signing rejects the model unless it is told to leave them out.",
    "Remove them, or have the model signed with them.",
    _SIGNING,
)
LEFT_OUT = _rule(
    "left-out-file",
    "Files that a model's signature leaves out",
    Severity.INFO,
    "the signature leaves out {count} file(s): {names}",
    "The signer declared that these files are not part of the model, so anybody may change them while the signature "
    "stays valid.",
    "Trust them no more than files without a signature.",
    _SIGNING,
)
ABSENT = _rule(
    "absent-file",
    "Signed files that are missing",
    Severity.INFO,
    "{count} signed file(s) are not among the examined files: {names}",
    "model_signing rejects a model with a missing part. Files elsewhere were not compared.",
    "Scan the whole model together with its signature.",
    _SIGNING,
)
UNSIGNED_MODEL = _rule(
    "unsigned-model",
    "File without the required signature",
    Severity.CRITICAL,
    "{subject} is not signed by any required signer",
    "The person who started the scan named the required signers. No signature of theirs lists this file, or the file "
    "differs from the signed one, or the signature is not valid.",
    "Do not use the file, or get it with its signature (`model.sig`) from a required signer.",
    _SIGNING,
)
OTHER_SIGNER = _rule(
    "other-signer",
    "File signed by somebody else",
    Severity.CRITICAL,
    "{subject} is signed by {signer}, who is not a required signer",
    "The person who started the scan named the required signers. This signature was made with another key or by "
    "another identity, or its certificate does not lead to theirs.",
    "Do not use the file. Ask the required signer whether it is theirs, and get their signature.",
    _SIGNING,
)
KINDS = RELATED | {"tensors"}  # only needed for shards
ALL = (
    *(LOADED, SUSPICIOUS, DANGEROUS, COMPILED, REPLACED, MISSING),
    *(SHARD_OUTSIDE, MISSING_SHARD, SHARD_TENSORS, TOTAL_SIZE),
    *(CHANGED, CHANGED_TEXT, UNSIGNED, UNSIGNED_TEXT, LEFT_OUT, ABSENT),
    *(UNSIGNED_MODEL, OTHER_SIGNER),
)
