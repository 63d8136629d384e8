"""New UUIDs for a reducer: reproducible ones, as everything in a call is.

Version 4 is random. Version 7 begins with the time, so that ids sort as they were
made, which keeps the newest rows of an index side by side::

    48 bits    milliseconds since 1970
     4 bits    7, the version
    12 bits    the microseconds behind them, in 4096ths of a millisecond
     2 bits    2, the variant
    31 bits    how many were made in this call before
    31 bits    random

So the ids of one call ascend, and those of a later call are greater if it began a
microsecond later or more. Of calls at the same microsecond any may come first.

Randomness and time are the call's own: a call that is made again with the same seed
gives the same ids.

*Source*: RFC 9562, section 6.2, its methods 1 and 3. SpacetimeDB has the counter where
the microseconds are here, so that its ids ascend within a call alone.
"""

import abc
import random  # noqa: TID251  the type of an attribute
import uuid

from qsdb.errors import LimitError
from qsdb.values.timestamps import Timestamp

__all__ = ["NewUuids", "uuid_v7"]

MILLISECONDS_BITS, FRACTION_BITS, COUNTER_BITS, RANDOM_BITS = 48, 12, 31, 31
"""The parts of a UUID of version 7, besides version and variant."""


def uuid_v7(time: Timestamp, number: int, random_bits: int) -> uuid.UUID:
    """Put a UUID of version 7 together.

    Args:
        time: When it is made.
        number: How many the same call has made before.
        random_bits: 31 random bits.

    Raises:
        LimitError: the time is before 1970 or after the year 10889, or the call has
            made 2,147,483,648 already.

    >>> uuid_v7(Timestamp.from_micros(1_500), 1, 0)
    UUID('00000000-0001-7800-8000-000080000000')
    """
    milliseconds, micros = divmod(time.micros, 1000)
    if not 0 <= milliseconds < 1 << MILLISECONDS_BITS:
        raise LimitError(
            f"a UUID of version 7 has a time from 1970 to the year 10889, not {time}"
        )
    if number >= 1 << COUNTER_BITS:
        raise LimitError(
            f"one call makes at most {1 << COUNTER_BITS} UUIDs of version 7"
        )
    value = milliseconds
    value = value << 4 | 7
    value = value << FRACTION_BITS | (micros << FRACTION_BITS) // 1000
    value = value << 2 | 2
    value = value << COUNTER_BITS | number
    value = value << RANDOM_BITS | random_bits
    return uuid.UUID(int=value)


class NewUuids(abc.ABC):
    """The part of a context that makes UUIDs."""

    __slots__ = ("_uuids_count",)

    _uuids_count: int
    """How many of version 7 were made; not set before the first."""

    @property
    @abc.abstractmethod
    def timestamp(self) -> Timestamp:
        """The time of the call; the same throughout."""
        ...

    @property
    @abc.abstractmethod
    def random(self) -> random.Random:
        """A source of random numbers, seeded for this call and reproducible."""
        ...

    def new_uuid_v4(self) -> uuid.UUID:
        """Make a random UUID, reproducible as `random` is.

        It is no secret: who knows the seed of the database knows it.
        """
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def new_uuid_v7(self) -> uuid.UUID:
        """Make a UUID that sorts after those made before: by time, then in order.

        Those of one call ascend; those of calls at the same microsecond may mix.

        Raises:
            LimitError: the call's time is before 1970 or after the year 10889.
        """
        try:
            number = self._uuids_count
        except AttributeError:
            number = 0
        made = uuid_v7(self.timestamp, number, self.random.getrandbits(RANDOM_BITS))
        self._uuids_count = number + 1
        return made
