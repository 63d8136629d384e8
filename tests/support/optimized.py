"""A pytest plugin that takes the asserts out of qsdb, and out of qsdb alone.

Nothing that a user can see may rest on ``assert``, so the suite must also pass
without qsdb's. ``python -O -m pytest`` would prove nothing: it takes the asserts
out of the tests too. With::

    python -m pytest -p tests.support.optimized

each module of qsdb is compiled as under ``python -O`` (no asserts, and
``__debug__`` is False), while the tests keep theirs.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

PLUGIN = "tests.support.optimized"


class StrippingLoader(SourceFileLoader):
    """Loads a module from its source, without asserts."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile afresh: a cached file may hold the asserts."""
        path = self.get_filename(fullname)
        code = compile(self.get_data(path), path, "exec", dont_inherit=True, optimize=1)
        assert isinstance(code, CodeType)
        return code


class StrippingFinder:
    """Finds what the path finder finds, for one package."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Give the path finder's answer with the loader exchanged."""
        if fullname.partition(".")[0] != self._package:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = StrippingLoader(fullname, spec.loader.path)
        return spec


def pytest_addoption() -> None:
    """Install the finder: of all hooks this one is called when the plugin loads."""
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "qsdb")
    assert not loaded, f"too late to strip {loaded}"
    sys.meta_path.insert(0, StrippingFinder("qsdb"))
