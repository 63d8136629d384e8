"""Where randomness comes from: one seed for the database, one for each call.

Each call gets a seed of its own, made from the database's seed and the number
of the call, so that ``Database(module, seed=7)`` draws the same numbers in every
run, and that a call can be replayed from its seed alone. Consecutive numbers
make seeds that look unrelated (the finaliser of SplitMix64).
"""

import random

__all__ = ["Seeds", "mixed"]

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


class Seeds:
    """A sequence of 64-bit seeds, one for each call."""

    __slots__ = ("_random", "base", "is_given")

    def __init__(self, base: int | None) -> None:
        """Begin with `base`, or with entropy of the operating system."""
        self.is_given = base is not None
        """Whether all is to be the same in every run."""
        self.base = random.SystemRandom().getrandbits(64) if base is None else base
        self._random: random.Random | None = None

    def after(self, offset: int) -> "Seeds":
        """Give the seeds of a database that is opened again at an offset.

        >>> Seeds(1).after(7).of_call(1) != Seeds(1).of_call(1)
        True
        """
        return Seeds(self.of_call(-offset))

    def draw(self, bits: int) -> int:
        """Give a number of so many bits, for what is neither secret nor of a call.

        >>> Seeds(1).draw(32) == Seeds(1).draw(32)
        True
        """
        if self._random is None:
            self._random = random.Random(self.of_call(0))  # noqa: S311  not secret
        return self._random.getrandbits(bits)

    def state_of_call(self, number: int) -> int:
        """Give what the seed of a call is mixed from: cheap, and so what is logged."""
        return (self.base + number * _STEP) & _MASK

    def of_call(self, number: int) -> int:
        """Give the seed of the call with this number.

        >>> Seeds(1).of_call(1) == Seeds(1).of_call(1) != Seeds(1).of_call(2)
        True
        """
        return mixed(self.state_of_call(number))


def mixed(state: int) -> int:
    """Give the seed that a logged state stands for.

    >>> mixed(Seeds(1).state_of_call(7)) == Seeds(1).of_call(7)
    True
    """
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)
