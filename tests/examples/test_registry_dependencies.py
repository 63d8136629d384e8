"""What mods need of each other: declared, and on one server."""

import pytest

from examples.qsbridge.mods import (
    ModDependency,
    mod_dependency_add,
    mod_dependency_remove,
    mod_install_disable,
    mod_install_enable,
    mod_install_fail,
    mod_install_mark_removed,
    mod_install_request,
    mod_install_uninstall,
    mod_install_update,
)
from tests.examples.registry_desk import Desk


def test_dependency_is_stored_and_removed(desk: Desk) -> None:
    lib, bot = desk.mod("lib"), desk.project("bot")
    version_id = desk.version(bot)

    desk.needs(version_id, lib, "1.2.0")

    (row,) = desk.rows(ModDependency)
    assert isinstance(row, ModDependency)
    assert (row.version_id, row.needs_project_id, row.version_min) == (
        version_id,
        lib,
        "1.2.0",
    )
    desk.db.call(mod_dependency_remove, version_id, lib)
    assert desk.rows(ModDependency) == []
    text = desk.refusal(mod_dependency_remove, version_id, lib)
    assert text == "NotFound: bot 1.0.0 needs no 'lib'"


def test_dependency_on_what_is_not_there_is_refused(desk: Desk) -> None:
    lib = desk.project("lib")
    version_id = desk.version(lib)

    for call, text in (
        ((mod_dependency_add, 9, lib, "1.0.0"), "there is no version with the id 9"),
        ((mod_dependency_add, version_id, 9, "1.0.0"), "there is no project 9"),
        ((mod_dependency_remove, 9, lib), "there is no version with the id 9"),
        ((mod_dependency_remove, version_id, 9), "there is no project 9"),
    ):
        assert desk.refusal(*call) == f"NotFound: {text}"


def test_dependency_is_declared_once_with_a_version(desk: Desk) -> None:
    lib, bot = desk.mod("lib"), desk.project("bot")
    version_id = desk.version(bot)
    desk.needs(version_id, lib)

    again = desk.refusal(mod_dependency_add, version_id, lib, "2.0.0")
    wrong = desk.refusal(mod_dependency_add, version_id, lib, "2")

    assert again == "AlreadyExists: bot 1.0.0 needs 'lib' already"
    assert wrong == (
        "InvalidArgument: version_min '2' is not of the form 1.2.3, 1.2.3-rc.1 or "
        "1.2.3+7"
    )


def test_version_needs_thirty_two_mods_at_most(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot"))
    for number in range(32):
        desk.needs(version_id, desk.project(f"lib-{number}"))

    text = desk.refusal(mod_dependency_add, version_id, desk.project("lib"), "1.0.0")

    assert text == "WrongState: bot 1.0.0 needs 32 mods, and may no more"


def test_dependencies_of_a_version_that_a_server_has_never_change(desk: Desk) -> None:
    lib, bot = desk.mod("lib"), desk.project("bot")
    version_id = desk.version(bot)
    desk.install(bot)

    for call in (
        (mod_dependency_add, version_id, lib, "1.0.0"),
        (mod_dependency_remove, version_id, lib),
    ):
        assert desk.refusal(*call) == (
            "WrongState: bot 1.0.0 is installed on 'east'; a change needs a new version"
        )


def test_circles_are_refused_with_the_way_round(desk: Desk) -> None:
    a, b, c = (desk.project(slug) for slug in "abc")
    a1, b1, c1 = (desk.version(project) for project in (a, b, c))
    desk.needs(a1, b)
    desk.needs(b1, c)

    itself = desk.refusal(mod_dependency_add, a1, a, "1.0.0")
    round_about = desk.refusal(mod_dependency_add, c1, a, "0.1.0")

    assert itself == "Conflict: a 1.0.0 would need itself"
    assert round_about == (
        "Conflict: c 1.0.0 would need itself: c 1.0.0 -> a 1.0.0 -> b 1.0.0 -> c 1.0.0"
    )


def test_other_versions_of_a_circle_are_none(desk: Desk) -> None:
    a, b = desk.project("a"), desk.project("b")
    a1, a2, b1, b2 = (
        desk.version(project, version)
        for project, version in ((a, "1.0.0"), (a, "2.0.0"), (b, "1.0.0"), (b, "2.0.0"))
    )
    desk.needs(a1, b, "1.0.0")

    desk.needs(b2, a, "2.0.0")  # a 2.0.0 needs nothing

    for version_id in (a2, b1):
        project_id = b if version_id == a2 else a
        text = desk.refusal(mod_dependency_add, version_id, project_id, "1.0.0")
        assert text.startswith("Conflict: ")


def needing(desk: Desk) -> tuple[int, int]:
    """Give a library of three versions, and a mod that needs the second."""
    lib = desk.mod("lib", "1.0.0", "2.0.0", "3.0.0")
    bot = desk.project("bot")
    desk.needs(desk.version(bot), lib, "2.0.0")
    return lib, bot


def test_install_needs_what_the_version_needs(desk: Desk) -> None:
    lib, bot = needing(desk)
    desk.install(lib, "enabled", "west", "2.0.0")

    missing = desk.refusal(mod_install_request, "east", bot, "1.0.0")
    desk.install(lib, "enabled", "east", "1.0.0")
    too_old = desk.refusal(mod_install_request, "east", bot, "1.0.0")

    assert missing == (
        "Conflict: bot 1.0.0 needs lib 2.0.0 or newer, and 'east' does not have it"
    )
    assert too_old == (
        "Conflict: bot 1.0.0 needs lib 2.0.0 or newer, and 'east' has an older one: "
        "1.0.0"
    )
    desk.install(bot, server_id="west")


@pytest.mark.parametrize("status", ["failed", "removing"])
def test_what_failed_or_goes_is_no_help(desk: Desk, status: str) -> None:
    lib, bot = needing(desk)
    desk.install(lib, status, version="2.0.0")

    text = desk.refusal(mod_install_request, "east", bot, "1.0.0")

    assert text == (
        f"Conflict: bot 1.0.0 needs lib 2.0.0 or newer, and on 'east' it is {status}, "
        "not disabled or enabled or installed or installing or pending"
    )


def test_both_may_be_requested_and_are_enabled_in_order(desk: Desk) -> None:
    lib, bot = needing(desk)
    lib_id = desk.install(lib, version="3.0.0")
    bot_id = desk.install(bot, "installed")
    desk.bring(lib_id, "installed")

    early = desk.refusal(mod_install_enable, bot_id)
    desk.db.call(mod_install_enable, lib_id)
    desk.db.call(mod_install_enable, bot_id)

    assert early == (
        "Conflict: bot 1.0.0 needs lib 2.0.0 or newer, and on 'east' it is installed, "
        "not enabled"
    )
    for call in (
        (mod_install_disable, lib_id),
        (mod_install_update, lib_id, "2.0.0"),
        (mod_install_uninstall, lib_id),
    ):
        assert desk.refusal(*call) == (
            "Conflict: bot 1.0.0 on 'east' is enabled and needs lib 3.0.0"
        )
    desk.db.call(mod_install_disable, bot_id)
    desk.db.call(mod_install_disable, lib_id)
    text = desk.refusal(mod_install_uninstall, lib_id)
    assert text == "Conflict: bot 1.0.0 on 'east' is disabled and needs lib 3.0.0"


def test_update_keeps_what_others_need(desk: Desk) -> None:
    lib, bot = needing(desk)
    lib_id = desk.install(lib, "installed", version="3.0.0")
    desk.install(bot)

    text = desk.refusal(mod_install_update, lib_id, "1.0.0")
    desk.db.call(mod_install_update, lib_id, "2.0.0")

    assert text == "Conflict: bot 1.0.0 on 'east' needs lib 2.0.0 or newer, not 1.0.0"
    assert desk.row(lib_id).version == "2.0.0"


def test_update_needs_what_the_new_version_needs(desk: Desk) -> None:
    _, bot = needing(desk)
    desk.version(bot, "0.9.0")
    bot_id = desk.install(bot, "installed", version="0.9.0")

    text = desk.refusal(mod_install_update, bot_id, "1.0.0")

    assert text == (
        "Conflict: bot 1.0.0 needs lib 2.0.0 or newer, and 'east' does not have it"
    )


def test_what_failed_is_replaced_under_those_that_need_it(desk: Desk) -> None:
    lib, bot = needing(desk)
    lib_id = desk.install(lib, "enabled", version="2.0.0")
    bot_id = desk.install(bot, "enabled")
    desk.db.call(mod_install_fail, lib_id, "it crashes")
    desk.db.call(mod_install_uninstall, lib_id)
    desk.db.call(mod_install_mark_removed, lib_id)

    desk.install(lib, "enabled", version="3.0.0")

    desk.db.call(mod_install_disable, bot_id)
    desk.db.call(mod_install_enable, bot_id)
