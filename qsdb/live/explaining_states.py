"""What EXPLAIN says of states: what each operator keeps, and what a change costs it."""

from collections.abc import Iterator, Sequence

from qsdb.live.trees import is_set
from qsdb.sql.relations import (
    Compound,
    Distinct,
    Group,
    Relation,
    Top,
    Window,
    inputs_of,
)

__all__ = ["explain_states"]


def explain_states(  # noqa: C901  a table
    relation: Relation, walked: Sequence[Relation]
) -> Iterator[str]:
    """Yield a sentence for each operator that keeps something, from the leaves.

    Args:
        relation: The root.
        walked: Those of its leaves of which an index has the rows in order.
    """
    for each in inputs_of(relation):
        yield from explain_states(each, walked)
    match relation:
        case Group():
            yield _group(relation)
        case Distinct():
            yield f"DISTINCT keeps how often each row is there; {_COUNTED}"
        case Top():
            whose = "of each group" if relation.groups else "there are"
            yield (
                f"QUALIFY keeps all rows {whose} in order; of n rows a change costs "
                "O(log n), and as much as the rows it takes of them"
            )
        case Window(input=leaf) if any(leaf is each for each in walked):
            yield (
                "ORDER BY keeps the first rows, an index has the others; "
                "a change costs what it moves"
            )
        case Window():
            also = "" if is_set(relation) else ", and how often each is there"
            yield (
                f"ORDER BY keeps all rows in order{also}; of n rows a change costs "
                "O(log n), and as much as it moves"
            )
        case Compound(operator=operator, is_all=is_all):
            if operator != "UNION" or not is_all:
                said = f"{operator} ALL" if is_all else operator
                yield f"{said} keeps how often each row is on each side; {_COUNTED}"
        case _:
            pass


_COUNTED = "a change costs O(1)"


def _group(group: Group) -> str:
    """Say what is kept of groups."""
    functions = {each.function for each in group.aggregates}
    are_distinct = any(each.is_distinct for each in group.aggregates)
    kept = ["the number of rows"]
    if functions & {"SUM", "AVG"}:
        kept.append("exact sums")
    if functions & {"MIN", "MAX"}:
        kept.append("its values in order")
    if are_distinct:
        kept.append("how often each value is there")
    whose = "for each group" if group.keys_count else "of all rows"
    cost = "O(log n) among n of them" if "its values in order" in kept else "O(1)"
    name = "GROUP BY keeps" if group.keys_count else "an aggregate keeps"
    return f"{name} {whose} {_listed(kept)}; a change costs {cost}"


def _listed(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
