"""docker-compose.yml as Docker would read it: aliases resolved, variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.deploy.tools import ROOT

PATH = ROOT / "docker-compose.yml"
SECRETS = {
    "MODELSWEEP_KEY": "0f" * 32,
    "MODELSWEEP_REDIS_PASSWORD": "s3same-0pen",
    "MODELSWEEP_DASHBOARD_TOKEN": "d4" * 16,
    "GRAFANA_PASSWORD": "x" * 20,
}
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<sign>[-?])(?P<word>[^}]*))?\})")


def filled_in(text: str, environment: Mapping[str, str]) -> str:
    """Return `text` with `${A:-default}` and `${A:?message}` filled in; raises KeyError with the message."""

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        found = environment.get(match["name"])
        if found:
            return found
        if match["sign"] == "-":
            return match["word"]
        raise KeyError(f"{match['name']}: {match['word']}")

    return _VARIABLE.sub(value, text)


def read(environment: Mapping[str, str] = SECRETS) -> dict[str, Any]:
    """Return the file as Docker would use it with these variables."""
    found = _filled(yaml.safe_load(PATH.read_text()), environment)
    assert isinstance(found, dict)
    return found


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(item, environment) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environment) for item in value]
    return filled_in(value, environment) if isinstance(value, str) else value
