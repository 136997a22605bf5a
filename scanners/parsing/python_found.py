"""What is found in a module of Python: the calls that matter, what it gives its neighbours, and where that stands."""

from __future__ import annotations

from typing import NamedTuple

from scanners.parsing.python_scope import Scope

IMPORT, USE, MADE, DEFINED, SCRIPT = "import", "use", "made", "defined", "script"


class Call(NamedTuple):
    """A call of one of KINDS: `when` is IMPORT, USE or MADE, `text` its first argument as far as it is constant.

    `owner` is the class that has to be made for it where nothing says that anybody makes it.
    `sources` are the names of the calls that make its arguments, `mentions` their variables and short constants.
    `folded` says that the argument is constant, `encoded` that a long constant is part of what makes it, `handed` that
    the callable is handed to something of which nobody knows whether it calls it.
    `weights` says that it runs where a class is used that holds weights or settings.
    `hook` says that it stands in what a library may call by its name: a method of a class of its own, a special one.
    `served` says that it stands in what a server of models calls, `called` in what a library does: a method of a class
    of its own, what it decorates or is handed.
    `function` is the one, merely defined, that hands some of its own arguments on, the `given` ones of them.
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
    """A call of a function that a neighbour of the file defines: its name there, and the constant texts it is given.

    `texts` are in the order of the arguments, nothing in the place of what is not constant.
    """

    name: str
    when: str
    line: int
    texts: tuple[str, ...]
    owner: str = ""


class Found(NamedTuple):
    """What a module does: its calls, pickles among its constants with their lines, and what it gives its neighbours.

    `unread` says why there may be more, where working it out took too long.
    """

    calls: list[Call]
    pickles: list[tuple[int, bytes]]
    uses: list[Use]
    unread: str = ""


class Body(NamedTuple):
    """Where statements stand: what their names mean, when they run, and in what."""

    scope: Scope
    when: str
    line: int = 0
    """Line of the call that brought constant code here, 0 in the file itself."""
    depth: int = 0
    in_class: bool = False
    level: int = 0
    """Functions that called each other to get here."""
    owner: str = ""
    inside: str = ""
    """The class in whose body this stands."""
    handed: bool = False
    """Whether this is a lambda, which stands where something takes it to call it."""
    function: str = ""
    """The function that is merely defined, and in which this stands."""
    parameters: tuple[str, ...] = ()
    weights: bool = False
    """Whether this is a method of a class that holds weights or settings."""
    hook: bool = False
    """Whether this is what a library may call by its name."""
    served: bool = False
    """Whether this is what a server of models calls."""
    called: bool = False
    """Whether this is what a library calls: a method of a class of its own, or what it decorates."""
