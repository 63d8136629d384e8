"""Exponents fit, and plots show what they are given."""

import xml.etree.ElementTree as Tree
from pathlib import Path

import pytest

from benchmarks.fit import exponent
from benchmarks.harness import Contender, Outcome, Point, Question, Series, Task, Total
from benchmarks.plots import plot_of, write_plots
from benchmarks.report import Answer, answer, report
from benchmarks.summary import summary
from benchmarks.svg import Dot, Line, Plot, draw, spread

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0, -0.5])
def test_exponent_of_a_power_is_found(slope: float) -> None:
    points = [(10.0**n, 3.0 * 10.0 ** (n * slope)) for n in range(3, 8)]

    assert exponent(points) == pytest.approx(slope)


def test_exponent_is_that_of_least_squares() -> None:
    # Logarithms to base 10: (0, 0), (1, 0), (2, 3): the best slope is 3 / 2.
    assert exponent([(1, 1), (10, 1), (100, 1000)]) == pytest.approx(1.5)


def test_exponent_needs_two_sizes() -> None:
    with pytest.raises(ValueError, match="two different sizes"):
        exponent([(5, 1.0), (5, 2.0)])


def unasked() -> Task[None]:
    raise AssertionError


def grown(*figures: tuple[str, int, float]) -> Answer:
    """Give an answer about growth: line, size, seconds."""
    question = Question("get by rows", [Contender("x", unasked, 1)])
    series = [
        Series(f"{line}, {size}", "subject", 1, (y, y * 2, y / 2), Point(line, size))
        for line, size, y in figures
    ]
    return answer(Outcome(question, tuple(series), "0"))


GROWN = grown(
    ("qsdb", 1000, 1e-6), ("qsdb", 10, 1e-6), ("dict", 10, 1e-8), ("dict", 1000, 1e-6)
)


def test_plot_has_a_line_for_each_who_with_its_exponent() -> None:
    plot = plot_of(GROWN)

    assert [line.name for line in plot.lines] == ["qsdb: n^+0.00", "dict: n^+1.00"]
    assert (plot.title, plot.x_title, plot.y_title) == ("get by rows", "rows", "us/op")
    first, second = plot.lines[0].dots
    assert (first.x, second.x) == (10, 1000)
    assert (first.least, first.y, first.greatest) == pytest.approx((0.5, 1, 2))


def test_a_line_of_one_size_has_no_exponent() -> None:
    (line,) = plot_of(grown(("qsdb", 10, 1.0))).lines

    assert line.name == "qsdb: not known"


def test_report_and_summary_tell_exponents() -> None:
    assert "  dict: grows as n^+1.00\n" in report(GROWN)
    head, rule, ours, floor = summary([GROWN]).splitlines()
    assert head.startswith("growth of the cost of")
    assert set(rule) == {"─"}
    assert ours.split()[3:] == [
        *["qsdb", "10", "to", "1,000", "1.00", "to", "1.00", "us/op", "n^+0.00"]
    ]
    assert floor.endswith("n^+1.00")


def test_the_summary_tells_targets_of_growth() -> None:
    given = answer(
        Outcome(
            Question("get by rows", (), [Total("qsdb", 1.0)]),
            (Series("qsdb", "subject", 1, (2.0,), Point("qsdb", 10)),),
            "0",
        )
    )

    assert summary([given]).splitlines()[2].endswith("≤ 1 s in all: 2 missed")


def test_drawing_is_svg_with_all_dots_in_their_places() -> None:
    root = Tree.fromstring(draw(plot_of(GROWN, "who < where")))

    circles = root.findall(f"{SVG}circle")
    places = [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in circles]
    assert len(places) == 4
    (left, high), (right, same), (_, low), _ = places
    assert left < right
    assert high == same < low
    texts = [each.text for each in root.findall(f"{SVG}text")]
    assert {"get by rows", "who < where", "us/op", "10", "1,000", "0.01"} <= set(texts)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(0 < x < width and 0 < y < height for x, y in places)


def test_ground_is_clear_and_ink_is_neither_black_nor_white() -> None:
    text = draw(plot_of(GROWN))

    assert "<rect" not in text
    assert "#000" not in text
    assert "#fff" not in text.lower()


@pytest.mark.parametrize("wrong", [0.0, -1.0])
def test_numbers_must_be_above_zero(wrong: float) -> None:
    line = Line("a", (Dot(1, 1, wrong, 1),))

    with pytest.raises(ValueError, match="t: a logarithmic plot needs numbers above"):
        draw(Plot("t", "x", "y", (line,)))


def test_an_empty_plot_is_refused() -> None:
    with pytest.raises(ValueError, match="numbers above 0"):
        draw(Plot("t", "x", "y", ()))


def test_one_number_has_a_decade_of_its_own() -> None:
    Tree.fromstring(draw(plot_of(grown(("qsdb", 10, 1e-6)))))


def test_names_do_not_lie_on_each_other() -> None:
    moved = spread({"b": 11.0, "a": 10.0, "far": 300.0})

    assert moved["a"] == 10.0
    assert moved["b"] >= moved["a"] + 16
    assert moved["far"] == 300.0


def test_plots_are_written_where_something_grows(tmp_path: Path) -> None:
    still = grown(("qsdb", 10, 1.0))
    still["results"][0]["line"] = None
    folder = tmp_path / "plots"

    paths = [*write_plots([GROWN, still], folder)]

    assert paths == [folder / "get_by_rows.svg"] == [*folder.iterdir()]
    assert Tree.fromstring(paths[0].read_text()).tag == f"{SVG}svg"
