"""Front doors: packages whose public names are loaded when they are first used.

``import qsdb`` should cost what the program needs, and few programs need all that the
package offers. So the front door of a package says where each public name is at home,
and loads that module when somebody takes the name: ``qsdb.dump``, ``from qsdb import
dump``, ``from qsdb import *``, ``help(qsdb)`` (PEP 562). From then on the name is in
the package like any other, and costs nothing more.

A front door has three parts:

1. under ``if TYPE_CHECKING:`` plain imports of all names, for checkers and editors;
2. ``__all__``, and a table of the modules where those names are at home;
3. ``__getattr__`` and ``__dir__``, which `front_door` makes; hidden from type checkers,
   which would otherwise take any name for one that the package has.

Threads that use a name first at the same time all get the same thing: Python loads a
module once, and has the others wait.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

__all__ = ["front_door"]


def front_door(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Give ``__getattr__`` and ``__dir__`` for a package.

    The former raises AttributeError for a name that has no home, and says which
    names are near it.

    Args:
        package: Its ``__name__``.
        homes: Module → the names of the package that are at home there; none for a
            module that is to be had alone. Modules right in the package are names of
            it, too, as if they had been imported: ``qsdb.errors``.
    """
    module_of = {name: module for module, names in homes.items() for name in names}
    for module in homes:
        above, _, name = module.rpartition(".")
        if above == package:
            module_of.setdefault(name, module)

    def load(name: str) -> object:
        home = module_of.get(name)
        if home is None:
            raise AttributeError(_unknown(package, name, module_of))
        found: object = importlib.import_module(home)
        if name in homes[home]:
            found = getattr(found, name)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return load, names


def _unknown(package: str, name: str, known: Mapping[str, str]) -> str:
    """Say that a package has no such name, and what may be meant."""
    fault = f"module {package!r} has no attribute {name!r}"
    if name.startswith("_"):  # Python's own tools ask for many of these
        return fault
    import difflib  # noqa: PLC0415  only mistakes need it

    lowered = {each.lower() for each in known}
    close = difflib.get_close_matches(name.lower(), lowered, 3, 0.6)
    near = [each for meant in close for each in known if each.lower() == meant]
    return f"{fault}; near it: {', '.join(near)}" if near else fault
