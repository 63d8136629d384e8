"""What a connection knows: rows with counts, and what is told of their changes."""
