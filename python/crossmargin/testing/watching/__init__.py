"""Books that are watched, prices that move, and a full scan after every frame: what a monitor is held to.

`books` draws small and large books of every kind of rules, `paths` draws frames of prices, `check` drives
`crossmargin.Monitor` along them and compares its flags and events with those of a scan by `crossmargin.score` after
each frame, and `soak` does so for as long as it is told to: ``python -m crossmargin.testing.watching.soak``.

Everything is drawn from a seed with NumPy.
"""
