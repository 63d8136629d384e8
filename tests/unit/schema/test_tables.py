"""Tables as the engine knows them: names, keys and indexes, and their mistakes."""

from typing import Any

import pytest

import qsdb
from qsdb import BTree, Hash
from qsdb.schema.rows import shape_of
from qsdb.schema.tables import (
    ColumnSchema,
    IndexSchema,
    TableOptions,
    TableSchema,
    fault_of_name,
    snake_case,
    table_schema,
)
from qsdb.values import kinds as k


class Message(qsdb.Row):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index()
    sender: qsdb.Identity = qsdb.index("hash", name="the sender")
    sent: qsdb.Timestamp
    text: str = qsdb.unique(default="")


class Bare(qsdb.Row):
    a: qsdb.u8
    b: qsdb.u8
    c: qsdb.u8


def schema(row_class: type[Any], **options: Any) -> TableSchema:
    return table_schema(shape_of(row_class), TableOptions(**options))  # type: ignore[arg-type]


def mistakes(row_class: type[Any], **options: Any) -> list[str]:
    """Give what is wrong with a table; each tells the table's name first."""
    with pytest.raises(qsdb.SchemaError) as caught:
        schema(row_class, **options)
    name = options.get("name", snake_case(row_class.__name__))
    shown = name if isinstance(name, str) else repr(name)
    assert all(each.startswith(f"table {shown}") for each in caught.value.mistakes)
    return list(caught.value.mistakes)


def only_mistake(row_class: type[Any], **options: Any) -> str:
    found = mistakes(row_class, **options)
    assert len(found) == 1, found
    return found[0]


# Names.


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("User", "user"),
        ("user", "user"),
        ("ChatMessage", "chat_message"),
        ("HTTPServer", "http_server"),
        ("ServerHTTP", "server_http"),
        ("A", "a"),
        ("AB", "ab"),
        ("ABc", "a_bc"),
        ("HTTPLog2", "http_log2"),
        ("Log2Entry", "log2_entry"),
        ("Already_Snake", "already_snake"),
        ("_Private", "_private"),
        ("ÉtatÖl", "état_öl"),
        ("", ""),
    ],
)
def test_a_class_gives_its_table_a_name_in_snake_case(
    class_name: str, name: str
) -> None:
    assert snake_case(class_name) == name


@pytest.mark.parametrize(
    "name", ["a b", "größe", "select", "9", '"', "\n", "Sta", "st"]
)
def test_any_text_is_a_name(name: str) -> None:
    class Named(qsdb.Row):
        a: qsdb.u8 = qsdb.column(name=name)

    named = schema(Named, name=name)

    assert fault_of_name(name) is None
    assert (named.name, named.columns[0].name) == (name, name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "the name is empty"),
        (5, "the name 5 is not a str"),
        ((b"a",), "the name (b'a',) is not a str"),
        ("\ud800", "is not valid Unicode"),
    ],
)
def test_what_is_no_text_is_no_name(name: Any, said: str) -> None:
    class Named(qsdb.Row):
        a: qsdb.u8 = qsdb.column(name=name)
        b: qsdb.u8

    assert said in str(fault_of_name(name))
    assert said in mistakes(Bare, name=name)[0]
    assert said in only_mistake(Named)
    assert "column a" in only_mistake(Named)
    assert said in only_mistake(Bare, indexes=(BTree("a", name=name),))


@pytest.mark.parametrize("name", ["st_", "st_client", "st_table"])
def test_names_of_the_catalogue_are_taken(name: str) -> None:
    assert "names beginning with st_ belong to qsdb" in only_mistake(Bare, name=name)


def test_a_class_may_not_get_a_name_of_the_catalogue_either() -> None:
    class StClient(qsdb.Row):
        a: qsdb.u8

    assert "table st_client: names beginning with st_" in only_mistake(StClient)


def test_two_columns_cannot_share_a_name() -> None:
    class Twins(qsdb.Row):
        a: qsdb.u8
        b: qsdb.u8 = qsdb.column(name="a")
        c: qsdb.u8 = qsdb.column(name="d")
        d: qsdb.u8

    found = mistakes(Twins)

    assert found == [
        "table twins, column b: the name 'a' is that of a already",
        "table twins, column d: the name 'd' is that of c already",
    ]


def test_a_table_has_columns() -> None:
    class Nothing(qsdb.Row): ...

    assert "it has no columns" in only_mistake(Nothing)


# What comes out.


def test_a_table_is_its_columns_keys_and_indexes() -> None:
    assert schema(Message, public=True) == TableSchema(
        name="message",
        columns=(
            ColumnSchema("id", "id", k.U64, auto_inc=True),
            ColumnSchema("room", "room", k.STR),
            ColumnSchema("the sender", "sender", k.IDENTITY),
            ColumnSchema("sent", "sent", k.TIMESTAMP),
            ColumnSchema("text", "text", k.STR, default=""),
        ),
        primary_key=(0,),
        indexes=(
            IndexSchema("text", (4,), "unique"),
            IndexSchema("room", (1,), "btree"),
            IndexSchema("sender", (2,), "hash"),
        ),
        is_public=True,
    )


def test_a_table_may_be_bare() -> None:
    bare = schema(Bare)

    assert (bare.primary_key, bare.indexes, bare.is_public) == ((), (), False)
    assert bare.column_names((2, 0)) == ("c", "a")
    assert bare.column_names(()) == ()


def test_a_key_may_have_several_columns() -> None:
    assert schema(Bare, primary_key=("c", "a")).primary_key == (2, 0)
    assert schema(Bare, primary_key=("b",)).primary_key == (1,)


def test_unique_keys_and_indexes_may_have_several_columns() -> None:
    found = schema(
        Bare,
        unique=(("a", "b"), ("c",)),
        indexes=(BTree("b", "a", name="by_b"), Hash("a", "c"), BTree("c")),
    )

    assert found.indexes == (
        IndexSchema("a_b", (0, 1), "unique"),
        IndexSchema("c", (2,), "unique"),
        IndexSchema("by_b", (1, 0), "btree"),
        IndexSchema("a_c", (0, 2), "hash"),
        IndexSchema("c", (2,), "btree"),
    )


def test_a_column_may_be_unique_and_indexed() -> None:
    class Both(qsdb.Row):
        a: qsdb.u8 = qsdb.unique()
        b: qsdb.u8

    found = schema(Both, indexes=(BTree("a"),), unique=(("a", "b"),))

    assert [(each.accessor, each.algorithm) for each in found.indexes] == [
        ("a", "unique"),
        ("a_b", "unique"),
        ("a", "btree"),
    ]


def test_the_primary_key_is_no_further_unique_key() -> None:
    class Keyed(qsdb.Row):
        a: qsdb.u8 = qsdb.primary_key()
        b: qsdb.u8

    assert schema(Keyed, unique=(("a",),)).indexes == ()
    assert schema(Bare, primary_key=("a", "b"), unique=(("a", "b"),)).indexes == ()
    assert schema(Keyed, indexes=(BTree("a"),)).indexes == (
        IndexSchema("a", (0,), "btree"),
    )


# Keys that are none.


def test_two_columns_cannot_both_be_the_primary_key() -> None:
    class Two(qsdb.Row):
        a: qsdb.u8 = qsdb.primary_key()
        b: qsdb.u8 = qsdb.primary_key()

    mistake = only_mistake(Two)

    assert "table two, column b: a is the primary key already" in mistake
    assert "primary_key=('a', 'b')" in mistake


def test_one_table_has_one_sort_of_primary_key() -> None:
    class Two(qsdb.Row):
        a: qsdb.u8 = qsdb.primary_key()
        b: qsdb.u8

    mistake = only_mistake(Two, primary_key=("a", "b"))

    assert mistake == "table two, column a: the table has a primary_key=… already"


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ({"primary_key": ("a", "x")}, "primary_key"),
        ({"unique": (("a", "x"),)}, "unique ('a', 'x')"),
        ({"indexes": (BTree("a", "x", name="n"),)}, "BTree('a', 'x', name='n')"),
        ({"indexes": (Hash("x"),)}, "Hash('x')"),
    ],
)
def test_an_unknown_column_is_told_with_those_there_are(
    option: dict[str, object], what: str
) -> None:
    assert only_mistake(Bare, **option) == (
        f"table bare, {what}: no column x; there are: a, b, c"
    )


def test_indexes_name_attributes_and_not_columns() -> None:
    mistake = only_mistake(Message, indexes=(BTree("the sender"),))

    assert "no column the sender; there are: id, room, sender" in mistake


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"primary_key": "a"}, "primary_key: 'a' must be a tuple of columns"),
        ({"primary_key": 5}, "primary_key: 5 must be a tuple of columns"),
        ({"primary_key": ("a", "a")}, "primary_key: it names a column twice"),
        ({"primary_key": ("a", 5)}, "primary_key: no column 5"),
        ({"primary_key": (["a"],)}, "primary_key: no column ['a']"),
        ({"unique": "a"}, "unique: 'a' must be a list of tuples of columns"),
        ({"unique": 5}, "unique: 5 must be a list of tuples of columns"),
        ({"unique": ("a",)}, "unique 'a': 'a' must be a tuple of columns"),
        ({"unique": (5,)}, "unique 5: 5 must be a tuple of columns"),
        ({"unique": ((),)}, "unique (): it names no column"),
        ({"unique": (("a", "a"),)}, "it names a column twice"),
        ({"indexes": "a"}, "indexes: 'a' must be a list of BTree(…) and Hash(…)"),
        ({"indexes": BTree("a")}, "indexes: BTree('a') must be a list of"),
        ({"indexes": ("a",)}, "indexes: 'a' is no BTree(…) or Hash(…)"),
        ({"indexes": (("a", "b"),)}, "indexes: ('a', 'b') is no BTree(…)"),
        ({"indexes": (BTree,)}, "is no BTree(…) or Hash(…)"),
        ({"indexes": (BTree(),)}, "BTree(): it names no column"),
        ({"indexes": (BTree("a", "a"),)}, "BTree('a', 'a'): it names a column twice"),
        ({"indexes": (BTree(("a", "b")),)}, "no column ('a', 'b')"),  # type: ignore[arg-type]
        ({"indexes": (BTree(["a"]),)}, "no column ['a']"),  # type: ignore[arg-type]
        ({"public": "yes"}, "public: 'yes' is not a bool"),
        ({"public": 1}, "public: 1 is not a bool"),
    ],
    ids=str,
)
def test_a_table_option_of_a_wrong_form_is_told(
    option: dict[str, object], said: str
) -> None:
    mistake = only_mistake(Bare, **option)

    assert mistake.startswith("table bare, ")
    assert said in mistake


@pytest.mark.parametrize("kind", ["tree", "BTREE", "", 5])
def test_an_unknown_sort_of_index_is_told(kind: Any) -> None:
    class Wrong(qsdb.Row):
        a: qsdb.u8 = qsdb.index(kind)

    assert only_mistake(Wrong) == (
        f"table wrong, column a: index({kind!r}) is none of 'btree', 'hash'"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"indexes": (BTree("a", "b"), BTree("a", "b"))},
        {"indexes": (BTree("a", "b"), Hash("a", "b"))},
        {"indexes": (BTree("a", name="n"), BTree("a", name="n"))},
        {"unique": (("a", "b"), ("a", "b"))},
    ],
    ids=str,
)
def test_an_index_is_declared_once(options: dict[str, object]) -> None:
    assert "it is declared twice" in only_mistake(Bare, **options)


def test_an_index_of_a_column_is_declared_once() -> None:
    class Twice(qsdb.Row):
        a: qsdb.u8 = qsdb.index()
        b: qsdb.u8 = qsdb.unique()

    found = mistakes(Twice, indexes=(BTree("a"),), unique=(("b",),))

    assert [each.partition(":")[0] for each in found] == [
        "table twice, index b",
        "table twice, index a",
    ]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"indexes": (BTree("b", "c", name="a"),)}, "a"),
        ({"indexes": (Hash("b", name="a"),)}, "a"),
        ({"indexes": (BTree("a", name="n"), Hash("b", name="n"))}, "n"),
        ({"unique": (("a", "b"),), "indexes": (BTree("b", "a", name="a_b"),)}, "a_b"),
    ],
    ids=str,
)
def test_a_name_leads_to_one_sort_of_columns(
    options: dict[str, object], name: str
) -> None:
    mistake = mistakes(Bare, **options)[0]

    assert mistake.startswith(f"table bare, index {name}: ")


def test_a_joined_name_may_not_be_that_of_a_column() -> None:
    class Joined(qsdb.Row):
        a: qsdb.u8
        b: qsdb.u8
        a_b: qsdb.u8

    mistake = only_mistake(Joined, unique=(("a", "b"),))

    assert mistake == (
        "table joined, index a_b: the name stands for an index or "
        "column over a_b already"
    )


def test_all_mistakes_of_a_table_are_told_at_once() -> None:
    class Wrong(qsdb.Row):
        a: qsdb.u8 = qsdb.index("tree")  # type: ignore[call-overload]
        b: qsdb.u8 = qsdb.primary_key()
        c: qsdb.u8 = qsdb.primary_key()
        d: qsdb.u8 = qsdb.column(name="a")

    found = mistakes(
        Wrong,
        name="st_wrong",
        public=0,
        unique=(("x",),),
        indexes=(BTree("y"), 5, Hash("a", name="")),
    )

    assert len(found) == 9
    for said in ("tree", "column c", "'a'", "st_", "public", "no column x"):
        assert any(said in each for each in found), said
    for said in ("no column y", "5 is no", "is empty"):
        assert any(said in each for each in found), said
