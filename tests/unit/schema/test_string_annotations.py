"""Declarations in a module whose annotations are all strings."""

from __future__ import annotations

import enum
import pickle
import types
import typing
import uuid
from typing import Any, ClassVar

import pytest

import qsdb
from qsdb import u8, u64

strings = qsdb.Module("strings")


class User(qsdb.Row, module=strings):
    """Refers to what comes later."""

    limit: ClassVar[int] = 5
    other_limit: typing.ClassVar = 6
    quoted_limit: "ClassVar[int]" = 7  # noqa: UP037

    id: u64 = qsdb.primary_key(auto_inc=True)
    mood: Mood
    form: Circle | Square | None
    places: tuple[Place, ...] = ()
    quoted: "str | None" = None  # noqa: UP037
    external: uuid.UUID = uuid.UUID(int=0)


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Place(qsdb.Product):
    x: float


class Square(qsdb.Product):
    side: float


class Circle(qsdb.Product):
    radius: float


@strings.reducer
def enter(ctx: qsdb.ReducerContext, mood: Mood, forms: list[Square | Circle]) -> u64:
    row = ctx.db[User].insert(User(mood, forms[0]))
    return row.id


def test_annotations_that_are_strings_are_evaluated() -> None:
    user = User(Mood.calm, Square(1.0), [Place(1.0)], "q")  # type: ignore[arg-type]

    assert user == User(
        mood=Mood.calm, form=Square(1.0), places=(Place(1.0),), quoted="q"
    )
    assert list(qsdb.asdict(user)) == [
        *("id", "mood", "form", "places", "quoted", "external"),
    ]
    assert (User.limit, User.other_limit, User.quoted_limit) == (5, 6, 7)
    assert pickle.loads(pickle.dumps(user)) == user


def test_reducers_of_a_module_with_strings_are_called() -> None:
    with qsdb.Database(strings) as db:
        assert db.call(enter, Mood.angry, [Circle(2.0)]) == 1
        with pytest.raises(qsdb.ArgumentError, match=r"Mood\.calm, Mood\.angry"):
            db.call("enter", 1, [Circle(2.0)])
        with db.read() as tx:
            assert list(tx[User]) == [
                User(Mood.angry, Circle(2.0)).replace(id=1),
            ]


def test_classes_and_reducers_in_functions_see_local_names() -> None:
    module = qsdb.Module("local")

    class Local(qsdb.Product):
        value: Level

    class Holder(qsdb.Row, module=module):
        local: Local
        later: Later | None = None

    class Later(qsdb.Product):
        value: u8

    @module.reducer
    def hold(ctx: qsdb.ReducerContext, local: Local, later: Later) -> None:
        ctx.db[Holder].insert(Holder(local, later))

    @module.reducer(private=True)
    def hold_all(ctx: qsdb.ReducerContext, all_of_them: list[Local]) -> None:
        for each in all_of_them:
            ctx.db[Holder].insert(Holder(each))

    @module.init
    def init(ctx: qsdb.ReducerContext) -> None:
        ctx.db[Holder].insert(Holder(Local(0)))

    with qsdb.Database(module) as db:
        db.call(hold, Local(1), Later(2))
        db.call(hold_all, [Local(3)])
        with db.read() as tx:
            assert {row.local.value for row in tx[Holder]} == {0, 1, 3}


Level = u8


def test_a_reducer_is_resolved_in_its_own_module() -> None:
    elsewhere: Any = types.ModuleType("elsewhere")
    exec(  # a function of another module, declared in this one
        "from __future__ import annotations\n"
        "import qsdb\n"
        "Foreign = qsdb.u8\n"
        "def foreign(ctx, value: Foreign) -> Foreign:\n"
        "    return value\n",
        vars(elsewhere),
    )
    module = qsdb.Module("foreign")
    module.reducer(elsewhere.foreign)

    with qsdb.Database(module) as db:
        assert db.call(elsewhere.foreign, 255) == 255
        with pytest.raises(qsdb.ArgumentError):
            db.call(elsewhere.foreign, 256)


def test_a_wrapped_reducer_is_resolved_in_its_own_module() -> None:
    helper: Any = types.ModuleType("helper")
    exec(
        "import functools\n"
        "def counted(function):\n"
        "    @functools.wraps(function)\n"
        "    def wrapper(*args, **kwargs):\n"
        "        wrapper.count += 1\n"
        "        return function(*args, **kwargs)\n"
        "    wrapper.count = 0\n"
        "    return wrapper\n",
        vars(helper),
    )
    module = qsdb.Module("wrapped")

    @module.reducer
    @helper.counted  # type: ignore[untyped-decorator]
    def enter_twice(ctx: qsdb.ReducerContext, level: Level) -> Level:  # noqa: ARG001
        return level

    with qsdb.Database(module) as db:
        assert db.call(enter_twice, 3) == 3
        assert enter_twice.count == 1  # type: ignore[attr-defined]


def test_an_unknown_name_is_told_for_each_place() -> None:
    module = qsdb.Module("unknown")

    class Bad(qsdb.Row, module=module):
        a: Nowhere  # type: ignore[name-defined]  # noqa: F821

    @module.reducer
    def bad(ctx: qsdb.ReducerContext, b: Neither) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(qsdb.SchemaError) as caught:
        qsdb.Database(module)

    assert len(caught.value.mistakes) == 2
    assert "Bad.a" in caught.value.mistakes[0]
    assert "'Nowhere'" in caught.value.mistakes[0]
    assert "reducer bad, parameter b" in caught.value.mistakes[1]
    assert "'Neither'" in caught.value.mistakes[1]
