from pathlib import Path

import pytest

from examples.qsbridge import BanEntry, PlayerServerPresence, ServerRegistry
from examples.qsbridge.cli.evening import SHIPPED
from examples.qsbridge.evening.cluster import Cluster
from examples.qsbridge.evening.events import Join
from examples.qsbridge.evening.generate import (
    EVENTS_COUNT,
    SEED,
    generate,
    line,
    main,
    play,
)
from tests.examples.hub import events_of


def test_shipped_file_is_what_its_script_makes() -> None:
    data = SHIPPED.read_bytes()

    assert data == generate(SEED, EVENTS_COUNT)
    assert data.count(b"\n") == EVENTS_COUNT


def test_script_writes_the_file_it_is_asked_for(tmp_path: Path) -> None:
    output = tmp_path / "events.jsonl"

    main(["--seed", "3", "--events", "40", "--output", str(output)])

    assert output.read_bytes() == generate(3, 40)
    assert len(events_of(output.read_bytes())) == 40


@pytest.mark.parametrize("events_count", [0, 1, 7, 333])
def test_script_makes_as_many_events_as_asked(events_count: int) -> None:
    assert len(events_of(generate(11, events_count))) == events_count


def test_another_seed_makes_another_evening() -> None:
    assert generate(1, 300) == generate(1, 300) != generate(2, 300)


@pytest.mark.parametrize(
    ("text", "code"), [("--events -1", 2), ("--output /nowhere/at/all", 2)]
)
def test_script_refuses_what_it_cannot_do(text: str, code: int) -> None:
    with pytest.raises(SystemExit) as caught:
        main(text.split())

    assert caught.value.code == code


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tables_agree_with_the_world_that_made_the_events(seed: int) -> None:
    world = play(seed, 1500)
    joins_refused = 0
    with Cluster() as cluster:
        for event in events_of("".join(map(line, world.events)).encode()):
            outcome = cluster.apply(event)
            joins_refused += isinstance(event, Join) and outcome.refusal is not None
        with cluster.db.read() as tx:
            places = {row.player_id: row.server_id for row in tx[PlayerServerPresence]}
            banned = {
                ban.player_id for ban in tx[BanEntry] if ban.is_active(cluster.now)
            }
            bridges = {row.server_id for row in tx[ServerRegistry]}

    assert joins_refused > 0
    assert bridges == {server.server_id for server in world.servers}
    assert places == {
        player: place.server.server_id for player, place in world.places.items()
    }
    assert banned == {player for player in world.banned if world.is_banned(player)}
