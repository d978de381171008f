"""Tests of real servers: made, killed, brought back, copied."""
