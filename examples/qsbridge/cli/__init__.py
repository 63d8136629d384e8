"""The command line: a module for each command, with its `main`.

`evening` is what runs without the name of a command; see ``__main__``.
"""
