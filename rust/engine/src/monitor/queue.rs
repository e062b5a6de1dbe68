//! Triggers of one price, on one side of it, in the order in which it reaches them.
//!
//! Where a price is, is a key of 32 bits that grows with its distance from the triggers ([`super::line`]): a trigger `t` fires where
//! the key is below `t`. Triggers lie in buckets by their upper bits. Those that were replaced stay where they are until
//! somebody comes by: a trigger is live if who set it says so.

/// A trigger, and who set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) at: u32,
    pub(super) who: u32,
}

/// Bits of a word.
const WORD: usize = 64;

/// A full bucket of more than this is first rid of what is not live.
const MANY: usize = 8;

/// Triggers that agree in their upper bits.
#[derive(Debug, Clone, Default)]
struct Bucket {
    triggers: Vec<Trigger>,
    /// How many of them are live.
    live: u32,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    /// A bucket has the triggers that agree in the bits above these.
    shift: u32,
    buckets: Vec<Bucket>,
    /// A bit for each bucket with something in it, and one for each word of those that has one.
    filled: Vec<u64>,
    filled_words: Vec<u64>,
    /// No trigger is larger; 0 where there is none.
    top: u32,
}

impl Queue {
    /// Room for about `n` triggers.
    pub(super) fn new(n: usize) -> Self {
        let bits = (n / 2).clamp(1 << 6, 1 << 20).next_power_of_two().trailing_zeros();
        let n_buckets = 1 << bits;
        let words = |n: usize| n.div_ceil(WORD);
        Self {
            shift: 32 - bits,
            buckets: vec![Bucket::default(); n_buckets],
            filled: vec![0; words(n_buckets)],
            filled_words: vec![0; words(words(n_buckets))],
            top: 0,
        }
    }

    /// Whether some trigger fires at a key.
    #[inline]
    pub(super) const fn fires(&self, key: u32) -> bool {
        key < self.top
    }

    /// Fills an empty queue with triggers that are all live.
    pub(super) fn fill(&mut self, triggers: &[Trigger]) {
        for trigger in triggers {
            self.buckets[(trigger.at >> self.shift) as usize].live += 1;
        }
        for trigger in triggers {
            let at = (trigger.at >> self.shift) as usize;
            let Bucket { triggers, live } = &mut self.buckets[at];
            if triggers.is_empty() {
                triggers.reserve_exact(*live as usize);
                self.filled[at / WORD] |= 1 << (at % WORD);
                self.filled_words[at / WORD / WORD] |= 1 << (at / WORD % WORD);
            }
            triggers.push(*trigger);
            self.top = if trigger.at > self.top { trigger.at } else { self.top };
        }
    }

    /// Sets a trigger.
    #[inline]
    pub(super) fn set(&mut self, trigger: Trigger, is_live: impl Fn(Trigger) -> bool) {
        let at = (trigger.at >> self.shift) as usize;
        let Bucket { triggers, live } = &mut self.buckets[at];
        if triggers.is_empty() {
            self.filled[at / WORD] |= 1 << (at % WORD);
            self.filled_words[at / WORD / WORD] |= 1 << (at / WORD % WORD);
        } else if triggers.len() == triggers.capacity() && triggers.len() >= MANY + 2 * *live as usize {
            triggers.retain(|&trigger| is_live(trigger));
        }
        triggers.push(trigger);
        *live += 1;
        if trigger.at > self.top {
            self.top = trigger.at;
        }
    }

    /// Notes that a trigger is not live any more.
    #[inline]
    pub(super) fn unset(&mut self, trigger: u32) {
        let live = &mut self.buckets[(trigger >> self.shift) as usize].live;
        *live = live.saturating_sub(1);
    }

    /// Takes out all triggers that fire at a key.
    pub(super) fn take(&mut self, key: u32, fired: &mut Vec<Trigger>) {
        while key < self.top {
            let at = (self.top >> self.shift) as usize;
            let Bucket { triggers, live } = &mut self.buckets[at];
            let mut top = 0;
            if (key >> self.shift) as usize == at {
                let before = triggers.len();
                triggers.retain(|trigger| {
                    let stays = trigger.at <= key;
                    if stays {
                        top = if trigger.at > top { trigger.at } else { top };
                    } else {
                        fired.push(*trigger);
                    }
                    stays
                });
                let gone = before - triggers.len();
                *live = live.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
            } else {
                fired.append(triggers);
                *live = 0;
            }
            if top > 0 {
                self.top = top;
                return;
            }
            self.empty(at);
            self.top = self.highest_below(at);
        }
    }

    /// Takes out all.
    pub(super) fn drain(&mut self, fired: &mut Vec<Trigger>) {
        self.take(0, fired);
    }

    fn empty(&mut self, at: usize) {
        self.filled[at / WORD] &= !(1 << (at % WORD));
        if self.filled[at / WORD] == 0 {
            self.filled_words[at / WORD / WORD] &= !(1 << (at / WORD % WORD));
        }
    }

    /// The largest trigger in the buckets below one; 0 where there is none.
    fn highest_below(&self, at: usize) -> u32 {
        let Some(bucket) = self.filled_below(at) else { return 0 };
        self.buckets[bucket].triggers.iter().fold(0, |top, trigger| if trigger.at > top { trigger.at } else { top })
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

    /// Bytes that are held.
    pub(super) fn bytes(&self) -> usize {
        let triggers: usize = self.buckets.iter().map(|bucket| bucket.triggers.capacity()).sum();
        triggers * size_of::<Trigger>()
            + self.buckets.capacity() * size_of::<Bucket>()
            + (self.filled.capacity() + self.filled_words.capacity()) * size_of::<u64>()
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
        let mut queue = Queue::new(500);
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
            queue.set(trigger, |_| true);
            all.push(trigger);
            if draw.below(5) == 0 {
                let key = all[draw.below(u32::try_from(all.len()).unwrap()) as usize].at - draw.below(2);
                let mut fired = vec![];
                assert_eq!(queue.fires(key), all.iter().any(|trigger| trigger.at > key));
                queue.take(key, &mut fired);
                fired.sort_by_key(|trigger| trigger.who);
                let (expected, rest): (Vec<_>, Vec<_>) = all.iter().partition(|trigger| trigger.at > key);
                assert_eq!(fired, expected);
                all = rest;
                if all.is_empty() {
                    all.push(trigger);
                    queue.set(trigger, |_| true);
                }
            }
        }
        let mut left = vec![];
        queue.drain(&mut left);
        assert_eq!(left.len(), all.len());
        assert!(!queue.fires(0));
    }

    #[test]
    fn test_queue_of_replaced_triggers_does_not_grow() {
        let mut queue = Queue::new(64);
        for who in 0..100_000 {
            queue.set(Trigger { at: 77, who }, |trigger| trigger.who % 16 == 0 && trigger.who + 64 > who);
            queue.unset(77);
        }
        assert!(queue.bytes() < 8_192, "{}", queue.bytes());
    }
}
