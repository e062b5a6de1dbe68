"""What is timed: a contender, and the outputs that it must agree on.

A contender owns everything it needs before the clock starts, and says in its fields
what is inside the timing and what is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

THREE = "excess, margin_ratio, liquidatable"
PRICES = "below, above, liquidation_price"
ONE_PRICE = "liquidation_price"
PRICE_COLUMNS = (PRICES, ONE_PRICE)
RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Outputs:
    """The three outputs of every contender, a row per pool, in the order of accounts."""

    excess: Floats
    margin_ratio: Floats
    liquidatable: NDArray[np.bool_]


def _nothing() -> None:
    """Need no preparation."""


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    Parameters
    ----------
    name : str
        Unique in a run.
    run : callable
        What is timed. Takes nothing, returns whatever ``read`` understands.
    threads : int
        How many threads it may use.
    buffers : str
        Whether the outputs are "reused" or "new" arrays at each call.
    includes : str
        What the timing holds besides scoring, for example building the frames.
    outputs : str
        The outputs that are computed.
    isa : str
        "run-time" where the program picks its own instructions, or the forced one.
    read : callable or None
        Turns what ``run`` returned into `Outputs` or, of liquidation prices, into
        `harness.prices.PriceOutputs`, outside the timing; None where there is nothing
        to compare (a memory floor).
    before : callable
        Called before each timed stretch, outside the timing: thread counts.
    workload : str
        What is scored: R1, R2 or R3.
    n_positions : int or None
        How many positions a call answers, where those are not all of the workload.
    """

    name: str
    run: Callable[[], Any]
    threads: int
    buffers: str = "new"
    includes: str = "score"
    outputs: str = THREE
    isa: str = "run-time"
    read: Callable[[Any], Any] | None = field(default=lambda result: result)
    before: Callable[[], None] = _nothing
    workload: str = "R1"
    n_positions: int | None = None


def check_agreement(contender: Contender, expected: Outputs) -> None:
    """Run a contender once and compare it, so that nothing wrong is ever timed.

    Values agree to a relative 1e-9 of what they are made of, which is collateral plus
    maintenance margin; decisions agree except where the excess is within that of zero.

    Raises
    ------
    ValueError
        If an output is out of tolerance; the text names the first such pool.
    """
    if contender.read is None:
        return
    contender.before()
    got = contender.read(contender.run())
    # excess = (ratio - 1) * maintenance; a ratio of exactly 1 leaves the scale open
    with np.errstate(divide="ignore", invalid="ignore"):
        maintenance = np.nan_to_num(expected.excess / (expected.margin_ratio - 1.0), nan=np.inf)
    tolerance = RELATIVE_TOLERANCE * (1.0 + np.abs(expected.margin_ratio))
    scale = maintenance * tolerance
    off = {
        "excess": np.abs(got.excess - expected.excess) > scale,
        "margin_ratio": np.abs(got.margin_ratio - expected.margin_ratio) > tolerance,
        "liquidatable": (got.liquidatable != expected.liquidatable) & (np.abs(expected.excess) > scale),
    }
    for output, rows in off.items():
        if rows.any():
            row = int(np.argmax(rows))
            values = getattr(got, output)[row], getattr(expected, output)[row]
            raise ValueError(
                f"{contender.name}: {output}[{row}] was {values[0]!r}, expected {values[1]!r}; "
                f"{int(rows.sum())} pools differ"
            )
