//! What admits one more order, and what limits its size and leverage.

use super::rules::RequirementRule;
use super::schema::{
    AdmissionBasis, AdmissionTest, Document, IsolatedLimits, Legs, LimitLegs, LimitLeverage, MarginSource, OrdersIn,
    PriceBasis, ReduceOnlyRule, Requirement,
};
use crate::error::{Error, Result};

/// How one more order is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admission {
    /// As what it is tested.
    pub basis: AdmissionBasis,
    /// What its need is held against.
    pub test: AdmissionTest,
    /// Whether it is tested where it only reduces.
    pub reduce_only: ReduceOnlyRule,
}

/// What the largest size and leverage of a tier table are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitRule {
    /// How the legs of one instrument count. Under `Each` those of one side; else all of the instrument.
    pub legs: Legs,
    /// How the orders beside them count.
    pub orders: OrdersIn,
    /// Whether the tier limits the leverage.
    pub leverage: bool,
    /// The price at which positions count.
    pub tier_price: PriceBasis,
}

/// Writes what the sections leave to the rest of the file into them, so that the document is complete in itself.
pub(super) fn complete(document: &mut Document) {
    let orders = document.orders.clone().unwrap_or_default();
    let basis = if orders.initial_margin == OrdersIn::None { AdmissionBasis::Fill } else { AdmissionBasis::Reserve };
    document.admission.basis.get_or_insert(basis);
    let charging = charging(document);
    let (legs, tier_legs) = (charging.legs, charging.tier_legs);
    let stated = document.limits.legs;
    let isolated = document.limits.isolated.as_ref().and_then(|isolated| isolated.legs);
    let limits = &mut document.limits;
    let cross = *limits.legs.get_or_insert(LimitLegs::of_tier(tier_legs));
    let isolated = isolated.or(stated).unwrap_or(LimitLegs::Same);
    limits.isolated = Some(IsolatedLimits { legs: Some(isolated) });
    let both_sides = [cross.or(legs), isolated.or(Legs::Each)].contains(&Legs::LongPlusShort);
    let mut counted = [orders.tier_basis, orders.initial_margin].into_iter().filter(|&mode| mode != OrdersIn::None);
    // The larger side has no meaning where both count.
    let default = counted.next().filter(|&mode| !(both_sides && mode == OrdersIn::LargerSide));
    limits.orders.get_or_insert(default.unwrap_or(OrdersIn::WorstFill));
}

/// The section whose legs are charged for the maintenance margin.
fn charging(document: &Document) -> &Requirement {
    let shared = document.maintenance_margin.source == MarginSource::ShareOfInitial;
    if shared { &document.initial_margin } else { &document.maintenance_margin }
}

/// The rule of admission of a completed document.
pub(super) fn admission(document: &Document) -> Result<Admission> {
    let entry = &document.admission;
    let orders = document.orders.clone().unwrap_or_default();
    let basis = entry.basis.unwrap_or(AdmissionBasis::Fill);
    if basis == AdmissionBasis::Reserve && orders.initial_margin == OrdersIn::None {
        let message = "was \"reserve\", and orders reserve nothing; write \"fill\", or say in orders.initial_margin what \
                       they reserve";
        return Err(Error::market("admission.basis", message));
    }
    Ok(Admission { basis, test: entry.test, reduce_only: entry.reduce_only })
}

/// The limits of a completed document, in cross pools and in isolated ones.
pub(super) fn limits(document: &Document, maintenance: &[RequirementRule; 2]) -> Result<[LimitRule; 2]> {
    let entry = &document.limits;
    let orders = entry.orders.unwrap_or(OrdersIn::WorstFill);
    let cross = entry.legs.unwrap_or(LimitLegs::Same).or(charging(document).legs);
    let isolated = entry.isolated.as_ref().and_then(|isolated| isolated.legs).unwrap_or(LimitLegs::Same);
    // An isolated position is charged by itself.
    let isolated = isolated.or(Legs::Each);
    for (key, legs) in [("legs", cross), ("isolated.legs", isolated)] {
        if orders == OrdersIn::LargerSide && legs == Legs::LongPlusShort {
            let message = format!(
                "was \"larger_side\", which limits.{key} = \"long_plus_short\" has not: it counts both sides; write \
                 \"sum\" or \"worst_fill\" here, or \"larger_side\" there"
            );
            return Err(Error::market("limits.orders", message));
        }
    }
    let leverage = entry.leverage == LimitLeverage::Tier;
    let rule = |legs, of: &RequirementRule| LimitRule { legs, orders, leverage, tier_price: of.tier_price };
    let [of_cross, of_isolated] = maintenance;
    Ok([rule(cross, of_cross), rule(isolated, of_isolated)])
}
