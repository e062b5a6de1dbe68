//! Triggers of one price, on one side of it, in the order in which it reaches them.
//!
//! Where a price is, is a key of 32 bits that grows with its distance from the triggers ([`super::line`]): a trigger `t` fires where
//! the key is below `t`. Triggers lie in buckets by their upper bits, a bucket in one line of a cache, more than fit into it in
//! others that it leads to; buckets of all prices lie in one [`Arena`]. Triggers that were replaced stay where they are
//! until somebody comes by: a trigger is live if who set it says so.

use crate::memory::{filled, will_read, with_room};

/// A trigger, and who set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Trigger {
    pub(super) at: u32,
    pub(super) who: u32,
}

/// Bits of a word.
const WORD: usize = 64;

/// Triggers in one line of a cache.
const ROOM: usize = 7;

/// No other chunk.
const NONE: u32 = u32::MAX;

/// Some triggers of a bucket, and where the others are.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Chunk {
    triggers: [Trigger; ROOM],
    next: u32,
    n: u8,
    /// How many chunks it leads to, as far as that goes, and how many there were when the bucket was last rid of what is not live.
    links: u8,
    kept: u8,
}

const EMPTY: Chunk = Chunk { triggers: [Trigger { at: 0, who: 0 }; ROOM], next: NONE, n: 0, links: 0, kept: 0 };

/// The buckets of all queues.
#[derive(Debug, Clone, Default)]
pub(super) struct Arena {
    /// The first chunks of all buckets.
    buckets: Vec<Chunk>,
    /// Those that they lead to.
    more: Vec<Chunk>,
    free: Vec<u32>,
}

impl Arena {
    /// Room for the buckets of queues for these numbers of triggers.
    pub(super) fn new(n: impl Iterator<Item = usize>) -> Self {
        let n_buckets: usize = n.map(|n| 1 << bits_for(n)).sum();
        Self { buckets: filled(n_buckets, EMPTY), more: with_room(n_buckets / 2), free: Vec::new() }
    }

    fn push(&mut self, bucket: usize, trigger: Trigger, is_live: impl Fn(Trigger) -> bool) {
        let chunk = &self.buckets[bucket];
        if usize::from(chunk.n) == ROOM && chunk.links > chunk.kept.saturating_mul(2) {
            self.purge(bucket, is_live);
        }
        self.put(bucket, trigger);
    }

    fn put(&mut self, bucket: usize, trigger: Trigger) {
        if usize::from(self.buckets[bucket].n) == ROOM {
            self.link(bucket);
        }
        let chunk = &mut self.buckets[bucket];
        chunk.triggers[usize::from(chunk.n)] = trigger;
        chunk.n += 1;
    }

    /// Moves what is in the first chunk of a bucket to another that it leads to.
    fn link(&mut self, bucket: usize) {
        let full = self.buckets[bucket];
        let at = if let Some(at) = self.free.pop() {
            self.more[at as usize] = full;
            at
        } else {
            self.more.push(full);
            u32::try_from(self.more.len() - 1).unwrap_or(NONE)
        };
        let first = &mut self.buckets[bucket];
        *first = Chunk { next: at, links: full.links.saturating_add(1), kept: full.kept, ..EMPTY };
    }

    /// Empties a bucket; gives what was in it to `each`.
    fn empty(&mut self, bucket: usize, mut each: impl FnMut(Trigger)) {
        let first = std::mem::replace(&mut self.buckets[bucket], EMPTY);
        first.triggers[..usize::from(first.n)].iter().for_each(|&trigger| each(trigger));
        let mut next = first.next;
        while next != NONE {
            let chunk = self.more[next as usize];
            chunk.triggers[..usize::from(chunk.n)].iter().for_each(|&trigger| each(trigger));
            self.free.push(next);
            next = chunk.next;
        }
    }

    /// Rids a bucket of what is not live.
    #[cold]
    fn purge(&mut self, bucket: usize, is_live: impl Fn(Trigger) -> bool) {
        let mut live = Vec::new();
        self.empty(bucket, |trigger| {
            if is_live(trigger) {
                live.push(trigger);
            }
        });
        for trigger in live {
            self.put(bucket, trigger);
        }
        // At least one, so that a bucket about to be full is not gone through again at once.
        let first = &mut self.buckets[bucket];
        first.kept = if first.links > 0 { first.links } else { 1 };
    }

    /// The largest trigger of a bucket; 0 where there is none.
    fn highest(&self, bucket: usize) -> u32 {
        let larger = |top: u32, of: &Chunk| {
            of.triggers[..usize::from(of.n)]
                .iter()
                .fold(top, |top, trigger| if trigger.at > top { trigger.at } else { top })
        };
        let mut chunk = &self.buckets[bucket];
        let mut top = larger(0, chunk);
        while chunk.next != NONE {
            chunk = &self.more[chunk.next as usize];
            top = larger(top, chunk);
        }
        top
    }

    /// Bytes that are held.
    pub(super) fn bytes(&self) -> usize {
        (self.buckets.capacity() + self.more.len()) * size_of::<Chunk>() + self.free.capacity() * size_of::<u32>()
    }
}

/// The logarithm of the number of buckets for a number of triggers.
fn bits_for(n: usize) -> u32 {
    (n / 3).clamp(1 << 4, 1 << 20).next_power_of_two().trailing_zeros()
}

/// The triggers of one side of a price, which are in an arena.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    /// A bucket has the triggers that agree in the bits above these.
    shift: u32,
    /// The place of the first bucket in the arena.
    first: usize,
    /// A bit for each bucket with something in it, and one for each word of those that has one.
    filled: Vec<u64>,
    filled_words: Vec<u64>,
    /// No trigger is larger; 0 where there is none.
    top: u32,
}

impl Queue {
    /// A queue for about `n` triggers, whose buckets begin at `first`; also where those of the next begin.
    pub(super) fn new(n: usize, first: usize) -> (Self, usize) {
        let bits = bits_for(n);
        let n_buckets = 1 << bits;
        let words = |n: usize| n.div_ceil(WORD);
        let queue = Self {
            shift: 32 - bits,
            first,
            filled: vec![0; words(n_buckets)],
            filled_words: vec![0; words(words(n_buckets))],
            top: 0,
        };
        (queue, first + n_buckets)
    }

    /// Whether some trigger fires at a key.
    #[inline]
    pub(super) const fn fires(&self, key: u32) -> bool {
        key < self.top
    }

    /// Says that a trigger will soon be set.
    #[inline]
    pub(super) fn will_set(&self, arena: &Arena, trigger: u32) {
        will_read(&arena.buckets, self.first + (trigger >> self.shift) as usize);
    }

    /// Sets a trigger.
    #[inline]
    pub(super) fn set(&mut self, arena: &mut Arena, trigger: Trigger, is_live: impl Fn(Trigger) -> bool) {
        let bucket = self.note(trigger);
        arena.push(bucket, trigger, is_live);
    }

    /// Sets a trigger where all are live.
    pub(super) fn lay(&mut self, arena: &mut Arena, trigger: Trigger) {
        let bucket = self.note(trigger);
        arena.put(bucket, trigger);
    }

    /// Takes note of a trigger; the bucket that it belongs to.
    #[inline]
    fn note(&mut self, trigger: Trigger) -> usize {
        let at = (trigger.at >> self.shift) as usize;
        self.filled[at / WORD] |= 1 << (at % WORD);
        self.filled_words[at / WORD / WORD] |= 1 << (at / WORD % WORD);
        if trigger.at > self.top {
            self.top = trigger.at;
        }
        self.first + at
    }

    /// Takes out all triggers that fire at a key.
    pub(super) fn take(&mut self, arena: &mut Arena, key: u32, fired: &mut Vec<Trigger>) {
        while key < self.top {
            let at = (self.top >> self.shift) as usize;
            if (key >> self.shift) as usize == at {
                let from = fired.len();
                arena.empty(self.first + at, |trigger| fired.push(trigger));
                self.top = 0;
                let mut kept = from;
                for k in from..fired.len() {
                    let trigger = fired[k];
                    if trigger.at > key {
                        fired[kept] = trigger;
                        kept += 1;
                    } else {
                        self.top = if trigger.at > self.top { trigger.at } else { self.top };
                        arena.put(self.first + at, trigger);
                    }
                }
                fired.truncate(kept);
                if self.top > 0 {
                    return;
                }
            } else {
                arena.empty(self.first + at, |trigger| fired.push(trigger));
            }
            self.empty(at);
            self.top = self.highest_below(arena, at);
        }
    }

    /// Takes out all.
    pub(super) fn drain(&mut self, arena: &mut Arena, fired: &mut Vec<Trigger>) {
        self.take(arena, 0, fired);
    }

    fn empty(&mut self, at: usize) {
        self.filled[at / WORD] &= !(1 << (at % WORD));
        if self.filled[at / WORD] == 0 {
            self.filled_words[at / WORD / WORD] &= !(1 << (at / WORD % WORD));
        }
    }

    /// The largest trigger in the buckets below one; 0 where there is none.
    fn highest_below(&self, arena: &Arena, at: usize) -> u32 {
        self.filled_below(at).map_or(0, |bucket| arena.highest(self.first + bucket))
    }

    fn filled_below(&self, at: usize) -> Option<usize> {
        let below = |word: u64, bit: usize| word & ((1 << bit) - 1);
        let highest = |word: u64| WORD - 1 - word.leading_zeros() as usize;
        let (word, bit) = (at / WORD, at % WORD);
        let here = below(self.filled[word], bit);
        if here != 0 {
            return Some(word * WORD + highest(here));
        }
        let mut upper = word / WORD;
        let mut words = below(self.filled_words[upper], word % WORD);
        while words == 0 {
            upper = upper.checked_sub(1)?;
            words = self.filled_words[upper];
        }
        let word = upper * WORD + highest(words);
        Some(word * WORD + highest(self.filled[word]))
    }

    /// Bytes that are held beside the arena.
    pub(super) fn bytes(&self) -> usize {
        (self.filled.capacity() + self.filled_words.capacity()) * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of pseudo-random numbers.
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, n: u32) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((self.0 >> 33) % u64::from(n)).unwrap()
        }
    }

    #[test]
    fn prop_queue_gives_what_a_search_of_all_triggers_gives() {
        let mut draw = Draw(11);
        let mut arena = Arena::new([10, 500].into_iter());
        let (mut other, first) = Queue::new(10, 0);
        let (mut queue, _) = Queue::new(500, first);
        let mut all: Vec<Trigger> = vec![];
        for round in 0..4_000 {
            // Near one another, far apart, and at both ends.
            let at = match draw.below(4) {
                0 => 1 + draw.below(100),
                1 => u32::MAX - draw.below(100),
                2 => 2_000_000_000 + draw.below(5_000),
                _ => 1 + draw.below(u32::MAX - 1),
            };
            let trigger = Trigger { at, who: round };
            queue.set(&mut arena, trigger, |_| true);
            other.set(&mut arena, trigger, |_| true);
            all.push(trigger);
            if draw.below(5) == 0 {
                let key = all[draw.below(u32::try_from(all.len()).unwrap()) as usize].at - draw.below(2);
                let mut fired = vec![];
                assert_eq!(queue.fires(key), all.iter().any(|trigger| trigger.at > key));
                queue.take(&mut arena, key, &mut fired);
                fired.sort_by_key(|trigger| trigger.who);
                let (expected, rest): (Vec<_>, Vec<_>) = all.iter().partition(|trigger| trigger.at > key);
                assert_eq!(fired, expected);
                all = rest;
                if all.is_empty() {
                    all.push(trigger);
                    queue.set(&mut arena, trigger, |_| true);
                }
            }
        }
        let (mut left, mut of_other) = (vec![], vec![]);
        queue.drain(&mut arena, &mut left);
        assert_eq!(left.len(), all.len());
        assert!(!queue.fires(0));
        other.drain(&mut arena, &mut of_other);
        assert_eq!(of_other.len(), 4_000);
    }

    #[test]
    fn test_queue_of_replaced_triggers_does_not_grow() {
        let mut arena = Arena::new([64].into_iter());
        let (mut queue, _) = Queue::new(64, 0);
        for who in 0..100_000 {
            queue.set(&mut arena, Trigger { at: 77, who }, |trigger| trigger.who % 16 == 0 && trigger.who + 64 > who);
        }
        assert!(arena.more.len() < 16, "{}", arena.more.len());
    }
}
