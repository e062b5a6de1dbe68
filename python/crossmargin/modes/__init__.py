"""Isolated, cross, or as it is: the same positions under each margin mode."""

from crossmargin.modes.comparison import ModeComparison, compare_modes

__all__ = ["ModeComparison", "compare_modes"]
