import pytest

from qsdb.recovery.state import State


def test_a_commit_whose_catalogue_is_none_ends_and_who_asks_for_tables_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = State()
    tables = state._tables
    tables.aside = {4096: tables[1]}

    def schemas(_: object) -> object:
        raise ValueError("no catalogue")

    monkeypatch.setattr(type(tables), "schemas", schemas)
    tables.settle()

    with pytest.raises(ValueError, match="no catalogue"):
        _ = state.tables
