//! Windows of pools by lanes.

use std::ops::Range;

use crate::kernel::{Lanes, RootFigures, RootTerms, Task, dispatch};

use super::{Question, Share, What};

/// A thread's working memory.
#[derive(Default)]
pub(super) struct LaneState {
    figures: RootFigures,
}

struct Window<'a, 'b> {
    what: What,
    terms: RootTerms<'a>,
    pools: Range<usize>,
    layer: usize,
    figures: &'b mut RootFigures,
}

impl Task for Window<'_, '_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    fn run<L: Lanes>(self) {
        let Self { what, terms, pools, layer, figures } = self;
        match what {
            What::Liquidation => figures.evaluate::<L, false>(&terms, pools, layer),
            What::Bankruptcy => figures.evaluate::<L, true>(&terms, pools, layer),
        }
    }
}

impl LaneState {
    /// Fills the columns of some pools, but for positions left open.
    pub(super) fn window(&mut self, of: Question<'_>, pools: Range<usize>, share: &mut Share<'_>, open: &mut Vec<u32>) {
        let terms = of.tables.terms(of.book, of.refined, of.pieces);
        let pools_start = pools.start;
        let first = terms.starts[pools.start] as usize;
        let n = terms.starts[pools.end] as usize - first;
        let layer = of.book.holdings().layers_of(pools.start).start;
        dispatch(of.isa, Window { what: of.what, terms, pools, layer, figures: &mut self.figures });
        share.copy(of, &self.figures, first, n);
        let start = terms.starts[pools_start];
        open.extend(self.figures.open.iter().map(|at| start + at));
    }
}
