//! What the folded forms leave out: the constants of pools, and what quantities denote, to twice the precision of doubles.
//!
//! Made once for a book, when it is first asked where pools fail: 8 bytes a position and 24 a layer are kept.
//!
//! # What rounding does to it
//!
//! An input is within `2^-92` of its decimal relatively, a product of three within `2^-90`. The constant of a layer,
//! `cash - sum quantity * x(entry)`, is off by at most `2^-90` of the magnitudes added, as long as there are less than
//! `2^10` terms; more of them add `2^-100` each. [`Refined::magnitude`] is a bound of these magnitudes.

use std::sync::OnceLock;

use crate::book::PoolKind;
use crate::exact::{Twofold, Wide};
use crate::market::{CrossPool, Frozen, OrderLoss, OrdersIn, Required, TriggerPrice};
use crate::memory::with_room;

use super::Book;
use super::curves::has_curves;
use super::evaluate::layer_cash;
use super::pieces::{Pieces, has_pieces};

/// What constants are off by, of the magnitudes that they are made of.
const RELATIVE: f64 = f64::from_bits((1023 - 90) << 52);

/// How the prices of a pool's positions are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Path {
    /// By lanes: what each position adds to the excess is a matter of its own price.
    Lanes,
    /// By its linear pieces, in one asset.
    Pieces,
    /// By its linear pieces, in several assets.
    Joint,
    /// By the rules themselves.
    Rules,
}

#[derive(Debug, Clone)]
pub(crate) struct Refined {
    pub(crate) pieces: Pieces,
    /// Whether the order of positions is that of their input rows.
    pub(crate) in_order: bool,
    /// By pool.
    pub(crate) path: Vec<Path>,
    /// What is to be added to each quantity for the decimal that it denotes.
    pub(crate) rest: Vec<f64>,
    /// The constant of each layer, and the magnitudes that it is made of.
    pub(crate) constant: Vec<Twofold>,
    pub(crate) magnitude: Vec<f64>,
}

/// Made when first asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Lazy(OnceLock<Option<Box<Refined>>>);

impl Lazy {
    pub(super) fn get(&self, book: &Book) -> Option<&Refined> {
        self.0.get_or_init(|| Refined::new(book).map(Box::new)).as_deref()
    }
}

/// What all pools of a market have in common.
struct Common {
    /// Whether orders change no excess.
    orders_are_idle: bool,
    per_account: bool,
    has_curves: bool,
}

impl Refined {
    /// `None` where no pool of the market's has pieces.
    fn new(book: &Book) -> Option<Self> {
        let rules = book.market().rules();
        let one_constraint = matches!(rules.constraints(),
            [only] if only.price == TriggerPrice::Mark && only.required == Required::Maintenance);
        if !one_constraint || !has_pieces(book.market()) {
            return None;
        }
        let orders = rules.orders();
        let common = Common {
            orders_are_idle: orders.maintenance_margin == OrdersIn::None
                && orders.tier_basis == OrdersIn::None
                && orders.order_loss != OrderLoss::Equity
                && orders.frozen == Frozen::None,
            per_account: rules.cross_pool() == CrossPool::PerAccount,
            has_curves: has_curves(book.market()),
        };
        let holdings = book.holdings();
        let n_layers = holdings.layers.offsets.last().map_or(holdings.n_pools(), |&end| end as usize);
        let mut refined = Self {
            pieces: Pieces::new(book),
            in_order: holdings.rows.is_sorted(),
            path: with_room(holdings.n_pools()),
            rest: with_room(holdings.n_positions()),
            constant: with_room(n_layers),
            magnitude: with_room(n_layers),
        };
        refined.rest.extend(holdings.quantity.iter().map(|&quantity| Twofold::decimal(quantity).lo));
        let rises: Vec<bool> = (0..2 * refined.pieces.len()).map(|row| refined.pieces.rows.rises(row)).collect();
        for pool in 0..holdings.n_pools() {
            let path = refined.path_of(book, &common, pool, &rises);
            refined.path.push(path);
            refined.fold(book, pool, path);
        }
        Some(refined)
    }

    fn path_of(&self, book: &Book, common: &Common, pool: usize, rises: &[bool]) -> Path {
        let holdings = book.holdings();
        let positions = holdings.positions_of(pool);
        let classes = &holdings.class[positions.clone()];
        let joint = common.per_account && holdings.kind(pool) == PoolKind::Cross;
        if (joint && !common.has_curves)
            || !(common.orders_are_idle || holdings.orders_of(pool).is_empty())
            || classes.iter().any(|&class| self.pieces.of(class).is_empty())
        {
            return Path::Rules;
        }
        let instrument = |class: u16| holdings.classes[usize::from(class)].instrument;
        let hedged = classes.windows(2).any(|pair| instrument(pair[0]) == instrument(pair[1]));
        let row = |position: usize| {
            2 * usize::from(holdings.class[position]) + usize::from(holdings.quantity[position] < 0.0)
        };
        let all_rise = positions.clone().all(|position| rises[row(position)]);
        match (joint, hedged || !all_rise) {
            (true, _) => Path::Joint,
            (false, true) => Path::Pieces,
            (false, false) => Path::Lanes,
        }
    }

    /// Adds the constants of a pool's layers.
    fn fold(&mut self, book: &Book, pool: usize, path: Path) {
        let holdings = book.holdings();
        let layers = holdings.layers_of(pool);
        let first = layers.start;
        for layer in layers.clone() {
            let (cash, magnitude) =
                if path == Path::Rules { (Twofold::of(f64::NAN), f64::NAN) } else { cash(book, pool, layer) };
            self.constant.push(cash);
            self.magnitude.push(magnitude);
        }
        if path == Path::Rules {
            return;
        }
        for position in holdings.positions_of(pool) {
            let layer = if layers.len() == 1 {
                first
            } else {
                let settle = book.market().instruments()[holdings.instrument(position)].settle();
                layers.clone().find(|&layer| holdings.layer_asset(layer) == settle).unwrap_or(first)
            };
            let quantity = Twofold { hi: holdings.quantity[position], lo: self.rest[position] };
            let entry = Twofold::decimal(holdings.entry_price[position]);
            let cost = quantity.times(self.pieces.coordinate(holdings.class[position], entry));
            self.constant[layer] = self.constant[layer].minus(cost);
            self.magnitude[layer] += cost.hi.abs();
        }
    }
}

/// The cash of a layer, and the magnitudes that it is made of.
fn cash(book: &Book, pool: usize, layer: usize) -> (Twofold, f64) {
    let holdings = book.holdings();
    let (bonus, borrowed) = (holdings.bonus(layer), holdings.borrowed(layer));
    if holdings.kind(pool) == PoolKind::Cross && !book.has_isolated() {
        let wallet = holdings.layer_wallet(layer);
        let credit = Twofold::decimal(bonus).minus(Twofold::decimal(borrowed));
        return (Twofold::decimal(wallet).plus(credit), wallet.abs() + bonus + borrowed);
    }
    let (cash, error) = layer_cash::<Wide>(book, pool, layer).parts();
    let magnitude = error / RELATIVE;
    (cash, if magnitude > cash.hi.abs() { magnitude } else { cash.hi.abs() })
}
