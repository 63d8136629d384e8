"""`Batch`: what one commit means to one receiver.

A receiver is a live query, or a connection with all queries of its subscriptions; each
of those queries is a subscriber. Of one that falls behind the batches are joined.
"""

from collections.abc import Sequence
from typing import Protocol, Self

import attrs

from qsdb.cache.steps import Steps
from qsdb.errors import QueryError
from qsdb.live.results import LiveResult
from qsdb.runtime.queries import Queries
from qsdb.runtime.updates import Update, excess, merged

__all__ = ["Batch", "Published", "Receiver", "Subscriber"]


class Subscriber(Protocol):
    """Who asked one query."""

    @property
    def receiver(self) -> "Receiver":
        """Who is told."""
        ...

    @property
    def count(self) -> int:
        """How many rows the result has, as far as was told."""
        ...

    result: LiveResult | None
    """What is shared with all who ask the same; None when it has ended."""


class Receiver(Protocol):
    """Who is told of what its queries give."""

    confirmed: bool
    """Whether to be told only of what is on the disk."""

    @property
    def is_prompt(self) -> bool:
        """Whether it keeps what it is told and does no more, at once.

        Then it is told in the commit, under the writer lock.
        """
        ...

    moments: int
    """How often it was waited for what it is told: a call, or a subscription, of its
    own. Nothing is told as one from before and after that."""

    def receive(self, batch: "Batch") -> None:
        """Take a commit in, and tell of it."""
        ...

    def moment_of(self, origin: object) -> int:
        """Say after which of its moments a commit is; a call of its own is one."""
        ...

    def ended(self) -> None:
        """Take in that the database is closed, and nothing more comes."""
        ...


Part = tuple[Subscriber, Update | QueryError]
"""How the result of a query changed, or why the query ends."""


@attrs.frozen(eq=False)
class Published:
    """A module that was published.

    Attributes:
        queries: What asks its tables.
        ends: Why connections end; None where they go on.
    """

    queries: Queries
    ends: QueryError | None


class Batch:
    """What one commit means to one receiver.

    Attributes:
        receiver: Who is told.
        offset: The commit.
        origin: The context of the call that committed; None of a block.
        moment: After which of the receiver's moments.
        published: The module that it published, if it did.
        has_failed: Whether a query ends by it.
        is_told: Whether the receiver was told.
        steps: What the receiver does with it, if it takes more than one step.
    """

    __slots__ = (
        *("_only", "_parts", "_what", "has_failed", "is_told", "moment", "offset"),
        *("origin", "published", "receiver", "steps"),
    )

    def __init__(
        self,
        receiver: Receiver,
        offset: int,
        origin: object,
        parts: list[Part],
        moment: int = 0,
        published: Published | None = None,
    ) -> None:
        """Nothing is told yet."""
        self.receiver = receiver
        self.offset = offset
        self.origin = origin
        self._parts: list[Part] | None = parts
        self._only: Subscriber
        self._what: Update | QueryError
        self.moment = moment
        self.published = published
        self.is_told = self.has_failed = False
        self.steps: Steps | None = None

    @classmethod
    def of_one(
        cls,
        subscriber: Subscriber,
        offset: int,
        origin: object,
        what: Update | QueryError,
    ) -> Self:
        """Make one of a single part: with many subscribers, most of all that is made.

        It has no list of it, since each object is one more for the garbage collector.
        """
        batch = cls.__new__(cls)
        batch.receiver = subscriber.receiver
        batch.offset = offset
        batch.origin = origin
        batch._parts, batch._only, batch._what = None, subscriber, what  # noqa: SLF001  its own
        batch.moment = 0
        batch.published = batch.steps = None
        batch.is_told = batch.has_failed = False
        return batch

    @property
    def parts(self) -> list[Part]:
        """For each query that is concerned how the result changed, or why it ends."""
        parts = self._parts
        return [(self._only, self._what)] if parts is None else parts

    @property
    def only(self) -> tuple[Subscriber, Update | QueryError] | None:
        """The single part, if it was made of one."""
        return None if self._parts is not None else (self._only, self._what)

    def add(self, subscriber: Subscriber, what: Update | QueryError) -> None:
        """Have it say one thing more."""
        if self._parts is None:
            self._parts = self.parts
        self._parts.append((subscriber, what))

    @property
    def phase(self) -> object:
        """What may be told together with it."""
        return id(self.receiver), self.moment

    def deliver(self) -> None:
        """Tell it."""
        self.receiver.receive(self)

    def joined(self, later: Sequence[Self]) -> Self:
        """Give one that says what this and later ones say to the same receiver.

        It is not of one call any more. Cost: O(rows).
        """
        by_subscriber: dict[Subscriber, list[Update | QueryError]] = {}
        for batch in dict.fromkeys([self, *later]):  # one may be there twice
            for subscriber, what in batch.parts:
                by_subscriber.setdefault(subscriber, []).append(what)
        parts = [
            (each, what)
            for each, said in by_subscriber.items()
            if (what := _joined(said))
        ]
        return type(self)(self.receiver, later[-1].offset, None, parts, self.moment)


def _joined(said: Sequence[Update | QueryError]) -> Update | QueryError:
    """Give what remains of all that is said to one subscriber.

    An end is the last that is told; so it is if there are too many events.
    """
    ends = [each for each in said if isinstance(each, QueryError)]
    if ends:
        return ends[0]
    updates = [each for each in said if isinstance(each, Update)]
    return excess(updates) or merged(updates)
