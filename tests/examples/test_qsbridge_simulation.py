"""The simulation: the same for the same seed, and its checks see what is wrong.

Each planted fault is one that a platform might have: it is put into the tables or
into the world after a run in which everything held.
"""

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import (
    BanEntry,
    GlobalVault,
    ModuleConfig,
    PanelAuditLog,
    PlayerMovement,
    PlayerServerPresence,
    ServerTransferQueue,
)
from examples.qsbridge.cli.simulate import main
from examples.qsbridge.hub.views import count_flow
from examples.qsbridge.simulation.agenda import SECOND, Agenda
from examples.qsbridge.simulation.flow import flow_picture, flow_table
from examples.qsbridge.simulation.hashing import state_hash
from examples.qsbridge.simulation.hub import Hub
from examples.qsbridge.simulation.progress import ProgressBar
from examples.qsbridge.simulation.running import Simulation
from examples.qsbridge.simulation.settings import Settings
from qsdb import Timestamp, Transaction
from qsdb.testing.disk.simulated import SimulatedDirectory
from tests.examples.hub import START

SMALL = Settings(servers=5, players=150, minutes=20, seed=14)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    """One that has run, to be tampered with by transactions that roll back."""
    simulation = Simulation(SMALL, SimulatedDirectory())
    simulation.run()
    yield simulation
    simulation.world.hub.switch_off()


@pytest.mark.slow
def test_an_evening_with_outages_is_the_same_for_the_same_seed(
    simulation: Simulation,
) -> None:
    again = Simulation(SMALL, SimulatedDirectory())
    again.run()
    expected = state_hash(simulation.world.hub.db)
    result = again.end()

    assert result.state_hash == expected
    assert [check for check in result.checks if check.faults] == []
    assert result.is_sound
    assert {("pending", "in_transit"), ("in_transit", "completed")} <= (
        again.observer.edges_seen
    )
    assert again.world.hub.cuts_count == 2
    for what in (
        "join",
        "leave",
        "deposit",
        "withdraw",
        "transfer_complete",
        "panel_ban_player",
        "kicked",
        "servers crashed",
        "servers stood still",
        "power cuts",
    ):
        assert result.tally[what] > 0, what
    done, times = result.tally, result.times["vault_withdraw"]
    assert done["withdraw twice"] == 0
    assert done["deposit"] - done["withdraw"] == result.rows["global_vault"]
    lost = result.lost["vault_withdraw"]
    assert done["withdraw"] + lost == times.calls - times.failures
    assert result.refused["withdraw twice", "NotFound"] <= times.failures
    assert result.commits_lost > 0
    assert sum(result.lost.values()) > 0
    for refused in (
        ("withdraw twice", "NotFound"),
        ("join elsewhere", "elsewhere"),
        ("join", "banned"),
    ):
        assert result.refused[refused] > 0, refused


@pytest.mark.slow
def test_another_seed_is_another_evening() -> None:
    hashes = set()
    for seed in (1, 2):
        simulation = Simulation(Settings(2, 10, 1, seed), SimulatedDirectory())
        simulation.run()
        hashes.add(simulation.end().state_hash)

    assert len(hashes) == 2


def faults(simulation: Simulation, tx: Transaction) -> dict[str, tuple[str, ...]]:
    return {check.sentence: check.faults for check in simulation.checks(tx)}


class _UndoError(Exception):
    """Ends a transaction whose changes are not to stay."""


def double_an_item(tx: Transaction) -> None:
    row = next(iter(tx[GlobalVault]))
    tx[GlobalVault].insert(row.replace(vault_id=0, slot=99))


def lose_an_item(tx: Transaction) -> None:
    tx[GlobalVault].delete(next(iter(tx[GlobalVault])))


def share_a_slot(tx: Transaction) -> None:
    row = next(iter(tx[GlobalVault]))
    data = '{"item": 999999}'
    tx[GlobalVault].insert(row.replace(vault_id=0, item_data=data))


def ban_who_plays(tx: Transaction) -> None:
    ban = next(iter(tx[BanEntry])).replace(
        ban_id=0, banned_at=Timestamp.EPOCH, expires_at=None, revoked=False
    )
    for row in tx[PlayerServerPresence]:
        tx[BanEntry].insert(ban.replace(player_id=row.player_id))


def forget_the_players(tx: Transaction) -> None:
    tx[PlayerServerPresence].clear()


def invent_a_movement(tx: Transaction) -> None:
    row = next(iter(tx[PlayerMovement]))
    tx[PlayerMovement].insert(row.replace(move_id=0, from_server_id="nowhere-1"))


def open_two_transfers(tx: Transaction) -> None:
    row = next(iter(tx[ServerTransferQueue]))
    for _ in range(2):
        tx[ServerTransferQueue].insert(
            row.replace(transfer_id=0, status="pending", completed_at=None)
        )


def end_without_a_time(tx: Transaction) -> None:
    row = next(row for row in tx[ServerTransferQueue] if not row.is_open)
    tx[ServerTransferQueue].update(row.replace(completed_at=None))


def date_the_log_back(tx: Transaction) -> None:
    row = max(tx[PanelAuditLog], key=lambda each: each.log_id)
    tx[PanelAuditLog].update(row.replace(timestamp=Timestamp.EPOCH))


def change_the_owner(tx: Transaction) -> None:
    tx[ModuleConfig].clear()
    tx[ModuleConfig].insert(ModuleConfig(qsdb.Identity.ZERO))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (double_an_item, "each item is in one place, and none is lost"),
        (lose_an_item, "each item is in one place, and none is lost"),
        (share_a_slot, "each slot of a vault holds one item"),
        (share_a_slot, "there are as many items as there were"),
        (share_a_slot, "deposits less withdrawals are in the vaults"),
        (ban_who_plays, "nobody plays who is banned"),
        (forget_the_players, "players are where the platform says"),
        (forget_the_players, "the movements lead to where players are"),
        (invent_a_movement, "the movements lead to where players are"),
        (open_two_transfers, "a player has one open transfer at most"),
        (end_without_a_time, "a player has one open transfer at most"),
        (date_the_log_back, "the audit log grows, in order"),
        (change_the_owner, "the platform has its one owner"),
    ],
)
def test_a_check_sees_what_is_wrong(
    simulation: Simulation, tamper: Callable[[Transaction], None], sentence: str
) -> None:
    found: list[dict[str, tuple[str, ...]]] = []
    with pytest.raises(_UndoError), simulation.world.hub.db.write() as tx:
        found.append(faults(simulation, tx))
        tamper(tx)
        found.append(faults(simulation, tx))
        raise _UndoError

    assert found[0][sentence] == ()
    assert found[1][sentence] != ()


@pytest.mark.slow
def test_checks_see_what_servers_do_not_know(simulation: Simulation) -> None:
    server = next(
        each for each in simulation.world.servers.values() if each.state == "up"
    )
    player_id = next(iter(server.players))
    player = server.players.pop(player_id)
    other = next(
        each
        for each in simulation.world.servers.values()
        if each.state == "up" and each is not server
    )
    other.players[player_id] = player
    with simulation.world.hub.db.read() as tx:
        found = faults(simulation, tx)
    server.players[player_id] = other.players.pop(player_id)

    assert found["players are where the platform says"] != ()


def test_appointments_of_one_moment_are_kept_in_order() -> None:
    agenda, kept = Agenda(START), list[str]()
    agenda.after(2 * SECOND, lambda: kept.append("c"))
    agenda.after(SECOND, lambda: kept.append("a"))
    agenda.after(SECOND, lambda: agenda.after(0, lambda: kept.append("b")))
    agenda.after(5 * SECOND, lambda: kept.append("never"))

    times = [*agenda.keep(until=5 * SECOND)]

    assert kept == ["a", "b", "c"]
    assert times == [SECOND, SECOND, SECOND, 2 * SECOND]
    assert agenda.clock.now().micros == START.micros + 5 * SECOND


def test_equal_tables_have_equal_hashes() -> None:
    first, second = (
        Hub(SimulatedDirectory(), Agenda(START).clock, seed=1) for _ in range(2)
    )
    for hub, order in ((first, "ab"), (second, "ba")):
        hub.switch_on()
        with hub.db.write() as tx:
            for name in order:
                tx[PlayerServerPresence].insert(
                    PlayerServerPresence(name, "east", START, START)
                )
    assert state_hash(first.db) == state_hash(second.db)

    second.db.call("admin_whitelist_add", "somebody")
    assert state_hash(first.db) != state_hash(second.db)
    ignored = ("whitelist_entry", "panel_audit_log")
    assert state_hash(first.db, ignored) == state_hash(second.db, ignored)
    first.switch_off()
    second.switch_off()


MOVES = [
    PlayerMovement("a", "", "east", START, "join"),
    PlayerMovement("a", "east", "west", START, "transfer"),
    PlayerMovement("b", "", "east", START, "join"),
    PlayerMovement("b", "east", "west<2>", START, "transfer"),
]
REGIONS = {"east": "us-east", "west": "us-west", "west<2>": "us-west"}


def test_flow_is_counted_between_regions() -> None:
    lines = [*flow_table(count_flow(MOVES), REGIONS)]

    assert lines == [
        "from \\ to  us-east  us-west  outside",
        "us-east          0        2        0",
        "us-west          0        0        0",
        "outside          2        0        0",
    ]


def test_the_picture_of_a_flow_has_a_cell_for_each_pair() -> None:
    picture = ET.fromstring(flow_picture(count_flow(MOVES), REGIONS, "a & b"))

    titles = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["east → west: 1", "east → west<2>: 1"]
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "a & b" in texts
    assert texts.count("us-west") == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_progress_bar_is_drawn_on_terminals_only() -> None:
    times = iter([0.0, 0.0, 0.05, 0.2])
    terminal, pipe = Terminal(), io.StringIO()
    bar = ProgressBar("work", 100, terminal, lambda: next(times))
    for done in (10, 20, 50):
        bar.show(done, "going well")
    drawn = terminal.getvalue()
    bar.end()
    ProgressBar("work", 100, pipe).show(10, "")
    ProgressBar("work", 100, pipe).end()

    assert drawn.count("\r") == 2
    assert "work ███············" in drawn
    assert " 50% 0 s  going well" in drawn
    assert " 20%" not in drawn
    assert terminal.getvalue().endswith("\r\x1b[2K")
    assert pipe.getvalue() == ""


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [
        ("servers", 0, "1 to 1000"),
        ("players", 1_000_001, "1 to 1000000"),
        ("minutes", 0, "1 to 10080"),
        ("seed", -1, "0 to 18446744073709551615"),
    ],
)
def test_settings_have_bounds(
    name: str, value: int, bounds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}, not {bounds}"):
        Settings(**{name: value})
    with pytest.raises(SystemExit) as ended:
        main([f"--{name}={value}"])

    assert ended.value.code == 2
    assert f"{name} is {value}, not {bounds}" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_reports_and_keeps_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--servers=2", "--players=20", "--minutes=4", f"--data={tmp_path}"]
    assert main(arguments) == 0
    out = capsys.readouterr().out

    assert "2 servers, 20 players, 4 minutes, seed 1" in out
    assert "✓ each item is in one place, and none is lost" in out
    assert "presence_join" in out
    assert "✗" not in out
    assert (tmp_path / "population-flow.svg").read_text().startswith("<svg")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "is not empty" in capsys.readouterr().err


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "nowhere" / "flow.svg"

    with pytest.raises(SystemExit) as ended:
        main(["--servers=1", "--players=1", "--minutes=1", f"--picture={file}"])

    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"cannot use {file}: " in told.err


def test_a_folder_that_is_a_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(SystemExit) as ended:
        main([f"--data={file}"])

    assert ended.value.code == 2
    assert f"cannot use {file}" in capsys.readouterr().err
