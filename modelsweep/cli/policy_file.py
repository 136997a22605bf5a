"""The file of `--policy`: the options that a team agreed on, and the findings that it ignores, until when and why.

YAML, or JSON, which is YAML:

    modelsweep_policy: 1
    options:
      fail-on: critical
      allow-import: ["acme.*"]
    ignore:
      - {rule: pickle/unknown-callable, path: "legacy/*.pkl", until: 2027-06-30, reason: retired in June, owner: us}

Options are those of the command line, by their long names; what is typed goes before them. Files that they name are
beside the policy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from modelsweep.cli.baseline_file import SAID, is_day
from modelsweep.cli.terminal import say
from modelsweep.core.report import Ignored, Report
from modelsweep.core.units import MIB, counted

if TYPE_CHECKING:
    import yaml

MARK, VERSION = "modelsweep_policy", 1
LARGEST = 1 * MIB
OPTIONS, IGNORE = "options", "ignore"
SCOPE = ("rule", "path")
IN_FILES = frozenset({"baseline", "allow-from", "require-signer"})
"""Options that name files."""


class Entry(NamedTuple):
    """Findings that a team ignores, the last day of that, and whether that day is past."""

    ignored: Ignored
    until: str
    is_past: bool


def applied(
    context: click.Context, known: Iterable[click.Option], files: Sequence[str]
) -> tuple[tuple[str, Ignored], ...]:
    """Have the options of some policies stand where none is typed, and return what is ignored today, with its file.

    `known` are all options that a policy may have, of which this command may lack some. Raises UsageError for a file
    that is no policy; entries that are past their day are said.
    """
    flags = {flag.lstrip("-"): option for option in known for flag in option.opts if flag.startswith("--")}
    defaults: dict[str, Any] = {}
    found: list[tuple[str, Ignored]] = []
    for file in files:
        policy = _read(file)
        for name, value in _mapping(file, policy, OPTIONS).items():
            option, values = _option(file, name, flags), _values(file, name, value)
            if option.multiple:
                defaults[str(option.name)] = [*defaults.get(str(option.name), ()), *values]
            elif len(values) == 1:
                defaults[str(option.name)] = values[0]
            else:
                raise click.UsageError(f"{file}: {name} takes one value")
        entries = [_entry(file, item) for item in _list(file, policy, IGNORE)]
        found += [(file, entry.ignored) for entry in entries if not entry.is_past]
        if past := sum(entry.is_past for entry in entries):
            say(f"{file}: {counted(past, 'kind')} of findings ignored until a date that has passed: they count again")
    context.default_map = {**(context.default_map or {}), **defaults}
    return tuple(found)


def say_needless(policy: Sequence[tuple[str, Ignored]], report: Report) -> None:
    """Say which entries no finding needs any more."""
    left = dict.fromkeys(policy)
    for result in report.results:
        if not left:
            break
        for finding in result.findings:
            for entry in [entry for entry in left if entry[1].covers(finding)]:
                del left[entry]
    for file, ignored in left:
        say(f"{file}: no finding matches {ignored.rule} in {ignored.path}: the entry is no longer needed")


def _read(file: str) -> dict[str, Any]:
    import yaml

    try:
        path = Path(file)
        if path.stat().st_size > LARGEST:
            raise click.UsageError(f"{file}: more than {LARGEST:,} bytes")
        text = path.read_text("utf-8")
        policy = yaml.safe_load(text)
        if twice := _repeated_key(yaml.compose(text, yaml.SafeLoader)):
            line = twice.start_mark.line + 1
            raise click.UsageError(f"{file}: line {line}: {twice.value!r} for the second time")
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise click.UsageError(f"{file}: {line}not YAML: {error.problem}") from error
    except ValueError as error:  # a day that is none, bytes that are no UTF-8
        raise click.UsageError(f"{file}: not YAML: {error}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise click.UsageError(f"{file}: not YAML") from error
    if not isinstance(policy, dict) or policy.get(MARK) != VERSION:
        raise click.UsageError(f"{file}: not a policy: a policy begins with `{MARK}: {VERSION}`")
    if unknown := policy.keys() - {MARK, OPTIONS, IGNORE}:
        raise click.UsageError(f"{file}: unknown key: {', '.join(sorted(map(repr, unknown)))}")
    return policy


def _repeated_key(root: yaml.Node | None) -> yaml.Node | None:
    """Return a key that its mapping has already: PyYAML silently drops the value before."""
    left, seen = [root] if root else [], set[int]()
    while left:
        node = left.pop()
        if id(node) in seen or isinstance(node.value, str):  # an alias, or a scalar
            continue
        seen.add(id(node))
        pairs = [item for item in node.value if isinstance(item, tuple)]
        left += [value for _, value in pairs] or node.value
        keys = set[str]()
        for key, _ in pairs:
            if str(key.value) in keys:
                return key
            keys.add(str(key.value))
    return None


def _mapping(file: str, policy: Mapping[str, Any], key: str) -> dict[Any, Any]:
    value = policy.get(key)
    if not isinstance(value or {}, dict):
        raise click.UsageError(f"{file}: {key} must be a mapping")
    return value or {}


def _list(file: str, policy: Mapping[str, Any], key: str) -> list[Any]:
    value = policy.get(key)
    if not isinstance(value or [], list):
        raise click.UsageError(f"{file}: {key} must be a list")
    return value or []


def _option(file: str, name: object, flags: Mapping[str, click.Option]) -> click.Option:
    if name in flags:
        return flags[str(name)]
    close = get_close_matches(str(name), flags, 1, 0.6)
    hint = f": did you mean {close[0]}?" if close else ""
    raise click.UsageError(f"{file}: a policy cannot set {str(name)!r}{hint}")


def _values(file: str, name: str, value: object) -> list[object]:
    """Return the values of an option as they would be typed; files are beside the policy."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | bool | int | float) for one in values):
        raise click.UsageError(f"{file}: {name} must be text, a number, true or false, or a list of these")
    if name in IN_FILES:
        return [os.path.join(os.path.dirname(file), str(one)) for one in values]
    return [one if isinstance(one, bool) else str(one) for one in values]


def _entry(file: str, item: Any) -> Entry:
    if not isinstance(item, dict) or not all(isinstance(item.get(key), str) and item[key] for key in SCOPE):
        raise click.UsageError(f"{file}: an entry to ignore needs a `rule` and a `path`")
    if unknown := item.keys() - {*SCOPE, *SAID}:
        raise click.UsageError(f"{file}: unknown key in an entry to ignore: {', '.join(sorted(map(repr, unknown)))}")
    if not item["rule"].strip("*") and not item["path"].strip("*"):
        raise click.UsageError(f"{file}: an entry that ignores everything is not allowed")
    until = item.get("until", "")
    until = until.isoformat() if type(until) is date else until  # as YAML reads a day
    if until and not is_day(until):
        raise click.UsageError(
            f"{file}: until {until if isinstance(until, str) else '...'!r} is not a date such as 2027-06-30"
        )
    today = time.strftime("%Y-%m-%d", time.gmtime())
    return Entry(Ignored(item["rule"], item["path"]), until, bool(until) and until < today)
