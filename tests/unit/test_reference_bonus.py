"""Who pays a loss, the venue's credit or the owner, by the reference. Expected values from sources and by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest

from crossmargin.reference import ReferenceInputError, exact, load_market
from crossmargin.reference.bonus import Payment, Purse, Voucher, pay
from crossmargin.reference.gates import BonusRules
from crossmargin.reference.ledger import fill, fund, read_holdings, transfer
from crossmargin.testing.markets import InstrumentSpec, market_toml

CENT = Fraction(1, 100)
ALL = BonusRules(counts_as_margin=True, pays=("losses", "funding", "fees"))


def purse(rule: BonusRules = ALL, own: int = 0, *vouchers: tuple[int, str]) -> Purse:
    return Purse(
        rule, CENT, Fraction(own), tuple(Voucher(Fraction(amount), exact(share)) for amount, share in vouchers)
    )


def test_bonus_loss_beyond_profit_is_shared_at_the_vouchers_ratio() -> None:
    # BingX 12089589367439: a fund of 50 at 50 %, +100 and then -110: 10 are not covered, the fund pays 5.
    rule = BonusRules(counts_as_margin=True, pays=("losses", "funding"), only_losses_beyond_profit=True)
    after, payments = pay(purse(rule, 0, (50, "0.5")), [("loss", Fraction(100)), ("loss", Fraction(-110))])
    assert payments == [Payment(Fraction(100)), Payment(Fraction(-105), Fraction(-5))]
    assert (after.own, after.bonus, after.realized) == (-5, 45, 0)


def test_bonus_pays_before_own_money_until_it_is_used_up() -> None:
    after, payments = pay(
        purse(ALL, 100, (30, "1")), [("loss", Fraction(-20)), ("fee", Fraction(-15)), ("loss", Fraction(-1))]
    )
    assert payments == [
        Payment(Fraction(0), Fraction(-20)),
        Payment(Fraction(-5), Fraction(-10)),
        Payment(Fraction(-1), Fraction(0)),
    ]
    assert (after.own, after.vouchers) == (94, ())


def test_bonus_after_own_money_pays_only_what_own_money_cannot() -> None:
    after, (payment,) = pay(purse(replace(ALL, spent="own_first"), 8, (30, "1")), [("loss", Fraction(-20))])
    assert payment == Payment(Fraction(-8), Fraction(-12))
    assert (after.own, after.bonus) == (0, 18)


def test_bonus_pays_only_the_kinds_that_the_market_names() -> None:
    rule = replace(ALL, pays=("losses",))
    _, payments = pay(
        purse(rule, 0, (30, "1")), [("fee", Fraction(-1)), ("funding", Fraction(-2)), ("loss", Fraction(-3))]
    )
    assert [payment.bonus for payment in payments] == [0, 0, -3]


def test_bonus_vouchers_are_used_in_their_order_each_at_its_ratio() -> None:
    # 10 at a half cover 20 of 26; of the other 6 the next pays a quarter: 1.5
    after, (payment,) = pay(purse(ALL, 100, (10, "0.5"), (40, "0.25")), [("loss", Fraction(-26))])
    assert payment == Payment(Fraction(-29, 2), Fraction(-23, 2))
    assert [one.amount for one in after.vouchers] == [Fraction(77, 2)]


def test_bonus_of_a_share_between_quanta_leaves_the_rest_to_the_owner() -> None:
    _, (payment,) = pay(purse(ALL, 0, (50, "0.5")), [("loss", Fraction(-1, 100))])
    assert payment == Payment(-CENT, Fraction(0))


def test_bonus_profit_is_the_owners_and_a_payment_redeems_what_was_realised() -> None:
    rule = replace(ALL, only_losses_beyond_profit=True)
    flows = [("loss", Fraction(40)), ("funding", Fraction(-10)), ("loss", Fraction(-35)), ("loss", Fraction(-5))]
    after, payments = pay(purse(rule, 0, (50, "1")), flows)
    assert [payment.bonus for payment in payments] == [0, 0, -5, -5]
    assert after.own == 0


def test_bonus_is_void_after_a_transfer_out_or_its_day() -> None:
    void, payment = purse(replace(ALL, forfeited_on_transfer=True), 10, (50, "1")).transfer(Fraction(-1))
    assert (void.bonus, payment) == (0, Payment(Fraction(-1), Fraction(-50)))
    kept, _ = purse(ALL, 10, (50, "1")).transfer(Fraction(-1))
    assert kept.bonus == 50
    dated = purse(ALL, 0).grant(Voucher(Fraction(5), expires=15)).grant(Voucher(Fraction(7), expires=16))
    late, gone = dated.expire(15)
    assert (late.bonus, gone.bonus) == (7, -5)


def test_bonus_unknown_kind_of_flow_is_refused() -> None:
    with pytest.raises(ReferenceInputError, match="kind was 'interest'"):
        purse().flow("interest", Fraction(-1))


def test_ledger_losses_fees_and_funding_come_out_of_the_bonus() -> None:
    bonus = {"counts_as_margin": True, "pays": ["losses", "funding", "fees"], "forfeited_on_transfer": True}
    market = load_market(market_toml([InstrumentSpec("X")], sections={"bonus": bonus}))
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 100, "bonus": 30}]
    held = [{"account": 1, "instrument": "X", "quantity": 2, "entry_price": 100}]
    account = read_holdings(market, cash, held)[1]
    sold = fill(market, account, {"instrument": "X", "quantity": -1, "price": 90, "fee": "1"})
    assert (sold.wallet("USDT"), sold.balances["USDT"].bonus) == (100, 19)
    paid = fund(market, sold, {"instrument": "X", "rate": 0.25, "price": 100})
    assert (paid.wallet("USDT"), paid.balances["USDT"].bonus) == (94, 0)
    left = transfer(market, account, {"asset": "USDT", "amount": -1})
    assert (left.wallet("USDT"), left.balances["USDT"].bonus) == (99, 0)


def test_ledger_fence_shrinks_by_the_whole_loss_and_the_wallet_by_the_own_part() -> None:
    bonus = {"counts_as_margin": True, "pays": ["funding"], "paid_share": 0.5}
    market = load_market(market_toml([InstrumentSpec("X")], sections={"bonus": bonus}))
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 100, "bonus": 30}]
    held = [
        {
            "account": 1,
            "instrument": "X",
            "quantity": 2,
            "entry_price": 100,
            "margin_mode": "isolated",
            "isolated_margin": 20,
        }
    ]
    account = read_holdings(market, cash, held)[1]
    paid = fund(market, account, {"instrument": "X", "rate": 0.02, "price": 100})
    assert (paid.wallet("USDT"), paid.balances["USDT"].bonus) == (98, 28)
    assert paid.positions[0].isolated_margin == 16
