"""The runner of schedules notices what a script says wrongly."""

import pytest

from tests.support.schedules import ScriptError, read_script, run_script

SKEW = """# Write skew.

T1 get 1     -> 10
T2 get 2     -> 20
T1 put 2 21
T2 put 1 11
T1 commit    -> ok
T2 commit    -> {}
"""


def test_a_script_is_read() -> None:
    script = read_script(SKEW.format("ok | conflict"))

    assert script.title == "Write skew"
    assert [step.number for step in script.steps] == [3, 4, 5, 6, 7, 8]
    assert script.steps[0].text == "T1 get 1"
    assert script.steps[0].wanted == ("10", "10")
    assert script.steps[2].wanted is None
    assert script.steps[5].wanted == ("ok", "conflict")


def test_what_comes_out_is_compared_at_each_level() -> None:
    script = read_script(SKEW.format("ok"))

    run_script(script, "snapshot")
    with pytest.raises(AssertionError, match="line 8, serializable: T2 commit -> conf"):
        run_script(script, "serializable")


@pytest.mark.parametrize("text", ["", "T1 get 1", "# A.\nT1 get 1 -> 1 | 2 | 3"])
def test_what_is_no_script_is_refused(text: str) -> None:
    with pytest.raises(ScriptError):
        read_script(text)


@pytest.mark.parametrize("step", ["hop", "T1 hop", "now hop 1", "T1 range 1 2"])
def test_what_is_no_step_is_refused(step: str) -> None:
    with pytest.raises(ScriptError):
        run_script(read_script(f"# A.\n{step}"), "snapshot")
