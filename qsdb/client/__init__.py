"""Connections to a database over the network."""
