"""The audit log: what was done, in the transaction that did it.

It has what admins do, whoever does it for them, and what time does in their place;
what servers and players do is in tables of its own. An entry is written after the
action, and by the same commit; so a refused action leaves none. `details` is a JSON
object as text. Its key `summary` is a sentence for people; the other keys are for
programs.

What the gateway writes by itself (`panel_log_action`) stands as the gateway gives it.
"""

import json

import qsdb
from examples.qsbridge.hub.tables import PanelAuditLog

__all__ = ["write_audit"]


def write_audit(
    ctx: qsdb.ReducerContext,
    actor: str,
    action: str,
    summary: str,
    **details: str | int | None,
) -> None:
    """Add an entry; never with a password in it.

    Args:
        ctx: The call's.
        actor: A player's id, ``owner`` or ``server:…``.
        action: A short id for programs, as ``whitelist_add``.
        summary: What was done, as a sentence.
        details: What a program may want to know of it.
    """
    ctx.db[PanelAuditLog].insert(
        PanelAuditLog(
            actor_player_id=actor,
            action=action,
            details=json.dumps({"summary": summary, **details}, ensure_ascii=False),
            timestamp=ctx.timestamp,
        )
    )
