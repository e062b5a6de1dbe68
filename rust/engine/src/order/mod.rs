//! A question asked before a trade: does this order fit, and what is the largest that does?
