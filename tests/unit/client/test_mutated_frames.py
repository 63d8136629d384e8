"""Frames of a server with bytes changed: refused, or taken, and nothing else.

**Strategy** The frames of a short history are recorded once; then one of them is
changed at any byte, cut off, or said twice, and a new client hears them.
**Invariants** What comes out of it is a `ProtocolError` or nothing; whatever came, the
client can be closed, and the callbacks explain its cache.
"""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from qsdb.protocol.frames import FrameWriter
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import V3
from tests.unit.client.test_histories import HISTORY, change, follow
from tests.unit.client.world import World


class Recording(World):
    """A world that keeps what was said, frame by frame."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        super().__init__()

    def deliver(self, count: int) -> None:
        due = [each.encode() for each in self.queue[:count]]
        self.frames += FrameWriter(V3).frames(due)
        super().deliver(count)


class Replaying(World):
    """A world that says other things than it means."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = [*frames]
        super().__init__()

    def deliver(self, count: int) -> None:
        due, self.queue = self.queue[:count], self.queue[count:]
        if due and self.frames:
            self.talk.conversation.received(self.frames.pop(0))

    def look(self) -> None:
        """Believe everything: it may be of no state that ever was."""


def play(world: World) -> None:
    for step in HISTORY:
        follow(world, step)
        world.deliver(1)
    change(world, "drop", 0)
    world.deliver(9)


@cache
def recorded() -> tuple[bytes, ...]:
    world = Recording()
    play(world)
    return tuple(world.frames)


@settings(max_examples=100)
@given(st.data())
def test_a_changed_frame_is_refused_or_taken(data: st.DataObject) -> None:
    frames = [*recorded()]
    number = data.draw(st.integers(0, len(frames) - 1))
    frame = bytearray(frames[number])
    at = data.draw(st.integers(0, len(frame) - 1))
    match data.draw(st.sampled_from(["byte", "bit", "cut", "twice", "more"])):
        case "byte":
            frame[at] = data.draw(st.integers(0, 255))
        case "bit":
            frame[at] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del frame[at:]
        case "twice":
            frame += frame[1:]
        case _:
            frame[at:at] = data.draw(st.binary(max_size=4))
    frames[number] = bytes(frame)
    world = None
    try:
        world = Replaying(frames)
        play(world)
    except ProtocolError as error:
        if world is not None:
            world.talk.conversation.lost(error)
    if world is None:
        return  # it was in the very first frame
    world.check()
    world.talk.conversation.close()

    assert world.talk.conversation.phase == "closed"


def test_frames_that_are_not_changed_are_taken() -> None:
    world = Replaying([*recorded()])
    play(world)

    assert world.frames == []
    assert world.known["user"] == {*world.users.values()}
