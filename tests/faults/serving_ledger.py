"""A process that serves the ledger of a directory until it is killed.

    python -m tests.faults.serving_ledger DIRECTORY [unconfirmed]

It prints the address of the server when clients can connect. An unconfirmed server
answers before the disk has what it answers, which is rarely synced.
"""

import sys
from pathlib import Path

import qsdb
from qsdb.files import open_directory
from qsdb.server.options import ServerOptions
from qsdb.server.peers import SessionOptions
from qsdb.server.serving import serve
from tests.support.ledger import ledger

SYNC_SECONDS, RARE_SYNC_SECONDS = 0.005, 2.0


def serve_ledger(path: Path, *, confirmed: bool) -> None:
    """Serve for ever."""
    keys = path / "keys"
    keys.mkdir(exist_ok=True)
    data = path / "data"
    interval = SYNC_SECONDS if confirmed else RARE_SYNC_SECONDS
    with qsdb.Database(
        ledger, data, durability="interval", sync_interval=interval
    ) as db:
        serve(
            {"ledger": db},
            port=0,
            options=ServerOptions(sessions=SessionOptions(confirmed=confirmed)),
            directory=open_directory(keys),
            ready=lambda address: print(address, flush=True),
        )


if __name__ == "__main__":
    serve_ledger(Path(sys.argv[1]), confirmed="unconfirmed" not in sys.argv)
