"""Live through one seed again, and show what happens.

    python -m tests.simulation SEED              all of it
    python -m tests.simulation SEED --shrink     with as little as finds the same
    python -m tests.simulation FIRST LAST        many, one line for each finding

A run repeats exactly, also in another process and on another machine.
"""

import argparse
import gc
import sys
import traceback

from tests.simulation.plans import Interaction, Plan, draw
from tests.simulation.runs import Outcome, run
from tests.simulation.shrinking import shrunk
from tests.simulation.tasks import START

__all__ = ["described", "shown"]


def described(plan: Plan) -> str:
    """Show a plan on a page."""
    lines = [f"seed {plan.seed}, eagerness {plan.eagerness}", f"  {plan.options}"]
    if plan.is_fine:
        lines.append("  with switch points between statements")
    for number, life in enumerate(plan.lives, start=1):
        lines.append(f"life {number}: {life.fault}")
        for each in life.interactions:
            lines.append(f"  {each}")
            lines += [f"      {each}" for each in _operations(plan, each)]
    return "\n".join(lines)


def _operations(plan: Plan, interaction: Interaction) -> list[str]:
    scripted = (
        "call",
        "block",
        "call_connected",
        "procedure",
        "optimistic",
        "transact",
    )
    if interaction.kind not in scripted:
        return []
    is_procedure = interaction.kind == "procedure"
    numbers = interaction.arguments[: 1 + is_procedure]
    return [str(each) for number in numbers for each in plan.scripts[number]]


def shown(outcome: Outcome) -> str:
    """Show what happened, a line each, and what was found."""
    lines = []
    for entry in outcome.trace:
        if isinstance(entry[0], int):
            now, who, *what = entry
            milliseconds = (int(str(now)) - START) / 1e6
            told = " ".join(map(str, what))
            lines.append(f"{milliseconds:10.3f} ms  {who or 'nobody':14} {told}")
        else:
            operation, name, position, size = entry
            lines.append(f"{'':28}   {operation} {name} {position}+{size}")
    if outcome.error is None:
        lines.append("nothing is wrong")
    else:
        lines += traceback.format_exception(outcome.error)
    return "\n".join(lines)


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("first", type=int, metavar="SEED")
    parser.add_argument("last", type=int, nargs="?")
    parser.add_argument("--shrink", action="store_true")
    given = parser.parse_args()
    if given.last is not None:
        return _run_many(range(given.first, given.last + 1))
    plan = draw(given.first)
    outcome = run(plan)
    if given.shrink and outcome.error is not None:
        plan = shrunk(plan)
        outcome = run(plan)
    print(described(plan))
    print(shown(outcome))
    return int(outcome.error is not None)


def _run_many(seeds: range) -> int:
    gc.disable()
    findings = 0
    for seed in seeds:
        error = run(seed).error
        if error is not None:
            findings += 1
            print(f"seed {seed}: {str(error).splitlines()[0]}")
        if seed % 50 == 0:
            gc.collect()
    print(f"{len(seeds)} seeds, {findings} findings")
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(_main())
