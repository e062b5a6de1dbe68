"""An account as an object that is traded on: the ergonomic face of a book of one.

`Account` keeps money and quantities in exact numbers, and asks the engine for every figure: no rule of margin is here.
"""

from crossmargin.account.account import Account
from crossmargin.account.errors import FundsError
from crossmargin.account.views import Pool, Position, Views

__all__ = ["Account", "FundsError", "Pool", "Position", "Views"]
