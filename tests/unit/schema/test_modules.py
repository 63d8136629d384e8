"""Modules: what is declared on them, and every mistake of it in one error."""

import enum
import functools
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import attrs
import pytest

import qsdb
from qsdb import BTree, Hash, ReducerContext
from qsdb.schema.contexts import AnyContext
from qsdb.schema.functions import LIFECYCLE
from qsdb.schema.modules import BoundTable, ModuleSchema, derived
from qsdb.schema.rows import find_record
from qsdb.values import kinds as k


class Place(qsdb.Product):
    x: float


class Message(qsdb.Row):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index()
    text: str = ""


@pytest.fixture
def module() -> qsdb.Module:
    return qsdb.Module("chat")


def mistakes(module: qsdb.Module) -> list[str]:
    """Give what is wrong with a module, without its name in front."""
    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module)
    found = caught.value.mistakes
    assert all(each.startswith(f"module {module.name}, ") for each in found)
    assert all(each in str(caught.value) for each in found)
    return [each.removeprefix(f"module {module.name}, ") for each in found]


def names(schema: ModuleSchema) -> list[str]:
    return [each.schema.name for each in schema.tables]


# Modules and their names.


def test_a_module_has_a_name(module: qsdb.Module) -> None:
    assert module.name == "chat"
    assert repr(module) == "Module('chat')"


@pytest.mark.parametrize("name", ["", 5, None, b"chat", "\ud800"])
def test_a_name_is_text(name: Any) -> None:
    with pytest.raises(qsdb.SchemaError, match="a module's name is a str"):
        qsdb.Module(name)


def test_an_empty_module_is_a_module(module: qsdb.Module) -> None:
    assert attrs.asdict(module.compiled()) == attrs.asdict(
        ModuleSchema("chat", (), {}, {})
    )


def test_modules_know_nothing_of_each_other(module: qsdb.Module) -> None:
    other = qsdb.Module("chat")
    module.add_table(Message)

    @other.reducer
    def send(ctx: ReducerContext) -> None: ...

    assert names(module.compiled()) == ["message"]
    assert names(other.compiled()) == []
    assert list(module.compiled().reducers) == []
    assert list(other.compiled().reducers) == ["send"]


def test_a_module_is_compiled_once_until_it_changes(module: qsdb.Module) -> None:
    first = module.compiled()

    assert module.compiled() is first

    module.add_table(Message)
    second = module.compiled()
    assert second is not first

    @module.reducer
    def send(ctx: ReducerContext) -> None: ...

    third = module.compiled()
    assert list(third.reducers) == ["send"]

    @module.init
    def init(ctx: ReducerContext) -> None: ...

    assert list(module.compiled().lifecycle) == ["init"]
    assert not third.lifecycle


# Tables.


def test_a_class_keyword_makes_a_table(module: qsdb.Module) -> None:
    class User(
        qsdb.Row,
        module=module,
        name="users",
        public=True,
        primary_key=("a", "b"),
        unique=[("b", "a")],
        indexes=[BTree("a", "b", name="by_a"), Hash("b")],
    ):
        a: qsdb.u8
        b: qsdb.u8

    (bound,) = module.compiled().tables

    assert bound.row_class is User
    assert bound.schema.name == "users"
    assert bound.schema.is_public
    assert bound.schema.primary_key == (0, 1)
    assert [each.accessor for each in bound.schema.indexes] == ["b_a", "by_a", "b"]


def test_one_class_may_have_several_tables(module: qsdb.Module) -> None:
    class User(qsdb.Row, module=module):
        a: qsdb.u8 = qsdb.primary_key()
        b: qsdb.u8

    module.add_table(User, name="user_archive", public=True, indexes=[BTree("b")])
    module.add_table(User, name="user_old")

    schema = module.compiled()

    assert names(schema) == ["user", "user_archive", "user_old"]
    assert all(each.row_class is User for each in schema.tables)
    assert [each.schema.is_public for each in schema.tables] == [False, True, False]
    assert [len(each.schema.indexes) for each in schema.tables] == [0, 1, 0]
    with qsdb.Database(module) as db, db.write() as tx:
        tx[User].insert(User(1, 2))
        tx.user_archive.insert(User(3, 4))
        assert list(tx.user) == [User(1, 2)]
        assert tx[User] is tx.user
        assert list(tx.table("user_archive").b.filter(4)) == [User(3, 4)]


def test_a_class_of_another_module_may_have_a_table(module: qsdb.Module) -> None:
    other = qsdb.Module("other")

    class User(qsdb.Row, module=other, name="users"):
        a: qsdb.u8 = qsdb.primary_key()

    module.add_table(User)

    assert names(module.compiled()) == ["user"]
    assert names(other.compiled()) == ["users"]


def test_options_are_taken_as_they_are_at_the_call(module: qsdb.Module) -> None:
    key, indexes = ["id", "room"], [BTree("room", name="by_room")]

    class Entry(qsdb.Row):
        id: qsdb.u8
        room: str

    module.add_table(Entry, primary_key=key, indexes=iter(indexes), unique=iter([key]))
    key.clear()
    indexes.clear()

    (bound,) = module.compiled().tables
    assert bound.schema.primary_key == (0, 1)
    assert [each.accessor for each in bound.schema.indexes] == ["by_room"]


@pytest.mark.parametrize(
    "row_class",
    [int, Place, Message(room="a"), "Message", None, qsdb.Product, qsdb.Row],
)
def test_a_table_is_made_of_a_row_class(module: qsdb.Module, row_class: Any) -> None:
    with pytest.raises(qsdb.SchemaError, match=r"no class derived from qsdb\.Row"):
        module.add_table(row_class)

    assert module.compiled().tables == ()


def test_an_unknown_class_keyword_is_refused_at_once(module: qsdb.Module) -> None:
    with pytest.raises(qsdb.SchemaError) as caught:

        class User(qsdb.Row, module=module, pubic=True, colour=1):  # type: ignore[call-arg]
            a: qsdb.u8

    assert str(caught.value) == (
        "User: no class keyword pubic, colour; there are: module, name, public, "
        "primary_key, unique, indexes, event, scheduled, missed, retry, "
        "renamed_from"
    )
    assert module.compiled().tables == ()


def test_the_row_class_is_no_class_keyword(module: qsdb.Module) -> None:
    with pytest.raises(qsdb.SchemaError, match="no class keyword row_class"):

        class User(qsdb.Row, module=module, row_class=Message):  # type: ignore[call-arg]
            a: qsdb.u8


@pytest.mark.parametrize(
    "options",
    [
        {"primary_key": "a"},
        {"primary_key": 5},
        {"unique": "a"},
        {"unique": 5},
        {"unique": [5]},
        {"unique": ["a"]},
        {"indexes": 5},
        {"indexes": BTree("a")},
        {"indexes": ["a"]},
        {"indexes": {"a": 1}},
        {"public": "yes"},
        {"name": 5},
        {"name": ""},
        {"name": "st_a"},
    ],
    ids=str,
)
@pytest.mark.parametrize("way", ["class keyword", "add_table"])
def test_a_wrong_option_is_told_with_the_table(
    module: qsdb.Module, way: str, options: dict[str, Any]
) -> None:
    if way == "class keyword":

        class Entry(qsdb.Row, module=module, **options):
            a: qsdb.u8
    else:

        class Entry(qsdb.Row):  # type: ignore[no-redef]
            a: qsdb.u8

        module.add_table(Entry, **options)

    name = options.get("name", "entry")
    found = mistakes(module)
    assert len(found) == 1
    assert found[0].startswith(f"table {name}")


def test_two_tables_cannot_share_a_name(module: qsdb.Module) -> None:
    class First(qsdb.Row, module=module, name="entry"):
        a: qsdb.u8

    class Entry(qsdb.Row, module=module):
        a: qsdb.u8

    module.add_table(Entry)

    assert mistakes(module) == ["table entry: it is declared twice"] * 2


def test_a_table_declared_twice_is_told_besides_its_other_mistakes(
    module: qsdb.Module,
) -> None:
    class Entry(qsdb.Row, module=module, primary_key=("x",)):
        a: qsdb.u8

    module.add_table(Entry, primary_key=("y",))

    assert [each.partition(";")[0] for each in mistakes(module)] == [
        "table entry, primary_key: no column x",
        "table entry: it is declared twice",
        "table entry, primary_key: no column y",
    ]


def test_the_mistakes_of_a_class_are_told_once(module: qsdb.Module) -> None:
    class Bad(qsdb.Row, module=module, name="good"):
        tags: list[str]

    module.add_table(Bad, name="better")

    assert mistakes(module) == [
        (
            "table good, Bad.tags: list[str] can change, and rows cannot: "
            "write tuple[str, ...]"
        )
    ]


def test_names_cannot_go_round_in_a_circle(module: qsdb.Module) -> None:
    was = qsdb.column

    class One(qsdb.Row, module=module, renamed_from="three"):
        a: int = was(renamed_from="b")
        b: int = was(renamed_from="a")
        c: int = was(renamed_from="a")
        d: int = was(renamed_from="d")

    class Two(qsdb.Row, module=module, renamed_from="one"):
        a: int = was(renamed_from="z")

    class Three(qsdb.Row, module=module, renamed_from="two"):
        a: int = was(renamed_from=["a"])  # type: ignore[call-overload]

    why = (
        "by renamed_from they are in a circle, and nothing would show that it is done; "
        "rename one of them to a third name, and in a later module from that"
    )
    assert mistakes(module) == [
        f"table one, columns a, b: {why}",
        "table three, column a, renamed_from: the name ['a'] is not a str",
        f"tables one, three, two: {why}",
    ]


# Functions.


def test_a_reducer_is_given_back_as_it_is(module: qsdb.Module) -> None:
    def send(ctx: ReducerContext, room: str) -> str:  # noqa: ARG001
        return room

    assert module.reducer(send) is send
    assert module.reducer()(send) is send
    assert module.reducer(private=True)(send) is send
    assert module.init(send) is send  # type: ignore[arg-type, comparison-overlap]


def test_reducers_are_told_apart(module: qsdb.Module) -> None:
    @module.reducer
    def send(ctx: ReducerContext, room: str) -> None: ...

    @module.reducer(private=True)
    def clean(ctx: ReducerContext) -> None: ...

    reducers = module.compiled().reducers

    assert list(reducers) == ["send", "clean"]
    assert reducers["send"].function is send
    assert [each.is_private for each in reducers.values()] == [False, True]
    assert [each.name for each in reducers["send"].parameters.parameters] == ["room"]
    assert reducers["send"].check("a") == ("a",)


async def coroutine(ctx: ReducerContext) -> None: ...
async def async_generator(ctx: ReducerContext) -> Any:  # noqa: ARG001
    yield 1


def generator(ctx: ReducerContext) -> Iterator[int]:  # noqa: ARG001
    yield 1


class Callee:
    def __call__(self, ctx: ReducerContext) -> None: ...
    def method(self, ctx: ReducerContext) -> None: ...


WRONG_FUNCTIONS = [
    pytest.param(coroutine, "{} coroutine is a coroutine; {} runs", id="coroutine"),
    pytest.param(async_generator, "is a coroutine", id="async generator"),
    pytest.param(generator, "{} generator is a generator", id="generator"),
    pytest.param(Callee(), "{1} is a plain function", id="object"),
    pytest.param(Callee().method, "{1} is a plain function", id="method"),
    pytest.param(Callee, "{1} is a plain function", id="class"),
    pytest.param(functools.partial(generator), "a plain function", id="partial"),
    pytest.param(print, "{1} is a plain function", id="built-in"),
    pytest.param("send", "{1} is a plain function", id="name"),
    pytest.param(5, "{1} is a plain function", id="number"),
]


@pytest.mark.parametrize(("function", "said"), WRONG_FUNCTIONS)
@pytest.mark.parametrize(
    ("decorator", "any_one"),
    [
        ("reducer", "a reducer"),
        ("reducer()", "a reducer"),
        ("init", "init"),
        ("client_connected", "client_connected"),
        ("migration(from_=None)", "a migration"),
    ],
)
def test_what_can_never_run_as_one_transaction_is_refused_at_once(
    module: qsdb.Module, decorator: str, any_one: str, function: Any, said: str
) -> None:
    declare: Callable[[Any], Any] = eval(f"module.{decorator}")
    sort = any_one.removeprefix("a ")

    with pytest.raises(qsdb.SchemaError, match=said.format(sort, any_one)):
        declare(function)

    assert attrs.asdict(module.compiled()) == attrs.asdict(
        ModuleSchema("chat", (), {}, {})
    )


def test_whether_a_function_is_private_is_a_bool(module: qsdb.Module) -> None:
    @module.reducer(private=1)  # type: ignore[call-overload, untyped-decorator, unused-ignore]
    def send(ctx: ReducerContext) -> None: ...

    @module.procedure(private="x")  # type: ignore[call-overload, untyped-decorator, unused-ignore]
    def fetch(ctx: qsdb.ProcedureContext) -> None: ...

    assert mistakes(module) == [
        "reducer send, private: 1 is not a bool",
        "procedure fetch, private: 'x' is not a bool",
    ]
    with (
        qsdb.Database(qsdb.Module("chat")) as db,
        pytest.raises(qsdb.SchemaError, match="private: 1 is not a bool"),
    ):
        db.plan(module)


class Whoever(Protocol):
    sender: qsdb.Identity


CONTEXTS: dict[str, list[Any]] = {
    "reducer": [ReducerContext, AnyContext, object, Any, Whoever, "Unknown"],
    "init": [ReducerContext],
    "client_connected": [ReducerContext],
    "procedure": [qsdb.ProcedureContext, AnyContext],
    "migration(from_='0123456789abcdef')": [qsdb.MigrationContext, ReducerContext],
}
OTHERS: dict[str, Any] = {
    "MigrationContext": qsdb.MigrationContext,
    "ReducerContext": "ReducerContext",
    "ProcedureContext": qsdb.ProcedureContext,
    "ViewContext": qsdb.ViewContext,
    "u8": qsdb.u8,
    "list[int]": list[int],
}


@pytest.mark.parametrize("decorator", CONTEXTS)
def test_the_context_is_one_of_its_sort(decorator: str) -> None:
    def declared(annotation: Any) -> qsdb.Module:
        def do(ctx: Any) -> None: ...

        do.__annotations__["ctx"] = annotation
        module = qsdb.Module("chat")
        eval(f"module.{decorator}", {"module": module})(do)
        return module

    admitted, sort = CONTEXTS[decorator], decorator.partition("(")[0]
    for given in admitted:
        declared(given).compiled()
    is_hook = sort in ("init", "client_connected")
    name = (ReducerContext if is_hook else admitted[0]).__name__
    start = f"{'reducer' if is_hook else sort} do, the context: it is a qsdb.{name}"
    for shown, given in OTHERS.items():
        if shown not in [getattr(each, "__name__", "") for each in admitted]:
            assert mistakes(declared(given)) == [f"{start}, not {shown}"]


def test_two_reducers_cannot_share_a_name(module: qsdb.Module) -> None:
    def first() -> None:
        @module.reducer
        def send(ctx: ReducerContext) -> None: ...

    first()
    first()

    assert mistakes(module) == ["reducer send: it is declared twice"]


def test_names_are_compared_also_of_what_is_wrong(module: qsdb.Module) -> None:
    def first() -> None:
        @module.reducer
        def send(ctx: ReducerContext, text: object) -> None: ...

    def second() -> None:
        @module.procedure
        def send(ctx: qsdb.ProcedureContext, text: object) -> None: ...

    for declare in (first, first, second, second):
        declare()

    told = mistakes(module)
    assert told.count("reducer send: it is declared twice") == 1
    assert told.count("procedure send: there is a reducer of this name") == 1
    assert told.count("procedure send: it is declared twice") == 1


def test_one_function_is_registered_once(module: qsdb.Module) -> None:
    @module.reducer
    @module.reducer(private=True)
    def send(ctx: ReducerContext) -> None: ...

    assert mistakes(module) == ["reducer send: it is declared twice"]


def test_a_reducer_needs_a_name(module: qsdb.Module) -> None:
    module.reducer(lambda ctx: None)  # noqa: ARG005

    assert mistakes(module) == ["reducer <lambda>: it needs a name to be called by"]


def test_a_parameter_needs_an_annotation(module: qsdb.Module) -> None:
    @module.reducer
    def send(ctx, room, text: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    assert mistakes(module) == [
        (
            "reducer send, parameter room: it needs an annotation: "
            "arguments are checked by it"
        )
    ]


Hook = Callable[[ReducerContext], None]


@pytest.mark.parametrize("turn", LIFECYCLE)
def test_there_is_one_function_for_each_turn(module: qsdb.Module, turn: str) -> None:
    declare: Callable[[Hook], Hook] = getattr(module, turn)

    @declare
    def start(ctx: ReducerContext) -> None: ...

    with pytest.raises(qsdb.SchemaError, match=f"module chat: {turn} is start already"):

        @declare
        def again(ctx: ReducerContext) -> None: ...

    assert module.compiled().lifecycle[turn].function is start
    assert list(module.compiled().lifecycle) == [turn]


@pytest.mark.parametrize("turn", LIFECYCLE)
def test_lifecycle_functions_take_the_context_alone(
    module: qsdb.Module, turn: str
) -> None:
    declare: Callable[[Hook], Hook] = getattr(module, turn)

    @declare
    def start(ctx: ReducerContext, room: str = "a") -> None: ...

    assert mistakes(module) == [f"{turn} start: it takes the context and nothing else"]


def test_init_has_the_mistakes_of_any_signature(module: qsdb.Module) -> None:
    @module.init  # type: ignore[arg-type]
    def start(ctx, room) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    assert "parameter room: it needs an annotation" in mistakes(module)[0]


def test_init_may_share_its_name_with_a_reducer(module: qsdb.Module) -> None:
    def declare() -> None:
        @module.reducer
        def start(ctx: ReducerContext) -> None: ...

    declare()

    @module.init
    def start(ctx: ReducerContext) -> None: ...

    assert list(module.compiled().reducers) == ["start"]


# All mistakes at once.


def test_all_mistakes_of_a_module_are_told_in_one_error(module: qsdb.Module) -> None:
    class Empty(enum.Enum): ...

    class Bad(
        qsdb.Row,
        module=module,
        name="st_bad",
        primary_key=("nowhere",),
        indexes=[BTree("tags", "nothing")],
    ):
        tags: list[str]
        empty: Empty
        twin: qsdb.u8 = qsdb.column(name="tags")

    class Other(qsdb.Row, module=module, name="st_bad"):
        _hidden: qsdb.u8
        any: Any
        level: qsdb.u8 = qsdb.index("tree", default=256)  # type: ignore[call-overload]
        room: str  # type: ignore[misc]

    @module.reducer
    def send(ctx, room, *rest: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    @module.init  # type: ignore[arg-type]
    def init(ctx: ReducerContext, a: str) -> None: ...

    found = mistakes(module)

    expected = [
        "table st_bad, Bad.tags: list[str] can change, and rows cannot",
        "table st_bad, Bad.empty: enum Empty has 0 members",
        "table st_bad, primary_key: no column nowhere",
        "table st_bad, BTree('tags', 'nothing'): no column nothing",
        "table st_bad: names beginning with st_",
        "table st_bad, column twin: the name 'tags' is that of tags already",
        "table st_bad: it is declared twice",
        "table st_bad, Other.any: Any is no column kind",
        "table st_bad, Other.level: the default 256 is not an int",
        "table st_bad, Other._hidden: a column's attribute cannot begin",
        "table st_bad, Other.room: a column without a default cannot follow level",
        "table st_bad, column level: index('tree') is none of",
        "table st_bad: names beginning with st_",
        "reducer send, parameter room: it needs an annotation",
        "reducer send, parameter rest: a reducer takes no variadic positional",
        "init init: it takes the context and nothing else",
    ]
    assert len(found) == len(expected), "\n".join(found)
    for mistake, said in zip(found, expected, strict=True):
        assert mistake.startswith(said)


def test_a_module_with_mistakes_may_be_mended(module: qsdb.Module) -> None:
    @module.reducer
    def send(ctx: ReducerContext, at: "Missing") -> None: ...

    class Waiting(qsdb.Row, module=module):
        at: "Missing"

    assert len(mistakes(module)) == 2

    class Missing(qsdb.Product):
        x: float

    with qsdb.Database(module) as db:
        db.call(send, Missing(1.0))
        with db.write() as tx:
            tx[Waiting].insert(Waiting(Missing(1.0)))


def test_what_stands_around_a_reducer_is_let_go(module: qsdb.Module) -> None:
    class Heavy: ...

    def declare() -> "weakref.ref[Heavy]":
        heavy = Heavy()

        @module.reducer
        def send(ctx: ReducerContext, room: "str") -> None: ...

        return weakref.ref(heavy)

    heavy = declare()
    module.compiled()

    assert heavy() is None

    @module.reducer
    def another(ctx: ReducerContext) -> None: ...

    assert list(module.compiled().reducers) == ["send", "another"]


# What the store makes of a table.


def bound(module: qsdb.Module) -> BoundTable:
    class Keyed(qsdb.Row, module=module, primary_key=("who", "mood")):
        who: qsdb.Identity
        mood: "Mood"
        level: qsdb.u8 = 0

    return module.compiled().tables[0]


class Mood(enum.Enum):
    calm = 0
    angry = 1


def test_a_key_is_shown_as_users_see_it(module: qsdb.Module) -> None:
    table = bound(module)
    who = qsdb.Identity.from_claims("a", "b")

    assert table.users_key((0, 1), (bytes(who), 1)) == (who, Mood.angry)
    assert table.users_key((0,), bytes(who)) == who
    assert table.users_key((2, 1), (7, 0)) == (7, Mood.calm)


def test_what_is_derived_of_a_table_is_made_once(module: qsdb.Module) -> None:
    made: list[BoundTable] = []

    @derived
    def letters(table: BoundTable) -> str:
        """Give a name."""
        made.append(table)
        return table.schema.name

    table, other = bound(module), bound(qsdb.Module("other"))

    assert [letters(table), letters(table), letters(other)] == ["keyed"] * 3
    assert made == [table, other]
    assert letters.__doc__ == "Give a name."


def test_the_row_class_and_the_shape_are_at_hand(module: qsdb.Module) -> None:
    table = bound(module)

    assert [each.attribute for each in table.shape.columns] == ["who", "mood", "level"]
    assert table.shape.columns[2].binding.kind == k.U8
    found = find_record(table.row_class)
    assert found is not None
    assert found[1].kind == table.shape.kind


def test_a_module_is_compiled_once_for_many_threads() -> None:
    module = qsdb.Module("shared")

    class Thing(qsdb.Row, module=module):
        a: int

    with ThreadPoolExecutor(8) as pool:
        schemas = list(pool.map(lambda _: module.compiled(), range(32)))

    assert all(schema is schemas[0] for schema in schemas)
    assert schemas[0].tables[0].row_class is Thing


def test_the_hash_of_a_schema_needs_no_row_filters() -> None:
    def made() -> qsdb.Module:
        module = qsdb.Module("m")

        class Seat(qsdb.Row, module=module, public=True):
            number: int

        return module

    filtered = made()
    filtered.row_filter("SELECT * FROM seat WHERE number > 1")
    assert filtered.schema_hash() == made().schema_hash()
