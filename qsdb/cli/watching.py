"""`changes_of`: tells when the source of modules changes, by the library watchfiles.

The folder of a package is watched with all that is in it. A source that is a single
file is watched through the folder that it is in: editors put a new file in the place of
the old one, and whoever watches the old one is told once, and then never again.
"""

import threading
from collections.abc import Callable, Iterator
from types import ModuleType

import attrs

from qsdb.files import place_of

__all__ = ["Sources", "changes_of"]


@attrs.frozen
class Sources:
    """Where the source of modules is.

    Attributes:
        folders: Of packages.
        files: Of modules that are in no package.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]


def changes_of(
    watchfiles: ModuleType, sources: Sources, stop: threading.Event
) -> Iterator[object]:
    """Give something each time when a source has changed.

    Args:
        watchfiles: The library.
        sources: What is watched.
        stop: Ends it.
    """
    places = [place_of(each) for each in sources.files]
    is_python: Callable[[object, str], bool] = watchfiles.PythonFilter()
    names = {name for _, name in places}

    def is_source(change: object, path: str) -> bool:
        is_named = bool(sources.folders) or place_of(path)[1] in names
        return is_named and is_python(change, path)

    changes: Iterator[object] = watchfiles.watch(
        *sources.folders,
        *dict.fromkeys([folder.describe() for folder, _ in places]),
        watch_filter=is_source,
        stop_event=stop,
        raise_interrupt=False,
        recursive=bool(sources.folders),  # all around a single file may be very much
    )
    return changes
