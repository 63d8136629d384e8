"""`HostingDesk`: what happens when an admin asks for an action on a server.

1. *Permit*, a transaction: the gateway calls, the admin is logged in and high enough,
   and the server has a hosting id.
2. *Turn*: one action per server per 60 seconds. Whoever is refused here or in step 1
   has used nothing up.
3. *Ask*: the provider takes seconds, with no transaction open; nobody waits but who
   asked.
4. *Record*, a transaction: the audit entry, and the status with it.

===================  ==============  =====================  ========================
the provider         the turn        what is written        what the admin is told
===================  ==============  =====================  ========================
did it               counts          status and audit       what the provider said
did nothing          is given back   nothing                why not
has no time (429)    counts          nothing                why not
nobody knows         counts          audit: ``unknown``     to look before asking
                                                            again
===================  ==============  =====================  ========================

The logging rule says that a failed action leaves no entry. An order without an answer
is not known to have failed; a wipe that may have happened belongs in the log.

**If the process dies** between steps 3 and 4, the provider has done what nothing here
tells of, except the log of the process, where a line stands before and after step 3.
No order of the steps avoids that, since the provider takes no part in transactions; to
write first would leave entries of what never happened. What is lost is the entry. The
status mends itself: a server that came back says ``online`` with its next heartbeat,
and one that stays silent is ``offline`` after three minutes. An admin who saw no
answer and asks again does no harm with a start, a stop or a restart; before a second
wipe, look at the provider's own log.

A status that is set here may be overtaken likewise: a server that takes its time to
stop sends a last heartbeat, and is ``online`` until the sweep finds it silent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import qsdb
from examples.qsbridge.hosting.failures import (
    NothingDoneError,
    ProviderBusyError,
    UnknownOutcomeError,
    UnknownServerError,
)
from examples.qsbridge.hosting.provider import (
    HostingAction,
    HostingAnswer,
    HostingProvider,
    ask,
)
from examples.qsbridge.hosting.reducers import hosting_permit, hosting_record
from examples.qsbridge.hosting.turns import Turn, Turns
from examples.qsbridge.hub.limits import REASON_CHARS_MAX, check_filled
from examples.qsbridge.hub.refusals import refusal

__all__ = ["HostingDesk"]

COMMAND: Final = "command"

PARTICIPLES: Final = MappingProxyType(
    {
        "start": "started",
        "stop": "stopped",
        "restart": "restarted",
        "wipe": "wiped",
        COMMAND: "given the command",
    }
)
"""Order → what has become of the server."""


@dataclass(frozen=True)
class Order:
    """Who wants what of which server.

    Attributes:
        actor: The admin's player id.
        server_id: As the platform calls it.
        name: `HostingAction`'s, or ``command``.
        summary: What was done when it is done, as a sentence.
    """

    actor: str
    server_id: str
    name: str
    summary: str


class HostingDesk:
    """Takes the orders of one database's admins to one provider.

    Attributes:
        provider: Carries them out.
    """

    def __init__(self, provider: HostingProvider, turns: Turns | None = None) -> None:
        """Take orders to a provider, each server's in turn."""
        self.provider = provider
        self._turns = Turns() if turns is None else turns

    def act(
        self, ctx: qsdb.ProcedureContext, actor: str, server_id: str, action: str
    ) -> str:
        """Start, stop, restart or wipe a server; give what the provider says.

        Raises:
            ReducerError: InvalidArgument, there is no such action; what
                `hosting_permit` raises; WrongState, it is not the server's turn, or the
                provider failed; NotFound, the provider does not know the server. Of a
                failure the cause is the `HostingError`.
        """
        try:
            wanted = HostingAction(action)
        except ValueError:
            known = ", ".join(each.value for each in HostingAction)
            raise refusal(
                "InvalidArgument", f"action {action!r} is none of {known}"
            ) from None
        summary = f"{PARTICIPLES[wanted.value]} {server_id}"
        order = Order(actor, server_id, wanted.value, summary)
        return self._carry_out(ctx, order, lambda id_: ask(self.provider, wanted, id_))

    def command(
        self, ctx: qsdb.ProcedureContext, actor: str, server_id: str, command: str
    ) -> str:
        """Type a line into a server's console; give what it prints.

        The audit log is public, and a command may hold a password: the entry has its
        first word alone.

        Raises:
            ReducerError: InvalidArgument, the command is empty, too long, or more than
                a line; otherwise as `act` does.
        """
        check_filled("command", command, REASON_CHARS_MAX)
        if not command.isprintable() or not command.strip():
            raise refusal(
                "InvalidArgument", "command is not one line of printable text"
            )
        verb = command.split(maxsplit=1)[0]
        order = Order(actor, server_id, COMMAND, f"ran {verb} … on {server_id}")
        return self._carry_out(
            ctx, order, lambda id_: self.provider.command(id_, command)
        )

    def _carry_out(
        self,
        ctx: qsdb.ProcedureContext,
        order: Order,
        give: Callable[[str], HostingAnswer],
    ) -> str:
        server_id = order.server_id
        hosting_id = ctx.call(hosting_permit, order.actor, server_id, order.name)
        with self._turns.turn(server_id, ctx.timestamp) as turn:
            ctx.log.info("%s asks to %s %s", order.actor, order.name, server_id)
            try:
                answer = give(hosting_id)
            except NothingDoneError as error:
                raise _nothing_done(ctx, order, turn, error) from error
            except UnknownOutcomeError as error:
                raise _in_doubt(ctx, order, error) from error
            ctx.log.info("the provider has done: %s %s", order.name, server_id)
            _record(ctx, order, "done", order.summary)
        return answer.text


def _nothing_done(
    ctx: qsdb.ProcedureContext, order: Order, turn: Turn, error: NothingDoneError
) -> qsdb.ReducerError:
    if not isinstance(error, ProviderBusyError):
        turn.give_back()
    why = f"server {order.server_id!r} was not {PARTICIPLES[order.name]}: {error}"
    ctx.log.warning(why)
    is_unknown = isinstance(error, UnknownServerError)
    return refusal("NotFound" if is_unknown else "WrongState", why)


def _in_doubt(
    ctx: qsdb.ProcedureContext, order: Order, error: UnknownOutcomeError
) -> qsdb.ReducerError:
    what = f"server {order.server_id!r} was {PARTICIPLES[order.name]}"
    why = f"it is not known whether {what}: {error}"
    ctx.log.error(why)
    _record(ctx, order, "unknown", why)
    return refusal("WrongState", f"{why}; look at it before asking again")


def _record(
    ctx: qsdb.ProcedureContext, order: Order, outcome: str, summary: str
) -> None:
    ctx.call(hosting_record, order.actor, order.server_id, order.name, outcome, summary)
