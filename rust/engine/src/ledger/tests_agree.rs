//! Drawn operations on drawn accounts: money is conserved, and figures are those of one book of all accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::book::{Balances, Holdings, Keys, OnError, Tables, TextKeys};
use crate::exact::Exact;
use crate::market::{Market, Prices};
use crate::pool::Book;
use crate::score::{Column, score_pool};

use super::{Direction, Fills, Funding, Key, Ledger, Outcome, Staged, Transfers};

/// Numbers that look drawn.
#[derive(Clone)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(n)).unwrap()
    }

    fn chance(&mut self, in_100: u32) -> bool {
        self.below(100) < in_100
    }
}

const ACCOUNTS: u32 = 5;

/// Accounts 0 to 4, all with cash of every asset.
pub(super) fn drawn(market: &Arc<Market>, draw: &mut Draw) -> Ledger {
    let n = u32::try_from(market.assets().len()).unwrap();
    let (mut account, mut asset, mut wallet) = (Vec::new(), Vec::new(), Vec::new());
    for of in 0..ACCOUNTS {
        for at in 0..n {
            account.push(i64::from(of));
            asset.push(i64::from(at));
            wallet.push(f64::from(draw.below(1_000_000)) / 8.0);
        }
    }
    let (account, asset) = (Keys::Int(&account), Keys::Int(&asset));
    let balances = Balances { account, asset, wallet_balance: &wallet, ..Balances::default() };
    let tables = Tables { balances, ..Tables::default() };
    Ledger::new(Arc::new(Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0))
}

/// What is in every wallet, exactly.
fn wallets(ledger: &Ledger) -> BTreeMap<(usize, u16), Exact> {
    let of = |account: usize| {
        let cash = ledger.state(account).cash;
        cash.into_iter().map(move |cash| ((account, cash.asset), cash.wallet.fixed().to_exact()))
    };
    (0..ledger.n_accounts()).flat_map(of).collect()
}

/// Commits, and holds that wallets changed by what the outcome says.
fn commit(ledger: &mut Ledger, staged: Staged) {
    let mut expected = wallets(ledger);
    let outcome: Outcome = staged.outcome().clone();
    for row in 0..outcome.len() {
        let (account, asset) = (outcome.account[row] as usize, outcome.asset[row] as usize);
        let key = (account, u16::try_from(asset).unwrap());
        let moved = ledger.quanta[asset].times(outcome.moved[row]).unwrap().to_exact();
        let before = expected.remove(&key).unwrap_or_else(Exact::zero);
        expected.insert(key, before + moved);
    }
    ledger.commit(staged).unwrap();
    assert_eq!(wallets(ledger), expected);
}

fn same(a: &Holdings, b: &Holdings, [of_a, of_b]: [usize; 2]) {
    assert_eq!((a.kind(of_a), a.asset(of_a)), (b.kind(of_b), b.asset(of_b)));
    assert_eq!(a.positions_of(of_a).len(), b.positions_of(of_b).len());
}

/// Every figure of every pool, in small books and in one of all.
pub(super) fn agree(ledger: &Ledger, prices: &Prices) {
    let whole = ledger.to_book().unwrap();
    let mut pool = 0;
    for account in (0..ledger.n_accounts()).filter(|&account| ledger.is_open(account)) {
        let (book, pools) = ledger.held(account);
        for own in pools {
            same(book.holdings(), whole.holdings(), [own, pool]);
            let alone = score_pool(book, prices, own).unwrap();
            let among = score_pool(&whole, prices, pool).unwrap();
            assert_eq!(alone.liquidatable, among.liquidatable);
            for column in Column::ALL {
                assert_eq!(alone.get(column).to_bits(), among.get(column).to_bits(), "{column:?}");
            }
            pool += 1;
        }
    }
    assert_eq!(pool, whole.holdings().n_pools());
}

fn fills(ledger: &Ledger, market: &Market, draw: &mut Draw) -> Option<Staged> {
    let names = ["cross", "isolated", "net", "long", "short"].map(str::to_owned);
    let n = draw.below(6) as usize + 1;
    let (mut account, mut instrument, mut quantity, mut price) = (vec![], vec![], vec![], vec![]);
    let (mut mode, mut side, mut maker) = (vec![], vec![], vec![]);
    for _ in 0..n {
        let at = draw.below(u32::try_from(market.instruments().len()).unwrap().min(5));
        let of = draw.below(ACCOUNTS);
        account.push(i64::from(of));
        instrument.push(i64::from(at));
        let lot = market.instruments()[at as usize].lot().unwrap_or(0.01);
        let isolated = market.rules().isolated_allowed() && draw.chance(40);
        let hedged = market.rules().hedge_mode() && of == 0;
        let buys = draw.chance(50);
        // A multiple of the lot, as a decimal.
        let lots = Exact::from_f64(f64::from(draw.below(40) + 1)) * Exact::from_f64(lot);
        quantity.push(if buys { lots.to_f64() } else { -lots.to_f64() });
        price.push(f64::from(draw.below(9_000) + 1_000) / 10.0);
        mode.push(u32::from(isolated));
        side.push(if hedged { 3 + draw.below(2) } else { 2 });
        maker.push(draw.chance(50));
    }
    let leverage = vec![8.0; n];
    let text = |codes| Some(TextKeys { codes, names: &names });
    let fills = Fills {
        account: Keys::Int(&account),
        instrument: Keys::Int(&instrument),
        quantity: &quantity,
        price: &price,
        leverage: Some(&leverage),
        maker: market.states_fees().then_some(&maker),
        margin_mode: text(&mode),
        position_side: text(&side),
        round: Some([Direction::Down, Direction::Up, Direction::Nearest][draw.below(3) as usize]),
        ..Fills::default()
    };
    ledger.fills(&fills).ok()
}

fn funding(ledger: &Ledger, prices: &Prices, draw: &mut Draw) -> Option<Staged> {
    let rate = (f64::from(draw.below(200)) - 100.0) / 1e5;
    let funding = Funding { instrument: Keys::Int(&[0]), rate: &[rate], ..Funding::default() };
    ledger.funding(&funding, prices).ok()
}

fn transfers(ledger: &Ledger, market: &Market, draw: &mut Draw) -> Option<Staged> {
    let asset = draw.below(u32::try_from(market.assets().len()).unwrap());
    let amount = (f64::from(draw.below(100_000)) - 70_000.0) / 8.0;
    let transfers = Transfers {
        account: Keys::Int(&[i64::from(draw.below(ACCOUNTS))]),
        asset: Keys::Int(&[i64::from(asset)]),
        amount: &[amount],
        round: None,
    };
    ledger.transfers(&transfers).ok()
}

pub(super) fn priced(market: &Market, draw: &mut Draw) -> Prices {
    let mut some = |n: usize| (0..n).map(|_| f64::from(draw.below(9_000) + 1_000) / 10.0).collect::<Vec<f64>>();
    let (mark, index, last) =
        (some(market.instruments().len()), some(market.assets().len()), some(market.instruments().len()));
    let index: Vec<f64> = match market.rules().valuation_asset() {
        Some(at) => index.into_iter().enumerate().map(|(i, price)| if i == at { 1.0 } else { price }).collect(),
        None => index,
    };
    Prices::new(market, mark, index).unwrap().with_last(market, last).unwrap()
}

/// Some operations; how many were put in place.
pub(super) fn operate(ledger: &mut Ledger, market: &Market, draw: &mut Draw, n: usize) -> usize {
    let mut n_done = 0;
    for _ in 0..n {
        let prices = priced(market, draw);
        let staged = match draw.below(5) {
            0 => transfers(ledger, market, draw),
            1 => funding(ledger, &prices, draw),
            _ => fills(ledger, market, draw),
        };
        if let Some(staged) = staged {
            commit(ledger, staged);
            agree(ledger, &prices);
            n_done += 1;
        }
    }
    n_done
}

#[test]
fn test_ledger_figures_are_those_of_one_book_and_money_is_conserved() {
    let mut markets = vec![super::tests::market()];
    for (name, _) in crate::market::preset_names() {
        markets.push(Arc::new(Market::preset(name, None).unwrap()));
    }
    let mut n_done = 0;
    for (seed, market) in (1..).zip(markets.iter().filter(|market| !market.instruments().is_empty())) {
        let mut draw = Draw::new(seed);
        let mut ledger = drawn(market, &mut draw);
        n_done += operate(&mut ledger, market, &mut draw, 30);
    }
    assert!(n_done > 150, "{n_done}");
}

#[test]
fn test_ledger_large_batches_are_cut_and_stragglers_move_on() {
    let market = super::tests::market();
    let keys: Vec<i64> = (0..600).collect();
    let wallet = vec![1_000.0; 600];
    let asset = vec![super::tests::USDT; 600];
    let (account, asset) = (Keys::Int(&keys), Keys::Int(&asset));
    let balances = Balances { account, asset, wallet_balance: &wallet, ..Balances::default() };
    let tables = Tables { balances, ..Tables::default() };
    let mut ledger = Ledger::new(Arc::new(Book::build(market, tables, OnError::Refuse).unwrap().0));
    let one = vec![1.0; 600];
    let all = Transfers { account, asset, amount: &one, round: None };
    let staged = ledger.transfers(&all).unwrap();
    ledger.commit(staged).unwrap();
    assert_eq!(ledger.places.n_small(), (3, 600));
    for first in 0..600 {
        let one =
            Transfers { account: Keys::Int(&keys[first..=first]), asset: Keys::Int(&[0]), amount: &[1.0], round: None };
        let staged = ledger.transfers(&one).unwrap();
        ledger.commit(staged).unwrap();
        assert!(ledger.places.n_small().1 < 1_900, "{:?}", ledger.places.n_small());
    }
    let whole = ledger.to_book().unwrap();
    assert!((0..600).all(|pool| whole.holdings().layer_wallet(pool).to_bits() == 1_002.0_f64.to_bits()));
    assert_eq!(ledger.find(Key::Int(599)), Some(599));
}
