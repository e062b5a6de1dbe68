//! One price that is watched, and the triggers on both sides of it.
//!
//! A key is the upper bits of a price, counted from a quarter of where it was when counting began: it grows with the price, in
//! steps of `2^-30` of it, up to four times of where it was. What is beyond has the last key.

use super::queue::{Arena, Queue, Trigger};

/// Bits of a double that keys leave out.
const CUT: u32 = 22;

/// The side of a price that a trigger is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Low = 0,
    High = 1,
}

/// Both.
pub(super) const EDGES: [Edge; 2] = [Edge::Low, Edge::High];

/// No trigger: the side is free.
pub(super) const FREE: u32 = 0;

/// What a typical step is taken for before there was one, and what each one adds to what is known of it.
const FIRST_STEP: f64 = 1e-4;
const NEW: f64 = 1.0 / 64.0;

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) price: f64,
    /// The key of the price.
    key: u32,
    /// The bits that key 0 stands for.
    base: i64,
    queues: [Queue; 2],
    /// How far the price moves, by what it did: a sum of squares of relative moves, decaying.
    moved: f64,
    /// How far it moves at once, typically, as a part of it.
    pub(super) step: f64,
    /// The weight that it has in the sharing of slack.
    pub(super) weight: f64,
}

impl Line {
    pub(super) fn new(price: f64) -> Self {
        let queues = <[Queue; 2]>::default();
        let mut line = Self { price, key: 0, base: 0, queues, moved: 0.0, step: FIRST_STEP, weight: 1.0 };
        line.recount();
        line
    }

    /// Counts keys from the present price.
    fn recount(&mut self) {
        let upper = if self.price.is_nan() { 1.0_f64.to_bits() } else { self.price.to_bits() } >> CUT;
        self.base = upper.cast_signed() - (1 << 31);
        self.key = 1 << 31;
    }

    /// The key of a price, and whether it is one of those that stand for themselves.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range")]
    fn key_of(&self, price: f64) -> (u32, bool) {
        let key = (price.to_bits() >> CUT).cast_signed() - self.base;
        let inside = key > 0 && key < i64::from(u32::MAX);
        (key.clamp(0, i64::from(u32::MAX)) as u32, inside)
    }

    /// How far a price is from the triggers of a side.
    const fn depth(key: u32, edge: Edge) -> u32 {
        match edge {
            Edge::Low => key,
            Edge::High => u32::MAX - key,
        }
    }

    /// Moves the price, and takes out the triggers that it fires.
    #[inline]
    pub(super) fn go(&mut self, price: f64, arena: &mut Arena, fired: &mut Vec<Trigger>) {
        let move_of = price / self.price - 1.0;
        if move_of.is_finite() {
            self.moved += move_of * move_of;
            self.step += (move_of.abs() - self.step) * NEW;
        }
        self.price = price;
        let (key, inside) = self.key_of(price);
        self.key = key;
        if !inside {
            self.leave(arena, fired);
            return;
        }
        for edge in EDGES {
            let depth = Self::depth(key, edge);
            if self.queues[edge as usize].fires(depth) {
                self.queues[edge as usize].take(arena, depth, fired);
            }
        }
    }

    /// Counts anew: what was set with the old keys is of no use.
    #[cold]
    fn leave(&mut self, arena: &mut Arena, fired: &mut Vec<Trigger>) {
        for queue in &mut self.queues {
            queue.drain(arena, fired);
        }
        self.recount();
    }

    /// The trigger that fires before the price is beyond a bound; [`FREE`] where there is none.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    pub(super) fn trigger(&self, edge: Edge, bound: f64) -> u32 {
        let range = (1, i64::from(u32::MAX));
        match edge {
            Edge::Low if bound <= 0.0 => FREE,
            Edge::High if bound == f64::INFINITY => FREE,
            Edge::Low => {
                let bits = bound.to_bits() + ((1 << CUT) - 1);
                ((bits >> CUT).cast_signed() - self.base).clamp(range.0, range.1) as u32
            }
            Edge::High => {
                let key = ((bound.to_bits() >> CUT).cast_signed() - self.base).clamp(range.0, range.1);
                u32::MAX - key as u32 + 1
            }
        }
    }

    /// Where the price may be without a trigger firing: at or above this, or below it.
    pub(super) fn bound(&self, edge: Edge, trigger: u32) -> f64 {
        let key = match (edge, trigger) {
            (Edge::Low, FREE) => return 0.0,
            (Edge::High, FREE) => return f64::INFINITY,
            (Edge::Low, _) => trigger,
            (Edge::High, _) => u32::MAX - trigger + 1,
        };
        f64::from_bits(((i64::from(key) + self.base) << CUT).cast_unsigned())
    }

    /// Whether one trigger is at least some share as far from the price as another that is farther.
    pub(super) fn is_near(&self, edge: Edge, (near, far): (u32, u32), share: f64) -> bool {
        let depth = f64::from(Self::depth(self.key, edge));
        depth - f64::from(near) >= share * (depth - f64::from(far))
    }

    /// Says that a trigger will soon be set.
    pub(super) fn will_set(&self, arena: &Arena, edge: Edge, trigger: u32) {
        self.queues[edge as usize].will_set(arena, trigger);
    }

    pub(super) fn set(&mut self, arena: &mut Arena, edge: Edge, trigger: Trigger, is_live: impl Fn(Trigger) -> bool) {
        self.queues[edge as usize].set(arena, trigger, is_live);
    }

    pub(super) fn lay(&mut self, arena: &mut Arena, edge: Edge, trigger: Trigger) {
        self.queues[edge as usize].lay(arena, trigger);
    }

    /// Makes room for numbers of triggers, in buckets that begin at `first`, where there is none yet; gives where those of the
    /// next line begin.
    pub(super) fn make_room(&mut self, n: [usize; 2], mut first: usize) -> usize {
        self.queues = n.map(|n| {
            let (queue, next) = Queue::new(n, first);
            first = next;
            queue
        });
        first
    }

    /// Takes the measure of how far the price moves since it was last taken.
    pub(super) fn take_moved(&mut self) -> f64 {
        let moved = self.moved;
        self.moved *= 0.5;
        moved
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.queues.iter().map(Queue::bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prop_line_triggers_fire_before_prices_are_beyond_their_bounds() {
        let start = 64_000.0_f64;
        let bounds = [0.999_999, 0.9, 0.3, 0.2, 1e-30, 1.0, 1.000_001, 1.1, 3.9, 4.1, 1e30].map(|by| start * by);
        for (k, bound) in bounds.into_iter().enumerate() {
            let edge = if bound <= start && k != 5 { Edge::Low } else { Edge::High };
            let arena = Arena::new([8, 8].into_iter());
            let mut line = Line::new(start);
            line.make_room([8, 8], 0);
            let trigger = line.trigger(edge, bound);
            assert_ne!(trigger, FREE);
            let beyond = if edge == Edge::Low { bound.next_down() } else { bound.next_up() };
            for price in [beyond, bound, start, f64::midpoint(start, bound), start.next_up(), start.next_down()] {
                let (mut line, mut arena, mut fired) = (line.clone(), arena.clone(), vec![]);
                line.set(&mut arena, edge, Trigger { at: trigger, who: 7 }, |_| true);
                line.go(price, &mut arena, &mut fired);
                let within = if edge == Edge::Low { price >= bound } else { price <= bound };
                assert!(within || fired.len() == 1, "{bound} {price}");
                let kept = line.bound(edge, trigger);
                let is_kept = if edge == Edge::Low { price >= kept } else { price < kept };
                assert!(line.price.to_bits() != price.to_bits() || !fired.is_empty() || is_kept);
            }
        }
    }

    #[test]
    fn test_line_beyond_its_keys_fires_all_and_counts_anew() {
        let (mut line, mut arena) = (Line::new(1.0), Arena::new([8, 8].into_iter()));
        line.make_room([8, 8], 0);
        line.set(&mut arena, Edge::Low, Trigger { at: line.trigger(Edge::Low, 0.5), who: 1 }, |_| true);
        line.set(&mut arena, Edge::High, Trigger { at: line.trigger(Edge::High, 1e6), who: 2 }, |_| true);
        let mut fired = vec![];
        line.go(100.0, &mut arena, &mut fired);
        assert_eq!(fired.len(), 2);
        assert_eq!(line.key, 1 << 31);
        let low = line.trigger(Edge::Low, 50.0);
        assert!((line.bound(Edge::Low, low) / 50.0 - 1.0).abs() < 1e-8);
    }
}
