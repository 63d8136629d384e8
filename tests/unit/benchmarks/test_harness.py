# ruff: noqa: RUF001  a sign of multiplication, not a letter
"""The harness counts right, takes turns, and believes nobody."""

import gc
from collections.abc import Callable, Iterator

import pytest

from benchmarks.harness import (
    BYTES,
    Contender,
    Cost,
    InvariantError,
    Outcome,
    Question,
    Series,
    Speed,
    Target,
    Task,
    Total,
    ask,
    require,
)


class Ticker:
    """A clock that stands still unless somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def worker(
    ticker: Ticker, name: str, seconds: list[float], diary: list[str]
) -> Callable[[], Task[str]]:
    """Give a setup whose runs take so many seconds each and note what they do."""
    left: Iterator[float] = iter(seconds)

    def setup() -> Task[str]:
        diary.append(f"{name} set up")

        def work() -> str:
            ticker.now += next(left)
            diary.append(f"{name} works")
            return "done"

        def verify(result: str) -> str:
            ticker.now += 1000.0  # whatever takes time here is not counted
            diary.append(f"{name} verified")
            return result

        return Task(work, verify, lambda: diary.append(f"{name} closed"))

    return setup


def contender(name: str, evidence: object = 1, count: int = 1) -> Contender:
    """Give a contender that does nothing and tells `evidence`."""
    return Contender(name, lambda: Task(lambda: None, lambda _: evidence), count)


def outcome(*all_series: Series, targets: tuple[Target, ...] = ()) -> Outcome:
    """Give an outcome with these figures."""
    return Outcome(Question("which?", (), targets), all_series, "0")


def test_statistics_of_a_series() -> None:
    series = Series("a", "subject", 10, (5.0, 1.0, 2.0))

    assert (series.least, series.median, series.greatest) == (1.0, 2.0, 5.0)


def test_ratio_is_the_median_of_the_ratios_of_rounds() -> None:
    ours = Series("a", "subject", 1, (2.0, 40.0, 3.0))
    theirs = Series("b", "peer", 1, (1.0, 10.0, 1.0))

    assert ours.over(theirs) == 3.0


def test_figures_are_per_operation_and_the_first_round_warms_up() -> None:
    ticker = Ticker()
    setup = worker(ticker, "a", [100.0, 1.0, 3.0, 2.0], [])

    result = ask(Question("which?", [Contender("a", setup, 2)]), 3, ticker)

    assert result.series("a").samples == (0.5, 1.5, 1.0)


def test_contenders_take_turns() -> None:
    ticker = Ticker()
    diary: list[str] = []
    setups = [worker(ticker, name, [1.0] * 3, diary) for name in "ab"]
    contenders = [Contender(each, setups["ab".index(each)], 1) for each in "ab"]

    ask(Question("which?", contenders), 2, ticker)

    turn = ["set up", "works", "verified", "closed"]
    assert diary == [f"{name} {act}" for name in "ababab" for act in turn]


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_after_setup(*, collects: bool) -> None:
    seen: list[int] = []

    def setup() -> Task[None]:
        before = gc.get_stats()[2]["collections"]

        def work() -> None:
            seen.append(gc.get_stats()[2]["collections"] - before)
            assert gc.isenabled()

        return Task(work, str)

    ask(Question("?", [Contender("a", setup, 1)], collects=collects), 1, Ticker())

    assert seen == [int(collects)] * 2


def test_a_reading_can_be_what_the_work_gives() -> None:
    task = Task(lambda: 480, lambda _: "same")
    question = Question(
        "?", [Contender("a", lambda: task, 4)], unit=BYTES, reading=lambda _, use: use
    )

    assert ask(question, 1, Ticker()).series("a").samples == (120.0,)


def test_an_invariant_that_does_not_hold_is_reported() -> None:
    closed: list[str] = []

    def refuse(_: None) -> None:
        require([], "money was lost")

    task = Task(lambda: None, refuse, lambda: closed.append("closed"))
    question = Question("transfer", [Contender("a", lambda: task, 1)])

    with pytest.raises(InvariantError, match="transfer: a: money was lost"):
        ask(question, 1, Ticker())

    assert closed == ["closed"]


def test_contenders_must_give_the_same_evidence() -> None:
    question = Question("sum", [contender("a", 7), contender("b", 8)])

    with pytest.raises(InvariantError, match=r"sum: b gives [0-9a-f]{8}, others"):
        ask(question, 1, Ticker())


def test_the_checksum_is_that_of_the_evidence() -> None:
    first, second, other = [
        ask(Question("sum", [contender("a", evidence)]), 1, Ticker()).checksum
        for evidence in ([1, 2], [1, 2], [2, 1])
    ]

    assert first == second
    assert first != other


def test_the_first_of_a_role_is_the_reference() -> None:
    peers = [Series(name, "peer", 1, (1.0,)) for name in "ab"]
    result = outcome(Series("q", "subject", 1, (1.0,)), *peers)

    assert result.reference("peer") is peers[0]
    assert result.reference("floor") is None


@pytest.mark.parametrize(
    ("target", "text", "value", "is_met"),
    [
        (Speed("qsdb", 2.0, "peer"), "target ≥ 2 × peer", 2.0, True),
        (Speed("qsdb", 2.5, "peer"), "target ≥ 2.5 × peer", 2.0, False),
        (Cost("qsdb", 0.5, "peer"), "target ≤ 0.5 × the cost of peer", 0.5, True),
        (Cost("qsdb", 0.4, "peer"), "target ≤ 0.4 × the cost of peer", 0.5, False),
        (Total("qsdb", 6.0), "target ≤ 6 s in all", 6.0, True),
        (Total("qsdb", 5.9), "target ≤ 5.9 s in all", 6.0, False),
    ],
)
def test_targets(target: Target, text: str, value: float, *, is_met: bool) -> None:
    ours = Series("qsdb", "subject", 3, (2.0, 2.0, 2.0))
    theirs = Series("peer", "peer", 3, (4.0, 4.0, 4.0))
    result = outcome(ours, theirs, targets=(target,))

    assert target.text == text
    assert target.value(result) == pytest.approx(value)
    assert target.is_met(result) is is_met
