"""Installs: every step there is, every other one refused, and what is for whom."""

from itertools import product

import pytest

from examples.qsbridge.mods import (
    GameEngine,
    InstalledMod,
    ModConfigValue,
    ModInstallFailure,
    ModKind,
    ModServiceState,
    game_engine_remove,
    game_engine_set,
    mod_config_set,
    mod_install_enable,
    mod_install_fail,
    mod_install_mark_installed,
    mod_install_mark_removed,
    mod_install_request,
    mod_install_uninstall,
    mod_install_update,
    mod_service_report,
)
from examples.qsbridge.mods.lifecycle import EDGES
from tests.examples.hub import START
from tests.examples.registry_desk import EAST, EAST_LINE, WEST_LINE, Desk

STATUSES = (
    "pending",
    "installing",
    "installed",
    "enabled",
    "disabled",
    "failed",
    "removing",
)
CALLS: dict[str, tuple[str, ...]] = {
    "begin": (),
    "mark_installed": (),
    "enable": (),
    "disable": (),
    "update": ("2.0.0",),
    "fail": ("why",),
    "uninstall": (),
    "mark_removed": (),
}
"""The reducers after the request, less ``mod_install_`` → arguments."""
OF_EAST = "and the caller is the bridge of 'east'"
FOR_ENABLED = "a report is for one that is enabled"
AFTER = {
    ("pending", "begin"): "installing",
    ("installing", "mark_installed"): "installed",
    ("installed", "enable"): "enabled",
    ("disabled", "enable"): "enabled",
    ("enabled", "disable"): "disabled",
    ("installed", "update"): "installed",
    ("enabled", "update"): "installed",
    ("disabled", "update"): "disabled",
    **{(status, "fail"): "failed" for status in STATUSES},
    **{(status, "uninstall"): "removing" for status in STATUSES[:-1]},
    ("removing", "mark_removed"): None,
}
"""Status, call → status; None where the row is gone. What is not here is refused."""


def test_steps_are_those_of_the_table() -> None:
    steps = {
        (before, after or "deleted")
        for (before, call), after in AFTER.items()
        if call != "update" or before == "enabled"
    }

    assert steps == {(one, other) for one, others in EDGES.items() for other in others}


def test_every_call_in_every_state_does_its_step_or_is_refused(desk: Desk) -> None:
    for number, (status, call) in enumerate(product(STATUSES, CALLS)):
        project_id = desk.mod(f"mod-{number}", "1.0.0", "2.0.0")
        install_id = desk.install(project_id, status)
        before = desk.row(install_id)
        function, arguments = f"mod_install_{call}", CALLS[call]
        desk.clock.advance(1)
        if (status, call) not in AFTER:
            text = desk.refusal(function, install_id, *arguments)
            assert text.startswith(f"WrongState: install {install_id} is {status}")
            continue
        desk.db.call(function, install_id, *arguments)
        after = AFTER[status, call]
        if after is None:
            text = desk.refusal(function, install_id, *arguments)
            assert text == f"NotFound: there is no install {install_id}"
            continue
        expected = before.replace(status=after, updated_at=desk.clock.now())
        if call == "mark_installed":
            expected = expected.replace(installed_at=desk.clock.now())
        if call == "update":
            expected = expected.replace(version="2.0.0")
        assert desk.row(install_id) == expected


def test_refused_step_says_what_is_possible(desk: Desk) -> None:
    install_id = desk.install(desk.mod("lib"))

    step = desk.refusal(mod_install_enable, install_id)
    update = desk.refusal(mod_install_update, install_id, "1.0.0")
    mark = desk.refusal(mod_install_mark_installed, install_id)

    assert step == (
        "WrongState: install 1 is pending and cannot become enabled, only installing, "
        "failed, removing"
    )
    assert update == (
        "WrongState: install 1 is pending; an update is for one that is installed or "
        "enabled or disabled"
    )
    assert mark == (
        "WrongState: install 1 is pending; mark_installed is for one that is installing"
    )


def test_request_stores_a_pending_install(desk: Desk) -> None:
    project_id = desk.mod("lib")

    install_id = desk.install(project_id)

    assert desk.rows(InstalledMod) == [
        InstalledMod("east", project_id, "1.0.0", "pending", None, START).replace(
            install_id=install_id
        )
    ]
    assert desk.rows(ModServiceState) == []


def test_install_that_is_not_there_is_named(desk: Desk) -> None:
    for call, arguments in CALLS.items():
        text = desk.refusal(f"mod_install_{call}", 9, *arguments)
        assert text == "NotFound: there is no install 9"


def test_request_names_what_is_not_there(desk: Desk) -> None:
    project_id = desk.mod("lib")

    server = desk.refusal(mod_install_request, "north", project_id, "1.0.0")
    version = desk.refusal(mod_install_request, "east", project_id, "1.0")

    assert server == "NotFound: the platform has no server 'north'"
    assert version == "NotFound: project 'lib' has no version 1.0"


def test_servers_choose_each_for_itself(desk: Desk) -> None:
    project_id = desk.project("bot")
    for version in ("1.0.0", "2.0.0"):
        desk.setting(desk.version(project_id, version), "COLOUR")

    east = desk.install(project_id, "enabled", "east", "1.0.0")
    west = desk.install(project_id, "installed", "west", "2.0.0")
    desk.db.call(mod_config_set, east, "COLOUR", "red")
    desk.db.call(mod_config_set, west, "COLOUR", "blue")

    assert (desk.row(east).version, desk.row(west).version) == ("1.0.0", "2.0.0")
    text = desk.refusal(mod_install_request, "east", project_id, "2.0.0")
    assert text == "AlreadyExists: 'east' has 'bot' already"


def test_update_to_the_same_version_is_refused(desk: Desk) -> None:
    install_id = desk.install(desk.mod("lib"), "installed")

    same = desk.refusal(mod_install_update, install_id, "1.0.0")
    absent = desk.refusal(mod_install_update, install_id, "7.0.0")

    assert same == "WrongState: install 1 has version 1.0.0"
    assert absent == "NotFound: project 'lib' has no version 7.0.0"


def test_update_on_a_server_that_is_gone_is_refused(desk: Desk) -> None:
    install_id = desk.install(desk.mod("lib", "1.0.0", "2.0.0"), "installed")
    desk.mirror(WEST_LINE)

    text = desk.refusal(mod_install_update, install_id, "2.0.0")

    assert text == "NotFound: the platform has no server 'east'"


def test_failure_keeps_its_newest_reason(desk: Desk) -> None:
    install_id = desk.install(desk.mod("lib"), "failed")
    desk.clock.advance(5)

    desk.db.call(mod_install_fail, install_id, "still full")

    expected = ModInstallFailure(install_id, "still full", desk.clock.now())
    assert desk.rows(ModInstallFailure) == [expected]
    text = desk.refusal(mod_install_fail, install_id, "r" * 513)
    assert text == "InvalidArgument: reason has 513 characters, more than 512"


def test_removed_install_leaves_nothing(desk: Desk) -> None:
    project_id = desk.service("bot", "2.0.0")
    desk.setting(desk.version(project_id, "1.0.0+a"), "KEY")
    install_id = desk.install(project_id, version="2.0.0")
    with desk.db.write() as tx:
        tx[ModConfigValue].insert(
            ModConfigValue(install_id, "KEY", "x", is_secret=False)
        )
    desk.db.call(mod_install_fail, install_id, "why")
    desk.db.call(mod_install_uninstall, install_id)

    desk.db.call(mod_install_mark_removed, install_id)

    tables = (InstalledMod, ModConfigValue, ModServiceState, ModInstallFailure)
    assert [desk.rows(table) for table in tables] == [[]] * 4
    desk.install(project_id, version="2.0.0")


INCOMPATIBLE = [
    (
        ("1.4.1", ["*"], ["*"]),
        "is for version 1.4.1 or newer, and 'east' has '1.4'",
    ),
    (
        ("", ["*"], ["rust", "valheim"]),
        "is for rust, valheim, and 'east' runs humanitz",
    ),
    (
        ("", ["ue5"], ["*"]),
        "is for ue5, and humanitz of 'east' runs on ue4",
    ),
]
COMPATIBLE = [
    ("1.4.0", ["ue4"], ["humanitz"]),
    ("1.4.0-rc.1", ["ue5", "ue4"], ["valheim", "humanitz"]),
    ("", ["*"], ["*"]),
]


def test_version_for_other_servers_is_refused(desk: Desk) -> None:
    desk.db.call(game_engine_set, "humanitz", "ue4")
    lib = desk.mod("lib", "0.1.0")
    lib_id = desk.install(lib, "installed", version="0.1.0")
    for number, (asked, why) in enumerate(INCOMPATIBLE):
        version = f"1.0.{number}"
        desk.version(lib, version, *asked)
        project_id = desk.project(f"mod-{number}")
        desk.version(project_id, version, *asked)

        requested = desk.refusal(mod_install_request, "east", project_id, version)
        updated = desk.refusal(mod_install_update, lib_id, version)

        assert requested == f"Conflict: mod-{number} {version} {why}"
        assert updated == f"Conflict: lib {version} {why}"


def test_version_for_this_server_is_installed(desk: Desk) -> None:
    desk.db.call(game_engine_set, "humanitz", "ue4")
    for number, asked in enumerate(COMPATIBLE):
        project_id = desk.project(f"mod-{number}")
        desk.version(project_id, "1.0.0", *asked)
        desk.install(project_id)


def test_server_whose_version_has_no_order_gets_what_asks_for_none(desk: Desk) -> None:
    desk.mirror(EAST_LINE.replace(version="nightly"))
    project_id = desk.project("mod")
    desk.version(project_id, "1.0.0", "0.0.1")
    desk.version(project_id, "2.0.0")

    text = desk.refusal(mod_install_request, "east", project_id, "1.0.0")
    desk.install(project_id, version="2.0.0")

    assert text == (
        "Conflict: mod 1.0.0 is for version 0.0.1 or newer, and 'east' has 'nightly'"
    )


def test_engine_of_a_game_is_told_and_forgotten(desk: Desk) -> None:
    project_id = desk.project("mod")
    desk.version(project_id, "1.0.0", "", ["ue4"])
    unknown = desk.refusal(mod_install_request, "east", project_id, "1.0.0")

    desk.db.call(game_engine_set, "humanitz", "ue5")
    desk.db.call(game_engine_set, "humanitz", "ue4")

    assert unknown == (
        "Conflict: mod 1.0.0 is for ue4, and humanitz of 'east' runs on an engine that "
        "is not known"
    )
    assert desk.rows(GameEngine) == [GameEngine("humanitz", "ue4")]
    desk.install(project_id)
    desk.db.call(game_engine_remove, "humanitz")
    assert desk.rows(GameEngine) == []
    for call, text in (
        (
            (game_engine_remove, "humanitz"),
            "NotFound: the engine of 'humanitz' is not known",
        ),
        (
            (game_engine_set, "", "ue4"),
            "InvalidArgument: game_module is empty, not 1 to 64 characters",
        ),
        (
            (game_engine_set, "g", ""),
            "InvalidArgument: engine is empty, not 1 to 64 characters",
        ),
        (
            (game_engine_set, "g", "*"),
            "InvalidArgument: engine is '*'; a game runs on one engine",
        ),
    ):
        assert desk.refusal(*call) == text


def test_service_gets_the_lowest_free_port_of_all_servers(desk: Desk) -> None:
    services = [desk.service(f"bot-{number}") for number in range(3)]
    east = [desk.install(project_id) for project_id in services]
    west = desk.install(services[0], server_id="west")
    assert [desk.state(each).port for each in (*east, west)] == [8900, 8901, 8902, 8903]

    desk.db.call(mod_install_uninstall, east[1])
    assert desk.state(east[1]).port == 8901  # until it is gone
    desk.db.call(mod_install_mark_removed, east[1])

    again = desk.install(services[1], server_id="west")
    assert desk.state(again).port == 8901
    assert desk.state(again).health == "unknown"
    assert desk.state(again).last_check is None


def test_last_port_is_given_and_then_none(desk: Desk) -> None:
    first, second = desk.service("first"), desk.service("second")
    with desk.db.write() as tx:
        for port in range(8900, 9899):
            tx[ModServiceState].insert(
                ModServiceState(port + 10_000, port, "unknown", None)
            )

    install_id = desk.install(first)
    text = desk.refusal(mod_install_request, "east", second, "1.0.0")

    assert desk.state(install_id).port == 9899
    assert text == "Conflict: all ports from 8900 to 9899 are taken"


def test_service_that_says_nothing_to_run_is_refused(desk: Desk) -> None:
    project_id = desk.service("bot")
    desk.version(project_id, "2.0.0")
    install_id = desk.install(project_id, "installed")

    for call in (
        (mod_install_request, "west", project_id, "2.0.0"),
        (mod_install_update, install_id, "2.0.0"),
    ):
        assert desk.refusal(*call) == (
            "WrongState: bot 2.0.0 is a ProcessService and has no entry to run"
        )


def test_only_services_have_a_port(desk: Desk) -> None:
    for kind in ModKind:
        if kind is not ModKind.ProcessService:
            project_id = desk.project(kind.name.lower(), kind)
            desk.version(project_id)
            desk.install(project_id, "enabled")

    assert desk.rows(ModServiceState) == []


def test_bridge_reports_how_its_service_is(desk: Desk) -> None:
    install_id = desk.install(desk.service("bot"), "enabled")
    desk.clock.advance(30)

    desk.db.caller(EAST).call(mod_service_report, install_id, "healthy")

    state = desk.state(install_id)
    assert (state.port, state.health) == (8900, "healthy")
    assert state.last_check == desk.clock.now()


@pytest.mark.parametrize("call", ["disable", "fail", "uninstall", "update"])
def test_report_is_forgotten_with_the_state(desk: Desk, call: str) -> None:
    install_id = desk.install(desk.service("bot", "1.0.0", "2.0.0"), "enabled")
    desk.db.caller(EAST).call(mod_service_report, install_id, "unhealthy")
    desk.db.call(f"mod_install_{call}", install_id, *CALLS[call])

    state = desk.state(install_id)
    assert (state.port, state.health, state.last_check) == (8900, "unknown", None)


def test_report_is_refused_to_others_and_of_others(desk: Desk) -> None:
    bot = desk.install(desk.service("bot"), "enabled")
    other = desk.install(desk.service("other"), "installed")
    west = desk.install(desk.service("third"), "enabled", "west")
    lib = desk.install(desk.mod("lib"), "enabled")

    for who, install_id, health, text in (
        (EAST, 9, "healthy", "NotFound: there is no install 9"),
        (
            desk.db.owner,
            bot,
            "healthy",
            "NotAuthorized: the caller is not the bridge of a known server",
        ),
        (
            EAST,
            west,
            "healthy",
            f"NotAuthorized: install {west} is on 'west', {OF_EAST}",
        ),
        (
            EAST,
            bot,
            "unknown",
            "InvalidArgument: health is 'unknown', not healthy or unhealthy",
        ),
        (EAST, lib, "healthy", f"NotFound: install {lib} is not a service"),
        (
            EAST,
            other,
            "healthy",
            f"WrongState: install {other} is installed; {FOR_ENABLED}",
        ),
    ):
        assert desk.refusal(mod_service_report, install_id, health, who=who) == text
