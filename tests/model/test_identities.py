"""Rows 163 to 168: who somebody is, and what they may."""

import pytest

import qsdb
from qsdb import AccessError, Identity, ReducerContext, Row, u8
from qsdb.testing import SimulatedDirectory, database

module = qsdb.Module("house")


class Room(Row, module=module, public=True):
    id: u8 = qsdb.primary_key()


class Safe(Row, module=module):
    id: u8 = qsdb.primary_key()


def test_row_163_an_identity_is_made_from_issuer_and_subject() -> None:
    anonymous = "00000000-0000-4000-8000-000000000000"
    for issuer, subject, identity in (
        (
            "localhost",
            anonymous,
            "c200085d8c451325cc207f963918b762072fff5388fca7006b89f4a2a7d3ee5e",
        ),
        (
            "https://accounts.google.com",
            "1234567890",
            "c20056e94a84157cb41d3a6b5db9a7f25fd307ac24adc09a989ac1843bd75c5e",
        ),
    ):
        assert Identity.from_claims(issuer, subject).to_hex() == identity
    # Nothing escapes the bar, as in SpacetimeDB.
    assert Identity.from_claims("a|b", "c") == Identity.from_claims("a", "b|c")


def test_row_164_who_has_no_identity_is_given_one_and_a_token() -> None:
    files = SimulatedDirectory()
    with database(module, files) as db, db.connect() as first, db.connect() as other:
        assert first.identity != other.identity
        token, identity = first.token, first.identity
    with database(module, files) as db, db.connect(token=token) as again:
        assert again.identity == identity
        assert again.token == token


def test_row_165_a_token_that_was_not_made_here_is_refused() -> None:
    with database(module, seed=1) as db, database(module, seed=2) as other:
        token = db.connect().token
        head, body, seal = token.split(".")
        for forged in ("", "x", f"{head}.{body}.", f"{head}.{body[::-1]}.{seal}"):
            with pytest.raises(AccessError, match="no token of this database"):
                db.connect(token=forged)
        with pytest.raises(AccessError):
            other.connect(token=token)


def test_row_166_a_module_looks_at_the_audience_and_refuses() -> None:
    gate = qsdb.Module("gate")

    @gate.client_connected
    def look(ctx: ReducerContext) -> None:
        assert ctx.auth.claims is not None
        audience = ctx.auth.claims.get("aud")
        if not isinstance(audience, list) or "gate" not in audience:
            raise qsdb.ReducerError(f"not for {audience}")

    @gate.reducer
    def who(ctx: ReducerContext) -> tuple[Identity, object]:
        assert ctx.auth.claims is not None
        return ctx.sender, ctx.auth.claims["aud"]

    with database(gate) as db:
        token = db.make_token("test", "ann", {"aud": ["shop", "gate"]})
        with db.connect(token=token) as client:
            ann = Identity.from_claims("test", "ann")
            assert client.call(who) == (ann, ["shop", "gate"])
        other = db.make_token("test", "ann", {"aud": ["shop"]})
        with pytest.raises(AccessError, match=r"not for \['shop'\]"):
            db.connect(token=other)
        with pytest.raises(AccessError, match="not for None"):
            db.connect()
        assert not db.sql("SELECT * FROM st_client")


def test_row_167_the_owner_sees_and_changes_all() -> None:
    with database(module) as db, db.connect() as stranger:
        db.sql("INSERT INTO safe VALUES (1)")
        assert db.sql("SELECT * FROM safe").rows == [Safe(1)]
        with pytest.raises(qsdb.QueryError):
            stranger.sql("SELECT * FROM safe")
        with pytest.raises(AccessError):
            stranger.sql("INSERT INTO room VALUES (1)")
        with pytest.raises(AccessError):
            db.caller(stranger.identity).sql("DELETE FROM room")
        with db.connect(identity=db.owner) as owner:
            assert owner.sql("SELECT * FROM safe").rows == [Safe(1)]


def test_row_168_strangers_queries_look_at_so_many_rows() -> None:
    with database(module) as db, db.connect() as stranger:
        with db.write() as tx:
            tx[Room].insert_many(map(Room, range(20)))
        db.sql("SET row_limit = 10")

        with pytest.raises(qsdb.QueryError, match="row_limit"):
            stranger.sql("SELECT * FROM room")
        with pytest.raises(qsdb.QueryError, match="row_limit"):
            stranger.subscribe("SELECT * FROM room")
        assert stranger.sql("SELECT * FROM room WHERE id = 3").rows == [Room(3)]
        assert len(db.sql("SELECT * FROM room")) == 20
        db.sql("SET row_limit = NULL")
        assert len(stranger.sql("SELECT * FROM room")) == 20
