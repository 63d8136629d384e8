"""What is to be done in a forked child, before anything else there.

A child has copies of everything and is nobody: the files, locks and threads are its
parent's. `qsdb.files` has the system call `run_fork_callbacks` in each.
"""

import contextlib
import types
import weakref
from collections.abc import Callable

__all__ = ["on_fork", "run_fork_callbacks"]

# Some number → what gives a callback, or None when its object is gone.
_fork_callbacks: dict[int, Callable[[], Callable[[], object] | None]] = {}


def on_fork(callback: Callable[[], object]) -> None:
    """Have a callback called in each child that this process forks.

    A bound method does not keep its object alive, and is forgotten with it.
    Callbacks run last first; one that raises does not stop the others.
    """
    if not isinstance(callback, types.MethodType):
        _fork_callbacks[id(callback)] = lambda: callback
        return
    # No WeakMethod: at the end of a program CPython 3.13 may call one that is gone.
    function, forget = callback.__func__, _fork_callbacks.pop
    reference = weakref.ref(callback.__self__, lambda gone: forget(id(gone), None))

    def bound() -> Callable[[], object] | None:
        there = reference()
        return None if there is None else types.MethodType(function, there)

    _fork_callbacks[id(reference)] = bound


def run_fork_callbacks() -> None:
    """Call them all."""
    with contextlib.ExitStack() as stack:
        for reference in list(_fork_callbacks.values()):
            callback = reference()
            if callback is not None:
                stack.callback(callback)
