"""Hypothesis strategies: which instruments an account holds net, and which as a long and a short side."""

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st

NET = ("net",)
HEDGED = ("long", "short")

Holder = tuple[int, str]
"""Account and name of an instrument."""


def position_modes(draw: st.DrawFn, accounts: Iterable[int], *, hedge_mode: bool = True) -> dict[int, str | None]:
    """Draw what accounts are set to: one-way, hedge, or nothing."""
    choices = (None, None, "one_way", "hedge") if hedge_mode else (None, "one_way")
    return {account: draw(st.sampled_from(choices)) for account in accounts}


def sides(
    draw: st.DrawFn,
    holders: Iterable[Holder],
    modes: Mapping[int, str | None],
    *,
    hedge_mode: bool = True,
) -> dict[Holder, Sequence[str]]:
    """Draw the sides of each instrument in each account: net, or long and short."""
    found: dict[Holder, Sequence[str]] = {}
    for account, name in dict.fromkeys(holders):
        fixed = {"one_way": NET, "hedge": HEDGED}.get(modes.get(account) or "")
        free = [NET, HEDGED] if hedge_mode else [NET]
        found[account, name] = fixed or draw(st.sampled_from(free))
    return found
