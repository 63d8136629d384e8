"""SQL against a judge that tries every combination of rows.

**Strategy**: Hypothesis draws two tables with keys and indexes of each sort, rows whose
values meet all the time, and queries over one to four of them: joins and self-joins,
IN, BETWEEN, LIKE, IS NULL, NOT, AND, OR, arithmetic, parameters, lists of columns,
COUNT, LIMIT; and besides all that stands above bags of rows: outer joins, subqueries,
groups, DISTINCT, orders, UNION and its kin, CASE, functions. The judges
(`tests.support.query_judge`, `tests.support.relation_judge`) know the typed tree and no
plan.

**Invariants**:

1. A query gives the bag that the judge gives; with LIMIT as many rows of it as it may.
2. That holds for the last commit, for a read transaction whose rows have changed since,
   and in a write transaction for what it has changed itself, while queries beside it
   see the last commit.
3. INSERT, UPDATE and DELETE do what a set of rows does, or nothing.

Where a result has no room or something is divided by 0, a query may fail, as it may
give a result: which conditions it comes to is the plan's affair. But it may fail only
if such an expression is there for rows of its tables, and what it then gives lies
between what is sure and what is possible.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb.errors import QueryError, UniqueError
from qsdb.schema.results import Result
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Change, Deletion, Insertion, Query
from qsdb.sql.relations import Derived
from qsdb.sql.statements import Checked, check_statement
from qsdb.sql.typed import Typed
from qsdb.values.kinds import NAN
from tests.support.query_judge import bag, judged_query, matching, may_fail
from tests.support.query_texts import (
    LITERALS,
    Writer,
    arguments,
    pick,
    queries,
    row_numbers,
    source_of,
    table_specs,
)
from tests.support.relation_texts import Wide
from tests.support.schemas import TableSpec, build
from tests.unit.sql.judge import judged

pytestmark = pytest.mark.slow

StoredRow = tuple[Any, ...]
Rows = Mapping[str, list[StoredRow]]

modest = settings(max_examples=max(25, settings().max_examples // 4))


class Scene:
    """A database of random tables.

    Attributes:
        specs: Its tables.
        db: The database.
    """

    def __init__(self, specs: Sequence[TableSpec]) -> None:
        self.specs = specs
        module, self.classes = build(specs)
        self.db = qsdb.Database(module, seed=1)
        with self.db.read() as tx:
            self.schemas = {
                each.name: tx.table(each.name)._bound.schema  # type: ignore[attr-defined]
                for each in specs
            }

    def change(self, tx: Any, numbers: Sequence[Sequence[Sequence[int]]]) -> None:
        """Delete a row of each table, and insert some where they can be."""
        for spec, rows in zip(self.specs, numbers, strict=True):
            table = tx.table(spec.name)
            for row in [*table][:1]:
                table.delete(row)
            for row in rows:
                values = [
                    column.domain.pair(number)[0]
                    for column, number in zip(spec.columns, row, strict=False)
                ]
                try:
                    table.insert(self.classes[spec.name](*values))
                except UniqueError:
                    continue

    def checked(self, text: str) -> Checked:
        return check_statement(text, parse(text), self.schemas)


def stored_rows(scene: Scene, tx: Any) -> Rows:
    """Give all rows of all tables; stored values are those that users see here."""
    return {
        each.name: [tuple(row) for row in tx.table(each.name)] for each in scene.specs
    }


def given_of(checked: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values of the parameters that are in a statement, and no more."""
    parameters = getattr(checked, "parameters", None)
    if parameters is None:
        parameters = checked.query.parameters
    return {name: values[name] for name in parameters}


def canonical(value: Any) -> Any:
    """Give a float as it is stored."""
    if isinstance(value, float):
        return NAN if value != value else value or 0.0
    return value


def require_agreement(
    scene: Scene,
    run: Callable[[str, dict[str, Any]], Result],
    text: str,
    values: Mapping[str, Any],
    rows: Rows,
) -> None:
    """Run a query and compare it with the verdict."""
    query = scene.checked(text)
    assert isinstance(query, Query | Derived)
    given = given_of(query, values)
    verdict = judged_query(
        query, rows, {name: canonical(value) for name, value in given.items()}
    )
    try:
        result = run(text, given)
    except QueryError as error:
        assert verdict.may_fail, f"{text}: {error}"
        return
    assert result.columns == query.columns
    fault = verdict.fault(result)
    assert fault is None, f"{text} {given}: {fault}"


@st.composite
def wide_queries(draw: st.DrawFn, specs: Sequence[TableSpec]) -> str:
    """Draw a query that is more than a bag of rows."""
    tables = [source_of(each, each.name) for each in specs]
    columns = [each for table in tables for each in table.columns]
    writer = Writer(draw, columns, ())
    return Wide(writer, tables).query()


def drawn_by(
    strategy: Callable[[Sequence[TableSpec]], st.SearchStrategy[str]],
) -> st.SearchStrategy[tuple[Sequence[TableSpec], list[str]]]:
    return table_specs().flatmap(
        lambda specs: st.tuples(
            st.just(specs), st.lists(strategy(specs), min_size=4, max_size=8)
        )
    )


specs_and_queries = st.one_of(drawn_by(queries), drawn_by(wide_queries))
changes = st.tuples(row_numbers, row_numbers)


@modest
@given(specs_and_queries, changes, changes, changes, arguments)
def test_queries_give_what_the_judge_gives(
    drawn: tuple[Sequence[TableSpec], Sequence[str]],
    first: Any,
    second: Any,
    third: Any,
    values: Mapping[str, Any],
) -> None:
    specs, texts = drawn
    scene = Scene(specs)
    db = scene.db
    with db.write() as tx:
        scene.change(tx, first)
    with db.read() as old:
        old_rows = stored_rows(scene, old)
        for text in texts:
            require_agreement(scene, db.sql, text, values, old_rows)
        with db.write() as tx:
            scene.change(tx, second)
            for text in texts:
                require_agreement(scene, old.sql, text, values, old_rows)
                require_agreement(scene, db.sql, text, values, old_rows)
                require_agreement(scene, tx.sql, text, values, stored_rows(scene, tx))
            with tx.savepoint():
                scene.change(tx, third)
                for text in texts:
                    rows = stored_rows(scene, tx)
                    require_agreement(scene, tx.sql, text, values, rows)
                    require_agreement(scene, db.sql, text, values, old_rows)
        with db.read() as new:
            new_rows = stored_rows(scene, new)
        for text in texts:
            require_agreement(scene, old.sql, text, values, old_rows)
            require_agreement(scene, db.sql, text, values, new_rows)
    db.check()


# What changes rows.


@st.composite
def changing(draw: st.DrawFn, specs: Sequence[TableSpec]) -> str:
    """Draw an INSERT, UPDATE or DELETE."""
    spec = pick(draw, specs)
    source = source_of(spec, spec.name, is_bare=True)
    writer = Writer(draw, source.columns, ("+", "-"))
    columns = dict(
        zip([each.name for each in spec.columns], source.columns, strict=True)
    )
    match pick(draw, ("INSERT", "INSERT", "UPDATE", "UPDATE", "DELETE")):
        case "INSERT":
            names = pick(draw, ([*columns], [*reversed(columns)]))
            rows = [
                ", ".join([_new(writer, columns[name], ()) for name in names])
                for _ in range(pick(draw, (1, 2, 3)))
            ]
            values = ", ".join([f"({row})" for row in rows])
            return f"INSERT INTO {spec.name} ({', '.join(names)}) VALUES {values}"
        case "UPDATE":
            count = pick(draw, (1, 1, 2))
            chosen = [*columns][:count] if pick(draw, (0, 1)) else [*columns][-count:]
            assigned = ", ".join(
                [f"{n} = {_new(writer, columns[n], source.columns)}" for n in chosen]
            )
            return f"UPDATE {spec.name} SET {assigned}{writer.where()}"
        case _:
            return f"DELETE FROM {spec.name}{writer.where()}"


def _new(writer: Writer, column: Any, known: Sequence[Any]) -> str:
    """Draw what a column is to be: a literal, a parameter, or an expression."""
    if column.is_optional and not writer.pick(range(3)):
        return str(writer.pick(("NULL", f":new_{column.kind}")))
    known = [e for e in known if column.is_optional or not e.is_optional]
    literals = {**LITERALS, "int": LITERALS["int"][:-1]}
    own = Writer(writer.draw, known, ("+", "-"), literals, not column.is_optional)
    return own.value(column.kind)


class Model:
    """The rows of one table as a set, and what must be unique among them."""

    def __init__(self, spec: TableSpec, rows: Sequence[StoredRow]) -> None:
        self.rows = {repr(row): row for row in rows}
        self.primary = spec.primary_key
        self.keys = [*spec.unique_keys, *[self.primary] * bool(self.primary)]

    def replace(self, old: Sequence[StoredRow], new: Sequence[StoredRow]) -> bool:
        """Put rows in the place of others, unless a key would be taken twice."""
        rows = {text: row for text, row in self.rows.items() if row not in old}
        rows |= {repr(row): row for row in new}
        for key in self.keys:
            values = [tuple([row[place] for place in key]) for row in rows.values()]
            if key != self.primary:  # many rows may have None
                values = [each for each in values if None not in each]
            known = [repr(each) for each in values]
            if len(set(known)) < len(known):
                return False
        self.rows = rows
        return True


def expected_change(
    checked: Checked, rows: Sequence[StoredRow], values: Mapping[str, Any]
) -> tuple[list[StoredRow], list[StoredRow], bool]:
    """Give the rows that go, those that come, and whether there may be an error."""
    if isinstance(checked, Insertion):
        terms = [term for row in checked.rows for term in row if term is not None]
        if any(may_fail(term, [], values) for term in terms):
            return [], [], True
        new = [tuple([made(term, [], values) for term in row]) for row in checked.rows]
        return [], new, False
    assert isinstance(checked, Change | Deletion)
    query = checked.query
    assignments: Mapping[int, Typed] = {}
    if isinstance(checked, Change):
        assignments = checked.assignments
    terms = [*query.conditions, *assignments.values()]
    if any(may_fail(each, [rows], values) for each in terms):
        return [], [], True
    old = [row for (row,), _ in matching(query, [rows], values)]
    if isinstance(checked, Deletion):
        return old, [], False
    new = [
        tuple(
            [
                made(assignments.get(place, output.term), [row], values)
                for place, output in enumerate(query.outputs)
            ]
        )
        for row in old
    ]
    return old, new, False


def made(term: Typed | None, rows: Any, values: Mapping[str, Any]) -> Any:
    """Give the stored value of what a column is to be."""
    assert term is not None
    return canonical(judged(term, rows, values))


@modest
@given(
    table_specs().flatmap(
        lambda specs: st.tuples(
            st.just(specs), st.lists(changing(specs), min_size=5, max_size=10)
        )
    ),
    changes,
    arguments,
)
def test_changes_are_those_of_a_set_of_rows(
    drawn: tuple[Sequence[TableSpec], Sequence[str]],
    first: Any,
    values: Mapping[str, Any],
) -> None:
    specs, texts = drawn
    scene = Scene(specs)
    with scene.db.write() as tx:
        scene.change(tx, first)
    with scene.db.write() as tx:
        for number, text in enumerate(texts):
            if number < len(texts) // 2:
                require_change(scene, tx, tx.sql, text, values)
    for number, text in enumerate(texts):
        if number >= len(texts) // 2:
            require_change(scene, None, scene.db.sql, text, values)
    scene.db.check()


def require_change(
    scene: Scene,
    tx: Any,
    run: Callable[[str, dict[str, Any]], Result],
    text: str,
    values: Mapping[str, Any],
) -> None:
    """Run a statement and compare what it did with the model."""
    checked = scene.checked(text)
    before = rows_now(scene, tx)
    table = table_of(checked)
    spec = next(each for each in scene.specs if each.name == table)
    given = given_of(checked, values)
    stored = {name: canonical(value) for name, value in given.items()}
    old, new, fails = expected_change(checked, before[table], stored)
    model = Model(spec, before[table])
    count = len(model.rows)
    is_possible = model.replace(old, new)
    try:
        result = run(text, given)
    except (QueryError, UniqueError) as error:
        assert bags(rows_now(scene, tx)) == bags(before)
        assert fails if isinstance(error, QueryError) else not is_possible, text
        return
    if fails:
        return
    assert is_possible, text
    expected = {**before, table: [*model.rows.values()]}
    assert bags(rows_now(scene, tx)) == bags(expected), text
    if isinstance(checked, Insertion):
        assert result.rows_affected == len(model.rows) - count
    else:
        assert result.rows_affected == len(old)


def rows_now(scene: Scene, tx: Any) -> Rows:
    if tx is not None:
        return stored_rows(scene, tx)
    with scene.db.read() as reading:
        return stored_rows(scene, reading)


def bags(rows: Rows) -> dict[str, Counter[str]]:
    """Give rows without their order."""
    return {name: bag(each) for name, each in rows.items()}


def table_of(checked: Checked) -> str:
    if isinstance(checked, Insertion):
        return checked.schema.name
    assert isinstance(checked, Change | Deletion)
    return checked.query.sources[0].schema.name
