//! The lane layout of pools under all kinds of rules: eight pools side by side, asset by asset.
//!
//! As in [`super::folded`], pools are cut into windows and dealt to groups of eight lanes. A group has a *layer* for each
//! asset that one of its pools holds; a layer has its pools' constants and steps of eight positions. Groups
//! of positions and orders are few and uneven: those of a window lie together, eight a step, whichever pools they are of,
//! and are added to their pools before all else. Pools of a window are sorted so that those with the same assets, and as many positions in each, lie
//! together. Pools that lanes cannot compute lie last, are empty there and marked slow.
//!
//! # What rounding does
//!
//! The constants carry a running bound of their error ([`crate::exact::Number`]). What the kernel adds is bounded by
//! [`OF_SUMS`] times the magnitudes that it adds up, which covers `2 n + SLACK` roundings of pools of up to [`MOST_TERMS`]
//! positions and orders: `SLACK` for those of a term, of its tier and form, of haircuts and of the sums over assets. What of
//! both is known beforehand is stored with the layer; of larger pools it is infinite, and each is evaluated by itself.

use std::collections::HashMap;

use crate::memory::{filled, with_room};

use super::Book;
use super::folded::{LANES, round_up};
use super::lane_classes::{LaneClasses, SlotRow};
use super::program::{Entry, LayerProgram, Program};

/// Pools per window.
pub(crate) const WINDOW: usize = 8192;

/// What the roundings of one term and of one asset are counted as, in units of `2^-53`.
const SLACK: f64 = 320.0;

const U: f64 = f64::EPSILON / 2.0;

/// The most positions and orders of a pool that is decided in lanes.
const MOST_TERMS: usize = 512;

/// What times the magnitudes added bounds the error of sums.
pub(crate) const OF_SUMS: f64 = (2.0 * 512.0 + SLACK) * U;

/// Marks the layer of a pool's own asset, counted in full, among the assets of the market.
pub(crate) const OWN: u16 = u16::MAX;

/// The row of each position, eight a step, zero in padding: as narrow as the number of rows allows.
#[derive(Debug, Clone)]
pub(crate) enum Rows {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Rows {
    /// The rows are wide while a book is folded.
    fn resize(&mut self, n: usize) {
        if let Self::Wide(rows) = self {
            rows.resize(n, 0);
        }
    }

    fn set(&mut self, at: usize, row: u32) {
        if let Self::Wide(rows) = self {
            rows[at] = row;
        }
    }

    fn narrow(&mut self) {
        if let Self::Wide(rows) = self {
            let mut narrow = with_room(rows.len());
            narrow.extend(rows.iter().map(|&row| u16::try_from(row).unwrap_or(u16::MAX)));
            *self = Self::Narrow(narrow);
        }
    }
}

/// The lane layout of a book.
#[derive(Debug, Clone)]
pub(crate) struct Layered {
    pub(crate) window: usize,
    pub(crate) classes: LaneClasses,
    /// Place of each pool within its window.
    pub(crate) place: Vec<u16>,
    /// First layer of each group, and the end of the last.
    pub(crate) layers: Vec<u32>,
    /// Asset of each layer, or [`OWN`].
    pub(crate) asset: Vec<u16>,
    /// First step of each layer of positions charged by slices, and the end of the last.
    pub(crate) steps: Vec<u32>,
    /// First step of each layer of positions whose rate jumps, and the end of the last.
    pub(crate) jump_steps: Vec<u32>,
    /// First step of groups of each window, and the end of the last.
    pub(crate) form_steps: Vec<u32>,
    /// Eight a layer.
    pub(crate) constant: Vec<f64>,
    /// A bit for each pool of a layer that has the asset.
    pub(crate) holders: Vec<u8>,
    /// Eight a layer; empty where nothing is required at fixed prices.
    pub(crate) fixed: Vec<f64>,
    /// Eight a layer: a bound of what rounding does to an excess, but for what sums add to it; the upper 16 bits of a double.
    pub(crate) doubt: Vec<u16>,
    /// Eight a step; zero in padding.
    pub(crate) quantity: Vec<f64>,
    pub(crate) row: Rows,
    pub(crate) jump_quantity: Vec<f64>,
    pub(crate) jump_row: Rows,
    /// Four times eight a step of groups: `q`, `m`, `k`, `h`; zero in padding.
    pub(crate) form: Vec<f64>,
    pub(crate) form_row: Vec<u32>,
    /// The lane that each group of a step is added to: eight a layer, from the window's first on.
    pub(crate) form_lane: Vec<u32>,
    /// A bit for each pool of a group that must be evaluated by itself.
    pub(crate) slow: Vec<u8>,
    /// A bit for each pool of a group that there is something to liquidate for.
    pub(crate) exposed: Vec<u8>,
    n_slow: usize,
}

impl Layered {
    pub(crate) fn new(book: &Book, window: usize) -> Self {
        let window = window.clamp(1, 1 << 16).next_multiple_of(LANES);
        let holdings = book.holdings();
        let n_pools = holdings.n_pools();
        let n_groups = n_pools.div_ceil(LANES);
        // With some padding.
        let padded = |n: usize| n + n / 8 + n_pools.min(64) * LANES;
        let room = padded(holdings.n_positions());
        let lanes = padded(if holdings.layers.asset.is_empty() { n_pools } else { holdings.layers.asset.len() });
        let forms = padded(holdings.orders.quantity.len());
        let mut layered = Self {
            window,
            classes: LaneClasses::new(),
            place: filled(n_pools, 0),
            layers: with_room(n_groups + 1),
            asset: with_room(lanes / LANES),
            steps: with_room(lanes / LANES + 1),
            jump_steps: with_room(lanes / LANES + 1),
            form_steps: with_room(n_groups + 1),
            constant: with_room(lanes),
            holders: with_room(lanes / LANES),
            fixed: with_room(lanes),
            doubt: with_room(lanes),
            quantity: with_room(room),
            row: Rows::Wide(with_room(room)),
            jump_quantity: with_room(room),
            jump_row: Rows::Wide(with_room(room)),
            form: with_room(4 * forms),
            form_row: with_room(forms),
            form_lane: with_room(forms),
            slow: filled(n_groups, 0),
            exposed: filled(n_groups, 0),
            n_slow: 0,
        };
        layered.steps.push(0);
        layered.jump_steps.push(0);
        layered.form_steps.push(0);
        layered.layers.push(0);
        let mut signatures = Signatures::default();
        for first in (0..n_pools).step_by(window) {
            let pools = first..n_pools.min(first + window);
            let programs: Vec<Program> = pools.map(|pool| Program::new(book, &mut layered.classes, pool)).collect();
            let mut order: Vec<(u64, u16)> =
                (programs.iter().zip(0_u16..)).map(|(program, at)| (signatures.key(program), at)).collect();
            order.sort_unstable();
            let (first_layer, mut forms) = (layered.asset.len(), Vec::new());
            for (group, members) in order.chunks(LANES).enumerate() {
                let members: Vec<(usize, &Program)> =
                    members.iter().map(|&(_, at)| (usize::from(at), &programs[usize::from(at)])).collect();
                for (lane, (at, _)) in members.iter().enumerate() {
                    layered.place[first + at] = u16::try_from(group * LANES + lane).unwrap_or(u16::MAX);
                }
                layered.push_group(&members, first / LANES + group, &mut forms);
            }
            layered.push_forms(&forms, first_layer);
        }
        let n_rows = layered.classes.n_rows();
        if u16::try_from(n_rows).is_ok() {
            layered.row.narrow();
            layered.jump_row.narrow();
        }
        layered
    }

    /// Whether every pool must be evaluated by itself.
    pub(crate) fn is_all_slow(&self) -> bool {
        self.n_slow == self.place.len()
    }

    /// The most steps of groups that a window has.
    pub(crate) fn most_forms(&self) -> usize {
        self.form_steps.windows(2).map(|ends| (ends[1] - ends[0]) as usize).max().unwrap_or(0)
    }

    /// The most layers that a window has.
    pub(crate) fn most_layers(&self) -> usize {
        let groups = self.window / LANES;
        let starts = self.layers.iter().step_by(groups).copied();
        let ends = self.layers.iter().step_by(groups).skip(1).chain(self.layers.last()).copied();
        starts.zip(ends).map(|(start, end)| (end - start) as usize).max().unwrap_or(0)
    }

    fn push_group(&mut self, members: &[(usize, &Program)], group: usize, forms: &mut Vec<(Entry, usize)>) {
        for (lane, (_, program)) in members.iter().enumerate() {
            self.slow[group] |= u8::from(program.slow) << lane;
            self.exposed[group] |= u8::from(program.exposed) << lane;
            self.n_slow += usize::from(program.slow);
        }
        let mut assets: Vec<Option<usize>> =
            members.iter().flat_map(|(_, program)| program.layers.iter().map(|layer| layer.asset)).collect();
        assets.sort_unstable();
        assets.dedup();
        for asset in assets {
            let layers: Vec<Option<(&LayerProgram, &Program)>> = members
                .iter()
                .map(|(_, program)| {
                    program.layers.iter().find(|layer| layer.asset == asset).map(|layer| (layer, *program))
                })
                .collect();
            self.push_layer(asset, &layers, forms);
        }
        self.layers.push(row32(self.asset.len()));
    }

    /// Writes the groups of a window, whose lanes are counted from its first layer.
    fn push_forms(&mut self, forms: &[(Entry, usize)], first_layer: usize) {
        for eight in forms.chunks(LANES) {
            let (form, row) = (self.form.len(), self.form_row.len());
            self.form.resize(form + 4 * LANES, 0.0);
            self.form_row.resize(row + LANES, 0);
            self.form_lane.resize(row + LANES, 0);
            for (at, (entry, lane)) in eight.iter().enumerate() {
                self.form_row[row + at] = entry.row;
                self.form_lane[row + at] = row32(lane - first_layer * LANES);
                for (part, number) in entry.form.iter().enumerate() {
                    self.form[form + part * LANES + at] = *number;
                }
            }
        }
        self.form_steps.push(row32(self.form_row.len() / LANES));
    }

    fn push_layer(
        &mut self,
        asset: Option<usize>,
        lanes: &[Option<(&LayerProgram, &Program)>],
        forms: &mut Vec<(Entry, usize)>,
    ) {
        self.asset.push(asset.map_or(OWN, |asset| u16::try_from(asset).unwrap_or(OWN)));
        let first = self.constant.len();
        self.constant.resize(first + LANES, 0.0);
        self.doubt.resize(first + LANES, 0);
        if !self.fixed.is_empty() {
            self.fixed.resize(first + LANES, 0.0);
        }
        let present = || lanes.iter().enumerate().filter_map(|(lane, layer)| layer.map(|layer| (lane, layer)));
        let longest =
            |count: fn(&LayerProgram) -> usize| present().map(|(_, (layer, _))| count(layer)).max().unwrap_or(0);
        let (length, jump_length) = (longest(LayerProgram::n_sliced), longest(LayerProgram::n_jumping));
        let (slot, jump) = (self.quantity.len(), self.jump_quantity.len());
        self.quantity.resize(slot + length * LANES, 0.0);
        self.row.resize(slot + length * LANES);
        self.jump_quantity.resize(jump + jump_length * LANES, 0.0);
        self.jump_row.resize(jump + jump_length * LANES);
        self.holders.push(present().fold(0, |holders, (lane, _)| holders | 1 << lane));
        for (lane, (layer, program)) in present() {
            self.constant[first + lane] = layer.constant;
            if layer.fixed != 0.0 {
                self.fixed.resize(first + LANES, 0.0);
                self.fixed[first + lane] = layer.fixed;
            }
            // The constants are added to sums, whose rounding is of their magnitude too.
            let known = layer.error + OF_SUMS * (2.0 * layer.constant.abs() + 4.0 * layer.fixed.abs());
            let doubt = if program.n_terms > MOST_TERMS { f64::INFINITY } else { known };
            self.doubt[first + lane] = u16::try_from(round_up(doubt)).unwrap_or(u16::MAX);
            let (mut next, mut next_jump) = (slot + lane, jump + lane);
            for position in &layer.slots {
                match position.row {
                    SlotRow::Sliced(row) => {
                        self.quantity[next] = position.quantity;
                        self.row.set(next, row);
                        next += LANES;
                    }
                    SlotRow::Jumping(row) => {
                        self.jump_quantity[next_jump] = position.quantity;
                        self.jump_row.set(next_jump, row);
                        next_jump += LANES;
                    }
                }
            }
            forms.extend(layer.entries.iter().map(|entry| (*entry, first + lane)));
        }
        self.steps.push(row32(self.quantity.len() / LANES));
        self.jump_steps.push(row32(self.jump_quantity.len() / LANES));
    }
}

fn row32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Numbers for sets of assets, and the keys that pools are sorted by.
#[derive(Debug, Default)]
struct Signatures {
    known: HashMap<Vec<Option<usize>>, u64>,
}

impl Signatures {
    /// Slow pools last; then by assets, and by falling numbers of positions in the first, second, ... asset.
    fn key(&mut self, program: &Program) -> u64 {
        let assets: Vec<Option<usize>> = program.layers.iter().map(|layer| layer.asset).collect();
        let next = self.known.len() as u64;
        let number = *self.known.entry(assets).or_insert(next) & 0xfff;
        let mut key = u64::from(program.slow) << 12 | number;
        let bits = [7, 6, 6, 5];
        for (i, bits) in bits.into_iter().enumerate() {
            let most = (1 << bits) - 1;
            let n = program.layers.get(i).map_or(0, |layer| layer.slots.len() as u64);
            key = key << bits | (most - n.min(most));
        }
        key
    }
}
