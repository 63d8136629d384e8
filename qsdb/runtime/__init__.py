"""Layer 6: the database as users see it."""
