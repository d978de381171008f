"""The API over HTTPS: processor time per call, calls a second and the slowest ones, alone and among bad neighbours."""
