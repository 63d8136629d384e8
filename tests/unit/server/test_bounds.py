"""Options of a server that cannot be."""

import math
from typing import Any

import attrs
import pytest

from qsdb.errors import ArgumentError
from qsdb.server.doors import DoorOptions
from qsdb.server.options import HttpOptions, ServerOptions
from qsdb.server.peers import SessionOptions

CLASSES: list[Any] = [DoorOptions, HttpOptions, SessionOptions]
BOUNDS = [
    (kind, field.name)
    for kind in CLASSES
    for field in attrs.fields(kind)
    if type(field.default) in (int, float)
]


@pytest.mark.parametrize(("kind", "name"), BOUNDS)
def test_every_bound_is_looked_at(kind: Any, name: str) -> None:
    for wrong in (-1, True, "5", None):
        with pytest.raises(ArgumentError) as caught:
            kind(**{name: wrong})

        assert str(caught.value).startswith(f"{name} is {wrong!r}, not ")
    assert getattr(kind(**{name: 7}), name) == 7


def test_what_is_wanted_is_said() -> None:
    with pytest.raises(ArgumentError, match=r"a whole number from 1 on$"):
        HttpOptions(running_max=0)
    with pytest.raises(ArgumentError, match=r"a whole number from 0 on$"):
        SessionOptions(inline_rows=-1)
    assert SessionOptions(inline_rows=0).inline_rows == 0


@pytest.mark.parametrize("seconds", [0, 0.0, -0.5, math.nan, math.inf])
def test_seconds_are_more_than_none(seconds: float) -> None:
    with pytest.raises(ArgumentError, match=r"body_seconds is .*, not greater"):
        HttpOptions(body_seconds=seconds)
    assert HttpOptions(body_seconds=0.5).body_seconds == 0.5


def test_a_server_has_what_is_usual() -> None:
    assert ServerOptions() == ServerOptions(
        door=DoorOptions(), http=HttpOptions(), sessions=SessionOptions()
    )
