"""On which thread a query is answered: few rows may be long."""

import threading
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import qsdb
from qsdb.protocol import server_messages as s
from qsdb.protocol import v1_client_messages as v1
from qsdb.protocol.client_messages import (
    SEND_DROPPED_ROWS,
    OneOffQuery,
    Subscribe,
    Unsubscribe,
)
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.server.weighing import Work, is_long, work_of
from qsdb.server.weights import PART_BYTES, Weight, weigh
from tests.support.session_client import SessionClient
from tests.support.v1_client import BINARY, V1Client

long_rows = qsdb.Module("long_rows")


class Page(qsdb.Row, module=long_rows, public=True):
    id: qsdb.u32 = qsdb.primary_key()
    text: str
    scores: tuple[qsdb.u32, ...]


class Seat(qsdb.Row, module=long_rows, public=True):
    id: qsdb.u32 = qsdb.primary_key()
    page: qsdb.u32 = 0


@long_rows.view(public=True)
def long_page(ctx: qsdb.ViewContext) -> list[Page]:
    found = ctx.db[Page].get(7)
    return [] if found is None else [found]


OPTIONS = SessionOptions(inline_bytes=100, inline_rows=20)
ALL, ONE, VIEW = (
    "SELECT * FROM page",
    "SELECT * FROM page WHERE id = 7",
    "SELECT * FROM long_page",
)


@pytest.fixture
def served() -> Iterator[Served]:
    with qsdb.Database(long_rows, scheduler="manual") as db:
        yield Served("long", db)


def write(served: Served, *rows: qsdb.Row) -> None:
    with served.database.write() as tx:
        for row in rows:
            tx[type(row)].upsert(row)


def client_of(served: Served, options: SessionOptions = OPTIONS) -> SessionClient:
    client = SessionClient(served, options=options)
    client.hear()
    return client


def work(served: Served, text: str, options: SessionOptions = OPTIONS) -> Work:
    peer = client_of(served, options).session.peer
    prepared, _ = peer.access.select(text, peer.sender.identity)
    return work_of(peer, prepared)


@pytest.mark.parametrize(
    ("values", "weight"),
    [
        ((), 0),
        ((1, 2.5, None, True), 0),
        (("four", b"123"), 7),
        ((("ab", (1, 2)),), 2 * PART_BYTES + 2 + 2 * PART_BYTES),
        (((),), 0),
    ],
)
def test_texts_bytes_and_parts_have_weight(
    values: tuple[object, ...], weight: int
) -> None:
    assert weigh(values, 1000) == weight


def test_what_is_too_much_is_not_weighed_to_its_end() -> None:
    class Deep(tuple[object, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[object]:
            raise AssertionError("it is looked into")

    assert weigh((Deep((0,) * 100),), 799) == 800
    assert weigh(("x" * 50, "y" * 50), 40) == 50


def test_all_rows_of_a_table_are_weighed_after_each_commit(served: Served) -> None:
    write(served, Page(1, "four", (1, 2)), Page(2, "x", ()))

    assert work(served, ALL) == Work(2, 4 + 2 * PART_BYTES + 1)
    write(served, Page(2, "xyz", ()))
    assert work(served, ALL) == Work(2, 4 + 2 * PART_BYTES + 3)


def test_a_table_that_did_not_change_is_weighed_once(served: Served) -> None:
    write(served, Page(1, "four", ()))
    peer = client_of(served).session.peer
    weights = peer.served.weights

    assert weights.of("page", 20, 100) is weights.of("page", 20, 100)
    assert weights.of("page", 20, 100) == Weight(4, 4, 1)
    assert weights.of("long_page", 20, 100).is_table is False
    assert weights.of("page", 0, 100).longest is None


def test_rows_without_texts_have_no_weight(served: Served) -> None:
    write(served, *[Seat(number) for number in range(15)])

    assert work(served, "SELECT * FROM seat") == Work(15, 0)


def test_a_join_has_each_row_as_often_as_others(served: Served) -> None:
    write(served, Page(1, "four", ()), Page(2, "x", ()))
    write(served, *[Seat(number) for number in range(3)])

    every = "SELECT p.* FROM page p JOIN seat s ON s.id <> p.id"
    assert work(served, every).bytes == 3 * 5
    by_key = "SELECT p.* FROM seat s JOIN page p ON s.page = p.id"
    assert work(served, by_key).bytes == 3 * 4


def test_too_many_rows_are_not_weighed(served: Served) -> None:
    write(served, *[Page(number, "x", ()) for number in range(21)])

    assert work(served, ALL) == Work(21)
    assert work(served, ONE) == Work(1, 0, is_known=False)
    assert work(served, VIEW) == Work(1, 0, is_known=False)


def test_of_what_is_too_long_no_one_knows_the_longest_row(served: Served) -> None:
    write(served, Page(1, "x" * 101, ()), Page(2, "y" * 200, ()))

    assert work(served, ALL).is_much(OPTIONS)
    found = work(served, ONE)
    assert (found.is_known, found.is_much(OPTIONS)) == (False, False)


def test_parts_of_a_query_add_up(served: Served) -> None:
    write(served, Page(1, "four", ()))
    both = "SELECT text FROM page UNION ALL SELECT text FROM page"

    assert work(served, both).bytes == 8


def test_another_module_has_other_tables(served: Served) -> None:
    before = served.weights
    assert served.weights is before
    other = qsdb.Module("long_rows")
    served.database.publish(other, allow_breaking=True)

    assert served.weights is not before


def test_results_are_long_by_rows_or_by_bytes() -> None:
    assert not is_long(OPTIONS, [[("x" * 50,)], [("x" * 50,)]])
    assert is_long(OPTIONS, [[("x" * 50,)], [("x" * 51,)]])
    assert not is_long(OPTIONS, [[(1,)] * 20])
    assert is_long(OPTIONS, [[(1,)] * 10, [(1,)] * 11])


# Answers.

FEW = [Page(1, "short", ()), Page(7, "x" * 101, ())]
MANY = [Page(number, "x" * 101 if number == 7 else "", ()) for number in range(40)]


@pytest.mark.parametrize("rows", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize("text", [ALL, ONE, VIEW], ids=["all", "one", "view"])
@pytest.mark.parametrize("asks_once", [False, True])
def test_a_long_answer_is_made_elsewhere(
    served: Served,
    rows: list[Page],
    text: str,
    asks_once: bool,  # noqa: FBT001  of two
) -> None:
    write(served, *rows)
    client = client_of(served)
    message = OneOffQuery(1, text) if asks_once else Subscribe(1, 1, (text,))

    job = client.session.handle(message)

    assert job is not None
    assert client.hear() == []
    thread = threading.Thread(target=job)
    thread.start()
    thread.join(30)
    [answer] = client.hear()
    assert isinstance(answer, s.SubscribeApplied | s.OneOffQueryResult)
    generous = client_of(served, SessionOptions())
    assert generous.session.handle(message) is None
    [same] = generous.hear()
    assert same == answer


@pytest.mark.parametrize("asks_once", [False, True])
def test_a_short_answer_is_made_at_once(
    served: Served,
    asks_once: bool,  # noqa: FBT001  of two
) -> None:
    write(served, *MANY)
    client = client_of(served)
    text = "SELECT * FROM page WHERE id = 8"

    assert (
        client.session.handle(
            OneOffQuery(1, text) if asks_once else Subscribe(1, 1, (text,))
        )
        is None
    )
    assert len(client.hear()) == 1


def test_what_is_committed_meanwhile_is_told_after_it(served: Served) -> None:
    write(served, *MANY)
    client = client_of(served)
    job = client.session.handle(Subscribe(1, 1, (ONE,)))
    assert job is not None
    write(served, Page(7, "now", ()))
    assert client.hear() == []

    job()

    applied, update = client.hear()
    assert isinstance(applied, s.SubscribeApplied)
    assert isinstance(update, s.TransactionUpdate)


@pytest.mark.parametrize("rows", [FEW, MANY], ids=["few", "many"])
def test_rows_that_go_with_their_query_may_be_long_too(
    served: Served, rows: list[Page]
) -> None:
    client = client_of(served)
    client.subscribe(1, ONE)
    client.subscribe(2, ALL)
    client.subscribe(3, ALL)
    write(served, *rows)
    client.hear()

    assert client.session.handle(Unsubscribe(8, 3, 0)) is None  # nobody wants them
    for number in (1, 2):
        job = client.session.handle(Unsubscribe(9, number, SEND_DROPPED_ROWS))
        assert job is not None
        job()
    assert [type(each) for each in client.hear()] == [s.UnsubscribeApplied] * 3


def test_a_client_of_version_1_is_answered_elsewhere_too(served: Served) -> None:
    write(served, *MANY)
    client: Any = V1Client(served, BINARY, options=OPTIONS)
    client.hear()
    messages = [
        v1.OneOffQuery(b"1", ONE),
        v1.SubscribeSingle(ONE, 1, 1),
        v1.Unsubscribe(2, 1),
    ]
    for message in messages:
        job = client.session.handle(message)
        assert job is not None, message
        assert client.hear() == []
        job()
        assert len(client.hear()) == 1


def test_a_bound_of_bytes_is_one_like_others() -> None:
    assert attrs.fields(SessionOptions).inline_bytes.default == 1 << 18
