"""Transactions that write beside each other, and are looked at when they commit."""
