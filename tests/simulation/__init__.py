"""Deterministic simulation of the whole database; begin with `runs`."""
