"""Scripts for `ScriptedServer` that several tests follow."""

from typing import Any

from qsdb.protocol.server_messages import ReducerOk, ReducerResult
from tests.support.scripted_server import Peer
from tests.unit.client.talk import applied, transaction

__all__ = ["ANN", "BOB", "USERS", "answer_calls", "greet", "serve_users"]

USERS = "SELECT * FROM user"
ANN, BOB = (1, "ann", 0, None), (2, "bob", 1, 7)


async def greet(peer: Peer) -> None:
    """Say who the client is, and nothing else."""
    await peer.greet()
    await peer.until_gone()


async def answer_calls(peer: Peer) -> None:
    """Let all calls give the value 7."""
    await peer.greet()
    while True:
        call = await peer.receive()
        await peer.send(seven(call))


def seven(call: Any, *changes: Any) -> ReducerResult:
    """Answer a call."""
    value = (7).to_bytes(8, "little")
    return ReducerResult(call.request_id, 0, ReducerOk(value, transaction(*changes)))


async def serve_users(peer: Peer) -> Any:
    """Answer a subscription to users with one row, and give what was asked."""
    await peer.greet()
    asked = await peer.receive()
    await peer.send(applied(asked, [ANN]))
    return asked
