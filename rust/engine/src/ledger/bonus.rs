//! A bonus: credit that pays losses, funding or fees, voucher by voucher, and never leaves.

use crate::error::{Error, Result, shown};
use crate::exact::Exact;
use crate::market::BonusRule;

use super::amount::{Direction, Fixed, MOST, in_steps};

/// What money moves for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Profit (positive) or loss of what was closed.
    Loss,
    /// Funding.
    Funding,
    /// A fee (negative) or rebate.
    Fee,
}

/// A part of a bonus that was granted at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voucher {
    /// What is left of it, in quanta of its asset.
    pub quanta: i128,
    /// The share that it pays of what a bonus may pay, above 0 and at most 1; own money pays the rest.
    pub paid_share: f64,
    /// When what is left becomes void, on the clock of [`Purse::expire`]; `None` for never.
    pub expires: Option<i64>,
}

impl Voucher {
    /// A voucher of the share that the rule names, which does not expire.
    #[must_use]
    pub const fn new(rule: &BonusRule, quanta: i128) -> Self {
        Self { quanta, paid_share: rule.paid_share, expires: None }
    }

    /// Refuses amounts that cannot be counted, and shares that are none.
    pub(super) fn check(&self) -> Result<()> {
        check_count("voucher", self.quanta)?;
        if self.quanta < 0 {
            return Err(Error::argument("voucher", format!("had {} quanta, expected 0 or more", self.quanta)));
        }
        if self.paid_share > 0.0 && self.paid_share <= 1.0 {
            return Ok(());
        }
        let message = format!("was {}, expected a fraction above 0 and at most 1", shown(self.paid_share));
        Err(Error::argument("voucher.paid_share", message))
    }
}

/// What a movement changed, in quanta; both are negative where the owner's side pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payment {
    /// The change of own cash.
    pub own: i128,
    /// The change of the bonus.
    pub bonus: i128,
}

/// Vouchers in the order in which they pay, and what was realised since they last did.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Vouchers {
    pub(super) queue: Vec<Voucher>,
    pub(super) realized: i128,
}

impl Vouchers {
    /// What is left in all.
    pub(super) fn left(&self) -> i128 {
        self.queue.iter().fold(0, |sum: i128, voucher| sum.saturating_add(voucher.quanta))
    }

    /// Books a movement: what vouchers pay of it. `own` is the own cash that is free to pay before.
    pub(super) fn flow(&mut self, rule: &BonusRule, kind: Flow, quanta: i128, own: i128) -> i128 {
        let of_trading = kind != Flow::Fee;
        let mut eligible = if rule.pays[kind as usize] { quanta.saturating_neg().max(0) } else { 0 };
        if rule.beyond_profit && of_trading {
            eligible = eligible.saturating_sub(self.realized.max(0)).max(0);
        }
        if rule.own_first {
            eligible = eligible.min(quanta.saturating_neg().saturating_sub(own.max(0)).max(0));
        }
        let paid = self.draw(eligible);
        if of_trading {
            self.realized = self.realized.saturating_add(quanta);
        }
        if paid > 0 {
            self.realized = 0;
        }
        paid
    }

    /// Takes what vouchers pay of an amount that they may pay: each its share of all of it, or all that it has. One that is
    /// used up has settled what that is the share of; the rest goes to the next.
    fn draw(&mut self, eligible: i128) -> i128 {
        let (mut left, mut paid) = (Exact::from_digits(eligible.max(0), 0), 0_i128);
        for voucher in &mut self.queue {
            let share = Exact::from_f64(voucher.paid_share);
            let pays = whole(&(left.clone() * share.clone())).min(voucher.quanta);
            voucher.quanta -= pays;
            paid = paid.saturating_add(pays);
            if voucher.quanta > 0 {
                break;
            }
            left = left - Exact::from_digits(pays, 0).checked_div(&share).unwrap_or_else(Exact::zero);
        }
        self.queue.retain(|voucher| voucher.quanta > 0);
        paid
    }

    /// Makes void what has expired; how much that was.
    pub(super) fn expire(&mut self, now: i64) -> i128 {
        let before = self.left();
        self.queue.retain(|voucher| voucher.expires.is_none_or(|at| at > now));
        before - self.left()
    }
}

/// A count, cut to a whole one.
fn whole(x: &Exact) -> i128 {
    const ONE: Fixed = Fixed { digits: 1, exponent: 0 };
    // More than can be counted is more than any voucher has.
    in_steps(x, ONE, Some(Direction::Down)).map_or(i128::MAX, |steps| steps.count)
}

fn check_count(name: &'static str, quanta: i128) -> Result<()> {
    if quanta.unsigned_abs() < MOST {
        return Ok(());
    }
    Err(Error::argument(name, format!("was {quanta} quanta, which is more than can be counted: check the unit")))
}

/// The own cash and the bonus of one account in one asset, in quanta of the asset.
///
/// Profit, rebates and received funding are own money. Of a loss, of funding and of a fee vouchers pay, where the rule lets
/// them, in the order in which they were granted: `floor(paid_share * eligible)`, at most what is left of the voucher; a
/// voucher that is used up hands on what it was not enough for. `eligible` is all of it; with `only_losses_beyond_profit` what
/// is more than was realised since a voucher last paid; with `spent = "own_first"` what own cash cannot pay. What is cut is
/// the owner's to pay. A bonus never becomes own cash and never leaves.
///
/// # Examples
/// A trial fund of 50 USDT that pays half of what profit does not cover, after 100 USDT of profit and a loss of 110 USDT:
/// ```
/// use crossmargin::Market;
/// use crossmargin::ledger::{Flow, Payment, Purse, Voucher};
///
/// let market = Market::preset("bingx-usdm", None)?;
/// let rule = market.rules().bonus().unwrap();
/// let half = Voucher { quanta: 50, paid_share: 0.5, expires: None };
/// let mut purse = Purse::new(&rule, 1_000, vec![half])?;
/// purse.flow(Flow::Loss, 100)?;
/// assert_eq!(purse.flow(Flow::Loss, -110)?, Payment { own: -105, bonus: -5 });
/// assert_eq!((purse.own(), purse.bonus()), (995, 45));
/// # Ok::<(), crossmargin::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Purse {
    rule: BonusRule,
    own: i128,
    vouchers: Vouchers,
}

impl Purse {
    /// A purse of own cash and vouchers, in the order in which they pay.
    ///
    /// # Errors
    /// [`Error::Argument`] for vouchers that are negative, or of a share that is not above 0 and at most 1, and for amounts of
    /// 10^37 quanta and more.
    pub fn new(rule: &BonusRule, own: i128, vouchers: Vec<Voucher>) -> Result<Self> {
        check_count("own", own)?;
        let mut purse = Self { rule: *rule, own, vouchers: Vouchers::default() };
        vouchers.into_iter().try_for_each(|voucher| purse.grant(voucher))?;
        Ok(purse)
    }

    /// Books profit or loss, funding, or a fee: positive for what the owner gets.
    ///
    /// # Errors
    /// [`Error::Argument`] for 10^37 quanta and more, of the movement or of the cash after it. Nothing is changed.
    pub fn flow(&mut self, kind: Flow, quanta: i128) -> Result<Payment> {
        check_count("amount", quanta)?;
        let mut vouchers = self.vouchers.clone();
        let paid = vouchers.flow(&self.rule, kind, quanta, self.own);
        let own = self.own + quanta + paid;
        check_count("own", own)?;
        check_count("realized", vouchers.realized)?;
        (self.own, self.vouchers) = (own, vouchers);
        Ok(Payment { own: quanta + paid, bonus: -paid })
    }

    /// Books cash that comes in.
    ///
    /// # Errors
    /// [`Error::Argument`] for less than nothing, and for 10^37 quanta and more.
    pub fn transfer_in(&mut self, quanta: i128) -> Result<Payment> {
        check_transfer(quanta)?;
        check_count("own", self.own + quanta)?;
        self.own += quanta;
        Ok(Payment { own: quanta, bonus: 0 })
    }

    /// Books cash that leaves; where the rule says so the bonus is void with it.
    ///
    /// # Errors
    /// [`Error::Argument`] for less than nothing, and for more than there is of own cash.
    pub fn transfer_out(&mut self, quanta: i128) -> Result<Payment> {
        check_transfer(quanta)?;
        if quanta > self.own.max(0) {
            let message = format!("was {quanta} quanta, and {} are own cash: a bonus does not leave", self.own.max(0));
            return Err(Error::argument("amount", message));
        }
        self.own -= quanta;
        let mut void = 0;
        if self.rule.forfeited && quanta > 0 {
            void = self.vouchers.left();
            self.vouchers = Vouchers::default();
        }
        Ok(Payment { own: -quanta, bonus: -void })
    }

    /// Adds a voucher behind the others.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn grant(&mut self, voucher: Voucher) -> Result<()> {
        voucher.check()?;
        check_count("bonus", self.vouchers.left() + voucher.quanta)?;
        if voucher.quanta > 0 {
            self.vouchers.queue.push(voucher);
        }
        Ok(())
    }

    /// Makes void what is left of vouchers that expire at a time or before.
    pub fn expire(&mut self, now: i64) -> Payment {
        Payment { own: 0, bonus: -self.vouchers.expire(now) }
    }

    /// Own cash.
    #[must_use]
    pub const fn own(&self) -> i128 {
        self.own
    }

    /// What is left of the bonus.
    #[must_use]
    pub fn bonus(&self) -> i128 {
        self.vouchers.left()
    }

    /// Vouchers that have something left, in the order in which they pay.
    #[must_use]
    pub fn vouchers(&self) -> &[Voucher] {
        &self.vouchers.queue
    }

    /// Profit, losses and funding since a voucher last paid.
    #[must_use]
    pub const fn realized(&self) -> i128 {
        self.vouchers.realized
    }
}

fn check_transfer(quanta: i128) -> Result<()> {
    check_count("amount", quanta)?;
    if quanta >= 0 {
        return Ok(());
    }
    Err(Error::argument("amount", format!("was {quanta} quanta, expected 0 or more")))
}
