//! Own money: more than what is the owner's cannot leave.

use crate::book::PoolKind;
use crate::exact::Number;
use crate::market::{OrderLoss, WithdrawableRule};

use super::Book;
use super::evaluate::Layer;
use super::legs::{Leg, Order};
use super::moment::Moment;
use super::overlay::Overlaid;

/// What could leave a pool of one asset, in that asset, if only what is the owner's were asked.
pub(crate) struct OwnMoney<N> {
    /// Cash without bonus and debts, and what is fenced elsewhere.
    pub(crate) cash: N,
    /// The same less what open orders lose when they fill, with profit where the rule lets it leave and with losses where
    /// several assets share a pool; of an isolated pool no more than what is fenced.
    pub(crate) leaving: N,
}

/// The owner's own money in an asset of a pool, with what an overlay adds.
pub(crate) fn own_money<N: Number>(book: &Book, over: &Overlaid, asset: usize, at: Moment<'_, N>) -> OwnMoney<N> {
    let (holdings, instruments) = (book.holdings(), book.market().instruments());
    let layer = over.layers::<N>(book).into_iter().find(|layer| layer.asset == asset);
    let cash = layer.map_or_else(N::zero, |Layer { own, .. }| own);
    let mut leaving = cash.clone();
    if book.market().rules().orders().order_loss == OrderLoss::Equity {
        for said in over.said(book) {
            let instrument = &instruments[said.row.instrument as usize];
            if !said.row.isolated && instrument.settle() == asset {
                leaving = leaving.plus(&Order::said(book, said, at).loss(instrument));
            }
        }
    }
    let Some(pool) = over.place.pool else { return OwnMoney { cash, leaving } };
    let mut pnl = N::zero();
    for position in holdings.positions_of(pool) {
        let leg: Leg<N> = Leg::new(book, position, at);
        let instrument = &instruments[leg.instrument];
        if instrument.settle() == asset {
            pnl = pnl.plus(&leg.unrealized_pnl(instrument));
        }
    }
    let profit_leaves = matches!(
        book.market().rules().withdrawable(),
        WithdrawableRule::EquityLessInitial | WithdrawableRule::EquityLessInitialOrNotionalShare
    );
    if book.is_joint(pool) {
        leaving = leaving.plus(&pnl.negative());
    } else if profit_leaves {
        leaving = leaving.plus(&pnl);
    }
    if holdings.kind(pool) == PoolKind::Isolated {
        leaving = leaving.smaller(&cash);
    }
    OwnMoney { cash, leaving }
}
