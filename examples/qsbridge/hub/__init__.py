"""The platform's module: tables, the reducers that act on them, and views.

==================  ==========================================================
`tables`            the twelve documented tables and the module itself
`extensions`        further tables, for what the documented ones leave open
`documented`        reducers that the public wiki names
`suggested`         reducers that it leaves out and a platform needs
`views`             the cluster, its bans and its flow, for whoever looks on
`passport`          all about one player, for an admin who is logged in
`guards`            who may call
`limits`            what arguments may hold
`json_objects`      JSON from elsewhere, read strictly
`refusals`          how a call is refused
`audit`             how an action is written down
`commands`          how a bridge is told to do something
`privacy`           row filters for what is not for everybody
`movements`         how a player's move is written down
`transfers`         how a player's open transfer is found, and ends
`passwords`         how a server's password is hashed
==================  ==========================================================
"""
