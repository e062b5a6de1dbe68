//! The amount of a group as a function of one price: `|q x + m| + k x + h`, with `x` the value of a contract.
//!
//! Every way to look at legs and orders is of this form, since the larger of two numbers is half of their sum and of
//! their distance.

use crate::exact::Number;
use crate::market::{Legs, OrdersIn};

/// `slope * x + constant`.
#[derive(Debug, Clone)]
pub(super) struct Affine<N> {
    pub(super) slope: N,
    pub(super) constant: N,
}

impl<N: Number> Affine<N> {
    pub(super) fn zero() -> Self {
        Self { slope: N::zero(), constant: N::zero() }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        Self { slope: self.slope.plus(&other.slope), constant: self.constant.plus(&other.constant) }
    }

    fn minus(&self, other: &Self) -> Self {
        Self { slope: self.slope.minus(&other.slope), constant: self.constant.minus(&other.constant) }
    }

    fn half(&self) -> Self {
        let half = N::of(0.5);
        Self { slope: self.slope.times(&half), constant: self.constant.times(&half) }
    }
}

/// `|inner| + outer`.
#[derive(Debug, Clone)]
pub(super) struct Form<N> {
    pub(super) inner: Affine<N>,
    pub(super) outer: Affine<N>,
}

/// The larger of two.
fn larger<N: Number>(a: &Affine<N>, b: &Affine<N>) -> Form<N> {
    Form { inner: a.minus(b).half(), outer: a.plus(b).half() }
}

/// What a group is made of: long and short positions, which have no constant, and orders.
#[derive(Debug, Clone)]
pub(super) struct AffineSides<N> {
    pub(super) long: Affine<N>,
    pub(super) short: Affine<N>,
    pub(super) buys: Affine<N>,
    pub(super) sells: Affine<N>,
    /// As of `Sides`.
    pub(super) hedged: bool,
}

impl<N: Number> AffineSides<N> {
    pub(super) fn none(hedged: bool) -> Self {
        let zero = Affine::zero;
        Self { long: zero(), short: zero(), buys: zero(), sells: zero(), hedged }
    }

    /// The positions alone.
    fn held(&self, legs: Legs) -> Form<N> {
        let Self { long, short, .. } = self;
        let only = |outer: Affine<N>| Form { inner: Affine::zero(), outer };
        match legs {
            Legs::Each | Legs::Net => Form { inner: long.minus(short), outer: Affine::zero() },
            Legs::LongPlusShort => only(long.plus(short)),
            // Both have slopes without constants: the larger is one of them.
            Legs::LargerSide => {
                only(if long.slope.to_f64() >= short.slope.to_f64() { long.clone() } else { short.clone() })
            }
        }
    }

    /// As `Sides::amount`, of which this is the function where no order closes.
    pub(super) fn form(&self, legs: Legs, orders: OrdersIn) -> Form<N> {
        let Self { long, short, buys, sells, hedged } = self;
        let with_all = |form: Form<N>| Form { outer: form.outer.plus(&buys.plus(sells)), ..form };
        let one_way = !hedged || legs == Legs::Net;
        match orders {
            OrdersIn::None => self.held(legs),
            OrdersIn::Sum => with_all(self.held(legs)),
            OrdersIn::WorstFill if one_way => {
                let shift = buys.minus(sells).half();
                Form { inner: long.minus(short).plus(&shift), outer: buys.plus(sells).half() }
            }
            OrdersIn::WorstFill if legs != Legs::LargerSide => with_all(self.held(Legs::LongPlusShort)),
            OrdersIn::LargerSide if one_way => {
                let (net, nothing) = (long.minus(short), Affine::zero());
                let (up, down) =
                    if net.slope.to_f64() >= 0.0 { (net, nothing) } else { (nothing.clone(), nothing.minus(&net)) };
                larger(&up.plus(buys), &down.plus(sells))
            }
            OrdersIn::WorstFill | OrdersIn::LargerSide => larger(&long.plus(buys), &short.plus(sells)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::legs::{Opens, Sides};
    use super::*;
    use crate::exact::Exact;

    fn exact(x: f64) -> Exact {
        Exact::from_f64(x)
    }

    /// `|q x + m| + k x + h`.
    fn value(form: &Form<Exact>, x: &Exact) -> Exact {
        let at = |affine: &Affine<Exact>| affine.slope.times(x).plus(&affine.constant);
        Number::abs(&at(&form.inner)).plus(&at(&form.outer))
    }

    #[test]
    fn test_forms_are_the_amounts_they_stand_for() {
        let all_legs = [Legs::Each, Legs::Net, Legs::LongPlusShort, Legs::LargerSide];
        let modes = [OrdersIn::None, OrdersIn::Sum, OrdersIn::WorstFill, OrdersIn::LargerSide];
        let amounts = [[3.0, 1.0, 0.5, 7.0], [1.0, 3.0, 8.0, 0.0], [0.0, 2.0, 5.0, 1.0], [4.0, 4.0, 0.0, 0.0]];
        for (legs, mode) in all_legs.into_iter().flat_map(|legs| modes.map(|mode| (legs, mode))) {
            for hedged in [false, true] {
                for [long, short, buys, sells] in amounts {
                    // In one-way mode one of both is there.
                    let short = if hedged || long == 0.0 { short } else { 0.0 };
                    // Half of the orders at a limit, half at mark.
                    let order = |x: f64| Affine { slope: exact(x / 2.0), constant: exact(x) };
                    let leg = |x: f64| Affine { slope: exact(x), constant: exact(0.0) };
                    let (buys, sells) = (order(buys), order(sells));
                    let sides = AffineSides { long: leg(long), short: leg(short), buys, sells, hedged };
                    let form = sides.form(legs, mode);
                    for x in [0.25, 1.0, 40.0].map(exact) {
                        let at = |affine: &Affine<Exact>| affine.slope.times(&x).plus(&affine.constant);
                        let sides = Sides {
                            long: at(&sides.long),
                            short: at(&sides.short),
                            buys: at(&sides.buys),
                            sells: at(&sides.sells),
                            hedged,
                            opening: [Opens::All, Opens::All],
                        };
                        assert_eq!(value(&form, &x), sides.amount(legs, mode), "{legs:?} {mode:?} {long} {short}");
                    }
                }
            }
        }
    }
}
