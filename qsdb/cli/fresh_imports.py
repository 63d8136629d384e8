"""Importing again what has changed, as a whole, or not at all.

Python imports a module once. To have it as its source is now, all Python modules of its
package are forgotten and imported anew, so that none keeps what another had before. If
that fails the old ones come back, as if nothing had been tried.
"""

import contextlib
import importlib
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping

from qsdb.cli.specs import Spec, load_specs
from qsdb.cli.watching import Sources
from qsdb.errors import UsageError
from qsdb.schema.modules import Module

__all__ = ["import_afresh", "sources_of", "without_bytecode"]


def _roots(specs: Iterable[Spec]) -> list[str]:
    """Give the outermost packages of specs, each once."""
    return [*dict.fromkeys([each.package.partition(".")[0] for each in specs])]


def sources_of(specs: Iterable[Spec]) -> Sources:
    """Give the folders, or files, in which the source of imported modules is.

    Raises:
        UsageError: a module has no source in files.
    """
    folders: list[str] = []
    files: list[str] = []
    for root in _roots(specs):
        module = sys.modules[root]
        found: list[str] = [*getattr(module, "__path__", ())]
        folders += found
        if found:
            continue
        if getattr(module, "__file__", None) is None:
            raise UsageError(f"the source of {root} is in no file, so none is watched")
        files.append(f"{module.__file__}")
    return Sources(tuple(folders), tuple(files))


def import_afresh(specs: Mapping[str, Spec]) -> dict[str, Module]:
    """Import modules as their source is now: name of the database → module.

    Args:
        specs: Name of the database → spec.

    Raises:
        RequestError: one cannot be imported; the place is told.
        ArgumentError: one is no module any more.
    """
    roots = _roots(specs.values())
    before = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in roots
    }
    for name in before:
        del sys.modules[name]
    importlib.invalidate_caches()
    linecache.checkcache()  # so that tracebacks show the lines of now
    try:
        named = [Spec(name, each.package, each.path) for name, each in specs.items()]
        return {name: module for name, (_, module) in load_specs(named).items()}
    except BaseException:
        for name in [*sys.modules]:
            if name.partition(".")[0] in roots:
                del sys.modules[name]
        sys.modules.update(before)
        raise


@contextlib.contextmanager
def without_bytecode() -> Iterator[None]:
    """Have Python write no compiled sources for the time of a block.

    It takes one for current if size and second of the source are the same, and who
    edits is faster than that.
    """
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
