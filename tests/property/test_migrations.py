"""Migrations of random schemas, judged by values that have names in place of places.

**Strategy.** A kind is drawn as a *form*, with names for all its parts, and then
changed in the ways that rules allow: wider numbers, variants and fields more, in
other orders, options. Rows are drawn as *plain* values: an enum is the name of its
variant, a product a dict of its fields. So a conversion has an obvious twin, which
takes what has the same name.

**Invariants.**

1. The converted row, read as plain values, is what the twin makes of the old one,
   and it is canonical.
2. A row that some rule would change is in a table that is rewritten.
3. A plan is refused for keys exactly where the converted rows break them.
4. A plan is empty exactly where the schemas are the same.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb import u8, u16, u64
from qsdb.codec.bsatn import encoder
from qsdb.schema.plans import plan_migration
from qsdb.schema.schema_hashes import are_same
from qsdb.schema.stored_schemas import schema_of_module
from tests.support.forms import Form, carried, changed, drawn, plain_value
from tests.support.migrations import Table, module_of, plan
from tests.support.schemas import TableSpec, build, module_specs

key = qsdb.primary_key
NAMES = ("a", "b", "c")


@attrs.frozen
class Case:
    """A table before and after, with its rows as plain values."""

    before: Mapping[str, Form]
    after: Mapping[str, Form]
    """Of the columns that are carried over, by their new names."""
    former: Mapping[str, str]
    """New name → old name, of those."""
    extra: Mapping[str, Any]
    """Other columns: new name → what stands there."""
    order: tuple[str, ...]
    rows: list[dict[str, Any]]

    def tables(self) -> tuple[Table, Table]:
        """Give the table before and after, each with a number as key."""
        before = Table(
            id=(u64, key()),
            **{name: form.annotation() for name, form in self.before.items()},
        )
        columns: dict[str, Any] = {"id": (u64, key())}
        for name, form in self.after.items():
            specifier = qsdb.column(renamed_from=self.former[name])
            columns[name] = (form.annotation(), specifier)
        columns |= self.extra
        return before, Table(**{name: columns[name] for name in self.order})

    def stored(self) -> list[tuple[object, ...]]:
        """Give the rows as they are stored."""
        return [
            (number, *[form.store(row[name]) for name, form in self.before.items()])
            for number, row in enumerate(self.rows)
        ]

    def expected(self, number: int, name: str) -> Any:
        """Give the plain value of a column in a new row."""
        row = self.rows[number]
        if name in self.after:
            old = self.former[name]
            return carried(self.before[old], self.after[name], row[old])
        return {"id": number, "filled": number + 1, "numbered": number + 1}.get(name, 7)


EXTRA: dict[str, Any] = {
    "filled": (u64, qsdb.column(fill=lambda old: old.id + 1)),
    "numbered": (u8, qsdb.auto_inc()),
}
_names = st.lists(st.sampled_from(NAMES), unique=True, max_size=3)
_coin = st.booleans()
_few = st.integers(0, 3)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a table, what it becomes, and rows."""
    before = {name: drawn(draw) for name in draw(_names)}
    kept = [name for name in before if draw(_few)]
    former = {name.upper() if draw(_coin) else name: name for name in kept}
    after = {name: changed(draw, before[old]) for name, old in former.items()}
    extra = {name: given for name, given in EXTRA.items() if draw(_coin)}
    order = draw(st.permutations(["id", *after, *extra]))
    if draw(_coin):  # what has a default is last
        extra["constant"] = (u16, 7)
        order = [*order, "constant"]
    rows = [
        {name: plain_value(draw, form) for name, form in before.items()}
        for _ in range(draw(_few))
    ]
    return Case(before, after, former, extra, tuple(order), rows)


@pytest.mark.slow
@settings(max_examples=60)
@given(cases())
def test_rows_are_converted_as_values_with_names_are(case: Case) -> None:
    old, new = case.tables()
    stored = schema_of_module(module_of({"t": old}).compiled())
    declared = module_of({"t": new}).compiled()
    rows = case.stored()
    found = plan_migration(stored, declared, lambda _: rows)

    if not found.changes:
        assert are_same(stored.tables, [declared.tables[0].schema])
        return
    [change] = found.changes
    convert = change.converter()
    kind = declared.tables[0].shape.kind
    for number, row in enumerate(rows):
        made = convert(row)
        assert kind.canonical(made) == made
        if not change.is_rewritten:
            old_kind = module_of({"t": old}).compiled().tables[0].shape.kind
            assert encoder(kind)(made) == encoder(old_kind)(row)
            assert made == row
        for name, value in zip(case.order, made, strict=True):
            read = case.after[name].read(value) if name in case.after else value
            assert read == case.expected(number, name)
    numbered = [len(rows) + 1] if "numbered" in case.extra else []
    assert change.next_numbers([], map(change.converter(), rows)) == numbered


# Keys.


@attrs.frozen
class Keys:
    """The keys of a table: places of the primary key, and of unique keys."""

    primary: tuple[int, ...]
    unique: tuple[tuple[int, ...], ...]

    def table(self, names: tuple[str, ...]) -> Table:
        """Give a table of optional numbers with these keys."""
        columns = dict.fromkeys(names, u8 | None)
        options: dict[str, Any] = {
            "primary_key": [names[n] for n in self.primary],
            "unique": [[names[n] for n in each] for each in self.unique],
        }
        return Table(**columns).but(**options)

    def are_kept(self, rows: list[tuple[object, ...]]) -> bool:
        """Whether rows break none of them."""
        whole = self.primary or tuple(range(len(rows[0]) if rows else 0))
        values = [tuple([row[n] for n in whole]) for row in rows]
        if len(set(values)) < len(values):
            return False
        for places in self.unique:
            found = [tuple([row[n] for n in places]) for row in rows]
            taken = [each for each in found if None not in each]
            if len(set(taken)) < len(taken):
                return False
        return True


def _keys(draw: st.DrawFn, count: int) -> Keys:
    places = [
        each
        for size in range(1, count + 1)
        for each in itertools.combinations(range(count), size)
    ]
    primary = draw(st.sampled_from([(), *places]))
    others = [each for each in places if each != primary]
    unique = draw(st.lists(st.sampled_from(others), unique=True, max_size=2))
    return Keys(primary, tuple(unique)) if others else Keys(primary, ())


_values = st.sampled_from((None, 1, 2))
_lengths = st.integers(0, 5)


@st.composite
def changed_keys(
    draw: st.DrawFn,
) -> tuple[Keys, Keys, tuple[str, ...], list[tuple[object, ...]]]:
    """Draw keys before, keys after, the columns after, and rows that keep the first."""
    before = _keys(draw, 3)
    names = tuple(draw(st.permutations(NAMES)))[: 2 + draw(_coin)]
    after = _keys(draw, len(names))
    rows: list[tuple[object, ...]] = []
    for _ in range(draw(_lengths)):
        row = (draw(_values), draw(_values), draw(_values))
        if before.are_kept([*rows, row]):
            rows.append(row)
    return before, after, names, rows


@pytest.mark.slow
@settings(max_examples=150)
@given(changed_keys())
def test_a_plan_is_refused_where_rows_break_the_new_keys(
    drawn_keys: tuple[Keys, Keys, tuple[str, ...], list[tuple[object, ...]]],
) -> None:
    before, after, names, rows = drawn_keys
    tables = {"t": before.table(NAMES)}, {"t": after.table(names)}
    places = [NAMES.index(name) for name in names]
    converted = [tuple([row[place] for place in places]) for row in rows]
    try:
        plan(*tables, {"t": rows})
        is_refused = False
    except qsdb.SchemaError:
        is_refused = True

    assert is_refused == (not after.are_kept(converted))


@pytest.mark.slow
@settings(max_examples=40)
@given(module_specs(), module_specs())
def test_a_plan_is_empty_where_schemas_are_the_same(
    one: tuple[TableSpec, ...], other: tuple[TableSpec, ...]
) -> None:
    before, after = (build(specs)[0].compiled() for specs in (one, other))
    stored = schema_of_module(before)

    assert plan_migration(stored, before, lambda _: ()).is_empty
    found = plan_migration(stored, after, lambda _: ())
    schemas = [bound.schema for bound in after.tables]
    assert found.is_empty == are_same(stored.tables, schemas)
