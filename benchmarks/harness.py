"""The harness: contenders answer one question side by side, in turn.

Machines are noisy, so figures of one run on one machine are compared and
nothing else is claimed:

1. Contenders take turns, A B C A B C …, so that noise hits all alike. The first
   round warms up and is not counted.
2. Each run begins on fresh data and after a full garbage collection; during the
   run the collector is on, as it is for users.
3. After the clock has stopped each run gives evidence of what it did, and raises
   `InvariantError` where an invariant does not hold. The checksum of the
   evidence must be the same for all contenders in all rounds.
4. A ratio of two contenders is the median of the rounds' ratios.
5. A target is a line of the report and never a failure: figures depend on the
   machine, so nothing fails but an invariant.

The command line is in `benchmarks.program`, and how figures are shown in
`benchmarks.report`.
"""

import gc
import hashlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

__all__ = [
    "BYTES",
    "MICROSECONDS",
    "MILLISECONDS",
    "Contender",
    "Cost",
    "InvariantError",
    "Outcome",
    "Point",
    "Question",
    "Role",
    "Series",
    "Speed",
    "Target",
    "Task",
    "Total",
    "Unit",
    "ask",
    "checksum",
    "require",
]

T = TypeVar("T")


class InvariantError(Exception):
    """A contender did not do what was asked, so its time means nothing."""


def require(fact: object, sentence: str) -> None:
    """Refuse a run whose invariant does not hold.

    Raises:
        InvariantError: `fact` is false.
    """
    if not fact:
        raise InvariantError(sentence)


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Task(Generic[T]):
    """One run, on data of its own."""

    work: Callable[[], T]
    """What the clock runs for."""
    verify: Callable[[T], object]
    """Takes what `work` gave; checks invariants and gives the evidence."""
    close: Callable[[], object] = _nothing


Role = Literal["subject", "peer", "floor"]


@dataclass(frozen=True)
class Point:
    """Where a contender stands in a plot of growth."""

    line: str
    """Contenders of one line do the same at different sizes."""
    size: int


@dataclass(frozen=True)
class Contender:
    """Somebody who can answer a question."""

    name: str
    setup: Callable[[], Task[Any]]
    count: int
    """Operations in one run; figures are per operation."""
    role: Role = "subject"
    """The first peer and the first floor are what others are compared with."""
    point: Point | None = None


@dataclass(frozen=True)
class Unit:
    """What a figure is shown in."""

    name: str
    scale: float
    """The unit in seconds or bytes."""


MICROSECONDS = Unit("us/op", 1e-6)
MILLISECONDS = Unit("ms", 1e-3)
BYTES = Unit("bytes/row", 1)


@dataclass(frozen=True)
class Series:
    """What one contender needed for one operation, round by round."""

    name: str
    role: Role
    count: int
    samples: tuple[float, ...]
    """In seconds or bytes."""
    point: Point | None = None

    @property
    def least(self) -> float:
        """The best round."""
        return min(self.samples)

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.samples)

    @property
    def greatest(self) -> float:
        """The worst round."""
        return max(self.samples)

    def over(self, other: "Series") -> float:
        """Give how many times as much this needs as `other` (rule 4)."""
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median([mine / theirs for mine, theirs in pairs])


@dataclass(frozen=True)
class Target:
    """What one subject should reach; informative only."""

    subject: str
    bound: float

    def value(self, outcome: "Outcome") -> float:
        """Give what was reached."""
        raise NotImplementedError

    def is_met(self, outcome: "Outcome") -> bool:
        """Whether that is enough."""
        return self.value(outcome) <= self.bound

    @property
    def text(self) -> str:
        """The target in words."""
        raise NotImplementedError


@dataclass(frozen=True)
class Speed(Target):
    """To be at least `bound` times as fast as a peer."""

    peer: str

    def value(self, outcome: "Outcome") -> float:
        return outcome.series(self.peer).over(outcome.series(self.subject))

    def is_met(self, outcome: "Outcome") -> bool:
        return self.value(outcome) >= self.bound

    @property
    def text(self) -> str:
        return f"target ≥ {self.bound:g} × {self.peer}"  # noqa: RUF001  a sign


@dataclass(frozen=True)
class Cost(Target):
    """To need at most `bound` times what a peer needs."""

    peer: str

    def value(self, outcome: "Outcome") -> float:
        return outcome.series(self.subject).over(outcome.series(self.peer))

    @property
    def text(self) -> str:
        return f"target ≤ {self.bound:g} × the cost of {self.peer}"  # noqa: RUF001  a sign


@dataclass(frozen=True)
class Total(Target):
    """To need at most `bound` seconds for all operations of a run."""

    def value(self, outcome: "Outcome") -> float:
        series = outcome.series(self.subject)
        return series.median * series.count

    @property
    def text(self) -> str:
        return f"target ≤ {self.bound:g} s in all"


@dataclass(frozen=True)
class Within(Target):
    """To need at most `bound` of the unit for one operation."""

    scale: float
    unit: str

    def value(self, outcome: "Outcome") -> float:
        return outcome.series(self.subject).median / self.scale

    @property
    def text(self) -> str:
        return f"target ≤ {self.bound:g} {self.unit}"


def _elapsed(seconds: float, result: object) -> float:  # noqa: ARG001  see Question
    return seconds


@dataclass(frozen=True)
class Question:
    """One question, and who answers it."""

    title: str
    contenders: Sequence[Contender]
    targets: Sequence[Target] = ()
    unit: Unit = MICROSECONDS
    reading: Callable[[float, Any], float] = _elapsed
    """From the seconds that the work took, and what it gave, to the figure."""
    collects: bool = True
    """Whether garbage is collected between setup and work."""
    left_out: Sequence[str] = ()
    """Who could not be asked here, and why."""


@dataclass(frozen=True)
class Outcome:
    """What came out."""

    question: Question
    all_series: tuple[Series, ...]
    checksum: str

    def series(self, name: str) -> Series:
        """Give one contender's figures."""
        return next(each for each in self.all_series if each.name == name)

    def reference(self, role: Role) -> Series | None:
        """Give the contender of a role that others are compared with."""
        found = [each for each in self.all_series if each.role == role]
        return found[0] if found else None


def checksum(evidence: object) -> str:
    """Give a short hash of a value that has an exact `repr`."""
    return hashlib.blake2b(repr(evidence).encode(), digest_size=4).hexdigest()


def ask(question: Question, runs: int, clock: Callable[[], float]) -> Outcome:
    """Have a question answered by all its contenders.

    Args:
        question: Who answers what.
        runs: Rounds that count; one more warms up.
        clock: Gives seconds.

    Raises:
        InvariantError: one did something else than was asked, or than others.
    """
    samples: dict[str, list[float]] = {each.name: [] for each in question.contenders}
    expected = ""
    for counted in [False, *[True] * runs]:
        for contender in question.contenders:
            figure, found = _run_once(question, contender, clock)
            expected = expected or found
            require(
                found == expected,
                f"{question.title}: {contender.name} gives {found}, others {expected}",
            )
            if counted:
                samples[contender.name].append(figure)
    series = [
        Series(each.name, each.role, each.count, tuple(samples[each.name]), each.point)
        for each in question.contenders
    ]
    return Outcome(question, tuple(series), expected)


def _run_once(
    question: Question, contender: Contender, clock: Callable[[], float]
) -> tuple[float, str]:
    """Give the figure for one operation, and the checksum of the evidence."""
    task = contender.setup()
    try:
        if question.collects:
            gc.collect()
        began = clock()
        result = task.work()
        seconds = clock() - began
        try:
            found = checksum(task.verify(result))
        except InvariantError as error:
            raise InvariantError(
                f"{question.title}: {contender.name}: {error}"
            ) from error
    finally:
        task.close()
    return question.reading(seconds, result) / contender.count, found
