"""Reducers that the wiki leaves out and a platform needs, one file for each matter.

Their names, arguments and rules are suggestions; where the wiki shows an effect
without naming who brings it about, the file says so.
"""
