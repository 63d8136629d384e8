"""`bound`: a number that an operator may set, which is at least 1.

The classes of a server's options are made of such; whoever gives one another number
that cannot be is told which, and why.
"""

import math
from typing import Any, TypeVar

import attrs

from qsdb.errors import ArgumentError, brief

__all__ = ["bound"]

N = TypeVar("N", int, float)


def bound(usual: N, least: int = 1) -> Any:  # noqa: ANN401  as `attrs.field`
    """Declare an option with its usual value.

    Args:
        usual: What counts if nobody says otherwise; its type is that of all values.
        least: No value is less; a float is greater than 0 in any case. It is in the
            field's metadata, for those who ask operators.
    """
    is_int = type(usual) is int

    def check(_: object, option: "attrs.Attribute[Any]", value: object) -> None:
        wanted = f"a whole number from {least} on" if is_int else "greater than 0"
        if not (_is_whole(value, least) if is_int else _is_positive(value)):
            raise ArgumentError(f"{option.name} is {brief(value)}, not {wanted}")

    return attrs.field(default=usual, validator=check, metadata={"least": least})


def _is_whole(value: object, least: int) -> bool:
    return type(value) is int and value >= least


def _is_positive(value: object) -> bool:
    return type(value) in (int, float) and value > 0 and math.isfinite(value)  # type: ignore[operator,arg-type]  # narrowed by `in`
