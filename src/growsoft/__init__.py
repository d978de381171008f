"""Growsoft: business applications whose database defends itself."""
