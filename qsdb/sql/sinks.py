"""Where the rows of a plan go, as source: into a list, or into groups.

A sink is three pieces of code: what stands before all loops, what is done with each
row that the loops have found, and what gives the result behind them. Without GROUP BY
the states of aggregates are variables. With it they are a list, one for each group, in
a dict by the key::

    groups = {}
    for r0 in t0._scan():
        group = groups.get(key := r0[1])
        if group is None:
            group = groups[key] = [0, 0]
        group[0] += 1
        group[1] += r0[2]
    return [(key, group[0], fit(group[1])) for key, group in groups.items()]
"""

from collections.abc import Sequence

import attrs

from qsdb.sql.accumulating import Accumulators
from qsdb.sql.compiling import ExpressionWriter
from qsdb.sql.relations import Group
from qsdb.sql.typed import Aggregate, Cell, Typed

__all__ = ["Sink", "group_sink", "rows_sink"]


@attrs.frozen
class Sink:
    """What is done with rows.

    Attributes:
        begin: Stands before all loops.
        each: Is done with each row.
        end: Gives the result.
        nonlocals: Variables that `each` sets.
        is_limited: Whether `each` may return the rows so far, as enough.
    """

    begin: tuple[str, ...]
    each: tuple[str, ...]
    end: tuple[str, ...]
    nonlocals: tuple[str, ...] = ()
    is_limited: bool = False


def rows_sink(output: str, *, is_limited: bool) -> Sink:
    """Give what keeps rows in a list.

    Args:
        output: What is kept of each, as source.
        is_limited: Whether ``limit`` says how many are enough.
    """
    each = [f"found.append({output})"]
    if is_limited:
        each.append("if _len(found) == limit: return found")
    return Sink(("found = []",), tuple(each), ("return found",), is_limited=is_limited)


def group_sink(group: Group, writer: ExpressionWriter) -> Sink:
    """Give what keeps groups.

    Args:
        group: They.
        writer: Writes expressions of the rows.
    """
    outputs = [each.term for each in group.input.outputs]
    keys = outputs[: group.keys_count]
    taken = [_taken(each.term, outputs) for each in group.aggregates]
    aggregates = [
        attrs.evolve(each, term=term)
        for each, term in zip(group.aggregates, taken, strict=True)
    ]
    return _keyed(keys, aggregates, writer) if keys else _alone(aggregates, writer)


def _taken(term: Typed | None, outputs: list[Typed]) -> Typed | None:
    """Give what an aggregate takes as an expression of rows."""
    if term is None:
        return None
    assert isinstance(term, Cell)
    return outputs[term.place]


def _alone(aggregates: Sequence[Aggregate], writer: ExpressionWriter) -> Sink:
    """Give what keeps one group, in variables."""
    states = Accumulators(aggregates, writer, lambda number: f"s{number}")
    begin = [f"s{number} = {each}" for number, each in enumerate(states.begin)]
    end = f"return [({''.join([f'{each}, ' for each in states.end])})]"
    names = [f"s{number}" for number in range(len(states.begin))]
    return Sink(tuple(begin), tuple(states.each), (end,), tuple(names))


def _keyed(
    keys: Sequence[Typed], aggregates: Sequence[Aggregate], writer: ExpressionWriter
) -> Sink:
    """Give what keeps a group for each key."""
    states = Accumulators(aggregates, writer, lambda number: f"group[{number}]")
    spelt = [writer.value(each) for each in keys]
    key = spelt[0] if len(spelt) == 1 else f"({', '.join(spelt)})"
    rest = "".join([f"{each}, " for each in states.end])
    if not states.begin:  # only the keys are asked for
        given = "*key, " if len(spelt) > 1 else "key, "
        return Sink(
            ("groups = {}",),
            (f"groups[{key}] = None",),
            (f"return [({given}{rest}) for key in groups]",),
        )
    each = (
        f"group = groups.get(key := {key})",
        f"if group is None: group = groups[key] = [{', '.join(states.begin)}]",
        *states.each,
    )
    given = "*key, " if len(spelt) > 1 else "key, "
    end = f"return [({given}{rest}) for key, group in groups.items()]"
    return Sink(("groups = {}",), each, (end,))
