"""Where the columns of a table come from, and what changes about them.

`Draft` is a change of a table in the making, and `compare_columns` finds a
`ColumnSource` for each declared column. Clients of a public table hold rows by its
columns: what changes their number, order, names or encoded kinds disconnects them.
"""

from collections.abc import Mapping
from typing import cast

from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.column_sources import ColumnSource
from qsdb.schema.conversions import NoConversionError, find_conversion
from qsdb.schema.data_checks import (
    Check,
    EmptyCheck,
    FillCheck,
    NumbersCheck,
    counted,
)
from qsdb.schema.descriptions import spelled
from qsdb.schema.matching import matched
from qsdb.schema.plan_steps import MigrationStep
from qsdb.schema.shapes import Column
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.values.kinds import IntKind

__all__ = ["OTHER_FORM", "Draft", "compare_columns"]

OTHER_FORM = "they hold its rows in the old form"
"""Why clients of a public table are disconnected."""

SPELLED_LENGTH_MAX = 120
"""Most characters of a kind in a step."""


class Draft:
    """A change in the making.

    Attributes:
        stored: The old table.
        bound: The new one; `declared` is its schema.
        rows_count: How many rows are to be converted.
        subject: What steps are about.
        steps: So far.
        checks: So far.
        sources: For each declared column, once they have been compared.
        is_rewritten: Whether rows are encoded in another way.
        names: Declared column → stored column, for those that were there.
        places: The place of each stored column.
        stored_names: The declared names of the stored columns, in order.
    """

    def __init__(
        self,
        stored: TableSchema,
        bound: BoundTable,
        rows_count: int,
        mistakes: list[str],
    ) -> None:
        """Match the columns, and note what is wrong whatever the rows."""
        self.stored, self.bound, self.declared = stored, bound, bound.schema
        self.rows_count = rows_count
        self.subject = f"table {bound.schema.name}"
        self.steps: list[MigrationStep] = []
        self.checks: list[Check] = []
        self.sources: list[ColumnSource] = []
        self.is_rewritten = False
        columns = bound.shape.columns
        self.names: Mapping[str, str] = matched(
            [each.name for each in stored.columns],
            [(each.name, each.specifier.renamed_from) for each in columns],
            f"{self.subject}, column",
            mistakes,
        )
        self.places = {each.name: n for n, each in enumerate(stored.columns)}
        heirs = {former: name for name, former in self.names.items()}
        self.stored_names = [heirs.get(name, f"{name} (old)") for name in self.places]

    def step(self, text: str, breaks: str = "", loses: str = "") -> None:
        """Note a step; what breaks clients does so where the table is public."""
        public_breaks = breaks if self.stored.is_public else ""
        self.steps.append(MigrationStep(self.subject, text, public_breaks, loses))

    def place(self, name: str) -> str:
        """Say where something is wrong."""
        return f"{self.subject}, column {name}"


def compare_columns(draft: Draft) -> None:
    """Find where each column comes from, and note steps and checks."""
    for column, shape in zip(
        draft.declared.columns, draft.bound.shape.columns, strict=True
    ):
        former = draft.names.get(column.name)
        if former is None:
            draft.sources.append(_added(draft, column, shape))
        else:
            old = draft.stored.columns[draft.places[former]]
            draft.sources.append(_kept(draft, old, column, shape))
    for former in draft.places:
        if former not in draft.names.values():
            _removed(draft, former)
    _compare_order(draft)
    for place, source in enumerate(draft.sources):
        if source.fill is not None:
            check = FillCheck(draft.stored, draft.bound, draft.sources, place)
            draft.checks.append(check)


def _compare_order(draft: Draft) -> None:
    names = [each.name for each in draft.declared.columns]
    places = [draft.places.get(draft.names.get(name, "")) for name in names]
    kept = [place for place in places if place is not None]
    if kept != sorted(kept):
        order = ", ".join(names)
        draft.step(f"the columns are in another order: {order}", OTHER_FORM)
    draft.is_rewritten |= places != list(range(len(draft.places)))


def _added(draft: Draft, column: ColumnSchema, shape: Column) -> ColumnSource:
    text = f"column {column.name}: {_cut(spelled(column.kind))} is added"
    fill = shape.specifier.fill
    if fill is not None:
        source = ColumnSource(fill=fill)
        text += ", filled by a function of the old row"
    elif column.auto_inc:
        source = ColumnSource(is_numbered=True)
        text += ", old rows are numbered 1, 2, 3 …"
        kind = cast(IntKind, column.kind)
        draft.checks.append(NumbersCheck(draft.place(column.name), kind))
    elif column.default is not MISSING:
        source = ColumnSource(value=column.default)
        text += f", old rows have {shape.binding.show(shape.default)}"
    else:
        source = ColumnSource()
        fault = "it is new, and without a default or fill=… old rows have no value"
        draft.checks.append(EmptyCheck(f"{draft.place(column.name)}: {fault}"))
    draft.step(text, OTHER_FORM)
    return source


def _kept(
    draft: Draft, old: ColumnSchema, new: ColumnSchema, shape: Column
) -> ColumnSource:
    start = f"column {new.name}"
    if old.name != new.name:
        draft.step(f"{start} is renamed from {old.name}", OTHER_FORM)
    source = _converted(draft, old, new, shape)
    if old.attribute != new.attribute:
        draft.step(f"{start} is the attribute {new.attribute}, was {old.attribute}")
    if old.auto_inc and not new.auto_inc:
        draft.step(f"{start} is no longer generated")
    elif new.auto_inc and not old.auto_inc:
        draft.step(f"{start} is generated, from its greatest value on")
    if (old.default,) != (new.default,):  # in tuples, where NaN equals itself
        shown = shape.binding.show(shape.default)
        text = "no default" if new.default is MISSING else f"the default {shown}"
        draft.step(f"{start} has {text}")
    return source


def _converted(
    draft: Draft, old: ColumnSchema, new: ColumnSchema, shape: Column
) -> ColumnSource:
    kinds = _cut(spelled(old.kind)), _cut(spelled(new.kind))
    text = f"column {new.name}: {kinds[0]} becomes {kinds[1]}"
    try:
        found = find_conversion(old.kind, shape.binding)
    except NoConversionError as error:
        draft.is_rewritten = True
        fill = shape.specifier.fill
        if fill is not None:
            text += ", filled by a function of the old row"
        else:
            fault = f"{kinds[0]} cannot become {kinds[1]}: {error}"
            draft.checks.append(EmptyCheck(f"{draft.place(new.name)}: {fault}"))
        draft.step(text, OTHER_FORM)
        return ColumnSource(fill=fill)
    if old.kind != new.kind:
        draft.is_rewritten |= found.is_rewritten
        loses = ", ".join(found.lost)
        if loses:
            loses = f"{loses} of {counted(draft.rows_count)}" * bool(draft.rows_count)
        draft.step(text, OTHER_FORM if found.is_rewritten else "", loses)
    is_injective = not found.lost
    return ColumnSource(draft.places[old.name], found.convert, is_injective)


def _cut(text: str) -> str:
    """Leave out the middle of a long text."""
    half = SPELLED_LENGTH_MAX // 2
    is_long = len(text) > SPELLED_LENGTH_MAX
    return f"{text[:half]} … {text[-half:]}" if is_long else text


def _removed(draft: Draft, name: str) -> None:
    loses = ""
    if draft.rows_count:
        loses = f"its values in {counted(draft.rows_count)}"
        columns = draft.declared.columns
        new = [each.name for each in columns if each.name not in draft.names]
        if new:
            is_now = " or ".join(new)
            loses += f"; if it is {is_now} now, say so by renamed_from={name!r}"
    draft.step(f"column {name} is removed", OTHER_FORM, loses)
