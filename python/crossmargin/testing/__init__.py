"""Seeded books for tests, benchmarks and demonstrations.

Here are the generators that the project's own benchmarks and demonstrations use,
so that a figure in a record can be drawn again by anybody. They need NumPy only and
never call the engine: what they return are the input tables of a book, as a user
would bring them.

Not here: scoring, file formats (``crossmargin synth`` writes the tables), and the
hypothesis strategies, which live in a module of their own because hypothesis is
not a dependency of the package.
"""

from crossmargin.testing.marks import ILLUSTRATIVE_MARKS, illustrative_marks
from crossmargin.testing.proposals import proposed_orders
from crossmargin.testing.retail import retail_book
from crossmargin.testing.workload import Contracts, Haircuts, TierTable, Workload
from crossmargin.testing.workloads import reference_workload

__all__ = [
    "ILLUSTRATIVE_MARKS",
    "Contracts",
    "Haircuts",
    "TierTable",
    "Workload",
    "illustrative_marks",
    "proposed_orders",
    "reference_workload",
    "retail_book",
]
