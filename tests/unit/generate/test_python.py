"""Python sources for clients: what they declare, and what type checkers say."""

import enum
import importlib.util
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import qsdb
from qsdb import u8, u64
from qsdb.generate.python_client import python_client
from qsdb.runtime.row_filters import check_filters
from qsdb.schema.functions import Reducer
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.parameters import Parameters
from qsdb.schema.procedures import Procedure
from qsdb.server.algebraic_types import inline_product, inline_type
from qsdb.server.definition_tables import row_kind
from qsdb.values.compounds import Field, ProductKind
from tests.support.sources import ROOT
from tests.support.zoo import zoo
from tests.unit.server.test_definitions import town

COMMAND = "python -m qsdb generate --lang python x:y"


def source_of(module: qsdb.Module, *, private: bool = False) -> str:
    schema = module.compiled(check_filters)
    return python_client(schema, command=COMMAND, private=private)


def load(source: str, path: Path) -> types.ModuleType:
    """Import a source as a client does."""
    file = path / "made_client.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("made_client", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def described(schema: ModuleSchema, *, private: bool) -> Mapping[str, Any]:
    """Give what goes over the network, by name."""
    found: dict[str, Any] = {}
    views = [each.bound for each in schema.views.values()]
    for bound in (*schema.tables, *views):
        if private or bound.schema.is_public:
            table = bound.schema
            found[f"table {table.name}"] = (
                inline_product(row_kind(bound)),
                [each.attribute for each in table.columns],
                [each.auto_inc for each in table.columns],
                (table.primary_key, {*table.indexes}, table.is_event, table.is_public),
            )
    functions: list[Reducer | Procedure] = [*schema.reducers.values()]
    functions += schema.procedures.values()
    for function in functions:
        if private or not function.is_private:
            returns = function.returns
            found[f"function {function.name}"] = (
                parameters_of(function.parameters),
                None if returns is None else inline_type(returns.kind),
                function.is_private,
            )
    for view in schema.views.values():
        if private or view.bound.schema.is_public:
            gives = "option" if view.gives == "option" else "list"
            found[f"view {view.name}"] = (
                parameters_of(view.parameters),
                (view.is_anonymous, gives),
            )
    return found


def parameters_of(parameters: Parameters) -> list[tuple[str, object]]:
    fields = [Field(each.name, each.binding.kind) for each in parameters.parameters]
    data = inline_product(ProductKind("parameters", tuple(fields)))
    return [*data.items()]


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("module", [zoo, town], ids=lambda each: each.name)
def test_a_client_knows_what_goes_over_the_network(
    module: qsdb.Module,
    private: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    made = load(source_of(module, private=private), tmp_path)

    schema: ModuleSchema = made.module.compiled(check_filters)
    expected = described(module.compiled(check_filters), private=private)
    assert described(schema, private=private) == expected
    assert schema.name == module.name


def test_the_header_says_what_made_it() -> None:
    assert source_of(zoo).splitlines()[:5] == [
        '"""The client\'s side of the module zoo.',
        "",
        f"Made by: {COMMAND}",
        "Do not edit it.",
        '"""',
    ]


def test_a_header_stays_a_docstring(tmp_path: Path) -> None:
    module = qsdb.Module('"""\nraise SystemExit \\')

    made = load(source_of(module), tmp_path)

    assert made.module.name == module.name


def test_the_same_module_gives_the_same_source() -> None:
    assert source_of(zoo) == source_of(zoo)


def test_functions_run_on_the_server_alone(tmp_path: Path) -> None:
    made = load(source_of(zoo), tmp_path)

    with qsdb.Database(made.module) as db, pytest.raises(NotImplementedError):
        db.call(made.close)


def test_a_connection_is_what_it_was(tmp_path: Path) -> None:
    made = load(source_of(zoo), tmp_path)
    connection = object()

    assert made.typed(connection) is connection
    assert made.typed_async(connection) is connection


def test_defaults_are_literals_of_the_last_parameters() -> None:
    module = qsdb.Module("defaults")

    class Mood(enum.Enum):
        calm = 0

    @module.reducer
    def some(
        ctx: qsdb.ReducerContext,
        a: u8 = 1,
        b: Mood = Mood.calm,
        c: float = float("inf"),
        d: str | None = None,
        e: bytes = b"\x00",
        f: float = 0.5,
    ) -> None:
        """Have defaults of many sorts."""

    @module.reducer
    def other(ctx: qsdb.ReducerContext, a: u8 = 1, g: Mood = Mood.calm) -> None:
        """Have one that is no literal."""

    source = source_of(module)

    for line in (
        "a: qsdb.u8,",
        "g: Mood,",
        "b: Mood,",
        "c: qsdb.f64,",
        "d: str | None = None,",
        "e: bytes = b'\\x00',",
        "f: qsdb.f64 = 0.5,",
    ):
        assert f"    {line}\n" in source


def test_variants_of_a_union_keep_their_order(tmp_path: Path) -> None:
    """A union's tags go by the order of classes, which may be used in another."""
    module = qsdb.Module("unions")

    class First(qsdb.Product):
        a: u8

    class Second(qsdb.Product):
        b: u8

    class Third(qsdb.Product):
        c: u8

    class Thing(qsdb.Row, module=module, public=True):
        third: Third
        second: Second
        either: Second | Third
        any: Third | Second | First

    made = load(source_of(module), tmp_path)

    schemas = [module.compiled(), made.module.compiled()]
    first, second = [described(each, private=False) for each in schemas]
    assert first == second


def test_names_that_are_taken_get_others(tmp_path: Path) -> None:
    module = qsdb.Module("taken")

    class module_(qsdb.Product):  # noqa: N801
        x: u8

    class Connection(qsdb.Row, module=module, public=True):
        id: u64 = qsdb.primary_key()
        inner: module_
        many: tuple[str, ...]

    module.add_table(Connection, name="further", public=True, primary_key=())
    for name in (
        *("qsdb", "list", "str", "tuple", "module", "typed", "cast", "enum"),
        "property",
    ):

        def function(ctx: qsdb.ReducerContext, self: list[str]) -> list[str]:
            """Have a name that the source needs."""
            raise NotImplementedError

        function.__name__ = name
        module.reducer(function)

    made = load(source_of(module), tmp_path)

    schema = made.module_2.compiled()
    expected = described(module.compiled(), private=False)
    assert described(schema, private=False) == expected
    assert made.Connection.__name__ == "Connection"
    assert made.Connection_2 is not made.Connection


def test_names_that_python_reserves_get_others(tmp_path: Path) -> None:
    module = qsdb.Module("reserved")
    Odd = enum.Enum("Odd", [("class", 0), ("a b", 1), ("name", 2)])  # noqa: N806

    class Place(qsdb.Product):
        x: u8

    Place.__name__ = "class"

    class Thing(qsdb.Row, module=module, public=True):
        odd: Odd
        x: u8 = qsdb.column(name="class")
        y: u8 = qsdb.column(name="_y")
        z: u8 = qsdb.column(name="→")
        at: Place = Place(1)

    made = load(source_of(module), tmp_path)

    assert [each.name for each in made.Odd] == ["class", "a b", "name"]
    expected = described(module.compiled(), private=False)
    assert described(made.module.compiled(), private=False) == expected


def test_a_module_in_a_module_in_a_module(tmp_path: Path) -> None:
    inner, middle, outer = map(qsdb.Module, ("inner", "middle", "outer"))

    class Deep(qsdb.Row, module=inner, public=True):
        id: u64 = qsdb.primary_key()

    @inner.reducer
    def dig(ctx: qsdb.ReducerContext) -> None:
        """Be deep."""

    @inner.procedure
    def wait(ctx: qsdb.ProcedureContext, seconds: u64 = 1) -> str:
        raise NotImplementedError  # never run: only its declaration is read

    @inner.view(public=True)
    def deepest(ctx: qsdb.AnonymousViewContext, most: u64) -> list[Deep]:
        raise NotImplementedError  # never run: only its declaration is read

    middle.mount("low", inner)
    outer.mount("mid", middle)
    outer.mount("other", inner)

    made = load(source_of(outer), tmp_path)

    expected = described(outer.compiled(), private=False)
    assert described(made.module.compiled(), private=False) == expected
    assert "table mid.low.deep" in expected
    with qsdb.Database(made.module) as db, db.connect() as connection:
        reducers = made.typed(connection).reducers
        with pytest.raises(NotImplementedError):
            reducers.mid.low.dig()
        # As reducers of a generated client do: only the server has their code.
        with pytest.raises(NotImplementedError):
            made.typed(connection).procedures.mid.low.wait(2)


USE = """
import qsdb
import zoo_client
from zoo_client import Animal, Mood, typed, typed_async


def use(given: qsdb.Connection) -> None:
    connection = typed(given)
    bought: int = connection.reducers.buy_animal("lion", None, [Mood.calm])
    connection.reducers.keepers.log_in("Ada")
    weight: float | None = connection.procedures.weigh(1)
    given.call(zoo_client.buy_animal, "lion", None, [Mood.calm], 4)
    for animal in given.db[Animal]:
        animal.species


async def use_async(given: object) -> None:
    connection = typed_async(given)
    bought: int = await connection.reducers.buy_animal("lion", None, [Mood.calm])
    await connection.reducers.keepers.log_in("Ada")
    await connection.close()
"""

WRONG = """
import qsdb
from zoo_client import typed


def use(given: qsdb.Connection) -> None:
    typed(given).reducers.buy_animal(1, None, [])
    typed(given).reducers.sell_animal()
"""


def mypy(folder: Path, name: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", name],
        cwd=folder,
        env={"MYPYPATH": str(ROOT), "PATH": "", "HOME": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return run.stdout + run.stderr


@pytest.mark.slow
def test_type_checkers_know_the_functions(tmp_path: Path) -> None:
    (tmp_path / "zoo_client.py").write_text(source_of(zoo), encoding="utf-8")
    (tmp_path / "use.py").write_text(USE)
    (tmp_path / "wrong.py").write_text(WRONG)

    assert mypy(tmp_path, "use.py") == "Success: no issues found in 1 source file\n"
    told = mypy(tmp_path, "wrong.py")
    assert 'incompatible type "int"; expected "str"' in told
    assert 'has no attribute "sell_animal"' in told
    assert "Found 2 errors" in told
