"""Where a request has its token."""

import pytest

from qsdb import ArgumentError
from qsdb.server.bearer import token_of


@pytest.mark.parametrize(
    ("headers", "in_address", "token"),
    [
        ([], None, None),
        ([], "", None),
        ([], "a", "a"),
        (["Bearer b"], None, "b"),
        (["bearer  b "], "a", "b"),
    ],
)
def test_the_header_counts_more_than_the_address(
    headers: list[str], in_address: str | None, token: str | None
) -> None:
    assert token_of(headers, in_address) == token


@pytest.mark.parametrize(
    "headers",
    [[""], ["Bearer"], ["Bearer "], ["Basic b"], ["Bearer a b"], ["Bearer a"] * 2],
)
def test_a_header_of_another_form_is_refused(headers: list[str]) -> None:
    with pytest.raises(ArgumentError, match="Authorization is not of the form"):
        token_of(headers, "a")
