"""The platform's inbox: each message once, and none that holds up the others."""

import json
from functools import partial

import pytest

import qsdb
from examples.qsbridge import (
    DeadLetter,
    InboxPosition,
    PanelAuditLog,
    inbox_advance,
    inbox_apply,
    inbox_discard,
    inbox_retry,
)
from examples.qsbridge.hub.suggested import inbox as inbox_module
from tests.examples.hub import EAST, STRANGER, Hub

FOUND = {
    "player_id": "Steam:7",
    "server_id": "east",
    "event_type": "aimbot",
    "severity": 9,
    "evidence": '{"shots": 12}',
}
TEXT = json.dumps(FOUND)


def apply(
    hub: Hub, sequence: int, kind: str = "security_event", text: str = TEXT
) -> str:
    return hub.db.call(inbox_apply, "survival", sequence, kind, text)


def audit(hub: Hub) -> list[PanelAuditLog]:
    with hub.db.read() as tx:
        return sorted(tx[PanelAuditLog], key=lambda row: row.log_id)


def letters(hub: Hub) -> list[DeadLetter]:
    with hub.db.read() as tx:
        return sorted(tx[DeadLetter], key=lambda row: row.letter_id)


def test_security_event_is_an_entry_of_the_audit_log(hub: Hub) -> None:
    assert apply(hub, 1) == "applied"

    (entry,) = audit(hub)
    assert (entry.actor_player_id, entry.action) == ("server:east", "security_event")
    assert json.loads(entry.details) == {
        "summary": "aimbot of Steam:7 on east, severity 9 of 10, told by survival",
        "source": "survival",
        "player_id": "Steam:7",
        "event_type": "aimbot",
        "severity": 9,
        "evidence": '{"shots": 12}',
    }
    assert hub.rows(InboxPosition) == {InboxPosition("survival", 1)}


def test_message_that_comes_again_changes_nothing(hub: Hub) -> None:
    apply(hub, 1)
    apply(hub, 2)
    offset = hub.db.offset

    assert [apply(hub, 1), apply(hub, 2), apply(hub, 1)] == ["known"] * 3

    assert hub.db.offset == offset


def test_sources_are_counted_apart(hub: Hub) -> None:
    apply(hub, 1)

    assert hub.db.call(inbox_apply, "racing", 1, "security_event", TEXT) == "applied"

    positions = {InboxPosition("survival", 1), InboxPosition("racing", 1)}
    assert hub.rows(InboxPosition) == positions


def test_message_after_a_gap_is_refused(hub: Hub) -> None:
    apply(hub, 1)

    text = hub.refusal(partial(apply, hub, 3))

    assert text.startswith("Conflict: message 3 of 'survival' comes after 1: ")


def test_position_is_given_up_by_hand_and_only_forward(hub: Hub) -> None:
    hub.db.call(inbox_advance, "survival", 7)

    assert apply(hub, 7) == "known"
    assert apply(hub, 8) == "applied"
    (entry, _) = audit(hub)
    assert entry.action == "inbox_advance"
    assert json.loads(entry.details) == {
        "summary": "messages 1 to 7 of survival are given up",
        "source": "survival",
        "before": 0,
        "applied": 7,
    }
    text = hub.refusal(lambda: hub.db.call(inbox_advance, "survival", 8))
    assert text == "Conflict: 'survival' is at 8, not before 8"
    text = hub.refusal(lambda: hub.db.call(inbox_advance, "", 9))
    assert text == "InvalidArgument: source is empty, not 1 to 64 characters"


@pytest.mark.parametrize("who", [EAST, STRANGER], ids=["bridge", "stranger"])
def test_inbox_is_the_owners(hub: Hub, who: qsdb.Identity) -> None:
    apply(hub, 1, "riddle")
    caller = hub.db.caller(who)

    texts = {
        hub.refusal(lambda: caller.call(inbox_apply, "survival", 2, "riddle", "")),
        hub.refusal(lambda: caller.call(inbox_retry, 1)),
        hub.refusal(lambda: caller.call(inbox_discard, 1)),
        hub.refusal(lambda: caller.call(inbox_advance, "survival", 7)),
    }

    assert texts == {"NotAuthorized: the caller is not the owner of the platform"}
    assert len(letters(hub)) == 1


@pytest.mark.parametrize(
    ("source", "sequence", "text"),
    [
        ("", 1, "InvalidArgument: source is empty, not 1 to 64 characters"),
        ("s" * 65, 1, "InvalidArgument: source has 65 characters, more than 64"),
        ("s", 0, "InvalidArgument: sequence is 0, and messages begin with 1"),
    ],
)
def test_place_that_cannot_be_is_refused(
    hub: Hub, source: str, sequence: int, text: str
) -> None:
    assert text == hub.refusal(
        lambda: hub.db.call(inbox_apply, source, sequence, "security_event", TEXT)
    )


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        ("riddle", "{}", "kind 'riddle' is unknown here"),
        ("", "{}", "kind '' is unknown here"),
        ("security_event", "", "the payload is no JSON: "),
        ("security_event", "[" * 60_000, "the payload is no JSON: "),
        ("security_event", "7", "the payload is no JSON object"),
        ("security_event", "{}", "the payload lacks 'event_type'"),
        (
            "security_event",
            json.dumps({**FOUND, "player_id": "p" * 65}),
            "player_id has 65 characters, more than 64",
        ),
        (
            "security_event",
            json.dumps({**FOUND, "evidence": "\ud800"}),
            "the payload is no JSON: ",
        ),
        (
            "security_event",
            json.dumps({**FOUND, "server_id": "East!"}),
            "server_id 'East!' is not of a-z, 0-9 and hyphens",
        ),
        (
            "security_event",
            json.dumps({**FOUND, "event_type": ""}),
            "event_type is empty",
        ),
        (
            "security_event",
            json.dumps({**FOUND, "severity": 11}),
            "severity is 11, not 1 to 10",
        ),
        (
            "security_event",
            json.dumps({**FOUND, "severity": True}),
            "'severity' of the payload is not an integer",
        ),
        (
            "security_event",
            json.dumps({**FOUND, "evidence": "x" * 65_536}),
            "payload has ",
        ),
    ],
)
def test_message_that_cannot_be_applied_is_a_dead_letter_and_the_next_is_applied(
    hub: Hub, kind: str, payload: str, reason: str
) -> None:
    assert apply(hub, 1, kind, payload) == "dead"
    assert apply(hub, 1, kind, payload) == "known"
    assert audit(hub) == []
    assert apply(hub, 2) == "applied"

    (letter,) = letters(hub)
    assert (letter.source, letter.sequence) == ("survival", 1)
    assert (letter.kind, letter.payload, letter.received_at) == (kind, payload, hub.now)
    assert letter.reason.startswith(f"InvalidArgument: {reason}")


def test_dead_letter_is_applied_when_its_kind_is_known(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(hub, 1, "riddle")
    (letter,) = letters(hub)
    text = hub.refusal(lambda: hub.db.call(inbox_retry, letter.letter_id))
    assert text == (
        f"WrongState: letter {letter.letter_id} is still refused: "
        f"InvalidArgument: kind 'riddle' is unknown here"
    )
    kinds = {**inbox_module._KINDS}
    monkeypatch.setattr(
        inbox_module, "_KINDS", {**kinds, "riddle": kinds["security_event"]}
    )

    hub.db.call(inbox_retry, letter.letter_id)

    assert letters(hub) == []
    assert len(audit(hub)) == 1
    text = hub.refusal(lambda: hub.db.call(inbox_retry, letter.letter_id))
    assert text == f"NotFound: there is no dead letter {letter.letter_id}"


def test_dead_letter_is_put_away_and_the_audit_log_says_so(hub: Hub) -> None:
    apply(hub, 1, "riddle")
    (letter,) = letters(hub)

    hub.db.call(inbox_discard, letter.letter_id)

    assert letters(hub) == []
    (entry,) = audit(hub)
    assert (entry.actor_player_id, entry.action) == ("owner", "inbox_discard")
    assert json.loads(entry.details)["sequence"] == 1
    text = hub.refusal(lambda: hub.db.call(inbox_discard, letter.letter_id))
    assert text == f"NotFound: there is no dead letter {letter.letter_id}"
