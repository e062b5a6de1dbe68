"""The command ``crossmargin``: a thin client of the public interface.

``score`` reads tables and writes scores, ``synth`` writes tables of a made-up book, ``demo`` shows the main job on a
million accounts, ``presets`` lists the rules that are shipped, ``venues`` shows one of them, checks a file of your own
or compares two, ``reconcile`` lays our figures beside those of a venue's own reply. Results go to files or standard
output, everything else to standard error. Exit codes: 0 done; 1 a fault in the data or a file, told in one line; 2 a
fault in the options; 3 figures that differ for no cause that was tried.

Nobody imports this package but the console script and ``python -m crossmargin.cli``.
"""

from crossmargin.cli.command import main

__all__ = ["main"]
