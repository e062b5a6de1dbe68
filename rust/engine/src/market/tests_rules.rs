//! What each kind of rule becomes, and which rules are refused.

use super::tests::{message, with};

/// What replaces a line of the base file, and what is said of it.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "cross = \"per_asset\"",
        "cross = \"per_pair\"",
        "pools.cross: was \"per_pair\", which is not supported by this version; it computes \"per_asset\", \
         \"per_account\"",
    ),
    (
        "cross = \"per_asset\"",
        "cross = \"per_account\"",
        "valuation.asset: is missing: pools.cross = \"per_account\" values each account in one asset; name it",
    ),
    (
        "isolated = true",
        "isolated = true\ndesignated = true",
        "pools.designated: was true, which is not supported by this version; it computes false",
    ),
    (
        "zero_fails = false",
        "zero_fails = false\nprice = \"index\"",
        "trigger.price: was \"index\", which is not supported by this version; it computes \"mark\", \"last\"",
    ),
    (
        "zero_fails = false",
        "zero_fails = false\n[[trigger.constraint]]\nname = \"a\"\nprice = \"index\"",
        "trigger.constraint[0].price: was \"index\", which is not supported by this version; it computes \"mark\", \
         \"last\"",
    ),
    (
        "[display]",
        "[portfolio_margin]\nprice_move = [0.1]\n[display]",
        "portfolio_margin: was given, which is not supported by this version; leave it out",
    ),
    (
        "[initial_margin]",
        "[initial_margin]\nsource = \"share_of_initial\"\nshare = 0.5",
        "initial_margin.source: was \"share_of_initial\", which is not supported by this version; it computes \
         \"usual\", \"table\"",
    ),
    (
        "[initial_margin]",
        "closing_fee = \"bankruptcy_of_margin\"\n[initial_margin]",
        "maintenance_margin.closing_fee: was \"bankruptcy_of_margin\", which only isolated positions have; write it in \
         [maintenance_margin.isolated]",
    ),
    (
        "[display]",
        "[collateral]\nvalue = \"haircut\"\n[display]",
        "collateral.value: was \"haircut\", which needs pools.cross = \"per_account\"",
    ),
    (
        "[display]",
        "[collateral]\nnegative = \"ask\"\n[display]",
        "collateral.negative: was \"ask\", which needs pools.cross = \"per_account\"",
    ),
    (
        "[display]",
        "[liabilities]\nrequirement = \"tiers\"\n[display]",
        "liabilities.requirement: was \"tiers\", which needs pools.cross = \"per_account\"",
    ),
    (
        "[display]",
        "[collateral.asset.USDT]\nweight = 0.95\n[display]",
        "collateral.asset.USDT: was given, which needs pools.cross = \"per_account\"; leave it out",
    ),
];

#[test]
fn test_market_rule_not_computed_is_refused_by_name() {
    for (old, new, expected) in REFUSED {
        assert_eq!(message(&with(old, new)), *expected, "{new}");
    }
}
