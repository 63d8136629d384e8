"""An API key that is sent and never shown.

Whoever has the key can wipe every server of the account. So it stands in no ``repr``,
no error and no line of a log: it is kept in an object of its own, which gives it out in
one place, and takes it out of whatever text comes from outside: some servers repeat in
their answer what they were sent.
"""

import re
from typing import Final

__all__ = ["ApiKey"]

KEY: Final = re.compile(r"[!-~]+")
"""Printable ASCII without blanks: nothing that could end a header's line."""

HIDDEN: Final = "(API key)"


class ApiKey:
    """The secret of an account.

    >>> ApiKey("s3cret")
    ApiKey(hidden)
    >>> ApiKey("s3cret").hidden_in("no account for s3cret")
    'no account for (API key)'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep a key.

        Raises:
            ValueError: it is empty, or has blanks or other than printable ASCII
                characters in it. The text does not show it.
        """
        if KEY.fullmatch(text) is None:
            raise ValueError(
                f"an API key is printable ASCII without blanks; of the {len(text)} "
                "characters of this one some are not, or there are none"
            )
        self._text = text

    def __repr__(self) -> str:
        return "ApiKey(hidden)"

    def header(self) -> dict[str, str]:
        """Give the header that shows the key to the provider."""
        return {"Authorization": f"Bearer {self._text}"}

    def hidden_in(self, text: str) -> str:
        """Give a text that came from outside, without the key."""
        return text.replace(self._text, HIDDEN)
