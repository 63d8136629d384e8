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
``starbase``    the provider that the wiki names, over HTTP
``exchange``    one HTTP request and its answer, with bounds on time and size
``retries``     when to ask again, and after how long
``memory``      a provider for tests and simulations
``intervals``   one action per server per 60 seconds
``reducers``    the two transactions of an action
``desk``        what happens when somebody asks for an action
``procedures``  what clients call
"""
