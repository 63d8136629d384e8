import sys
from pathlib import Path

import pytest

from qsdb.values.compounds import ArrayKind
from qsdb.values.kinds import BOOL
from tests.support.optimized import PLUGIN, StrippingFinder, StrippingLoader

SOURCE = "def is_stripped():\n    assert False\n    return not __debug__\n"


def test_loaded_code_has_no_asserts(tmp_path: Path) -> None:
    path = tmp_path / "planted.py"
    path.write_text(SOURCE)
    namespace: dict[str, object] = {}

    exec(StrippingLoader("planted", str(path)).get_code("planted"), namespace)
    is_stripped = namespace["is_stripped"]

    assert callable(is_stripped)
    assert is_stripped()


def test_finder_answers_for_its_package_only(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(SOURCE)
    finder = StrippingFinder("planted")

    found = finder.find_spec("planted", [str(tmp_path)])

    assert found is not None
    assert isinstance(found.loader, StrippingLoader)
    assert finder.find_spec("planted.absent", [str(tmp_path)]) is None
    assert StrippingFinder("absent").find_spec("planted", [str(tmp_path)]) is None


def test_each_module_is_stripped_exactly_under_the_plugin(
    pytestconfig: pytest.Config,
) -> None:
    # pytest finds packages by itself; theirs is a docstring, or imports only.
    loaders = {
        name: module.__spec__.loader
        for name, module in list(sys.modules.items())
        if name.startswith("qsdb.")
        and module.__spec__ is not None
        and module.__spec__.submodule_search_locations is None
    }

    stripped = {
        name for name, loader in loaders.items() if isinstance(loader, StrippingLoader)
    }

    assert stripped == (set(loaders) if is_active(pytestconfig) else set())


def test_an_assert_of_qsdb_is_gone_exactly_under_the_plugin(
    pytestconfig: pytest.Config,
) -> None:
    kind, not_a_tuple = ArrayKind(BOOL), [True]  # `order` asserts a tuple

    if is_active(pytestconfig):
        assert kind.order(not_a_tuple) == (True,)
    else:
        with pytest.raises(AssertionError):
            kind.order(not_a_tuple)


def is_active(config: pytest.Config) -> bool:
    """Whether this run takes the asserts out of qsdb."""
    return config.pluginmanager.has_plugin(PLUGIN)
