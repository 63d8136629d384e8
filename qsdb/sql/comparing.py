"""Comparisons of floats, as source: NaN is the greatest of them, and equals NaN.

Python has NaN less than nothing, and equal to nothing. So what Python says is right of
numbers, and what it says of NaN is set right behind that; a function that gives each
value a key would cost five times as much.
"""

from collections.abc import Callable, Sequence

from qsdb.sql.typed import Constant, Typed
from qsdb.values.kinds import NAN

__all__ = ["write_float_test"]

_CONTRARY = {">": "<=", ">=": "<"}


def write_float_test(
    operator: str,
    sources: Sequence[str],
    second: Typed,
    variable: Callable[[], str],
) -> str:
    """Write whether two floats compare as they are to.

    Args:
        operator: As Python spells it.
        sources: What gives both.
        second: What the second one is.
        variable: Gives a name that nothing has yet.
    """
    if isinstance(second, Constant) and second.value is not NAN:
        contrary = _CONTRARY.get(operator)
        left, right = sources
        if contrary is None:  # which is False of NaN, or True of "!="
            return f"({left} {operator} {right})"
        return f"(not {left} {contrary} {right})"
    a, b = [each if each.isidentifier() else variable() for each in sources]
    left, right = [
        name if name == source else f"({name} := {source})"
        for name, source in zip((a, b), sources, strict=True)
    ]
    besides = {
        "<": f"{b} != {b} and {a} == {a}",
        "<=": f"{b} != {b}",
        ">": f"{a} != {a} and {b} == {b}",
        ">=": f"{a} != {a}",
        "==": f"{a} != {a} and {b} != {b}",
    }
    if operator == "!=":
        return f"(not ({left} == {right} or {besides['==']}))"
    return f"({left} {operator} {right} or {besides[operator]})"
