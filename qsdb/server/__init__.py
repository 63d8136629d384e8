"""Layer 7: the server that official SpacetimeDB clients connect to.

Here are the parts that are free of I/O: the binary protocol, bytes in and messages out
and the other way round; values and arguments as JSON; and definitions of modules.
Nothing here opens a socket or keeps a session yet.

==================== ==================================================