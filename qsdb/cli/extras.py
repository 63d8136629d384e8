"""Parts of qsdb that need an extra, loaded when a command asks for them."""

import importlib
from types import ModuleType

from qsdb.errors import UsageError

__all__ = ["load_part"]


def load_part(module: str, extra: str) -> ModuleType:
    """Give a module of qsdb, imported now.

    Args:
        module: Its dotted name.
        extra: The extra whose libraries it needs.

    Raises:
        UsageError: one of them is missing; it says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing == "qsdb" or missing.startswith("qsdb."):
            raise
        raise UsageError(
            f"{missing} is not installed, which needs the extra {extra}: "
            f"pip install 'qsdb[{extra}]'"
        ) from None
