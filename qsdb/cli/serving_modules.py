"""The commands `serve` and `dev`: databases of modules, behind one server.

`dev` is `serve` with a watcher beside it (`qsdb.cli.developing`), which publishes a
module when its source has changed.
"""

import contextlib
import functools
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

import attrs
import click
from rich.text import Text

from qsdb.cli.developing import Developing
from qsdb.cli.extras import load_part
from qsdb.cli.fresh_imports import without_bytecode
from qsdb.cli.grids import console, grid
from qsdb.cli.options import as_json, taken
from qsdb.cli.serving_bounds import options_of, trust_of, with_bounds
from qsdb.cli.specs import Spec, load_specs, parse_spec
from qsdb.cli.terminal_logs import TerminalText
from qsdb.cli.watching import changes_of
from qsdb.files import Directory, open_directory
from qsdb.logs import JsonLines
from qsdb.runtime.database import Database
from qsdb.runtime.options import StorageOptions
from qsdb.schema.modules import Module
from qsdb.server.options import ServerOptions

__all__ = ["Serve", "dev", "serve"]

P = ParamSpec("P")
T = TypeVar("T")

Serve = Callable[..., None]
"""`qsdb.server.serving.serve`, which returns when it was told to end."""

OWNER_TOKEN = ".owner-token"  # noqa: S105  what names of the server's files end in


@attrs.frozen
class _Settings:
    """What the options of both commands say.

    Attributes:
        directory: Where databases and the server's keys are; None for memory alone.
        durability: As `Database` takes it.
        sync_interval: Likewise.
        compacts: Whether old snapshots and log are removed.
        host: Where to listen.
        port: Likewise.
        bounds: What clients may have.
        trust: Whose tokens count besides; as the server takes it.
    """

    directory: Directory | None
    durability: str
    sync_interval: float
    compacts: bool
    host: str
    port: int
    bounds: ServerOptions
    trust: object


def _with_storage(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command the options of how databases are kept."""
    for decorate in (
        click.option(
            "--compact",
            "compacts",
            is_flag=True,
            help="Remove older snapshots, and the log that only they need, after each "
            "new one.",
        ),
        click.option(
            "--sync-interval",
            type=click.FloatRange(min=0, min_open=True),
            default=0.01,
            show_default=True,
            help="Seconds, for the durability interval.",
        ),
        click.option(
            "--durability",
            type=click.Choice(["always", "interval", "os"]),
            default="interval",
            show_default=True,
            help="When a commit is on the disk.",
        ),
    ):
        command = decorate(command)
    return command


def _with_settings(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command the specs and the options of serving, as `_Settings`."""

    @click.argument(
        "modules", nargs=-1, required=True, metavar="[NAME=]PACKAGE:MODULE…"
    )
    @click.option("--data", type=click.Path(), help="Keep databases in DATA/NAME.")
    @click.option("--memory", is_flag=True, help="Keep nothing; no --data then.")
    @click.option("--host", default="127.0.0.1", show_default=True)
    @click.option(
        "--port", type=click.IntRange(0, 65535), default=3000, show_default=True
    )
    @_with_storage
    @with_bounds
    @as_json
    @functools.wraps(command)
    def run(**options: Any) -> T:  # noqa: ANN401  click gives options by name
        data, in_memory = options.pop("data"), options.pop("memory")
        if in_memory == (data is not None):
            raise click.UsageError(
                "--data DIR keeps databases, --memory does not: choose one"
            )
        settings = _Settings(
            None if data is None else open_directory(data),
            options.pop("durability"),
            options.pop("sync_interval"),
            options.pop("compacts"),
            options.pop("host"),
            options.pop("port"),
            options_of(options),
            trust_of(options),
        )
        specs = [taken(parse_spec, text) for text in options.pop("modules")]
        _log_to_standard_error(is_json=options.pop("is_json"))
        return command(specs, settings, **options)

    return run


def _log_to_standard_error(*, is_json: bool) -> None:
    """Have what modules and the server log on standard error, from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if is_json else TerminalText())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


@click.command()
@_with_settings
def serve(specs: list[Spec], settings: _Settings) -> None:
    """Serve modules, a database each, until Ctrl-C.

    A module is named PACKAGE:MODULE, as examples.chat:chat; its database is called
    like the module, or NAME. Clients of SpacetimeDB connect to it.
    """
    _serve(load_specs(specs), settings)


@click.command()
@_with_settings
@click.option("--yes", is_flag=True, help="Publish what disconnects clients, unasked.")
def dev(specs: list[Spec], settings: _Settings, yes: bool) -> None:  # noqa: FBT001
    """Serve modules, and publish them anew when their source has changed.

    What a change does to the stored tables is shown first; what would disconnect
    clients is asked about. A source that cannot be imported is told of with the place,
    and what was published goes on.
    """
    with without_bytecode():
        modules = load_specs(specs)
        _serve(modules, settings, watch=functools.partial(_watch, modules, is_sure=yes))


Watch = Callable[[Mapping[str, Database]], contextlib.AbstractContextManager[None]]


def _serve(
    modules: Mapping[str, tuple[Spec, Module]],
    settings: _Settings,
    watch: Watch | None = None,
) -> None:
    """Open the databases, serve them, and close them."""
    run: Serve = load_part("qsdb.server.serving", "server").serve
    with contextlib.ExitStack() as stack:
        databases: dict[str, Database] = {}
        for name, (_, module) in modules.items():
            path = None
            if settings.directory is not None:
                path = settings.directory.describe(name)
            databases[name] = stack.enter_context(
                Database(
                    module,
                    path,
                    durability=settings.durability,
                    sync_interval=settings.sync_interval,
                    options=StorageOptions(compacts=settings.compacts),
                )
            )
        if watch is not None:
            stack.enter_context(watch(databases))
        run(
            databases,
            host=settings.host,
            port=settings.port,
            directory=settings.directory,
            trust=settings.trust,
            options=settings.bounds,
            ready=functools.partial(_start_page, databases, settings.directory),
        )


def _start_page(
    databases: Mapping[str, Database], directory: Directory | None, url: str
) -> None:
    """Print what is served, and where, once it is."""
    page = grid(f"qsdb serves at {url}", ["database", "identity", "offset", "URL"])
    for name, database in databases.items():
        identity = database.identity.to_hex()
        address = f"{url.rstrip('/')}/v1/database/{name}"
        page.add_row(name, identity, f"{database.offset}", address)
    shown = console()
    shown.print(page)
    if directory is not None:
        for name in databases:
            where = directory.describe(f"{name}{OWNER_TOKEN}")
            shown.print(Text(f"the token of {name}'s owner: {where}"), soft_wrap=True)
    shown.print(Text("Ctrl-C ends it.", style="dim"))


@contextlib.contextmanager
def _watch(
    modules: Mapping[str, tuple[Spec, Module]],
    databases: Mapping[str, Database],
    *,
    is_sure: bool,
) -> Iterator[None]:
    """Publish what changes, on a thread beside the server, for as long as it runs."""
    watchfiles = load_part("watchfiles", "cli")
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # what it sees is told
    shown = console()
    specs = {name: spec for name, (spec, _) in modules.items()}
    developing = Developing(
        {name: (specs[name], database) for name, database in databases.items()},
        show=lambda text: shown.print(Text(text), soft_wrap=True),
        confirm=(lambda _: True) if is_sure else _confirmed,
    )
    stop = threading.Event()
    changes = changes_of(watchfiles, developing.sources, stop)
    thread = threading.Thread(
        target=developing.follow, args=(changes,), name="qsdb dev", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_SECONDS)


def _confirmed(question: str) -> bool:
    """Ask on the terminal; whoever does not answer says no."""
    try:
        return click.confirm(question)
    except click.Abort:
        return False


STOP_SECONDS = 10.0
"""The watcher looks often whether it is to end; a question on the terminal may not be
answered ever."""
