from examples.qsbridge.mods import (
    ModKind,
    RatingSummary,
    ServerMod,
    mod_install_uninstall,
    mod_review_delete,
    mod_review_put,
    mod_service_report,
    mod_version_yank,
)
from qsdb import Identity
from tests.examples.registry_desk import EAST, STRANGER, Desk


def test_rating_is_summed_up_and_stays_current(desk: Desk) -> None:
    project_id = desk.project("bot")
    other_id = desk.project("other")
    with desk.db.connect(STRANGER) as panel:
        live = panel.subscribe(f"SELECT * FROM mod_rating({project_id})")
        assert live.rows == []
        for player, rating in (("p1", 5), ("p2", 2), ("p3", 1), ("p1", 4)):
            desk.db.call(mod_review_put, project_id, player, rating, "")
        runs = desk.db.stats().view_runs
        desk.db.call(mod_review_put, other_id, "p1", 1, "")

        assert desk.db.stats().view_runs == runs
        (rating,) = live.rows
        assert rating == RatingSummary(project_id, 3, 7 / 3, 1, 4)
        for player in ("p1", "p2", "p3"):
            desk.db.call(mod_review_delete, project_id, player)
        assert live.rows == []


def mods_of(desk: Desk, server_id: str, who: Identity = STRANGER) -> list[ServerMod]:
    rows = desk.db.sql(
        "SELECT * FROM server_mods(:server)", {"server": server_id}, sender=who
    )
    return sorted(rows, key=lambda row: row.install_id)


def test_mods_of_a_server_are_shown_with_what_they_refer_to(desk: Desk) -> None:
    lib, bot = desk.mod("core-lib", "1.0.0", "1.1.0-rc.1"), desk.service("bot", "2.0.0")
    lib_id = desk.install(lib, "failed")
    bot_id = desk.install(bot, "enabled", version="2.0.0")
    desk.install(lib, server_id="west")
    desk.clock.advance(9)
    desk.db.caller(EAST).call(mod_service_report, bot_id, "healthy")

    assert mods_of(desk, "east") == [
        ServerMod(
            lib_id,
            "core-lib",
            "Core Lib",
            ModKind.Library,
            "1.0.0",
            "1.1.0-rc.1",
            "failed",
            None,
            None,
            None,
        ),
        ServerMod(
            bot_id,
            "bot",
            "Bot",
            ModKind.ProcessService,
            "2.0.0",
            "2.0.0",
            "enabled",
            8900,
            "healthy",
            desk.clock.now(),
        ),
    ]
    assert mods_of(desk, "north") == []


def test_newest_version_is_the_newest_that_is_offered(desk: Desk) -> None:
    lib = desk.mod("lib", "1.9.0")
    yanked = [desk.version(lib, version) for version in ("1.10.0", "2.0.0")]
    desk.install(lib, version="1.9.0")
    desk.db.call(mod_version_yank, yanked[1], "")

    assert [mod.newest for mod in mods_of(desk, "east")] == ["1.10.0"]
    for version_id in (1, yanked[0]):
        desk.db.call(mod_version_yank, version_id, "")
    assert [mod.newest for mod in mods_of(desk, "east")] == [None]


def test_mods_of_a_server_stay_current_and_others_cost_nothing(desk: Desk) -> None:
    lib = desk.mod("lib")
    with desk.db.connect(STRANGER) as panel:
        live = panel.subscribe("SELECT * FROM server_mods('east')")
        east = desk.install(lib, "enabled")
        runs = desk.db.stats().view_runs
        desk.install(lib, "enabled", "west")
        assert desk.db.stats().view_runs == runs
        assert [(row.install_id, row.status) for row in live.rows] == [
            (east, "enabled")
        ]
        desk.db.call(mod_install_uninstall, east)
        assert [row.status for row in live.rows] == ["removing"]
