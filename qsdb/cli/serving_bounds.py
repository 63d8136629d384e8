"""The options of `serve` that say what clients may have, and who counts as whom.

Each bound of a server is one option, called as in Python (``rows_max`` is
``--rows-max``), with the usual value that the server's own classes have: no number
stands here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs
import click

from qsdb.cli.extras import load_part
from qsdb.cli.options import taken
from qsdb.files import place_of
from qsdb.log.whole_files import read_file
from qsdb.server.addresses import networks_of
from qsdb.server.options import ServerOptions

__all__ = ["BOUNDS", "options_of", "trust_of", "with_bounds"]

T = TypeVar("T")

SECRET_BYTES_MAX = 4096

BOUNDS: Mapping[str, Mapping[str, str]] = {
    "door": {
        "connections_max": "WebSockets at once, of all clients.",
        "connections_each_max": "WebSockets of one address at once, and connections "
        "of HTTP.",
        "requests_each_max": "Requests of one address in work at once.",
        "identities_each_max": "New identities and invalid tokens of one address in a "
        "minute.",
    },
    "http": {
        "body_bytes_max": "Bytes of a request's arguments.",
        "sql_bytes_max": "Bytes of a statement of SQL.",
        "bodies_bytes_max": "Bytes of all requests together.",
        "body_seconds": "Seconds in which the body of a request has to come.",
        "running_max": "Requests at work or waiting at once.",
        "log_records_max": "Records of each module's log that are kept.",
        "log_bytes_max": "Bytes of these.",
        "followers_max": "Who may follow a module's log at once.",
    },
    "sessions": {
        "rows_max": "Rows of changes that may wait for a client that reads slowly.",
        "messages_max": "Messages of a client that are handled in a second.",
        "procedures_max": "Procedures that a client may have running at once.",
        "inline_rows": "Rows above which a query is answered on another thread.",
        "inline_bytes": "Bytes above which it is, too.",
        "queries_max": "Queries that a client may have kept current.",
        "texts_max": "Characters of these.",
        "comparing_max": "Joins among these that compare rows with all others.",
    },
}
"""Part of the server's options → bound → what it says."""


def with_bounds(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command an option for each bound, and those of `trust_of`."""
    for decorate in reversed([*_network_options(), *_trust_options(), *_bounds()]):
        command = decorate(command)
    return command


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _bounds() -> Iterable[Decorator]:
    usual = ServerOptions()
    for part, texts in BOUNDS.items():
        owner = getattr(usual, part)
        for name, text in texts.items():
            least = attrs.fields_dict(type(owner))[name].metadata["least"]
            value = getattr(owner, name)
            kind = (
                click.IntRange(least)
                if isinstance(value, int)
                else click.FloatRange(0, min_open=True)
            )
            yield click.option(
                f"--{name.replace('_', '-')}",
                type=kind,
                default=value,
                show_default=True,
                help=text,
            )


def _network_options() -> Iterable[Decorator]:
    yield click.option(
        "--proxy",
        "proxies",
        multiple=True,
        metavar="NETWORK",
        help="A reverse proxy whose X-Forwarded-For is believed, as 127.0.0.1; may be "
        "given several times.",
    )
    yield click.option(
        "--unbounded",
        multiple=True,
        metavar="NETWORK",
        default=ServerOptions().door.unbounded,
        show_default=True,
        help="Addresses for which no bound of one address counts.",
    )


def _trust_options() -> Iterable[Decorator]:
    yield click.option(
        "--issuer",
        "issuers",
        multiple=True,
        metavar="URL",
        help="Who makes tokens that count here, by OpenID Connect.",
    )
    yield click.option(
        "--secret",
        "secrets",
        nargs=2,
        multiple=True,
        type=(str, click.Path()),
        metavar="ISSUER FILE",
        help="Who makes tokens that count here, with the secret for HS256 in a file.",
    )
    yield click.option(
        "--audience",
        "audiences",
        multiple=True,
        metavar="NAME",
        help="For whom tokens of these must be.",
    )


def options_of(options: dict[str, Any]) -> ServerOptions:
    """Take the bounds out of what click gives.

    Raises:
        click.UsageError: a network is none.
    """
    usual = ServerOptions()
    parts = {}
    for part, texts in BOUNDS.items():
        given = {name: options.pop(name) for name in texts}
        parts[part] = attrs.evolve(getattr(usual, part), **given)
    parts["door"] = attrs.evolve(
        parts["door"],
        proxies=_networks("--proxy", options.pop("proxies")),
        unbounded=_networks("--unbounded", options.pop("unbounded")),
    )
    return ServerOptions(**parts)


def _networks(option: str, texts: Iterable[str]) -> tuple[str, ...]:
    def read(text: str) -> str:
        networks_of(option, [text])
        return text

    return tuple([taken(read, text) for text in texts])


def trust_of(options: dict[str, Any]) -> object:
    """Take out whose tokens count besides those of the server: a `Trust`, or None.

    Raises:
        OSError: a secret cannot be read.
        ArgumentError: an issuer or a secret is none.
        UsageError: the extra for tokens is missing.
    """
    issuers, audiences = options.pop("issuers"), options.pop("audiences")
    secrets = {name: _secret(path) for name, path in options.pop("secrets")}
    if not issuers and not secrets and not audiences:
        return None
    part = load_part("qsdb.server.authority", "server")
    return part.Trust(secrets=secrets, issuers=issuers, audiences=audiences)


def _secret(path: str) -> bytes:
    directory, name = place_of(path)
    return read_file(directory, name, SECRET_BYTES_MAX).rstrip(b"\r\n")
