"""Programs that show qsdb at work."""
