"""Planted: what bandit finds and our own rules leave to it."""

import hashlib
import subprocess
import tempfile


def weak(text):
    hashlib.md5(text)  # hole: B324
    tempfile.mktemp()  # hole: B306
    hashlib.sha256(text)
    subprocess.call("ls " + text, shell=True)  # hole: B602  # hole: growsoft-shell-command
