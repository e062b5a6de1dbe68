//! Bonuses of accounts: granted, paid from, void.

use std::collections::BTreeMap;

use crate::book::Keys;
use crate::error::{FaultKind, Result, shown};
use crate::exact::Exact;
use crate::market::BonusRule;

use super::Ledger;
use super::amount::{Amount, Direction, Fixed, in_steps};
use super::bonus::{Flow, Voucher, Vouchers};
use super::staged::{Faulty, Movement, Outcome, Staged, Working, Wrong};
use super::staging::{check_lengths, number, positive};
use super::state::{Cash, State};
use super::trade::{Desk, too_large};

type Checked<T> = std::result::Result<T, Wrong>;

/// Bonuses that venues grant: a row per voucher, in the order in which they pay.
///
/// A voucher pays losses, funding and fees as the market's `[bonus]` says, see [`super::Purse`]; it counts as margin and never
/// leaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grants<'a> {
    /// To whom.
    pub account: Keys<'a>,
    /// In which asset.
    pub asset: Keys<'a>,
    /// How much, in the asset; positive.
    pub amount: &'a [f64],
    /// The share that the voucher pays of what a bonus may pay, above 0 and at most 1; NaN or no column: that of the rules.
    pub paid_share: Option<&'a [f64]>,
    /// When what is left becomes void, on the clock of [`Ledger::expire`]; `None` or no column: never.
    pub expires: Option<&'a [Option<i64>]>,
    /// Where to go with what is no multiple of the quantum; `None` refuses it.
    pub round: Option<Direction>,
}

impl Ledger {
    /// Makes grants ready, in their order; each voucher waits behind those that are there.
    ///
    /// A bonus that a book came with is one voucher, of the share that the rules name, which does not expire.
    ///
    /// # Errors
    /// [`crate::Error::Book`] with faults of the table `grants`: unknown or closed accounts, unknown assets, amounts that are
    /// not positive or no multiple of the quantum without a direction, shares that are none, and markets that have no bonus.
    /// [`crate::Error::Argument`] for columns of unequal length. Nothing is changed.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use crossmargin::book::{Balances, Keys, OnError, Tables};
    /// # use crossmargin::ledger::{Grants, Ledger};
    /// # use crossmargin::{Book, Market};
    /// # let market = Arc::new(Market::preset("bybit-uta", None)?);
    /// # let usdt = market.asset_index("USDT").unwrap() as i64;
    /// # let balances =
    /// #     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[100.0], ..Balances::default() };
    /// # let (book, _) = Book::build(market, Tables { balances, ..Tables::default() }, OnError::Refuse)?;
    /// let mut ledger = Ledger::new(Arc::new(book));
    /// let grants = Grants {
    ///     account: Keys::Int(&[7]),
    ///     asset: Keys::Int(&[usdt]),
    ///     amount: &[30.0],
    ///     expires: Some(&[Some(20_260_701)]),
    ///     ..Grants::default()
    /// };
    /// let staged = ledger.grant(&grants)?;
    /// ledger.commit(staged)?;
    /// assert_eq!(ledger.expire(20_260_630)?.outcome().len(), 0);
    /// assert_eq!(ledger.expire(20_260_701)?.outcome().bonus, [-30.0]);
    /// # Ok::<(), crossmargin::Error>(())
    /// ```
    pub fn grant(&self, grants: &Grants<'_>) -> Result<Staged> {
        let n = grants.account.len();
        let columns = [
            ("grants.asset", grants.asset.len()),
            ("grants.amount", grants.amount.len()),
            ("grants.paid_share", grants.paid_share.map_or(n, <[f64]>::len)),
            ("grants.expires", grants.expires.map_or(n, <[Option<i64>]>::len)),
        ];
        check_lengths(&columns, n)?;
        let (mut working, mut faults) = (BTreeMap::new(), Faulty::new("grants"));
        let mut outcome = Outcome::default();
        for row in 0..n {
            self.row((&mut working, &mut faults), &grants.account, row, |account, of| {
                let (asset, moved) = self.granted(grants, row, of)?;
                outcome.push((row, account, asset), self.quanta[asset], moved);
                Ok(())
            });
        }
        self.stage(working, faults, outcome)
    }

    fn granted(&self, grants: &Grants<'_>, row: usize, of: &mut Working) -> Checked<(usize, Movement)> {
        let asset = self.asset_at(&grants.asset, row)?;
        let amount = positive("amount", grants.amount[row])?;
        let Some(rule) = self.market.rules().bonus().filter(|rule| rule.counts) else {
            let cure = "the market has no bonus; leave it out, or add [bonus] to the market";
            return Err(Wrong::new("amount", shown(amount), FaultKind::Inconsistent, cure));
        };
        let steps = self.in_quanta(&Exact::from_f64(amount), asset, grants.round, "amount")?;
        let mut voucher = Voucher::new(&rule, steps.count);
        let share = grants.paid_share.map_or(f64::NAN, |column| column[row]);
        if !share.is_nan() {
            voucher.paid_share = number("paid_share", share)?;
        }
        voucher.expires = grants.expires.and_then(|column| column[row]);
        if voucher.check().is_err() {
            let cure = "give a fraction above 0 and at most 1";
            return Err(Wrong::new("paid_share", shown(voucher.paid_share), FaultKind::OutOfRange, cure));
        }
        of.touched.push((row, None));
        let (cash, quantum) = (of.state.cash_mut(asset), self.quanta[asset]);
        let mut vouchers = cash.take_vouchers(&rule, quantum)?;
        vouchers.queue.push(voucher);
        cash.settle(&rule, vouchers, (quantum, steps.count))?;
        Ok((asset, Movement { granted: steps.count, remainder: steps.remainder, ..Movement::default() }))
    }

    /// Makes ready that vouchers which expire at a time or before are void; accounts in the order of their numbers.
    ///
    /// # Errors
    /// As [`crate::Book::build`].
    ///
    /// # Examples
    /// See [`Self::grant`].
    pub fn expire(&self, now: i64) -> Result<Staged> {
        let mut outcome = Outcome::default();
        let mut working = BTreeMap::new();
        let mut faults = Faulty::new("grants");
        let Some(rule) = self.market.rules().bonus() else { return Ok(self.nothing()) };
        for (&account, beside) in self.beside.iter().filter(|(_, beside)| !beside.vouchers.is_empty()) {
            let mut of = Working { state: self.state(account as usize), ..Working::default() };
            let before = outcome.len();
            for &(asset, _) in &beside.vouchers {
                let asset = usize::from(asset);
                match of.state.cash_mut(asset).expire(&rule, self.quanta[asset], now) {
                    Ok(0) => {}
                    Ok(void) => {
                        let moved = Movement { granted: -void, ..Movement::default() };
                        outcome.push((outcome.len(), account as usize, asset), self.quanta[asset], moved);
                    }
                    Err(wrong) => faults.add(outcome.len(), wrong),
                }
            }
            if outcome.len() > before {
                of.touched.push((before, None));
                working.insert(account, of);
            }
        }
        self.stage(working, faults, outcome)
    }
}

impl Desk<'_> {
    /// Books quanta that the owner gets (negative: pays): vouchers pay what they may, own cash the rest.
    pub(super) fn flow(&mut self, asset: usize, quanta: i128, (kind, column): (Flow, &'static str)) -> Checked<()> {
        let paid = self.paid_by_bonus(asset, quanta, kind)?;
        self.moved.paid += paid;
        self.pay(asset, quanta + paid, column)
    }

    fn paid_by_bonus(&mut self, asset: usize, quanta: i128, kind: Flow) -> Checked<i128> {
        let Some(rule) = self.ledger.market.rules().bonus() else { return Ok(0) };
        if self.state.has_no_bonus(asset) {
            return Ok(0);
        }
        let quantum = self.ledger.quanta[asset];
        let free = if rule.own_first { self.free_quanta(asset)? } else { 0 };
        let cash = self.state.cash_mut(asset);
        let mut vouchers = cash.take_vouchers(&rule, quantum)?;
        let paid = vouchers.flow(&rule, kind, quanta, free);
        cash.settle(&rule, vouchers, (quantum, -paid))?;
        Ok(paid)
    }

    /// The whole quanta of cash that are not fenced.
    fn free_quanta(&self, asset: usize) -> Checked<i128> {
        let free = self.free(asset)?.to_exact();
        let steps = in_steps(&free, self.ledger.quanta[asset], Some(Direction::Down));
        Ok(steps.map_err(|_| too_large("wallet_balance"))?.count)
    }

    /// Makes the bonus in an asset void, where something that leaves does that.
    pub(super) fn forfeit(&mut self, asset: usize) -> Checked<()> {
        let forfeited = self.ledger.market.rules().bonus().is_some_and(|rule| rule.forfeited);
        if !forfeited || self.state.has_no_bonus(asset) {
            return Ok(());
        }
        let cash = self.state.cash_mut(asset);
        let steps = in_steps(&cash.bonus.fixed().to_exact(), self.ledger.quanta[asset], Some(Direction::Down));
        self.moved.granted -= steps.map_err(|_| too_large("bonus"))?.count;
        (cash.bonus, cash.vouchers) = (Amount::of(0.0), None);
        Ok(())
    }
}

impl State {
    fn has_no_bonus(&self, asset: usize) -> bool {
        let cash = self.cash.iter().find(|cash| usize::from(cash.asset) == asset);
        cash.is_none_or(|cash| cash.bonus.near == 0.0)
    }

    /// Keeps the vouchers of what an account was, where its bonus is still what it was.
    pub(super) fn keep_vouchers(&mut self, was: &Self) {
        for cash in &mut self.cash {
            let same = |old: &&Cash| {
                let same = old.bonus.near.to_bits() == cash.bonus.near.to_bits();
                old.asset == cash.asset && old.bonus.exact.is_none() && same
            };
            if let Some(old) = was.cash.iter().find(same) {
                cash.vouchers.clone_from(&old.vouchers);
            }
        }
    }
}

impl Cash {
    /// The vouchers that a bonus consists of; they are to be put back.
    fn take_vouchers(&mut self, rule: &BonusRule, quantum: Fixed) -> Checked<Vouchers> {
        if let Some(vouchers) = self.vouchers.take() {
            return Ok(*vouchers);
        }
        let steps = in_steps(&self.bonus.fixed().to_exact(), quantum, Some(Direction::Down));
        let all = Voucher::new(rule, steps.map_err(|_| too_large("bonus"))?.count);
        Ok(Vouchers { queue: if all.quanta > 0 { vec![all] } else { Vec::new() }, realized: 0 })
    }

    /// Puts vouchers back, and changes the bonus with them; those that the bonus and the rules tell are not kept.
    fn settle(&mut self, rule: &BonusRule, mut vouchers: Vouchers, (quantum, quanta): (Fixed, i128)) -> Checked<()> {
        let sum = quantum.times(quanta).and_then(|more| self.bonus.fixed().plus(more));
        let bonus = sum.ok_or_else(|| too_large("bonus"))?;
        // What is less than a quantum is nothing once no voucher is left.
        self.bonus = if vouchers.queue.is_empty() { Amount::of(0.0) } else { bonus.into() };
        if !rule.beyond_profit || vouchers.queue.is_empty() {
            vouchers.realized = 0;
        }
        let told = match vouchers.queue.as_slice() {
            [] => true,
            [one] => {
                vouchers.realized == 0 && one.expires.is_none() && one.paid_share.to_bits() == rule.paid_share.to_bits()
            }
            _ => false,
        };
        self.vouchers = (!told).then(|| Box::new(vouchers));
        Ok(())
    }

    fn expire(&mut self, rule: &BonusRule, quantum: Fixed, now: i64) -> Checked<i128> {
        let mut vouchers = self.take_vouchers(rule, quantum)?;
        let void = vouchers.expire(now);
        self.settle(rule, vouchers, (quantum, -void))?;
        Ok(void)
    }
}
