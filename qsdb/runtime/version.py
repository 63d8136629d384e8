"""The version of qsdb; a test holds it against the project's metadata."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
