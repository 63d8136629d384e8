"""The tables, column by column, as the wiki documents them."""

import enum

import pytest

import qsdb
from examples.qsbridge import (
    AdminLevel,
    AdminRoleLevel,
    ServerRegistry,
    platform,
)
from qsdb.schema.declarations import take_all
from qsdb.schema.descriptions import describe
from tests.examples.hub import EAST, WEST, Hub

DOCUMENTED = """\
public table server_registry, primary key server_id
  column server_id: str
  column stdb_identity: Identity
  column display_name: str
  column region: str
  column game_module: str
  column game_mode: str
  column hosting_id: str
  column status: str
  column last_heartbeat: Timestamp
  column version: str
  column max_players: u32
  column online_count: u32
  column wipe_schedule: str
  column config_template_id: str
  unique key stdb_identity over stdb_identity
public table server_config, primary key server_id
  column server_id: str
  column server_name: str
  column max_players: u32
  column password_hash: str
  column whitelist_enabled: bool
  column motd: str
public table ban_entry, primary key ban_id
  column ban_id: u64, generated
  column player_id: str
  column player_name: str
  column reason: str
  column banned_by: str
  column banned_at: Timestamp
  column expires_at: Timestamp | None
  column revoked: bool
  column revoked_by: str
  column revoked_at: Timestamp | None
  btree index player_id over player_id
public table whitelist_entry, primary key entry_id
  column entry_id: u64, generated
  column player_id: str
  column added_by: str
  column added_at: Timestamp
  unique key player_id over player_id
public table admin_role, primary key role_id
  column role_id: u64, generated
  column player_id: str
  column role: AdminRoleLevel{Owner, Admin, Moderator}
  column granted_by: str
  column granted_at: Timestamp
  unique key player_id over player_id
public table module_config, no primary key
  column owner_identity: Identity
public table panel_session, primary key player_id
  column player_id: str
  column display_name: str
  column admin_level: AdminLevel{Owner, Admin, Moderator, Viewer}
  column connected_at: Timestamp
  column last_activity: Timestamp
public table panel_audit_log, primary key log_id
  column log_id: u64, generated
  column actor_player_id: str
  column action: str
  column details: str
  column timestamp: Timestamp
public table player_server_presence, primary key player_id
  column player_id: str
  column server_id: str
  column connected_at: Timestamp
  column last_heartbeat: Timestamp
  btree index server_id over server_id
public table global_vault, primary key vault_id
  column vault_id: u64, generated
  column player_id: str
  column item_data: str
  column slot: u32
  column deposited_at: Timestamp
  column source_server_id: str
  btree index player_id over player_id
public table server_transfer_queue, primary key transfer_id
  column transfer_id: u64, generated
  column player_id: str
  column from_server_id: str
  column to_server_id: str
  column status: str
  column character_snapshot: str
  column requested_at: Timestamp
  column completed_at: Timestamp | None
  btree index player_id over player_id
  btree index by_player over player_id, status
  btree index by_status over status, requested_at
public table cross_server_event, primary key event_id
  column event_id: u64, generated
  column event_type: str
  column title: str
  column description: str
  column participating_servers: tuple[str, ...]
  column start_at: Timestamp
  column end_at: Timestamp | None
  column status: str
  column metadata: str
  btree index status over status
"""
"""The twelve tables of the wiki, and three indexes that sweeps and transfers take."""
BESIDE = """\
public table bridge_command, primary key command_id
  column command_id: u64, generated
  column server_id: str
  column kind: str
  column player_id: str
  column payload: str
  column created_at: Timestamp
  btree index server_id over server_id
  btree index created_at over created_at
public table player_movement, primary key move_id
  column move_id: u64, generated
  column player_id: str
  column from_server_id: str
  column to_server_id: str
  column moved_at: Timestamp
  column kind: str
  btree index player_id over player_id
  btree index moved_at over moved_at
private table kept_snapshot, primary key transfer_id
  column transfer_id: u64
  column ended_at: Timestamp
  btree index ended_at over ended_at
private table away_bridge, primary key server_id
  column server_id: str
  column since: Timestamp
private table inbox_position, primary key source
  column source: str
  column applied: u64
private table dead_letter, primary key letter_id
  column letter_id: u64, generated
  column source: str
  column sequence: u64
  column kind: str
  column payload: str
  column reason: str
  column received_at: Timestamp
  unique key source_sequence over source, sequence
private table sweep_schedule, primary key scheduled_id
  column scheduled_id: u64, generated
  column scheduled_at: ScheduleAt
  scheduled: scheduled_at says when sweep is run (missed: one, retry: 0)
"""
"""What stands beside them."""


def sections(text: str) -> dict[str, str]:
    """Split a description by table."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if not line.startswith(" "):
            name = line.split()[2].rstrip(",")
            found[name] = ""
        found[name] += line
    return found


def declared() -> dict[str, str]:
    tables = platform.compiled(take_all).tables
    return sections(describe([table.schema for table in tables]) + "\n")


def test_module_has_its_published_name() -> None:
    assert platform.name == "qs-bridge-platform"


def test_wiki_has_twelve_tables() -> None:
    assert len(sections(DOCUMENTED)) == 12


@pytest.mark.parametrize("name", [*sections(DOCUMENTED), *sections(BESIDE)])
def test_table_has_its_columns_keys_and_indexes(name: str) -> None:
    expected = sections(DOCUMENTED) | sections(BESIDE)

    assert declared()[name] == expected[name]


@pytest.mark.parametrize(
    ("levels", "names"),
    [
        (AdminRoleLevel, "Owner Admin Moderator"),
        (AdminLevel, "Owner Admin Moderator Viewer"),
    ],
)
def test_levels_are_in_the_documented_order(
    levels: type[enum.Enum], names: str
) -> None:
    assert [level.name for level in levels] == names.split()


def test_strangers_read_the_documented_tables(hub: Hub) -> None:
    for name in sections(DOCUMENTED):
        hub.db.sql(f"SELECT * FROM {name}", sender=EAST)


def test_identity_is_unique_among_servers(hub: Hub) -> None:
    with pytest.raises(qsdb.UniqueError), hub.db.write() as tx:
        tx[ServerRegistry].update(hub.server("east").replace(stdb_identity=WEST))

    assert hub.server("east").stdb_identity == EAST
