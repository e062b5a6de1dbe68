//! Properties: what is hostile is refused by a typed error, and what is accepted keeps the laws of margin.
//!
//! The same cases are drawn on every run, so that a red test says something about the change;
//! `CROSSMARGIN_EXAMPLES=5000` draws that many new ones. A case that failed is kept in a `*.seeds` file beside its
//! module, is run first from then on, and is committed with the fix.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

mod funds;
mod gate;
mod hostile;
mod laws;
mod market_files;
mod rows;

use std::sync::{Arc, LazyLock};

use crossmargin::Market;
use crossmargin::market::preset_names;
use proptest::prelude::ProptestConfig;
use proptest::test_runner::{FileFailurePersistence, RngSeed};

/// Cases of each property where nothing is asked for.
const CASES: u32 = 256;

/// How a property is run.
fn config() -> ProptestConfig {
    let asked = std::env::var("CROSSMARGIN_EXAMPLES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(CASES),
        rng_seed: if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_261_122) },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    }
}

/// The rules of the newest file of every preset, each with two more instruments.
static PRESETS: LazyLock<Vec<Arc<Market>>> = LazyLock::new(|| {
    let mut names: Vec<&str> = preset_names().into_iter().map(|(name, _)| name).collect();
    names.dedup();
    names.into_iter().map(|name| Arc::new(with_instruments(&Market::preset(name, None).unwrap()))).collect()
});

/// A market with two more instruments, some having none: inverse ones where no cash is in USDT.
fn with_instruments(market: &Market) -> Market {
    let linear = market.asset_index("USDT").is_some();
    let (payoff, settle, quote) = if linear { ("linear", "USDT", "USDT") } else { ("inverse", "BTC", "USD") };
    let known = market.asset_index(settle).is_some();
    let asset = if known { "" } else { "[[asset]]\nname = \"BTC\"\nquantum = \"1e-8\"" };
    let mut text = format!(
        r#"
extends = "{}"
preset = "with-instruments"
as_of = 2026-11-22
{asset}
[tiers.MORE]
law = "flat"
bounds = "contracts"
floor = [0, 100, 1000]
maintenance_rate = [0.01, 0.025, 0.1]
max_leverage = [50, 20, 5]
"#,
        market.id()
    );
    let instrument = |name| {
        let base = if linear { name } else { "BTC" };
        format!(
            r#"
[[instrument]]
name = "{name}"
base = "{base}"
quote = "{quote}"
settle = "{settle}"
payoff = "{payoff}"
contract_size = 0.5
tiers = "MORE"
"#
        )
    };
    text.extend(["MORE", "LESS"].map(instrument));
    Market::from_toml(&text).unwrap()
}
