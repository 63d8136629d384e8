import pickle

from qsdb.sql.places import NumberedError


def test_an_error_that_is_told_elsewhere_is_pickled() -> None:
    error = pickle.loads(pickle.dumps(NumberedError("division by zero", 2)))

    assert (error.reason, error.number) == ("division by zero", 2)
