"""The side of a peer that answers in a process of its own: cases come in, and each line asks for all of them once.

The first line is the job: ``tiers`` by instrument, each ``[floor, rate, deduction]``, and ``samples``, cases by name. A
case is a pool: ``wallet``, ``legs`` of ``[instrument, quantity, entry_price, mark]``, and ``asked``, the number of the
leg. Then ``time NAME`` computes a sample and answers an empty line, and ``tell NAME`` answers its prices, null where
there is none.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

Case = dict[str, Any]
Tiers = dict[str, list[list[float]]]
Prices = Sequence[float | None]


def serve(prepare: Callable[[Sequence[Case], Tiers], Callable[[], Prices]], version: str) -> None:
    """Answer until the input ends."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the package prints is no reply
    job = json.loads(sys.stdin.readline())
    samples = {name: prepare(cases, job["tiers"]) for name, cases in job["samples"].items()}
    gc.disable()
    reply = json.dumps({"version": version})
    while True:
        replies.write(reply + "\n")
        replies.flush()
        line = sys.stdin.readline().split()
        if not line:
            return
        prices = samples[line[1]]()
        reply = json.dumps(list(prices)) if line[0] == "tell" else ""
