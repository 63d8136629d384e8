"""`Telling`: what is to be done and told, one after the other.

What a message means is done as one step: the cache is changed, then callbacks run. A
callback may close a subscription, or the connection: what that means is a step of its
own, and comes when the present one is done.
"""

from collections import deque
from collections.abc import Callable

__all__ = ["Telling"]


class Telling:
    """Steps in their order, never one inside the other.

    >>> told = []
    >>> telling = Telling()
    >>> telling.do(lambda: (telling.do(lambda: told.append(2)), told.append(1)))
    >>> told
    [1, 2]
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._due: deque[Callable[[], object]] = deque()
        self._is_telling = False

    def do(self, step: Callable[[], object]) -> None:
        """Do something now or, inside of a step, after it."""
        self._due.append(step)
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._due:
                self._due.popleft()()
        finally:
            self._is_telling = False
