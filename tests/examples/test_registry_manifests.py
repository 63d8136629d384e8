"""``qs-mod.toml``: read strictly, and published whole or not at all."""

import pytest

import qsdb
from examples.qsbridge.mods import (
    ConfigType,
    ModConfigField,
    ModKind,
    ModProject,
    ModProjectPage,
    ModServiceSpec,
    ModVersion,
    mod_manifest_publish,
    mod_project_archive,
    read_manifest,
)
from qsdb.testing import assert_no_change
from tests.examples.hub import START
from tests.examples.registry_desk import Desk

MANIFEST = """
[mod]
name = "Discord Bot"
slug = "discord-bot"
description = "Tells a channel who plays."
author = "Ann"
license = "MIT"
homepage = "https://bot.example"
repository = "https://git.example/bot"

[mod.kind]
type = "ProcessService"
entry = "bin/bot"
health_check = "http://localhost:${PORT}/health"

[mod.compatibility]
platform_min = "0.9.0"
engines = ["*"]
games = ["humanitz", "valheim"]

[mod.resources]
memory_max = "256M"
cpu_quota = "25%"

[[mod.config]]
key = "TOKEN"
type = "Secret"
label = "Token"
description = "From the developers' page."
required = true

[[mod.config]]
key = "COLOUR"
type = "Color"
default = "#00ff00"

[[mod.config]]
key = "VERBOSE"
type = "Boolean"
default = true

[[mod.config]]
key = "LINES"
type = "Integer"
default = 20

[[mod.config]]
key = "RATE"
type = "Float"
default = 2

[[mod.config]]
key = "MODE"
type = "Select"
options = ["chat", "log"]
default = "log"

[mod.version]
version = "1.2.0"
changelog = "Says good-bye."
"""
LEAST = """
mod.name = "Lib"
mod.slug = "lib"
mod.kind.type = "Library"
mod.version.version = "1.0.0"
"""
DEFAULTS = {
    "TOKEN": None,
    "COLOUR": "#00ff00",
    "VERBOSE": "true",
    "LINES": "20",
    "RATE": "2",
    "MODE": "log",
}


def changed(old: str, new: str) -> str:
    assert MANIFEST.count(old) == 1
    return MANIFEST.replace(old, new)


def refusal_of(manifest: str) -> str:
    with pytest.raises(qsdb.ReducerError) as caught:
        read_manifest(manifest)
    return str(caught.value)


def test_manifest_is_published_with_all_it_says(desk: Desk) -> None:
    version_id = desk.db.call(mod_manifest_publish, MANIFEST)

    assert desk.rows(ModProject) == [
        ModProject(
            "discord-bot",
            "Discord Bot",
            "Ann",
            "Tells a channel who plays.",
            ModKind.ProcessService,
            START,
        ).replace(project_id=1)
    ]
    assert desk.rows(ModProjectPage) == [
        ModProjectPage(1, "MIT", "https://bot.example", "https://git.example/bot")
    ]
    assert desk.rows(ModVersion) == [
        ModVersion(
            1,
            "1.2.0",
            "Says good-bye.",
            "0.9.0",
            ("*",),
            ("humanitz", "valheim"),
            START,
        ).replace(version_id=version_id)
    ]
    assert desk.rows(ModServiceSpec) == [
        ModServiceSpec(
            version_id, "bin/bot", "http://localhost:${PORT}/health", "256M", "25%"
        )
    ]
    fields = [
        row for row in desk.rows(ModConfigField) if isinstance(row, ModConfigField)
    ]
    assert {row.key: row.default for row in fields} == DEFAULTS
    (token,) = [row for row in fields if row.key == "TOKEN"]
    assert token.replace(field_id=0) == ModConfigField(
        version_id,
        "TOKEN",
        ConfigType.Secret,
        "Token",
        "From the developers' page.",
        required=True,
        default=None,
        options=(),
    )


def test_manifest_that_says_least_is_for_all(desk: Desk) -> None:
    manifest = read_manifest(LEAST)

    assert manifest.engines == manifest.games == ("*",)
    assert manifest.platform_min == manifest.changelog == manifest.entry == ""
    desk.db.call(mod_manifest_publish, LEAST)


def test_next_manifest_is_of_the_same_project(desk: Desk) -> None:
    desk.db.call(mod_manifest_publish, MANIFEST)

    newer = MANIFEST.replace("1.2.0", "1.3.0").replace("Ann", "Bob")
    desk.db.call(mod_manifest_publish, newer)

    (project,) = desk.rows(ModProject)
    assert isinstance(project, ModProject)
    assert project.author == "Bob"
    assert len(desk.rows(ModVersion)) == 2
    assert len(desk.rows(ModConfigField)) == 12


def test_manifest_is_published_whole_or_not_at_all(desk: Desk) -> None:
    desk.db.call(mod_manifest_publish, MANIFEST)

    again = desk.refusal(mod_manifest_publish, MANIFEST.replace("Ann", "Bob"))
    kind = desk.refusal(
        mod_manifest_publish, MANIFEST.replace("ProcessService", "Library")
    )
    wrong = desk.refusal(mod_manifest_publish, "[mod]\nname = 5")
    desk.db.call(mod_project_archive, 1)
    archived = desk.refusal(mod_manifest_publish, MANIFEST.replace("1.2.0", "2.0.0"))

    assert again == "AlreadyExists: project 'discord-bot' has version 1.2.0 already"
    assert kind == (
        "Conflict: project 'discord-bot' is a ProcessService, and its manifest says "
        "Library; a kind never changes"
    )
    assert wrong == "InvalidArgument: mod.name is 5, not a text"
    assert archived == "WrongState: project 'discord-bot' is archived"


KINDS = ", ".join(kind.name for kind in ModKind)
TYPES = ", ".join(each.name for each in ConfigType)
WRONG = [
    ('name = "Discord Bot"', "", "mod.name is missing"),
    ('name = "Discord Bot"', 'name = ""', "mod.name is empty, not 1 to 64 characters"),
    (
        'name = "Discord Bot"',
        'name = "a\\tb"',
        "mod.name 'a\\tb' has control characters",
    ),
    ('slug = "discord-bot"', "", "mod.slug is missing"),
    (
        'slug = "discord-bot"',
        'slug = "Discord Bot"',
        "mod.slug 'Discord Bot' is not of a-z, 0-9 and hyphens",
    ),
    (
        'license = "MIT"',
        'licence = "MIT"',
        (
            "mod.licence is not known; mod may have kind, compatibility, resources, "
            "version, name, slug, description, author, license, homepage, repository, "
            "config"
        ),
    ),
    (
        'homepage = "https://bot.example"',
        'homepage = "bot"',
        "mod.homepage 'bot' is no address with http or https",
    ),
    ("[mod.kind]", "[mod.sort]", "mod.kind.type is missing"),
    (
        '"ProcessService"',
        '"Service"',
        f"mod.kind.type is 'Service', not one of {KINDS}",
    ),
    ('"ProcessService"', "2", "mod.kind.type is 2, not a text"),
    (
        'entry = "bin/bot"',
        "",
        "mod.kind.entry is missing, and a ProcessService runs it",
    ),
    (
        'entry = "bin/bot"',
        'entry = "/bin/sh"',
        "mod.kind.entry '/bin/sh' is not a path like bin/bot below the mod's directory",
    ),
    (
        "${PORT}",
        "8900",
        (
            "mod.kind.health_check 'http://localhost:8900/health' is not a URL like "
            "http://localhost:${PORT}/health"
        ),
    ),
    (
        '"0.9.0"',
        '"0.9"',
        (
            "mod.compatibility.platform_min '0.9' is not of the form 1.2.3, "
            "1.2.3-rc.1 or 1.2.3+7"
        ),
    ),
    (
        'engines = ["*"]',
        'engines = "*"',
        "mod.compatibility.engines is '*', not a list of texts",
    ),
    (
        'engines = ["*"]',
        'engines = ["ue4", 5]',
        "mod.compatibility.engines is ['ue4', 5], not a list of texts",
    ),
    (
        '["humanitz", "valheim"]',
        "[]",
        "mod.compatibility.games has 0 names, not 1 to 32; '*' is all",
    ),
    ('"256M"', "256", "mod.resources.memory_max is 256, not a text"),
    (
        '"256M"',
        '"lots"',
        "mod.resources.memory_max 'lots' is not a size like 256M",
    ),
    ('"25%"', '"25"', "mod.resources.cpu_quota '25' is not a share like 25%"),
    ('key = "TOKEN"', "", "mod.config[1].key is missing"),
    (
        'key = "TOKEN"',
        'key = "A TOKEN"',
        "mod.config[1].key 'A TOKEN' is no name of an environment variable",
    ),
    ('key = "COLOUR"', 'key = "TOKEN"', "mod.config[2].key 'TOKEN' is there twice"),
    ('"Secret"', '"Key"', f"mod.config[1].type is 'Key', not one of {TYPES}"),
    (
        "required = true",
        'required = "yes"',
        "mod.config[1].required is 'yes', not true or false",
    ),
    (
        "required = true",
        "requierd = true",
        (
            "mod.config[1].requierd is not known; mod.config[1] may have key, type, "
            "label, description, required, default, options"
        ),
    ),
    (
        "required = true",
        'default = "x"',
        "mod.config[1].default is given, and TOKEN is a secret: defaults are public",
    ),
    (
        '"#00ff00"',
        '"green"',
        "mod.config[2].default: COLOUR is 'green', not #rrggbb",
    ),
    ("default = true", "default = 1", "mod.config[3].default is 1, not true or false"),
    ("default = 20", 'default = "20"', "mod.config[4].default is '20', not an integer"),
    ("default = 20", "default = true", "mod.config[4].default is True, not an integer"),
    (
        "default = 20",
        f"default = {2**63}",
        f"mod.config[4].default: LINES is '{2**63}', not an integer up to {2**63 - 1}",
    ),
    (
        "default = 2\n",
        "default = true\n",
        "mod.config[5].default is True, not a number",
    ),
    (
        "default = 2\n",
        "default = inf\n",
        "mod.config[5].default: RATE is 'inf', not a finite number",
    ),
    ('"log"\n', "5\n", "mod.config[6].default is 5, not a text"),
    ('options = ["chat", "log"]', "", "mod.config[6].options are 0, not 1 to 64"),
    (
        '"log"\n',
        '"both"\n',
        "mod.config[6].default: MODE is 'both', not one of chat, log",
    ),
    ('version = "1.2.0"', "", "mod.version.version is missing"),
    (
        'version = "1.2.0"',
        'version = "1.2"',
        "mod.version.version '1.2' is not of the form 1.2.3, 1.2.3-rc.1 or 1.2.3+7",
    ),
    (
        '"Says good-bye."',
        f'"{"x" * 4097}"',
        "mod.version.changelog has 4097 characters, more than 4096",
    ),
]


def test_what_is_wrong_is_told_by_key_value_and_bound(desk: Desk) -> None:
    with assert_no_change(desk.db):
        for old, new, fault in WRONG:
            manifest = changed(old, new)
            assert refusal_of(manifest) == f"InvalidArgument: {fault}"
            text = desk.refusal(mod_manifest_publish, manifest)
            assert text == f"InvalidArgument: {fault}"


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        ("", "mod.name is missing"),
        ("x = 1", "x is not known; the manifest may have mod"),
        ("mod = 1", "mod is 1, not a section"),
        ("[[mod]]", "mod is [{}], not a section"),
        (f"{LEAST}mod.config = 1", "mod.config is 1, not sections [[mod.config]]"),
        (f"{LEAST}mod.config = [1]", "mod.config is 1, not sections [[mod.config]]"),
        (
            LEAST + "[[mod.config]]\n" * 65,
            "mod.config is there 65 times, more than 64",
        ),
        ("#" * 65_537, "the manifest has 65537 characters, more than 65536"),
    ],
)
def test_what_is_no_manifest_is_refused(manifest: str, fault: str) -> None:
    assert refusal_of(manifest) == f"InvalidArgument: {fault}"


def test_what_is_no_toml_is_refused() -> None:
    text = refusal_of("[mod\n")

    assert text.startswith("InvalidArgument: the manifest is no TOML: ")
    assert "line 1" in text


def test_long_value_is_shown_in_part() -> None:
    text = refusal_of(changed('engines = ["*"]', f"engines = '{'x' * 200}'"))

    assert len(text) < 160
