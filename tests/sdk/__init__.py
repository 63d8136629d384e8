"""SpacetimeDB's own TypeScript client, unmodified, against a server of qsdb.

The package is a black box: it is installed when the tests run, and nothing of it is
kept. Each test runs a program of `programs` with node, which says what it sees in lines
of JSON, and compares that with what the database has.
"""
