"""Functions of the user's that fill tables: declared, resolved, and when they run."""

from typing import Any

import pytest

import qsdb
from qsdb import u8, u64
from qsdb.schema.migrations import Migration
from qsdb.schema.plans import MigrationPlan
from tests.support.migrations import Table, module_of, plan, refused, schema_of

key = qsdb.primary_key
HASH = "0123456789abcdef"

OLD = {
    "user": Table(id=(u64, key()), name=str),
    "log": Table(text=str),
}
NEW = {
    "user": Table(id=(u64, key()), first=str, last=str),
    "log": Table(text=str),
}
ROWS: dict[str, list[tuple[object, ...]]] = {
    "user": [(1, "Ada Lovelace")],
    "log": [("x",)],
}
FROM_OLD = schema_of(OLD).hash


def split_names(_: qsdb.MigrationContext) -> None: ...


def migrating(
    from_: Any, tables: Any = (), drop: Any = (), after: Any = NEW
) -> qsdb.Module:
    module = module_of(after)
    decorate = module.migration(from_=from_, tables=tables, drop=drop)
    assert decorate(split_names) is split_names
    return module


def ran(found: MigrationPlan) -> list[str]:
    return [each.name for each in found.migrations]


# Declared.


class User(qsdb.Row):
    id: u8


def module() -> qsdb.Module:
    made = qsdb.Module("m")
    made.add_table(User)
    made.add_table(User, name="second")
    return made


def compiled(**options: Any) -> Migration:
    made = module()
    made.migration(**options)(split_names)
    [migration] = made.compiled().migrations
    return migration


def test_tables_are_given_by_class_or_name() -> None:
    found = compiled(from_=HASH, tables=[User, "second"], drop=["gone"])

    assert (found.name, found.function) == ("split_names", split_names)
    assert found.tables == ("user", "second")
    assert found.drop == ("gone",)
    assert found.from_ == frozenset([HASH])


def test_a_migration_leads_from_one_schema_several_or_any() -> None:
    assert compiled(from_=[HASH, "f" * 16]).from_ == frozenset([HASH, "f" * 16])
    assert compiled(from_=None, tables=[User]).from_ is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            {"from_": HASH[1:]},
            ", from_: '123456789abcdef' is not the hash of a schema, 16 digits",
        ),
        (
            {"from_": [HASH, 7]},
            ", from_: 7 is not the hash of a schema, 16 digits",
        ),
        (
            {"from_": 7},
            ", from_: 7 is not the hash of a schema, a list of them, or None",
        ),
        ({}, ", from_: it must say from which schema it leads, or None"),
        ({"from_": None}, ": with from_=None, tables=[…] must say what it fills"),
        (
            {"from_": HASH, "tables": ["x"]},
            ", tables: no table x; there are: second, user",
        ),
        (
            {"from_": HASH, "tables": [int]},
            ", tables: no table int; there are: second, user",
        ),
        (
            {"from_": HASH, "tables": [[]]},
            ", tables: no table []; there are: second, user",
        ),
        (
            {"from_": HASH, "tables": "user"},
            ", tables: 'user' is not a list of tables",
        ),
        ({"from_": HASH, "drop": "user"}, ", drop: 'user' is not a list of names"),
        ({"from_": HASH, "drop": ["user"]}, ", drop: the module has a table user"),
        ({"from_": HASH, "drop": [""]}, ", drop: the name is empty"),
        ({"from_": HASH, "drop": [7]}, ", drop: the name 7 is not a str"),
    ],
)
def test_a_wrong_declaration_is_told_with_all_others(
    options: dict[str, Any], fault: str
) -> None:
    made = module()
    made.migration(**options)(split_names)

    with pytest.raises(qsdb.SchemaError) as caught:
        made.compiled()
    assert caught.value.mistakes == (f"module m, migration split_names{fault}",)


def test_without_tables_none_can_be_filled() -> None:
    made = qsdb.Module("m")
    made.migration(from_=HASH, tables=["x"])(split_names)

    with pytest.raises(qsdb.SchemaError, match="no table x; there are: none"):
        made.compiled()


def test_a_coroutine_is_refused_where_it_stands() -> None:
    async def wait(_: qsdb.MigrationContext) -> None: ...

    match = "migration wait is a coroutine; a migration runs in one go"
    with pytest.raises(qsdb.SchemaError, match=match):
        module().migration(from_=HASH)(wait)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [split_names, 7])
def test_a_migration_says_from_where_it_leads(given: Any) -> None:
    name = getattr(given, "__name__", given)
    match = rf"migration {name}: write @module.migration\(from_=…, tables=\[…\]\)"
    with pytest.raises(qsdb.SchemaError, match=match):
        module().migration(given)


def test_a_migration_takes_the_context_alone() -> None:
    made = module()

    @made.migration(from_=HASH)  # type: ignore[arg-type]
    def nothing() -> None: ...

    @made.migration(from_=HASH)  # type: ignore[arg-type]
    def more(ctx: qsdb.MigrationContext, table: str) -> None: ...

    @made.migration(from_=HASH)
    def several(ctx: qsdb.MigrationContext, *rest: str) -> None: ...

    made.migration(from_=HASH)(lambda ctx: None)  # noqa: ARG005  it needs no name

    rest = "a migration takes no variadic positional parameter"
    with pytest.raises(qsdb.SchemaError) as caught:
        made.compiled()
    assert [each.removeprefix("module m, ") for each in caught.value.mistakes] == [
        "migration nothing: the first parameter must be the context",
        "migration more: it takes the context and nothing else",
        f"migration several, parameter rest: {rest}",
    ]


def test_a_migration_may_be_declared_when_the_module_was_compiled() -> None:
    made = module()
    assert made.compiled().migrations == ()
    made.migration(from_=HASH)(split_names)

    assert len(made.compiled().migrations) == 1


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (Table(a=int).but(renamed_from=7), "renamed_from: the name 7 is not a str"),
        (
            Table(a=(int, qsdb.column(renamed_from=""))),
            "column a, renamed_from: the name is empty",
        ),
        (
            Table(a=(int, qsdb.column(fill="f"))),  # type: ignore[call-overload]
            "column a, fill: 'f' is no function",
        ),
    ],
)
def test_words_for_migrations_are_looked_at(table: Table, fault: str) -> None:
    with pytest.raises(qsdb.SchemaError) as caught:
        module_of({"t": table}).compiled()

    assert caught.value.mistakes == (f"module m, table t, {fault}",)


def test_a_field_of_a_product_is_not_renamed_or_filled() -> None:
    class Place(qsdb.Product):
        x: int = qsdb.column(renamed_from="y")

    with pytest.raises(qsdb.SchemaError, match="a product's field takes a default"):
        Place(1)


# When they run.


def test_a_migration_fills_what_no_rule_converts() -> None:
    assert refused(OLD, NEW, ROWS) != []
    found = plan(OLD, migrating(FROM_OLD, ["user"]), ROWS)

    [change] = found.changes
    assert change.is_filled
    assert change.checks == ()
    assert ran(found) == ["split_names"]
    assert [str(step) for step in found.steps] == [
        "table user: column first: str is added",
        "table user: column last: str is added",
        "table user: column name is removed",
        "table user: begins empty, and is filled by split_names",
        "migration split_names: runs, to fill user",
    ]
    assert found.losses == []


def test_a_migration_from_another_schema_does_not_run() -> None:
    assert refused(OLD, migrating(HASH, ["user"]), ROWS) == refused(OLD, NEW, ROWS)
    assert ran(plan(OLD, migrating([HASH, FROM_OLD], ["user"]), ROWS)) != []


def test_a_migration_without_tables_runs_when_all_are_converted() -> None:
    after = {**OLD, "more": Table(text=str)}
    found = plan(OLD, migrating(FROM_OLD, after=after), ROWS)

    assert ran(found) == ["split_names"]
    assert str(found.steps[-1]) == "migration split_names: runs"


def test_a_migration_may_fill_a_table_that_stays_as_it_is() -> None:
    after = {**OLD, "more": Table(text=str)}
    found = plan(OLD, migrating(FROM_OLD, ["log", "more"], after=after), ROWS)

    assert [str(step) for step in found.steps] == [
        "table log: begins empty, and is filled by split_names",
        "table more: is added, filled by split_names",
        "migration split_names: runs, to fill log, more",
    ]
    assert [change.is_filled for change in found.changes] == [True, True]


def test_a_migration_gives_up_tables_that_it_has_taken_from() -> None:
    after = {"user": OLD["user"]}
    found = plan(OLD, migrating(FROM_OLD, drop=["log", "other"], after=after), ROWS)

    assert [str(step) for step in found.steps] == [
        "table log: is removed",
        "migration split_names: runs",
    ]
    assert found.losses == []


def test_nothing_runs_where_nothing_changes() -> None:
    same = migrating(FROM_OLD, ["user"], after=OLD)

    assert plan(OLD, same, ROWS).is_empty
    assert ran(plan(OLD, same, ROWS)) == []


def test_from_any_schema_it_runs_where_its_table_needs_it() -> None:
    anywhere = migrating(None, ["user"])

    assert ran(plan(OLD, anywhere, ROWS)) == ["split_names"]
    assert ran(plan({"log": OLD["log"]}, anywhere, ROWS)) == ["split_names"]
    assert ran(plan(NEW | {"log": Table(text=(str, "x"))}, anywhere)) == []
    assert ran(plan(OLD, anywhere)) == []  # without rows the rules do it


def test_a_migration_from_any_schema_helps_no_other_table() -> None:
    after = {**NEW, "log": Table(text=bytes)}

    assert refused(OLD, migrating(None, ["user"], after=after), ROWS) == [
        (
            "table log, column text: str cannot become bytes: no str is a bytes; "
            "the table has 1 row"
        )
    ]


def test_several_run_in_the_order_of_declaration() -> None:
    made = migrating(None, ["user"])

    @made.migration(from_=FROM_OLD, tables=["log"])
    def logs(_: qsdb.MigrationContext) -> None: ...

    @made.migration(from_=HASH)
    def never(_: qsdb.MigrationContext) -> None: ...

    @made.migration(from_=FROM_OLD, tables=["log"])
    def more_logs(_: qsdb.MigrationContext) -> None: ...

    found = plan(OLD, made, ROWS)
    assert ran(found) == ["split_names", "logs", "more_logs"]
    assert "table log: begins empty, and is filled by logs and more_logs" in [
        str(step) for step in found.steps
    ]
