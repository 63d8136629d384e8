"""Hosting: start, stop, restart and wipe a game server where it is rented.

The game servers run at a hosting provider, who knows each by an id of their own
(`ServerRegistry.hosting_id`) and takes orders over HTTP. An order passes through four
hands::

    gateway ──> procedure ──> desk ──> provider ──> HTTPS ──> the provider's API
                              │  ^
                   may they? ─┘  └─ what became of it
                   (reducers, one transaction each; none is open while the desk waits)

``provider``    what every provider can do, and what an order gives
``failures``    what an order fails with, by whether it may have been carried out
``starbase``    the provider that the wiki names, over HTTP: ``exchange`` posts a
                request, ``deadlines`` bounds it, ``answers`` says what came back,
                ``retries`` asks again, ``api_keys`` keeps the secret
``memory``      a provider for tests and simulations
``desk``        what happens when an admin asks for an action
``turns``       one action per server per 60 seconds
``reducers``    the two transactions of an action
``desks``       which desk serves which database
``procedures``  what clients call
"""
