"""What the gateway writes for a ProcessService: a systemd unit and its environment.

The command lives in ``/opt/qs-mods/{server_id}/{slug}/``, systemd starts it again
when it crashes, and the settings come to it as environment variables. They are not
in the unit, which everybody on the machine may read, but in a file beside the mod's
directory, which the gateway makes readable by root alone.

`read_service` collects the rows in one read transaction; `service_unit` makes the
texts of them and does nothing else. What may hold a secret is left out where either
is shown, in a log for example.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import ModServiceSpec
from examples.qsbridge.mods.finding import install_by_id, project_by_id, version_of
from examples.qsbridge.mods.tables import (
    InstalledMod,
    ModConfigField,
    ModConfigValue,
    ModProject,
    ModServiceState,
)

__all__ = ["ServiceRows", "ServiceUnit", "read_service", "service_unit"]

RESTART_SECONDS: Final = 5
SPECIAL: Final = re.compile(r'(["\\`$])')
"""What a backslash protects between the double quotes of an environment file."""


@dataclass(frozen=True, slots=True)
class ServiceRows:
    """All rows that a service's unit is made of."""

    install: InstalledMod
    project: ModProject
    spec: ModServiceSpec
    state: ModServiceState
    fields: tuple[ModConfigField, ...]
    values: tuple[ModConfigValue, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """The texts for systemd.

    Attributes:
        name: The unit's name, below ``/etc/systemd/system/``.
        text: What the unit says.
        directory: Where the mod's files belong.
        environment: The service's variables.
        environment_path: Where the file belongs; mode 0600.
        environment_text: What the file says: `environment`, quoted.
        health_url: What to poll; empty if the mod has no endpoint.
    """

    name: str
    text: str
    directory: str
    environment: Mapping[str, str] = field(repr=False)
    environment_path: str
    environment_text: str = field(repr=False)
    health_url: str


def read_service(db: qsdb.Transaction, install_id: int) -> ServiceRows:
    """Collect the rows of a service; as the owner, since secrets belong to them.

    Raises:
        ReducerError: NotFound, no such install, or it is no service.
    """
    install = install_by_id(db, install_id)
    version = version_of(db, install)
    spec = db[ModServiceSpec].get(version.version_id)
    state = db[ModServiceState].get(install_id)
    if spec is None or state is None:
        raise refusal("NotFound", f"install {install_id} is not a service")
    return ServiceRows(
        install=install,
        project=project_by_id(db, install.project_id),
        spec=spec,
        state=state,
        fields=tuple(db[ModConfigField].version_id.filter(version.version_id)),
        values=tuple(db[ModConfigValue].install_id.filter(install_id)),
    )


def service_unit(rows: ServiceRows) -> ServiceUnit:
    """Make a service's unit and environment.

    Settings that the version does not have (an older one had them) are left out, and
    so are those without value and default.
    """
    install, project, spec = rows.install, rows.project, rows.spec
    port = str(rows.state.port)
    directory = f"/opt/qs-mods/{install.server_id}/{project.slug}"
    environment = {
        "PORT": port,
        "QSB_SERVER_ID": install.server_id,
        **_settings(rows),
    }
    environment_path = f"{directory}.env"
    return ServiceUnit(
        name=f"qs-mod-{install.server_id}.{project.slug}.service",
        text=_unit_text(rows, directory, environment_path),
        directory=directory,
        environment=environment,
        environment_path=environment_path,
        environment_text="".join(
            f"{key}={_quoted(value)}\n" for key, value in environment.items()
        ),
        health_url=spec.health_check.replace("${PORT}", port),
    )


def _unit_text(rows: ServiceRows, directory: str, environment_path: str) -> str:
    install, spec = rows.install, rows.spec
    name = rows.project.name.replace("%", "%%")  # it would begin a specifier
    lines = [
        "[Unit]",
        f"Description={name} {install.version} on {install.server_id}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=exec",
        f"WorkingDirectory={directory}",
        f"EnvironmentFile={environment_path}",
        f"ExecStart={directory}/{spec.entry}",
        "Restart=on-failure",
        f"RestartSec={RESTART_SECONDS}",
    ]
    if spec.memory_max:
        lines.append(f"MemoryMax={spec.memory_max}")
    if spec.cpu_quota:
        lines.append(f"CPUQuota={spec.cpu_quota}")
    lines += ["", "[Install]", "WantedBy=multi-user.target", ""]
    return "\n".join(lines)


def _settings(rows: ServiceRows) -> dict[str, str]:
    values = {row.key: row.value for row in rows.values}
    settings: dict[str, str] = {}
    for each in sorted(rows.fields, key=lambda each: each.key):
        value = values.get(each.key, each.default)
        if value is not None:
            settings[each.key] = value
    return settings


def _quoted(value: str) -> str:
    r"""Quote a value for an environment file, and for a shell that reads one.

    >>> print(_quoted('say "hi" for $5'))
    "say \"hi\" for \$5"
    """
    return '"' + SPECIAL.sub(r"\\\1", value) + '"'
