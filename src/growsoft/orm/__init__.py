"""The ORM: what an application developer imports to write models, rules and methods."""

from growsoft.orm import api, fields
from growsoft.orm.access import Access, Check, Follows, Indexed, Rule, Unique, current
from growsoft.orm.companies import company_rule
from growsoft.orm.datafiles import DataRecord, Find, Ref
from growsoft.orm.domain import EVERYTHING, Condition, DomainError
from growsoft.orm.env import Env, Locale, open_env, run
from growsoft.orm.fulltext import Fulltext
from growsoft.orm.migrating import Migration
from growsoft.orm.model import Model
from growsoft.orm.registry import App, Group, ModelInfo, Registry, load

__all__ = [
    "EVERYTHING",
    "Access",
    "App",
    "Check",
    "Condition",
    "DataRecord",
    "DomainError",
    "Env",
    "Find",
    "Follows",
    "Fulltext",
    "Group",
    "Indexed",
    "Locale",
    "Migration",
    "Model",
    "ModelInfo",
    "Ref",
    "Registry",
    "Rule",
    "Unique",
    "api",
    "company_rule",
    "current",
    "fields",
    "load",
    "open_env",
    "run",
]
