"""Layer 7: the server that official SpacetimeDB clients connect to.

==================== =========================================================
`http`               the HTTP API
`authority`          who somebody is: tokens, made and checked
`owner_tokens`       tokens for the owners of databases, in files
`options`            all that an operator may bound
`doors`              how much of the server any one address may have
`metrics`            figures for Prometheus
`log_rings`          what modules have logged, for their owners
`json_arguments`     arguments of calls as JSON
`definitions`        modules as `RawModuleDef`, for generators of bindings
`algebraic_types`    kinds as types of definitions
`meta_types`         how definitions themselves are encoded
==================== =========================================================

What is said over a WebSocket is in `qsdb.protocol`.
"""
