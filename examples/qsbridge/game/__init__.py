"""A game's database beside the platform, and what passes between the two.

Each game has a module and a database of its own: the platform knows of servers, bans
and admins, and nothing of items or positions. Two things must pass between them, and
each has its own way:

*State* is read by subscription. The platform's bans are rows; a game copies them
(`bans`), and after any crash it copies what is different.

*Events* are carried. What a game has to tell is a row of its outbox, written by the
commit of its cause (`outbox`); a courier brings it (`courier`), and the platform
applies it once (`examples.qsbridge.hub.suggested.inbox`).

==================  ==========================================================
`tables`            `survival`, the game's module, and its tables
`survival`          the same module, with all reducers
`guards`            which server calls, and for which player
`players`           spawn, move, hurt, heal, feed, die, leave
`hunger`            what time alone does to players
`chat`, `security`  what players say; what the anti-cheat has found
`snapshots`         a character as JSON text
`characters`        characters that leave the world, and come back
`outbox`            messages for other databases; mounted in any game module
`courier`           brings them
`bans`              the platform's bans, in the game's database
`installation`      all databases of an operator, opened and tied together
==================  ==========================================================
"""
