"""Which globals a pickle names and what a loader does with each, observed while loading files that we saved ourselves.

Patches the pure Python unpickler, from which joblib's derives and which `torch.load` takes as its `pickle_module`, so
it is imported before any framework. Only ever given what this process saved.
"""

from __future__ import annotations

import io
import pickle
import types
from collections import defaultdict
from typing import Any

Unpickler: Any = pickle._Unpickler

uses: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
"""(module, name) as written in the stream → roles: referenced, called, made (without `__init__`), built, filled."""

_named: dict[int, tuple[str, str]] = {}
_kept: list[object] = []  # so that an id keeps its meaning
_makers: dict[int, tuple[str, str]] = {}


def _find_class(unpickler: Any, module: str, name: str) -> Any:
    found = _original_find_class(unpickler, module, name)
    uses[module, name].add("referenced")
    _named[id(found)] = (module, name)
    _kept.append(found)
    return found


_original_find_class = Unpickler.find_class
Unpickler.find_class = _find_class


def _note(target: object, role: str) -> None:
    if id(target) in _named:
        uses[_named[id(target)]].add(role)


def _reduce(unpickler: Any) -> None:
    _note(unpickler.stack[-2], "called")
    _original[pickle.REDUCE[0]](unpickler)


def _newobj(unpickler: Any) -> None:
    _note(unpickler.stack[-2], "made")
    _original[pickle.NEWOBJ[0]](unpickler)


def _newobj_ex(unpickler: Any) -> None:
    _note(unpickler.stack[-3], "made")
    _original[pickle.NEWOBJ_EX[0]](unpickler)


def _build(unpickler: Any) -> None:
    _note(type(unpickler.stack[-2]), "built")
    _original[pickle.BUILD[0]](unpickler)


def _appends(unpickler: Any) -> None:
    _note(type(unpickler.metastack[-1][-1]), "filled")
    _original[pickle.APPENDS[0]](unpickler)


def _setitems(unpickler: Any) -> None:
    _note(type(unpickler.metastack[-1][-1]), "filled")
    _original[pickle.SETITEMS[0]](unpickler)


_original = dict(Unpickler.dispatch)
Unpickler.dispatch.update(
    {
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _newobj,
        pickle.NEWOBJ_EX[0]: _newobj_ex,
        pickle.BUILD[0]: _build,
        pickle.APPENDS[0]: _appends,
        pickle.SETITEMS[0]: _setitems,
    }
)

recording_pickle = types.SimpleNamespace(
    Unpickler=Unpickler,
    load=lambda stream, **options: Unpickler(stream, **options).load(),
    loads=lambda data, **options: Unpickler(io.BytesIO(data), **options).load(),
    UnpicklingError=pickle.UnpicklingError,
    __name__="pickle",
)
"""What `torch.load(..., pickle_module=...)` asks of a module."""
