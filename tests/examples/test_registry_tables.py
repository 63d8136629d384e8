import pytest

import qsdb
from examples.qsbridge.mods import (
    ConfigType,
    InstalledMod,
    ModConfigField,
    ModConfigValue,
    ModDependency,
    ModFile,
    ModKind,
    ModProject,
    ModReview,
    ModServiceState,
    ModTag,
    ModVersion,
    RegistryConfig,
    registry,
)
from qsdb import Timestamp
from tests.examples.registry_desk import EAST, STRANGER, Desk

COLUMNS = {
    "mod_project": "project_id slug name author description mod_kind created_at",
    "mod_version": "version_id project_id version changelog platform_min engines games "
    "published_at",
    "mod_file": "file_id version_id object_key sha256 size",
    "mod_review": "review_id project_id player_id rating body created_at",
    "installed_mod": "install_id server_id project_id version status installed_at "
    "updated_at",
    "mod_config_value": "value_id install_id key value is_secret",
    "mod_config_field": "field_id version_id key config_type label description "
    "required default options",
    "mod_dependency": "dependency_id version_id needs_project_id version_min",
    "mod_tag": "tag_id project_id tag",
    "mod_service_state": "install_id port health last_check",
}
EXTENSIONS = {
    "game_engine",
    "mod_archive",
    "mod_install_failure",
    "mod_project_page",
    "mod_service_spec",
    "mod_yank",
    "registry_config",
    "server_mirror",
}
KINDS = (
    "GameModule EngineAdapter ProcessService StdbExtension PanelExtension ConfigPack "
    "DataPack Library"
)
NOW = Timestamp.EPOCH
LIBRARY = ModKind.Library
TWINS = [
    ModProject("a", "A", "", "", LIBRARY, NOW),
    ModVersion(1, "1.0.0", "", "", ("*",), ("*",), NOW),
    ModFile(1, "a.zip", "00", 1),
    ModReview(1, "p1", 5, "", NOW),
    InstalledMod("east", 1, "1.0.0", "pending", None, NOW),
    ModConfigValue(1, "KEY", "a", is_secret=False),
    ModConfigField(
        1, "KEY", ConfigType.String, "", "", default=None, required=False, options=()
    ),
    ModDependency(1, 2, "1.0.0"),
    ModTag(1, "fun"),
]


def test_registry_has_its_name() -> None:
    assert registry.name == "qs-bridge-registry"


def test_registry_has_ten_tables_and_its_extensions(desk: Desk) -> None:
    tables = {name for name in desk.db.stats().rows if not name.startswith("st_")}

    assert len(COLUMNS) == 10
    assert tables == {*COLUMNS, *EXTENSIONS}


def test_tables_have_their_columns_in_order(desk: Desk) -> None:
    for name, columns in COLUMNS.items():
        assert desk.db.sql(f"SELECT * FROM {name}").columns == tuple(columns.split())


def test_every_table_may_be_subscribed_to(desk: Desk) -> None:
    with desk.db.connect(STRANGER) as client:
        client.subscribe(*[f"SELECT * FROM {name}" for name in COLUMNS])


def test_kinds_of_mods_are_the_eight_documented() -> None:
    assert [kind.name for kind in ModKind] == KINDS.split()


def test_types_of_settings_are_seven() -> None:
    names = "Secret String Color Boolean Integer Float Select"
    assert [each.name for each in ConfigType] == names.split()


def test_no_two_rows_share_what_is_unique(desk: Desk) -> None:
    for row in TWINS:
        with desk.db.write() as tx:
            stored = tx[type(row)].insert(row)
        (key, *_) = qsdb.asdict(row)
        with pytest.raises(qsdb.UniqueError), desk.db.write() as tx:
            tx[type(row)].insert(stored.replace(**{key: 99}))


def test_port_is_of_one_service(desk: Desk) -> None:
    with pytest.raises(qsdb.UniqueError), desk.db.write() as tx:
        tx[ModServiceState].insert(ModServiceState(1, 8900, "unknown", None))
        tx[ModServiceState].insert(ModServiceState(2, 8900, "unknown", None))


def test_init_writes_the_owner_down_once(desk: Desk) -> None:
    assert desk.rows(RegistryConfig) == [RegistryConfig(owner_identity=desk.db.owner)]


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "game_engine_remove": ("humanitz",),
    "game_engine_set": ("humanitz", "ue4"),
    "mod_config_field_remove": (1, "KEY"),
    "mod_config_field_set": (1, "KEY", ConfigType.String, "", "", False, None, []),
    "mod_config_set": (1, "KEY", "value"),
    "mod_config_unset": (1, "KEY"),
    "mod_dependency_add": (1, 2, "1.0.0"),
    "mod_dependency_remove": (1, 2),
    "mod_file_attach": (1, "a.zip", "0" * 64, 1),
    "mod_file_detach": (1,),
    "mod_install_begin": (1,),
    "mod_install_disable": (1,),
    "mod_install_enable": (1,),
    "mod_install_fail": (1, "why"),
    "mod_install_mark_installed": (1,),
    "mod_install_mark_removed": (1,),
    "mod_install_request": ("east", 1, "1.0.0"),
    "mod_install_uninstall": (1,),
    "mod_install_update": (1, "2.0.0"),
    "mod_manifest_publish": ("",),
    "mod_project_archive": (1,),
    "mod_project_create": ("slug", "Name", "", "", LIBRARY),
    "mod_project_page_set": (1, "MIT", "", ""),
    "mod_project_restore": (1,),
    "mod_project_update": (1, "Name", "", ""),
    "mod_review_delete": (1, "p1"),
    "mod_review_put": (1, "p1", 5, ""),
    "mod_service_spec_set": (1, "run", "", "", ""),
    "mod_tag_add": (1, "fun"),
    "mod_tag_remove": (1, "fun"),
    "mod_version_publish": (1, "1.0.0", "", "", ["*"], ["*"]),
    "mod_version_restore": (1,),
    "mod_version_yank": (1, "broken"),
    "server_mirror_set": ([],),
}
"""Reducer of the owner → arguments that are well formed."""


def test_all_reducers_but_the_report_are_the_owners(desk: Desk) -> None:
    reducers = set(desk.db.stats().to_dict()["reducers"])

    assert reducers == {*ARGUMENTS, "init", "mod_service_report"}
    assert len(reducers) >= 30


def test_others_than_the_owner_are_refused(desk: Desk) -> None:
    for who in (EAST, STRANGER):
        for name, arguments in ARGUMENTS.items():
            text = desk.refusal(name, *arguments, who=who)
            assert text == (
                "NotAuthorized: the caller is not the owner of the registry"
            )
