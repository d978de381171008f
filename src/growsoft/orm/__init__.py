"""The ORM: what an application developer imports to declare and use models."""
