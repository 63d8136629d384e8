"""Reducers that the wiki names, one file for each group.

Where it shows no arguments, or two pages disagree, the docstring says which
choice was made.
"""
