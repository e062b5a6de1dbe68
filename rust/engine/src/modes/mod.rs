//! A question asked before a margin mode is chosen: the same positions isolated, cross and as they are.
