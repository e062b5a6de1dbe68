//! Transfers: cash that comes and goes.

use std::collections::BTreeMap;

use crate::book::Keys;
use crate::error::{FaultKind, Result, shown};
use crate::exact::Exact;

use super::Ledger;
use super::amount::Direction;
use super::staged::{Faulty, Movement, Outcome, Staged, Working, Wrong};
use super::staging::{check_lengths, number};
use super::trade::Desk;

/// Cash moved in and out: a row per movement, in the order in which they happened.
///
/// What leaves must be there: the wallet of the asset less what is fenced for isolated positions. Whether the venue would let
/// it leave, with the positions that are open, is not asked here. A bonus does not leave; where the rules say so, what is left
/// of it in the asset is void when something does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transfers<'a> {
    /// Whose.
    pub account: Keys<'a>,
    /// Of which asset.
    pub asset: Keys<'a>,
    /// What was paid in (positive) or out, in the asset.
    pub amount: &'a [f64],
    /// Where to go with what is no multiple of the quantum; `None` refuses it.
    pub round: Option<Direction>,
}

impl Ledger {
    /// Makes transfers ready, in their order.
    ///
    /// # Errors
    /// [`crate::Error::Book`] with faults of the table `transfers`: unknown or closed accounts, unknown assets, amounts that
    /// are zero, no numbers, or no multiple of the quantum without a direction, and more than is free.
    /// [`crate::Error::Argument`] for columns of unequal length. Nothing is changed.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use crossmargin::book::{Balances, Keys, OnError, Tables};
    /// # use crossmargin::ledger::{Ledger, Transfers};
    /// # use crossmargin::{Book, Market};
    /// # let market = Arc::new(Market::preset("binance-usdm", None)?);
    /// # let usdt = market.asset_index("USDT").unwrap() as i64;
    /// # let balances =
    /// #     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[100.0], ..Balances::default() };
    /// # let (book, _) = Book::build(market, Tables { balances, ..Tables::default() }, OnError::Refuse)?;
    /// let ledger = Ledger::new(Arc::new(book));
    /// let out = Transfers { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), amount: &[-250.0], round: None };
    /// assert_eq!(
    ///     ledger.transfers(&out).unwrap_err().to_string(),
    ///     "transfers.amount[0] was -250: account 7 has 100 USDT that are free; take out no more than that"
    /// );
    /// # Ok::<(), crossmargin::Error>(())
    /// ```
    pub fn transfers(&self, transfers: &Transfers<'_>) -> Result<Staged> {
        let n = transfers.account.len();
        check_lengths(&[("transfers.asset", transfers.asset.len()), ("transfers.amount", transfers.amount.len())], n)?;
        let (mut working, mut faults) = (BTreeMap::new(), Faulty::new("transfers"));
        let mut outcome = Outcome::default();
        for row in 0..n {
            self.row((&mut working, &mut faults), &transfers.account, row, |account, of| {
                let (asset, moved) = self.transfer(transfers, row, account, of)?;
                outcome.push((row, account, asset), self.quanta[asset], moved);
                Ok(())
            });
        }
        self.stage(working, faults, outcome)
    }

    fn transfer(
        &self,
        transfers: &Transfers<'_>,
        row: usize,
        account: usize,
        of: &mut Working,
    ) -> std::result::Result<(usize, Movement), Wrong> {
        let asset = self.asset_at(&transfers.asset, row)?;
        let amount = number("amount", transfers.amount[row])?;
        if amount == 0.0 {
            return Err(Wrong::new("amount", shown(amount), FaultKind::Zero, "leave out what did not move"));
        }
        of.touched.push((row, None));
        let steps = self.in_quanta(&Exact::from_f64(amount), asset, transfers.round, "amount")?;
        let moved = Movement { amount: steps.count, remainder: steps.remainder, ..Movement::default() };
        let mut desk = Desk {
            ledger: self,
            account,
            state: &mut of.state,
            direction: transfers.round,
            moved: Movement::default(),
        };
        if steps.count < 0 {
            let free = desk.free(asset)?;
            let asked = self.quanta[asset].times(-steps.count);
            if asked.is_none_or(|asked| asked.compare(free).is_gt()) {
                let cure = format!(
                    "account {} has {} {} that are free; take out no more than that",
                    self.key(account).show(),
                    shown(free.to_f64().max(0.0)),
                    self.market.assets()[asset].name()
                );
                return Err(Wrong::new("amount", shown(amount), FaultKind::BeyondFunds, cure));
            }
        }
        desk.pay(asset, steps.count, "amount")?;
        if steps.count < 0 {
            desk.forfeit(asset)?;
        }
        Ok((asset, Movement { granted: desk.moved.granted, ..moved }))
    }
}
