"""The registry's database in the hands of a test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

import qsdb
from examples.qsbridge.mods import (
    ConfigType,
    InstalledMod,
    ModKind,
    ModServiceState,
    ServerLine,
    mod_config_field_set,
    mod_dependency_add,
    mod_install_begin,
    mod_install_disable,
    mod_install_enable,
    mod_install_fail,
    mod_install_mark_installed,
    mod_install_request,
    mod_install_uninstall,
    mod_project_create,
    mod_service_spec_set,
    mod_version_publish,
    server_mirror_set,
)
from qsdb import Identity
from qsdb.testing import FakeClock, assert_no_change

EAST = Identity.from_claims("test", "east")
WEST = Identity.from_claims("test", "west")
STRANGER = Identity.from_claims("test", "stranger")
EAST_LINE = ServerLine("east", EAST, "1.4", "humanitz")
WEST_LINE = ServerLine("west", WEST, "2.0.0", "valheim")
STEPS = {
    "pending": (),
    "installing": (mod_install_begin,),
    "installed": (mod_install_begin, mod_install_mark_installed),
    "enabled": (mod_install_begin, mod_install_mark_installed, mod_install_enable),
    "disabled": (
        mod_install_begin,
        mod_install_mark_installed,
        mod_install_enable,
        mod_install_disable,
    ),
    "removing": (mod_install_uninstall,),
}
"""Status → the calls that bring a new install there; a failed one has a reason too."""


@dataclass
class Desk:
    """A database, its clock, and short ways to ask and to call as the owner."""

    db: qsdb.Database
    clock: FakeClock

    def rows(self, table: type[qsdb.Row]) -> list[qsdb.Row]:
        with self.db.read() as tx:
            return [*tx[table]]

    def refusal(
        self,
        function: Callable[..., object] | str,
        *arguments: object,
        who: Identity | None = None,
    ) -> str:
        """Give the text with which a call is refused, having changed nothing."""
        with assert_no_change(self.db), pytest.raises(qsdb.ReducerError) as caught:
            self.db.caller(who or self.db.owner).call(function, *arguments)
        return str(caught.value)

    def mirror(self, *servers: ServerLine) -> None:
        self.db.call(server_mirror_set, [*servers])

    def project(self, slug: str, kind: ModKind = ModKind.Library) -> int:
        name = slug.replace("-", " ").title()
        return self.db.call(mod_project_create, slug, name, "Ann", "", kind)

    def version(
        self,
        project_id: int,
        version: str = "1.0.0",
        platform_min: str = "",
        engines: Sequence[str] = ("*",),
        games: Sequence[str] = ("*",),
    ) -> int:
        return self.db.call(
            mod_version_publish,
            project_id,
            version,
            "",
            platform_min,
            [*engines],
            [*games],
        )

    def mod(self, slug: str, *versions: str) -> int:
        """Make a library with some versions, and give its project."""
        project_id = self.project(slug)
        for version in versions or ("1.0.0",):
            self.version(project_id, version)
        return project_id

    def service(self, slug: str, *versions: str) -> int:
        """Make a service that can be run, and give its project."""
        project_id = self.project(slug, ModKind.ProcessService)
        for version in versions or ("1.0.0",):
            version_id = self.version(project_id, version)
            self.db.call(
                mod_service_spec_set,
                version_id,
                "bin/run",
                "http://localhost:${PORT}/health",
                "256M",
                "25%",
            )
        return project_id

    def needs(
        self, version_id: int, project_id: int, version_min: str = "1.0.0"
    ) -> None:
        self.db.call(mod_dependency_add, version_id, project_id, version_min)

    def setting(
        self,
        version_id: int,
        key: str,
        config_type: ConfigType = ConfigType.String,
        *,
        required: bool = False,
        default: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.db.call(
            mod_config_field_set,
            version_id,
            key,
            config_type,
            key.title(),
            "",
            required,
            default,
            [*options],
        )

    def install(
        self,
        project_id: int,
        status: str = "pending",
        server_id: str = "east",
        version: str = "1.0.0",
    ) -> int:
        """Install a mod and bring it into a state."""
        install_id = self.db.call(mod_install_request, server_id, project_id, version)
        self.bring(install_id, status)
        return install_id

    def bring(self, install_id: int, status: str) -> None:
        """Bring a pending install into a state."""
        if status == "failed":
            self.db.call(mod_install_fail, install_id, "the disk is full")
            return
        for step in STEPS[status]:
            self.db.call(step, install_id)

    def row(self, install_id: int) -> InstalledMod:
        with self.db.read() as tx:
            row = tx[InstalledMod].get(install_id)
        assert row is not None
        return row

    def state(self, install_id: int) -> ModServiceState:
        with self.db.read() as tx:
            row = tx[ModServiceState].get(install_id)
        assert row is not None
        return row
