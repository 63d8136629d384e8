"""Which stored thing a declared one was: by name, or by the name that it had.

A declaration may say ``renamed_from="old"``. That is heeded where the database has
something of the old name, and the new name is free: nothing is stored under it, or
what is stored there is taken by another declaration that is heeded. So ``a`` becomes
``b`` and ``b`` becomes ``c`` at once, and who renames ``a`` to ``b`` and declares a
new ``a`` gets the old values in ``b``. When that is done the last name of the chain
is free no more: so the words may stay in the source, and mean nothing.

Where names go round in a circle there is no last one, and nothing would show that it
is done: whenever the database is opened its values would change places again. So a
circle is a mistake (`circles`). What is to exchange names does so by a third one, in
two modules that are published one after the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["circles", "matched"]


def matched(
    stored: Iterable[str],
    declared: Sequence[tuple[str, str | None]],
    what: str,
    mistakes: list[str],
) -> Mapping[str, str]:
    """Give the declared name → the stored name of all that both sides have.

    Args:
        stored: The names that the database has.
        declared: The names of the module, each with the name that it had; there are
            no circles.
        what: ``"table"`` or ``"column"``, for messages.
        mistakes: Takes what is wrong.

    >>> matched(["a", "b"], [("b", "a"), ("c", "b"), ("d", "e")], "table", [])
    {'c': 'b', 'b': 'a'}
    """
    there = {*stored}
    waiting = {
        name: former
        for name, former in declared
        if former is not None and former in there and former != name
    }
    found: dict[str, str] = {}
    heirs: dict[str, str] = {}
    while free := [name for name in waiting if name not in there or name in heirs]:
        for name in free:
            former = waiting.pop(name)
            other = heirs.setdefault(former, name)
            if other == name:
                found[name] = former
            else:
                text = f"{other} is renamed from {former} already"
                mistakes.append(f"{what} {name}: {text}")
    kept = [name for name, _ in declared if name in there and name not in heirs]
    return found | {name: name for name in kept}


def circles(declared: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yield the names of each circle, and what is wrong with it.

    Args:
        declared: Names, each with the name that it had.

    >>> [*circles([("a", "b"), ("b", "a"), ("c", "c"), ("d", "a")])][0][:44]
    'a, b: by renamed_from they are in a circle, '
    """
    formers = {
        name: former
        for name, former in declared
        if isinstance(former, str) and former != name
    }
    told: set[str] = set()
    for name, former in formers.items():
        circle, following = [name], former
        while following in formers and following not in circle:
            circle.append(following)
            following = formers[following]
        if following == name and name not in told:
            told.update(circle)
            names = ", ".join(circle)
            yield (
                f"{names}: by renamed_from they are in a circle, and nothing would "
                "show that it is done; rename one of them to a third name, and in "
                "a later module from that"
            )
