"""Code that configurations name: what reading one makes its loader call, import or fetch.

Facts of kind `code-reference` say in `how` what the loader does with `value`: `call` (Hydra's `_target_`, YAML's
`!!python/object`), `name` and `module` (imports), `class` (imports a class and makes an instance), `computed` (a target
put together later), `local` and `remote` (a Python file of this repository or of another one), `kernel` (code of the
Hub behind a key), `trust` (the switch that lets all of these run).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Confidence, Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from scanners.judge.dangerous_names import family

_HYDRA = "https://nvd.nist.gov/vuln/detail/CVE-2025-23304"
_PYYAML = "https://nvd.nist.gov/vuln/detail/CVE-2020-14343"
_CUSTOM_MODELS = "https://huggingface.co/docs/transformers/custom_models"
_NAMES_SHOWN = 5


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    return Rule(f"config/{what}", title, severity, message, why, fix, confidence, cwe=94, references=references)


DANGEROUS = _rule(
    "dangerous-callable",
    "Configuration that names a callable which runs commands or code",
    Severity.CRITICAL,
    "{path} names {subject} ({family})",
    "Loaders that instantiate what a configuration names call it with arguments from the same file: whoever wrote the "
    "configuration runs code on the machine that loads it.",
    "Do not load the model. Find out where the configuration came from.",
    _HYDRA,
    _PYYAML,
)
ACCESS = _rule(
    "file-or-network-access",
    "Configuration that names a callable which reaches files or the network",
    Severity.WARNING,
    "{path} names {subject} ({family})",
    "Loaders call what the configuration names, with paths and addresses from the same file.",
    "Review what the callable is given before anything loads the configuration.",
    _HYDRA,
)
UNKNOWN = _rule(
    "unknown-callable",
    "Configuration that names code of a package that is not known to be harmless",
    Severity.WARNING,
    "loading would use {count} unknown name(s) of the package {subject}: {names}",
    "Loaders import and call what the configuration names: whatever it does happens on load.",
    "If the package is yours, allow it with --allow-import 'PACKAGE.*'. Otherwise review what the names do.",
    _HYDRA,
)
COMPUTED = _rule(
    "computed-callable",
    "Configuration whose callable is put together when it is loaded",
    Severity.WARNING,
    "{path} is worked out when the configuration is loaded: {subject}",
    "An interpolated target can be any callable, and which one depends on other files or on the environment.",
    "Ask for a configuration that names its targets, or resolve it and scan the result.",
    _HYDRA,
)
LOCAL = _rule(
    "local-code",
    "Configuration that makes a Python file of the repository run",
    Severity.INFO,
    "{path} names {subject}, code that comes with the model",
    "With trust_remote_code, loaders import the Python file beside the model and make an instance of the class.",
    "Review the Python file, and pin the revision that was reviewed.",
    _CUSTOM_MODELS,
)
REMOTE = _rule(
    "remote-code",
    "Configuration that makes code of another repository run",
    Severity.WARNING,
    "{path} names {subject}, code of another repository",
    "With trust_remote_code, loaders fetch and import code that is not part of this model, at its newest revision: "
    "what was reviewed here says nothing of what will run.",
    "Copy the code into the model's own repository, review it, and pin the revision.",
    _CUSTOM_MODELS,
)
KERNEL = _rule(
    "hub-kernel",
    "Configuration that makes loaders fetch code behind a key",
    Severity.WARNING,
    "{path} names {subject}, from where loaders fetch compiled code",
    "Some versions of transformers fetch and run what the key names without asking for trust_remote_code.",
    "Remove the key, and choose the implementation in the code that loads the model.",
    "https://nvd.nist.gov/vuln/detail/CVE-2026-4372",
)
TRUST = _rule(
    "trust-remote-code",
    "Configuration that switches trust in remote code on",
    Severity.INFO,
    "{path} is true",
    "Programs that hand the setting on to a loader run whatever Python files a model brings.",
    "Remove the key: trust is for whoever loads the model to give.",
    _CUSTOM_MODELS,
)
KINDS = frozenset({"code-reference"})
RULES = (DANGEROUS, ACCESS, UNKNOWN, COMPUTED, LOCAL, REMOTE, KERNEL, TRUST)
_STATED = {"computed": COMPUTED, "local": LOCAL, "remote": REMOTE, "kernel": KERNEL, "trust": TRUST}
_EXECUTION = frozenset({"command execution", "code execution", "package installation", "import", "indirection"})
# Frameworks that configurations name, beside those whose objects pickles hold.
_FRAMEWORKS = frozenset(
    "albumentations apex cntk deepspeed fairseq flax hydra jax keras megatron nemo onnxruntime optax optimum "
    "sentencepiece tensorflow tokenizers webdataset xformers".split()
)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield what configurations name that is dangerous, unknown, or stands outside the model."""
    unknown: dict[tuple[object, str], list[Fact]] = {}
    for fact in facts:
        path, how = str(fact.detail["path"]), str(fact.detail["how"])
        if how in _STATED:
            yield Finding(_STATED[how], fact.locator, fact.value, path=path, span=fact.span)
            continue
        if _is_inert(fact.value) or any(fnmatch.fnmatchcase(fact.value, name) for name in options.allow_imports):
            continue
        danger = _family(fact.value)
        if danger:
            rule = DANGEROUS if danger in _EXECUTION and how != "module" else ACCESS
            evidence: dict[str, Json] = {"family": danger}
            yield Finding(rule, fact.locator, fact.value, path=path, span=fact.span, evidence=evidence)
        else:
            unknown.setdefault((fact.locator, fact.value.partition(".")[0]), []).append(fact)
    for (_, package), members in unknown.items():
        yield _unknown(package, members)


def _is_inert(name: str) -> bool:
    from scanners.judge.inert import is_inert_name

    return is_inert_name(name) or (name.partition(".")[0] in _FRAMEWORKS and not _family(name))


def _family(name: str) -> str:
    """Return the family of danger of a dotted name, of a module, or of a builtin."""
    return family(name) if "." in name else family(f"{name}.*") or family(f"builtins.{name}")


def _unknown(package: str, members: list[Fact]) -> Finding:
    names = sorted({fact.value for fact in members})
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    evidence: dict[str, Json] = {"count": len(names), "names": shown}
    return Finding(UNKNOWN, members[0].locator, package, span=members[0].span, evidence=evidence)
