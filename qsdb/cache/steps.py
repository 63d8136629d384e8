"""Steps: what is done one after the other, each as a whole, whatever comes between.

A signal handler may raise anywhere, and a function of the user's may raise what is no
`Exception`, as `sys.exit` does. What passes so (`PASSING`) goes to whoever is served
just now, and nobody else is to miss anything for it: so what is to be done knows how
far it has come. Who has cut it off runs it again, and it goes on where it was.

That needs steps of which each is, done twice, the same as done once, or says itself
that it is done.
"""

import logging
from collections.abc import Callable, Sequence

__all__ = ["PASSING", "Step", "Steps", "finish", "go_on"]

_LOGGER = logging.getLogger("qsdb.delivery")

PASSING = (SystemExit, KeyboardInterrupt, GeneratorExit)
"""What ends a program, or who is in the middle of something. Whatever else is no
`Exception` may mean that nothing is to go on, and ends all at once."""

Step = Callable[[], object]


class Steps:
    """Steps that are known when the first one is due.

    >>> steps = Steps(lambda: [lambda: print("one"), lambda: print("two")])
    >>> steps.run()
    one
    two
    >>> steps.run()
    """

    __slots__ = ("_find", "_place", "_steps")

    def __init__(self, find: Callable[[], Sequence[Step]]) -> None:
        """Prepare.

        Args:
            find: Gives them; it may be called again if it was cut off.
        """
        self._find = find
        self._steps: Sequence[Step] | None = None
        self._place = 0

    def run(self) -> None:
        """Do all that is not done yet."""
        steps = self._steps
        if steps is None:
            steps = self._steps = self._find()
        while self._place < len(steps):
            steps[self._place]()
            self._place += 1


def finish(work: Step) -> None:
    """Do something; what passes goes on when all of it is done.

    Args:
        work: It; run again it does what is left.
    """
    try:
        work()
    except PASSING:
        go_on(work)
        raise


def go_on(work: Step) -> None:
    """Do what is left of something that was cut off; all that it raises is logged."""
    is_left = True
    while is_left:
        is_left = False
        try:
            work()
        except PASSING:
            _LOGGER.exception("a callback raised")
            is_left = True
        except BaseException:
            _LOGGER.exception("a callback raised")
