"""Versions: their order, what they consist of, how they are run, and yanking."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from examples.qsbridge.mods import (
    ModFile,
    ModKind,
    ModServiceSpec,
    ModVersion,
    ModYank,
    mod_file_attach,
    mod_file_detach,
    mod_install_enable,
    mod_install_request,
    mod_install_update,
    mod_service_spec_set,
    mod_version_publish,
    mod_version_restore,
    mod_version_yank,
)
from examples.qsbridge.mods.semver import is_semver, loose_precedence, precedence
from tests.examples.hub import START
from tests.examples.registry_desk import Desk

SUM = "0123456789abcdef" * 4
NO_VERSION = "NotFound: there is no version with the id 9"
IN_USE = (
    "WrongState: core-lib 1.0.0 is installed on 'east'; a change needs a new version"
)
NO_URL = "is not a URL like http://localhost:${PORT}/health"
ORDERED = (
    "0.0.0-0 0.0.0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 "
    "1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.2.0 1.10.0 2.0.0"
)
WRONG_VERSIONS = (
    "1 1.0 1.0.0.0 v1.0.0 01.0.0 1.00.0 1.0.0- 1.0.0-01 1.0.0-a..b 1.0.0+ 1.0.0+a+b "
    "-1.0.0 1.0.x 1\u0661.0.0"
)
parts = st.lists(
    st.one_of(
        st.integers(0, 30).map(str),
        st.sampled_from(["a", "B", "-", "a1", "1a", "rc", "-1", "rca"]),
    ),
    max_size=3,
)
versions = st.builds(
    lambda numbers, pre: (
        ".".join(map(str, numbers)) + ("-" + ".".join(pre) if pre else "")
    ),
    st.tuples(*[st.integers(0, 12)] * 3),
    parts,
)


def is_lower(left: str, right: str) -> bool:
    """Compare as section 11 of semver.org reads, step by step."""
    left_numbers, _, left_pre = left.partition("-")
    right_numbers, _, right_pre = right.partition("-")
    for one, other in zip(
        left_numbers.split("."), right_numbers.split("."), strict=True
    ):
        if int(one) != int(other):
            return int(one) < int(other)
    if not left_pre or not right_pre:
        return bool(left_pre) and not right_pre
    ours, theirs = left_pre.split("."), right_pre.split(".")
    for one, other in zip(ours, theirs, strict=False):
        if one == other:
            continue
        if one.isdigit() and other.isdigit():
            return int(one) < int(other)
        if one.isdigit() != other.isdigit():
            return one.isdigit()
        return one < other
    return len(ours) < len(theirs)


@given(versions, versions)
@example("1.0.0-2", "1.0.0-10")
def test_versions_are_ordered_as_the_standard_says(left: str, right: str) -> None:
    assert is_semver(left)
    assert (precedence(left) < precedence(right)) == is_lower(left, right)
    assert (precedence(left) == precedence(right)) == (left == right)


def test_examples_of_the_standard_are_in_order() -> None:
    pairs = pairwise(ORDERED.split())

    assert all(precedence(lower) < precedence(higher) for lower, higher in pairs)


def test_what_is_no_version_is_refused(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    for text in ("", " 1.0.0", "1.0.0\n", *WRONG_VERSIONS.split()):
        with pytest.raises(ValueError, match="is not of the form"):
            precedence(text)
        refused = desk.refusal(
            mod_version_publish, project_id, text, "", "", ["*"], ["*"]
        )
        assert refused.startswith("InvalidArgument: version ")


@pytest.mark.parametrize(
    ("text", "same"),
    [("1.4", "1.4.0"), ("v2", "2.0.0"), ("1.02.3", "1.2.3"), ("1.0.0-rc", "1.0.0-rc")],
)
def test_server_may_say_its_version_loosely(text: str, same: str) -> None:
    assert loose_precedence(text) == precedence(same)


@pytest.mark.parametrize("text", ["", "latest", "1.x", "1.2.3.4", "1.2-rc"])
def test_what_has_no_order_has_none(text: str) -> None:
    assert loose_precedence(text) is None


def test_publish_stores_the_version(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    version_id = desk.db.call(
        mod_version_publish,
        project_id,
        "1.2.0-rc.1",
        "First.",
        "0.9.0",
        ["ue4", "ue5"],
        ["humanitz"],
    )

    (row,) = desk.rows(ModVersion)
    assert row == ModVersion(
        project_id,
        "1.2.0-rc.1",
        "First.",
        "0.9.0",
        ("ue4", "ue5"),
        ("humanitz",),
        START,
    ).replace(version_id=version_id)


def test_version_is_published_once_also_with_another_build(desk: Desk) -> None:
    project_id = desk.mod("core-lib", "1.0.0", "2.0.0+linux", "1.0.1")
    desk.mod("other", "1.0.0")

    for version, of in (("1.0.0", "1.0.0"), ("2.0.0+windows", "2.0.0+linux")):
        text = desk.refusal(
            mod_version_publish, project_id, version, "", "", ["*"], ["*"]
        )
        assert text == f"AlreadyExists: project 'core-lib' has version {of} already"


WRONG_RELEASES = [
    (
        ("c" * 4097, "", ["*"], ["*"]),
        "changelog has 4097 characters, more than 4096",
    ),
    (
        ("", "1.0", ["*"], ["*"]),
        "platform_min '1.0' is not of the form 1.2.3, 1.2.3-rc.1 or 1.2.3+7",
    ),
    (("", "", [], ["*"]), "engines has 0 names, not 1 to 32; '*' is all"),
    (("", "", ["*"], ["g"] * 33), "games has 33 names, not 1 to 32; '*' is all"),
    (("", "", ["ue4", "ue4"], ["*"]), "engines names 'ue4' twice"),
    (("", "", ["*"], ["*", "a"]), "games has '*', which is all, and more"),
    (("", "", ["*"], [""]), "a name in games is empty, not 1 to 64 characters"),
    (
        ("", "", ["e" * 65], ["*"]),
        "a name in engines has 65 characters, more than 64",
    ),
]


def test_publish_refuses_what_is_out_of_bounds(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    for version, fault in WRONG_RELEASES:
        text = desk.refusal(mod_version_publish, project_id, "1.0.0", *version)
        assert text == f"InvalidArgument: {fault}"


def test_yanked_version_is_installed_nowhere_anew(desk: Desk) -> None:
    project_id = desk.mod("core-lib")
    newer = desk.version(project_id, "2.0.0")
    install_id = desk.install(project_id, "installed", "west", "2.0.0")
    other_id = desk.install(project_id, "installed")

    desk.db.call(mod_version_yank, newer, "it eats saves")

    assert desk.rows(ModYank) == [ModYank(newer, "it eats saves", START)]
    yanked = "WrongState: core-lib 2.0.0 is yanked: it eats saves"
    assert desk.refusal(mod_install_update, other_id, "2.0.0") == yanked
    desk.db.call(mod_install_enable, install_id)
    again = desk.refusal(mod_version_yank, newer, "")
    assert again == "WrongState: core-lib 2.0.0 is yanked already"


def test_yanked_version_is_restored(desk: Desk) -> None:
    project_id = desk.mod("core-lib", "2.0.0")
    version_id = desk.version(project_id)
    desk.db.call(mod_version_yank, version_id, "")
    refused = desk.refusal(mod_install_request, "east", project_id, "1.0.0")

    desk.db.call(mod_version_restore, version_id)

    assert refused == "WrongState: core-lib 1.0.0 is yanked"
    desk.install(project_id)
    text = desk.refusal(mod_version_restore, version_id)
    assert text == "WrongState: core-lib 1.0.0 is not yanked"
    text = desk.refusal(mod_version_yank, version_id, "r" * 513)
    assert text == "InvalidArgument: reason has 513 characters, more than 512"


def test_files_are_attached_and_detached(desk: Desk) -> None:
    version_id = desk.version(desk.project("core-lib"))

    file_id = desk.db.call(mod_file_attach, version_id, "core/1.zip", SUM, 2**64 - 1)
    desk.db.call(
        mod_file_detach, desk.db.call(mod_file_attach, version_id, "x", SUM, 0)
    )

    expected = ModFile(version_id, "core/1.zip", SUM, 2**64 - 1)
    assert desk.rows(ModFile) == [expected.replace(file_id=file_id)]


WRONG_FILES = [
    ("", SUM, "InvalidArgument: object_key is empty"),
    (
        "k" * 1025,
        SUM,
        "InvalidArgument: object_key has 1025 characters, more than 1024",
    ),
    ("a\nb", SUM, "InvalidArgument: object_key 'a\\nb' has control characters"),
    (
        "a",
        SUM.upper(),
        f"InvalidArgument: sha256 '{SUM.upper()}' is not 64 digits of 0-9 and a-f",
    ),
    ("a", "00", "InvalidArgument: sha256 '00' is not 64 digits of 0-9 and a-f"),
    ("taken", SUM, "AlreadyExists: object 'taken' is file 1 already"),
]


def test_file_that_cannot_be_is_refused(desk: Desk) -> None:
    version_id = desk.version(desk.project("core-lib"))
    desk.db.call(mod_file_attach, version_id, "taken", SUM, 1)

    for key, sha256, text in WRONG_FILES:
        assert desk.refusal(mod_file_attach, version_id, key, sha256, 1) == text


def test_how_a_version_is_run_is_set_and_replaced(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot", ModKind.ProcessService))
    most = ("a" * 255, "https://[::1]:${PORT}", "1T", "999999%")

    desk.db.call(mod_service_spec_set, version_id, "bin/bot", "", "", "")
    desk.db.call(mod_service_spec_set, version_id, *most)

    assert desk.rows(ModServiceSpec) == [ModServiceSpec(version_id, *most)]


def test_entry_stays_in_the_directory_and_is_one_word(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot", ModKind.ProcessService))
    form = "is not a path like bin/bot below the mod's directory"

    for entry in ("/bin/sh", "../x", "a/../b", "a b", "a//b", "-x", ".x", "a%n", "a\n"):
        text = desk.refusal(mod_service_spec_set, version_id, entry, "", "", "")
        assert text == f"InvalidArgument: entry {entry!r} {form}"


WRONG_SPECS = [
    (("x" * 256, "", "", ""), "entry has 256 characters, more than 255"),
    (
        ("run", "http://localhost:80/", "", ""),
        f"health_check 'http://localhost:80/' {NO_URL}",
    ),
    (
        ("run", "file:///${PORT}", "", ""),
        f"health_check 'file:///${{PORT}}' {NO_URL}",
    ),
    (
        ("run", "http://${PORT}" + "/" * 500, "", ""),
        "health_check has 514 characters, more than 512",
    ),
    (("run", "", "lots", ""), "memory_max 'lots' is not a size like 256M"),
    (("run", "", "0M", ""), "memory_max '0M' is not a size like 256M"),
    (("run", "", "256MB", ""), "memory_max '256MB' is not a size like 256M"),
    (("run", "", "", "25"), "cpu_quota '25' is not a share like 25%"),
    (("run", "", "", "0%"), "cpu_quota '0%' is not a share like 25%"),
]


def test_how_a_version_is_run_has_bounds(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot", ModKind.ProcessService))

    for spec, fault in WRONG_SPECS:
        text = desk.refusal(mod_service_spec_set, version_id, *spec)
        assert text == f"InvalidArgument: {fault}"


def test_version_that_a_server_has_never_changes(desk: Desk) -> None:
    project_id = desk.project("core-lib")
    version_id = desk.version(project_id)
    file_id = desk.db.call(mod_file_attach, version_id, "a", SUM, 1)
    desk.install(project_id, "failed")

    for call in (
        (mod_file_attach, version_id, "b", SUM, 1),
        (mod_file_detach, file_id),
        (mod_service_spec_set, version_id, "run", "", "", ""),
    ):
        assert desk.refusal(*call) == IN_USE


def test_version_that_is_not_there_is_named(desk: Desk) -> None:
    for call in (
        (mod_version_yank, 9, ""),
        (mod_version_restore, 9),
        (mod_file_attach, 9, "a", SUM, 1),
        (mod_service_spec_set, 9, "run", "", "", ""),
    ):
        assert desk.refusal(*call) == NO_VERSION
    assert desk.refusal(mod_file_detach, 9) == "NotFound: there is no file 9"
