"""Which random data the property tests see: profiles, and the seed printed.

``QSDB_TEST_PROFILE`` chooses:

push     the same examples in every run, so that a failure is the change's own
nightly  other examples in every run, and many; repeat a run by its seed

    QSDB_TEST_PROFILE=nightly python -m pytest --hypothesis-seed=SEED
"""

import os
import random

import hypothesis
import pytest

collect_ignore = ["typing/user_code"]

hypothesis.settings.register_profile(
    "push", derandomize=True, deadline=None, print_blob=True
)
hypothesis.settings.register_profile(
    "nightly", derandomize=False, deadline=None, print_blob=True, max_examples=1000
)

_PROFILE = os.environ.get("QSDB_TEST_PROFILE", "push")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Load the profile; choose a seed here, since Hypothesis would not tell its own."""
    hypothesis.settings.load_profile(_PROFILE)
    if _PROFILE == "nightly" and config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(random.getrandbits(32))


def pytest_report_header(config: pytest.Config) -> str:
    """Tell what a run must be given to be repeated."""
    seed = config.getoption("--hypothesis-seed")
    source = "derived from each test" if seed is None else f"--hypothesis-seed={seed}"
    return f"qsdb: QSDB_TEST_PROFILE={_PROFILE}, seed {source}"
