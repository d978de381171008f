"""SW-1: the proof that `growsoft trust verify` reads finds every planted hole."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from growsoft.trust.review import PROOF, Proof
from tests.security.proof import planted_holes
from tests.security.scanners import ROOT


@pytest.mark.slow
def test_sw1_the_proof_misses_no_planted_hole() -> None:
    done = subprocess.run([sys.executable, "-m", PROOF], cwd=ROOT, capture_output=True, check=True, timeout=300)
    proof = msgspec.json.decode(done.stdout, type=Proof)
    assert proof.missed == []
    # Those in files, and one each that is drawn for the secret scan and the dependency scan.
    assert proof.planted == len(planted_holes("growsoft-")) + len(planted_holes("B")) + 2 > 60
    assert len(proof.scanners) == 5
