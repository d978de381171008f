"""The ORM: what an application developer imports to write models, rules and methods."""

from growsoft.orm import api, fields
from growsoft.orm.access import Access, Check, Rule, current
from growsoft.orm.domain import Condition, DomainError
from growsoft.orm.env import Env, Locale, open_env, run
from growsoft.orm.model import Model
from growsoft.orm.registry import App, Group, ModelInfo, Registry, load

__all__ = [
    "Access",
    "App",
    "Check",
    "Condition",
    "DomainError",
    "Env",
    "Group",
    "Locale",
    "Model",
    "ModelInfo",
    "Registry",
    "Rule",
    "api",
    "current",
    "fields",
    "load",
    "open_env",
    "run",
]
