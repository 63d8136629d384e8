"""Transactions beside each other: told as scripts, and searched for faults."""
