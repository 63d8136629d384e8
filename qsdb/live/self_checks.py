"""Self-checks: now and then a live query is asked again, and compared.

What a commit does to a result is worked out of what it changes, and a mistake in that
would go on for ever. So a database can be told to check itself: every so many commits
one live query, whichever, is asked again on the tables as they are and as they were
before. It is held against what was worked out, and against what is kept. Where they
differ the query ends with an `InternalError`; all others go on, and so does the
database.

Cost: that of asking twice, once in so many commits.

A mistake that raises as a commit is worked out ends its query in the same way, checked
or not: that commit stands, and who made it has no part in the mistake.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from qsdb.errors import InternalError, QueryError
from qsdb.live.differences import Difference
from qsdb.live.results import LiveResult
from qsdb.live.tables import Before, Now

__all__ = ["BrokenResultError", "SelfCheck"]


class BrokenResultError(QueryError, InternalError):
    """A live query was not what asking again gives; please report it."""

    def __init__(self, reason: str) -> None:
        """Say what differs."""
        QueryError.__init__(self, reason)
        self.problems = (reason,)

    def __reduce__(self) -> tuple[type["BrokenResultError"], tuple[str]]:
        """Pickle by the reason."""
        return type(self), (self.reason,)


class SelfCheck:
    """Checks one live query every so many commits.

    Attributes:
        count: How many it has checked.
    """

    def __init__(self, every: int, choose: Callable[[int], int]) -> None:
        """Begin.

        Args:
            every: Commits from one check to the next, of those that concern any query.
            choose: Gives a number below another one.
        """
        self._every = every
        self._choose = choose
        self._commits = 0
        self.count = 0

    def chosen(self, results: Callable[[], Sequence[LiveResult]]) -> LiveResult | None:
        """Count a commit, and give the live query that is to be checked after it."""
        self._commits += 1
        if self._commits % self._every:
            return None
        found = results()
        return found[self._choose(len(found))] if found else None

    def problem(
        self,
        result: LiveResult,
        told: Difference | None,
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> BrokenResultError | None:
        """Say what is wrong with a live query, if anything is.

        Args:
            result: The live query.
            told: How it has changed with a commit, as it was worked out; None if not.
            now: Name → table as it is.
            before: Name → table as it was; None if it has not changed.
        """
        self.count += 1
        try:
            expected = result.template.asked_twice(result.values, now, before)
            kept = result.drift(now)
        except QueryError:
            return None  # it failed before, or fails with the next commit
        if expected is None:
            return None
        found = told or Difference([], [])
        for name in ("inserts", "deletes"):
            rows = Counter(getattr(found, name))
            if rows != Counter(getattr(expected, name)):
                return BrokenResultError(
                    f"a commit was told as {sum(rows.values())} {name}, and there are "
                    f"{len(getattr(expected, name))}, or others"
                )
        return None if kept is None else BrokenResultError(kept)
