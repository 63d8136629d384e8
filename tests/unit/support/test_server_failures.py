"""A failure of the server is one of the test; those of users' functions are not."""

import logging

import pytest

from tests.support.server_failures import no_server_failures


@pytest.mark.parametrize("name", ["qsdb.server", "qsdb.server.http", "asyncio"])
def test_a_failure_of_the_server_is_told(name: str) -> None:
    before = logging.getLogger().level
    with (
        pytest.raises(AssertionError, match="it failed"),
        no_server_failures(),
    ):
        logging.getLogger(name).error("it failed")
    assert logging.getLogger().level == before


def test_what_users_raise_is_left_out() -> None:
    with no_server_failures():
        logging.getLogger("qsdb.ledger.fail").error("as it is to")
        logging.getLogger("qsdb.server").warning("somebody cannot connect")
