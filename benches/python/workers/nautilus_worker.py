"""nautilus_trader: the initial margin of an order by its margin account, and whether it is free, an order at a time.

A case's leg is an order: instrument, quantity, limit price, leverage. Each case has an account of its own, which holds
the wallet and nothing else, and answers the margin where it fits.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from nautilus_trader.accounting.accounts.margin import MarginAccount
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.enums import AccountType
from nautilus_trader.model.events import AccountState
from nautilus_trader.model.identifiers import AccountId, InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import AccountBalance, Money, Price, Quantity
from serving import Case, Prices, Tiers, serve

_PRICE_DIGITS, _SIZE_DIGITS = 8, 8  # of the package's numbers, which count in billionths


def _instrument(name: str) -> CryptoPerpetual:
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(name), Venue("VENUE")),
        raw_symbol=Symbol(name),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=_PRICE_DIGITS,
        size_precision=_SIZE_DIGITS,
        price_increment=Price(10.0**-_PRICE_DIGITS, _PRICE_DIGITS),
        size_increment=Quantity(10.0**-_SIZE_DIGITS, _SIZE_DIGITS),
        ts_event=0,
        ts_init=0,
        margin_init=Decimal(1),
        margin_maint=Decimal(0),
    )


def _account(number: int, wallet: float) -> MarginAccount:
    money = Money(wallet, USDT)
    state = AccountState(
        AccountId(f"VENUE-{number}"),
        AccountType.MARGIN,
        USDT,
        False,
        [AccountBalance(money, Money(0, USDT), money)],
        [],
        {},
        UUID4(),
        0,
        0,
    )
    return MarginAccount(state)


def prepare(cases: Sequence[Case], tiers: Tiers) -> Callable[[], Prices]:
    """Lay out the account, instrument and order of every call."""
    instruments = {name: _instrument(name) for name in tiers}
    calls: list[tuple[Any, ...]] = []
    for number, case in enumerate(cases):
        name, quantity, price, leverage = case["legs"][case["asked"]]
        account = _account(number, case["wallet"])
        account.set_leverage(instruments[name].id, Decimal(leverage))
        order = Quantity(abs(quantity), _SIZE_DIGITS), Price(price, _PRICE_DIGITS)
        calls.append((account, instruments[name], *order))

    def run() -> Prices:
        found: list[float | None] = []
        for account, instrument, quantity, price in calls:
            margin = account.calculate_margin_init(instrument, quantity, price)
            found.append(margin.as_double() if margin <= account.balance_free(USDT) else None)
        return found

    return run


if __name__ == "__main__":
    serve(prepare, importlib.metadata.version("nautilus_trader"))
