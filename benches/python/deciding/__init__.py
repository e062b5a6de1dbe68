"""What the benchmark of decisions before a trade is made of."""
