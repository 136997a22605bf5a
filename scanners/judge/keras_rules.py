"""The rules of `scanners.judge.keras_layers`."""

from __future__ import annotations

from modelsweep.core.finding import Rule, Severity

_SAFE_MODE = (
    "Do not load the file, least of all with safe_mode=False. Find out where it came from, and get a model that uses "
    "only standard layers."
)


def _rule(what: str, title: str, severity: Severity, message: str, why: str, *references: str, **more: str) -> Rule:
    return Rule(
        id=f"keras/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix=more.get("fix", _SAFE_MODE),
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=int(more.get("cwe", "502")),
        references=tuple(
            reference if "://" in reference else f"https://nvd.nist.gov/vuln/detail/{reference}"
            for reference in references
        ),
    )


DANGEROUS = _rule(
    "dangerous-callable",
    "The model names a dangerous function or class",
    Severity.CRITICAL,
    "{path} names {subject} ({family})",
    "Keras imports the module that a configuration names and calls what it finds there, in many versions even in safe "
    "mode. No layer needs a function that runs commands, fetches files or loads other models.",
    "CVE-2025-1550",
    "CVE-2025-8747",
    "CVE-2025-12060",
)
UNSAFE = _rule(
    "disables-safe-mode",
    "The model turns off Keras's safe mode",
    Severity.CRITICAL,
    "{path} names {subject}",
    "A model that turns off safe mode while it is being loaded makes Keras run the code that follows.",
    "CVE-2025-9906",
)
UNKNOWN = _rule(
    "unknown-module",
    "The model needs code from a package other than Keras",
    Severity.WARNING,
    "{path} names {count} class(es) or function(s) from the package {subject}: {names}",
    "Loading may import the package and run the named code. Nothing in the file says what that code does.",
    "CVE-2025-1550",
    fix="If the package is yours, allow it with --allow-import 'PACKAGE.*'. Otherwise review what the names do.",
)
UNUSUAL = _rule(
    "unusual-callable",
    "The model names a part of Keras that models do not use",
    Severity.WARNING,
    "{path} names {subject}",
    "Models consist of layers, functions, initializers and the like. Other parts of Keras read, write and download "
    "files; attacks use them because they are trusted.",
    "CVE-2025-8747",
)
DANGEROUS_LAMBDA = _rule(
    "dangerous-lambda",
    "Lambda layer whose code runs commands or other code",
    Severity.CRITICAL,
    "{path} holds Python code that uses {subject}",
    "The code runs as soon as the layer is created or used. Safe mode does not apply to HDF5 files.",
    "CVE-2024-3660",
    "CVE-2025-9905",
    cwe="94",
)
LAMBDA = _rule(
    "lambda",
    "Lambda layer that carries its own code",
    Severity.WARNING,
    "{path} holds {size} bytes of Python code, which uses {names}",
    "The code runs when the model is loaded or used, and cannot be fully understood without running it.",
    "CVE-2024-3660",
    "CVE-2025-9905",
    cwe="94",
    fix="Review the function's code with dis, or ask for a model that uses standard or registered layers.",
)
NAMED_LAMBDA = _rule(
    "named-lambda",
    "Lambda layer that calls a function by name",
    Severity.INFO,
    "{path} is a Lambda layer that calls {subject}",
    "The function is not part of the file. It comes from the program that loads the model.",
    "https://keras.io/api/layers/core_layers/lambda/",
    fix="Check which function your program registers under that name.",
    cwe="0",
)
LAMBDA_SOURCE = _rule(
    "lambda-source",
    "Lambda layer with source code in place of a function's name",
    Severity.WARNING,
    "{path} is a Lambda layer whose function is {subject}",
    "Keras looks for a function of that name and finds none. The file is meant for a program that evaluates the text.",
    "https://keras.io/api/layers/core_layers/lambda/",
    cwe="94",
)
TORCH_MODULE = _rule(
    "pickled-torch-module",
    "Layer that unpickles a torch module",
    Severity.WARNING,
    "{path} is a TorchModuleWrapper: loading unpickles what it holds",
    "Keras passes the bytes inside to torch.load without weights_only, in some versions even in safe mode. What the "
    "pickle does is reported separately.",
    "CVE-2025-49655",
)
OUTSIDE = _rule(
    "reads-outside",
    "Loading reads a file elsewhere on the machine, or fetches one",
    Severity.CRITICAL,
    "{path} makes Keras open {subject}",
    "Layers open the vocabularies and models that they name: files on the user's machine, or addresses in a network "
    "that the machine can reach. Their content becomes part of the model.",
    "CVE-2025-12058",
    cwe="73",
)
PATH = _rule(
    "reads-file",
    "Loading reads a file beside the model",
    Severity.WARNING,
    "{path} makes Keras open {subject}",
    "The content of the file becomes part of the model, but was not examined with it.",
    "CVE-2025-12058",
    cwe="73",
    fix="Ask for a model that contains its vocabulary and all its parts.",
)
OPERATION = _rule(
    "file-operation",
    "Layer that calls a file operation",
    Severity.CRITICAL,
    "{path} calls the TensorFlow operation {subject}",
    "The operation reads or writes files, or runs Python, whenever the model is used.",
    "https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md",
    cwe="73",
)
ARGUMENT = _rule(
    "path-argument",
    "Layer argument that is a path or an address",
    Severity.INFO,
    "{path} is {subject}",
    "No Keras layer opens an argument of this name, but a custom class may.",
    "https://keras.io/guides/serialization_and_saving/",
    cwe="73",
    fix="Make sure that the class does not open, fetch or write what the argument names.",
)
LAYER_NAME = _rule(
    "layer-name-escapes",
    "Layer whose name is a path out of the weights folder",
    Severity.WARNING,
    "{path} is {subject}",
    "Keras turns layer names into paths when it reads and writes their state.",
    "CVE-2026-12479",
    cwe="22",
)
ALL = (
    DANGEROUS,
    UNSAFE,
    UNKNOWN,
    UNUSUAL,
    DANGEROUS_LAMBDA,
    LAMBDA,
    NAMED_LAMBDA,
    LAMBDA_SOURCE,
    TORCH_MODULE,
    OUTSIDE,
    PATH,
    OPERATION,
    ARGUMENT,
    LAYER_NAME,
)
