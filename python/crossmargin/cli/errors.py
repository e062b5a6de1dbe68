"""What the command says to its user when something is wrong, and with which exit code."""

from __future__ import annotations


class UserError(Exception):
    """Data, a file or an installation that the user can put right: exit code 1.

    The text is one line: what was wrong, where, and the cure.
    """


class UsageError(Exception):
    """Options that do not go together: exit code 2, as for those that argparse refuses."""
