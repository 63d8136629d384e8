"""qsdb."""
