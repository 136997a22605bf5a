"""The tables of `scanners/judge/inert_names.py`: put together from verdicts, saves and review, and rendered."""

from __future__ import annotations

import json
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.inert import reviewed_names
from scripts.inert.derive import CLASS_NAME, PLAIN
from scripts.inert.examined import HELD_ONLY, LISTED, WILDCARDS, wildcard_over
from scripts.inert.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scripts.inert.derive import Derived

Names = dict[str, str]
LINE = 120
ITSELF = "."
"""How a line of a package's text names the package; modules in it go without its name, which the key says."""
HALVES = (("a", "m"), ("n", "z"))
"""First letters of the packages of each generated module of classes: no file of the tree is above 1 MB."""
TEXTS = ("REFUSED", "STATE_KEYS", "SETTER_KEYS", "FRAMEWORK_PREFIXES", "CYTHON_PACKAGES")
FILL_ATTRIBUTES = frozenset(
    "__class__ __dict__ __reduce_ex__ __setitem__ __setstate__ add append extend set_device".split()
)
"""What opcodes call of an instance, and hooks that pass under a rule (`BaseSynthesizer.__setstate__` of ctgan)."""


@dataclass(frozen=True)
class Tables:
    """What the generated module holds; names of one module are joined by spaces, in order."""

    frameworks: Names
    classes: Names
    enums: Names
    calls: Names
    argument_rules: Names
    state_rules: Names
    held: Names
    weights_only: Names
    texts: Names


def build_tables(
    derived: Derived, reports: list[dict[str, Any]], frameworks: Names, refused_before: str = ""
) -> Tables:
    """Join what was derived, what the environments reported, and what was reviewed.

    `refused_before` are the names that present tables refuse: what passes under a wildcard is listed all the same.
    """
    refused = {path[len(derived.modules[path]) + 1 :] for path, one in derived.verdicts.items() if one.refusal}
    refused |= derived.standard_refusals | {name for names in reviewed_names.REFUSED.values() for name in names.split()}
    classes, enums = _class_names(derived, refused.union(refused_before.split()))
    for module, names in reviewed_names.REFUSED.items():
        classes[module] -= set(names.split())
    calls = _sets(reviewed_names.CALLS)
    for path in derived.callable_classes:
        if not derived.verdicts[path].refusal:
            _put(calls, derived, path)
    weights_only: list[str] = []
    for report in reports:
        for module, names in report["compiled"].items():
            kept = {name for name in names if not name.startswith("__pyx_unpickle_")}
            calls[module] |= set(names)
            classes[module] |= kept
        weights_only += report["weights_only"]
    argument_rules = dict(reviewed_names.ARGUMENT_RULES)
    rules = {path: rule for path, rule in derived.rules.items() if rule != PLAIN or path not in derived.refused}
    state_rules = reviewed_names.STATE_RULES | rules
    for path in (*argument_rules, *state_rules):
        module, name = _halves(derived, path)
        calls[module].discard(name)
    for module, name in (_halves(derived, path) for path in state_rules):
        classes[module].add(name)
    setters = {name for one in derived.verdicts.values() if not one.refusal for name in one.setters}
    return Tables(
        frameworks=frameworks,
        classes=_joined(classes) | {f"{prefix}.*": "*" for prefix in WILDCARDS},
        enums=_joined(enums),
        calls=_joined(calls),
        argument_rules=argument_rules,
        state_rules=state_rules,
        held=reviewed_names.HELD,
        weights_only=_by_module(weights_only),
        texts={
            "REFUSED": " ".join(sorted(refused)),
            "STATE_KEYS": " ".join(sorted(derived.called_attributes | FILL_ATTRIBUTES)),
            "SETTER_KEYS": " ".join(sorted(setters)),
            "FRAMEWORK_PREFIXES": " ".join(
                sorted({one.partition(".")[0] for one in (*WILDCARDS, *LISTED, *HELD_ONLY)})
            ),
            "CYTHON_PACKAGES": reviewed_names.CYTHON_PACKAGES,
        },
    )


def present_tables() -> Tables:
    """Return the tables that were generated before."""
    from scanners.judge import inert_names as names

    return Tables(
        frameworks=names.FRAMEWORKS,
        classes=_by_module_again(names.CLASSES),
        enums=_by_module_again(names.ENUMS),
        calls=_by_module_again(names.CALLS),
        argument_rules=names.ARGUMENT_RULES,
        state_rules=names.STATE_RULES,
        held=names.HELD,
        weights_only=names.WEIGHTS_ONLY,
        texts={name: getattr(names, name) for name in TEXTS},
    )


def _by_module_again(packages: Names) -> Names:
    """Return names by module of a table that is divided by package."""
    modules = {}
    for package, text in packages.items():
        for line in text.splitlines():
            module, _, names = line.partition(" ")
            modules[package if module == ITSELF else f"{package}{module}"] = names
    return dict(sorted(modules.items()))


def _by_package(modules: Names) -> dict[str, Names]:
    """Return names by module, those of each package by themselves."""
    packages: dict[str, Names] = {}
    for module, names in sorted(modules.items()):
        packages.setdefault(module.partition(".")[0], {})[module] = names
    return packages


def join_tables(known: Tables, found: Tables) -> Tables:
    """Add tables of packages whose classes are taken by name: what was refused stays, since no prefix grants more."""
    rules = {**known.argument_rules, **known.state_rules, **found.argument_rules, **found.state_rules}
    calls = _union(known.calls, found.calls)
    for path in rules:
        module, _, name = path.rpartition(".")
        calls[module] = " ".join(sorted({*calls.get(module, "").split()} - {name}))
    return Tables(
        frameworks=_union(known.frameworks, found.frameworks),
        classes=_union(known.classes, found.classes),
        enums=_union(known.enums, found.enums),
        calls={module: names for module, names in calls.items() if names},
        argument_rules={**known.argument_rules, **found.argument_rules},
        state_rules={**known.state_rules, **found.state_rules},
        held=_union(known.held, found.held),
        weights_only=known.weights_only,
        texts=known.texts | {name: _union(known.texts, found.texts)[name] for name in TEXTS if name != "REFUSED"},
    )


def _union(one: Names, other: Names) -> Names:
    """Return the names of both tables; those of a text that stay as they were keep their order."""
    joined = dict(one)
    for key, names in other.items():
        if not {*names.split()} <= {*joined.get(key, "").split()}:
            joined[key] = " ".join(sorted({*joined.get(key, "").split(), *names.split()}))
    return joined


def _class_names(derived: Derived, refused: set[str]) -> tuple[defaultdict[str, set[str]], defaultdict[str, set[str]]]:
    """Classes and enums that pass; those that a wildcard grants anyway are left out of the classes."""
    classes, enums = _sets(reviewed_names.COMPILED_CLASSES), _sets(reviewed_names.ENUMS)
    for path, verdict in derived.verdicts.items():
        if verdict.refusal:
            continue
        module = derived.modules[path]
        name = path[len(module) + 1 :]
        if verdict.is_enum:
            _put(enums, derived, path)
        elif not wildcard_over(module) or name in refused or not CLASS_NAME.fullmatch(name):
            _put(classes, derived, path)
    return classes, enums


def _halves(derived: Derived, path: str) -> tuple[str, str]:
    """Module and qualified name of a path; a reviewed name has no dots of its own."""
    module = derived.modules.get(path) or path.rpartition(".")[0]
    return module, path[len(module) + 1 :]


def _put(table: defaultdict[str, set[str]], derived: Derived, path: str) -> None:
    module = derived.modules[path]
    table[module].add(path[len(module) + 1 :])


def _sets(table: Names) -> defaultdict[str, set[str]]:
    return defaultdict(set, {module: set(names.split()) for module, names in table.items()})


def _joined(table: dict[str, set[str]]) -> Names:
    return {module: " ".join(sorted(names)) for module, names in sorted(table.items()) if names}


def _by_module(paths: Iterable[str]) -> Names:
    table = _sets({})
    for path in paths:
        module, _, name = path.rpartition(".")
        table[module].add(name)
    return _joined(table)


HEADER = '''"""Names that a pickle may use without being suspect. Generated by `python -m scripts.inert`: do not edit.

Made from the sources and from real saves of the frameworks in FRAMEWORKS; `scripts/inert` says how a name qualifies.

CLASSES, ENUMS and CALLS are divided by package; each is one text, of a line for every module and its names, and is
taken apart when a pickle names the package, so that what a scan loads hardly grows with these tables. A module goes
without the name of the package (`.linear` under `sklearn`), which itself is a dot.
CLASSES: module to the classes whose instances may be made without `__init__`, given a state and filled. A module that
ends in `.*` stands for a package and everything below; its `*` grants every name that looks like a class (CapWords,
leading underscores allowed) and is not in REFUSED. Such packages were read whole, in several versions, with what does
not pass refused by name; making an instance without `__init__` runs nothing else, so that a class of a version that
was not read is taken as its neighbours are. The exact entry of a module comes first, then REFUSED, then the longest
prefix.
ENUMS: enum classes, which are called with one value or read with getattr. CALLS: harmless with any arguments.
ARGUMENT_RULES: callable to the rule under which it is harmless. STATE_RULES: class to the rule for its state.
HELD: names that may be held but not called, `*` for all of a module. WEIGHTS_ONLY: what torch.load(weights_only=True)
admits. FRAMEWORK_PREFIXES: packages whose functions may be held, unless of a dangerous family; CYTHON_PACKAGES: whose
`__pyx_unpickle_X` may be called, under class-first.
STATE_KEYS: attributes that load hooks call on an instance, so that no function-like value may stand under such a key.
SETTER_KEYS: property setters that were not followed, so that a slots state may not set them.

Rules:
{rules}
"""

from __future__ import annotations

from scanners.judge import inert_classes_a_m, inert_classes_n_z

CLASSES = inert_classes_a_m.CLASSES | inert_classes_n_z.CLASSES
'''
CLASSES_HEADER = '''"""Classes that a pickle may make instances of, of packages from {first} to {last}.

Generated by `python -m scripts.inert`: do not edit. What the table says stands in `inert_names`.
"""

from __future__ import annotations
'''


def write(tables: Tables, folder: Path) -> None:
    """Write the generated modules into `folder`."""
    for first, last in HALVES:
        part = {module: names for module, names in tables.classes.items() if first <= _initial(module) <= last}
        classes = f"CLASSES: dict[str, str] = {{\n{_package_entries(part)}}}\n"
        text = f"{CLASSES_HEADER.format(first=first.upper(), last=last.upper())}\n{classes}"
        (folder / f"inert_classes_{first}_{last}.py").write_text(text, encoding="utf-8")
    (folder / "inert_names.py").write_text(render(tables), encoding="utf-8")


def _initial(module: str) -> str:
    """Return the first letter of a module's name in lower case (`_codecs`: c)."""
    return module.lstrip("_")[0].lower()


def render(tables: Tables) -> str:
    """The text of the generated module of all tables but that of classes."""
    rules = "\n".join(_wrapped_rule(name, statement) for name, statement in RULES.items())
    parts = [HEADER.format(rules=rules)]
    entries = {
        "FRAMEWORKS": _entries(tables.frameworks, 4),
        "ENUMS": _package_entries(tables.enums),
        "CALLS": _package_entries(tables.calls),
        "ARGUMENT_RULES": _entries(tables.argument_rules, 4),
        "STATE_RULES": _entries(tables.state_rules, 4),
        "HELD": _entries(tables.held, 4),
        "WEIGHTS_ONLY": _entries(tables.weights_only, 4),
    }
    parts += [f"{title}: dict[str, str] = {{\n{lines}}}\n" for title, lines in entries.items()]
    parts.append("\n".join(_assignment(name, text) for name, text in tables.texts.items()))
    pattern = [
        reviewed_names.DISTRIBUTION_TEMPLATE[at : at + 90]
        for at in range(0, len(reviewed_names.DISTRIBUTION_TEMPLATE), 90)
    ]
    parts.append("DISTRIBUTION_TEMPLATE = (\n" + "".join(f"    {json.dumps(piece)}\n" for piece in pattern) + ")")
    return "\n".join(parts) + "\n"


def _entries(table: Names, indent: int) -> str:
    """Lines of a dictionary, long values as chunks in parentheses."""
    space = " " * indent
    lines = []
    for key, value in sorted(table.items()):
        line = f'{space}"{key}": "{value}",\n'
        lines.append(line if len(line) <= LINE else f'{space}"{key}": (\n{_chunks(value, indent + 4)}{space}),\n')
    return "".join(lines)


def _package_entries(table: Names) -> str:
    """Lines of a dictionary by package, of each the modules with their names in lines of their own."""
    entries = []
    for package, modules in _by_package(table).items():
        below = ((module.removeprefix(package) or ITSELF, names) for module, names in modules.items())
        lines = "".join(_chunks(f"{module} {names}\\n", 8) for module, names in below)
        entries.append(f'    "{package}": (\n{lines}    ),\n')
    return "".join(entries)


def _assignment(name: str, text: str) -> str:
    line = f'{name} = "{text}"'
    return line if len(line) <= LINE else f"{name} = (\n{_chunks(text, 4)})"


def _chunks(text: str, indent: int) -> str:
    if indent + len(text) + 2 <= LINE:
        return f'{" " * indent}"{text}"\n'
    pieces = textwrap.wrap(text, LINE - indent - 4, break_long_words=False, break_on_hyphens=False)
    spaced = [f"{piece} " for piece in pieces[:-1]] + pieces[-1:]
    return "".join(f'{" " * indent}"{piece}"\n' for piece in spaced)


def _wrapped_rule(name: str, statement: str) -> str:
    return textwrap.fill(f"- `{name}`: {statement}", LINE - 1, subsequent_indent="  ", break_on_hyphens=False)
