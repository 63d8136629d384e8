"""What the gateway writes: judged by a shell and, where there is one, by systemd."""

import shutil
import subprocess
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge.mods import (
    ConfigType,
    ModServiceSpec,
    ServiceRows,
    mod_config_set,
    mod_install_update,
    mod_project_update,
    mod_service_spec_set,
    read_service,
    service_unit,
)
from tests.examples.registry_desk import Desk

TOKEN = "xoxb-do-not-show-me"
UNIT = """\
[Unit]
Description=Discord Bot 1.0.0 on east
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
WorkingDirectory=/opt/qs-mods/east/discord-bot
EnvironmentFile=/opt/qs-mods/east/discord-bot.env
ExecStart=/opt/qs-mods/east/discord-bot/bin/run
Restart=on-failure
RestartSec=5
MemoryMax=256M
CPUQuota=25%

[Install]
WantedBy=multi-user.target
"""


def rows_of(desk: Desk, install_id: int) -> ServiceRows:
    with desk.db.read() as tx:
        return read_service(tx, install_id)


def bot(desk: Desk) -> int:
    """Give the install of a service with settings of three kinds."""
    project_id = desk.service("discord-bot", "2.0.0")
    version_id = desk.version(project_id)
    desk.db.call(
        mod_service_spec_set,
        version_id,
        "bin/run",
        "http://localhost:${PORT}/health?port=${PORT}",
        "256M",
        "25%",
    )
    desk.setting(version_id, "TOKEN", ConfigType.Secret, required=True)
    desk.setting(version_id, "GREETING", default="hi")
    desk.setting(version_id, "NICKNAME")
    install_id = desk.install(project_id)
    desk.db.call(mod_config_set, install_id, "TOKEN", TOKEN)
    return install_id


def test_unit_runs_the_entry_of_the_version(desk: Desk) -> None:
    unit = service_unit(rows_of(desk, bot(desk)))

    assert unit.name == "qs-mod-east.discord-bot.service"
    assert unit.text == UNIT
    assert unit.directory == "/opt/qs-mods/east/discord-bot"
    assert unit.environment_path == "/opt/qs-mods/east/discord-bot.env"
    assert unit.health_url == "http://localhost:8900/health?port=8900"


def test_environment_has_port_server_settings_and_defaults(desk: Desk) -> None:
    install_id = bot(desk)

    unit = service_unit(rows_of(desk, install_id))

    assert unit.environment == {
        "PORT": "8900",
        "QSB_SERVER_ID": "east",
        "GREETING": "hi",
        "TOKEN": TOKEN,
    }
    desk.db.call(mod_config_set, install_id, "GREETING", "ahoy")
    assert service_unit(rows_of(desk, install_id)).environment["GREETING"] == "ahoy"


def test_secret_is_in_the_environment_file_and_not_in_the_unit(desk: Desk) -> None:
    rows = rows_of(desk, bot(desk))
    unit = service_unit(rows)

    assert TOKEN not in unit.text + repr(unit) + repr(rows)
    assert f'TOKEN="{TOKEN}"\n' in unit.environment_text


def test_setting_that_the_version_does_not_have_is_left_out(desk: Desk) -> None:
    install_id = bot(desk)
    desk.bring(install_id, "installed")
    desk.db.call(mod_install_update, install_id, "2.0.0")

    unit = service_unit(rows_of(desk, install_id))

    assert set(unit.environment) == {"PORT", "QSB_SERVER_ID"}
    assert "Description=Discord Bot 2.0.0 on east\n" in unit.text


def test_what_the_manifest_leaves_out_is_not_in_the_unit(desk: Desk) -> None:
    project_id = desk.service("plain")
    desk.db.call(mod_service_spec_set, 1, "run", "", "", "")

    unit = service_unit(rows_of(desk, desk.install(project_id)))

    assert unit.health_url == ""
    assert "MemoryMax" not in unit.text
    assert "CPUQuota" not in unit.text


def test_names_of_units_never_meet(desk: Desk) -> None:
    rows = rows_of(desk, bot(desk))

    names = {
        service_unit(
            ServiceRows(
                rows.install.replace(server_id=server_id),
                rows.project.replace(slug=slug),
                rows.spec,
                rows.state,
                rows.fields,
                rows.values,
            )
        ).name
        for server_id, slug in (("a-b", "c"), ("a", "b-c"), ("a", "b"), ("a-b-c", "-"))
    }

    assert len(names) == 4


def test_what_is_no_service_has_no_unit(desk: Desk) -> None:
    install_id = desk.install(desk.mod("lib"))
    with desk.db.write() as tx:
        tx[ModServiceSpec].insert(ModServiceSpec(1, "lib.so", "", "", ""))

    for each, text in (
        (install_id, "NotFound: install 1 is not a service"),
        (9, "NotFound: there is no install 9"),
    ):
        with desk.db.read() as tx, pytest.raises(qsdb.ReducerError, match=text):
            read_service(tx, each)


@pytest.mark.skipif(
    shutil.which("sh") is None, reason="the judge is sh, which Windows does not have"
)
def test_shell_reads_the_environment_as_it_was_meant(
    desk: Desk, tmp_path: Path
) -> None:
    install_id = bot(desk)
    meant = {
        "GREETING": "a \"b\" 'c' \\ \\\\ $HOME ${HOME} `id` # %n \\n é ",
        "NICKNAME": "",
        "TOKEN": "$(id)\\",
    }
    for key, value in meant.items():
        desk.db.call(mod_config_set, install_id, key, value)
    file = tmp_path / "bot.env"
    file.write_text(service_unit(rows_of(desk, install_id)).environment_text)

    script = '. ./bot.env; printf \'%s\\n\' "$GREETING" "$NICKNAME" "$TOKEN"'
    read = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert read.stdout.split("\n")[:-1] == [*meant.values()]


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="the judge is systemd's own, where that is installed",
)
def test_systemd_finds_nothing_wrong(desk: Desk, tmp_path: Path) -> None:
    install_id = bot(desk)
    desk.db.call(mod_project_update, 1, "100 %n \\", "", "")
    unit = service_unit(rows_of(desk, install_id))
    file = tmp_path / unit.name
    file.write_text(unit.text.replace(f"{unit.directory}/bin/run", "/bin/sh"))

    verified = subprocess.run(
        ["systemd-analyze", "verify", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )

    about = [line for line in verified.stderr.splitlines() if unit.name in line]
    assert about == [], verified.stderr
