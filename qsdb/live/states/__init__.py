"""States: what operators over whole results keep, so that a commit costs its changes.

A filter or a join needs nothing but the tables to say what a commit does to it. A sum,
a window of twenty rows, or DISTINCT needs more: how it came to be what it is. Each
module here has one such operator as a thing of its own. It knows no table and no
engine: rows come in, rows go out, as *changes*, which are what came and what went
(`qsdb.live.states.changes`).

For all of them hold three rules:

1. *exact*: the result before, with the change that is given, is the result after, as
   bags; and what both came and went is not in it;
2. *net in*: of what comes in no row both comes and goes, and nothing goes that is not
   there;
3. *made anew*: `fill` with all rows of the inputs gives the same state, as far as
   anybody can see, as all changes one after the other. So it can be dropped and made
   again from the tables.
"""
