"""What tests of modules need: a clock that they move themselves."""

from qsdb.testing.clock import FakeClock

__all__ = ["FakeClock"]
