//! Tests of bonuses: what vouchers pay, what never leaves, and that a ledger without them is as it was.

use std::sync::Arc;

use crate::book::{Balances, Keys, OnError, Tables};
use crate::market::{BonusRule, Market, Prices};
use crate::pool::Book;

use super::tests::{LINEAR, RULES, USDT};
use super::tests_agree::Draw;
use super::{Direction, Fills, Flow, Funding, Grants, Ledger, Payment, Purse, Staged, Transfers, Voucher};

/// The market of the other tests, with a bonus.
fn market_with(bonus: &str) -> Arc<Market> {
    let bonus = format!("[bonus]\ncounts_as_margin = true\n{bonus}\n[[asset]]");
    Arc::new(Market::from_toml(&RULES.replacen("[[asset]]", &bonus, 1)).unwrap())
}

fn rule(bonus: &str) -> BonusRule {
    market_with(bonus).rules().bonus().unwrap()
}

fn share(quanta: i128, paid_share: f64) -> Voucher {
    Voucher { quanta, paid_share, expires: None }
}

const ALL: &str = "pays = [\"losses\", \"funding\", \"fees\"]\nspent = \"bonus_first\"";
const BEYOND: &str = "pays = [\"losses\", \"funding\"]\nspent = \"bonus_first\"\nonly_losses_beyond_profit = true";

/// Account 7 with 10,000 dollars of its own and a bonus.
fn ledger_of(market: &Arc<Market>, bonus: f64) -> Ledger {
    let balances = Balances {
        account: Keys::Int(&[7]),
        asset: Keys::Int(&[USDT]),
        wallet_balance: &[10_000.0],
        bonus: Some(&[bonus]),
        ..Balances::default()
    };
    let tables = Tables { balances, ..Tables::default() };
    Ledger::new(Arc::new(Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0))
}

fn fill(ledger: &mut Ledger, quantity: f64, price: f64, fee: f64) -> Staged {
    let fills = Fills {
        account: Keys::Int(&[7]),
        instrument: Keys::Int(&[LINEAR]),
        quantity: &[quantity],
        price: &[price],
        fee: Some(&[fee]),
        ..Fills::default()
    };
    let staged = ledger.fills(&fills).unwrap();
    ledger.commit(staged.clone()).unwrap();
    staged
}

/// The wallet and the bonus of account 7.
fn cash(ledger: &Ledger) -> (f64, f64) {
    let (book, pools) = ledger.held(0);
    (book.holdings().layer_wallet(pools.start), book.holdings().bonus(pools.start))
}

fn check(got: (f64, f64), expected: (f64, f64)) {
    assert_eq!((got.0.to_bits(), got.1.to_bits()), (expected.0.to_bits(), expected.1.to_bits()), "{got:?}");
}

#[test]
fn test_bonus_loss_beyond_profit_is_shared_at_the_vouchers_ratio() {
    let mut purse = Purse::new(&rule(BEYOND), 1_000, vec![share(50, 0.5)]).unwrap();
    assert_eq!(purse.flow(Flow::Loss, 100).unwrap(), Payment { own: 100, bonus: 0 });
    assert_eq!(purse.flow(Flow::Loss, -110).unwrap(), Payment { own: -105, bonus: -5 });
    // A redemption: what was realised before counts no more.
    assert_eq!(purse.realized(), 0);
    assert_eq!(purse.flow(Flow::Fee, -10).unwrap(), Payment { own: -10, bonus: 0 });
    assert_eq!(purse.flow(Flow::Funding, -3).unwrap(), Payment { own: -2, bonus: -1 });
}

#[test]
fn test_bonus_used_up_hands_on_what_it_was_not_enough_for() {
    let mut purse = Purse::new(&rule(ALL), 100, vec![share(3, 0.4), share(100, 0.5)]).unwrap();
    // 3 settle 7.5 of 20; half of the other 12.5.
    assert_eq!(purse.flow(Flow::Loss, -20).unwrap(), Payment { own: -11, bonus: -9 });
    assert_eq!(purse.vouchers(), [share(94, 0.5)]);
    // Cut to 1 of 1.5, which settles 100 of 150.
    let mut purse = Purse::new(&rule(ALL), 100, vec![share(1, 0.01), share(100, 1.0)]).unwrap();
    assert_eq!(purse.flow(Flow::Loss, -150).unwrap(), Payment { own: -99, bonus: -51 });
    // Just what it has: nothing goes on.
    let mut purse = Purse::new(&rule(ALL), 100, vec![share(3, 0.3), share(100, 1.0)]).unwrap();
    assert_eq!(purse.flow(Flow::Fee, -10).unwrap(), Payment { own: -7, bonus: -3 });
    assert_eq!(purse.flow(Flow::Fee, -10).unwrap(), Payment { own: 0, bonus: -10 });
}

#[test]
fn test_bonus_that_own_money_comes_before_pays_only_what_that_cannot() {
    let mut purse = Purse::new(&rule("pays = [\"losses\"]\nspent = \"own_first\""), 10, vec![share(50, 1.0)]).unwrap();
    assert_eq!(purse.flow(Flow::Loss, -8).unwrap(), Payment { own: -8, bonus: 0 });
    assert_eq!(purse.flow(Flow::Loss, -8).unwrap(), Payment { own: -2, bonus: -6 });
    assert_eq!(purse.flow(Flow::Funding, -1).unwrap(), Payment { own: -1, bonus: 0 });
    // Own cash below nothing pays nothing.
    assert_eq!(purse.flow(Flow::Loss, -4).unwrap(), Payment { own: 0, bonus: -4 });
}

#[test]
fn test_bonus_never_leaves_and_is_void_where_the_rules_say_so() {
    let kept = Purse::new(&rule(ALL), 10, vec![share(50, 1.0)]).unwrap();
    let mut purse = kept.clone();
    assert_eq!(
        purse.transfer_out(11).unwrap_err().to_string(),
        "amount was 11 quanta, and 10 are own cash: a bonus does not leave"
    );
    assert_eq!(purse, kept);
    assert_eq!(purse.transfer_out(4).unwrap(), Payment { own: -4, bonus: 0 });
    let void = format!("{ALL}\nforfeited_on_transfer = true");
    let mut purse = Purse::new(&rule(&void), 10, vec![share(50, 1.0)]).unwrap();
    assert_eq!(purse.transfer_out(0).unwrap(), Payment::default());
    assert_eq!(purse.transfer_out(4).unwrap(), Payment { own: -4, bonus: -50 });
    assert_eq!((purse.own(), purse.bonus()), (6, 0));
    assert_eq!(purse.transfer_in(4).unwrap(), Payment { own: 4, bonus: 0 });
}

#[test]
fn test_bonus_that_cannot_be_is_refused_by_name() {
    let said = |result: crate::error::Result<Purse>| result.unwrap_err().to_string();
    let rule = rule(ALL);
    assert_eq!(
        said(Purse::new(&rule, 0, vec![share(1, 0.0)])),
        "voucher.paid_share was 0, expected a fraction above 0 and at most 1"
    );
    assert_eq!(said(Purse::new(&rule, 0, vec![share(-1, 1.0)])), "voucher had -1 quanta, expected 0 or more");
    let mut purse = Purse::new(&rule, 0, vec![]).unwrap();
    let most = 10_i128.pow(37);
    assert_eq!(
        purse.flow(Flow::Loss, most).unwrap_err().to_string(),
        format!("amount was {most} quanta, which is more than can be counted: check the unit")
    );
    assert_eq!(purse.transfer_in(-1).unwrap_err().to_string(), "amount was -1 quanta, expected 0 or more");
}

#[test]
fn prop_bonus_never_becomes_own_and_all_is_counted() {
    let rules = [ALL, BEYOND, "pays = [\"losses\"]\nspent = \"own_first\"", "pays = []\nspent = \"bonus_first\""];
    for seed in 0..200 {
        let mut draw = Draw::new(seed);
        let rule = rule(rules[draw.below(4) as usize]);
        let vouchers = (0..draw.below(4)).map(|_| {
            let expires = (draw.below(3) == 0).then(|| i64::from(draw.below(9)));
            Voucher { quanta: draw.below(60).into(), paid_share: f64::from(draw.below(10) + 1) / 10.0, expires }
        });
        let mut purse = Purse::new(&rule, 100, vouchers.collect()).unwrap();
        // What the owner would have without any bonus.
        let mut alone = 100_i128;
        for _ in 0..30 {
            let quanta = i128::from(draw.below(60)) - 40;
            let kind = [Flow::Loss, Flow::Funding, Flow::Fee][draw.below(3) as usize];
            let before = (purse.own(), purse.bonus());
            let paid = purse.flow(kind, quanta).unwrap();
            assert_eq!(paid.own + paid.bonus, quanta);
            assert!(paid.bonus <= 0 && (quanta < 0 || paid.bonus == 0) && (quanta >= 0 || paid.own <= 0));
            assert_eq!((purse.own(), purse.bonus()), (before.0 + paid.own, before.1 + paid.bonus));
            assert!(purse.vouchers().iter().all(|voucher| voucher.quanta > 0));
            alone += quanta;
            assert!(purse.own() >= alone);
            let void = purse.expire(draw.below(9).into());
            assert_eq!((void.own, purse.bonus()), (0, before.1 + paid.bonus + void.bonus));
        }
    }
}

#[test]
fn test_ledger_losses_and_fees_come_out_of_the_bonus_first() {
    let mut ledger = ledger_of(&market_with(ALL), 30.0);
    fill(&mut ledger, 1.0, 50_000.0, 1.5);
    check(cash(&ledger), (10_000.0, 28.5));
    let staged = fill(&mut ledger, -0.5, 49_900.0, 0.5);
    let outcome = staged.outcome();
    assert_eq!((outcome.realized_pnl[0], outcome.fee[0], outcome.bonus[0]), (-50.0, 0.5, -28.5));
    // 28.5 of 50.5, the rest in quanta of 10^-8.
    assert_eq!(outcome.moved[0], -2_200_000_000);
    check(cash(&ledger), (9_978.0, 0.0));
    // Profit is the owner's.
    fill(&mut ledger, -0.5, 50_100.0, -0.25);
    check(cash(&ledger), (10_028.25, 0.0));
}

#[test]
fn test_ledger_funding_of_an_isolated_position_takes_the_whole_off_its_fence() {
    let mut ledger = ledger_of(&market_with(ALL), 4.0);
    let names = ["isolated".to_owned()];
    let mode = crate::book::TextKeys { codes: &[0], names: &names };
    let fills = Fills {
        account: Keys::Int(&[7]),
        instrument: Keys::Int(&[LINEAR]),
        quantity: &[0.1],
        price: &[50_000.0],
        isolated_margin: Some(&[500.0]),
        margin_mode: Some(mode),
        ..Fills::default()
    };
    let staged = ledger.fills(&fills).unwrap();
    ledger.commit(staged).unwrap();
    let funding = Funding { instrument: Keys::Int(&[LINEAR]), rate: &[0.002], price: None, ..Funding::default() };
    let market = Arc::clone(ledger.market());
    let prices = Prices::by_name(&market, &[("BTCUSDT", 50_000.0)], &[]).unwrap();
    let staged = ledger.funding(&funding, &prices).unwrap();
    assert_eq!((staged.outcome().amount[0], staged.outcome().bonus[0]), (-10.0, -4.0));
    ledger.commit(staged).unwrap();
    check(cash(&ledger), (9_994.0, 0.0));
    let (book, pools) = ledger.held(0);
    assert_eq!(book.holdings().layer_wallet(pools.start + 1).to_bits(), 490.0_f64.to_bits());
}

#[test]
fn test_ledger_transfer_out_voids_the_bonus_where_the_rules_say_so() {
    let out = |amount| Transfers { account: Keys::Int(&[7]), asset: Keys::Int(&[USDT]), amount, round: None };
    for (bonus, left) in [(ALL.to_owned(), 30.0), (format!("{ALL}\nforfeited_on_transfer = true"), 0.0)] {
        let mut ledger = ledger_of(&market_with(&bonus), 30.0);
        assert!(ledger.transfers(&out(&[-10_000.01])).unwrap_err().to_string().contains("that are free"));
        let staged = ledger.transfers(&out(&[5.0])).unwrap();
        ledger.commit(staged).unwrap();
        check(cash(&ledger), (10_005.0, 30.0));
        let staged = ledger.transfers(&out(&[-1.0])).unwrap();
        assert_eq!(staged.outcome().bonus[0].to_bits(), (left - 30.0_f64).to_bits());
        assert_eq!(staged.outcome().moved[0], -100_000_000);
        ledger.commit(staged).unwrap();
        check(cash(&ledger), (10_004.0, left));
    }
}

#[test]
fn test_ledger_vouchers_pay_expire_and_come_back_with_a_snapshot() {
    let mut ledger = ledger_of(&market_with(BEYOND), 10.0);
    let grants = Grants {
        account: Keys::Int(&[7, 7]),
        asset: Keys::Int(&[USDT, USDT]),
        amount: &[20.0, 5.0],
        paid_share: Some(&[0.5, f64::NAN]),
        expires: Some(&[None, Some(900)]),
        round: None,
    };
    let staged = ledger.grant(&grants).unwrap();
    assert_eq!(staged.outcome().bonus, [20.0, 5.0]);
    assert_eq!(staged.outcome().moved, [0, 0]);
    ledger.commit(staged).unwrap();
    check(cash(&ledger), (10_000.0, 35.0));
    fill(&mut ledger, 1.0, 50_000.0, 1.0);
    fill(&mut ledger, -0.5, 50_020.0, 0.0);
    check(cash(&ledger), (10_009.0, 35.0));
    let mut bytes = Vec::new();
    ledger.write(&mut bytes);
    let mut back = Ledger::read(&mut bytes.as_slice()).unwrap();
    for ledger in [&mut ledger, &mut back] {
        // 10 of 50 are profit of before; the first voucher pays 10, the second half of 30.
        fill(ledger, -0.5, 49_900.0, 0.0);
        check(cash(ledger), (9_984.0, 10.0));
        assert_eq!(ledger.expire(899).unwrap().outcome().len(), 0);
        let staged = ledger.expire(900).unwrap();
        assert_eq!(staged.outcome().bonus, [-5.0]);
        ledger.commit(staged).unwrap();
        check(cash(ledger), (9_984.0, 5.0));
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    ledger.write(&mut a);
    back.write(&mut b);
    assert_eq!(a, b);
}

#[test]
fn test_ledger_replaced_account_keeps_vouchers_of_a_bonus_that_stays() {
    let mut ledger = ledger_of(&market_with(ALL), 0.0);
    let grants = |expires| Grants {
        account: Keys::Int(&[7]),
        asset: Keys::Int(&[USDT]),
        amount: &[20.0],
        expires: Some(expires),
        ..Grants::default()
    };
    let staged = ledger.grant(&grants(&[Some(1)])).unwrap();
    ledger.commit(staged).unwrap();
    for (bonus, expiring) in [(20.0, 1), (21.0, 0)] {
        let balances = Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[USDT]),
            wallet_balance: &[50.0],
            bonus: Some(&[bonus]),
            ..Balances::default()
        };
        let staged = ledger.replace(&Tables { balances, ..Tables::default() }).unwrap();
        ledger.commit(staged).unwrap();
        assert_eq!(ledger.expire(1).unwrap().outcome().len(), expiring);
    }
}

#[test]
fn test_grants_faults_name_the_row_and_the_cure() {
    let grants = Grants {
        account: Keys::Int(&[7, 8, 7]),
        asset: Keys::Int(&[USDT, USDT, USDT]),
        amount: &[-1.0, 1.0, 1.0],
        paid_share: Some(&[1.0, 1.0, 1.5]),
        ..Grants::default()
    };
    let said = ledger_of(&market_with(ALL), 0.0).grant(&grants).unwrap_err().to_string();
    assert!(said.contains("grants.amount[0] was -1: give a positive number"), "{said}");
    assert!(said.contains("grants.account[1] was 8: there is no such account; open it first"), "{said}");
    let one = Grants { account: Keys::Int(&[7]), asset: Keys::Int(&[USDT]), amount: &[1.0], ..Grants::default() };
    let shares = Grants { paid_share: Some(&[1.5]), ..one };
    assert_eq!(
        ledger_of(&market_with(ALL), 0.0).grant(&shares).unwrap_err().to_string(),
        "grants.paid_share[0] was 1.5: give a fraction above 0 and at most 1"
    );
    assert_eq!(
        super::tests::ledger().grant(&one).unwrap_err().to_string(),
        "grants.amount[0] was 1: the market has no bonus; leave it out, or add [bonus] to the market"
    );
}

#[test]
fn test_fees_of_a_discounted_profile_are_less_and_rebates_are_whole() {
    let text = RULES
        .replace("maker = 0.0002\n", "maker = 0.0002\ndiscount = 0.1\n")
        .replace("taker = 0.0003\n", "taker = 0.0003\ndiscounted = true\n");
    let market = Arc::new(Market::from_toml(&text).unwrap());
    let names = ["vip".to_owned()];
    let balances = Balances {
        account: Keys::Int(&[7, 8]),
        asset: Keys::Int(&[USDT, USDT]),
        wallet_balance: &[10_000.0, 10_000.0],
        ..Balances::default()
    };
    let accounts = crate::book::Accounts {
        account: Keys::Int(&[7]),
        profile: Some(crate::book::TextKeys { codes: &[0], names: &names }),
        ..crate::book::Accounts::default()
    };
    let tables = Tables { balances, accounts, ..Tables::default() };
    let ledger = Ledger::new(Arc::new(Book::build(market, tables, OnError::Refuse).unwrap().0));
    let fills = Fills {
        account: Keys::Int(&[7, 7, 8]),
        instrument: Keys::Int(&[LINEAR, LINEAR, LINEAR]),
        quantity: &[1.0, -1.0, 1.0],
        price: &[50_000.0, 50_000.0, 50_000.0],
        maker: Some(&[false, true, false]),
        round: Some(Direction::Nearest),
        ..Fills::default()
    };
    // 0.03 % less a tenth; a rebate of 0.01 %; 0.05 %.
    assert_eq!(ledger.fills(&fills).unwrap().outcome().fee, [13.5, -5.0, 25.0]);
}
