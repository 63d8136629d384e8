"""Two revisions or interpreters asked the same: by how much do they differ?

Both are asked in turn, a round here and a round there, then the other way about, each
in a process of its own, so that noise hits both alike. The ratio is the median of the
rounds' ratios, and its spread is told with it: a change within the spread is none.
Peers are in the table too, for nothing changed in them: what their ratios differ
from 1 is noise. A change is seen where five rounds or more all agree on who is faster,
and it is greater than the noise of its question. Another interpreter runs the peers
too, and changes what they cost: there all are compared alike.
"""

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypedDict, TypeVar

from benchmarks.harness import require
from benchmarks.report import Answer, Result, columns, figure

__all__ = [
    "Change",
    "change_table",
    "changes",
    "interpreter",
    "other_revision",
    "take_turns",
]

Round = Sequence[Answer]
Side = TypeVar("Side")
"""Whatever tells what is asked here from what is asked there."""
Key = tuple[str, str]

ENOUGH = 5
"""With fewer rounds chance alone has all of them agree too often."""


class Change(TypedDict):
    """What one contender needs here, and there."""

    question: str
    name: str
    role: str
    unit: str
    here: float
    there: float
    ratio: float
    """Here ÷ there: less than 1 is faster here."""
    least: float
    greatest: float
    is_clear: bool
    """Enough rounds, which all agree, and more than the noise."""


@contextmanager
def other_revision(revision: str, root: Path) -> Iterator[Path]:
    """Have a folder with qsdb as it was, and the benchmarks as they are.

    Raises:
        ValueError: git does not know the revision.
    """
    archive = subprocess.run(  # noqa: S603  our own repository
        ["git", "archive", revision, "qsdb"],  # noqa: S607  wherever git is
        cwd=root,
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        told = archive.stderr.decode().strip()
        raise ValueError(f"no revision {revision!r} of qsdb: {told}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        shutil.copytree(root / "benchmarks", folder / "benchmarks")
        yield folder


_PROBE = """\
import platform, sys, cbor2, lark, sortedcontainers, attrs
is_free = not getattr(sys, "_is_gil_enabled", lambda: True)()
print(platform.python_version() + " without GIL" * is_free)
"""


def interpreter(command: str) -> str:
    """Give the version of another Python, which has what qsdb needs.

    Raises:
        ValueError: it cannot be run, or lacks something.
    """
    try:
        ran = subprocess.run(  # noqa: S603  what the user has named
            [command, "-c", _PROBE], capture_output=True, encoding="utf-8", check=False
        )
    except OSError as error:
        raise ValueError(f"no Python {command!r}: {error.strerror}") from None
    if ran.returncode != 0:
        _, _, reason = ran.stderr.strip().rpartition("\n")
        raise ValueError(f"{command!r} cannot run qsdb: {reason}")
    return ran.stdout.strip()


def take_turns(
    ask: Callable[[Side], Round],
    here: Side,
    there: Side,
    turns: int,
    *,
    peers_are_noise: bool = True,
) -> list[Change]:
    """Ask on both sides by turns, and compare."""
    ours: list[Round] = []
    theirs: list[Round] = []
    for turn in range(turns):
        order = [(here, ours), (there, theirs)]
        for side, found in order if turn % 2 == 0 else reversed(order):
            found.append(ask(side))
    return changes(ours, theirs, peers_are_noise=peers_are_noise)


def changes(
    here: Sequence[Round], there: Sequence[Round], *, peers_are_noise: bool = True
) -> list[Change]:
    """Compare rounds, pair by pair.

    Args:
        here: Answers of one side.
        there: Of the other one.
        peers_are_noise: Whether peers and floors are the same on both sides.

    Raises:
        InvariantError: a question is answered differently on the two sides.
    """
    ours, theirs = [*map(_by_key, here)], [*map(_by_key, there)]
    result = []
    for key, (answer, first) in ours[0].items():
        for mine, yours in zip(ours, theirs, strict=True):
            same = (
                key in yours and mine[key][0]["checksum"] == yours[key][0]["checksum"]
            )
            require(same, f"{key[0]}: {key[1]} does not do the same on both sides")
        mine_all = [each[key][1]["median"] for each in ours]
        yours_all = [each[key][1]["median"] for each in theirs]
        result.append(_change(answer, first, mine_all, yours_all))
    if not peers_are_noise:
        return [{**each, "role": "subject"} for each in result]
    return [_beyond_noise(each, result) for each in result]


def _beyond_noise(change: Change, found: Sequence[Change]) -> Change:
    """Doubt a change that is no greater than those of peers in the same question."""
    noise = [
        _size(each["ratio"])
        for each in found
        if each["question"] == change["question"] and each["role"] != "subject"
    ]
    is_more = _size(change["ratio"]) > max(noise, default=1.0)
    return {**change, "is_clear": change["is_clear"] and is_more}


def _size(ratio: float) -> float:
    return max(ratio, 1 / ratio)


def _by_key(answers: Round) -> dict[Key, tuple[Answer, Result]]:
    return {
        (answer["question"], result["name"]): (answer, result)
        for answer in answers
        for result in answer["results"]
    }


def _change(
    answer: Answer, result: Result, here: list[float], there: list[float]
) -> Change:
    ratios = [mine / yours for mine, yours in zip(here, there, strict=True)]
    return Change(
        question=answer["question"],
        name=result["name"],
        role=result["role"],
        unit=result["unit"],
        here=median(here),
        there=median(there),
        ratio=median(ratios),
        least=min(ratios),
        greatest=max(ratios),
        is_clear=len(ratios) >= ENOUGH and (max(ratios) < 1 or min(ratios) > 1),
    )


def change_table(found: Sequence[Change], there: str) -> str:
    """Give the comparison for readers; `there` is what the other side is called."""
    head = ["question", "who", "here", there, "unit", "here ÷ there", "spread", ""]
    rows = [
        [
            each["question"],
            each["name"],
            figure(each["here"]),
            figure(each["there"]),
            each["unit"],
            f"{each['ratio']:.2f}",
            f"{each['least']:.2f} to {each['greatest']:.2f}",
            _word(each),
        ]
        for each in found
    ]
    first, *others = columns([head, *rows])
    return "\n".join([first, "─" * max(map(len, [first, *others])), *others])


def _word(change: Change) -> str:
    if change["role"] != "subject":
        return "noise"
    if not change["is_clear"]:
        return "no change seen"
    return "faster" if change["ratio"] < 1 else "slower"
