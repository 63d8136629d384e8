"""`Reply`: where an answer goes; futures of both sorts are replies."""

from typing import Any, Protocol

__all__ = ["Reply", "fail", "give"]


class Reply(Protocol):
    """Where an answer goes."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def set_result(self, result: Any, /) -> None:  # noqa: ANN401  of any kind
        """Take the answer."""
        ...

    def set_exception(self, exception: BaseException, /) -> None:
        """Take that there is none."""
        ...


def give(reply: Reply, result: object) -> None:
    """Give an answer, if somebody still waits for it."""
    if not reply.done():
        reply.set_result(result)


def fail(reply: Reply, error: BaseException) -> None:
    """Say that there is no answer, if somebody still waits for it."""
    if not reply.done():
        reply.set_exception(error)
