"""The HTTP API of a server: what can be asked without a WebSocket.

=================  ============================================================
`routes`           all of it, as routes of Starlette: begin here
`desk`             what all answers need: databases, tokens, bounds, figures
`endpoints`        an address: methods, who asks, what is answered if all fails
`identities`       who somebody is
`databases`        what there is, and what is no matter of a running server
`schemas`          what a module is, as far as whoever asks may know
`calling`          reducers and procedures
`querying`         SQL
`log_lines`        the log, for the owner
`health`           whether the server lives, and its figures
`module_routes`    what modules answer themselves
=================  ============================================================
"""
