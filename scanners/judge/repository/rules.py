"""The rules about what files of one repository make of each other: which code runs, what is there, what is signed."""

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
    "Python file that a configuration makes run",
    Severity.INFO,
    "{config} makes {subject} run ({key}): {does}",
    "Whoever loads the model and trusts its code imports the file, with all that it imports, and makes an instance of "
    "a class in it.",
    "Review the file, and pin the revision that was reviewed.",
    _CUSTOM_MODELS,
)
SUSPICIOUS = _rule(
    "suspicious-code",
    "Python file that a configuration makes run, and that runs commands or reaches out",
    Severity.WARNING,
    "{config} makes {subject} run ({key}): {does}",
    "Loading the model with its own code runs this, without a word of the program that loads it.",
    "Do not load the model before somebody has read the file; ask its author why it is needed.",
    _CUSTOM_MODELS,
    _ATTACK,
)
DANGEROUS = _rule(
    "dangerous-code",
    "Python file that a configuration makes run, and that does what no honest file does",
    Severity.CRITICAL,
    "{config} makes {subject} run ({key}): {does}",
    "Loading the model with its own code runs this: whoever made it commands the machine that loads it.",
    "Do not load the model. Tell the place it came from.",
    _CUSTOM_MODELS,
    _ATTACK,
)
COMPILED = _rule(
    "compiled-code",
    "Compiled code that a configuration makes run",
    Severity.WARNING,
    "{config} makes {subject} run ({key}): {does}",
    "Python imports compiled files like sources, and nobody can read what they do.",
    "Ask for the source, review it, and build it yourself.",
    "https://docs.python.org/3/reference/import.html",
)
REPLACED = _rule(
    "replaced-code",
    "Compiled file that was not made from the source beside it",
    Severity.CRITICAL,
    "{subject} runs in the place of {source}, which does not name {names}",
    "Python runs what lies in __pycache__ instead of the source where their sizes and times, or a hash, agree: "
    "whoever reads the source is shown something else.",
    "Do not load the model. Tell the place it came from.",
    "https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation",
    _ATTACK,
)
MISSING = _rule(
    "missing-code",
    "Configuration that names code which is not beside it",
    Severity.INFO,
    "{path} names {subject}, which is not among the files that were examined",
    "What is not there was not reviewed; where a loader finds the code elsewhere, that is what runs.",
    "Scan the whole repository, at the revision that is loaded.",
    _CUSTOM_MODELS,
)
SHARD_OUTSIDE = _rule(
    "shard-outside",
    "Index that takes tensors from outside the model",
    Severity.CRITICAL,
    "the index takes tensors from {subject}: {reason}",
    "Loaders join the name to the folder of the model: this one leads to another file of whoever loads it, which may "
    "be a pickle that runs.",
    "Do not load the model. Shards belong beside their index.",
    _INDEX,
)
MISSING_SHARD = _rule(
    "missing-shard",
    "Weights of which a part is missing",
    Severity.INFO,
    "{who} {count} shard(s) that are not among the files that were examined: {names}",
    "What is not there was not examined, and where a loader finds it elsewhere, that is what it loads.",
    "Scan the whole repository, or fetch what is missing.",
    _INDEX,
)
SHARD_TENSORS = _rule(
    "shard-tensors",
    "Shard that holds other tensors than its index says",
    Severity.INFO,
    "{index} names {said} tensor(s) in {subject}, which holds {there}, or others",
    "Loaders that follow the index take no notice of the rest, and fail where a tensor is missing; others load all.",
    "Have the index written again from the shards.",
    _INDEX,
)
TOTAL_SIZE = _rule(
    "total-size",
    "Index whose total is not what its shards hold",
    Severity.INFO,
    "the index says {subject} bytes in all, its shards hold {held}",
    "Some programs count parameters there, and nothing relies on it; it may also be the index of other weights.",
    "Have the index written again from the shards.",
    _INDEX,
)
_SIGNING = "https://github.com/sigstore/model-transparency"
CHANGED = _rule(
    "changed-file",
    "File that is not the one that was signed",
    Severity.CRITICAL,
    "{subject} is not the file that was signed: {difference}",
    "Somebody changed the file after the model was signed, or put another one in its place: this is what signatures "
    "are for. model_signing refuses the model, but nothing checks a signature unasked.",
    "Do not load the model. Fetch it again from where it is published; where its authors changed it themselves, have "
    "them sign it anew.",
    _SIGNING,
    _ATTACK,
)
CHANGED_TEXT = _rule(
    "changed-text",
    "Document that is not the one that was signed",
    Severity.WARNING,
    "{subject} is not the file that was signed: {difference}",
    "No loader reads the file, and authors often edit what they wrote beside a model after they signed it. But what it "
    "says now, the signer did not vouch for, and model_signing refuses the model.",
    "Compare it with what is published, or have the model signed anew.",
    _SIGNING,
)
UNSIGNED = _rule(
    "unsigned-file",
    "File in a signed model that nobody signed",
    Severity.WARNING,
    "{subject} lies in the signed model, and is not on its list of files",
    "Loaders take it as they take the signed ones: by its name, or because a configuration names it. model_signing "
    "refuses a model with a file more.",
    "Find out where the file comes from. Remove it, or have the model signed with it.",
    _SIGNING,
    _ATTACK,
)
UNSIGNED_TEXT = _rule(
    "unsigned-text",
    "Documents in a signed model that nobody signed",
    Severity.INFO,
    "{count} document(s), signature(s) or the like lie in the signed model, and are not on its list of files: {names}",
    "No loader reads them; model_signing refuses the model nevertheless, unless it is told to leave them out.",
    "Remove them, or have the model signed with them.",
    _SIGNING,
)
LEFT_OUT = _rule(
    "left-out-file",
    "Files that the signature of a model leaves out",
    Severity.INFO,
    "the signature leaves out {count} file(s) that are there: {names}",
    "The signer said that they are no part of the model, so that they may be changed by anybody, and the signature "
    "stays valid.",
    "Trust them as you trust files without a signature.",
    _SIGNING,
)
ABSENT = _rule(
    "absent-file",
    "Signed files that are not there",
    Severity.INFO,
    "{count} file(s) that were signed are not among those that were examined: {names}",
    "model_signing refuses a model of which a part is missing; what lies elsewhere was not compared.",
    "Scan the whole model together with its signature.",
    _SIGNING,
)
UNSIGNED_MODEL = _rule(
    "unsigned-model",
    "File without the signature that was required",
    Severity.CRITICAL,
    "{subject} is not signed by anybody who was required to",
    "Whoever started the scan named those who have to have signed what is used: no signature of theirs lists this "
    "file, or it is not the file that was signed, or the signature is not valid.",
    "Do not use the file, or get it with its signature (`model.sig`) from those who sign.",
    _SIGNING,
)
OTHER_SIGNER = _rule(
    "other-signer",
    "File that was signed by somebody else",
    Severity.CRITICAL,
    "{subject} is signed by {signer}, who is nobody that was required to",
    "Whoever started the scan named those who have to have signed what is used: this signature is made with another "
    "key, by another identity, or its certificate does not lead to theirs.",
    "Do not use the file; ask the required signer whether it is theirs, and get their signature.",
    _SIGNING,
)
KINDS = RELATED | {"tensors"}  # of shards: other files of tensors need not be looked at
ALL = (
    *(LOADED, SUSPICIOUS, DANGEROUS, COMPILED, REPLACED, MISSING),
    *(SHARD_OUTSIDE, MISSING_SHARD, SHARD_TENSORS, TOTAL_SIZE),
    *(CHANGED, CHANGED_TEXT, UNSIGNED, UNSIGNED_TEXT, LEFT_OUT, ABSENT),
    *(UNSIGNED_MODEL, OTHER_SIGNER),
)
