"""Which functions of a Python module were read with which arguments, so that none is read twice in the same way."""

from __future__ import annotations

import ast
from typing import Self

from scanners.parsing.python_syntax import Definition

_MAX_ARGUMENT_LISTS = 8
"""Maximum different argument lists with which one function is read."""
_Function = Definition | ast.Lambda


class Visits:
    """The functions that were read, each with its arguments."""

    def __init__(self) -> None:
        self._arguments: dict[int, set[str]] = {}
        self._readings: set[tuple[int, str, str]] = set()
        self._harmless: set[tuple[int, str, str]] = set()
        """Readings in which nothing was found, neither in the function nor in those that it calls."""

    def __contains__(self, function: _Function) -> bool:
        """Return whether a function was read with any arguments."""
        return id(function) in self._arguments

    def mark(self, function: _Function) -> None:
        """Note that a function is read, without any arguments so far."""
        self._arguments[id(function)] = set()

    def admit(self, function: Definition, first: str, given: list[str]) -> bool:
        """Return whether a function is to be read with the arguments `given`, and note that it is.

        `first` is what the instance stands for if the function is a method.
        """
        known = self._arguments.setdefault(id(function), set())
        arguments = repr(given)
        reading = id(function), first, arguments
        if arguments in known or len(known) >= _MAX_ARGUMENT_LISTS or reading in self._harmless:
            return False
        known.add(arguments)
        self._readings.add(reading)
        return True

    def start_over(self) -> None:
        """Let all functions be read again, except the harmless ones."""
        self._arguments.clear()
        self._readings.clear()

    def note_harmless(self) -> None:
        """Note that nothing was found in any function that was read since `start_over`."""
        self._harmless |= self._readings

    def copy(self) -> Self:
        """Return a copy that further visits do not change."""
        other = type(self)()
        other._arguments = {function: set(known) for function, known in self._arguments.items()}
        other._readings, other._harmless = set(self._readings), set(self._harmless)
        return other
