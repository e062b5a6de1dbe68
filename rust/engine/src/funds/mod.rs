//! A question asked before money moves: what can leave, and what has to move for every pool to be where it should be?
