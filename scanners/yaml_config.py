"""YAML: tags and keys that make a loader import and call what the file names.

Specification: https://yaml.org/spec/1.2.2/. PyYAML has tags such as `!!python/object/apply:os.system`
(CVE-2020-14343), HyperPyYAML has `!apply:os.system`, and Hydra and NeMo have the key `_target_` (CVE-2025-23304).
`scanners.parsing.code_keys` knows what other keys mean to which loader. The file is read as a stream of parser events,
in which tags are strings: nothing is constructed. A file that does not parse is plain text, unless it has such a tag.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.limits import Budget, OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text
from scanners.parsing.python_projects import parsed as project
from scanners.parsing.yaml_events import Entry, Tree, YamlError, entries

SIZE_LIMIT = 8 * MIB
"""Maximum bytes of a file that is parsed: the pure Python parser takes seconds per MiB."""
_SUFFIXES = (".yaml", ".yml")
_NAMES = frozenset({"MLmodel"})
_DIRECTIVES = (b"%YAML ", b"%TAG ")
_CANDIDATES = re.compile(
    r"[!\\]|_target_|_component_|target|class_path|import_path|dataset_reader|param|implementation|module|custom_|activation|backbone|scale"
    r"|download|service|predict|object_constructor|megatron_core|auto_mapping|types|_file|trust_remote|template"
    r"|\{[{%]|\(\)[\"']?\s*:|\$\{\w*(?:eval|py)\w*:|\b(?:os[.:](?:system|popen|exec|spawn)|subprocess[.:]|builtins\.|pickle\.load|marshal\.load)"
    r"|__import__|\b(?:eval|exec)\(|pty[.:]spawn|runpy[.:]|nemo:\.|/(?:etc|proc)/|/\.(?:ssh|aws|netrc|git-cred|pypirc|kube|\w+_history)|run/secrets/"
    r"|system_packages|base_image|conv_feature|_type|_class_path|_instantiator"
)
"""A file without any of these (tags, keys that name code, escapes that could spell them) needs no parsing."""
_TAGS = re.compile(r"!!python/|yaml\.org,2002:python/|\b_target_\s*:")
_TAG_WORDS = (b"!!python/", b"2002:python/", b"_target_")
_YAML_NAMING_CODE = re.compile(
    rb"(?m)^(?:[ \t-]*|[ \t-]*+[\w.'\x22-]+[ \t]*:[ \t]*|[^\n]*[\[{,:][ \t]*)"
    rb"(?:!!python/(?:object|name|module)|!<tag:yaml\.org,2002:python/)"
    rb"|^[ \t-]*_target_[ \t]*:[ \t]*['\x22]?[A-Za-z_][\w.]*['\x22]?[ \t]*$"
)
"""Lines that identify YAML that names code in a file with another suffix: a Python tag as a value, or a Hydra key."""
_NOT_YAML = frozenset(
    ".md .rst .py .pyi .ipynb .html .htm .tex .log .csv .tsv .jsonl .diff .patch .js .ts .c .h .cpp .go .rs .java .sh "
    ".pyc .j2 .jinja".split()
)
"""Suffixes of texts that may quote YAML but are not YAML."""
_PYTHON = "tag:yaml.org,2002:python/"
_PYTHON_TAGS = {"object": "call", "object/apply": "call", "object/new": "call", "name": "lookup", "module": "module"}
_DOCUMENTATION = frozenset({"mkdocs.yml", "mkdocs.yaml"})
"""Configurations of MkDocs, whose tags call functions of installed extensions: https://www.mkdocs.org."""
_HYPERPYYAML_TAGS = {"!new": "call", "!apply": "call", "!applyref": "call", "!name": "name", "!module": "module"}
"""Tags of HyperPyYAML, in which SpeechBrain describes its models."""
_FUNCTION_TAG = "!function"
"""Tag of lm-evaluation-harness, which imports the file beside the task and takes the function from it."""
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.\w+)+")
_JAVA_TAG = re.compile(r"tag:yaml\.org,2002:((?:javax?|sun|com|org|io|net|ch)\.(?:[a-z]\w*\.)*[A-Z]\w*)")
_RUBY_TAG = re.compile(r"!ruby/\w+:([A-Z]\w*(?:::\w+)*)")
_RESOLVER = re.compile(r"\$\{\w{0,60}?(?:eval|py)\w{0,60}:")
_NAME_RESOLVER = re.compile(r"\$\{[\w.]{1,60}:[ \t]*([\"']?)(?P<name>[^\W\d]\w*(?:[.:]\w+){1,9})\1[ \t]*\}")
"""A custom resolver of OmegaConf with a dotted name, which it may import."""
_MAX_ARGUMENT = 2_000
"""Maximum characters of a resolver's argument, which ends with its line."""
_BEYOND_ARITHMETIC = re.compile(
    r"__\w+__|\b(?:os|subprocess|sys|importlib|builtins)\.\w|\b(?:eval|exec|compile|open|getattr)\s*\("
)
_INNER_TAG = re.compile(r"![!<%\w]")
_MAX_TUPLES = 2_000
"""Maximum texts in parentheses that are parsed as YAML again."""
_TARGET = "_target_"
_ASSIGNMENT_SUFFIXES = frozenset({".toml", ".ini", ".cfg", ".conf"})
_TARGET_ASSIGNMENT = re.compile(
    r"(?m)^[ \t]*(?:[\w.-]+\.)?[\"']?_target_[\"']?[ \t]*=[ \t]*[\"']?([^\W\d]\w*(?:\.[^\W\d]\w*)+)"
)
"""An assignment to `_target_` in TOML or INI."""
_TOML = ".toml"
_IN_TOML = (b"_target_", b"\\u", b"\\U", b"{{", b"{%", b"auto_map", b"trust_remote_code", b"os.system", b"subprocess.")
"""TOML that names code contains one of these: a key, a name, or an escape that could spell them."""
_MAX_TOML = MIB
"""Maximum characters of TOML that are parsed, since the parser is written in Python."""
_KERAS_CLASSES = ("Sequential", "Functional", "Model")
_KERAS_MODEL = re.compile(rf"(?m)^\{{?[ \t]*[\"']?class_name[\"']?:[ \t]*[\"']?(?:{'|'.join(_KERAS_CLASSES)})\b")
_TEMPLATE_KEYS = frozenset({"chat_template", "chat_template_jinja"})
_SHOWN = 200


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text that has the name or a directive of YAML, or names code as YAML or TOML does."""
    if _is_named(blob) or blob.head.startswith(_DIRECTIVES):
        return text.accepts(blob)
    return (_names_code(blob) and text.is_text(blob.head)) or (_may_assign(blob) and text.accepts(blob))


def _names_code(blob: Blob) -> bool:
    named = any(word in blob.head for word in _TAG_WORDS) and blob.locator.suffix not in _NOT_YAML
    return named and _YAML_NAMING_CODE.search(blob.head) is not None


def _may_assign(blob: Blob) -> bool:
    """Return whether the blob is TOML or INI by its suffix and may hold a `_target_` or, in TOML, other code."""
    words = _IN_TOML if blob.locator.suffix == _TOML else (_TARGET.encode(),)
    reach = min(blob.size, SIZE_LIMIT)
    return blob.locator.suffix in _ASSIGNMENT_SUFFIXES and any(blob.reader.find(word, 0, reach) >= 0 for word in words)


def _is_named(blob: Blob) -> bool:
    return blob.locator.suffix in _SUFFIXES or blob.locator.name in _NAMES


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what loaders would import and call.

    Raises Malformed if invalid YAML hides what that is, and OverLimit above 8 MiB.
    """
    limit = min(SIZE_LIMIT, context.limits.parsed_bytes)
    if blob.size > limit:
        raise OverLimit(f"more than {limit:,} bytes of YAML")
    content = text.decoded(blob.reader.read(0, blob.size))
    if _may_assign(blob):
        yield from _toml_items(blob, content, context)
        if not _names_code(blob):
            return
    if _CANDIDATES.search(content) or _KERAS_MODEL.search(content):
        yield from _yaml_items(blob, content, context)


def _yaml_items(blob: Blob, content: str, context: Context) -> Iterator[Item]:
    seen = 0
    tree = Tree()
    targets: list[Entry] = []
    tuples = Budget("texts in parentheses that are read as YAML", _MAX_TUPLES)
    fault: OverLimit | Malformed | None = None
    try:
        for entry in entries(content, tree):
            context.operations.spend()
            seen = entry.offset
            yield from _tag(blob, entry)
            targets += [entry] if entry.key == _TARGET else []
            yield from _tuple(blob, entry, tuples)
            yield from _foreign_classes(blob, entry)
            yield from _resolver_arguments(blob, entry)
            yield from _template(blob, entry)
    except OverLimit as error:
        fault = error
    except YamlError as error:
        if _TAGS.search(content, seen) and (_is_named(blob) or blob.head.startswith(_DIRECTIVES)):
            fault = Malformed(f"what loaders would call is unclear: the YAML is invalid in {error}")
    if content.lstrip().startswith(("{{", "{%")):  # it becomes YAML only once it is rendered
        from scanners.parsing.jinja_template import held_facts

        yield from held_facts(content, blob.locator, printable(blob.locator.name, _SHOWN))
    yield from _targets(blob, targets, tree)
    yield from _document_items(blob, content, tree, context)
    if fault:
        raise fault


def _document_items(blob: Blob, content: str, tree: Tree, context: Context) -> Iterator[Item]:
    """Yield the code that keys of the documents name, and descriptions of Keras models."""
    from scanners.json_config import may_hold_commands
    from scanners.parsing.code_keys import conventional

    commands = may_hold_commands(blob, content.encode("utf-8", "replace"))
    for document in tree.documents:
        yield from conventional(blob, document, context)
        yield from _settings(blob, document, context, commands=commands)
        if _is_keras_model(document):
            from scanners.parsing import keras_config

            yield from keras_config.items(document, blob, context)


def _settings(blob: Blob, document: Json, context: Context, *, commands: bool) -> Iterator[Item]:
    """Yield settings that are suspicious under any key; lists are skipped as data."""
    from scanners.loose_settings import command_facts, expression_facts, loose_facts
    from scanners.parsing import json_text

    for setting in json_text.entries(document):
        context.operations.spend()
        if "[" not in setting.path:
            yield from loose_facts(blob, setting)
            yield from expression_facts(blob, setting, context)
            if commands:
                yield from command_facts(blob, setting)


def _is_keras_model(document: Json) -> bool:
    """Return whether a document is a model in the YAML of Keras before 2.6 (`model_from_yaml`)."""
    if not isinstance(document, dict) or document.get("class_name") not in _KERAS_CLASSES:
        return False
    return isinstance(document.get("config"), dict | list)


def _toml_items(blob: Blob, content: str, context: Context) -> Iterator[Item]:
    """Yield the code that TOML settings name; of broken TOML and of INI, the targets that have a line of their own."""
    document = project(content) if blob.locator.suffix == _TOML and len(content) <= _MAX_TOML else None
    if document is None:
        yield from _assigned_targets(blob, content)
        return
    from scanners.json_config import may_hold_commands, settings
    from scanners.parsing.code_keys import conventional

    yield from conventional(blob, document, context)
    yield from settings(blob, document, context, commands=may_hold_commands(blob, content.encode("utf-8", "replace")))


def _assigned_targets(blob: Blob, content: str) -> Iterator[Item]:
    """Yield the targets assigned in TOML or INI, which programs pass on to Hydra."""
    for match in _TARGET_ASSIGNMENT.finditer(content):
        line = content.count("\n", 0, match.start()) + 1
        detail: dict[str, Json] = {"how": "call", "path": f"{_TARGET} in line {line}"}
        yield Fact("code-reference", printable(match[1], _SHOWN), blob.locator, Span(match.start()), detail)


def _tag(blob: Blob, entry: Entry) -> Iterator[Item]:
    from scanners.parsing.code_keys import runs_something

    kind, _, name = entry.tag.removeprefix(_PYTHON).partition(":")
    if kind in _HYPERPYYAML_TAGS and name:
        dotted = name if "." in name or kind == "!module" else f"builtins.{name}"
        yield _reference(blob, entry, dotted, _HYPERPYYAML_TAGS[kind], f"the tag {kind} in line {entry.line}")
    if entry.tag.startswith(_PYTHON) and kind in _PYTHON_TAGS:
        # PyYAML looks up a name without a module in builtins
        dotted = name if "." in name or kind == "module" else f"builtins.{name}"
        how = "lookup" if _PYTHON_TAGS[kind] == "call" and blob.locator.name in _DOCUMENTATION else _PYTHON_TAGS[kind]
        yield _reference(blob, entry, dotted, how, f"the tag !!python/{kind} in line {entry.line}")
    elif entry.tag == _FUNCTION_TAG and _DOTTED.fullmatch(entry.value):
        yield _reference(blob, entry, entry.value, "beside", f"the tag {entry.tag} in line {entry.line}")
    if entry.tag.startswith("!") and kind not in _HYPERPYYAML_TAGS:
        for given in (entry.tag.rpartition("!")[2].rpartition(":")[2], entry.value):
            if runs_something(given):
                yield _reference(blob, entry, given, "mention", f"the tag {entry.tag[:_SHOWN]} in line {entry.line}")


def _tuple(blob: Blob, entry: Entry, tuples: Budget) -> Iterator[Item]:
    """Yield what HyperPyYAML constructs from a text in parentheses, which it parses as YAML again, including tags."""
    if entry.value.startswith("(") and entry.value.endswith(")") and _INNER_TAG.search(entry.value):
        tuples.spend()
        try:
            for inner in entries(f"[{entry.value[1:-1]}]"):
                yield from _tag(blob, inner._replace(line=entry.line, offset=entry.offset))
        except YamlError:
            return


def _foreign_classes(blob: Blob, entry: Entry) -> Iterator[Item]:
    """Yield the classes that tags make loaders of other languages construct: SnakeYAML (Java) and Psych (Ruby)."""
    if match := _JAVA_TAG.fullmatch(entry.tag):
        detail: dict[str, Json] = {"how": "named", "path": f"the tag !!{match[1]} in line {entry.line}"}
        yield Fact("java-class", printable(match[1], _SHOWN), blob.locator, Span(entry.offset), detail)
    elif match := _RUBY_TAG.fullmatch(entry.tag):
        name = match[1].replace("::", ".")
        yield _reference(blob, entry, f"ruby.{name}", "call", f"the tag {entry.tag[:_SHOWN]} in line {entry.line}")


def _resolver_arguments(blob: Blob, entry: Entry) -> Iterator[Item]:
    """Yield expressions beyond arithmetic that custom OmegaConf resolvers evaluate.

    Names of callables that run commands or code, which other resolvers look up, are yielded too.
    """
    from scanners.parsing.code_keys import runs_something

    for found in _NAME_RESOLVER.finditer(entry.value) if "${" in entry.value else ():
        name = found["name"].replace(":", ".")
        if runs_something(name):
            yield _reference(blob, entry, name, "hint", f"the resolver in line {entry.line}")
    at = 0
    while (match := _RESOLVER.search(entry.value, at)) is not None:
        given = entry.value[match.end() : match.end() + _MAX_ARGUMENT].partition("\n")[0].rpartition("}")[0]
        at = match.end() + len(given)
        if _BEYOND_ARITHMETIC.search(given):
            shown = printable(given, _SHOWN)
            yield _reference(blob, entry, shown, "evaluated", f"the resolver in line {entry.line}")


def _template(blob: Blob, entry: Entry) -> Iterator[Item]:
    """Yield what a chat template reaches; of other settings with template syntax, what leads to the interpreter."""
    if "{%" in entry.value or "{{" in entry.value:
        from scanners.parsing.jinja_template import held_facts, template_facts

        facts = template_facts if entry.key in _TEMPLATE_KEYS else held_facts
        yield from facts(entry.value, blob.locator, printable(".".join(entry.keys), _SHOWN))


def _targets(blob: Blob, entries: list[Entry], tree: Tree) -> Iterator[Item]:
    """Yield what Hydra would call, with interpolations in the names resolved."""
    from scanners.parsing.code_keys import HYDRA_HELPERS, how_called  # helpers are judged with their arguments
    from scanners.parsing.interpolations import Interpolator

    interpolator = Interpolator(tree.documents)
    for entry in entries:
        for name in interpolator.resolved(entry.value):
            if name and name not in HYDRA_HELPERS:
                yield _reference(blob, entry, name, how_called(name), f"{_TARGET} in line {entry.line}")


def _reference(blob: Blob, entry: Entry, name: str, how: str, path: str) -> Fact:
    detail: dict[str, Json] = {"how": how, "path": path}
    return Fact("code-reference", printable(name, _SHOWN), blob.locator, Span(entry.offset), detail)


SCANNER = Scanner(
    name="yaml",
    title="YAML configurations (Hydra, NeMo, tags of PyYAML and HyperPyYAML)",
    version=23,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(
        begins(*_DIRECTIVES),
        (*_SUFFIXES, *sorted(_ASSIGNMENT_SUFFIXES)),
        tuple(sorted(_NAMES)),
        plain=True,
        holds=_TAG_WORDS,
    ),
)
