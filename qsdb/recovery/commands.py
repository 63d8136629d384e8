"""The command line of files: what ``python -m qsdb`` does without a program's module.

Each command is a function of this package with its arguments from the command line.
What was done is printed as a page, to standard error where the output is a dump; on
a terminal, too, how far the log is read. A command gives an exit code:

=  ==================================================================
0  done
1  the request failed, or verifying has found damage
2  wrong use: no such command or option, an argument that is not one
=  ==================================================================
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attrs

from qsdb.errors import QsdbError, StorageError
from qsdb.files import File, place_of
from qsdb.log.whole_files import write_whole
from qsdb.recovery.backing_up import back_up
from qsdb.recovery.copying import Copy
from qsdb.recovery.dumping import dump
from qsdb.recovery.loading import load
from qsdb.recovery.opening import Progress
from qsdb.recovery.repairing import Repair, repair
from qsdb.recovery.report import TornTailFound
from qsdb.recovery.restoring import restore
from qsdb.recovery.salvaging import FileFault
from qsdb.recovery.verifying import Verification, verify
from qsdb.values.timestamps import Timestamp

__all__ = ["main", "summaries"]

_STANDARD = "-"
"""As a file: the standard input or output."""


def main(arguments: Sequence[str]) -> int:
    """Do what a command line asks, and give the exit code.

    Args:
        arguments: Without the name of the program.

    Raises:
        SystemExit: with 2 for wrong use, with 0 after the help.
    """
    parser = _parser()
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except (QsdbError, OSError) as error:
        sys.stderr.write(f"qsdb {chosen.command}: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"qsdb {chosen.command}: interrupted\n")
    return 1


def summaries() -> dict[str, str]:
    """Give each command, and in a few words what it does."""
    return {
        name: each.summary[0].lower() + each.summary[1:]
        for name, each in _commands().items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qsdb",
        description="Look after the files of a qsdb database.",
        epilog="Exit codes: 0 done, 1 the request failed or damage was found, 2 wrong "
        "use. COMMAND --help tells more of one command.",
    )
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    for name, (run, summary, more, arguments) in _commands().items():
        description = f"{summary}. {more}"
        added = commands.add_parser(
            name, help=summaries()[name], description=description
        )
        added.set_defaults(run=run, to_offset=None, to_time=None)
        added.add_argument(
            "--json", action="store_true", help="print what was done as a line of JSON"
        )
        for add in arguments:
            add(added)
    return parser


class _Command(NamedTuple):
    """A command: its function, a sentence, more of them, and its arguments."""

    run: Callable[[argparse.Namespace], int]
    summary: str
    more: str
    arguments: Sequence[Callable[[argparse.ArgumentParser], object]]


def _commands() -> dict[str, _Command]:
    return {
        "verify": _Command(
            _verify,
            "Check all files of a database",
            "Nothing is written. The database may be open in another process.",
            (_add_path, _add_deep),
        ),
        "repair": _Command(
            _repair,
            "Make a new directory of what a damaged one still tells",
            "It gets the newest state before what is lost. The damaged directory stays "
            "as it is.",
            (_add_path, _add_dest, _add_salvage),
        ),
        "backup": _Command(
            _back_up,
            "Copy a database into a new directory",
            "It opens directly, and can be restored to what the database can be. The "
            "database may be open in another process.",
            (_add_path, _add_dest, _add_without_history),
        ),
        "restore": _Command(
            _restore,
            "Make a new directory with a database as it was",
            "Without a limit it gets the newest state.",
            (_add_path, _add_dest, _add_limits),
        ),
        "dump": _Command(
            _dump,
            "Write a database as one stream",
            "It is a sequence of CBOR items, which other tools can read too.",
            (_add_path, _add_target),
        ),
        "load": _Command(
            _load,
            "Make a new directory of a dump",
            "All of it is checked before anything is written.",
            (_add_source, _add_dest),
        ),
    }


def _add_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="the directory of the database")


def _add_dest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dest", metavar="DEST", help="the new directory: empty, or not there yet"
    )


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default=_STANDARD,
        help="a new file; standard output if it is - or not given",
    )


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the dump; - for standard input")


def _add_deep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deep",
        action="store_true",
        help="replay the log between all snapshots, and compare",
    )


def _add_salvage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--salvage",
        action="store_true",
        help="write commits that cannot be applied to DEST/quarantine/salvaged.cbor",
    )


def _add_without_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--without-history",
        action="store_true",
        help="copy the newest state alone: no log, no older snapshots",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    limits = parser.add_mutually_exclusive_group()
    limits.add_argument(
        "--to-offset", metavar="N", type=int, help="the last commit to be in it"
    )
    limits.add_argument(
        "--to-time",
        metavar="T",
        type=_moment,
        help="all commits until then, in RFC 3339: 2024-02-29T13:00:00Z",
    )


def _moment(text: str) -> Timestamp:
    try:
        return Timestamp.parse(text)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{error}") from None


def _told(chosen: argparse.Namespace, done: Verification | Repair | Copy) -> str:
    """Give what was done, as a page or as JSON."""
    if not chosen.json:
        return f"{done}\n"
    data = _plain(attrs.asdict(done, recurse=False))
    if isinstance(done, Verification):
        data = {"is_sound": done.is_sound, **data}
    return f"{json.dumps(data)}\n"


def _plain(value: Any) -> Any:  # noqa: ANN401  what results hold
    """Give what JSON has for a part of a result."""
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case FileFault():
            return value._asdict()
        case TornTailFound():
            return attrs.asdict(value)
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return value


# The commands.


def _verify(chosen: argparse.Namespace) -> int:
    with _Counter() as progress:
        found = verify(chosen.path, deep=chosen.deep, progress=progress)
    sys.stdout.write(_told(chosen, found))
    return 0 if found.is_sound else 1


def _repair(chosen: argparse.Namespace) -> int:
    with _Counter() as progress:
        done = repair(
            chosen.path, chosen.dest, salvage=chosen.salvage, progress=progress
        )
    sys.stdout.write(_told(chosen, done))
    return 0


def _back_up(chosen: argparse.Namespace) -> int:
    with _Counter() as progress:
        done = back_up(
            chosen.path,
            chosen.dest,
            history=not chosen.without_history,
            progress=progress,
        )
    sys.stdout.write(_told(chosen, done))
    return 0


def _restore(chosen: argparse.Namespace) -> int:
    with _Counter() as progress:
        done = restore(
            chosen.path,
            chosen.dest,
            chosen.to_offset,
            chosen.to_time,
            progress=progress,
        )
    sys.stdout.write(_told(chosen, done))
    return 0


def _dump(chosen: argparse.Namespace) -> int:
    if chosen.file != _STANDARD:
        done = _dump_to_file(chosen.path, chosen.file)
        sys.stdout.write(_told(chosen, done))
        return 0
    if sys.stdout.isatty():
        sys.stderr.write("qsdb dump: a dump is no text; name a file for it\n")
        return 2
    with _Counter() as progress:
        done = dump(chosen.path, sys.stdout.buffer, progress=progress)
    sys.stdout.buffer.flush()
    sys.stderr.write(_told(chosen, done))
    return 0


def _load(chosen: argparse.Namespace) -> int:
    if chosen.file == _STANDARD:
        done = load(sys.stdin.buffer, chosen.dest)
    else:
        directory, name = place_of(chosen.file)
        file = directory.open(name)
        try:
            done = load(_Stream(file, directory.describe(name)), chosen.dest)
        finally:
            file.close()
    sys.stdout.write(_told(chosen, done))
    return 0


def _dump_to_file(path: str, file_path: str) -> Copy:
    """Dump into a new file, which has its name when all is in it and synced."""
    directory, name = place_of(file_path)
    if directory.exists(name):
        raise StorageError(
            f"{directory.describe(name)} is there already; nothing was written"
        )
    temporary = f"{name}.tmp"
    if directory.exists(temporary):  # an attempt that was cut off
        directory.remove(temporary)
    file = directory.create(temporary)
    try:
        try:
            with _Counter() as progress:
                stream = _Stream(file, directory.describe(name))
                done = dump(path, stream, progress=progress)
            file.sync()
        finally:
            file.close()
        directory.rename(temporary, name)
    except BaseException:
        directory.remove(temporary)
        raise
    directory.sync()
    return done


class _Stream:
    """A file that is read or written from its beginning on.

    Attributes:
        name: The whole path, for messages.
    """

    def __init__(self, file: File, name: str) -> None:
        self._file = file
        self._position = 0
        self.name = name

    def read(self, count: int) -> bytes:
        data = self._file.read(self._position, count)
        self._position += len(data)
        return data

    def write(self, data: bytes) -> None:
        write_whole(self._file, self._position, data)
        self._position += len(data)


class _Counter:
    """Shows on a terminal how far the log is read, in one line that goes away."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self._show

    def _show(self, done: int, count: int) -> None:
        if self._is_shown:
            sys.stderr.write(f"\r{done:,} of {count:,} segments of the log read")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
