//! How far prices may move at once while functions of them keep their sides of zero.
//!
//! Of a function that is now `f0` and must not fall to the other side, a slope enclosure over a box says that it loses at
//! most `sum loss_i |t_i|` and a jump. The slack that is left is divided over the prices: with a room of `z_i` volatilities
//! `w_i` each, the rate at which prices leave their rooms goes with `sum 1 / z_i^2`, which is least, under `sum loss_i w_i
//! z_i = slack`, where the part of each is in proportion to `(loss_i w_i)^(2/3)`.

use smallvec::SmallVec;

use crate::exact::{Centre, Enclosed, Interval, larger};

/// What a function may lose, and what each price takes of it when it moves by one unit.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) slack: f64,
    /// Whether jumps take more than half of it.
    pub(super) jumps: bool,
    /// By axis: where the price falls, and where it rises. Never both where the slope has one sign.
    pub(super) losses: Vec<[f64; 2]>,
}

fn positive(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}

impl Guard {
    /// Of a function that keeps its side as long as it does not fall: which it is known to be on at present.
    pub(super) fn new<C: Centre>(function: &Enclosed<'_, C>, n_axes: usize) -> Self {
        let now = positive(function.now().interval().low);
        let slack = Interval::point(now).plus(Interval::point(function.jump().low)).low;
        let mut losses = vec![[0.0; 2]; n_axes];
        function.each_slope(|of| losses[of.axis as usize] = [positive(of.slope.high), positive(-of.slope.low)]);
        Self { slack, jumps: function.jump().low < 0.0 && slack < 0.5 * now, losses }
    }

    /// Of a function that is nearly linear, with a slope by axis.
    pub(super) fn nearly(slack: f64, slopes: impl Iterator<Item = f64>) -> Self {
        Self { slack, jumps: false, losses: slopes.map(|slope| [positive(slope), positive(-slope)]).collect() }
    }

    /// What an axis needs of the slack to move as it likes within the limits.
    fn need(&self, at: usize, limit: Interval) -> f64 {
        let [down, up] = self.losses[at];
        let taken = |loss: f64, by: f64| if loss == 0.0 { 0.0 } else { loss * by };
        larger(taken(down, -limit.low), taken(up, limit.high))
    }

    /// The part of the slack that each axis gets, where none gets more than it needs within the limits.
    fn parts(&self, slack: f64, weights: &[f64], limits: &[Interval]) -> Parts {
        let share = |at: usize| {
            let [down, up] = self.losses[at];
            let loss = larger(down, up) * weights[at];
            if loss.is_finite() { two_thirds(loss) } else { 0.0 }
        };
        let mut parts: Parts = (0..weights.len()).map(|at| Part { share: share(at), amount: 0.0 }).collect();
        let mut left = slack;
        loop {
            let open: f64 = parts.iter().map(|part| part.share).sum();
            let scale = left / open;
            let mut settled = false;
            for (at, part) in parts.iter_mut().enumerate().filter(|(_, part)| part.share > 0.0) {
                let need = self.need(at, limits[at]);
                if part.share * scale >= need {
                    (*part, left, settled) = (Part { share: 0.0, amount: need }, positive(left - need), true);
                }
            }
            if !settled {
                parts.iter_mut().filter(|part| part.share > 0.0).for_each(|part| part.amount = part.share * scale);
                return parts;
            }
        }
    }

    /// Takes from a room what uses up more than the slack, times `times`, where none needs more than the limits.
    fn narrow(&self, room: &mut [Interval], times: f64, weights: &[f64], limits: &[Interval]) {
        // Less by more than what rounding of the parts, their sum and the quotients can be.
        let slack = self.slack * times * (1.0 - 1e-9);
        if slack.is_nan() || self.slack < 0.0 {
            room.fill(Interval::ZERO);
            return;
        }
        let parts = self.parts(slack, weights, limits);
        let of_side = |part: f64, loss: f64, room: f64| {
            let by = if loss == 0.0 { room } else { part / loss };
            if by < room { by } else { room }
        };
        for ((room, part), &[down, up]) in room.iter_mut().zip(&parts).zip(&self.losses) {
            *room = Interval::new(-of_side(part.amount, down, -room.low), of_side(part.amount, up, room.high));
        }
    }
}

/// The part of the slack that an axis gets.
struct Part {
    /// In proportion to which it gets of what is left; 0 where it is settled.
    share: f64,
    amount: f64,
}

/// By axis.
type Parts = SmallVec<[Part; 16]>;

/// The moves within limits that no guard refuses.
pub(super) fn room(guards: &[Guard], times: f64, weights: &[f64], limits: &[Interval]) -> Vec<Interval> {
    let mut room = limits.to_vec();
    for guard in guards {
        guard.narrow(&mut room, times, weights, limits);
    }
    room
}

/// `x^(2/3)` for a positive number, to a few digits.
fn two_thirds(x: f64) -> f64 {
    /// Two thirds of the bias of exponents.
    const OF_BIAS: u64 = 0x2aa0_0000_0000_0000;
    if x < f64::MIN_POSITIVE {
        return 0.0;
    }
    // A third of the exponent and of the mantissa; then two of Newton's steps.
    let first = f64::from_bits(x.to_bits() / 3 + OF_BIAS);
    let better = |y: f64| (2.0 * y + x / (y * y)) / 3.0;
    let root = better(better(first));
    root * root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_room_two_thirds_is_nearly_the_power() {
        for (x, expected) in [(8.0, 4.0), (1e-9, 1e-6), (1e30, 1e20), (0.125, 0.25), (27.0, 9.0)] {
            assert!((two_thirds(x) / expected - 1.0).abs() < 1e-4, "{x}");
        }
        assert_eq!(two_thirds(0.0).to_bits(), 0);
    }

    #[test]
    fn test_room_uses_up_the_slack_and_no_more() {
        let guard = Guard { slack: 10.0, jumps: false, losses: vec![[8.0, 0.0], [0.0, 1.0], [0.0, 0.0]] };
        let limits = [Interval::new(-1.0, f64::INFINITY); 3];
        let room = room(&[guard], 1.0, &[1.0; 3], &limits);
        let used = -room[0].low * 8.0 + room[1].high;
        assert!(used <= 10.0 && used > 9.999, "{room:?}");
        assert_eq!((room[0].high, room[1].low, room[2]), (f64::INFINITY, -1.0, limits[2]));
    }
}
