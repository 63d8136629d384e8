"""`Refusal`: a request is answered with a status and a text, and that is all.

Texts say what is wrong with the request, never what a stranger must not know.
"""

from collections.abc import Mapping

from starlette.responses import PlainTextResponse

__all__ = ["FUNCTION_FAILED", "Refusal"]

FUNCTION_FAILED = 530
"""The status of SpacetimeDB for a function that refuses, or fails."""


class Refusal(Exception):  # noqa: N818  an answer, not always an error
    """A request ends with this.

    Attributes:
        status: Of HTTP.
        text: What is told.
        headers: More of the answer.
    """

    def __init__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Say why."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = {} if headers is None else headers

    def response(self) -> PlainTextResponse:
        """Give the answer."""
        # Whoever asks may have written parts of the text.
        text = self.text.encode(errors="replace")
        return PlainTextResponse(text, self.status, {**self.headers})
