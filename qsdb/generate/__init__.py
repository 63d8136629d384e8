"""Layer 8: sources that clients are written with, made of a module.

===================== ========================================================
`typescript`          bindings for the npm package ``spacetimedb``
`typescript_types`    kinds as its type builders
`typescript_names`    names as TypeScript has them
`python_client`       a module of row classes and functions, for Python clients
`python_protocols`    typed connections in it
`python_signatures`   parameters of functions
`python_tables`       tables with their classes
`python_types`        kinds as annotations
`headers`             the lines that say who made a file
===================== ========================================================

All of them are functions of the compiled module alone: equal modules give equal text.
"""
