"""Nothing of the model is forgotten: each row is done, refused with a reason, or due.

Also that the checks find what is planted, since a table that is always right would say
nothing.
"""

import attrs
import pytest

from tests.model.rows import ROWS, FeatureRow, Pending
from tests.model.table import PAGE, NotOffered, Sources, faults, page, sources


def test_every_row_is_accounted_for_once() -> None:
    found = faults(ROWS, sources())

    assert found == [], "\n".join(found)


def test_there_are_199_rows_that_say_something() -> None:
    assert len(ROWS) == 199
    assert all(row.feature and row.area for row in ROWS)
    assert len({(row.area, row.feature) for row in ROWS}) == 199


def test_what_is_not_offered_has_a_reason() -> None:
    lines = sources().refused

    assert lines
    assert all(len(each.reason) > 20 for each in lines)


def test_the_page_is_what_the_sources_give() -> None:
    written = PAGE.read_text(encoding="utf-8")

    assert written == page(ROWS, sources()), "run: python -m tests.model.table"


TWO = (FeatureRow(1, "a", "one"), FeatureRow(2, "a", "two"))
SOUND = Sources(
    {"test_row_001_works": "test_a.py"},
    (NotOffered((2,), is_part=False, what="two", reason="long enough a reason"),),
    (),
)


def test_sound_sources_have_no_faults() -> None:
    assert faults(TWO, SOUND) == []


@pytest.mark.parametrize(
    ("rows", "planted"),
    [
        pytest.param(TWO, attrs.evolve(SOUND, tests={}), id="no test"),
        pytest.param(TWO, attrs.evolve(SOUND, refused=()), id="no reason"),
        pytest.param(
            TWO,
            attrs.evolve(SOUND, pending=(Pending((1,), "issue 7"),)),
            id="done and pending",
        ),
        pytest.param(
            TWO,
            attrs.evolve(SOUND, pending=(Pending((2,), "issue 7"),)),
            id="refused and pending",
        ),
        pytest.param(
            TWO,
            attrs.evolve(SOUND, pending=(Pending((2,), "issue 7", "a part"),)),
            id="a part of what is not done",
        ),
        pytest.param(
            TWO,
            attrs.evolve(SOUND, tests={**SOUND.tests, "test_row_003_x": "test_a.py"}),
            id="a test of no row",
        ),
        pytest.param(TWO[:1] + TWO[:1], SOUND, id="numbers"),
    ],
)
def test_planted_faults_are_found(
    rows: tuple[FeatureRow, ...], planted: Sources
) -> None:
    assert faults(rows, planted)


def test_the_page_tells_what_each_row_rests_on() -> None:
    partial = attrs.evolve(
        SOUND,
        refused=(
            *SOUND.refused,
            NotOffered((1,), is_part=True, what="a corner", reason="for a reason"),
        ),
        pending=(Pending((1,), "issue 7", "another corner"),),
    )
    three = (*TWO, FeatureRow(3, "b", "three"))
    with_third = attrs.evolve(
        partial, pending=(*partial.pending, Pending((3,), "issue 9"))
    )

    lines = page(three, with_third).splitlines()[-3:]

    assert lines == [
        (
            "| 1 | a | one | done | `test_a.py`: `test_row_001_works`; not offered in "
            "part: a corner; pending in part (issue 7): another corner |"
        ),
        "| 2 | a | two | not offered | long enough a reason |",
        "| 3 | b | three | pending | issue 9 |",
    ]
