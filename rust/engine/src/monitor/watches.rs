//! Pools and accounts that are watched by the rules: a box of prices for each, found by evaluating the rules over boxes.

use crate::market::Prices;
use crate::pool::{Bounds, Source};

use super::arm::is_live;
use super::line::{EDGES, Edge, FREE, Line};
use super::pools::Held;
use super::queue::{Arena, Trigger};

/// Tells watches from positions among those that set triggers.
const WATCH: u32 = 1 << 31;

/// The watch that set a trigger; `None`: it was a position.
pub(super) const fn watch_of(who: u32) -> Option<usize> {
    if who & WATCH == 0 { None } else { Some((who & !WATCH) as usize) }
}

/// A price that a node looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    pub(super) node: u32,
    pub(super) line: u32,
    pub(super) armed: [u32; 2],
}

/// Who a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The pool in a slot.
    Pool(u32),
    /// The soft stop of an account.
    Account(u32),
}

/// Something that is watched by the rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) owner: Owner,
    first: u32,
    n: u32,
    /// For how many prices there is room.
    room: u32,
    pub(super) stamp: u32,
    /// Of an account: whether it is stopped.
    pub(super) stopped: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Watches {
    pub(super) nodes: Vec<Node>,
    pub(super) of: Vec<Watch>,
    free: Vec<u32>,
}

/// Where the lines of prices of one kind begin: marks, last prices, index prices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    n_instruments: u32,
    n_assets: u32,
}

impl Places {
    pub(super) fn new(n_instruments: usize, n_assets: usize) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { n_instruments: count(n_instruments), n_assets: count(n_assets) }
    }

    pub(super) const fn n_lines(self) -> usize {
        2 * self.n_instruments as usize + self.n_assets as usize
    }

    /// The line of a price.
    pub(super) fn line(self, source: Source) -> u32 {
        match source {
            Source::Mark(at) => at,
            Source::Index(at) => self.n_instruments + u32::from(at),
            Source::Last(at) => self.n_instruments + self.n_assets + at,
        }
    }

    /// The price of a line.
    pub(super) fn source(self, line: u32) -> Source {
        let later = line.checked_sub(self.n_instruments);
        match (later, later.and_then(|at| at.checked_sub(self.n_assets))) {
            (None, _) => Source::Mark(line),
            (Some(at), None) => Source::Index(u16::try_from(at).unwrap_or(u16::MAX)),
            (_, Some(at)) => Source::Last(at),
        }
    }

    /// The present prices, by line.
    pub(super) fn prices(self, prices: &Prices) -> Vec<f64> {
        let mut all = [prices.mark(), prices.index(), prices.last()].concat();
        all.resize(self.n_lines(), f64::NAN);
        all
    }
}

impl Watches {
    /// A new node, without a box yet.
    pub(super) fn add(&mut self, owner: Owner) -> u32 {
        let node = Node { owner, first: 0, n: 0, room: 0, stamp: 0, stopped: false };
        if let Some(at) = self.free.pop() {
            let old = self.nodes[at as usize];
            self.nodes[at as usize] = Node { first: old.first, room: old.room, ..node };
            return at;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    /// Forgets a node and its triggers.
    pub(super) fn remove(&mut self, node: u32) {
        for watch in self.of_node_mut(node) {
            watch.armed = [FREE; 2];
        }
        (self.nodes[node as usize].n, self.nodes[node as usize].stopped) = (0, false);
        self.free.push(node);
    }

    /// The prices that a node looks at.
    pub(super) fn of_node(&self, node: u32) -> &[Watch] {
        let Node { first, n, .. } = self.nodes[node as usize];
        &self.of[first as usize..(first + n) as usize]
    }

    fn of_node_mut(&mut self, node: u32) -> &mut [Watch] {
        let Node { first, n, .. } = self.nodes[node as usize];
        &mut self.of[first as usize..(first + n) as usize]
    }

    /// Whether a node is one that somebody has.
    pub(super) fn is_watching(&self, node: usize) -> bool {
        self.nodes[node].n > 0
    }

    /// The accounts that are stopped.
    pub(super) fn stopped(&self) -> impl Iterator<Item = u32> + '_ {
        self.nodes.iter().filter(|node| node.stopped).filter_map(|node| match node.owner {
            Owner::Account(account) => Some(account),
            Owner::Pool(_) => None,
        })
    }

    /// Sets the triggers of a node at the ends of its box.
    pub(super) fn arm(
        &mut self,
        node: u32,
        bounds: &[Bounds],
        places: Places,
        (lines, arena, held): (&mut [Line], &mut Arena, &[Held]),
    ) {
        self.make_room(node, bounds.len());
        let first = self.nodes[node as usize].first as usize;
        for (k, of) in bounds.iter().enumerate() {
            let line = places.line(of.source);
            if self.of[first + k].line != line {
                self.of[first + k] = Watch { node, line, armed: [FREE; 2] };
            }
            for edge in EDGES {
                let bound = if edge == Edge::Low { of.low } else { of.high };
                let trigger = lines[line as usize].trigger(edge, bound);
                if self.of[first + k].armed[edge as usize] == trigger {
                    continue;
                }
                self.of[first + k].armed[edge as usize] = trigger;
                if trigger != FREE {
                    let who = WATCH | u32::try_from(first + k).unwrap_or(0);
                    let watches = &self.of;
                    let live = |trigger| is_live(held, watches, edge, trigger);
                    lines[line as usize].set(arena, edge, Trigger { at: trigger, who }, live);
                }
            }
        }
    }

    /// Gives a node room for `n` prices; the old ones are forgotten where their number is another.
    fn make_room(&mut self, node: u32, n: usize) {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        if self.nodes[node as usize].n == n {
            return;
        }
        for watch in self.of_node_mut(node) {
            watch.armed = [FREE; 2];
        }
        let none = Watch { node, line: u32::MAX, armed: [FREE; 2] };
        let of = &mut self.nodes[node as usize];
        of.n = n;
        if n > of.room {
            of.first = u32::try_from(self.of.len()).unwrap_or(u32::MAX);
            of.room = n;
            self.of.resize(self.of.len() + n as usize, none);
        } else {
            self.of_node_mut(node).fill(none);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.of.capacity() * size_of::<Watch>()
    }
}
