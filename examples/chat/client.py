"""A client in the terminal: ``python -m examples.chat.client``.

It needs the extra ``qsdb[client]``, and a server::

    python -m qsdb serve examples.chat:chat --data data
    python -m examples.chat.client --server ws://127.0.0.1:3000 --name Ada
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import qsdb
from examples.chat import chat
from examples.chat.talking import HELP, Talk
from qsdb.client import connect

__all__ = ["main", "talk_lines"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Talk until the input ends; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.chat.client")
    parser.add_argument("--server", default="ws://127.0.0.1:3000")
    parser.add_argument("--database", default="chat")
    parser.add_argument("--token", help="of an earlier time, to be the same user again")
    parser.add_argument("--name", help="what to be called")
    chosen = parser.parse_args(arguments)
    try:
        with connect(
            chosen.server, chosen.database, token=chosen.token, module=chat
        ) as connection:
            print(f"to be the same user again: --token {connection.token}")
            talk_lines(connection, sys.stdin, chosen.name, print)
    except qsdb.QsdbError as error:
        print(f"chat: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def talk_lines(
    connection: Any,  # noqa: ANN401  of a client, or in process
    lines: Iterable[str],
    name: str | None,
    show: Callable[[str], object],
) -> None:
    """Say lines, until one of them is the end.

    Args:
        connection: To a chat.
        lines: What to say.
        name: What to be called; as before if None.
        show: Takes what others say.
    """
    talk = Talk(connection, show)
    show(HELP)
    if name is not None:
        talk.say(f"/name {name}")
    for line in lines:
        if not talk.say(line):
            return


if __name__ == "__main__":
    sys.exit(main())
