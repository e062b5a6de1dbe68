//! The tables of classes at given prices.

use crate::book::MarginClass;
use crate::exact::{Quad, Twofold};
use crate::kernel::{CurveTerms, PieceTerms, RootTerms, TangentTerms};
use crate::market::Prices;
use crate::pool::{Book, Curve, Owed, Path, Pieces, Refined, Stretch};

use super::What;

/// Coordinates by class, and what they become in each of its tiers.
pub(super) struct Tables {
    pub(super) x: Vec<Twofold>,
    first: Vec<Quad>,
    value: Vec<Quad>,
    /// The asset that a class settles in.
    pub(super) settle: Vec<usize>,
    /// For pools of one asset, and of several.
    pub(super) plain: PieceTables,
    pub(super) joint: PieceTables,
}

/// Tables of what is linear in pieces; empty where no pool needs them.
#[derive(Default)]
pub(super) struct PieceTables {
    /// How assets count, by asset, and how each does that is all there is; one for all where nothing is converted.
    pub(super) curves: Vec<Curve>,
    n_assets: usize,
    /// The row of the first piece of each.
    first_stretch: Vec<u32>,
    begins: Vec<Quad>,
    stretches: Vec<[Quad; 2]>,
    tiers: Vec<[Quad; 2]>,
    /// By row: what multiplies a quantity, and what is taken off.
    pub(super) charge: Vec<Quad>,
    /// The same in doubles, as tangents need it.
    lines: Lines,
}

/// Pieces in doubles; see [`TangentTerms`].
#[derive(Default)]
struct Lines {
    last_rate: Vec<f64>,
    tiers: Vec<Quad>,
    curves: Vec<Quad>,
    stretches: Vec<Quad>,
}

/// Pieces of a curve of which lanes find the right one.
const MOST_STRETCHES: usize = 5;

/// What a floor is multiplied with, for a comparison in doubles to find all that may be above it.
const LESS: f64 = 1.0 - 1e-12;

impl Tables {
    /// The tables of what classes add to the excess, or of their equity alone.
    pub(super) fn new(book: &Book, refined: &Refined, pieces: &Pieces, (prices, what): (&Prices, What)) -> Self {
        let rows = &pieces.rows;
        let mark = |class: u16| prices.mark()[book.holdings().classes[usize::from(class)].instrument as usize];
        let classes = 0..u16::try_from(pieces.len()).unwrap_or(u16::MAX);
        let x: Vec<Twofold> = classes.map(|class| pieces.coordinate(class, Twofold::decimal(mark(class)))).collect();
        let first_rows = 2 * x.len();
        let mut value = vec![Quad::default(); rows.root.len()];
        let mut first = Vec::with_capacity(first_rows);
        for row in 0..first_rows {
            let x = x[row / 2];
            let others = rows.more[row] as usize..rows.more[row + 1] as usize;
            let second = |column: &[Twofold]| column[others.clone()].first().map_or(f64::MAX, |limit| limit.hi * LESS);
            first.push(Quad([x.hi, second(&rows.floor), second(&rows.limit), x.lo]));
            for at in std::iter::once(row).chain(others.clone()) {
                let factor = x.times(rows.slope[at]);
                let Quad([.., constant, rest]) = rows.root[at];
                value[at] = Quad([factor.hi, factor.lo, constant, rest]);
            }
        }
        let market = book.market();
        let of_class = |class: &MarginClass| market.instruments()[class.instrument as usize].settle();
        let settle = book.holdings().classes.iter().map(of_class).collect();
        let has = |path: Path| refined.path.contains(&path);
        let mut tables = Self { x, first, value, settle, plain: PieceTables::default(), joint: PieceTables::default() };
        if has(Path::Pieces) {
            tables.plain = PieceTables::new(&tables, pieces, vec![Curve::plain()]);
        }
        if has(Path::Joint) {
            let kinds: &[Owed] = match what {
                What::Liquidation => &[Owed::Charged],
                What::Bankruptcy => &[Owed::Counted, Owed::AsHeld],
            };
            let n_assets = market.assets().len();
            let curve = |asset: usize, owed: Owed| Curve::of_asset(market, asset, prices.index()[asset], owed);
            let curves = kinds.iter().flat_map(|&owed| (0..n_assets).map(move |asset| curve(asset, owed))).collect();
            tables.joint = PieceTables { n_assets, ..PieceTables::new(&tables, pieces, curves) };
        }
        tables
    }

    pub(super) fn terms<'a>(&'a self, book: &'a Book, refined: &'a Refined, pieces: &'a Pieces) -> RootTerms<'a> {
        let holdings = book.holdings();
        RootTerms {
            starts: &holdings.pool_positions,
            quantity: &holdings.quantity,
            rest: &refined.rest,
            class: &holdings.class,
            constant: &refined.constant,
            magnitude: &refined.magnitude,
            rows: &pieces.rows,
            x: &self.x,
            first: &self.first,
            value: &self.value,
        }
    }
}

impl PieceTables {
    fn new(of: &Tables, pieces: &Pieces, curves: Vec<Curve>) -> Self {
        let rows = &pieces.rows;
        let mut tables = Self {
            tiers: vec![[Quad::default(); 2]; rows.root.len()],
            charge: vec![Quad::default(); rows.root.len()],
            ..Self::default()
        };
        for curve in &curves {
            tables.first_stretch.push(u32::try_from(tables.stretches.len()).unwrap_or(u32::MAX));
            let begins = |k: usize| curve.stretches.get(k).map_or(f64::INFINITY, |stretch| stretch.begins.hi);
            tables.begins.push(Quad(std::array::from_fn(|k| begins(k + 1))));
            tables.stretches.extend(curve.stretches.iter().map(|stretch| {
                let Stretch { anchor, at, slope, .. } = stretch;
                [Quad([anchor.hi, anchor.lo, slope.hi, slope.lo]), Quad([at.hi, at.lo, 0.0, 0.0])]
            }));
        }
        for first in 0..2 * of.x.len() {
            let class = u16::try_from(first / 2).unwrap_or(u16::MAX);
            let curve = &curves[if curves.len() == 1 { 0 } else { of.settle[first / 2] }];
            let size = pieces.size(class);
            let root = if size.hi < 0.0 { size } else { Twofold::ONE.over(size) };
            let others = rows.more[first] as usize..rows.more[first + 1] as usize;
            // The sign of what is multiplied with it.
            let negative = (first % 2 == 1) != (size.hi < 0.0);
            for (row, tier) in std::iter::once(first).chain(others).zip(pieces.of(class)) {
                let rate = curve.requirement.times(tier.rate);
                let rate = if negative { rate.negated() } else { rate };
                let (charge, off) = (rate.times(of.x[first / 2]), curve.requirement.times(tier.deduction));
                tables.charge[row] = Quad([charge.hi, charge.lo, off.hi, off.lo]);
                tables.tiers[row] = [Quad([rate.hi, rate.lo, off.hi, off.lo]), Quad([root.hi, root.lo, 0.0, 0.0])];
            }
        }
        tables.lines = Lines::new(pieces, &curves, &tables.first_stretch);
        Self { curves, ..tables }
    }

    /// How an asset counts.
    pub(super) fn curve_of(&self, asset: usize) -> u32 {
        if self.curves.len() == 1 { 0 } else { u32::try_from(asset).unwrap_or(u32::MAX) }
    }

    /// A curve, and the row of its first piece.
    pub(super) fn curve(&self, at: u32) -> (&Curve, u32) {
        (&self.curves[at as usize], self.first_stretch[at as usize])
    }

    /// How it counts if there is nothing else, by how it counts.
    pub(super) fn alone(&self, curve: u32) -> u32 {
        let alone = curve as usize + self.n_assets;
        if alone < self.curves.len() { u32::try_from(alone).unwrap_or(u32::MAX) } else { curve }
    }

    pub(super) fn curve_terms(&self) -> CurveTerms<'_> {
        let Self { curves, begins, first_stretch, stretches, .. } = self;
        CurveTerms { curves, begins, first: first_stretch, stretches }
    }

    pub(super) fn tangents<'a>(&'a self, root: &'a RootTerms<'a>, pieces: &'a PieceTerms<'a>) -> TangentTerms<'a> {
        let Lines { last_rate, tiers, curves, stretches } = &self.lines;
        TangentTerms { root, pieces, last_rate, tiers, curves, begins: &self.begins, stretches }
    }

    pub(super) fn terms(&self) -> PieceTerms<'_> {
        PieceTerms { stretches: &self.stretches, tiers: &self.tiers }
    }
}

impl Lines {
    fn new(pieces: &Pieces, curves: &[Curve], first_stretch: &[u32]) -> Self {
        let rows = &pieces.rows;
        let mut lines = Self { tiers: vec![Quad::default(); rows.root.len()], ..Self::default() };
        for (curve, &first) in curves.iter().zip(first_stretch) {
            let is_known = curve.is_concave && curve.stretches.len() <= MOST_STRETCHES;
            let last = curve.stretches.last().filter(|_| is_known).map_or(f64::NAN, |stretch| stretch.slope.hi);
            lines.curves.push(Quad([last, f64::from(first), curve.requirement.hi, 0.0]));
            let line = |of: &Stretch| Quad([of.anchor.hi, of.slope.hi, of.at.hi, 0.0]);
            lines.stretches.extend(curve.stretches.iter().map(line));
        }
        for first in 0..2 * pieces.len() {
            let tiers = pieces.of(u16::try_from(first / 2).unwrap_or(u16::MAX));
            lines.last_rate.push(tiers.last().map_or(f64::NAN, |tier| tier.rate.hi));
            let others = rows.more[first] as usize..rows.more[first + 1] as usize;
            for ((row, tier), k) in std::iter::once(first).chain(others).zip(tiers).zip(0..) {
                let begins = if k == 0 { f64::NEG_INFINITY } else { tier.floor.hi };
                let ends = tiers.get(k + 1).map_or(f64::INFINITY, |next| next.floor.hi);
                lines.tiers[row] = Quad([tier.rate.hi, tier.deduction.hi, begins, ends]);
            }
        }
        lines
    }
}
