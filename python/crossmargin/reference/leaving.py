"""What a pool has to spare: for new positions (available) and for leaving (withdrawable)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from crossmargin.reference.collateral import collateral_value, index_price
from crossmargin.reference.pools import Pool
from crossmargin.reference.run import Run
from crossmargin.reference.values import N


@dataclass(frozen=True)
class Means(Generic[N]):
    """What a pool could spare, and what claims it.

    Profit and the loss of orders by asset; notional and both margins, valued together; the fee that is kept in an
    isolated position's margin.
    """

    profit: Mapping[str, N]
    order_loss: Mapping[str, N]
    notional: N
    maintenance: N
    initial: N | None
    reserved: N | None


def available(run: Run[N], pool: Pool, means: Means[N]) -> N | None:
    """Return what can back new positions: never below zero, unknown where the initial margin is.

    A venue lets profit not yet taken count (equity), only losses (cash less loss), or neither (cash). In a pool of
    several assets each counts at its weight for availability. An isolated pool backs no other position.

    Formula: ``max(0, amount - initial_margin)`` with the amount ``cash + U``, ``cash + min(U, 0)`` or ``cash``.

    Source: profit counts: the Binance FAQ quoted in dev.binance.vision thread 17078, OKX (700 + 15 - 530 = 185),
    BingX coin-margined balance sample; it does not: MEXC, "unrealised profit is not available", and BingX's
    USDT-margined balance sample; read 2026-11-22.
    """
    if pool.kind == "isolated":
        return run.zero
    if means.initial is None:
        return None
    counted = worth(run, pool, means, run.market.rules.available, own=False)
    return max(run.zero, counted - means.initial)


def withdrawable(run: Run[N], pool: Pool, means: Means[N]) -> N | None:
    """Return what can leave the pool: a bonus never does, and profit only by the rules that count equity.

    The bonus backs what stays, unless taking money out forfeits it. The fee reserve of an isolated position stays too.

    Formula, never below zero: ``min(own, amount - claim)`` with the amount of the rule (cash and bonus, with losses,
    with profit too, or with neither), its claim (the initial margin; a multiple of maintenance; the larger of initial
    margin and a share of the notional; and of an isolated pool the fee reserve as far as the initial margin holds no
    closing fee) and what is the owner's (own cash less the loss of orders; with profit where equity may leave; of
    several assets, what is there of each after losses).

    Source: inferred from ``maxWithdrawAmount`` in the Binance API documentation; Binance FAQ
    5e33af8e6ac04d57a1d0a3398e0a0752 (1.2 times maintenance); Hyperliquid, "Margining" (10 % of the notional); Bybit
    API documentation, ``unified-trans-amnt``; MEXC and Bybit keep the fee in the margin of the position (`pools`);
    read 2026-11-22.
    """
    spare = left(run, pool, means)
    if spare is None:
        return None
    return max(run.zero, min(owned(run, pool, means, run.market.rules.withdrawable), spare))


def left(run: Run[N], pool: Pool, means: Means[N]) -> N | None:
    """Return what a pool has beyond what claims it, whosever it is; None where the claim is unknown.

    Formula: as `withdrawable`: the amount of the rule less its claim, and less the fee that is kept.
    """
    rules = run.market.rules
    rule, initial = rules.withdrawable, means.initial
    if rule == "equity_less_maintenance":
        claim: N | None = run.cast(rules.withdrawable_factor) * means.maintenance
    elif rule == "equity_less_initial_or_notional_share" and initial is not None:
        claim = max(initial, run.cast(rules.notional_share) * means.notional)
    else:
        claim = initial
    if claim is None or means.reserved is None:
        return None
    counted = "equity_less_initial" if rule.startswith("equity") else rule
    return worth(run, pool, means, counted, own=rules.bonus_forfeited) - claim - means.reserved


def owned(run: Run[N], pool: Pool, means: Means[N], rule: str) -> N:
    """Return what is the owner's: cash less the loss of orders; with profit where equity may leave."""
    if not _several(run, pool):
        layer = pool.layers[0]
        own = run.cast(layer.own) + means.order_loss[layer.asset]
        with_profit = rule in ("equity_less_initial", "equity_less_initial_or_notional_share")
        return own + means.profit[layer.asset] if with_profit else own
    total = run.zero
    for layer in pool.layers:
        left = run.cast(layer.own) + means.order_loss[layer.asset] + min(means.profit[layer.asset], run.zero)
        total = total + index_price(run, layer.asset) * max(run.zero, left)
    return total


def worth(run: Run[N], pool: Pool, means: Means[N], rule: str, *, own: bool) -> N:
    """Add up cash (own, or with the bonus) and the profit or loss that the rule counts."""
    total = run.zero
    for layer in pool.layers:
        cash, profit = run.cast(layer.own if own else layer.cash), means.profit[layer.asset]
        if rule == "cash_less_loss_and_initial":
            profit = min(profit, run.zero)
        elif rule == "cash_less_initial":
            profit = run.zero
        if _several(run, pool):
            total = total + collateral_value(run, layer.asset, cash=cash, profit=profit, availability=True)
        else:
            total = total + cash + profit
    return total


def _several(run: Run[N], pool: Pool) -> bool:
    """Whether the pool is one of several assets, valued together."""
    return pool.kind == "cross" and run.market.rules.cross_pool == "per_account"
