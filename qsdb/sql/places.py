"""Where in a text something stands that may fail when it is run.

An expression that calculates knows its place, and so does the error that it raises. Of
a live query those who ask the same in other words share an expression, in which the
places are numbers; each is told of the place in a text of its own
(`qsdb.live.templates`).
"""

import attrs

from qsdb.errors import QueryError

__all__ = ["AnyPlace", "NumberedError", "NumberedPlace", "Place", "failure"]


@attrs.frozen
class Place:
    """A character of a text."""

    query: str
    at: int


@attrs.frozen
class NumberedPlace:
    """One of several places, of which each who asks has its own."""

    number: int


AnyPlace = Place | NumberedPlace | None
"""None is a place that whoever asks is not to see, as in a row filter."""


class NumberedError(QueryError):
    """An error that is told with the place of whoever asks.

    Attributes:
        number: Which of the places it is.
    """

    def __init__(self, reason: str, number: int) -> None:
        """Keep the reason and the number."""
        super().__init__(reason)
        self.number = number

    def __reduce__(self) -> tuple[type["NumberedError"], tuple[object, ...]]:
        """Pickle by the parts."""
        return type(self), (self.reason, self.number)


def failure(reason: str, place: AnyPlace) -> QueryError:
    """Give the error of something that fails as it runs."""
    match place:
        case Place(query=query, at=at):
            return QueryError(reason, query, at)
        case NumberedPlace(number=number):
            return NumberedError(reason, number)
        case _:
            return QueryError(reason)
