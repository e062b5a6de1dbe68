//! How far a pool is from its flags, and what prices move that by, nearly: where a safe region is looked for first.
//!
//! Everything is taken at full value, and requirements as if they stayed; what is certain is found afterwards.

use crate::exact::{Bounded, Number};
use crate::market::{Payoff, TriggerPrice};

use super::evaluate::{Wanted, evaluate, layer_cash};
use super::judge::{excess, moment_of};
use super::legs::Leg;
use super::moment::{Moment, Source};
use super::region::OfPool;
use super::room::Guard;

impl OfPool<'_> {
    /// The guards of a pool, nearly; `None` where several constraints are in the way, or rounding.
    pub(super) fn nearly(&self) -> Option<Vec<Guard>> {
        let [constraint] = self.book.market().rules().constraints() else { return None };
        let at: Moment<'_, Bounded> = moment_of(self.prices, constraint.price);
        let value = evaluate(self.book, self.pool, at, Wanted::Tested);
        if value.open || !value.exposed {
            return None;
        }
        let slopes = self.slopes(at, constraint.price == TriggerPrice::Last);
        let guard =
            |left: f64, set: bool| Guard::nearly(left.abs(), slopes.iter().map(|&of| if set { -of } else { of }));
        let liquidation = 1_u32 << self.levels.len();
        let of_excess = (self.guarded & liquidation != 0)
            .then(|| guard(excess(constraint, &value).to_f64(), self.bits & liquidation != 0));
        let (counted, required) = (value.collateral_value.to_f64(), value.maintenance_margin.to_f64());
        let levels = self.levels_that_count(required >= 0.0).into_iter();
        Some(
            of_excess
                .into_iter()
                .chain(levels.map(|(k, set)| guard(counted - self.levels[k] * required, set)))
                .collect(),
        )
    }

    /// What the equity of a pool moves by with each price.
    fn slopes(&self, at: Moment<'_, Bounded>, last: bool) -> Vec<f64> {
        let holdings = self.book.holdings();
        let instruments = self.book.market().instruments();
        let joint = self.book.is_joint(self.pool);
        let price = |asset: usize| at.index(asset).filter(|_| joint).map_or(1.0, |price| price.to_f64());
        let mut slopes = vec![0.0; self.sources.len()];
        let mut add = |source: Source, slope: f64| {
            if let Ok(axis) = self.sources.binary_search(&source) {
                slopes[axis] += slope;
            }
        };
        for position in holdings.positions_of(self.pool) {
            let leg: Leg<Bounded> = Leg::new(self.book, position, at);
            let of = &instruments[leg.instrument];
            // Of an inverse instrument in one over its price, which takes from what is long.
            let rises = leg.long == (of.payoff() != Payoff::Inverse);
            let (pnl, value) = (leg.unrealized_pnl(of).to_f64(), leg.at_mark.to_f64());
            let number = u32::try_from(leg.instrument).unwrap_or(u32::MAX);
            let source = if last { Source::Last(number) } else { Source::Mark(number) };
            add(source, if rises { value } else { -value } * price(of.settle()));
            add(index(of.settle()), pnl * price(of.settle()));
        }
        for layer in holdings.layers_of(self.pool) {
            let asset = holdings.layer_asset(layer);
            add(index(asset), layer_cash::<Bounded>(self.book, self.pool, layer).to_f64() * price(asset));
        }
        slopes
    }
}

fn index(asset: usize) -> Source {
    Source::Index(u16::try_from(asset).unwrap_or(u16::MAX))
}
