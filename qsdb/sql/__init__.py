"""SQL: text → syntax tree → typed tree → plan → rows."""
