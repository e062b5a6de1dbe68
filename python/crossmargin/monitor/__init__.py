"""Accounts that are watched: flags that are exact after every frame of prices, and events where they change."""

from crossmargin.monitor.alerts import Alerts
from crossmargin.monitor.events import Event, Events
from crossmargin.monitor.monitor import Monitor
from crossmargin.monitor.stats import Stats
from crossmargin.monitor.why import Why

__all__ = ["Alerts", "Event", "Events", "Monitor", "Stats", "Why"]
