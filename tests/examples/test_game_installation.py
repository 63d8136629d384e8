"""All databases of an operator, opened together."""

import json
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import PanelAuditLog, admin_ban, platform
from examples.qsbridge.game.guards import admit_server
from examples.qsbridge.game.hunger import HUNGER_INTERVAL
from examples.qsbridge.game.installation import Installation
from examples.qsbridge.game.outbox import Message
from examples.qsbridge.game.players import spawn
from examples.qsbridge.game.security import report_security_event
from examples.qsbridge.game.survival import survival
from examples.qsbridge.game.tables import PlayerPosition
from qsdb.testing import FakeClock
from tests.examples.game_world import GAME_EAST
from tests.examples.hub import START

mods = qsdb.Module("mods")


class Mod(qsdb.Row, module=mods):
    slug: str = qsdb.primary_key()


def installation(
    data: Path | None = None, *, has_threads: bool = False
) -> Installation:
    return Installation(
        platform,
        {"survival": survival, "hardcore": survival},
        mods,
        data,
        clock=FakeClock(START),
        has_threads=has_threads,
    )


def begin(found: Installation) -> None:
    """Have a player in both games, who is seen cheating in one."""
    for game in found.games.values():
        game.call(admit_server, "east", GAME_EAST)
        game.caller(GAME_EAST).call(spawn, "p1")
    hardcore = found.games["hardcore"].caller(GAME_EAST)
    hardcore.call(report_security_event, "p1", "aimbot", 9, "{}")


def told(found: Installation) -> list[str]:
    with found.platform.read() as tx:
        return [json.loads(row.details)["summary"] for row in tx[PanelAuditLog]]


SUMMARY = "aimbot of p1 on east, severity 9 of 10, told by hardcore"


def players(found: Installation) -> dict[str, int]:
    counts = {}
    for name, game in found.games.items():
        with game.read() as tx:
            counts[name] = len(tx[PlayerPosition])
    return counts


def test_games_tell_the_platform_and_know_its_bans() -> None:
    with installation() as found:
        begin(found)

        assert found.carry() == 1
        assert told(found) == [SUMMARY]
        assert players(found) == {"survival": 1, "hardcore": 1}
        found.platform.call(admin_ban, "p1", "otter", "aimbot", None)
        assert players(found) == {"survival": 0, "hardcore": 0}


@pytest.mark.slow
def test_installation_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    with installation(tmp_path) as found:
        assert found.registry is not None
        with found.registry.write() as tx:
            tx[Mod].insert(Mod("better-tents"))
        begin(found)
    folders = sorted(path.name for path in tmp_path.iterdir())
    assert folders == ["hardcore", "platform", "registry", "survival"]

    with installation(tmp_path, has_threads=True) as found:
        for courier in found.couriers.values():
            courier.close()
        assert told(found) == [SUMMARY]
        assert found.registry is not None
        assert len(found.registry.sql("SELECT * FROM mod")) == 1
        with found.games["hardcore"].read() as tx:
            assert len(tx[Message]) == 0
        assert players(found) == {"survival": 1, "hardcore": 1}


def test_what_is_due_runs_in_all_databases() -> None:
    clock = FakeClock(START)
    with Installation(platform, {"survival": survival}, clock=clock) as found:
        clock.advance(HUNGER_INTERVAL.micros / 1e6)

        assert found.run_due() == 2  # hunger, and the platform's sweep


def test_name_of_another_database_is_no_game_s() -> None:
    for name in ("platform", "registry"):
        with pytest.raises(ValueError, match=f"a game is named '{name}'"):
            Installation(platform, {name: survival})


@pytest.mark.slow
def test_what_was_opened_is_closed_when_the_rest_cannot_be(tmp_path: Path) -> None:
    broken = qsdb.Module("broken")
    broken.mount("outbox", survival)  # has an init, so it cannot be mounted

    with pytest.raises(qsdb.SchemaError):
        Installation(platform, {"broken": broken}, data=tmp_path)

    with qsdb.Database(platform, tmp_path / "platform") as db:
        assert db.offset == 1


def test_installation_without_a_registry_has_none() -> None:
    found = Installation(platform, {}, has_threads=False)
    assert found.registry is None
    assert found.carry() == 0
    found.close()
    found.close()
    with pytest.raises(qsdb.ClosedError):
        found.platform.call(admin_ban, "p1", "otter", "aimbot", None)
