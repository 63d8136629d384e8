"""``python -m examples.qsbridge simulate``: runs a simulation and tells of it.

Exit codes: 0, everything held that must; 1, something did not; 2, the directory
cannot be used, or the command line is wrong.
"""

import argparse
import contextlib
import logging
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Final

import qsdb
from examples.qsbridge.simulation.flow import flow_picture
from examples.qsbridge.simulation.progress import ProgressBar
from examples.qsbridge.simulation.report import report
from examples.qsbridge.simulation.running import Simulation
from examples.qsbridge.simulation.settings import Settings
from qsdb.files import open_directory

__all__ = ["main"]

DATABASE: Final = "platform"
PICTURE: Final = "population-flow.svg"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; give the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        settings = Settings(chosen.servers, chosen.players, chosen.minutes, chosen.seed)
    except ValueError as error:
        parser.error(str(error))
    logging.getLogger("qsbridge.bridge").setLevel(logging.ERROR)  # they break often
    bar = ProgressBar("simulating", settings.length, sys.stderr)
    with contextlib.ExitStack() as kept:
        try:
            folder = kept.enter_context(_folder(chosen.data))
            picture = _picture(chosen.picture, chosen.data)
            database = open_directory(folder / DATABASE)
            if database.exists() and database.list():
                parser.exit(
                    2, f"{folder / DATABASE} is not empty; give another --data\n"
                )
            simulation = Simulation(settings, database)
            simulation.run(bar.show)
            result = simulation.end()
        except (qsdb.StorageError, OSError) as error:
            named = getattr(error, "filename", None) or chosen.data or "the disk"
            parser.exit(2, f"cannot use {named}: {error}\n")
        finally:
            bar.end()
        for line in report(result):
            print(line)
        if picture is not None:
            title = f"Population flow: {settings.minutes} minutes, seed {settings.seed}"
            drawn = flow_picture(result.flows, result.regions, title)
            picture.write_text(drawn, encoding="utf-8")
            print(f"picture     {picture}")
    return 0 if result.is_sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.qsbridge simulate",
        description="Simulate a cluster of game servers, and check what must hold.",
    )
    defaults = Settings()
    for name in ("servers", "players", "minutes", "seed"):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=getattr(defaults, name),
            metavar="N",
            help="%(default)s if not given",
        )
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        metavar="DIR",
        help="keep the database and the picture there; else nothing is kept",
    )
    parser.add_argument(
        "--picture",
        type=pathlib.Path,
        metavar="FILE",
        help="where to draw the population flow, as an SVG",
    )
    return parser


def _picture(
    named: pathlib.Path | None, data: pathlib.Path | None
) -> pathlib.Path | None:
    """Give the file to draw into, if any; that it can be written shows now.

    Raises:
        OSError: it cannot. After an hour's simulation that would be a pity.
    """
    picture = named or (data and data / PICTURE)
    if picture is not None:
        picture.open("a").close()
    return picture


@contextlib.contextmanager
def _folder(data: pathlib.Path | None) -> Iterator[pathlib.Path]:
    """Give the folder to work in: the one that was named, or one that goes again."""
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data
    else:
        with tempfile.TemporaryDirectory(prefix="qsbridge-") as folder:
            yield pathlib.Path(folder)
