"""Arguments as JSON: by place and by name, and the errors of both."""

import enum

import pytest

import qsdb
from qsdb.server.json_arguments import ArgumentsReader, arguments_reader

hall = qsdb.Module("hall")


class Mood(enum.Enum):
    calm = 1
    angry = 2


class Step(qsdb.Product):
    x: qsdb.u8
    y: qsdb.f32 = 0.5


@hall.reducer
def move(
    ctx: qsdb.ReducerContext,
    path: list[Step],
    mood: Mood = Mood.calm,
    who: qsdb.Identity | None = None,
) -> None:
    """Take the path."""


@hall.reducer
def noop(ctx: qsdb.ReducerContext) -> None:
    """Do nothing."""


def reader_of(name: str, **options: int) -> ArgumentsReader:
    return arguments_reader(hall.compiled().reducers[name].parameters, **options)


WHO = qsdb.Identity.from_hex("00" * 31 + "2a")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("[[]]", ([], Mood.calm, None)),
        ('[[[1,2]],{"angry":[]}]', ([Step(x=1, y=2.0)], Mood.angry, None)),
        ('[[],[1,[]],{"some":["42"]}]', ([], Mood.angry, WHO)),
        ('{"who":null,"path":[{"x":1,"y":2}]}', ([Step(x=1, y=2.0)], Mood.calm, None)),
        (b'{"path":[],"who":{"some":{"__identity__":"0x2a"}}}', ([], Mood.calm, WHO)),
    ],
)
def test_arguments_are_read_by_place_and_by_name(
    text: str, arguments: tuple[object, ...]
) -> None:
    found = reader_of("move")(text)

    assert found == arguments
    assert hall.compiled().reducers["move"].check(*found) == found


def test_a_reducer_without_parameters_takes_both_empty_forms() -> None:
    assert reader_of("noop")("[]") == reader_of("noop")("{}") == ()


SIGNATURE = (
    "move(path: list[Step], mood: Mood = <Mood.calm: 1>, who: Identity | None = None)"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "move(), arguments as JSON: Expecting value, at character 1"),
        ("7", "move(), arguments as JSON: 7 is no array and no object of them"),
        ("[]", f"{SIGNATURE}, arguments: 0 given, path is missing"),
        ("[1,2,3,4]", f"{SIGNATURE}, arguments: 4 given, at most 3 are taken"),
        ("{}", f"{SIGNATURE}, arguments: path is missing"),
        ('{"path":[],"speed":1}', f"{SIGNATURE}, arguments: there is no 'speed'"),
        ("[7]", "move(), argument path: 7 is not an array of Step"),
        (
            '[[[1,2],{"x":256,"y":0}]]',
            "move(), argument path at [1].x: 256 is not an int from 0 to 255",
        ),
        (
            '[[],{"glad":[]}]',
            "move(), argument mood: an object of length 1 is not a Mood: an object",
        ),
        ("[[],null]", "move(), argument mood: null is not a Mood: an object of"),
    ],
)
def test_wrong_arguments_are_refused(text: str, told: str) -> None:
    with pytest.raises(qsdb.ArgumentError) as caught:
        reader_of("move")(text)

    assert str(caught.value).startswith(told)


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(qsdb.ArgumentError, match="of length 5; at most 4 is read"):
        reader_of("noop", bytes_max=4)("[   ]")
