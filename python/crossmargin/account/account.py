"""`Account`: one account, traded on."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import mapping, of_type, one_of
from crossmargin.account.amounts import check_direction, exact
from crossmargin.account.deciding import Deciding
from crossmargin.account.state import MODES, State
from crossmargin.account.terms import terms_of
from crossmargin.errors import ArgumentError
from crossmargin.market import Market
from crossmargin.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from crossmargin.book import Book

Number = Any
"""An int, float, `decimal.Decimal`, `fractions.Fraction`, or text that writes a decimal."""


class Account(Deciding):
    """One account that is traded on: the ergonomic face of a book of one.

    Money and quantities are kept exactly, as the decimals that were given; the engine gets the nearest doubles, and
    computes every figure. An operation that is refused changes nothing.

    Parameters
    ----------
    market : Market
        The rules, instruments and assets.
    balances : mapping of str to number, optional
        Wallet balance by asset: cash, realised only.
    bonus, borrowed : mapping of str to number, optional
        Credit that counts as margin and cannot leave, and what is owed, by asset.
    margin_mode : {"cross", "isolated"}
        The mode of positions that do not say theirs.
    profile : str, optional
        Fee profile, one of ``market.profiles``.
    tier_coefficient : number, optional
        Multiple of the tier bounds, where the venue grants such.
    quantity_unit : {"contracts", "base"}
        What quantities count.
    valuation : str, optional
        The asset that amounts of the whole account are in; by default the market's valuation asset, or the only one.
    round : {"down", "up", "nearest"}, optional
        Where amounts go that are no multiple of the asset's quantum (see ``market.assets``): toward less money for the
        owner, toward more, or to the nearest. By default they are refused. Each operation can say its own.
    key : int or str
        The key of the account in its book.

    Raises
    ------
    ArgumentError
        For unknown names and what is no number.
    BookError
        For balances that cannot be.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> account = xm.Account(market, {"USDT": 10_000})
    >>> btc = account.open("BTCUSDT", 2, entry_price=50_000, leverage=20)
    >>> eth = account.open("ETHUSDT", -20, entry_price=3_000, leverage=20)
    >>> account.mark({"BTCUSDT": 47_500, "ETHUSDT": 3_000})
    >>> account.equity, account.maintenance_margin, account.liquidatable
    (5000.0, 4000.0, False)
    >>> account.mark({"BTCUSDT": 45_500})
    >>> account.equity, account.margin_ratio, account.liquidatable
    (1000.0, 0.25, True)
    """

    __slots__ = ("_unit",)
    _unit: str

    def __init__(  # noqa: PLR0913 - by keyword only
        self,
        market: Market,
        balances: Mapping[str, Number] | None = None,
        *,
        bonus: Mapping[str, Number] | None = None,
        borrowed: Mapping[str, Number] | None = None,
        margin_mode: str = "cross",
        profile: str | None = None,
        tier_coefficient: Number = None,
        quantity_unit: str = "contracts",
        valuation: str | None = None,
        round: str | None = None,
        key: int | str = 0,
    ) -> None:
        self._begin(market, margin_mode, quantity_unit, valuation, round)
        state = State(key, {})
        for asset, amount in mapping(balances, "balances").items():
            self._terms.asset(asset)
            state.moved(asset, opening=self._money(exact(amount, name := f"balances[{asset!r}]"), asset, round, name))
        credit: dict[str, tuple[Fraction, Fraction]] = {}
        lent, owed = mapping(bonus, "bonus"), mapping(borrowed, "borrowed")
        for asset in {**lent, **owed}:
            state.moved(self._terms.asset(asset))
            credit[asset] = (
                exact(lent.get(asset, 0), f"bonus[{asset!r}]"),
                exact(owed.get(asset, 0), f"borrowed[{asset!r}]"),
            )
        state.credit = credit
        given = {"profile": profile, "tier_coefficient": tier_coefficient}
        state.profile = {name: value for name, value in given.items() if value is not None}
        self._commit(state)

    def _begin(self, market: Market, mode: str, unit: str, valuation: str | None, direction: str | None) -> None:
        if not isinstance(market, Market):
            raise of_type(market, "market", "a Market")
        one_of(mode, "margin_mode", MODES)
        one_of(unit, "quantity_unit", ("contracts", "base"))
        check_direction(direction)
        self.market = market
        self._terms = terms_of(market, unit)
        self._mode = mode
        self._unit = unit
        self._valuation = self._terms.valuation if valuation is None else self._terms.asset(valuation)
        self._direction = direction
        self._marks = ({}, {}, {})
        self._prices = market.prices(mark={})

    @classmethod
    def from_book(  # noqa: PLR0913 - by keyword only
        cls,
        book: Book,
        key: int | str | None = None,
        prices: Prices | None = None,
        *,
        margin_mode: str | None = None,
        valuation: str | None = None,
        round: str | None = None,
    ) -> Account:
        """Take an account out of a book.

        Parameters
        ----------
        book : Book
            The accounts.
        key : int or str, optional
            Which of them; not needed where there is only one.
        prices : Prices, optional
            What to mark it with.
        margin_mode, valuation, round : str, optional
            As of `Account`; the mode is by default that which the book states for the account, else cross.

        Returns
        -------
        Account
            An account of its own: the book is not changed by what is done to it. Orders are numbered from 1.

        Raises
        ------
        ArgumentError
            For a key that the book does not hold.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> held = [{"account": "ann", "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0}]
        >>> cash = [{"account": "ann", "asset": "USDT", "wallet_balance": 500.0}]
        >>> account = xm.Account.from_book(xm.Book(market, balances=cash, positions=held), "ann")
        >>> account.mark({"BTCUSDT": 61_000})
        >>> account.equity
        600.0
        """
        from crossmargin.account.taking import state_of  # noqa: PLC0415 - of books only

        account = object.__new__(cls)
        state, unit = state_of(book, key)
        mode = (state.profile.get("margin_mode") or "cross") if margin_mode is None else margin_mode
        account._begin(book.market, mode, unit, valuation, round)
        account._commit(state)
        if prices is not None:
            account.mark(prices)
        return account

    def mark(
        self,
        mark: Mapping[str, float] | Prices | None = None,
        *,
        index: Mapping[str, float] | None = None,
        last: Mapping[str, float] | None = None,
    ) -> None:
        """Value the account at new prices.

        Parameters
        ----------
        mark : mapping of str to float, or Prices
            Mark prices, quote per base, by name or alias. Prices that are not named stay as they were. `Prices` replace
            all of them.
        index : mapping of str to float, optional
            Index prices of assets in the market's valuation asset.
        last : mapping of str to float, optional
            Last traded prices, where the market's rules look at them.

        Raises
        ------
        PriceError
            For what is no price, and for names that the market does not have.
        ArgumentError
            For prices of another market.
        """
        if isinstance(mark, Prices):
            if index is not None or last is not None:
                raise ArgumentError("mark was Prices, which hold index and last prices too: give them there")
            if mark.market is not self.market and mark.market != self.market:
                raise ArgumentError(f"mark was of market {mark.market.id!r}, the account is of {self.market.id!r}")
            self._price(mark)
            self._marks = None
        else:
            self._marked(mapping(mark, "mark"), mapping(index, "index"), mapping(last, "last"))

    def _tables(self, state: State) -> dict[str, Any]:
        return state.tables() | {"quantity_unit": self._unit}

    def copy(self) -> Account:
        """Give an account of its own that holds the same, to try something on."""
        return self.__copy__()

    def __copy__(self) -> Account:
        made = object.__new__(type(self))
        for name in _COPIED:
            setattr(made, name, getattr(self, name))
        made._commit(self._state, self._book)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Account:
        return self.__copy__()

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in _COPIED if name != "_terms"}
        return state | {"_state": self._state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        held = state.pop("_state")
        for name, value in state.items():
            setattr(self, name, value)
        self._terms = terms_of(self.market, self._unit)
        self._commit(held)


_COPIED = ("market", "_terms", "_unit", "_mode", "_valuation", "_direction", "_prices", "_marks")
"""All but what is held and what follows from it."""
