"""Nothing of the model is forgotten: each row is done, or refused with a reason.

Also that the checks find what is planted, since a table that is always right would say
nothing.
"""

import attrs
import pytest

from tests.model.rows import ROWS, FeatureRow
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
LINE = NotOffered((2,), is_part=False, what="two", reason="long enough a reason")
SOUND = Sources({"test_row_001_works": "test_a.py"}, (LINE,))


def test_sound_sources_have_no_faults() -> None:
    assert faults(TWO, SOUND) == []


@pytest.mark.parametrize(
    ("rows", "planted"),
    [
        pytest.param(TWO, attrs.evolve(SOUND, tests={}), id="no test"),
        pytest.param(TWO, attrs.evolve(SOUND, refused=()), id="no reason"),
        pytest.param(
            TWO,
            attrs.evolve(SOUND, tests={**SOUND.tests, "test_row_002_x": "test_a.py"}),
            id="done and refused",
        ),
        pytest.param(
            TWO,
            attrs.evolve(
                SOUND, refused=(*SOUND.refused, attrs.evolve(LINE, is_part=True))
            ),
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
def test_planted_faults_are_found_and_no_page_is_made(
    rows: tuple[FeatureRow, ...], planted: Sources
) -> None:
    assert faults(rows, planted)
    with pytest.raises(ValueError, match=r"row|number"):
        page(rows, planted)


def test_the_page_tells_what_each_row_rests_on() -> None:
    partial = attrs.evolve(
        SOUND,
        refused=(
            *SOUND.refused,
            NotOffered((1,), is_part=True, what="a corner", reason="for a reason"),
        ),
    )

    text = page(TWO, partial)

    assert "Of 2 features 1 are done,\n1 are not offered." in text
    assert text.splitlines()[-2:] == [
        (
            "| 1 | a | one | done | `test_a.py`: `test_row_001_works`; not offered in "
            "part: a corner |"
        ),
        "| 2 | a | two | not offered | long enough a reason |",
    ]
