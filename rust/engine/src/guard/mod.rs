//! A question asked of one's own rules: which accounts are beyond their limits, and which stops do these prices fire?
