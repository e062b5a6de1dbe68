//! A pool along a path of prices: the functions that its constraints look at, and how far they are those functions.

use std::cmp::Ordering;

use crate::exact::{Along, Number, Path, Polynomial};
use crate::market::{ClosingFee, Combine, Constraint, Prices, TriggerPrice};

use super::Book;
use super::charge::{Margin, Pool};
use super::collateral::Counting;
use super::evaluate::{PoolValue, Wanted, evaluate, fence};
use super::judge::excess;
use super::legs::Leg;
use super::moment::{Moment, Moves};

/// A pool, prices, and what of them moves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Road<'a> {
    pub(crate) book: &'a Book,
    pub(crate) pool: usize,
    pub(crate) prices: &'a Prices,
    pub(crate) moves: Moves<'a>,
}

/// What is asked about a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it is liquidatable.
    Liquidatable,
    /// Whether nothing is left of what counts, after what is reserved to close at the bankruptcy price.
    Bankrupt,
}

/// A function whose sign decides.
#[derive(Debug)]
pub(crate) struct Test<C> {
    pub(crate) function: Polynomial<C>,
    zero_fails: bool,
}

impl<C> Test<C> {
    /// Whether a value of this sign fails.
    pub(crate) const fn fails(&self, sign: Ordering) -> bool {
        match sign {
            Ordering::Less => true,
            Ordering::Equal => self.zero_fails,
            Ordering::Greater => false,
        }
    }
}

/// What holds at a sample of a path, and on both sides of it until a switch changes its sign.
#[derive(Debug)]
pub(crate) struct Section<C> {
    pub(crate) tests: Vec<Test<C>>,
    combine: Combine,
    exposed: bool,
    pub(crate) switches: Vec<Polynomial<C>>,
    /// Whether it holds at the sample only.
    pub(crate) on_switch: bool,
}

impl<C: Number> Section<C> {
    /// Whether the pool fails at a point; `None` where rounding leaves it open.
    pub(crate) fn fails_at(&self, v: &C) -> Option<bool> {
        if !self.exposed {
            return Some(false);
        }
        let mut verdicts = self.tests.iter().map(|test| Some(test.fails(test.function.sign_at(v)?)));
        match self.combine {
            Combine::Any => verdicts.try_fold(false, |any, fails| Some(any | fails?)),
            Combine::All => verdicts.try_fold(true, |all, fails| Some(all & fails?)),
        }
    }
}

impl Road<'_> {
    /// The pool around a point of its path; `None` where rounding leaves a choice open.
    pub(crate) fn piece<C: Number>(&self, question: Question, sample: C) -> Option<Section<C>> {
        let path = Path::new(sample);
        let rules = self.book.market().rules();
        let (tests, combine, exposed) = match question {
            Question::Liquidatable => {
                let (tests, exposed) = self.constraints(&path)?;
                (tests, rules.combine(), exposed)
            }
            Question::Bankrupt => {
                let left = self.left(&path)?;
                (vec![Test { function: left.oriented(), zero_fails: true }], Combine::Any, true)
            }
        };
        if path.is_open() {
            return None;
        }
        Some(Section { tests, combine, exposed, on_switch: path.is_on_switch(), switches: path.take_switches() })
    }

    fn moment<'a, C: Number>(&'a self, price: TriggerPrice, path: &'a Path<C>) -> Moment<'a, Along<C>> {
        let mark = if price == TriggerPrice::Last { self.prices.last() } else { self.prices.mark() };
        Moment::along(mark, self.prices.index(), self.moves, path)
    }

    /// A test for each constraint, and whether there is anything to liquidate for.
    fn constraints<C: Number>(&self, path: &Path<C>) -> Option<(Vec<Test<C>>, bool)> {
        let constraints = self.book.market().rules().constraints();
        let mut last: Option<(TriggerPrice, PoolValue<Along<C>>)> = None;
        let (mut tests, mut exposed) = (Vec::with_capacity(constraints.len()), false);
        for constraint in constraints {
            let value = match last.take() {
                Some((price, value)) if price == constraint.price => value,
                _ => evaluate(self.book, self.pool, self.moment(constraint.price, path), Wanted::Tested),
            };
            if value.open {
                return None;
            }
            exposed = value.exposed;
            tests.push(test(constraint, &value));
            last = Some((constraint.price, value));
        }
        Some((tests, exposed))
    }

    /// What counts as collateral, less the fees that are reserved to close positions at the bankruptcy price.
    fn left<C: Number>(&self, path: &Path<C>) -> Option<Along<C>> {
        let (book, holdings) = (self.book, self.book.holdings());
        let moment = self.moment(TriggerPrice::Mark, path);
        let value = evaluate(book, self.pool, moment, Wanted::Tested);
        if value.open {
            return None;
        }
        let isolated = holdings.kind(self.pool) == crate::book::PoolKind::Isolated;
        let legs: Vec<Leg<Along<C>>> =
            holdings.positions_of(self.pool).map(|position| Leg::new(book, position, moment)).collect();
        let pool = Pool { book, isolated, legs: &legs, orders: &[], more: &[], filled: None };
        if matches!(pool.rule(Margin::Maintenance).closing_fee, ClosingFee::None | ClosingFee::Mark) {
            return Some(value.collateral_value);
        }
        let fence = if isolated { fence(book, self.pool) } else { Along::zero() };
        let left = legs.iter().fold(value.collateral_value, |left, leg| {
            // Without a leverage nothing is reserved.
            let Some(fee) = pool.closing_fee(Margin::Maintenance, leg, &fence) else { return left };
            let asset = book.market().instruments()[leg.instrument].settle();
            let counting = book
                .is_joint(self.pool)
                .then(|| Counting::new(book.market(), asset, moment.index(asset)).requirement(&fee));
            left.minus(&counting.unwrap_or(fee))
        });
        Some(left)
    }
}

fn test<C: Number>(constraint: &Constraint, value: &PoolValue<Along<C>>) -> Test<C> {
    Test { function: excess(constraint, value).oriented(), zero_fails: constraint.zero_fails }
}
