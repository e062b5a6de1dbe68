//! The same positions isolated, cross and as they are: figures are those of books in which they are held so.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

mod held;

use std::sync::Arc;

use crossmargin::modes::{Allot, Compare, ModeBuffers, ModeColumn, Variant, compare_modes};
use crossmargin::price::Shock;
use crossmargin::score::Options;
use crossmargin::{Error, Isa, Market};

use held::{Found, N_INSTRUMENTS, NULL, Rows, assert_is_that_of_books, compared, market, marks, prices};

#[test]
fn test_modes_of_cross_books_are_those_of_books_of_each_mode() {
    let marks = marks();
    let rows = Rows::draw(3_000, &marks, 0);
    for law in ["marginal", "flat"] {
        for price in ["mark", "entry"] {
            let market = market(law, price, true);
            let (book, prices) = (rows.book(&market), prices(&market, &marks));
            for by_books in [false, true] {
                let found = compared(&book, &prices, &Compare::default(), by_books, &NULL);
                let what = format!("{law} {price} {by_books}");
                assert_is_that_of_books(&found, &rows, &market, &prices, &what);
                let failing: f64 = found.of(ModeColumn::NLiquidatable, Variant::Isolated).iter().sum();
                assert!(failing > 500.0, "{what} {failing}");
                let n_affordable = found.affordable.iter().filter(|flag| **flag).count();
                assert!((300..2_700).contains(&n_affordable), "{n_affordable}");
            }
        }
    }
}

#[test]
fn test_modes_of_mixed_books_are_those_of_books_of_each_mode() {
    let marks = marks();
    let rows = Rows::draw(500, &marks, 3);
    for price in ["mark", "entry"] {
        let market = market("marginal", price, true);
        let (book, prices) = (rows.book(&market), prices(&market, &marks));
        let found = compared(&book, &prices, &Compare::default(), false, &NULL);
        assert_is_that_of_books(&found, &rows, &market, &prices, price);
    }
}

#[test]
fn test_modes_have_the_same_bits_under_every_knob() {
    let marks = marks();
    let market = market("marginal", "mark", true);
    let (book, prices) = (Rows::draw(3_000, &marks, 0).book(&market), prices(&market, &marks));
    let bits = |found: &Found| -> Vec<u64> {
        found.columns.iter().flat_map(|(_, values)| values.iter().map(|x| x.to_bits())).collect()
    };
    let first = bits(&compared(&book, &prices, &Compare::default(), false, &NULL));
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        for (threads, windows_per_claim) in [(1, None), (2, Some(1)), (3, Some(2))] {
            let options = Options { threads: Some(threads), isa: Some(isa), windows_per_claim, ..NULL };
            assert!(bits(&compared(&book, &prices, &Compare::default(), false, &options)) == first, "{options:?}");
        }
    }
}

/// Both ways of comparing one book.
fn both(rows: &Rows, marks: &[f64], compare: &Compare<'_>) -> [Found; 2] {
    let market = market("marginal", "mark", true);
    let (book, prices) = (rows.book(&market), prices(&market, marks));
    [false, true].map(|by_books| compared(&book, &prices, compare, by_books, &NULL))
}

#[test]
fn test_modes_position_exactly_at_its_trigger_is_counted() {
    // 0.3 at 100 with leverage 10: fence 3. At 91 a loss of 2.7 leaves 0.3, which is no more than 0.273 is required; at
    // 90.90909... both meet. A fence that leaves exactly what is required, and one quantum more:
    let mut rows = Rows::default();
    for account in 0..2 {
        rows.own(account, 10.0);
        rows.hold(account, 0, 0.3, 100.0, 10.0);
    }
    let mut marks = vec![1.0; N_INSTRUMENTS];
    marks[0] = 91.0;
    // 2.7 + 0.3 * 91 * 0.01 = 2.973.
    let fences = [2.973, 2.973_000_01];
    for found in both(&rows, &marks, &Compare { allot: Allot::Given(&fences), ..Compare::default() }) {
        assert_eq!(found.of(ModeColumn::NLiquidatable, Variant::Isolated), [1.0, 0.0]);
        assert_eq!(found.of(ModeColumn::NLiquidatable, Variant::Cross), [0.0, 0.0]);
        assert!(found.summary.n_exact > 0);
    }
}

#[test]
fn test_modes_equal_ratios_lose_the_first_position() {
    // The second is the first doubled, so that no ratio is less, whatever doubles make of it.
    let mut rows = Rows::default();
    rows.own(0, 100.0);
    rows.hold(0, 0, 0.1, 0.7, 3.0);
    rows.hold(0, 1, 0.3, 0.7, 3.0);
    let mut marks = vec![1.0; N_INSTRUMENTS];
    (marks[0], marks[1]) = (0.61, 0.61);
    for found in both(&rows, &marks, &Compare::default()) {
        let loss = found.of(ModeColumn::LossIfWorstFails, Variant::Isolated)[0];
        // 0.07 / 3 - 0.009
        assert!((loss - 0.043 / 3.0).abs() < 1e-15, "{loss}");
    }
}

#[test]
fn test_modes_unpriced_account_is_unknown_and_leaves_the_others_alone() {
    let mut marks = marks();
    let rows = Rows::draw(300, &marks, 0);
    let whole = both(&rows, &marks, &Compare::default());
    marks[4] = f64::NAN;
    let part = both(&rows, &marks, &Compare::default());
    for (whole, part) in whole.iter().zip(&part) {
        let n_unpriced = part.unpriced.iter().filter(|flag| **flag).count();
        assert!(n_unpriced > 50 && n_unpriced < 250);
        for ((_, whole), (_, part_values)) in whole.columns.iter().zip(&part.columns) {
            for (account, unpriced) in part.unpriced.iter().enumerate() {
                if *unpriced {
                    assert!(part_values[account].is_nan());
                } else {
                    assert!(part_values[account].to_bits() == whole[account].to_bits());
                }
            }
        }
    }
}

#[test]
fn test_modes_unknown_leverage_leaves_the_isolated_variant_unknown() {
    let marks = marks();
    let mut rows = Rows::draw(50, &marks, 0);
    let at = rows.account.iter().position(|&account| account == 20).unwrap();
    rows.leverage[at] = f64::NAN;
    for found in both(&rows, &marks, &Compare::default()) {
        for column in ModeColumn::ALL {
            assert!(found.of(column, Variant::Isolated)[20].is_nan(), "{column:?}");
        }
        assert!(!found.affordable[20] && found.freed[20].is_nan() && !found.unpriced[20]);
        assert!(!found.of(ModeColumn::MarginRatio, Variant::Cross)[20].is_nan());
        assert!(found.of(ModeColumn::Available, Variant::Cross)[20].is_nan());
        assert!(!found.of(ModeColumn::Available, Variant::Isolated)[21].is_nan());
    }
}

#[test]
fn test_modes_pro_rata_shares_all_cash_by_initial_margin() {
    let mut rows = Rows::default();
    rows.own(0, 100.0);
    rows.hold(0, 0, 3.0, 10.0, 10.0);
    rows.hold(0, 1, -6.0, 10.0, 10.0);
    let mut marks = vec![10.0; N_INSTRUMENTS];
    marks[1] = 15.0;
    for found in both(&rows, &marks, &Compare { allot: Allot::ProRata, ..Compare::default() }) {
        // 33.33333334 and 66.66666666, of which the short has lost 30.
        assert_eq!(found.of(ModeColumn::Locked, Variant::Isolated), [100.0]);
        assert_eq!(found.affordable, [true]);
        let loss = found.of(ModeColumn::LossIfWorstFails, Variant::Isolated)[0];
        assert!((loss - 36.666_666_66).abs() < 1e-12, "{loss}");
        let available = found.of(ModeColumn::Available, Variant::Isolated)[0];
        assert!(available.abs() < 1e-12);
    }
}

#[test]
fn test_modes_one_instrument_in_both_modes_becomes_one_position() {
    // 2 long cross at 100 and 1 short isolated at 130, mark 110: closed against each other at 110, 1 long at 100 is left and
    // 10 + 20 are realised.
    let mut rows = Rows::default();
    rows.own(0, 500.0);
    rows.hold(0, 0, 2.0, 100.0, 10.0);
    rows.hold(0, 0, -1.0, 130.0, 10.0);
    rows.isolated[1] = 1;
    // The same way round they are one position of 3 at 110.
    rows.own(1, 500.0);
    rows.hold(1, 0, 2.0, 100.0, 10.0);
    rows.hold(1, 0, 1.0, 130.0, 10.0);
    rows.isolated[3] = 1;
    let mut marks = vec![1.0; N_INSTRUMENTS];
    marks[0] = 110.0;
    for found in both(&rows, &marks, &Compare::default()) {
        // Initial margin at mark: 11 and 33; of equity 540 and 500.
        assert_eq!(found.of(ModeColumn::Locked, Variant::Cross), [11.0, 33.0]);
        assert_eq!(found.of(ModeColumn::FreeMargin, Variant::Cross), [529.0, 467.0]);
        // Fenced at entry: 10 and 33.
        assert_eq!(found.of(ModeColumn::Locked, Variant::Isolated), [10.0, 33.0]);
        assert_eq!(found.of(ModeColumn::FreeMargin, Variant::Isolated), [520.0, 467.0]);
    }
}

#[test]
fn test_modes_returns_are_cut_at_what_each_pool_has() {
    // Long 1 at 100 and short 1 at 100, ten times levered: both rise by 20 %.
    let mut rows = Rows::default();
    rows.own(0, 100.0);
    rows.hold(0, 0, 1.0, 100.0, 10.0);
    rows.hold(0, 1, -1.0, 100.0, 10.0);
    let market = market("marginal", "mark", true);
    let mut marks = vec![1.0; N_INSTRUMENTS];
    (marks[0], marks[1]) = (100.0, 100.0);
    let (book, prices) = (rows.book(&market), prices(&market, &marks));
    let moves = [Shock::new(&market, vec![0.2; N_INSTRUMENTS], vec![0.0]).unwrap()];
    let (mut cross, mut isolated) = ([7.0], [7.0]);
    let out = ModeBuffers {
        returns: vec![(0, Variant::Cross, &mut cross), (0, Variant::Isolated, &mut isolated)],
        ..ModeBuffers::default()
    };
    compare_modes(&book, &prices, &Compare { moves: &moves, ..Compare::default() }, out, &NULL).unwrap();
    // Cross they cancel; isolated the long earns 20 and the short loses its fence of 10, on 20 that are fenced.
    assert_eq!((cross, isolated), ([0.0], [0.5]));
}

#[test]
fn test_modes_intervals_are_those_of_the_pools_of_each_variant() {
    let mut rows = Rows::default();
    rows.own(0, 1_000.0);
    rows.hold(0, 0, 1.0, 100.0, 10.0);
    rows.hold(0, 1, 1.0, 100.0, 10.0);
    let market = market("marginal", "mark", true);
    let mut marks = vec![1.0; N_INSTRUMENTS];
    (marks[0], marks[1]) = (100.0, 100.0);
    let (book, prices) = (rows.book(&market), prices(&market, &marks));
    let mut columns = [[[0.0; 2]; 2]; 3];
    let [as_is, cross, isolated] = &mut columns;
    let out = ModeBuffers {
        intervals: [(Variant::AsIs, as_is), (Variant::Cross, cross), (Variant::Isolated, isolated)]
            .map(|(variant, [below, above])| (variant, &mut below[..], &mut above[..]))
            .into(),
        ..ModeBuffers::default()
    };
    compare_modes(&book, &prices, &Compare::default(), out, &NULL).unwrap();
    assert_eq!(columns[0][0].map(f64::to_bits), columns[1][0].map(f64::to_bits));
    // Cross nothing can fail one; isolated 10 + p - 100 = 0.01 p at 90.9090...
    assert!(columns[1][0].iter().all(|below| below.is_nan()));
    assert!(columns[2][0].iter().all(|below| (below - 90.0 / 0.99).abs() < 1e-10), "{:?}", columns[2][0]);
    assert!(columns[2][1].iter().all(|above| above.is_nan()));
}

#[test]
fn test_modes_what_cannot_be_asked_is_refused_by_name() {
    let marks = marks();
    let rows = Rows::draw(3, &marks, 0);
    let refused = |market: &Arc<Market>, compare: &Compare<'_>, n: usize, marks: &[f64]| {
        let mut column = vec![0.0; n];
        let columns = vec![(ModeColumn::Locked, Variant::Isolated, &mut column[..])];
        let out = ModeBuffers { columns, ..ModeBuffers::default() };
        let options = Options::default();
        compare_modes(&rows.book(market), &prices(market, marks), compare, out, &options).unwrap_err()
    };
    let (usual, no_isolated) = (market("marginal", "mark", true), market("marginal", "mark", false));
    let text = |error: Error| error.to_string();
    let default = Compare::default();
    let found = text(refused(&no_isolated, &default, 3, &marks));
    assert_eq!(found, "modes was isolated, and the market has no isolated positions: leave this variant out");
    let found = text(refused(&usual, &default, 4, &marks));
    assert_eq!(found, "out[locked] had 4 elements, expected 3");
    let given = Compare { allot: Allot::Given(&[1.0]), ..default };
    let n = rows.account.len();
    let found = text(refused(&usual, &given, 3, &marks));
    assert_eq!(found, format!("allot had 1 elements, expected {n}, one per position"));
    let mut fences = vec![1.0; n];
    fences[1] = -0.5;
    let found = text(refused(&usual, &Compare { allot: Allot::Given(&fences), ..default }, 3, &marks));
    assert_eq!(found, "allot had -0.5 at 1, expected cash of at least 0 for each position");
    let found = text(refused(&usual, &Compare { leverage: -1.0, ..default }, 3, &marks));
    assert_eq!(found, "leverage was -1, expected a positive number");
    let mut some = marks.clone();
    some[0] = f64::NAN;
    assert!(matches!(refused(&usual, &default, 3, &some), Error::MissingPrice(_)));
}

#[test]
fn test_modes_fences_are_affordable_up_to_the_last_of_the_cash() {
    let mut rows = Rows::default();
    let wallets = [30.0, 29.999_999_99, 0.0, -1.0];
    for (account, wallet) in (0..).zip(wallets) {
        rows.own(account, wallet);
    }
    rows.hold(0, 0, 3.0, 100.0, 10.0);
    rows.hold(1, 0, 3.0, 100.0, 10.0);
    let marks = vec![100.0; N_INSTRUMENTS];
    for found in both(&rows, &marks, &Compare::default()) {
        // Without a position a debt is not affordable either.
        assert_eq!(found.affordable, [true, false, true, false]);
    }
    for found in both(&rows, &marks, &Compare { allot: Allot::ProRata, ..Compare::default() }) {
        assert_eq!(found.affordable, [true, true, true, false]);
    }
}
