"""What users give for parameters, as stored values.

A parameter has the kind of what it stands beside. Users give values as rows have them:
an `Identity`, a `Timestamp`, a member of an enum (or its name), a tuple for an array,
a product.
"""

import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from qsdb.errors import ArgumentError, brief
from qsdb.schema.bindings import Record
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.kinds import (
    CONNECTION_ID,
    IDENTITY,
    SCHEDULE_AT,
    TIME_DURATION,
    TIMESTAMP,
    UUID,
    BoolKind,
    BytesKind,
    FloatKind,
    IntKind,
    Kind,
    MismatchError,
    Stored,
    StrKind,
)
from qsdb.values.source import Names, compile_source
from qsdb.values.timestamps import ScheduleAt, TimeDuration, Timestamp
from qsdb.values.wrapped import Wrapped

__all__ = ["bind_each", "bind_parameters", "compile_binder", "enter", "leave"]


def bind_parameters(
    kinds: Mapping[str, Kind], given: Mapping[str, object] | None
) -> list[Stored]:
    """Give the values of parameters, in the order of `kinds`.

    Raises:
        ArgumentError: one is missing, unknown, or not of its kind.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise ArgumentError(f"params is a dict, not {brief(given)}")
    for name in given:
        if name not in kinds:
            known = ", ".join([f":{each}" for each in kinds]) or "none"
            raise ArgumentError(f"no parameter {brief(name)}; there are: {known}")
    values: list[Stored] = []
    for name, kind in kinds.items():
        if name not in given:
            raise ArgumentError(f"the parameter :{name} is missing")
        values.append(_value(name, kind, given[name]))
    return values


def bind_each(
    kinds: Sequence[Mapping[str, Kind]], given: Mapping[str, object] | None
) -> list[list[Stored]]:
    """Give the values of the parameters of several queries, as `bind_parameters`.

    Raises:
        ArgumentError: one is missing, of no query, or not of its kind.
    """
    known = {name: kind for each in kinds for name, kind in each.items()}
    bind_parameters(known, given)
    given = given or {}
    return [
        bind_parameters(each, {name: given[name] for name in each}) for each in kinds
    ]


def _value(name: str, kind: Kind, given: object) -> Stored:
    if given is None and not isinstance(kind, OptionKind):
        raise ArgumentError(f"the parameter :{name} is None; write IS NULL instead")
    try:
        return kind.canonical(enter(kind, given))
    except MismatchError as mismatch:
        raise ArgumentError(
            f"the parameter :{name} is {mismatch.admitted}, not {brief(mismatch.value)}"
        ) from None


_WRAPPERS: dict[Kind, type[Wrapped[Any]]] = {
    IDENTITY: Identity,
    CONNECTION_ID: ConnectionId,
    TIMESTAMP: Timestamp,
    TIME_DURATION: TimeDuration,
    SCHEDULE_AT: ScheduleAt,
}


def enter(kind: Kind, value: object) -> Stored:
    """Give the stored form of a user's value; its range is not looked at.

    Raises:
        MismatchError: it is of another class than the kind's.
    """
    wrapper = _WRAPPERS.get(kind)
    if wrapper is not None:
        if type(value) is not wrapper:
            raise MismatchError(value, f"a qsdb.{wrapper.__name__}")
        stored: Stored = value.stored
        return stored
    entering = _ENTERING.get(type(kind))
    if entering is not None:
        return entering(kind, value)
    if kind == UUID and type(value) is uuid.UUID:
        return value.bytes
    return value


def _enter_option(kind: OptionKind, value: object) -> Stored:
    return None if value is None else enter(kind.inner, value)


def _enter_enum(kind: EnumKind, value: object) -> Stored:
    name = value.name if isinstance(value, enum.Enum) else value
    if name not in kind.variants:
        names = ", ".join(kind.variants)
        raise MismatchError(value, f"a member of {kind.class_name} ({names})")
    return kind.variants.index(name)


def _enter_array(kind: ArrayKind, value: object) -> Stored:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | Record):
        raise MismatchError(value, "a list or tuple")
    return tuple([enter(kind.item, each) for each in value])


def _enter_product(kind: ProductKind, value: object) -> Stored:
    """Take a product by its class's name: classes over one kind are alike."""
    if kind.is_tuple:
        return _enter_tuple(kind, value)
    if type(value).__name__ != kind.class_name or not isinstance(value, tuple):
        raise MismatchError(value, f"a {kind.class_name}")
    return tuple.__getitem__(value, slice(None))


def _enter_tuple(kind: ProductKind, value: object) -> Stored:
    if isinstance(value, Record) or not isinstance(value, tuple | list):
        raise MismatchError(value, f"a {kind.class_name}")
    if len(value) != len(kind.fields):
        raise MismatchError(value, f"a {kind.class_name}")
    pairs = zip(kind.fields, value, strict=True)
    return tuple([enter(field.kind, each) for field, each in pairs])


def _enter_sum(kind: SumKind, value: object) -> Stored:
    for tag, variant in enumerate(kind.variants):
        if variant.name == type(value).__name__:
            return (tag, enter(variant.kind, value))
    names = " or ".join([variant.name for variant in kind.variants])
    raise MismatchError(value, f"a {names}")


_ENTERING: dict[type[Kind], Callable[..., Stored]] = {
    OptionKind: _enter_option,
    EnumKind: _enter_enum,
    ArrayKind: _enter_array,
    ProductKind: _enter_product,
    SumKind: _enter_sum,
}


Binder = Callable[[Mapping[str, object] | None], Sequence[Stored]]


def compile_binder(kinds: Mapping[str, Kind]) -> Binder:
    """Compile `bind_parameters` for some parameters.

    Values that are of their kind beyond doubt take a quick way, 0.2 µs for one.
    """
    names = Names(slow=bind_parameters, kinds=kinds, dict=dict)
    given = [f"given[{name!r}]" for name in kinds]
    variables = [f"v{number}" for number in range(len(kinds))]
    plain = all(_is_plain(kind) for kind in kinds.values())
    lines = ["def bind(given):"]
    if not kinds:
        lines.append("    if not given: return ()")
    elif plain:
        doubts = [
            f"({kind.suspicion(variable, names)})"
            for kind, variable in zip(kinds.values(), variables, strict=True)
        ]
        lines += [
            f"    if _type(given) is _dict and _len(given) == {len(kinds)}:",
            "        try:",
            f"            {', '.join(variables)}, = {', '.join(given)},",
            f"        except {names.bind('KeyError', KeyError)}:",
            "            pass",
            "        else:",
            f"            if not ({' or '.join(doubts)}):",
            f"                return ({', '.join(variables)},)",
        ]
    lines.append("    return _slow(_kinds, given)\n")
    bind = compile_source("parameters", "\n".join(lines), names)["bind"]
    return cast(Binder, bind)


def _is_plain(kind: Kind) -> bool:
    """Whether users give stored values themselves."""
    return isinstance(kind, BoolKind | IntKind | FloatKind | StrKind | BytesKind)


def leave(kind: Kind) -> Callable[[Stored], object] | None:
    """Give what makes a user's value of a stored one; None where they are the same."""
    wrapper = _WRAPPERS.get(kind)
    return None if wrapper is None else wrapper.from_stored
