"""The findings in a Python module: calls that matter, arguments passed to neighbouring files, and their context."""

from __future__ import annotations

from typing import NamedTuple

from scanners.parsing.python_scope import Scope

IMPORT, USE, MADE, DEFINED, SCRIPT = "import", "use", "made", "defined", "script"


class Call(NamedTuple):
    """A call of one of KINDS.

    `when` is IMPORT, USE, MADE, DEFINED or SCRIPT, and `text` the first argument as far as it is constant.
    `owner` is the class that must be instantiated for it, if no loader is known to do so.
    `sources` are the names of the calls that make its arguments, `mentions` their variables and short constants.
    `folded` says that the argument is constant, `encoded` that it is built from a long constant that may be encoded,
    `handed` that the callable is only passed as an argument, and may or may not be called.
    `weights` says that it runs when a class that holds weights or settings is used.
    `hook` says that it is in a function that a library may call by name: a method of a subclass, or a special method.
    `served` says that it is in a function that a model server calls, `called` in one that a library calls: a method of
    a subclass, or a function that the library decorates or receives.
    `function` is the enclosing function without a known caller, and `given` the positions of its own parameters that
    it passes on.
    """

    name: str
    kind: str
    when: str
    line: int
    text: str
    sources: tuple[str, ...] = ()
    mentions: frozenset[str] = frozenset()
    folded: bool = False
    encoded: bool = False
    shell: bool = False
    mode: str = ""
    owner: str = ""
    handed: bool = False
    function: str = ""
    given: tuple[int, ...] = ()
    weights: bool = False
    hook: bool = False
    served: bool = False
    called: bool = False


class Use(NamedTuple):
    """A call of a function that a neighbouring file defines: its name there, and its constant string arguments.

    `texts` are in the order of the arguments, with an empty string for one that is not constant.
    """

    name: str
    when: str
    line: int
    texts: tuple[str, ...]
    owner: str = ""


class Found(NamedTuple):
    """What a module does: its calls, pickles among its constants with their lines, and calls of neighbouring files.

    `unread` says why the result may be incomplete.
    """

    calls: list[Call]
    pickles: list[tuple[int, bytes]]
    uses: list[Use]
    unread: str = ""


class Body(NamedTuple):
    """The context of statements: their scope, when they run, and what encloses them."""

    scope: Scope
    when: str
    line: int = 0
    """Line of the call that runs this constant code, or 0 in the file itself."""
    depth: int = 0
    in_class: bool = False
    level: int = 0
    """Depth of calls that led here."""
    owner: str = ""
    inside: str = ""
    """The class whose body encloses this."""
    handed: bool = False
    """Whether this is a lambda, which is written where it is passed to a caller."""
    function: str = ""
    """The enclosing function without a known caller."""
    parameters: tuple[str, ...] = ()
    weights: bool = False
    """Whether this is a method of a class that holds weights or settings."""
    hook: bool = False
    """Whether a library may call this by name."""
    served: bool = False
    """Whether a model server calls this."""
    called: bool = False
    """Whether a library calls this: a method of a subclass of its classes, or a function that it decorates."""
