"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

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


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kesh_abc: str) -> Path:
    """The working folder of a command, with kesh.abc in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kesh.abc").write_text(kesh_abc, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of untrained codec, player and composer, small enough to run in no time: `--model` takes it."""
    from audiogen.composer import Composer, ComposerConfig
    from audiogen.lm import AudioLM, LMConfig
    from audiogen.player import save_player
    from codec.model import Codec, CodecConfig
    from codec.weights import load, save_codec

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    shape = CodecConfig(
        codebooks=3,
        codebook_size=16,
        latent_size=8,
        encoder_width=8,
        encoder_blocks=1,
        decoder_width=8,
        decoder_blocks=1,
    )
    codec = Codec(shape).eval()
    codec.quantizer.start(torch.randn(4, 50, 8), torch.Generator().manual_seed(0))
    save_codec(codec, folder)
    spec = load(folder).spec
    player = AudioLM(
        LMConfig(
            codec_identity=spec.identity,
            streams=3,
            codebook_size=16,
            width=16,
            layers=3,
            heads=2,
            feedforward_width=32,
            text_width=8,
            text_layers=1,
            cross_attention_every=1,
        )
    )
    for weight in player.heads.parameters():
        torch.nn.init.normal_(weight)  # so that every condition makes a difference
    save_player(player.eval(), folder, {})
    composer = ComposerConfig(
        width=24, layers=1, heads=2, feedforward_width=32,
        plan_width=16, plan_layers=1, plan_heads=2, plan_feedforward_width=32,
    )  # fmt: skip
    Composer(composer).eval().save(folder)
    return folder
