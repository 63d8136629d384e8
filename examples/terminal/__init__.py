"""Drawing in a terminal, for all examples that do: lines, boxes, tables, a screen.

`lines` are texts with styles, measured in cells; `boxes` and `tables` are made of
them; a `screen` shows a frame of them without flicker, or the last one as plain text.
None of it knows what is drawn.
"""
