"""How a benchmark is timed, described, judged and written down."""
