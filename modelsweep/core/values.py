"""Value classes that cost next to nothing until one is made: for those that every start of the program declares.

To a type checker, and to whoever uses one, they are those of `dataclasses`. That module writes and compiles six methods
for each class that is declared, 0.6 ms of CPU, and loads what inspects source code, 5 ms. A scan of one file declares
seventy classes in its processes and makes values of twenty: here one method is compiled, once a value is made.

Values are made by the million, too, and so `frozen` is what the type checker holds: to refuse at run time, fields have
to be set by `object.__setattr__` one by one, which makes each value take four times as long (1.05 µs against 0.28 for
six fields).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["asdict", "dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, replace
else:

    def dataclass(*, frozen: bool = False, slots: bool = False) -> Callable[[type], type]:
        """Return a decorator like `dataclasses.dataclass`, for classes that inherit nothing."""

        def decorate(cls: type) -> type:
            written = dict(cls.__dict__)
            names = tuple(name for name, kind in written["__annotations__"].items() if not kind.startswith("ClassVar"))
            defaults = {name: written[name] for name in names if name in written}
            kept = {name: value for name, value in written.items() if name not in (*names, "__dict__", "__weakref__")}
            own = {"__match_args__": names, "__init__": _Init(defaults), "__dataclass_fields__": _Fields(defaults)}
            layout = {"__slots__": names} if slots else {}
            return type(cls)(cls.__name__, (), {**_methods(names, defaults, frozen), **kept, **own, **layout})

        return decorate

    def field(**options: Any) -> _Field:
        """Return the default of a field with `options`: default, default_factory, compare, repr."""
        return _Field(options)

    def replace(value: Any, /, **changes: Any) -> Any:
        """Return a copy of `value` with some fields changed; raises TypeError for what is none of its fields."""
        kept = {name: getattr(value, name) for name in value.__match_args__ if name not in changes}
        return type(value)(**kept, **changes)

    def asdict(value: Any) -> dict[str, Any]:
        """Return the fields of `value` by name, and so on with values that they hold themselves."""
        found = {name: getattr(value, name) for name in value.__match_args__}
        return {
            name: asdict(held) if "__dataclass_fields__" in type(held).__dict__ else held
            for name, held in found.items()
        }


class _Field:
    """A default with options."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options


class _Made:
    """What stands in the parameters of `__init__` for a default that is made anew for each value."""

    def __repr__(self) -> str:
        return "<factory>"


class _Late:
    """What a class has under a name until somebody asks for it: then `make` finds it, and it is put there."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self.defaults = defaults

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, _owner: type) -> Any:
        setattr(self.owner, self.name, self.make())
        return getattr(self.owner if instance is None else instance, self.name)

    def make(self) -> Any:
        """Return what the class shall have."""
        raise NotImplementedError


class _Init(_Late):
    """The method that makes a value."""

    def make(self) -> Any:
        """Write and compile it: nothing that interprets fields would be as quick."""
        names: tuple[str, ...] = self.owner.__match_args__  # type: ignore[attr-defined]
        known: dict[str, Any] = {"_made": _Made()}
        parameters, lines = ["self"], []
        for name in names:
            default = self.defaults.get(name)
            options = default.options if isinstance(default, _Field) else {"default": default}
            value = name
            if "default_factory" in options:
                known[f"_{name}"] = options["default_factory"]
                parameters.append(f"{name}=_made")
                value = f"_{name}() if {name} is _made else {name}"
            elif name in self.defaults:
                known[f"_{name}"] = options["default"]
                parameters.append(f"{name}=_{name}")
            else:
                parameters.append(name)
            lines.append(f"    self.{name} = {value}\n")
        exec(f"def __init__({', '.join(parameters)}):\n{''.join(lines)}", known)  # noqa: S102 - names of our own classes
        made = known["__init__"]
        made.__qualname__ = f"{self.owner.__qualname__}.__init__"
        made.__annotations__ = {**self.owner.__annotations__, "return": None}
        return made


class _Fields(_Late):
    """What `dataclasses` knows a class by, for its functions."""

    def make(self) -> Any:
        """Have `dataclasses` make a class of the same fields, and take them from there."""
        import dataclasses

        kinds = self.owner.__annotations__
        fields = []
        for name in self.owner.__match_args__:  # type: ignore[attr-defined]
            default = self.defaults.get(name, dataclasses.MISSING)
            options = default.options if isinstance(default, _Field) else {"default": default}
            fields.append((name, kinds[name], dataclasses.field(**options)))
        return dataclasses.make_dataclass(self.owner.__name__, fields).__dataclass_fields__  # type: ignore[attr-defined]


def _methods(names: tuple[str, ...], defaults: Mapping[str, Any], frozen: bool) -> dict[str, Any]:
    """Return the methods that need not be compiled for one class."""

    def fields_for(purpose: str) -> tuple[str, ...]:
        given = {name: default.options for name, default in defaults.items() if isinstance(default, _Field)}
        return tuple(name for name in names if given.get(name, {}).get(purpose, True))

    compared, shown = attrgetter(*fields_for("compare")), fields_for("repr")

    def equals(self: Any, other: object) -> bool:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(compared(self))

    def represented(self: Any) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{self.__class__.__qualname__}({', '.join(fields)})"

    def reduced(self: Any) -> tuple[type, tuple[Any, ...]]:
        return self.__class__, tuple(getattr(self, name) for name in names)

    methods: dict[str, Any] = {"__eq__": equals, "__repr__": represented, "__reduce__": reduced}
    return {**methods, "__hash__": hashed if frozen else None}
