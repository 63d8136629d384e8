"""What is subscribed to: begun together, changed by commits, asked again, ended."""

from collections.abc import Sequence
from typing import Any

import pytest

from qsdb.cache.events import Event
from qsdb.client.client_errors import NotConnectedError
from qsdb.errors import ArgumentError, ClosedError, NotFoundError, QueryError
from qsdb.protocol.client_messages import SEND_DROPPED_ROWS, Subscribe, Unsubscribe
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    SubscribeApplied,
    SubscriptionError,
    UnsubscribeApplied,
)
from qsdb.protocol.tables import TableEncoder
from qsdb.runtime.updates import Update
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import U8
from tests.unit.client.talk import (
    Hit,
    Note,
    Secret,
    Talk,
    User,
    applied,
    transaction,
)

GONE = NotConnectedError("the cable is cut")
USERS = "SELECT * FROM user"
NOTES = "SELECT * FROM note"
NAMES = "SELECT name, age FROM user"
HITS = "SELECT * FROM hit"

ANN, BOB, EVE = (1, "ann", 0, None), (2, "bob", 1, 7), (3, "eve", 0, 9)
ANNE = (1, "anne", 1, None)


def user(row: Sequence[Any]) -> User:
    return User(row[0], row[1], [*qsdb_moods()][row[2]], row[3])


def qsdb_moods() -> Any:
    return type(User(1, "").mood)


# Beginning.


def test_each_query_is_a_set_of_its_own() -> None:
    talk = Talk()
    talk.subscribe(USERS, NOTES, USERS)

    assert talk.heard() == [Subscribe(0, 1, (USERS,)), Subscribe(2, 3, (NOTES,))]


def test_it_is_applied_when_all_queries_are_answered() -> None:
    talk = Talk()
    sub, reply = talk.subscribe(USERS, NOTES)
    users, notes = talk.heard()
    talk.say(applied(users, [ANN]))
    early = talk.rows("user"), sub.rows, sub.is_active, reply.done()
    talk.say(applied(notes, [("hi", 1)]))

    assert early == ([], [], False, False)
    assert reply.result(timeout=0) is sub
    assert sub.is_active
    assert sub.rows == [user(ANN), Note("hi", 1)]
    assert talk.told == [
        ("insert", "applied", user(ANN)),
        ("insert", "applied", Note("hi", 1)),
    ]


def test_what_changes_before_all_is_answered_is_shown_with_it() -> None:
    talk = Talk()
    sub, _ = talk.subscribe(USERS, HITS, NOTES)
    users, hits, notes = talk.heard()
    talk.say(applied(users, [ANN, BOB]), applied(hits, []))
    talk.say(
        transaction((1, USERS, [ANNE], [ANN]), (3, HITS, [(1, 5)], [])),
        transaction((1, USERS, [], [BOB])),
        applied(notes, []),
    )

    assert sub.rows == [user(ANNE)]
    assert talk.told == [("insert", "applied", user(ANNE))]


def test_on_applied_is_told_before_rows_are_and_finds_them() -> None:
    talk = Talk()

    def on_applied(event: Event) -> None:
        talk.told.append(("applied", event.kind, *talk.rows("user")))

    talk.subscribe(USERS, on_applied=on_applied)
    talk.answer(talk.heard(), [[ANN]])

    assert talk.told == [
        ("applied", "applied", user(ANN)),
        ("insert", "applied", user(ANN)),
    ]


def test_a_row_that_is_there_already_is_not_told_again() -> None:
    talk = Talk()
    talk.joined((USERS, [ANN]))
    sub = talk.joined(("SELECT * FROM user WHERE id = 1", [ANN]))
    talk.conversation.end(sub)

    assert talk.rows("user") == [user(ANN)]
    assert talk.told == []


def test_one_that_is_refused_ends_all_that_was_asked_with_it() -> None:
    talk = Talk()
    _, reply = talk.subscribe(USERS, NOTES, NAMES)
    users, notes, names = talk.heard()
    talk.say(applied(users, [ANN]))
    talk.say(SubscriptionError(notes.request_id, notes.query_set_id, "no such note"))
    ended = talk.heard()
    talk.say(applied(names, []))  # which was on its way
    talk.say(
        *[
            UnsubscribeApplied(each.request_id, each.query_set_id, None)
            for each in ended
        ]
    )

    with pytest.raises(QueryError, match="no such note"):
        reply.result(timeout=0)
    assert ended == [Unsubscribe(6, 1, 0), Unsubscribe(7, 5, 0)]
    assert talk.rows("user") == []
    assert not talk.conversation._sets.subscriptions
    assert not talk.conversation._sets._leaving


def test_one_can_be_ended_before_it_is_applied() -> None:
    talk = Talk()
    sub, reply = talk.subscribe(USERS)
    [asked] = talk.heard()
    talk.conversation.end(sub)
    talk.say(applied(asked, [ANN]))
    talk.say(transaction((1, USERS, [BOB], [])))

    with pytest.raises(ClosedError, match="this subscription was closed"):
        reply.result(timeout=0)
    assert talk.rows("user") == []
    assert talk.heard() == [Unsubscribe(2, 1, 0)]
    assert SEND_DROPPED_ROWS != 0


# Commits.


def test_rows_come_go_and_are_replaced() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN, BOB]))
    talk.say(transaction((1, USERS, [ANNE, EVE], [ANN, BOB])))

    assert sub.rows == [user(ANNE), user(EVE)]
    assert talk.rows("user") == sorted([user(ANNE), user(EVE)], key=repr)
    assert talk.told == [
        ("insert", "transaction", user(EVE)),
        ("delete", "transaction", user(BOB)),
        ("update", "transaction", user(ANN), user(ANNE)),
    ]


def test_a_commit_is_shown_as_a_whole() -> None:
    talk = Talk()
    talk.joined((USERS, []), (NOTES, []))
    seen: list[object] = []
    talk.conversation.cache.user.on_insert(lambda *_: seen.append(talk.rows("note")))
    talk.say(transaction((1, USERS, [ANN], []), (3, NOTES, [("hi", 1)], [])))

    assert seen == [[Note("hi", 1)]]


def test_rows_of_several_queries_are_counted() -> None:
    talk = Talk()
    some = "SELECT * FROM user WHERE id < 3"
    sub = talk.joined((USERS, [ANN]), (some, [ANN]))
    talk.say(transaction((3, some, [], [ANN])))
    still = talk.rows("user"), sub.rows
    talk.say(transaction((1, USERS, [], [ANN])))

    assert still == ([user(ANN)], [user(ANN)])
    assert sub.rows == talk.rows("user") == []


def test_equal_rows_are_there_as_often_as_they_came() -> None:
    talk = Talk()
    sub = talk.joined((NAMES, [("ann", None), ("ann", None)]))
    talk.say(transaction((1, NAMES, [("bob", 7)], [("ann", None)])))

    assert [tuple(row) for row in sub.rows] == [("ann", None), ("bob", 7)]


def test_results_that_are_no_tables_are_told_by_the_subscription() -> None:
    talk = Talk()
    sub = talk.joined((NAMES, [("ann", None)]), (USERS, [ANN]))
    told: list[tuple[Event, Update]] = []
    stop = sub.on_update(lambda event, update: told.append((event, update)))
    talk.say(transaction((1, NAMES, [("bob", 7)], []), (3, USERS, [BOB], [])))
    stop()
    talk.say(transaction((1, NAMES, [("eve", 9)], [])))
    [(event, update)] = told

    assert event == Event("transaction", 0)
    assert update.columns == ("name", "age")
    assert [row.name for row in update.inserts] == ["bob"]
    assert update.deletes == []
    assert update.offset == 0


def test_events_are_told_and_kept_nowhere() -> None:
    talk = Talk()
    sub = talk.joined((HITS, []))
    talk.say(transaction((1, HITS, [(4, 2)], [])))

    assert talk.told == [("insert", "transaction", Hit(4, 2))]
    assert sub.rows == talk.rows("hit") == []


def test_views_are_in_the_cache_by_name() -> None:
    talk = Talk()
    talk.joined(("SELECT * FROM me", [ANN]))

    assert talk.rows("me") == [user(ANN)]


def test_views_with_arguments_are_told_by_the_subscription() -> None:
    talk = Talk()
    sub = talk.joined(("SELECT * FROM near(7)", [ANN]))

    assert sub.rows == [user(ANN)]
    with pytest.raises(NotFoundError, match="no table 'near'"):
        talk.conversation.cache.table("near")


def test_a_private_table_is_there_when_the_server_has_shown_it() -> None:
    talk = Talk()
    with pytest.raises(NotFoundError):
        talk.conversation.cache[Secret]
    talk.joined(("SELECT * FROM secret", [(1,)]))
    talk.joined(("SELECT * FROM secret WHERE id > 1", [(2,)]))

    assert [*talk.conversation.cache[Secret]] == [Secret(1), Secret(2)]


def test_what_says_nothing_is_told_to_nobody() -> None:
    talk = Talk()
    talk.joined((USERS, [ANN]))
    talk.say(transaction(), transaction((1, USERS, [], [])))

    assert talk.told == []


# Ending.


def test_rows_leave_with_the_last_subscription_that_has_them() -> None:
    talk = Talk()
    first, second = talk.joined((USERS, [ANN])), talk.joined((USERS, [ANN]))
    first.close()
    first.close()
    still = talk.rows("user")
    second.close()

    assert still == [user(ANN)]
    assert talk.told == [("delete", "ended", user(ANN))]
    assert first.rows == second.rows == []
    assert not first.is_active


def test_changes_of_one_that_is_ended_are_nothing_any_more() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]))
    sub.close()
    [message] = talk.heard()
    talk.say(transaction((1, USERS, [BOB], [])))
    talk.say(UnsubscribeApplied(message.request_id, 1, None))

    assert message == Unsubscribe(2, 1, 0)
    assert talk.rows("user") == []
    with pytest.raises(ProtocolError, match="no query set 1"):
        talk.say(transaction((1, USERS, [BOB], [])))


def test_the_server_may_have_ended_it_before() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]))
    sub.close()
    [message] = talk.heard()
    talk.say(SubscriptionError(None, 1, "it died"))
    talk.say(SubscriptionError(message.request_id, 1, "no such set"))

    assert not talk.conversation._sets._leaving


def test_one_that_fails_is_told_why_and_its_rows_leave() -> None:
    talk = Talk()
    errors: list[QueryError] = []
    sub, _ = talk.subscribe(USERS, NAMES, on_error=errors.append)
    talk.answer(talk.heard(), [[ANN], []])
    talk.told.clear()
    talk.say(SubscriptionError(None, 3, "division by 0"))

    assert [str(each) for each in errors] == ["division by 0"]
    assert sub.error is errors[0]
    assert talk.told == [("delete", "ended", user(ANN))]
    assert talk.heard() == [Unsubscribe(4, 1, 0)]
    assert not sub.is_active


def test_one_that_fails_without_anybody_listening() -> None:
    talk = Talk()
    sub = talk.joined((USERS, []))
    talk.say(SubscriptionError(None, 1, "gone"))

    assert str(sub.error) == "gone"


def test_it_can_be_closed_in_a_callback() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]))
    seen: list[object] = []

    def close(*_: object) -> None:
        sub.close()
        seen.append(talk.rows("user"))

    talk.conversation.cache.user.on_insert(close)
    talk.say(transaction((1, USERS, [BOB], [])))

    assert seen == [[user(ANN), user(BOB)]]  # it leaves after the callback
    assert talk.rows("user") == []
    assert [each[:2] for each in talk.told] == [
        ("insert", "transaction"),
        ("delete", "ended"),
        ("delete", "ended"),
    ]


def test_closing_the_connection_in_a_callback_leaves_the_rows() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]))

    def close(*_: object) -> None:
        sub.close()
        talk.conversation.close()

    talk.conversation.cache.user.on_insert(close)
    talk.say(transaction((1, USERS, [BOB], [])))

    assert talk.rows("user") == [user(ANN), user(BOB)]


# Asking again.


def test_only_differences_are_told_when_it_is_there_again() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN, BOB]), (NAMES, [("ann", None)]), (NOTES, []))
    updates: list[Update] = []
    sub.on_update(lambda _, update: updates.append(update))
    talk.conversation.lost(GONE)
    talk.open()
    talk.told.clear()
    asked = talk.heard()
    talk.say(applied(asked[0], [ANNE, EVE]), applied(asked[1], [("anne", None)]))
    early = talk.rows("user"), [*talk.told]
    talk.say(applied(asked[2], []))

    assert early == ([user(ANN), user(BOB)], [])
    assert sub.rows[:2] == [user(ANNE), user(EVE)]
    assert talk.told == [
        ("insert", "applied", user(EVE)),
        ("delete", "applied", user(BOB)),
        ("update", "applied", user(ANN), user(ANNE)),
        ("reconnect",),
    ]
    [update] = updates
    assert [*map(tuple, update.inserts)] == [("anne", None)]
    assert [*map(tuple, update.deletes)] == [("ann", None)]


def test_what_is_the_same_is_not_told_again() -> None:
    talk = Talk()
    again: list[object] = []
    sub, _ = talk.subscribe(USERS, NAMES, on_applied=again.append)
    talk.answer(talk.heard(), [[ANN], [("ann", None)]])
    sub.on_update(lambda *told: again.append(told))
    talk.conversation.lost(GONE)
    talk.open()
    talk.told.clear()
    talk.answer(talk.heard(), [[ANN], [("ann", None)]])

    assert talk.told == [("reconnect",)]
    assert again == [Event("applied", 0)]


def test_several_subscriptions_change_at_once() -> None:
    talk = Talk()
    talk.joined((USERS, [ANN]))
    talk.joined((NOTES, []))
    seen: list[object] = []
    talk.conversation.cache.user.on_delete(lambda *_: seen.append(talk.rows("note")))
    talk.conversation.lost(GONE)
    talk.open()
    talk.answer(talk.heard(), [[], [("hi", 1)]])

    assert seen == [[Note("hi", 1)]]


def test_commits_meanwhile_are_part_of_the_difference() -> None:
    talk = Talk()
    talk.joined((USERS, [ANN]))
    talk.joined((NOTES, []))
    talk.conversation.lost(GONE)
    talk.open()
    talk.told.clear()
    users, notes = talk.heard()
    talk.say(applied(users, [ANN]), transaction((1, USERS, [BOB], [ANN])))
    talk.say(applied(notes, []), transaction((1, USERS, [EVE], [])))

    assert talk.told == [
        ("insert", "applied", user(BOB)),
        ("delete", "applied", user(ANN)),
        ("reconnect",),
        ("insert", "transaction", user(EVE)),
    ]


def test_what_is_refused_now_ends_and_the_others_go_on() -> None:
    talk = Talk()
    users, notes = talk.joined((USERS, [ANN])), talk.joined((NOTES, [("hi", 1)]))
    talk.conversation.lost(GONE)
    talk.open()
    talk.told.clear()
    asked = talk.heard()
    talk.say(applied(asked[1], [("hi", 1)]))
    talk.say(SubscriptionError(asked[0].request_id, 1, "no such table"))

    assert str(users.error) == "no such table"
    assert notes.is_active
    assert talk.told == [("reconnect",), ("delete", "ended", user(ANN))]
    assert talk.conversation.phase == "online"


def test_one_may_be_ended_while_the_connection_is_lost() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]))
    talk.conversation.lost(GONE)
    sub.close()
    talk.open()

    assert talk.heard() == []
    assert talk.rows("user") == []
    assert talk.told[-2:] == [("delete", "ended", user(ANN)), ("reconnect",)]


def test_one_may_be_ended_while_it_is_asked_again() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]))
    talk.conversation.lost(GONE)
    talk.open()
    talk.heard()
    sub.close()

    assert talk.conversation.phase == "online"
    assert talk.rows("user") == []


def test_losing_it_while_asking_again_keeps_what_was() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]), (NOTES, []))
    talk.conversation.lost(GONE)
    talk.open()
    talk.say(applied(talk.heard()[0], [BOB]))
    talk.conversation.lost(GONE)
    between = talk.rows("user"), sub.rows
    talk.open()
    talk.answer(talk.heard(), [[EVE], []])

    assert between == ([user(ANN)], [user(ANN)])
    assert talk.rows("user") == sub.rows == [user(EVE)]


def test_closing_in_a_callback_while_all_is_asked_again() -> None:
    talk = Talk()
    talk.joined((USERS, [ANN]))
    notes = talk.joined((NOTES, []))
    talk.conversation.lost(GONE)
    talk.open()
    users, _ = talk.heard()

    def close(*_: object) -> None:
        notes.close()  # now all is answered
        talk.conversation.close()

    talk.conversation.cache.user.on_delete(close)
    talk.say(SubscriptionError(users.request_id, users.query_set_id, "no"))

    assert talk.conversation.phase == "closed"
    assert ("reconnect",) not in talk.told


# What no server says.


@pytest.mark.parametrize(
    "message",
    [
        SubscribeApplied(0, 9, ()),
        SubscribeApplied(9, 1, ()),
        SubscribeApplied(0, 1, ()),
        SubscriptionError(0, 9, ""),
        SubscriptionError(9, 1, ""),
        UnsubscribeApplied(0, 1, None),
        UnsubscribeApplied(0, 9, None),
        transaction((9, USERS, [], [])),
        transaction((1, USERS, [], [BOB])),
        transaction((1, USERS, [], [ANN, ANN])),
        transaction((1, NOTES, [("hi", 1)], [])),
        transaction((1, USERS, [EVE], []), (1, USERS, [BOB], [])),
    ],
    ids=[
        "result of no set",
        "result of no request",
        "result twice",
        "end of no set",
        "end of no request",
        "end of what goes on",
        "end of what never was",
        "change of no set",
        "row that is not there",
        "row that goes twice",
        "rows of another table",
        "set twice",
    ],
)
def test_what_does_not_belong_there_is_refused(message: Any) -> None:
    talk = Talk()
    sub = talk.joined((USERS, [ANN]))

    with pytest.raises(ProtocolError):
        talk.say(message)

    assert talk.rows("user") == sub.rows == [user(ANN)]
    assert talk.told == []


def test_two_rows_of_one_key_are_refused_before_anything_is_changed() -> None:
    talk = Talk()
    some = "SELECT * FROM user WHERE id < 3"
    sub = talk.joined((USERS, [ANN]), (some, [ANN]))
    for lie in (
        transaction((1, USERS, [ANNE], [])),  # as another one has it
        transaction((1, USERS, [ANNE], [ANN])),  # the other query has it still
        transaction((1, USERS, [BOB, (2, "bo", 0, None)], [])),
    ):
        with pytest.raises(ProtocolError, match="user: two rows have the same prim"):
            talk.say(lie)
    talk.subscribe("SELECT * FROM user WHERE id = 1")
    [asked] = talk.heard()
    with pytest.raises(ProtocolError, match="user: two rows have the same primary"):
        talk.say(applied(asked, [ANNE]))

    assert talk.rows("user") == [user(ANN)]
    assert sub.rows == [user(ANN), user(ANN)]
    assert talk.told == []


def test_a_set_does_not_change_before_it_has_begun() -> None:
    talk = Talk()
    talk.subscribe(USERS)
    with pytest.raises(ProtocolError, match="changes before it has begun"):
        talk.say(transaction((1, USERS, [ANN], [])))


def test_rows_of_other_columns_are_refused_by_name() -> None:
    talk = Talk()
    talk.subscribe(USERS)
    [asked] = talk.heard()
    other = TableEncoder("user", ProductKind("r", (Field("id", U8),)), is_event=False)
    rows = other.rows([(1,)])

    with pytest.raises(ProtocolError, match=r"user, byte 0: .*row of \(id, name, mood"):
        talk.say(SubscribeApplied(asked.request_id, 1, (rows,)))


def test_a_query_that_is_too_long_is_not_sent() -> None:
    talk = Talk()
    with pytest.raises((ArgumentError, QueryError)):
        talk.subscribe(f"SELECT * FROM user WHERE name = '{'x' * 60_000}'")

    assert talk.heard() == []


def test_a_subscription_says_what_it_is() -> None:
    talk = Talk()
    sub = talk.joined((USERS, []))
    with sub as same:
        shown = repr(same)

    assert shown == "<Subscription active, 1 queries>"
    assert repr(sub) == "<Subscription ended, 1 queries>"
