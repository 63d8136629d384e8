"""TypeScript bindings: their text, and what the npm package and its compiler say."""

import enum
import json
from pathlib import Path

import pytest

import qsdb
from qsdb import u64
from qsdb.codec.bsatn import encoder
from qsdb.errors import SchemaError
from qsdb.generate.typescript import typescript_bindings
from qsdb.runtime.row_filters import check_filters
from tests.support.node import bundle, require_node, run_tool, type_check
from tests.support.zoo import zoo

COMMAND = "python -m qsdb generate --lang typescript tests.support.zoo:zoo"


def bindings(module: qsdb.Module, *, private: bool = False) -> str:
    schema = module.compiled(check_filters)
    return typescript_bindings(schema, command=COMMAND, private=private)


# Text.


def test_the_header_says_what_made_it() -> None:
    assert bindings(zoo).splitlines()[:3] == [
        "// TypeScript bindings of the module zoo.",
        f"// Made by: {COMMAND}",
        "// Do not edit it.",
    ]


def test_a_command_of_several_lines_stays_a_comment() -> None:
    schema = zoo.compiled(check_filters)

    text = typescript_bindings(schema, command="x\nalert(1)")

    assert "// Made by: x alert(1)" in text.splitlines()


def test_the_same_module_gives_the_same_text() -> None:
    assert bindings(zoo) == bindings(zoo)


def test_a_table_has_its_keys_and_names() -> None:
    text = bindings(zoo)

    assert 'name: "animal",' in text
    assert '    animalId: t.u64().primaryKey().name("animal_id"),' in text
    assert "    chip: t.uuid().unique()," in text
    assert (
        '{ accessor: "species", name: "animal_species_idx_btree", '
        'algorithm: "btree", columns: ["species"] }'
    ) in text


def test_a_key_of_several_columns_is_an_index() -> None:
    assert (
        '{ accessor: "aB", name: "number_a_b_idx_btree", algorithm: "btree", '
        'columns: ["a", "b"] }'
    ) in bindings(zoo)


def test_a_hash_index_is_a_btree_to_the_package() -> None:
    text = bindings(zoo)

    assert 'name: "number_c_idx_hash", algorithm: "btree"' in text
    assert '"hash"' not in text


def test_a_float_is_no_key_and_has_an_index() -> None:
    text = bindings(zoo)

    assert "    metres: t.f64()," in text
    assert '{ accessor: "metres", ' in text


def test_names_that_are_taken_get_others() -> None:
    text = bindings(zoo)

    assert '    count_: t.u32().unique().name("count"),' in text
    assert '{ accessor: "iter_2", ' in text
    assert '    aB_2: t.u8().name("a_b"),' in text
    assert 'export const function_2 = t.object("function", {' in text
    assert 't.enum("Member", ["index_2", "type_2"])' in text


def test_an_event_table_says_so() -> None:
    assert '    name: "roar",\n    event: true,\n' in bindings(zoo)


def test_what_is_private_is_left_out() -> None:
    text, whole = bindings(zoo), bindings(zoo, private=True)

    for name in ('name: "secret"', '"open_all"', '"count_all"', 'name: "angry"'):
        assert name not in text
        assert name in whole


def test_a_private_table_hides_behind_no_reducer() -> None:
    module = qsdb.Module("hiding")

    class Both(qsdb.Row, module=module):
        text: str

    @module.reducer
    def both(ctx: qsdb.ReducerContext) -> None:
        """Have the name of a table."""

    assert 'name: "both"' not in bindings(module)


def test_a_procedure_that_gives_nothing_gives_the_unit() -> None:
    assert 'procedureSchema("wait_for", {}, t.unit()),' in bindings(zoo)


def test_a_long_enum_has_lines() -> None:
    module = qsdb.Module("long")
    names = [f"a_long_name_{number}" for number in range(9)]
    Many = enum.Enum("Many", names)  # type: ignore[misc]  # noqa: N806

    class Thing(qsdb.Row, module=module, public=True):
        many: Many

    text = bindings(module)

    assert 'export const Many = t.enum("Many", [\n    "a_long_name_0",' in (
        text.replace("\n  ", "\n    ")
    )


def test_functions_with_one_accessor_are_refused() -> None:
    module = qsdb.Module("twins")

    @module.reducer
    def set_name(ctx: qsdb.ReducerContext) -> None:
        """Be one."""

    @module.reducer
    def setName(ctx: qsdb.ReducerContext) -> None:  # noqa: N802
        """Be the other."""

    with pytest.raises(SchemaError) as caught:
        bindings(module)

    assert f"{caught.value}" == (
        "reducer setName: in TypeScript it is setName, as set_name is"
    )


def test_an_empty_module_has_bindings() -> None:
    text = bindings(qsdb.Module("nothing"))

    assert "const tablesOfModule = schema({\n});" in text


# The package itself.

USE = """
import { DbConnection, Mood, tables, type Animal } from "./zoo";

const connection = DbConnection.builder()
  .withUri("ws://127.0.0.1:1").withDatabaseName("zoo").withToken("x").build();
const found: Animal | null = connection.db.animal.animalId.find(1n);
for (const each of connection.db.animal.species.filter("lion")) {
  const eats: string[] = each.eats;
  const place: { x: number; y: number } | undefined = each.place;
}
connection.db.animal.onUpdate((ctx, before, after) => {
  const mood: Mood = after.mood;
  if (mood.tag === "calm") after.lives.tag;
});
connection.db.roar.onInsert((ctx, row) => row.at.toDate());
connection.db.number.aB.filter([1, 2]);
const weight: Promise<number | undefined> =
  connection.procedures.weigh({ animalId: 1n });
const bought: Promise<void> = connection.reducers.buyAnimal({
  species: "x", cage: undefined, moods: [{ tag: "calm" }], class: 3,
});
connection.reducers["keepers.logIn"]({ name: "x" });
connection.subscriptionBuilder()
  .onApplied(ctx => ctx.db.animal.count())
  .subscribe([tables.animal, tables.animal.where(row => row.animalId.eq(5n))]);
"""

WRONG = """
import { DbConnection } from "./zoo";
declare const connection: DbConnection;
connection.reducers.buyAnimal({ species: 1, cage: undefined, moods: [], class: 3 });
"""


@pytest.mark.slow
def test_the_compiler_takes_the_bindings_and_refuses_wrong_use(tmp_path: Path) -> None:
    require_node("spacetimedb", "typescript")
    (tmp_path / "zoo.ts").write_text(bindings(zoo, private=True))
    (tmp_path / "use.ts").write_text(USE)

    type_check(tmp_path, "use.ts")

    (tmp_path / "wrong.ts").write_text(WRONG)
    with pytest.raises(AssertionError, match="not assignable to type 'string'"):
        type_check(tmp_path, "wrong.ts")


SHOW = """
import * as made from "./zoo";
import { BinaryReader, BinaryWriter } from "spacetimedb";

const connection = made.DbConnection.builder()
  .withUri("ws://127.0.0.1:1").withDatabaseName("zoo").build();
const writer = new BinaryWriter(64);
const animals = made.REMOTE_MODULE.tables["animal"];
console.log(JSON.stringify({
  tables: Object.keys(connection.db),
  wire: Object.values(made.REMOTE_MODULE.tables).map(each => each.sourceName),
  reducers: Object.keys(connection.reducers),
  procedures: Object.keys(connection.procedures),
  sql: made.tables.animal.where(row => row.animalId.eq(5n)).toSql(),
  odd: made.tables.hitPointsAll.where(row => row.theFirst.eq(5)).toSql(),
  keys: Object.keys(connection.db.animal).includes("species"),
}));
process.exit(0);
"""


@pytest.mark.slow
def test_the_package_builds_a_connection_of_the_bindings(tmp_path: Path) -> None:
    node = require_node("spacetimedb", "esbuild")
    (tmp_path / "zoo.ts").write_text(bindings(zoo))
    (tmp_path / "show.ts").write_text(SHOW)
    bundle(tmp_path / "show.ts", tmp_path / "show.mjs")

    run = run_tool(node, "show.mjs", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])  # it logs, too
    tables = [
        *("animal", "number", "hit points → all", "height", "weather", "roar"),
        *("feeding", "keepers.session", "my_animals", "heaviest"),
    ]
    assert told["wire"] == tables
    assert told["tables"] == [
        *("animal", "number", "hitPointsAll", "height", "weather", "roar"),
        *("feeding", "keepersSession", "myAnimals", "heaviest"),
    ]
    assert told["reducers"] == ["buyAnimal", "close", "keepers.logIn"]
    assert told["procedures"] == ["weigh", "waitFor"]
    assert told["sql"] == ('SELECT * FROM "animal" WHERE "animal"."animal_id" = 5')
    assert told["odd"] == (
        'SELECT * FROM "hit points → all" WHERE "hit points → all"."the first" = 5'
    )
    assert told["keys"]


@pytest.mark.slow
def test_rows_are_read_as_the_server_writes_them(tmp_path: Path) -> None:
    """The package reads bytes that qsdb has written, by the bindings."""
    node = require_node("spacetimedb", "esbuild")
    module = qsdb.Module("bytes")

    class Pair(qsdb.Row, module=module, public=True):
        id: u64 = qsdb.primary_key()
        names: tuple[str | None, ...] = ()

    bound = module.compiled().tables[0]
    data = encoder(bound.shape.kind)((7, ("a", None)))
    (tmp_path / "made.ts").write_text(bindings(module))
    (tmp_path / "show.ts").write_text(
        'import { Pair } from "./made";\n'
        'import { BinaryReader } from "spacetimedb";\n'
        f"const bytes = new Uint8Array({[*data]});\n"
        "const row = Pair.deserialize(new BinaryReader(bytes));\n"
        "console.log(JSON.stringify([`${row.id}`, row.names.map(x => x ?? null)]));\n"
    )
    bundle(tmp_path / "show.ts", tmp_path / "show.mjs")

    run = run_tool(node, "show.mjs", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == ["7", ["a", None]]
