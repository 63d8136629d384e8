"""Settings: declared by a version, given a value by an install, secret or not."""

from collections.abc import Sequence

import pytest

import qsdb
from examples.qsbridge.mods import (
    ConfigType,
    ModConfigField,
    ModConfigValue,
    SettingLine,
    mod_config_field_remove,
    mod_config_field_set,
    mod_config_set,
    mod_config_unset,
    mod_install_disable,
    mod_install_enable,
    mod_install_uninstall,
    mod_install_update,
)
from tests.examples.registry_desk import EAST, STRANGER, Desk

SECRET, STRING, SELECT = ConfigType.Secret, ConfigType.String, ConfigType.Select
BOOLEAN, COLOR = ConfigType.Boolean, ConfigType.Color
INTEGER, FLOAT = ConfigType.Integer, ConfigType.Float
TOKEN = "xoxb-do-not-show-me"


def values(desk: Desk) -> dict[str, tuple[str, bool]]:
    return {
        row.key: (row.value, row.is_secret)
        for row in desk.rows(ModConfigValue)
        if isinstance(row, ModConfigValue)
    }


def field(
    version_id: int,
    key: str = "K",
    config_type: ConfigType = STRING,
    *,
    label: str = "",
    description: str = "",
    default: str | None = None,
    options: Sequence[str] = (),
) -> tuple[object, ...]:
    """Give the arguments that declare a setting nobody has to fill in."""
    plain = (version_id, key, config_type, label, description)
    return (*plain, False, default, [*options])


def test_setting_is_declared_and_replaced(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot"))
    desk.setting(version_id, "MODE", STRING, required=True, default="pvp")
    (before,) = desk.rows(ModConfigField)

    desk.db.call(
        mod_config_field_set,
        version_id,
        "MODE",
        SELECT,
        "Mode",
        "How to play.",
        False,  # noqa: FBT003  reducers are called by place
        "pve",
        ["pvp", "pve"],
    )

    assert isinstance(before, ModConfigField)
    (after,) = desk.rows(ModConfigField)
    assert after == ModConfigField(
        version_id=version_id,
        key="MODE",
        config_type=SELECT,
        label="Mode",
        description="How to play.",
        required=False,
        default="pve",
        options=("pvp", "pve"),
    ).replace(field_id=before.field_id)


def test_setting_is_removed(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot"))
    desk.setting(version_id, "MODE")

    desk.db.call(mod_config_field_remove, version_id, "MODE")

    assert desk.rows(ModConfigField) == []
    text = desk.refusal(mod_config_field_remove, version_id, "MODE")
    assert text == "NotFound: bot 1.0.0 has no setting 'MODE'"


WRONG_FIELDS = [
    (("", STRING, None, []), "key is empty, not 1 to 64 characters"),
    (("K" * 65, STRING, None, []), "key has 65 characters, more than 64"),
    (("A B", STRING, None, []), "key 'A B' is no name of an environment variable"),
    (("1A", STRING, None, []), "key '1A' is no name of an environment variable"),
    (("A\n", STRING, None, []), "key 'A\\n' is no name of an environment variable"),
    (
        ("PORT", STRING, None, []),
        "key 'PORT' is the gateway's: PORT and QSB_... are",
    ),
    (
        ("QSB_SERVER_ID", STRING, None, []),
        "key 'QSB_SERVER_ID' is the gateway's: PORT and QSB_... are",
    ),
    (
        ("K", SECRET, "x", []),
        "default is given, and K is a secret: defaults are public",
    ),
    (("K", STRING, "a\nb", []), "default: K has control characters"),
    (("K", STRING, "v" * 4097, []), "default: K has 4097 characters, more than 4096"),
    (("K", COLOR, "red", []), "default: K is 'red', not #rrggbb"),
    (("K", BOOLEAN, "True", []), "default: K is 'True', not true or false"),
    (
        ("K", INTEGER, "9223372036854775808", []),
        "default: K is '9223372036854775808', not an integer up to 9223372036854775807",
    ),
    (
        ("K", INTEGER, "1.0", []),
        "default: K is '1.0', not an integer up to 9223372036854775807",
    ),
    (("K", FLOAT, "nan", []), "default: K is 'nan', not a finite number"),
    (("K", FLOAT, "1e999", []), "default: K is '1e999', not a finite number"),
    (("K", SELECT, "c", ["a", "b"]), "default: K is 'c', not one of a, b"),
    (("K", STRING, None, ["a"]), "options are for Select, and this is a String"),
    (("K", SELECT, None, []), "options are 0, not 1 to 64"),
    (("K", SELECT, None, ["a"] * 65), "options are 65, not 1 to 64"),
    (("K", SELECT, None, ["a", "a"]), "options has 'a' twice"),
    (
        ("K", SELECT, None, [""]),
        "an option in options is empty, not 1 to 64 characters",
    ),
    (
        ("K", SELECT, None, ["a\tb"]),
        "an option in options 'a\\tb' has control characters",
    ),
]


def test_setting_out_of_bounds_is_refused(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot"))

    for (key, config_type, default, options), fault in WRONG_FIELDS:
        text = desk.refusal(
            mod_config_field_set,
            *field(version_id, key, config_type, default=default, options=options),
        )
        assert text == f"InvalidArgument: {fault}"
    for label, description, fault in (
        ("l" * 65, "", "label has 65 characters, more than 64"),
        ("a\nb", "", "label 'a\\nb' has control characters"),
        ("", "d" * 4097, "description has 4097 characters, more than 4096"),
    ):
        text = desk.refusal(
            mod_config_field_set,
            *field(version_id, label=label, description=description),
        )
        assert text == f"InvalidArgument: {fault}"


RIGHT_VALUES = [
    (SECRET, "a b"),
    (STRING, ""),
    (STRING, "é" * 4096),
    (COLOR, "#00fFaA"),
    (BOOLEAN, "false"),
    (INTEGER, "-9223372036854775808"),
    (INTEGER, "0"),
    (FLOAT, "-0.5e-3"),
    (FLOAT, "12"),
    (SELECT, "two words"),
]


def test_values_of_each_type_are_taken(desk: Desk) -> None:
    for number, (config_type, value) in enumerate(RIGHT_VALUES):
        project_id = desk.project(f"mod-{number}")
        options = ["two words"] if config_type is SELECT else []
        desk.setting(desk.version(project_id), "KEY", config_type, options=options)

        desk.db.call(mod_config_set, desk.install(project_id), "KEY", value)


def test_version_has_sixty_four_settings_at_most(desk: Desk) -> None:
    version_id = desk.version(desk.project("bot"))
    for number in range(64):
        desk.setting(version_id, f"K{number}")
    desk.setting(version_id, "K7", COLOR)

    text = desk.refusal(mod_config_field_set, *field(version_id))

    assert text == "WrongState: version 1 has 64 settings, and may have no more"


def test_settings_of_a_version_that_a_server_has_never_change(desk: Desk) -> None:
    project_id = desk.project("bot")
    version_id = desk.version(project_id)
    desk.setting(version_id, "KEY")
    desk.install(project_id)

    in_use = (
        "WrongState: bot 1.0.0 is installed on 'east'; a change needs a new version"
    )
    assert desk.refusal(mod_config_field_set, *field(version_id)) == in_use
    assert desk.refusal(mod_config_field_remove, version_id, "KEY") == in_use
    absent = "NotFound: there is no version with the id 9"
    assert desk.refusal(mod_config_field_set, *field(9)) == absent
    assert desk.refusal(mod_config_field_remove, 9, "K") == absent


def configured(desk: Desk, status: str = "installed") -> int:
    """Give an install with a required secret and a text."""
    project_id = desk.project("bot")
    version_id = desk.version(project_id)
    desk.setting(version_id, "TOKEN", SECRET, required=True)
    desk.setting(version_id, "GREETING", STRING, required=True, default="hi")
    install_id = desk.install(project_id)
    desk.db.call(mod_config_set, install_id, "TOKEN", TOKEN)
    desk.bring(install_id, status)
    return install_id


def test_value_is_set_replaced_and_unset(desk: Desk) -> None:
    install_id = configured(desk)

    desk.db.call(mod_config_set, install_id, "GREETING", "hello")
    desk.db.call(mod_config_set, install_id, "GREETING", "ahoy")
    assert values(desk) == {"TOKEN": (TOKEN, True), "GREETING": ("ahoy", False)}

    desk.db.call(mod_config_unset, install_id, "GREETING")
    assert values(desk) == {"TOKEN": (TOKEN, True)}


def test_wrong_value_is_refused(desk: Desk) -> None:
    install_id = configured(desk)

    for call, text in (
        ((mod_config_set, 9, "TOKEN", "x"), "NotFound: there is no install 9"),
        ((mod_config_unset, 9, "TOKEN"), "NotFound: there is no install 9"),
        (
            (mod_config_set, install_id, "COLOUR", "x"),
            "NotFound: bot 1.0.0 has no setting 'COLOUR'",
        ),
        (
            (mod_config_unset, install_id, "GREETING"),
            "NotFound: install 1 has no value for 'GREETING'",
        ),
        (
            (mod_config_set, install_id, "GREETING", "a\nb"),
            "InvalidArgument: GREETING has control characters",
        ),
    ):
        assert desk.refusal(*call) == text


@pytest.mark.parametrize("value", ["", TOKEN + "\n", TOKEN * 400])
def test_refused_secret_is_not_repeated(desk: Desk, value: str) -> None:
    install_id = configured(desk)

    text = desk.refusal(mod_config_set, install_id, "TOKEN", value)

    assert text.startswith("InvalidArgument: TOKEN ")
    assert "xoxb" not in text


def test_install_that_goes_is_not_configured(desk: Desk) -> None:
    install_id = configured(desk)
    desk.db.call(mod_install_uninstall, install_id)

    for call in (
        (mod_config_set, install_id, "TOKEN", "x"),
        (mod_config_unset, install_id, "TOKEN"),
    ):
        assert desk.refusal(*call) == (
            "WrongState: install 1 is removing; a setting is for one that is pending "
            "or installing or installed or enabled or disabled or failed"
        )


def test_what_is_required_is_there_while_enabled(desk: Desk) -> None:
    install_id = configured(desk)
    missing = "WrongState: install 1 has no value for TOKEN, which is required"
    desk.db.call(mod_config_unset, install_id, "TOKEN")

    assert desk.refusal(mod_install_enable, install_id) == missing
    desk.db.call(mod_config_set, install_id, "TOKEN", TOKEN)
    desk.db.call(mod_install_enable, install_id)
    assert desk.refusal(mod_config_unset, install_id, "TOKEN") == missing
    desk.db.call(mod_install_disable, install_id)
    desk.db.call(mod_config_unset, install_id, "TOKEN")


def test_value_of_an_older_version_fits_or_keeps_from_enabling(desk: Desk) -> None:
    install_id = configured(desk)
    newer = desk.version(1, "2.0.0")
    desk.setting(newer, "TOKEN", INTEGER)
    desk.setting(newer, "GREETING", COLOR)
    desk.db.call(mod_config_set, install_id, "GREETING", "red")
    desk.db.call(mod_install_update, install_id, "2.0.0")

    first = desk.refusal(mod_install_enable, install_id)
    desk.db.call(mod_config_unset, install_id, "TOKEN")
    second = desk.refusal(mod_install_enable, install_id)
    desk.db.call(mod_config_set, install_id, "GREETING", "#ff0000")
    desk.db.call(mod_install_enable, install_id)

    assert first == ("WrongState: install 1: TOKEN is of another type since it was set")
    assert second == "WrongState: install 1: GREETING is 'red', not #rrggbb"


def test_nobody_but_the_owner_reads_a_secret(desk: Desk) -> None:
    install_id = configured(desk)
    desk.db.call(mod_config_set, install_id, "GREETING", "hello")
    rows = "SELECT * FROM mod_config_value"

    for who in (EAST, STRANGER):
        seen = desk.db.sql(rows, sender=who)
        assert [row.key for row in seen] == ["GREETING"]
        for condition in (
            f"value = '{TOKEN}'",
            "value LIKE 'xoxb%'",
            "is_secret",
            "is_secret = TRUE",
            "key = 'TOKEN'",
            f"install_id = {install_id} AND key = 'TOKEN'",
            "value_id = 1",
        ):
            assert not desk.db.sql(f"{rows} WHERE {condition}", sender=who)
        count = desk.db.sql("SELECT COUNT(*) AS n FROM mod_config_value", sender=who)
        assert count[0].n == 1
    assert len(desk.db.sql(rows)) == 2


def test_subscriber_never_gets_a_secret(desk: Desk) -> None:
    told: list[qsdb.Row] = []
    with desk.db.connect(STRANGER) as client, desk.db.connect(EAST) as bridge:
        for each in (client, bridge):
            each.db[ModConfigValue].on_insert(lambda _, row: told.append(row))
            each.db[ModConfigValue].on_update(lambda _, __, row: told.append(row))
            each.db[ModConfigValue].on_delete(lambda _, row: told.append(row))
        client.subscribe("SELECT * FROM *")
        bridge.subscribe(
            "SELECT v.* FROM mod_config_value v JOIN installed_mod i "
            "ON v.install_id = i.install_id WHERE i.server_id = 'east'"
        )
        install_id = configured(desk)
        desk.db.call(mod_config_set, install_id, "GREETING", "hello")
        desk.db.call(mod_config_set, install_id, "TOKEN", TOKEN + "2")
        desk.db.call(mod_config_unset, install_id, "TOKEN")

        caches = [[*each.db[ModConfigValue]] for each in (client, bridge)]

    assert "xoxb" not in repr(told)
    assert [[row.key for row in cache] for cache in caches] == [["GREETING"]] * 2


def test_view_of_settings_says_that_a_secret_is_set_and_not_what(desk: Desk) -> None:
    install_id = configured(desk)
    query = f"SELECT * FROM mod_config({install_id})"
    with desk.db.connect(STRANGER) as client:
        live = client.subscribe(query)
        desk.db.call(mod_config_set, install_id, "GREETING", "hello")
        lines = {line.key: line for line in live.rows}
    asked = {line.key: line for line in desk.db.sql(query, sender=STRANGER)}

    token = SettingLine(
        key="TOKEN",
        config_type=SECRET,
        label="Token",
        description="",
        required=True,
        is_set=True,
        value=None,
    )
    assert lines == asked
    assert lines["TOKEN"] == token
    assert lines["GREETING"].value == "hello"
    assert [*desk.db.sql(f"SELECT * FROM mod_config({install_id}) ")] != []
    desk.db.call(mod_config_unset, install_id, "TOKEN")
    desk.db.call(mod_config_unset, install_id, "GREETING")
    after = {line.key: line for line in desk.db.sql(query)}
    assert after["TOKEN"] == token.replace(is_set=False)
    assert (after["GREETING"].value, after["GREETING"].is_set) == ("hi", False)
    assert not desk.db.sql("SELECT * FROM mod_config(9)")


def test_secret_stays_one_under_a_version_that_calls_it_a_text(desk: Desk) -> None:
    install_id = configured(desk)
    desk.setting(desk.version(1, "2.0.0"), "TOKEN", STRING)

    desk.db.call(mod_install_update, install_id, "2.0.0")

    assert values(desk)["TOKEN"] == (TOKEN, True)
    (line,) = desk.db.sql(f"SELECT * FROM mod_config({install_id})")
    assert (line.is_set, line.value) == (True, None)
    desk.db.call(mod_config_set, install_id, "TOKEN", "public now")
    assert values(desk)["TOKEN"] == ("public now", False)


def test_text_becomes_a_secret_under_a_version_that_calls_it_so(desk: Desk) -> None:
    install_id = configured(desk)
    desk.db.call(mod_config_set, install_id, "GREETING", "hello")
    desk.setting(desk.version(1, "2.0.0"), "GREETING", SECRET)

    desk.db.call(mod_install_update, install_id, "2.0.0")

    assert values(desk) == {"TOKEN": (TOKEN, True), "GREETING": ("hello", True)}
    assert not desk.db.sql("SELECT * FROM mod_config_value", sender=STRANGER)
