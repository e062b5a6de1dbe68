"""Builders of the numbers of BingX, WEEX, MEXC, OKX and Hyperliquid."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from claims import (
    Claim,
    Claims,
    OrderClaim,
    Vector,
    VectorBook,
    balance,
    decimal,
    fits_exactly,
    flips,
    isolated,
    leverage_limits,
    number,
    order,
    position,
)
from rulebooks import inverse, linear, one_rate, rulebook


def coin_cross_with_fee(vector: Vector) -> Claims:
    """The sample gives two figures for two unknowns, the wallet and the rate with the fee.

    The wallet is the one that the published price and rate imply; the reported risk rate then has to come out.
    """
    given, expected, tolerance = vector["inputs"], vector["expected"], vector["tolerance"]
    fee, entry, price = Fraction("0.0005"), number(given["entry_price"]), number(expected["liquidation_price"])
    rate = number(given["maintenance_rate_plus_close_fee_rate"])
    face = given["contracts"] * given["face_usd"]
    wallet = decimal(round(face * (1 + rate) / price - face / entry, 12))
    market = rulebook(
        [inverse(contract_size=given["face_usd"])],
        {"PERP": one_rate(decimal(rate - fee))},
        maintenance_margin={"price": "mark", "closing_fee": "mark"},
        initial_margin={"price": "entry"},
        fees={"taker": float(fee), "maker": 0},
    )
    held = position("PERP", given["contracts"], given["entry_price"], leverage=given["leverage"])

    def at(mark: float) -> VectorBook:
        return VectorBook(market, [balance(wallet, "BTC")], [held], {"PERP": mark})

    now = at(given["mark_price"])
    figures = {"unrealized_pnl": "unrealized_pnl_coin", "initial_margin": "initial_margin_coin"}
    return [
        *(Claim(now, output, number(expected[name]), number(tolerance[name])) for output, name in figures.items()),
        Claim(now, "venue_ratio", number(given["reported_risk_rate"]), Fraction(5, 10**9)),
        *flips(at, price, number(tolerance["liquidation_price"]), 1, now=given["mark_price"]),
    ]


def coin_available(vector: Vector) -> Claims:
    """One synthetic contract whose entry notional is the margin used and whose rise is the profit."""
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    market = rulebook(
        [linear(quote="BTC", settle="BTC")],
        {"PERP": one_rate(0.005)},
        initial_margin={"price": "entry"},
        available={"rule": "equity_less_initial"},
    )
    held = position("PERP", 1, given["used_margin"], leverage=1)
    mark = decimal(number(given["used_margin"]) + number(given["unrealized_pnl"]))
    book = VectorBook(market, [balance(given["balance"], "BTC")], [held], {"PERP": mark})
    available = number(expected["available_margin"])
    return [
        Claim(book, "equity", number(expected["equity"]), tolerance),
        Claim(book, "available", available, tolerance),
        OrderClaim(book, order("PERP", 1, given["used_margin"], leverage=1), "available", available, tolerance),
    ]


def opening_cost(vector: Vector) -> Claims:
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    placed = order("PERP", given["qty"], given["price"], leverage=given["leverage"])

    def before(wallet: float, *, opening_fee: bool = True) -> VectorBook:
        market = rulebook(
            [linear()],
            {"PERP": one_rate(0.004)},
            orders={"initial_margin": "sum", "opening_fee": opening_fee},
            fees={"taker": given["taker_fee_rate"], "maker": 0},
        )
        return VectorBook(market, [balance(wallet)], [], {"PERP": 36_000.0})

    def book(*, opening_fee: bool) -> VectorBook:
        return replace(before(10_000, opening_fee=opening_fee), orders=[placed])

    total = number(expected["total"])
    return [
        Claim(book(opening_fee=False), "initial_margin", number(expected["margin"]), tolerance, bare=True),
        Claim(book(opening_fee=True), "initial_margin", total, tolerance),
        OrderClaim(before(10_000), placed, "cost", total, tolerance),
        *fits_exactly(before, placed, total),
    ]


def weighed_asset(vector: Vector) -> Claims:
    """One coin worth the stated value; available is weighed by the other ratio, equal at the time."""
    given, tolerance = vector["inputs"], number(vector["tolerance"])
    weight = given["collateral_value_ratio"]
    entry = {"weight": weight, "availability_weight": weight, "cap": 10}
    market = rulebook(
        [],
        {},
        pools={"cross": "per_account", "isolated": False},
        collateral={"value": "haircut", "asset": {given["asset"]: entry}},
    )
    book = VectorBook(market, [balance(1, given["asset"])], index={given["asset"]: given["asset_value_usd"]})
    value = number(vector["expected"]["collateral_value"])
    return [Claim(book, output, value, tolerance) for output in ("collateral_value", "available")]


def rate_by_contracts(vector: Vector) -> Claims:
    """The published row at its upper edge: its rate on the whole position, and its largest leverage.

    An order up to the edge of a row may have its largest leverage and no higher one, and a contract more may not have
    that. A contract at a price of 1, so the contracts are the notional.
    """
    given, expected = vector["inputs"], vector["expected"]
    tops, leverages, rates = ([row[column] for row in given["tiers_upper_contracts_maxlev_mmr"]] for column in range(3))
    table = {
        "law": "flat",
        "bounds": "contracts",
        "at_floor": "lower",
        "floor": [0, *tops[:-1]],
        "maintenance_rate": rates,
        "max_leverage": leverages,
        "cap": tops[-1],
    }
    initial = {"price": "mark", "source": "table"}
    market = rulebook([linear()], {"PERP": table}, initial_margin=initial, fees={"taker": 0, "maker": 0})
    size = given["contracts"]

    def book(contracts: float) -> VectorBook:
        held = [position("PERP", contracts, 1)] if contracts else []
        return VectorBook(market, [balance(10_000)], held, {"PERP": 1.0})

    above = size + 1
    rich = replace(book(0), balances=[balance(10**9)])
    beyond = order("PERP", above, 1, leverage=expected["max_leverage"])
    return [
        *leverage_limits(rich, "PERP", zip(tops, leverages, strict=True), tops[-1]),
        OrderClaim(rich, beyond, "reason", "leverage"),
        Claim(book(size), "maintenance_margin", number(expected["mmr"]) * size),
        Claim(book(size), "initial_margin", Fraction(size, expected["max_leverage"]), bare=True),
        Claim(book(above), "maintenance_margin", number(rates[2]) * above),
        Claim(book(above), "initial_margin", Fraction(above, leverages[2]), bare=True),
    ]


def shared_account(vector: Vector) -> Claims:
    """Charged on the net size, without a fee; entered at the mark, so the wallet is the total value."""
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    market = rulebook(
        [linear()],
        {"PERP": one_rate(given["mmr"])},
        maintenance_margin={"price": "mark", "legs": given["mm_basis"]},
    )
    held = [position("PERP", given["long_qty"], given["mark_price"], position_side="long")]

    def at(mark: float) -> VectorBook:
        return VectorBook(market, [balance(given["total_value"])], held, {"PERP": mark})

    price = number(expected["liquidation_price"])
    return [
        Claim(at(given["mark_price"]), "maintenance_margin", number(expected["total_mm"]), tolerance),
        Claim(at(float(price)), "excess", number(expected["equity_minus_mm_at_liq"]), tolerance),
        *flips(at, price, tolerance, 1, now=given["mark_price"]),
    ]


def reserved_fee(vector: Vector) -> Claims:
    """Maintenance on the entry notional, the closing fee at the bankruptcy price, the opening fee in the margin.

    The order for the position costs what is its margin then. The published price has one decimal; its tolerance is
    relative.
    """
    given, expected, tolerance = vector["inputs"], vector["expected"], vector["tolerance"]
    market = rulebook(
        [linear(contract_size=given["contract_size"])],
        {"PERP": one_rate(given["mmr"])},
        maintenance_margin={"price": "entry", "closing_fee": "bankruptcy_at_entry"},
        isolated={"fee_reserve": "opening_notional"},
        orders={"initial_margin": "sum", "opening_fee": True},
        fees={"taker": given["fee_rate"], "maker": 0},
    )
    held = position("PERP", given["contracts"], given["entry_price"], leverage=given["leverage"], **isolated())

    def at(mark: float) -> VectorBook:
        return VectorBook(market, [], [held], {"PERP": mark})

    def with_cash(wallet: float) -> VectorBook:
        return VectorBook(market, [balance(wallet)], [], {"PERP": given["entry_price"]})

    price, margin = number(expected["liquidation_price"]), number(expected["position_margin"])
    orders = [
        order("PERP", given["contracts"], given["entry_price"], leverage=given["leverage"], margin_mode=mode)
        for mode in ("isolated", "cross")
    ]
    return [
        *(OrderClaim(with_cash(1), placed, "cost", margin, number(tolerance["position_margin"])) for placed in orders),
        *(claim for placed in orders for claim in fits_exactly(with_cash, placed, margin)),
        Claim(at(given["entry_price"]), "wallet_balance", margin, number(tolerance["position_margin"])),
        *flips(at, price, price * number(tolerance["liquidation_price"]), 1, now=given["entry_price"]),
    ]


def closed_at_mark(vector: Vector) -> Claims:
    """What is left when the position closes at the mark: with the opening fee paid from the wallet, and a maintenance
    margin that is the closing fee alone, the excess is the realised profit.
    """
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    market = rulebook(
        [linear(contract_size=given["contract_size"])],
        {"PERP": one_rate(0)},
        maintenance_margin={"price": "mark", "closing_fee": "mark"},
        fees={"taker": given["fee_rate_each_side"], "maker": 0},
    )
    size = given["contracts"] * number(given["contract_size"])
    paid = size * number(given["open"]) * number(given["fee_rate_each_side"])
    held = position("PERP", given["contracts"], given["open"])
    book = VectorBook(market, [balance(-decimal(paid))], [held], {"PERP": given["close"]})
    return [
        Claim(book, "unrealized_pnl", number(expected["close_profit"]), tolerance),
        Claim(book, "maintenance_margin", number(expected["total_fee"]) - paid, tolerance),
        Claim(book, "excess", number(expected["realised"]), tolerance),
    ]


def coin_ratio(vector: Vector) -> Claims:
    """The sample's profit puts its mark at 2565.656. The published price is the trigger's, one tick up."""
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])

    def at(mark: float, fee: float = given["fee_rate"]) -> VectorBook:
        market = rulebook(
            [inverse(coin="ETH", contract_size=given["face_usd"])],
            {"PERP": one_rate(given["mmr"])},
            maintenance_margin={"price": "mark", "closing_fee": "mark"},
            fees={"taker": fee, "maker": 0},
        )
        extra = isolated(given["margin_coin"], leverage=given["leverage"])
        held = position("PERP", given["contracts"], given["entry_price"], **extra)
        return VectorBook(market, [], [held], {"PERP": mark})

    mark = 2565.656
    price = number(expected["liquidation_price"]) - number(given["tick_added"])
    return [
        Claim(at(mark), "unrealized_pnl", number(given["unrealized_pnl_coin"]), tolerance),
        Claim(at(mark, fee=0), "maintenance_margin", number(expected["maintenance_margin"]), tolerance),
        Claim(at(mark), "margin_ratio", number(expected["margin_ratio"]), tolerance),
        *flips(at, price, price * tolerance, 1, now=mark),
    ]


def linear_ratio(vector: Vector) -> Claims:
    """The mark is the one that the initial margin implies; the wallet is the one that the ratio implies."""
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    quantity, wallet = number(given["qty"]), 215.78881232
    mark = decimal(round(number(given["imr"]) * given["leverage"] / quantity, 11))
    held = position("PERP", given["qty"], given["entry_price"], leverage=given["leverage"])

    def at(mark: float, fee: float = given["fee_rate"]) -> VectorBook:
        market = rulebook(
            [linear()],
            {"PERP": one_rate(given["mmr_rate"])},
            maintenance_margin={"price": "mark", "closing_fee": "mark"},
            fees={"taker": fee, "maker": 0},
        )
        return VectorBook(market, [balance(wallet)], [held], {"PERP": mark})

    price, ratio = number(expected["liquidation_price"]), number(given["margin_ratio"])
    return [
        Claim(at(mark), "initial_margin", number(given["imr"]), tolerance),
        Claim(at(mark), "unrealized_pnl", number(expected["upl"]), tolerance),
        Claim(at(mark, fee=0), "maintenance_margin", number(expected["mmr"]), tolerance),
        Claim(at(mark), "margin_ratio", ratio, ratio * tolerance),
        *flips(at, price, price * tolerance, 1, now=mark),
    ]


def available_equity(vector: Vector) -> Claims:
    """One synthetic contract whose entry notional is what is locked and whose rise is the profit; and an order.

    An order of another contract at a price of 1 may have all that is available as its margin, and no more.
    """
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    market = rulebook(
        [linear(), linear("OTHER")],
        {"PERP": one_rate(0.005), "OTHER": one_rate(0.005)},
        initial_margin={"price": "entry"},
        orders={"initial_margin": "sum"},
        available={"rule": "equity_less_initial"},
    )
    wallet, mark = [balance(given["balance"])], {"PERP": given["locked"] + given["cross_pnl"], "OTHER": 1.0}
    locked = VectorBook(market, wallet, [position("PERP", 1, given["locked"], leverage=1)], mark)
    placed, largest, more = (
        order("OTHER", quantity, 1, leverage=given["leverage"])
        for quantity in (
            given["order_qty"],
            *(expected["available_equity"] * given["leverage"] + more for more in (0, 1)),
        )
    )
    return [
        Claim(locked, "available", number(expected["available_equity"]), tolerance),
        OrderClaim(locked, placed, "available", number(expected["available_equity"]), tolerance),
        OrderClaim(locked, placed, "cost", number(expected["order_margin"]), tolerance),
        OrderClaim(locked, largest, "reason", "accepted"),
        OrderClaim(locked, more, "reason", "margin"),
        Claim(
            VectorBook(market, wallet, [], mark, orders=[placed]),
            "initial_margin",
            number(expected["order_margin"]),
            tolerance,
        ),
    ]


def half_rate_table(max_leverage: float) -> dict[str, object]:
    return {"law": "half_of_max_leverage", "bounds": "quote", "floor": [0], "max_leverage": [max_leverage]}


def half_rate_isolated(vector: Vector) -> Claims:
    """Entered at the mark; a pool exactly at its maintenance is safe. The leverage chosen does not enter.

    The published price misses the root of the venue's own formula by 5e-7; its tolerance is relative.
    """
    given, expected = vector["inputs"], vector["expected"]
    market = rulebook(
        [linear()], {"PERP": half_rate_table(given["max_leverage"])}, trigger={"level": 1, "zero_fails": False}
    )
    extra = isolated(given["isolated_margin"], leverage=given["leverage"])
    held = position("PERP", given["size"], given["mark_price"], **extra)

    def at(mark: float) -> VectorBook:
        return VectorBook(market, [], [held], {"PERP": mark})

    if "notional" not in expected:
        # The calculator's price is 47,500; by the venue's formula the verdict flips at 47,368.42.
        return [
            Claim(at(expected["liquidation_price"] - 1), "liquidatable", False),
            *flips(at, Fraction("47368.42"), Fraction("0.01"), 1, now=given["mark_price"]),
        ]
    price, tolerance = number(expected["liquidation_price"]), number(vector["tolerance"])
    return [
        Claim(at(given["mark_price"]), "notional", number(expected["notional"]), tolerance),
        *flips(at, price, price * tolerance, 1, now=given["mark_price"]),
    ]


def half_rate_margins(vector: Vector) -> Claims:
    """As published, and at the largest leverage, where only the initial margin falls.

    An order for the position is judged by its fill: it costs that margin, and no higher leverage is to be had.
    """
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    market = rulebook([linear()], {"PERP": half_rate_table(given["max_leverage"])})

    def book(leverage: float) -> VectorBook:
        held = position("PERP", given["notional"], 1, leverage=leverage)
        return VectorBook(market, [balance(2_000)], [held], {"PERP": 1.0})

    maintenance, initial = number(expected["maintenance_margin"]), number(expected["initial_margin"])
    placed = order("PERP", given["notional"], 1, leverage=given["leverage"])

    def empty(wallet: float) -> VectorBook:
        return VectorBook(market, [balance(wallet)], [], {"PERP": 1.0})

    return [
        OrderClaim(empty(2_000), placed, "cost", initial, tolerance),
        *fits_exactly(empty, placed, initial),
        *leverage_limits(empty(2_000), "PERP", [(given["notional"], given["max_leverage"])]),
        Claim(book(given["leverage"]), "initial_margin", initial, tolerance),
        Claim(book(given["leverage"]), "maintenance_margin", maintenance, tolerance),
        Claim(book(given["max_leverage"]), "initial_margin", Fraction(500), tolerance),
        Claim(book(given["max_leverage"]), "maintenance_margin", maintenance, tolerance),
    ]


BUILDERS: dict[str, Callable[[Vector], Claims]] = {
    "bingx-coinm-cross-btc-risk-and-liq": coin_cross_with_fee,
    "bingx-coinm-balance-available": coin_available,
    "bingx-order-cost-quantity": opening_cost,
    "bingx-multiassets-collateral-ratio": weighed_asset,
    "weex-trb-tier-before": rate_by_contracts,
    "weex-pro-liqprice-constructed-long": shared_account,
    "mexc-isolated-eth-2021": reserved_fee,
    "mexc-closed-position-pnl-1": closed_at_mark,
    "mexc-closed-position-pnl-2": closed_at_mark,
    "okx-isolated-coinm-eth": coin_ratio,
    "okx-cross-linear-btc": linear_ratio,
    "okx-single-currency-available": available_equity,
    "hyperliquid-isolated-eth": half_rate_isolated,
    "hyperliquid-im-mm-20x": half_rate_margins,
    "hyperliquid-thirdparty-liq-50000": half_rate_isolated,
}
