"""Tests of the supervisor's decisions and of its parts that need no server."""
