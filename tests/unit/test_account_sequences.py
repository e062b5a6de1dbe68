"""`Account`: whatever is done in whatever order, money is conserved exactly and figures are those of the rows.

A ledger written here from the definitions is kept beside the account: cash as a sum of exact flows, entries as exact
averages, margin of isolated positions as the decimals that were set apart. After each sequence the account must hold
what the ledger says, score as a book built from the ledger's rows, bit for bit, and agree with the reference.
"""

import math
import pickle
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin import reference

QUANTUM = Fraction(1, 10**8)
LEVERAGE = {"BTCUSDT": 10, "ETHUSDT": 3, "BTCUSD_PERP": 7}
Operation = tuple[Any, ...]
Key = tuple[str, str, str]


def down(amount: Fraction) -> Fraction:
    return math.floor(amount / QUANTUM) * QUANTUM


@dataclass
class Ledger:
    """The account by its definitions: quantity, entry and margin by (instrument, mode, side), one asset of cash."""

    inverse: bool
    cash: Fraction
    held: dict[Key, tuple[Fraction, Fraction, Fraction]] = field(default_factory=dict)
    realized: Fraction = Fraction(0)
    lost_to_rounding: Fraction = Fraction(0)

    def worth(self, instrument: str, price: Fraction) -> Fraction:
        """One contract at a price: an inverse one has a face of 100 in quote, the others a size of 1."""
        return -100 / price if self.inverse else price

    def add(self, key: Key, quantity: Fraction, price: Fraction) -> None:
        old, entry, margin = self.held.get(key, (Fraction(0), price, Fraction(0)))
        whole = old + quantity
        value = old * self.worth(key[0], entry) + quantity * self.worth(key[0], price)
        average = -100 * whole / value if self.inverse else value / whole
        if key[1] == "isolated":
            margin += -down(-abs(quantity * self.worth(key[0], price)) / LEVERAGE[key[0]])
        self.held[key] = (whole, average, margin)

    def reduce(self, key: Key, size: Fraction, price: Fraction) -> None:
        quantity, entry, margin = self.held.pop(key)
        part = min(size, abs(quantity)) * (1 if quantity > 0 else -1)
        exact = part * (self.worth(key[0], price) - self.worth(key[0], entry))
        pnl = down(exact)
        self.cash += pnl
        self.realized += pnl
        self.lost_to_rounding += exact - pnl
        if part != quantity:
            back = max(down(margin * part / quantity), -pnl) if key[1] == "isolated" else Fraction(0)
            self.held[key] = (quantity - part, entry, margin - back)

    def fee(self, amount: Fraction) -> None:
        self.cash -= amount

    def rows(self, asset: str) -> dict[str, list[dict[str, Any]]]:
        positions = [
            {
                "account": 0,
                "instrument": instrument,
                "quantity": float(quantity),
                "entry_price": float(entry),
                "leverage": float(LEVERAGE[instrument]),
                "margin_mode": mode,
                "position_side": side,
                "isolated_margin": float(margin) if mode == "isolated" else None,
            }
            for (instrument, mode, side), (quantity, entry, margin) in self.held.items()
        ]
        return {
            "balances": [{"account": 0, "asset": asset, "wallet_balance": float(self.cash)}],
            "positions": positions,
        }


@lru_cache
def shipped(name: str) -> xm.Market:
    return xm.load_market(name)


@lru_cache
def specified(market_id: str) -> reference.Market:
    name, day = market_id.split("/")
    return reference.load_market(xm.load_market(name, as_of=day).to_toml())


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    scale = 10**places
    return st.integers(low * scale, high * scale).map(lambda count: Decimal(count).scaleb(-places))


def operations(modes: list[str], sides: list[str], prices: dict[str, tuple[int, int]]) -> Any:
    """Sequences of operations; prices lie around one level of each instrument, so that margins often hold."""

    def of(instrument: str) -> Any:
        key = st.tuples(st.just(instrument), st.sampled_from(modes), st.sampled_from(sides))
        fenced = st.tuples(st.just(instrument), st.just("isolated"), st.sampled_from(sides))
        price = decimals(*prices[instrument], 2).filter(bool)
        size = decimals(0, 3, 3).filter(bool)
        signed = st.tuples(size, st.sampled_from([1, -1])).map(lambda pair: pair[0] * pair[1])
        fee = st.one_of(st.none(), decimals(-1, 5, 8))
        return st.one_of(
            st.tuples(st.just("open"), key, signed, price, fee),
            st.tuples(st.just("fill"), key, signed, price, fee),
            st.tuples(st.just("close"), key, st.one_of(st.none(), size), price, fee),
            st.tuples(st.just("flip"), key, st.one_of(st.none(), size), price, fee),
            st.tuples(st.just("margin"), fenced, decimals(-50, 50, 8)),
        )

    cash = st.tuples(st.just("cash"), decimals(-3_000, 3_000, 8))
    return st.lists(st.one_of(cash, *map(of, prices)), min_size=1, max_size=12)


def act(account: xm.Account, ledger: Ledger, operation: Operation, asset: str) -> None:
    """Do an operation to the account, and to the ledger what it means."""
    name, rest = operation[0], operation[1:]
    if name == "cash":
        amount = rest[0]
        (account.deposit if amount >= 0 else account.withdraw)(asset, abs(amount))
        ledger.cash += Fraction(amount)
        return
    key = rest[0]
    if name == "margin":
        move = account.add_margin if rest[1] >= 0 else account.remove_margin
        move(key[0], abs(rest[1]), position_side=key[2])
        quantity, entry, margin = ledger.held[key]
        ledger.held[key] = (quantity, entry, margin + Fraction(rest[1]))
        return
    trade(account, ledger, name, *rest)


def trade(account: xm.Account, ledger: Ledger, name: str, key: Any, quantity: Any, price: Any, fee: Any) -> None:
    options = {"price": price, "fee": fee, "margin_mode": key[1], "position_side": key[2]}
    exact, at = None if quantity is None else Fraction(quantity), Fraction(price)
    old = ledger.held.get(key, (Fraction(0),))[0]
    if name == "open":
        del options["price"]
        account.open(key[0], quantity, entry_price=price, leverage=LEVERAGE[key[0]], **options)
        ledger.add(key, exact, at)
    elif name == "close":
        account.close(key[0], quantity, **options)
        ledger.reduce(key, abs(old) if exact is None else exact, at)
    elif name == "flip":
        side = options.pop("position_side")
        account.flip(key[0], quantity, **options)
        assert side == "net"  # legs do not flip
        ledger.reduce(key, abs(old), at)
        ledger.add(key, (abs(old) if exact is None else exact) * (-1 if old > 0 else 1), at)
    else:
        account.fill(key[0], quantity, leverage=LEVERAGE[key[0]], **options)
        rest = exact
        if old * exact < 0:
            ledger.reduce(key, abs(exact), at)
            rest = exact + (min(abs(old), abs(exact)) if old > 0 else -min(abs(old), abs(exact)))
        if rest:
            ledger.add(key, rest, at)
    ledger.fee(Fraction(fee or 0))


def run(market: xm.Market, asset: str, marks: dict[str, float], sequence: list[Operation]) -> None:
    account = xm.Account(market, {asset: 2_000}, round="down")
    account.mark(marks)
    ledger = Ledger(inverse=asset == "BTC", cash=Fraction(2_000))
    for operation in sequence:
        before = pickle.dumps(account)
        try:
            act(account, ledger, operation, asset)
        except xm.CrossmarginError:
            assert pickle.dumps(account) == before
        agrees(account, ledger, asset)
    scores_agree(account, ledger, asset, marks)


def agrees(account: xm.Account, ledger: Ledger, asset: str) -> None:
    state = account._state
    assert Fraction(account.wallet(asset)) == ledger.cash
    flow = state.flows[asset]
    assert flow.realized_pnl == ledger.realized
    assert flow.remainder == ledger.lost_to_rounding
    assert ledger.cash == flow.opening + flow.deposited - flow.withdrawn + flow.realized_pnl - flow.fees
    assert flow.bonus_paid == 0
    held = {
        (key[0], key[2], key[1]): (each.quantity, each.entry_price, each.isolated_margin or 0)
        for key, each in state.positions.items()
    }
    assert held == ledger.held


def scores_agree(account: xm.Account, ledger: Ledger, asset: str, marks: dict[str, float]) -> None:
    market, rows = account.market, ledger.rows(asset)
    scores = xm.score(xm.Book(market, **rows), market.prices(mark=marks), "all")
    assert account.scores.table == scores.table
    exact = reference.score_account(specified(market.id), rows["balances"], rows["positions"], marks)
    assert len(account.pools) == len(exact)
    for pool, expected in zip(account.pools, exact, strict=True):
        assert pool._key == expected.key[1:]
        assert pool.liquidatable is expected.liquidatable
        largest = 1 + abs(expected.wallet_balance) + expected.notional + abs(expected.equity)
        for name in ("wallet_balance", "equity", "initial_margin", "maintenance_margin", "excess", "withdrawable"):
            near = pytest.approx(float(getattr(expected, name)), rel=1e-13, abs=float(largest) * 1e-14)
            assert getattr(pool, name) == near, name


USDT = {"BTCUSDT": (950, 1_050), "ETHUSDT": (48, 52)}
BOTH = ["cross", "isolated"]


@given(operations(BOTH, ["net"], USDT))
def test_account_any_sequence_of_linear_trades_conserves_money(sequence: list[Operation]) -> None:
    run(shipped("binance-usdm"), "USDT", {"BTCUSDT": 1_000.0, "ETHUSDT": 50.0}, sequence)


@given(operations(BOTH, ["long", "short"], {"BTCUSDT": (950, 1_050)}))
def test_account_any_sequence_of_hedge_legs_conserves_money(sequence: list[Operation]) -> None:
    run(shipped("binance-usdm"), "USDT", {"BTCUSDT": 1_000.0}, sequence)


@given(operations(BOTH, ["net"], USDT))
def test_account_any_sequence_under_neutral_rules_conserves_money(sequence: list[Operation]) -> None:
    run(shipped("textbook"), "USDT", {"BTCUSDT": 900.0, "ETHUSDT": 55.0}, sequence)


@given(operations(BOTH, ["net"], {"BTCUSD_PERP": (50_000, 60_000)}))
def test_account_any_sequence_of_inverse_trades_conserves_money(sequence: list[Operation]) -> None:
    run(shipped("binance-coinm"), "BTC", {"BTCUSD_PERP": 55_000.0}, sequence)
