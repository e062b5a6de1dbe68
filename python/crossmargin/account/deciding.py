"""Questions before a trade of an account: the questions of `crossmargin.orders` asked of its book at its last mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin.account.ordering import Ordering

if TYPE_CHECKING:
    from crossmargin.orders import LargestOrders, Sizing, Verdict

Number = Any
"""An int, float, `decimal.Decimal`, `fractions.Fraction`, or text that writes a decimal."""


class Deciding(Ordering):
    """Whether an order fits, the largest that does, and how large a position may be."""

    __slots__ = ()

    def check(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number,
        price: Number = None,
        *,
        leverage: Number = None,
        margin_mode: str | None = None,
        position_side: str | None = None,
        trigger_price: Number = None,
        reduce_only: bool = False,
    ) -> Verdict:
        """Decide whether an order fits, as `crossmargin.check_order` does; nothing is placed.

        Parameters
        ----------
        instrument, quantity, price, leverage, margin_mode, position_side, trigger_price, reduce_only
            As of `place`.

        Returns
        -------
        Verdict
            True where it fits.

        Raises
        ------
        ArgumentError, BookError
            For what is no order.
        MissingPriceError
            Before the first mark of what is held and ordered.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("binance-usdm"), {"USDT": 500})
        >>> account.mark({"BTCUSDT": 60_000})
        >>> account.check("BTCUSDT", "0.1", 59_000, leverage=10).reason
        'margin'
        >>> bool(account.check("BTCUSDT", "0.1", 59_000, leverage=20))
        True
        """
        return self._verdict(
            self._order_of(
                instrument,
                quantity,
                price,
                leverage=leverage,
                margin_mode=margin_mode,
                position_side=position_side,
                trigger_price=trigger_price,
                reduce_only=reduce_only,
            )
        )

    def max_order(self, instrument: str, side: str, price: float | None = None, **options: Any) -> LargestOrders:
        """Find the largest order that fits, as `crossmargin.max_order` does.

        Parameters
        ----------
        instrument : str
            Name or alias.
        side : {"buy", "sell"}
            Which way.
        price : float, optional
            Its limit, quote per base; without one it is an order at the market.
        **options
            ``leverage``, ``margin_mode``, ``position_side``, ``target_ratio`` and ``liquidation_beyond`` of
            `crossmargin.max_order`. Leverage that was set here for the instrument holds where none is given.

        Returns
        -------
        LargestOrders
            Of one row.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held and ordered.
        ArgumentError
            As `crossmargin.max_order`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("binance-usdm"), {"USDT": 10_000})
        >>> account.mark({"BTCUSDT": 60_000})
        >>> account.max_order("BTCUSDT", "buy", leverage=10).quantity.tolist()
        [1.66666666]
        """
        from crossmargin.orders import max_order  # noqa: PLC0415 - trading does without

        name = self._terms.contract(instrument).name
        key = self._key_of(name, options.get("position_side"), options.get("margin_mode"))
        options = options | {"leverage": self._leverage(self._state, key, options.get("leverage"))}
        legs = {"position_side": key[1], "margin_mode": key[2]}
        return self._asked(max_order, name, side, price, **options | legs)

    def size_position(self, instrument: str, side: str, **options: Any) -> Sizing:
        """Find how large a position may be on top of what the account holds, as `crossmargin.size_position` does.

        Parameters
        ----------
        instrument : str
            Name or alias.
        side : {"buy", "sell"}
            Which way.
        **options
            As of `crossmargin.size_position`, but for the book and what it says. ``entry_price`` is by default the
            mark, ``equity`` that of the account.

        Returns
        -------
        Sizing
            How large, and which limit binds.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held and sized.
        ArgumentError
            As `crossmargin.size_position`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("binance-usdm"), {"USDT": 10_000})
        >>> account.mark({"BTCUSDT": 60_000})
        >>> account.size_position("BTCUSDT", "buy", max_loss=0.01, stop_price=58_800, leverage=10).quantity.tolist()
        [0.08333333]
        """
        from crossmargin.orders import size_position  # noqa: PLC0415 - trading does without

        name = self._terms.contract(instrument).name
        if options.get("entry_price") is None:
            options = options | {"entry_price": self._mark_of(name)}
        market = self.market
        return self._asked(lambda book, prices: size_position(market, name, side, book=book, prices=prices, **options))
