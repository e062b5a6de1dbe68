"""What frames cost: paths of prices, the program that times them, the peers, the growth with the number of pools."""
