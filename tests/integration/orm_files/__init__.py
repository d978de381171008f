"""Files on records, and what belongs to records of any model."""
