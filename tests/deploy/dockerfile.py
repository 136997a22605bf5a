"""A reader of the Dockerfile and of .dockerignore, as far as the tests ask."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its lines joined."""

    word: str
    rest: str


@dataclass(slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """Return what stands behind every `word`."""
        return [instruction.rest for instruction in self.instructions if instruction.word == word]


def read(path: Path) -> tuple[dict[str, str], list[Stage]]:
    """Return the global arguments with their defaults, and the stages."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in joined.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append(Stage(rest))
        elif stages:
            stages[-1].instructions.append(Instruction(word, rest.strip()))
        else:
            assert word == "ARG", line
            name, _, default = rest.partition("=")
            arguments[name] = default
    return arguments, stages


def ignored(patterns: list[str], path: str) -> bool:
    """Return whether .dockerignore keeps `path` out of the context: the last pattern that matches it decides."""
    out = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        parts = path.split("/")
        prefixes = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        anywhere = wanted.removeprefix("**/")
        candidates = prefixes if wanted == anywhere else parts
        if any(fnmatch.fnmatch(candidate, anywhere) for candidate in candidates):
            out = not pattern.startswith("!")
    return out


def ignore_patterns(path: Path) -> list[str]:
    """Return the patterns of .dockerignore."""
    return [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
