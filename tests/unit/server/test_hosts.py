"""Databases by name and by identity; what is no name."""

import struct

import pytest

import qsdb
from qsdb.errors import ArgumentError, NotFoundError
from qsdb.server.hosts import NAME_CHARACTERS_MAX, Host, Served, check_name
from tests.unit.server import chatting as c


@pytest.mark.parametrize(
    "name", ["a", "0", "chat", "chat-2", "a-b-c", "f" * 63, "f" * 65, "x" * 128]
)
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-",
        "-a",
        "a-",
        "a--b",
        "A",
        "a b",
        "a_b",
        "a/b",
        "..",
        "a\n",
        "ä",
        "٣",
        "0" * 64,
        "f" * 64,
        "x" * (NAME_CHARACTERS_MAX + 1),
        7,
        None,
        b"chat",
    ],
)
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(ArgumentError, match="is no name of a database: lower-case"):
        check_name(name)


def test_databases_are_found_by_name_and_by_identity() -> None:
    with qsdb.Database(c.chatting) as chat, qsdb.Database(c.chatting) as other:
        host = Host({"chat": chat, "other-2": other})
        identity = chat.identity.to_hex()

        found = host.find("chat")

        assert found.database is chat
        assert found.identity == chat.identity
        assert host.find(identity) is host.find(identity.upper()) is found
        assert [each.name for each in host] == ["chat", "other-2"]
        assert len(host) == 2


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("f" * 64, "No such database."),
        ("f" * 63, f"`{'f' * 63}` not found"),
        ("Chat", "`Chat` not found"),
        ("../chat", "`../chat` not found"),
        ("a\r\nb", "`a??b` not found"),
        ("x" * 500, f"`{'x' * 128}` not found"),
        ("", "`` not found"),
    ],
)
def test_what_is_not_there_is_said_not_to_be(name: str, fault: str) -> None:
    with qsdb.Database(c.chatting) as db, pytest.raises(NotFoundError) as refusal:
        Host({"chat": db}).find(name)
    assert str(refusal.value) == fault


def test_a_host_refuses_what_would_be_one_or_has_no_name() -> None:
    with qsdb.Database(c.chatting) as db:
        with pytest.raises(ArgumentError, match="databases chat and copy have one"):
            Host({"chat": db, "copy": db})
        with pytest.raises(ArgumentError, match="'Chat' is no name"):
            Host({"Chat": db})


def test_functions_are_those_of_the_module_that_is_published() -> None:
    first, second = qsdb.Module("steps"), qsdb.Module("steps")

    @first.reducer
    def go(ctx: qsdb.ReducerContext, n: qsdb.u8) -> None:
        """Go."""

    def go_far(ctx: qsdb.ReducerContext, n: qsdb.u32) -> None:
        """Go far."""

    go_far.__name__ = "go"
    second.reducer(go_far)

    with qsdb.Database(first) as db:
        served = Served("steps", db)
        before = served.functions
        assert served.functions is before
        assert before.reducer("go", is_owner=False).read(b"\7") == (7,)

        db.publish(second, allow_breaking=True)

        after = served.functions
        assert after is not before
        data = struct.pack("<I", 70_000)
        assert after.reducer("go", is_owner=False).read(data) == (70_000,)
