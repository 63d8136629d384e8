"""Serves a cluster's databases: ``python -m examples.qsbridge serve --data DIR``.

    DIR/platform    the hub
    DIR/registry    the mods, which learns of each server that registers at the hub

``python -m qsdb serve`` serves the same modules, each for itself. What ties them
together in one process is here: the mirror that tells the registry of the servers, and
the hosting desk, whose provider is that of the environment: `StarbaseProvider` with
``BISECT_API_KEY`` and ``BISECT_API_URL``. With neither, orders are refused.

It ends with Ctrl-C. Exit code 2: something cannot be used, or a part of qsdb is not
installed.
"""

import argparse
import contextlib
import logging
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Final

import qsdb
from examples.qsbridge.game.installation import PLATFORM, REGISTRY, Installation
from examples.qsbridge.hosting.desks import hosting_desk
from examples.qsbridge.hosting.starbase import (
    KEY_VARIABLE,
    URL_VARIABLE,
    StarbaseProvider,
)
from examples.qsbridge.hub.privacy import keep_from_strangers
from examples.qsbridge.hub.tables import platform
from examples.qsbridge.mods.mirror import RegistryMirror
from examples.qsbridge.mods.tables import registry
from qsdb.files import open_directory

__all__ = ["main"]

PORT: Final = 3000
PORT_MAX: Final = 65535


def main(arguments: Sequence[str]) -> int:
    """Serve what the command line names until Ctrl-C; give the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        from qsdb.server.serving import serve  # noqa: PLC0415  an extra has it
    except ImportError as error:
        parser.exit(2, f"{error}; serving takes: pip install -e '.[server]'\n")
    try:
        provider = _provider()
    except ValueError as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.INFO)
    if chosen.private:
        keep_from_strangers(platform)
    try:
        with _opened(chosen.data, provider) as databases:
            serve(
                databases,
                host=chosen.host,
                port=chosen.port,
                directory=open_directory(chosen.data),
                ready=lambda url: _tell(url, chosen.data, provider),
            )
    except (qsdb.StorageError, qsdb.SchemaError, OSError) as error:
        parser.exit(2, f"cannot serve {chosen.data}: {error}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.qsbridge serve",
        description="Serve the platform and the registry of mods.",
        epilog=f"Hosting takes {KEY_VARIABLE} and {URL_VARIABLE} from the environment.",
    )
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        metavar="DIR",
        required=True,
        help="where the databases are kept, and the tokens of their owner",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen (%(default)s)"
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        metavar="N",
        help="likewise (%(default)s); 0 for one that is free",
    )
    parser.add_argument(
        "--private",
        action="store_true",
        help="keep password hashes, characters and vaults from all but servers",
    )
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() and text.isascii() else -1
    if not 0 <= port <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text} is no port from 0 to {PORT_MAX}")
    return port


def _provider() -> StarbaseProvider | None:
    """Give the hosting provider of the environment, if it names one.

    Raises:
        ValueError: it names half of one, or a wrong one.
    """
    if not os.environ.get(KEY_VARIABLE) and not os.environ.get(URL_VARIABLE):
        return None
    return StarbaseProvider.from_environment()


@contextlib.contextmanager
def _opened(
    data: pathlib.Path, provider: StarbaseProvider | None
) -> Iterator[dict[str, qsdb.Database]]:
    """Give the databases by their names, tied together as long as the block runs."""
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(Installation(platform, {}, registry, data))
        assert found.registry is not None
        stack.enter_context(RegistryMirror(found.platform, found.registry))
        if provider is not None:
            stack.enter_context(hosting_desk(found.platform, provider))
        yield {PLATFORM: found.platform, REGISTRY: found.registry}


def _tell(url: str, data: pathlib.Path, provider: StarbaseProvider | None) -> None:
    """Say what is served, and where."""
    print(f"QS-Bridge is served at {url}")
    for name in (PLATFORM, REGISTRY):
        print(f"  {name}  in {data / name}; its owner is {data / name}.owner-token")
    hosting = f"none; {KEY_VARIABLE} and {URL_VARIABLE} are not set"
    print(f"  hosting   {provider or hosting}")
    print("Ctrl-C ends it.", flush=True)
