"""Configuration: typed settings, read once, each able to say where it came from."""

from growsoft.config.settings import Settings, load
from growsoft.config.state import State

__all__ = ["Settings", "State", "load"]
