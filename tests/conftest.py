"""Fixtures that every test may use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

KESH = """X:1
T:The Kesh
R:jig
M:6/8
L:1/8
K:G
|:"G"GAG GAB|"D"ABA ABd|"G"edd gdd|"C"edB "D"dBA|
"G"GAG GAB|"D"ABA ABd|"G"edd gdB|"D"AGF "G"G3:|
|:"G"BAB dBd|"C"ege "G"dBA|"G"BAB dBG|"D"ABA AGA|
"G"BAB dBd|"C"ege "G"dBd|"C"gfg "D"aga|"G"bgg g3:|
"""


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers in every run."""
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _few_threads() -> None:
    """Tiny tensors are slower on many threads than on one."""
    torch.set_num_threads(1)


@pytest.fixture
def kesh_abc() -> str:
    """A traditional jig with chord symbols and repeats, as ABC."""
    return KESH
