"""Views: how they are declared, and what is wrong with a declaration."""

import functools
from typing import Any

import pytest

import qsdb
from qsdb import Identity, u8, u32, u64
from qsdb.schema.specifiers import MISSING
from qsdb.schema.views import View, ViewParameter, ViewSchema
from qsdb.values import kinds as k

Anonymous = qsdb.AnonymousViewContext


class User(qsdb.Row):
    identity: Identity = qsdb.primary_key()
    age: u8 = qsdb.index()
    name: str = qsdb.unique(default="nobody")


class Seat(qsdb.Row):
    row: u8
    place: u8
    taken: bool = False


class Rank(qsdb.Row):
    """Of no table."""

    place: u32 = qsdb.primary_key(auto_inc=True)
    name: str


class Count(qsdb.Product):
    of: str
    number: u64


class Wrong(qsdb.Row):
    what: list[int]


@pytest.fixture
def module() -> qsdb.Module:
    module = qsdb.Module("hall")
    module.add_table(User, public=True)
    module.add_table(Seat, primary_key=("row", "place"))
    return module


def add(module: qsdb.Module, name: str, returns: Any, **options: Any) -> None:
    """Declare a view that returns something."""

    def view(ctx: Any) -> Any: ...

    view.__name__ = name
    view.__annotations__ = {"ctx": options.pop("context", Anonymous), "return": returns}
    if returns is None:
        del view.__annotations__["return"]
    module.view(**options)(view)


def mistakes(module: qsdb.Module) -> list[str]:
    with pytest.raises(qsdb.SchemaError) as caught:
        module.compiled()
    return [each.removeprefix("module hall, ") for each in caught.value.mistakes]


def schema_of(view: View) -> ViewSchema:
    schema = view.bound.schema
    assert isinstance(schema, ViewSchema)
    return schema


def test_annotations_decide_what_a_view_is(module: qsdb.Module) -> None:
    @module.view
    def me(ctx: qsdb.ViewContext) -> User | None:
        return ctx.db[User].get(ctx.sender)

    @module.view(public=True, on_error="abort")
    def adults(ctx: Anonymous, least: u8 = 18) -> list[User]:
        return list(ctx.db.user.age.range(least))

    @module.view
    def named(_: "qsdb.ViewContext", name: str) -> "qsdb.Query[User]":
        return qsdb.Query("SELECT * FROM user WHERE name = :name", {"name": name})

    views = module.compiled().views
    assert [*views] == ["me", "adults", "named"]
    assert {
        name: (view.is_anonymous, view.gives, view.on_error, schema_of(view).is_public)
        for name, view in views.items()
    } == {
        "me": (False, "option", "suspend", False),
        "adults": (True, "list", "abort", True),
        "named": (False, "query", "suspend", False),
    }
    assert schema_of(views["adults"]).parameters == (ViewParameter("least", k.U8, 18),)
    assert schema_of(views["named"]).parameters == (ViewParameter("name", k.STR),)
    assert schema_of(views["named"]).parameters[0].default is MISSING
    assert views["me"].function is me


def test_a_context_without_annotation_knows_the_caller(module: qsdb.Module) -> None:
    @module.view
    def me(ctx) -> User | None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return ctx.db[User].get(ctx.sender)  # type: ignore[no-any-return]

    assert not module.compiled().views["me"].is_anonymous


def test_a_view_looks_like_a_table_without_indexes(module: qsdb.Module) -> None:
    add(module, "me", User | None)
    bound = module.compiled().views["me"].bound

    assert bound.row_class is User
    assert [each.name for each in bound.schema.columns] == ["identity", "age", "name"]
    assert bound.schema.primary_key == (0,)
    assert bound.schema.indexes == ()


@pytest.mark.parametrize(
    ("returns", "options", "key"),
    [
        (list[Seat], {}, (0, 1)),
        (list[Seat], {"primary_key": "place"}, (1,)),
        (tuple[Seat, ...], {"primary_key": ("place", "row")}, (1, 0)),
        (list[Rank], {}, (0,)),
        (list[Rank], {"primary_key": "name"}, (1,)),
        (list[Count], {}, ()),
        (list[Count], {"primary_key": "of"}, (0,)),
        (list[User], {"primary_key": ()}, ()),
        (list[User], {"primary_key": "age"}, (1,)),
    ],
)
def test_the_primary_key_is_that_of_the_rows_or_given(
    module: qsdb.Module, returns: Any, options: Any, key: tuple[int, ...]
) -> None:
    add(module, "view", returns, **options)
    schema = module.compiled().views["view"].bound.schema

    assert schema.primary_key == key
    assert not any(each.auto_inc for each in schema.columns)


UNCHECKED = "it needs an annotation: arguments are checked by it"
NO_LIST = "list[int] can change, and rows cannot: write tuple[int, ...]"
FORMS = "T | None, list[T], tuple[T, ...] or qsdb.Query[T], where T is a class of rows"


@pytest.mark.parametrize(
    ("returns", "fault"),
    [
        (None, f"it needs an annotation: {FORMS}"),
        (User, f"User is none of {FORMS}"),
        (type(None), f"None is none of {FORMS}"),
        (tuple[User, User], f"tuple[User, User] is none of {FORMS}"),
        (User | Seat | None, f"User | Seat | None is none of {FORMS}"),
        (list[qsdb.Row], f"list[Row] is none of {FORMS}"),
        (qsdb.Product | None, f"Product | None is none of {FORMS}"),
        (list[int], f"list[int] is none of {FORMS}"),
        (dict[str, User], "dict[str, tests.unit.schema.test_views.User] is none of"),
        ("list[Nobody]", "the annotation 'list[Nobody]' names something unknown"),
    ],
)
def test_what_is_returned_is_rows_of_one_class(
    module: qsdb.Module, returns: Any, fault: str
) -> None:
    add(module, "view", returns)

    [found] = mistakes(module)
    assert found.startswith(f"view view, what it returns: {fault}")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            {"primary_key": "nose"},
            "view view, primary_key: no column nose; there are: identity",
        ),
        ({"primary_key": 5}, "view view, primary_key"),
        ({"public": 1}, "view view, public: 1 is not a bool"),
        (
            {"on_error": "ignore"},
            "view view, on_error: 'ignore' is not 'abort' or 'suspend'",
        ),
        (
            {"context": qsdb.ReducerContext},
            "view view, the context: it is a qsdb.ViewContext or, for one result for",
        ),
        ({"context": "No"}, "view view, the context: the annotation 'No' names"),
    ],
)
def test_options_and_contexts_are_checked(
    module: qsdb.Module, options: Any, fault: str
) -> None:
    add(module, "view", list[User], **options)

    [found] = mistakes(module)
    assert found.startswith(fault)


def test_names_are_not_those_of_other_functions(module: qsdb.Module) -> None:
    @module.reducer
    def add_one(_: qsdb.ReducerContext) -> None: ...

    @module.procedure
    def fetch(_: qsdb.ProcedureContext) -> None: ...

    for name in ("add_one", "fetch"):
        add(module, name, list[User])

    assert mistakes(module) == [
        "view add_one: there is a reducer of this name",
        "view fetch: there is a procedure of this name",
    ]


def test_names_are_those_of_nothing_else(module: qsdb.Module) -> None:
    for name in ("user", "me", "me", "st_me", "no name"):
        add(module, name, list[User])

    assert mistakes(module) == [
        "view user: there is a table of this name",
        "view me: it is declared twice",
        "view st_me: names beginning with st_ belong to qsdb",
        "view no name: it needs a name to be queried by",
    ]


def test_all_mistakes_are_told_again_and_again(module: qsdb.Module) -> None:
    @module.view
    def vague(_: Anonymous, what) -> list[Wrong]:  # type: ignore[no-untyped-def]  # noqa: ANN001, ARG001
        return []

    @module.view(on_error="no")  # type: ignore[call-overload, untyped-decorator]
    def alone(_: Anonymous, *, what: int) -> int:  # noqa: ARG001
        return 3

    @module.view
    def empty() -> list[User]:
        return []

    found = mistakes(module)
    assert found == [
        f"view vague, parameter what: {UNCHECKED}",
        f"view vague, Wrong.what: {NO_LIST}",
        "view alone, on_error: 'no' is not 'abort' or 'suspend'",
        "view alone, parameter what: a view takes no keyword-only parameter",
        f"view alone, what it returns: int is none of {FORMS}",
        "view empty: the first parameter must be the context",
    ]
    assert mistakes(module) == found


def test_what_is_wrong_with_a_class_is_told_once(module: qsdb.Module) -> None:
    module.add_table(Wrong)
    add(module, "view", list[Wrong])
    add(module, "me", list[User], on_error=3)

    assert mistakes(module) == [
        f"table wrong, Wrong.what: {NO_LIST}",
        "view me, on_error: 3 is not 'abort' or 'suspend'",
    ]


async def coroutine(_: Anonymous) -> list[User]:
    return []


async def stream(ctx: Anonymous) -> Any:
    yield ctx


def generator(ctx: Anonymous) -> Any:
    yield ctx


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (coroutine, "view coroutine is a coroutine; a view runs in one go"),
        (stream, "view stream is a coroutine"),
        (generator, "view generator is a generator; a view returns its rows"),
        (functools.partial(generator), "a view is a plain function, not functools"),
    ],
)
def test_what_can_be_no_view_is_refused_at_once(
    module: qsdb.Module, function: Any, fault: str
) -> None:
    with pytest.raises(qsdb.SchemaError, match=fault):
        module.view(function)
    assert module.compiled().views == {}


def test_a_view_is_still_a_function(module: qsdb.Module) -> None:
    @module.view(public=True)
    def nobody(_: Anonymous) -> list[User]:
        return []

    assert nobody(Anonymous(None)) == []  # type: ignore[arg-type]


def test_a_declaration_lets_go_of_the_frames_around_it(module: qsdb.Module) -> None:
    @module.view
    def me(_: qsdb.ViewContext) -> User | None:
        return None

    [declared] = module._declared.views
    assert declared.scope._frames != []
    first = module.compiled()
    assert declared.scope._frames == []
    module.add_table(Rank)
    assert module.compiled().views.keys() == first.views.keys()


def test_a_query_has_a_text_and_params() -> None:
    query: qsdb.Query[User] = qsdb.Query("SELECT * FROM user", {"a": 1})

    assert (query.text, query.params) == ("SELECT * FROM user", {"a": 1})
    assert repr(query) == "Query('SELECT * FROM user', {'a': 1})"
    assert qsdb.Query[User]("x").params == {}
    with pytest.raises(qsdb.ArgumentError, match="a query is a str, not 5"):
        qsdb.Query(5)  # type: ignore[arg-type]
    with pytest.raises(qsdb.ArgumentError, match=r"params is a dict, not \[\]"):
        qsdb.Query("x", [])  # type: ignore[arg-type]
