"""`own_process`: the interpreter of a process that does nothing but serve.

What is there when it begins stays: a full garbage collection that goes through rows and
code again and again takes tens of milliseconds. So that is left alone, for as long as
a server runs. Then all is looked at again, also what the program had frozen itself.

And a thread that waits for the interpreter, for the log or with an answer, has it
within a millisecond. By default that is five, and the loop waits as long to go on.
"""

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator

__all__ = ["SWITCH_SECONDS", "own_process"]

SWITCH_SECONDS = 0.001
"""After so long a thread gives the interpreter to another one that wants it."""


class _Settings:
    """What the interpreter was set to before the first of the servers that run."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.servers = 0
        self.seconds = 0.0


_before = _Settings()


@contextlib.contextmanager
def own_process() -> Iterator[None]:
    """Have the interpreter serve for the length of a block; several may overlap.

    When the last one has ended it is set as before, unless somebody has set it anew.
    """
    before = _before
    with before.lock:
        if not before.servers:
            before.seconds = sys.getswitchinterval()
        before.servers += 1
    try:
        if before.seconds > SWITCH_SECONDS:
            sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()
        yield
    finally:
        with before.lock:
            before.servers -= 1
            if not before.servers:
                if sys.getswitchinterval() <= SWITCH_SECONDS < before.seconds:
                    sys.setswitchinterval(before.seconds)
                gc.unfreeze()
