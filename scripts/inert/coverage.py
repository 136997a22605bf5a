"""Which uses of real saves the tables do not cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.inert.derive import CLASS_NAME
from scripts.inert.examined import wildcard_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.inert.tables import Tables


def uncovered(tables: Tables, reports: list[dict[str, Any]]) -> Iterator[str]:
    """Each name that a save made or called without a table that allows it, with its roles."""
    refused = set(tables.texts["REFUSED"].split())
    for report in reports:
        for module, name, roles in report["uses"]:
            made = "made" in roles or ("built" in roles and "called" not in roles)
            if ("called" in roles and not _is_callable(tables, module, name)) or (
                made and not _is_class(tables, module, name, refused)
            ):
                yield f"{module}.{name} {' '.join(roles)}"


def _is_callable(tables: Tables, module: str, name: str) -> bool:
    return (
        name in tables.calls.get(module, "").split()
        or name in tables.enums.get(module, "").split()
        or f"{module}.{name}" in tables.argument_rules
        or (name.startswith("__pyx_unpickle_") and module.partition(".")[0] in tables.texts["CYTHON_PACKAGES"].split())
    )


def _is_class(tables: Tables, module: str, name: str, refused: set[str]) -> bool:
    if any(name in names.get(module, "").split() for names in (tables.classes, tables.calls)):
        return True
    return bool(wildcard_over(module)) and name not in refused and CLASS_NAME.fullmatch(name) is not None
