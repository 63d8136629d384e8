"""What is drawn by chance: always from a source with a seed."""

import itertools
import random

__all__ = ["zipf"]


def zipf(chance: random.Random, items: int, alpha: float, count: int) -> list[int]:
    """Draw numbers below `items` by Zipf's law, the first the most often.

    Number k has a weight of 1 / (k + 1) ** alpha; with an alpha of 0 all are alike.
    """
    weights = [1 / (rank + 1) ** alpha for rank in range(items)]
    cumulated = list(itertools.accumulate(weights))
    return chance.choices(range(items), cum_weights=cumulated, k=count)
