"""How a declared table differs from the stored one: columns, flags, keys, indexes.

`compare_tables` notes a step for each thing that is not the same, and a check for
each that rows may forbid. Whether they do is asked by `qsdb.schema.plans`. Keys and
indexes disconnect nobody.
"""

from collections.abc import Iterator, Sequence

import attrs

from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.column_comparison import OTHER_FORM, Draft, compare_columns
from qsdb.schema.data_checks import EmptyCheck, IntervalCheck, KeyCheck
from qsdb.schema.descriptions import index_text, schedule_text
from qsdb.schema.table_changes import TableChange
from qsdb.schema.tables import IndexSchema, TableSchema
from qsdb.values.compounds import OptionKind

__all__ = ["compare_tables"]


def compare_tables(
    stored: TableSchema,
    declared: BoundTable,
    rows_count: int,
    filled_by: str,
    mistakes: list[str],
) -> TableChange:
    """Give the change from a stored table to a declared one.

    Args:
        stored: The one.
        declared: The other, which may have another name.
        rows_count: How many rows there are.
        filled_by: The migration that fills it; empty without one.
        mistakes: Takes what is wrong whatever the rows.
    """
    draft = Draft(stored, declared, 0 if filled_by else rows_count, mistakes)
    if stored.name != declared.schema.name:
        draft.step(f"is renamed from {stored.name}", "its old name is gone")
    compare_columns(draft)
    _compare_flags(draft)
    _compare_primary_key(draft)
    _compare_indexes(draft)
    _check_keys(draft)
    if filled_by:
        draft.step(f"begins empty, and is filled by {filled_by}")
    return TableChange(
        stored,
        declared,
        tuple(draft.sources),
        draft.is_rewritten,
        bool(filled_by),
        () if filled_by else tuple(draft.checks),
        tuple(draft.steps),
    )


def _compare_flags(draft: Draft) -> None:
    """Note who sees the table, what sort it is, and what its rows have run."""
    old, new = draft.stored, draft.declared
    if old.is_public and not new.is_public:
        draft.step("is private", "they may not read it any more")
    elif new.is_public and not old.is_public:
        draft.step("is public")
    if old.is_event and not new.is_event:
        draft.step("keeps its rows, was an event table", OTHER_FORM)
    elif new.is_event and not old.is_event:
        text = "is an event table, which keeps no rows"
        draft.step(text, OTHER_FORM)
        draft.checks.append(EmptyCheck(f"{draft.subject} {text}"))
    texts = schedule_text(old), schedule_text(new)
    if texts[0] != texts[1]:
        draft.step(f"is {texts[1]}; was {texts[0]}")
    if new.schedule is not None and not _says_when_as_before(draft, new.schedule.at):
        sides = (draft.stored, draft.bound, draft.sources)
        draft.checks.append(IntervalCheck(*sides, new.schedule.at))


def _says_when_as_before(draft: Draft, at: int) -> bool:
    """Whether the rows were scheduled by the same values, or have none."""
    source, old = draft.sources[at], draft.stored.schedule
    return source.is_missing or (old is not None and source.place == old.at)


def _compare_primary_key(draft: Draft) -> None:
    old = [draft.stored_names[place] for place in draft.stored.primary_key]
    new = list(draft.declared.column_names(draft.declared.primary_key))
    if old != new:
        texts = [", ".join(names) or "none" for names in (new, old)]
        draft.step(f"the primary key is {texts[0]}, was {texts[1]}")


_Named = tuple[IndexSchema, tuple[str, ...]]
"""An index without places, and the names of its columns."""


def _compare_indexes(draft: Draft) -> None:
    new_names = [each.name for each in draft.declared.columns]
    old = list(_indexes(draft.stored, draft.stored_names))
    new = list(_indexes(draft.declared, new_names))
    come = [each for each in new if each not in old]
    for index, names in [each for each in old if each not in new]:
        heir = next((each for each in come if _are_alike(each, (index, names))), None)
        if heir is None:
            draft.step(f"{index_text(index, names)} is removed")
        else:
            come.remove(heir)
            draft.step(f"{index_text(*heir)} is renamed from {index.accessor}")
    for index, names in come:
        draft.step(f"{index_text(index, names)} is added")


def _indexes(schema: TableSchema, names: Sequence[str]) -> Iterator[_Named]:
    for index in schema.indexes:
        columns = tuple([names[place] for place in index.columns])
        yield attrs.evolve(index, columns=()), columns


def _are_alike(one: _Named, other: _Named) -> bool:
    return one[1] == other[1] and one[0].algorithm == other[0].algorithm


def _check_keys(draft: Draft) -> None:
    """Have the rows looked at for each key that old keys do not answer for."""
    new, sides = draft.declared, (draft.stored, draft.bound, draft.sources)
    if new.primary_key:
        keys = [KeyCheck(*sides, new.primary_key, "primary key")]
    else:
        keys = [KeyCheck(*sides, tuple(range(len(new.columns))), "")]
    for index in new.indexes:
        if index.algorithm == "unique":
            name = f"unique key {index.accessor}"
            keys.append(KeyCheck(*sides, index.columns, name, is_none_free=True))
    draft.checks += [key for key in keys if not _is_settled(draft, key)]


def _is_settled(draft: Draft, key: KeyCheck) -> bool:
    """Whether old keys answer for a key, or a column without values stands in it."""
    sources = [draft.sources[place] for place in key.columns]
    if any(source.is_numbered or source.is_missing for source in sources):
        return True
    there = {source.place for source in sources if source.is_injective}
    old = draft.stored
    if there.issuperset(old.primary_key or range(len(old.columns))):
        return True
    return any(
        there.issuperset(index.columns)
        and (key.is_none_free or not _has_option(old, index))
        for index in old.indexes
        if index.algorithm == "unique"
    )


def _has_option(schema: TableSchema, index: IndexSchema) -> bool:
    kinds = [schema.columns[place].kind for place in index.columns]
    return any(isinstance(kind, OptionKind) for kind in kinds)
