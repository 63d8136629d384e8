import pytest

import qsdb
from examples.qsbridge import (
    BanEntry,
    ModuleConfig,
    PlayerServerPresence,
    ServerConfig,
    ServerRegistry,
    platform,
)
from tests.examples.hub import EAST, START, WEST, Hub

COLUMNS = {
    "server_registry": "server_id stdb_identity display_name region game_module "
    "game_mode hosting_id status last_heartbeat version max_players online_count "
    "wipe_schedule config_template_id",
    "server_config": "server_id server_name max_players password_hash "
    "whitelist_enabled motd",
    "ban_entry": "ban_id player_id player_name reason banned_by banned_at expires_at "
    "revoked revoked_by revoked_at",
    "player_server_presence": "player_id server_id connected_at last_heartbeat",
    "module_config": "owner_identity",
}


def test_module_has_its_published_name() -> None:
    assert platform.name == "qs-bridge-platform"


@pytest.mark.parametrize("name", [*COLUMNS])
def test_table_has_the_documented_columns_in_order(hub: Hub, name: str) -> None:
    hub.join(EAST, "p1")
    hub.ban("p2")

    with hub.db.read() as tx:
        row = next(iter(tx.table(name)))

    assert [*qsdb.asdict(row)] == COLUMNS[name].split()


def test_identity_is_unique_among_servers(hub: Hub) -> None:
    with pytest.raises(qsdb.UniqueError), hub.db.write() as tx:
        tx[ServerRegistry].update(hub.server("east").replace(stdb_identity=WEST))

    assert hub.server("east").stdb_identity == EAST


def test_documented_indexes_are_there(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.ban("p2")

    with hub.db.read() as tx:
        assert tx[PlayerServerPresence].server_id.count("east") == 1
        assert tx[BanEntry].player_id.count("p2") == 1
        (config,) = tx[ModuleConfig]
        assert tx[ServerConfig].get("east") is not None

    assert config.owner_identity == hub.db.owner
    assert hub.server("east").last_heartbeat == START
