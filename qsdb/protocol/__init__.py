"""Layer 2: SpacetimeDB's network protocol, as bytes in and messages out and back.

Free of I/O and of databases: the server and the client both stand on it.

==================== =========================================================
`subprotocols`       v3 and v2: which one, and how many messages a frame has
`frames`             frames to clients: the leading tag, compression, batches
`client_messages`    what clients send
`server_messages`    what the server sends
`server_reading`     the same, read: for clients and tests
`tables`             rows and updates of one query, encoded once and shared
`row_lists`          rows one after another, with a hint where each begins
`message_tables`     messages that are a tag and plain fields
`v1_client_messages` what clients of 1.x SDKs send
`v1_server_messages` what is sent to them
`v1_tables`          rows and updates of one query, as they are there
`texts`              texts of errors that can always be sent
`fields`             kinds of messages, for `qsdb.codec`
`protocol_error`     the one error of bytes that are no message
==================== =========================================================

*Source*: SpacetimeDB's protocols v1 and v2; names of messages and fields are its own.
"""
