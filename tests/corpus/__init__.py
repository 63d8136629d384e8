"""Databases as each version of the format wrote them, and how to make more."""
