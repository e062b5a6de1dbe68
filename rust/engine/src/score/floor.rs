//! The memory floor of scoring: the same bytes read and written, with nothing computed.
//!
//! No evaluation of a book can be faster than this pass where memory bandwidth is the limit; benchmarks print their
//! figures beside it.

use std::hint::black_box;

use crate::error::{Error, Result};
use crate::kernel::stream;
use crate::parallel;
use crate::pool::{Book, Folded, LANES};

use super::columns::{Buffers, Part};
use super::{Options, plan};

/// Reads every byte that [`super::score`] reads for the same buffers and writes every byte that it writes (zeros).
///
/// # Errors
/// [`crate::Error::Argument`] for a buffer of another length than the number of pools, and for a book whose rules have
/// no one-asset lanes.
#[doc(hidden)]
pub fn stream_floor(book: &Book, buffers: Buffers<'_>, options: &Options) -> Result<()> {
    let n_pools = book.holdings().n_pools();
    buffers.check(n_pools)?;
    let folded = book.folded().ok_or_else(|| Error::argument("book", "has rules beyond the one-asset lanes"))?;
    let leverage = buffers.wants_initial().then(|| folded.leverage(book.holdings()));
    let plan = plan(book, options);
    let parts = buffers.chunks(0..n_pools, plan.claim * folded.window);
    parallel::for_each(
        plan.threads,
        parts,
        || vec![0.0; folded.window],
        |zeros, part| {
            black_box(read(folded, leverage, &part));
            write(folded.window, part, zeros, plan.past_caches);
        },
    );
    Ok(())
}

/// Adds up what a part's pools are made of, eight sums side by side.
fn read(folded: &Folded, leverage: Option<&[f64]>, part: &Part<'_>) -> u64 {
    let (first, places) = (part.first, part.n.next_multiple_of(LANES));
    let groups = &folded.steps[first / LANES..=(first + places) / LANES];
    let slots = groups[0] as usize * LANES..groups[groups.len() - 1] as usize * LANES;
    let reals = |column: &[f64]| {
        let sums = column.chunks_exact(LANES).fold([0_u64; LANES], |sums, eight| {
            std::array::from_fn(|lane| sums[lane].wrapping_add(eight[lane].to_bits()))
        });
        sums.iter().fold(0_u64, |sum, &x| sum.wrapping_add(x))
    };
    let narrow = |column: &[u16]| {
        let sums = column
            .chunks_exact(4 * LANES)
            .fold([0_u16; 4 * LANES], |sums, some| std::array::from_fn(|lane| sums[lane].wrapping_add(some[lane])));
        sums.iter().fold(0_u64, |sum, &x| sum.wrapping_add(u64::from(x)))
    };
    let doubts = folded.doubt[first..first + places].iter().fold(0_u32, |sum, &x| sum.wrapping_add(x));
    reals(&folded.quantity[slots.clone()])
        .wrapping_add(narrow(&folded.class[slots.clone()]))
        .wrapping_add(reals(&folded.constant[first..first + places]))
        .wrapping_add(if part.columns.iter().any(|(column, _)| column.needs_cash()) {
            reals(&folded.cash[first..first + places])
        } else {
            0
        })
        .wrapping_add(narrow(&folded.place[first..first + part.n]))
        .wrapping_add(u64::from(doubts))
        .wrapping_add(leverage.map_or(0, |leverage| reals(&leverage[slots])))
}

fn write(window: usize, mut part: Part<'_>, zeros: &[f64], past_caches: bool) {
    for offset in (0..part.n).step_by(window) {
        let n = window.min(part.n - offset);
        for (_, buffer) in &mut part.columns {
            stream::copy(&zeros[..n], &mut buffer[offset..offset + n], past_caches);
        }
        if let Some(flags) = &mut part.liquidatable {
            flags[offset..offset + n].fill(false);
        }
        if let Some(flags) = &mut part.unpriced {
            flags[offset..offset + n].fill(false);
        }
    }
    stream::finish(past_caches);
}
