"""The mod registry: which mods there are, and which server has which of them.

`registry` is the module of a database of its own, beside the platform's. Tables are
in `tables` (the ten specified) and `extensions` (what they have no column for).
Reducers are in `projects`, `tags`, `reviews`; `versions`, `artifacts`,
`config_fields`, `dependencies`, `publishing`; `installs`, `config_values`,
`services`; `compatibility`, `servers`. `RegistryMirror` tells the registry of the
platform's servers, and `service_unit` tells systemd of the registry's services.
"""

from examples.qsbridge.mods import secrets
from examples.qsbridge.mods.artifacts import mod_file_attach, mod_file_detach
from examples.qsbridge.mods.compatibility import game_engine_remove, game_engine_set
from examples.qsbridge.mods.config_fields import (
    mod_config_field_remove,
    mod_config_field_set,
)
from examples.qsbridge.mods.config_values import mod_config_set, mod_config_unset
from examples.qsbridge.mods.dependencies import (
    mod_dependency_add,
    mod_dependency_remove,
)
from examples.qsbridge.mods.extensions import (
    GameEngine,
    ModArchive,
    ModInstallFailure,
    ModProjectPage,
    ModServiceSpec,
    ModYank,
    RegistryConfig,
    ServerMirror,
)
from examples.qsbridge.mods.guards import init
from examples.qsbridge.mods.installs import (
    mod_install_begin,
    mod_install_disable,
    mod_install_enable,
    mod_install_fail,
    mod_install_mark_installed,
    mod_install_mark_removed,
    mod_install_request,
    mod_install_uninstall,
    mod_install_update,
)
from examples.qsbridge.mods.kinds import ConfigType, ModKind
from examples.qsbridge.mods.manifests import read_manifest
from examples.qsbridge.mods.mirror import RegistryMirror
from examples.qsbridge.mods.projects import (
    mod_project_archive,
    mod_project_create,
    mod_project_page_set,
    mod_project_restore,
    mod_project_update,
)
from examples.qsbridge.mods.publishing import mod_manifest_publish
from examples.qsbridge.mods.reviews import mod_review_delete, mod_review_put
from examples.qsbridge.mods.servers import ServerLine, server_mirror_set
from examples.qsbridge.mods.services import mod_service_report
from examples.qsbridge.mods.tables import (
    InstalledMod,
    ModConfigField,
    ModConfigValue,
    ModDependency,
    ModFile,
    ModProject,
    ModReview,
    ModServiceState,
    ModTag,
    ModVersion,
    registry,
)
from examples.qsbridge.mods.tags import mod_tag_add, mod_tag_remove
from examples.qsbridge.mods.units import (
    ServiceRows,
    ServiceUnit,
    read_service,
    service_unit,
)
from examples.qsbridge.mods.versions import (
    mod_service_spec_set,
    mod_version_publish,
    mod_version_restore,
    mod_version_yank,
)
from examples.qsbridge.mods.views import (
    RatingSummary,
    ServerMod,
    SettingLine,
    mod_config,
    mod_rating,
    server_mods,
)

__all__ = [
    "ConfigType",
    "GameEngine",
    "InstalledMod",
    "ModArchive",
    "ModConfigField",
    "ModConfigValue",
    "ModDependency",
    "ModFile",
    "ModInstallFailure",
    "ModKind",
    "ModProject",
    "ModProjectPage",
    "ModReview",
    "ModServiceSpec",
    "ModServiceState",
    "ModTag",
    "ModVersion",
    "ModYank",
    "RatingSummary",
    "RegistryConfig",
    "RegistryMirror",
    "ServerLine",
    "ServerMirror",
    "ServerMod",
    "ServiceRows",
    "ServiceUnit",
    "SettingLine",
    "game_engine_remove",
    "game_engine_set",
    "init",
    "mod_config",
    "mod_config_field_remove",
    "mod_config_field_set",
    "mod_config_set",
    "mod_config_unset",
    "mod_dependency_add",
    "mod_dependency_remove",
    "mod_file_attach",
    "mod_file_detach",
    "mod_install_begin",
    "mod_install_disable",
    "mod_install_enable",
    "mod_install_fail",
    "mod_install_mark_installed",
    "mod_install_mark_removed",
    "mod_install_request",
    "mod_install_uninstall",
    "mod_install_update",
    "mod_manifest_publish",
    "mod_project_archive",
    "mod_project_create",
    "mod_project_page_set",
    "mod_project_restore",
    "mod_project_update",
    "mod_rating",
    "mod_review_delete",
    "mod_review_put",
    "mod_service_report",
    "mod_service_spec_set",
    "mod_tag_add",
    "mod_tag_remove",
    "mod_version_publish",
    "mod_version_restore",
    "mod_version_yank",
    "read_manifest",
    "read_service",
    "registry",
    "secrets",
    "server_mirror_set",
    "server_mods",
    "service_unit",
]
