"""The options of `serve` that bound what clients may have."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from qsdb.cli.serving_bounds import BOUNDS
from qsdb.server.authority import Trust
from qsdb.server.options import ServerOptions
from tests.unit.cli.shop import SPEC, run
from tests.unit.cli.test_serving import Server, server

__all__ = ["server"]

NO_BOUNDS = {"confirmed", "has_columns", "proxies", "unbounded"}


def test_every_bound_has_an_option() -> None:
    options = ServerOptions()
    for part in attrs.fields(ServerOptions):
        names = set(attrs.fields_dict(type(getattr(options, part.name))))
        assert names - NO_BOUNDS == set(BOUNDS[part.name])
    every = [name for texts in BOUNDS.values() for name in texts]
    assert len(every) == len(set(every))


def test_without_options_a_server_is_as_usual(server: Server) -> None:
    assert run("serve", SPEC, "--memory").exit_code == 0
    assert server.given["options"] == ServerOptions()
    assert server.given["trust"] is None


@pytest.mark.parametrize(
    ("part", "name"), [(part, name) for part in BOUNDS for name in BOUNDS[part]]
)
def test_an_option_sets_its_bound(server: Server, part: str, name: str) -> None:
    option = f"--{name.replace('_', '-')}"

    done = run("serve", SPEC, "--memory", option, "7")

    assert done.exit_code == 0, done.output
    usual = ServerOptions()
    wanted = attrs.evolve(
        usual, **{part: attrs.evolve(getattr(usual, part), **{name: 7})}
    )
    assert server.given["options"] == wanted
    wrong = run("serve", SPEC, "--memory", option, "-1")
    assert wrong.exit_code == 2
    assert f"Invalid value for '{option}': -1" in wrong.stderr


def test_the_help_has_what_is_usual() -> None:
    said = " ".join(run("serve", "--help").stdout.split())
    usual = ServerOptions()
    for part, texts in BOUNDS.items():
        for name, text in texts.items():
            assert f"--{name.replace('_', '-')} " in said
            assert text in said
            assert f"[default: {getattr(getattr(usual, part), name)}" in said


def test_proxies_and_unbounded_addresses_are_networks(server: Server) -> None:
    asked = ("--proxy", "127.0.0.1", "--proxy", "10.0.0.0/8", "--unbounded", "::1")

    assert run("serve", SPEC, "--memory", *asked).exit_code == 0
    door = server.given["options"].door
    assert (door.proxies, door.unbounded) == (("127.0.0.1", "10.0.0.0/8"), ("::1",))
    for option in ("--proxy", "--unbounded"):
        wrong = run("serve", SPEC, "--memory", option, "example.org")
        assert wrong.exit_code == 2
        assert f"{option}: 'example.org' is no address" in wrong.stderr


def test_whose_tokens_count_can_be_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s" * 32 + b"\n")
    secret = ("--secret", "https://shop.example", str(tmp_path / "secret"))
    issuer = ("--issuer", "https://login.example.com", "--audience", "chat")

    assert run("serve", SPEC, "--memory", *secret, *issuer).exit_code == 0

    assert server.given["trust"] == Trust(
        secrets={"https://shop.example": b"s" * 32},
        issuers=("https://login.example.com",),
        audiences=("chat",),
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"short", "has 5 bytes; at least 32 are needed"), (None, "No such file")],
)
def test_a_secret_that_is_none_is_told(
    server: Server, tmp_path: Path, content: Any, fault: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    done = run("serve", SPEC, "--memory", "--secret", "https://shop", str(path))

    assert done.exit_code == 1
    assert fault in done.stderr
    assert server.given == {}
