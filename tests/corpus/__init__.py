"""Databases as they were written by each version of the format, and how to make more."""
