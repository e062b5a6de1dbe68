//! Windows of pools whose excess is linear in pieces along each price.
//!
//! What is done to every position or asset alike is done in lanes: their values and charges, what assets count, the
//! roots on known pieces. Between these, one by one: sums over pools, and the walks that find the pieces.

use std::ops::Range;

use crate::exact::{Quad, Twofold};
use crate::kernel::{
    Charges, Counted, CurveTerms, Doubles, Lanes, Parts, PieceRoot, PieceRoots, PieceTerms, RootFigures, RootTerms,
    SettledRoots, TangentTerms, Task, dispatch,
};
use crate::pool::Piece;

use super::along::{Ahead, Along, Leg, MOST_LEGS, Place, is_clear};
use super::legs::{Hedge, Held};
use super::tables::PieceTables;
use super::{Question, Share, What};

/// What an excess is off by at most, of the magnitudes that it is made of: of few terms, and of each more.
pub(super) const ERROR: f64 = f64::from_bits((1023 - 86) << 52);
const ERROR_PER_TERM: f64 = f64::from_bits((1023 - 96) << 52);

/// A thread's working memory.
#[derive(Default)]
pub(super) struct PieceState {
    charges: Charges,
    counted: Counted,
    /// By asset, the magnitudes that its equity is made of.
    magnitude: Vec<f64>,
    parts: Parts,
    /// By position, the number of its pool.
    pool: Vec<u32>,
    /// By pool, what is required.
    required: Vec<Twofold>,
    figures: RootFigures,
    rows: Vec<Row>,
    /// Of instruments with one leg, and of others.
    singles: PieceRoots,
    hedges: SettledRoots,
}

/// A root, by place.
#[derive(Clone, Copy)]
pub(super) enum Root {
    None,
    Single(u32),
    Hedge(u32),
}

/// The roots of an instrument in a pool, and what becomes of them.
#[derive(Clone, Copy)]
pub(super) struct Row {
    first: u32,
    n: u32,
    pub(super) down: Root,
    pub(super) up: Root,
    /// The sign of the net quantity.
    pub(super) net: f64,
    pub(super) fails: bool,
    pub(super) open: bool,
}

/// A pool at the present prices.
#[derive(Clone, Copy)]
pub(super) struct Present {
    pub(super) excess: Twofold,
    pub(super) magnitude: f64,
    pub(super) error: f64,
}

/// A window of positions, and what it is evaluated with.
#[derive(Clone, Copy)]
struct Window<'a> {
    of: Question<'a>,
    terms: RootTerms<'a>,
    tables: &'a PieceTables,
    /// The first position and layer.
    first: usize,
    first_layer: usize,
}

struct Evaluate<'a, 'b>(&'b mut Charges, Window<'a>, Range<usize>);

impl Task for Evaluate<'_, '_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    fn run<L: Lanes>(self) {
        self.0.evaluate::<L>(&self.1.terms, &self.1.tables.charge, self.2);
    }
}

struct Count<'a>(&'a mut Counted, CurveTerms<'a>);

impl Task for Count<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    fn run<L: Lanes>(self) {
        self.0.evaluate::<L>(&self.1);
    }
}

struct Solve<'a>(&'a mut PieceRoots, &'a mut SettledRoots, PieceTerms<'a>);

impl Task for Solve<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    fn run<L: Lanes>(self) {
        self.0.solve::<L>(&self.2);
        self.1.settle::<L>();
    }
}

struct Tangents<'a, 'b> {
    state: &'b mut PieceState,
    terms: TangentTerms<'b>,
    window: Window<'a>,
    n: usize,
}

impl Task for Tangents<'_, '_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    fn run<L: Lanes>(self) {
        let Self { state: PieceState { charges, counted, parts, figures, .. }, terms, window, n } = self;
        let (of, positions) = ((&*counted, parts), (window.first, n));
        match window.of.what {
            What::Liquidation => charges.tangents::<L, false>(&terms, of, figures, positions),
            What::Bankruptcy => charges.tangents::<L, true>(&terms, of, figures, positions),
        }
    }
}

impl PieceState {
    /// Fills the columns of some pools, but for positions left open.
    pub(super) fn window(
        &mut self,
        of: Question<'_>,
        (pools, tables): (Range<usize>, &PieceTables),
        share: &mut Share<'_>,
        open: &mut Vec<u32>,
    ) {
        let terms = of.tables.terms(of.book, of.refined, of.pieces);
        let positions = terms.starts[pools.start] as usize..terms.starts[pools.end] as usize;
        let first_layer = of.book.holdings().layers_of(pools.start).start;
        let window = Window { of, terms, tables, first: positions.start, first_layer };
        self.clear();
        dispatch(of.isa, Evaluate(&mut self.charges, window, positions.clone()));
        for pool in pools.clone() {
            self.add_up(window, pool);
        }
        dispatch(of.isa, Count(&mut self.counted, tables.curve_terms()));
        for (pool, at) in pools.clone().zip(0..) {
            let present = self.present(window, pool, self.required[at]);
            self.parts.pools.push(present);
        }
        let piece_terms = tables.terms();
        let tangents =
            Tangents { state: self, terms: tables.tangents(&terms, &piece_terms), window, n: positions.len() };
        dispatch(of.isa, tangents);
        self.look(window, pools);
        dispatch(of.isa, Solve(&mut self.singles, &mut self.hedges, piece_terms));
        for at in 0..self.rows.len() {
            self.write(window, at, open);
        }
        share.copy(of, &self.figures, window.first, positions.len());
    }

    fn clear(&mut self) {
        self.counted.clear();
        self.magnitude.clear();
        self.parts.layer.clear();
        self.parts.pool.clear();
        self.parts.pools.clear();
        self.parts.pools.push(Quad([f64::NAN; 4]));
        self.pool.clear();
        self.required.clear();
        self.rows.clear();
        self.singles.clear();
        self.hedges.clear();
    }

    /// Adds up what is held by asset, and what is required.
    fn add_up(&mut self, window: Window<'_>, pool: usize) {
        let (holdings, refined) = (window.of.book.holdings(), window.of.refined);
        let layers = holdings.layers_of(pool);
        let first = layers.start - window.first_layer;
        for layer in layers.clone() {
            self.counted.push(window.tables.curve_of(holdings.layer_asset(layer)), refined.constant[layer]);
            self.magnitude.push(refined.magnitude[layer]);
        }
        let mut required = Twofold::ZERO;
        let number = place(self.required.len());
        let positions = holdings.positions_of(pool);
        for position in positions.clone() {
            let settle = window.of.tables.settle[usize::from(window.terms.class[position])];
            let mut layer = first;
            while layer + 1 < first + layers.len() && holdings.layer_asset(window.first_layer + layer) != settle {
                layer += 1;
            }
            let at = position - window.first;
            let value = self.charges.value(at);
            self.counted.set_equity(layer, self.counted.equity(layer).plus(value));
            self.magnitude[layer] += 2.0 * value.hi.abs();
            self.parts.layer.push(place(layer));
            self.pool.push(number);
            self.parts.pool.push(if is_leg(window, &positions, position) { 0 } else { number + 1 });
            required = required.plus(self.charges.charge(at));
        }
        self.required.push(required);
        if window.of.what == What::Bankruptcy {
            let mut held = (first..first + layers.len()).filter(|&layer| self.counted.equity(layer).hi != 0.0);
            if let (Some(only), None) = (held.next(), held.next()) {
                self.counted.set_curve(only, window.tables.alone(self.counted.curve(only)));
            }
        }
    }

    /// Evaluates a pool at the present prices.
    fn present(&self, window: Window<'_>, pool: usize, required: Twofold) -> Quad {
        let holdings = window.of.book.holdings();
        let (mut excess, mut magnitude) = (required.negated(), 0.0);
        for layer in holdings.layers_of(pool) {
            let at = layer - window.first_layer;
            excess = excess.plus(self.counted.value(at));
            let curve = &window.tables.curves[self.counted.curve(at) as usize];
            magnitude += 2.0 * curve.reach * self.magnitude[at];
        }
        let n = f64::from(place(holdings.positions_of(pool).len()));
        Quad([excess.hi, excess.lo, magnitude * (ERROR + n * ERROR_PER_TERM), magnitude])
    }

    /// Looks along the instruments of the positions that tangents left.
    fn look(&mut self, window: Window<'_>, pools: Range<usize>) {
        let left = std::mem::take(&mut self.figures.open);
        let mut end = window.first;
        for &at in &left {
            let first = window.first + at as usize;
            if first < end {
                continue;
            }
            let number = self.pool[at as usize];
            let last = window.terms.starts[pools.start + number as usize + 1] as usize;
            let instrument = window.instrument(first);
            end = first + 1 + (first + 1..last).take_while(|&next| window.instrument(next) == instrument).count();
            let Quad([hi, lo, error, magnitude]) = self.parts.pools[number as usize + 1];
            let present = Present { excess: Twofold { hi, lo }, magnitude, error };
            let mut row = Row {
                first: at,
                n: place(end - first),
                down: Root::None,
                up: Root::None,
                net: 0.0,
                fails: present.excess.hi < 0.0,
                open: true,
            };
            match end - first {
                _ if !is_clear(present.excess.hi, present.error) => {}
                1 => self.single(window, first, present, &mut row),
                _ => self.hedge(window, first..end, present, &mut row),
            }
            self.rows.push(row);
        }
        self.figures.open = left;
    }

    /// The roots along an instrument with one leg.
    fn single(&mut self, window: Window<'_>, position: usize, present: Present, row: &mut Row) {
        let at = position - window.first;
        let layer = self.parts.layer[at] as usize;
        let (quantity, value, charge) = (window.quantity(position), self.charges.value(at), self.charges.charge(at));
        let (equity, counted) = (self.counted.equity(layer), self.counted.value(layer));
        let (curve, first_stretch) = window.tables.curve(self.counted.curve(layer));
        let class = window.terms.class[position];
        let first = 2 * u32::from(class) + u32::from(quantity.hi < 0.0);
        let (tiers, tier) = window.tier(class, first, self.charges.row(at));
        let legs = [Leg::new(quantity.hi.abs(), tiers, tier)];
        let inverse = window.of.pieces.size(class).hi < 0.0;
        let falls = inverse != (quantity.hi < 0.0);
        let along = Along {
            legs: &legs,
            curve,
            stretch: self.counted.stretch(layer) - first_stretch,
            z: window.of.tables.x[usize::from(class)].hi.abs(),
            lean: if falls { -legs[0].quantity } else { legs[0].quantity },
            per_lean: if falls { -legs[0].per_quantity } else { legs[0].per_quantity },
            equity_rest: equity.hi - value.hi,
            excess: present.excess.hi,
            rest: present.excess.hi - counted.hi + charge.hi,
            magnitude: present.magnitude,
        };
        row.net = quantity.hi;
        row.open = false;
        for upward in [false, true] {
            let root = match along.look(upward != inverse) {
                Ahead::Nothing => continue,
                Ahead::Open => {
                    row.open = true;
                    continue;
                }
                Ahead::Root(Place { stretch, tiers: [tier, ..] }) => PieceRoot {
                    equity: equity.minus(value),
                    rest: present.excess.minus(counted).plus(charge),
                    quantity,
                    error: present.error,
                    tier: window.terms.rows.row_of_tier(first, tier),
                    stretch: first_stretch + stretch,
                    // Down, pools are safe above the root unless they fail at present; up it is the other way round.
                    rising: upward == row.fails,
                },
            };
            let root = Root::Single(place(self.singles.push(&root)));
            *(if upward { &mut row.up } else { &mut row.down }) = root;
        }
    }

    /// The roots along an instrument with several legs.
    fn hedge(&mut self, window: Window<'_>, positions: Range<usize>, present: Present, row: &mut Row) {
        if positions.len() > MOST_LEGS {
            return;
        }
        let layer = self.parts.layer[positions.start - window.first] as usize;
        let held = |position: usize| {
            let (class, quantity) = (window.terms.class[position], window.quantity(position));
            let first = 2 * u32::from(class) + u32::from(quantity.hi < 0.0);
            let at = position - window.first;
            let (tiers, tier) = window.tier(class, first, self.charges.row(at));
            Held { quantity, value: self.charges.value(at), charge: self.charges.charge(at), tiers, tier }
        };
        let mut legs = [held(positions.start); MOST_LEGS];
        for (leg, position) in legs.iter_mut().zip(positions.clone()) {
            *leg = held(position);
        }
        let class = window.terms.class[positions.start];
        let (curve, first_stretch) = window.tables.curve(self.counted.curve(layer));
        let hedge = Hedge {
            legs: &legs[..positions.len()],
            curve,
            stretch: self.counted.stretch(layer) - first_stretch,
            equity: self.counted.equity(layer),
            others: present.excess.minus(self.counted.value(layer)),
            size: window.of.pieces.size(class),
            x: window.of.tables.x[usize::from(class)],
            present,
        };
        hedge.roots(row, &mut self.hedges);
    }

    /// Writes the figures of an instrument's positions, or notes that they are open.
    fn write(&mut self, window: Window<'_>, row: usize, open: &mut Vec<u32>) {
        let row = self.rows[row];
        let at = |root: Root| match root {
            Root::None => Doubles::NONE,
            Root::Single(place) => self.singles.at(place as usize),
            Root::Hedge(place) => self.hedges.at(place as usize),
        };
        let (down, up, what) = (at(row.down), at(row.up), window.of.what);
        let is_decided = |doubles: &Doubles| match what {
            What::Liquidation => doubles.certain,
            What::Bankruptcy => doubles.near && row.net != 0.0,
        };
        let positions = row.first..row.first + row.n;
        if row.open || !is_decided(&down) || !is_decided(&up) {
            let first = place(window.first);
            open.extend(positions.map(|at| first + at));
            return;
        }
        let shown = if row.net == 0.0 {
            let instrument = window.of.book.holdings().instrument(window.first + row.first as usize);
            let mark = window.of.prices.mark()[instrument];
            let away = |doubles: Doubles| (doubles.safe / mark - 1.0).abs();
            if down.safe.is_nan() || away(up) < away(down) { up } else { down }
        } else if (row.net > 0.0) == row.fails {
            up
        } else {
            down
        };
        for at in positions {
            let at = at as usize;
            self.figures.below[at] = down.safe;
            self.figures.above[at] = up.safe;
            self.figures.nearest[at] = shown.nearest;
            self.figures.excess[at] = if row.fails { -1.0 } else { 1.0 };
        }
    }
}

/// Whether a position is one of several legs of its instrument in a pool.
fn is_leg(window: Window<'_>, pool: &Range<usize>, position: usize) -> bool {
    let instrument = window.instrument(position);
    let same = |other: usize| pool.contains(&other) && window.instrument(other) == instrument;
    same(position + 1) || same(position.wrapping_sub(1))
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl<'a> Window<'a> {
    fn instrument(self, position: usize) -> u32 {
        self.of.book.holdings().classes[usize::from(self.terms.class[position])].instrument
    }

    fn quantity(self, position: usize) -> Twofold {
        Twofold { hi: self.terms.quantity[position], lo: self.terms.rest[position] }
    }

    /// The tiers of a class, and which a row is.
    fn tier(self, class: u16, first: u32, row: u32) -> (&'a [Piece], u32) {
        (self.of.pieces.of(class), self.terms.rows.tier_of_row(first, row))
    }
}
