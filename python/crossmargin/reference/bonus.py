"""The venue's credit: vouchers in a queue, and who pays a loss, funding or a fee: they or the owner.

A bonus counts as margin and never leaves. What it pays is gone from it; profit is the owner's.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from crossmargin.reference.gates import BonusRules
from crossmargin.reference.values import refuse

ZERO = Fraction(0)

KINDS = {"loss": "losses", "funding": "funding", "fee": "fees"}
"""Kinds of flows, with the word by which a market says that its bonus pays them."""

EARNED = ("loss", "funding")
"""Kinds that make up realised profit."""


@dataclass(frozen=True)
class Voucher:
    """A credit of ``amount`` that pays ``paid_share`` of what it may; void from ``expires`` on, if it says so."""

    amount: Fraction
    paid_share: Fraction = Fraction(1)
    expires: int | None = None


@dataclass(frozen=True)
class Payment:
    """What a flow changed: the owner's cash, and the bonus. Both are below zero for what was paid."""

    own: Fraction
    bonus: Fraction = ZERO


@dataclass(frozen=True)
class Purse:
    """Own cash and vouchers of one asset.

    ``realized`` is the profit closed and the funding since a voucher paid last.
    """

    rule: BonusRules
    quantum: Fraction
    own: Fraction = ZERO
    vouchers: tuple[Voucher, ...] = ()
    realized: Fraction = ZERO

    @property
    def bonus(self) -> Fraction:
        """What the vouchers hold together."""
        return sum((voucher.amount for voucher in self.vouchers), ZERO)

    def flow(self, kind: str, amount: Fraction) -> tuple["Purse", Payment]:
        """Book closed profit or loss (``loss``), ``funding`` or a ``fee``: above zero it comes to the owner.

        Vouchers pay one after another. Each pays its share of what is eligible, at most what it holds; one that is used
        up has covered what its payment is the share of, and the next goes on with the rest. The owner pays what is
        left of the flow.

        Formula: eligible is ``|F|`` of the kinds that the bonus pays; where only losses beyond profit count
        ``max(0, |F| - max(0, realized))`` of losses and funding; where own money goes first at most
        ``max(0, |F| - max(0, own))``. A voucher pays ``floor(paid_share * eligible)`` in quanta.

        Source: BingX support 11494211324943 and 12089589367439 (of a closing loss what cumulative realised profit does
        not cover, at the voucher's ratio, vouchers in a queue; a fund of 50 at 50 %, +100 and then -110: it pays 5);
        Bybit, Bonus Terms (before own cash); MEXC 360054857791; WEEX, Voucher Center; read 2026-11-22. That the
        remainder of a quantum is the owner's is inferred.

        Examples
        --------
        >>> rule = BonusRules(True, ("losses", "funding"), only_losses_beyond_profit=True)
        >>> purse = Purse(rule, Fraction(1, 100), Fraction(0), (Voucher(Fraction(50), Fraction(1, 2)),))
        >>> purse, _ = purse.flow("loss", Fraction(100))
        >>> purse, paid = purse.flow("loss", Fraction(-110))
        >>> print(paid.bonus, paid.own, purse.bonus, purse.own)
        -5 -105 45 -5
        """
        if kind not in KINDS:
            raise refuse("kind", kind, " or ".join(map(repr, KINDS)))
        left, paid, kept = self._eligible(kind, -amount), ZERO, []
        for voucher in self.vouchers:
            share = math.floor(voucher.paid_share * left / self.quantum) * self.quantum
            pays = min(voucher.amount, share)
            used = pays == voucher.amount
            left = max(ZERO, left - pays / voucher.paid_share) if used and voucher.paid_share else ZERO
            paid += pays
            kept += [] if used else [replace(voucher, amount=voucher.amount - pays)]
        realized = self.realized + (amount if kind in EARNED else ZERO)
        after = replace(
            self, own=self.own + amount + paid, vouchers=tuple(kept), realized=ZERO if paid > 0 else realized
        )
        return after, Payment(amount + paid, -paid)

    def _eligible(self, kind: str, owed: Fraction) -> Fraction:
        if owed <= 0 or KINDS[kind] not in self.rule.pays:
            return ZERO
        eligible = owed
        if self.rule.only_losses_beyond_profit and kind in EARNED:
            eligible = max(ZERO, owed - max(ZERO, self.realized))
        if self.rule.spent == "own_first":
            eligible = min(eligible, max(ZERO, owed - max(ZERO, self.own)))
        return eligible

    def transfer(self, amount: Fraction) -> tuple["Purse", Payment]:
        """Move own cash in, or out (below zero); where the market says so what leaves voids all vouchers.

        Source: MEXC 360054857791 (any transfer out before the bonus is used up forfeits the rest), read 2026-11-22.
        """
        void = amount < 0 and self.rule.forfeited_on_transfer
        after = replace(self, own=self.own + amount, vouchers=() if void else self.vouchers)
        return after, Payment(amount, after.bonus - self.bonus)

    def grant(self, voucher: Voucher) -> "Purse":
        """Put a voucher at the end of the queue."""
        return replace(self, vouchers=(*self.vouchers, voucher))

    def expire(self, now: int) -> tuple["Purse", Payment]:
        """Void the vouchers whose time has come.

        Source: MEXC 360054857791 (after 15 days the rest is taken back), read 2026-11-22.
        """
        kept = tuple(one for one in self.vouchers if one.expires is None or one.expires > now)
        after = replace(self, vouchers=kept)
        return after, Payment(ZERO, after.bonus - self.bonus)


def pay(purse: Purse, flows: Iterable[tuple[str, Fraction]]) -> tuple[Purse, list[Payment]]:
    """Book flows one after another, each a kind and an amount."""
    payments = []
    for kind, amount in flows:
        purse, payment = purse.flow(kind, amount)
        payments.append(payment)
    return purse, payments
