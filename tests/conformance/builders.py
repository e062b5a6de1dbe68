"""All builders, by the id of their vector: from a published worked number to the tables that must reproduce it."""

import of_binance
import of_bybit
import of_others

BUILDERS = {**of_binance.BUILDERS, **of_bybit.BUILDERS, **of_others.BUILDERS}
