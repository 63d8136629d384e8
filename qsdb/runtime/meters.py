"""`Meter`: how often a function was run, how often it failed, and how long it took.

What is measured is the function alone: without waiting for the lock, and without the
commit. It costs a call two readings of the clock. A call whose function takes longer
than the limit is told of in the log, once the lock is free.
"""

import logging
import sys
from collections.abc import Callable

from qsdb.errors import ArgumentError, brief
from qsdb.logs import DATABASE
from qsdb.runtime.clock import Clock, tick_reader
from qsdb.runtime.stats import CallStats
from qsdb.schema.contexts import AnyContext, ReducerContext
from qsdb.schema.functions import Reducer

__all__ = ["Meter", "Meters", "call_fields", "limit_of"]

SECONDS_MAX = 3600


class Meter:
    """The figures of one function.

    Attributes:
        calls: How often it was run.
        failures: How many of these calls raised, in it or when they were committed.
        spent: How long it took, all in all, in nanoseconds.
        longest: And at most.
        limit: So long it may take without being told of.
        mark: What takes longer is to be looked at: `exceed`.
        ticks: Gives nanoseconds.
    """

    __slots__ = (
        *("_module_name", "_name", "calls", "failures"),
        *("limit", "longest", "mark", "spent", "ticks"),
    )

    def __init__(self, module_name: str, name: str, ticks: Callable[[], int]) -> None:
        """Begin with nothing, and without a limit.

        Args:
            module_name: For the log.
            name: Of the function.
            ticks: Gives nanoseconds.
        """
        self._module_name = module_name
        self._name = name
        self.calls = self.failures = self.spent = self.longest = self.mark = 0
        self.limit = sys.maxsize
        self.ticks = ticks

    def add(self, began: int) -> int:
        """Count how long a call took that began then, and give it."""
        spent = self.ticks() - began
        self.spent += spent
        return spent

    def fail(
        self, context: ReducerContext, began: int | None, spent: int | None
    ) -> None:
        """Count a call that raised, when it is undone.

        Args:
            context: Of the call.
            began: When its function did, if it did.
            spent: How long that took, if it was counted already.
        """
        if began is None:
            return
        self.failures += 1
        if spent is None:
            spent = self.add(began)
        if spent > self.mark:
            self.exceed(context, spent, failed=True)

    def exceed(
        self, context: ReducerContext, spent: int, *, failed: bool = False
    ) -> None:
        """Count a call that took longer than the mark, and log it if it took too long.

        When the lock is free.
        """
        self.longest = max(self.longest, spent)
        self.mark = min(self.longest, self.limit)
        if spent > self.limit:
            self._tell(context, spent, failed=failed)

    def _tell(self, context: ReducerContext, spent: int, *, failed: bool) -> None:
        seconds, limit = spent / 1e9, self.limit / 1e9
        fields = call_fields(self._module_name, context, self._name)
        fields["offset"] = context.db._offset
        fields |= {"seconds": seconds, "limit": limit, "failed": failed}
        logger = logging.getLogger(f"qsdb.{self._module_name}.{self._name}")
        text = "%s took %.6f s, and all who write waited; the limit is %.6f s"
        logger.warning(text, self._name, seconds, limit, extra=fields)


class Meters(dict[Reducer, Meter]):
    """The meters of one database's functions, each made when it is asked for.

    Attributes:
        by_name: The same by the functions' names. A function that comes in the place
            of one with the same name goes on with its figures.
        ticks: Gives nanoseconds.
    """

    def __init__(self, module_name: str, clock: Clock) -> None:
        """Begin without any, and without a limit.

        Args:
            module_name: For the log.
            clock: What durations are measured with.
        """
        super().__init__()
        self.by_name: dict[str, Meter] = {}
        self.ticks: Callable[[], int] = tick_reader(clock)
        self._limit = sys.maxsize
        self._module_name = module_name

    def __missing__(self, reducer: Reducer) -> Meter:
        meter = self.by_name.get(reducer.name)
        if meter is None:
            meter = Meter(self._module_name, reducer.name, self.ticks)
            meter.limit = self._limit
            self.by_name[reducer.name] = meter
        self[reducer] = meter
        return meter

    def stats(self) -> dict[str, CallStats]:
        """Give the figures of all functions by name."""
        return {
            name: CallStats(
                each.calls, each.failures, each.spent / 1e9, each.longest / 1e9
            )
            for name, each in [*self.by_name.items()]
        }

    def set_limit(self, limit: int) -> None:
        """Have calls told of that take longer than so many nanoseconds."""
        self._limit = limit
        for meter in self.by_name.values():
            meter.limit = limit
            meter.mark = min(meter.longest, limit)


def call_fields(
    module_name: str, context: AnyContext, reducer: str
) -> dict[str, object]:
    """Give what the records of a call say of it (`qsdb.logs`)."""
    connection = context.connection_id
    return {
        "module_name": module_name,
        "reducer": reducer,
        "sender": context.sender.to_hex(),
        "connection": None if connection is None else connection.to_hex(),
        "timestamp": str(context.timestamp),
        DATABASE: context.identity,
    }


def limit_of(slow: float | None) -> int:
    """Give the limit of seconds that a user says, in nanoseconds.

    Raises:
        ArgumentError: it is neither None nor a number of seconds.
    """
    if slow is None:
        return sys.maxsize
    is_number = type(slow) in (int, float)
    if not (is_number and 0 <= slow <= SECONDS_MAX):
        raise ArgumentError(
            f"slow_reducer is a number of seconds from 0 to {SECONDS_MAX} or None, "
            f"not {brief(slow)}"
        )
    return round(slow * 1e9)
