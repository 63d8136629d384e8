r"""Layer 9: the command line, ``python -m qsdb`` and ``qsdb``.

==================== =========================================================
`entry`              begins: all commands, or those of files without the extra
`program`            the group of commands, and what errors are on a terminal
`options`            the options that say where a database is
`targets`            what is asked there: `remote` over HTTP, `local` in files
`commit_lines`       the commits of a database in files
`following`          a query over a connection, and what changes
`specs`              ``NAME=PACKAGE:MODULE``: modules of users, and importing them
`plain_values`       values of users as data that JSON has
`plain_types`        the same, of what a server answers
`grids`              answers as tables to look at, as JSON or as CSV
`asking`             the commands `call` and `sql`
`prompts`            the prompt of `sql`: statements of several lines, ``\d``
`telling`            the commands `subscribe` and `logs`
`describing`         the command `describe`
`definition_pages`   definitions of modules as tables to look at
`serving_modules`    the command `serve`
`developing`         the command `dev`
`fresh_imports`      importing again what has changed
`generating`         the command `generate`
`extras`             what needs another extra
==================== =========================================================

All but `entry` need the extra ``qsdb[cli]``. The commands on files are functions of
`qsdb.recovery.commands`, which need nothing.
"""
