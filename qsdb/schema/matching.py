"""Which stored thing a declared one was: by name, or by the name that it had.

A declaration may say ``renamed_from="old"``. That is heeded as long as the database
has nothing of the new name, so it may stay in the source when the database has been
migrated. What is renamed takes the stored thing first: who renames ``a`` to ``b``
and declares a new ``a`` gets the old values in ``b``.
"""

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["matched"]


def matched(
    stored: Iterable[str],
    declared: Sequence[tuple[str, str | None]],
    what: str,
    mistakes: list[str],
) -> Mapping[str, str]:
    """Give the declared name → the stored name of all that both sides have.

    Args:
        stored: The names that the database has.
        declared: The names of the module, each with the name that it had.
        what: ``"table"`` or ``"column"``, for messages.
        mistakes: Takes what is wrong.

    >>> matched(["a", "b"], [("b", None), ("c", "a"), ("d", "e")], "table", [])
    {'c': 'a', 'b': 'b'}
    """
    there = {*stored}
    found: dict[str, str] = {}
    heirs: dict[str, str] = {}
    for name, former in declared:
        if former is None or name in there or former not in there:
            continue
        other = heirs.setdefault(former, name)
        if other != name:
            mistakes.append(f"{what} {name}: {other} is renamed from {former} already")
        else:
            found[name] = former
    kept = [name for name, _ in declared if name in there and name not in heirs]
    return found | {name: name for name in kept}
