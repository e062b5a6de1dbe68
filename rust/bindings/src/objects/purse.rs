//! `Purse`: own cash and vouchers of one asset, in quanta.

use std::sync::Mutex;

use crossmargin::ledger::{self as engine, Flow, Payment, Voucher};
use crossmargin::market::BonusRule;
use pyo3::prelude::*;

use super::market::Market;
use super::options::choice;
use crate::door::through;
use crate::errors::{argument, internal};

/// Quanta, the share that is paid (`None`: the market's), and when it is void.
type GivenVoucher = (i128, Option<f64>, Option<i64>);

/// Own cash and vouchers; everything is counted in quanta of the asset.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct Purse {
    rule: BonusRule,
    state: Mutex<engine::Purse>,
}

impl Purse {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut engine::Purse) -> crossmargin::Result<T> + Send,
    ) -> PyResult<T> {
        let made = through(py, || match self.state.lock() {
            Ok(mut purse) => work(&mut purse).map(Some),
            Err(_) => Ok(None),
        })?;
        made.ok_or_else(|| internal(py, "the purse was left half changed"))
    }
}

/// A voucher as the engine has it.
fn voucher(rule: &BonusRule, (quanta, share, expires): GivenVoucher) -> Voucher {
    Voucher { quanta, paid_share: share.unwrap_or(rule.paid_share), expires }
}

#[pymethods]
impl Purse {
    #[new]
    fn new(py: Python<'_>, market: &Market, own: i128, vouchers: Vec<GivenVoucher>) -> PyResult<Self> {
        let unknown = || argument(py, "market", format!("was {:?}, which has no bonus", market.0.id()));
        let rule = market.0.rules().bonus().ok_or_else(unknown)?;
        let vouchers = vouchers.into_iter().map(|given| voucher(&rule, given)).collect();
        let purse = through(py, || engine::Purse::new(&rule, own, vouchers))?;
        Ok(Self { rule, state: Mutex::new(purse) })
    }

    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        let purse = self.with(py, |purse| Ok(purse.clone()))?;
        Ok(Self { rule: self.rule, state: Mutex::new(purse) })
    }

    /// Books a flow that the owner gets (negative: pays); gives what own cash and bonus changed by.
    fn flow(&self, py: Python<'_>, kind_word: &str, quanta: i128) -> PyResult<(i128, i128)> {
        let kinds = [("loss", Flow::Loss), ("funding", Flow::Funding), ("fee", Flow::Fee)];
        let kind = choice(py, "kind", kind_word, &kinds)?;
        self.with(py, |purse| purse.flow(kind, quanta)).map(changes)
    }

    /// Puts own cash in.
    fn transfer_in(&self, py: Python<'_>, quanta: i128) -> PyResult<(i128, i128)> {
        self.with(py, |purse| purse.transfer_in(quanta)).map(changes)
    }

    /// Takes own cash out; where the rules say so, vouchers are void then.
    fn transfer_out(&self, py: Python<'_>, quanta: i128) -> PyResult<(i128, i128)> {
        self.with(py, |purse| purse.transfer_out(quanta)).map(changes)
    }

    /// Adds a voucher at the end of the queue.
    fn grant(&self, py: Python<'_>, given: GivenVoucher) -> PyResult<()> {
        let voucher = voucher(&self.rule, given);
        self.with(py, |purse| purse.grant(voucher))
    }

    /// Lets vouchers go that are void at a time.
    fn expire(&self, py: Python<'_>, now: i64) -> PyResult<(i128, i128)> {
        self.with(py, |purse| Ok(purse.expire(now))).map(changes)
    }

    fn own(&self, py: Python<'_>) -> PyResult<i128> {
        self.with(py, |purse| Ok(purse.own()))
    }

    fn bonus(&self, py: Python<'_>) -> PyResult<i128> {
        self.with(py, |purse| Ok(purse.bonus()))
    }

    fn realized(&self, py: Python<'_>) -> PyResult<i128> {
        self.with(py, |purse| Ok(purse.realized()))
    }

    /// What is left of each voucher, its share, and when it is void.
    fn vouchers(&self, py: Python<'_>) -> PyResult<Vec<(i128, f64, Option<i64>)>> {
        let of = |voucher: &Voucher| (voucher.quanta, voucher.paid_share, voucher.expires);
        self.with(py, |purse| Ok(purse.vouchers().iter().map(of).collect()))
    }
}

fn changes(payment: Payment) -> (i128, i128) {
    (payment.own, payment.bonus)
}
