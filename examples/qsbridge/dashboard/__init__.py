"""The terminal dashboard: the cluster in one frame, current by subscription.

Data goes one way, and each step knows only the one before::

    watch     live queries of the hub           → a picture: plain rows, one time
    panels    a picture                         → blocks: lines under a title
    frames    blocks, the terminal's size       → one frame: lines of one width
    screen    frames                            → a terminal, or a file

`examples.terminal` has the screen, and lines, boxes and tables to draw with; it knows
widths and colours and nothing of the hub. `live` lets watch and screen run as often as
it pays.
"""
