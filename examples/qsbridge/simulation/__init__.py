"""A simulation: an hour of a whole cluster, in minutes, the same for the same seed.

A hundred game servers with their bridges, ten thousand players with habits, admins,
and outages: servers that crash or hang, and the platform's machine losing its power.
All of it runs on one clock that jumps from one appointment to the next, and on one
source of chance. At the end everything that must hold is checked.

================  ============================================================
`settings`        how many, how long, which seed
`agenda`          what happens when
`hub`, `power`    the platform's process, and the disk that loses its power
`syncing`         how what was committed gets on it
`ports`           bridges' connections, which hear of what is on it
`world`           what all parts share
`servers`         a game server, and its end of the bridge
`people`, `crowd` the players, and what they do
`staff`           admins at the panel
`outages`         what breaks down
`watching`        an observer who sees every change of the platform
`checks`          what must hold
`flow`            who went where, as a table and as a picture
`running`         one simulation from its first to its last minute
`report`          what is told of it
`progress`        the bar while it runs
================  ============================================================
"""
