"""Embeddings: only those that are at hand are opened, and each gives rows of whole windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from audiogen.comparison.metrics import vggish
from audiogen.comparison.metrics.embeddings import embedding_of
from audiogen.comparison.metrics.sets import kernel_distance
from codec.config import CodecConfig
from codec.model import Codec

RATE = 24000


def melody() -> np.ndarray:
    """Six seconds of half-second tones."""
    time = np.arange(RATE // 2) / RATE
    tones = [
        np.sin(2 * np.pi * 440 * 2 ** (step / 12) * time) for step in (0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5)
    ]
    return (0.3 * np.concatenate(tones)).astype(np.float32)


def test_only_embeddings_that_are_at_hand_are_opened(tmp_path: Path) -> None:
    network = Codec(
        CodecConfig(codebooks=2, codebook_size=8, latent_size=4, encoder_width=8, encoder_blocks=1)
    )
    with pytest.raises(ValueError, match="neither 'codec' nor weights that are at hand"):
        embedding_of(str(tmp_path / "nothing"), network)
    pytest.importorskip("transformers").BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match="is of a bert; codec, encodec, clap and VGGish are known"):
        embedding_of(str(tmp_path / "bert"), network)
    name, _ = embedding_of("codec", network)
    assert "latents" in name


def test_an_encodec_folder_embeds_every_second(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.EncodecConfig(
        sampling_rate=8_000, num_filters=4, hidden_size=8, codebook_size=8, codebook_dim=8, num_lstm_layers=1,
        target_bandwidths=[1.5], upsampling_ratios=[4, 2],
    )  # fmt: skip
    transformers.EncodecModel(config).save_pretrained(tmp_path / "encodec")
    name, embed = embedding_of(str(tmp_path / "encodec"), Codec(CodecConfig()))
    assert name.startswith("EnCodec encodec latents")
    rows = embed(melody(), RATE)
    assert rows.shape == (6, 16)
    assert kernel_distance(rows, rows + 1) > 0


def test_a_clap_folder_embeds_every_second(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ClapConfig(
        audio_config={
            "spec_size": 64, "num_mel_bins": 16, "patch_size": 4, "patch_stride": [4, 4], "window_size": 4,
            "hidden_size": 16, "patch_embeds_hidden_size": 8, "depths": [1, 1], "num_attention_heads": [2, 2],
            "num_hidden_layers": 2, "projection_dim": 12, "enable_fusion": False,
        },
        text_config={"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
                     "vocab_size": 50, "projection_dim": 12},
        projection_dim=12,
    )  # fmt: skip
    folder = tmp_path / "clap"
    transformers.ClapModel(config).save_pretrained(folder)
    transformers.ClapFeatureExtractor(
        feature_size=16, sampling_rate=48_000, max_length_s=1, nb_max_samples=48_000, truncation="rand_trunc"
    ).save_pretrained(folder)
    _, embed = embedding_of(str(folder), Codec(CodecConfig()))
    assert embed(melody(), RATE).shape == (6, 12)


def test_a_vggish_folder_embeds_every_0_96_seconds(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(vggish.Vggish().state_dict(), tmp_path / vggish.FILE)
    name, embed = embedding_of(str(tmp_path), Codec(CodecConfig()))
    assert name.startswith("VGGish")
    rows = embed(melody(), RATE)
    assert rows.shape == (6, 128)
    assert np.abs(rows[0] - rows[3]).max() > 0
    assert embed(melody()[: RATE // 2], RATE).shape == (0, 128)


def test_other_tensors_than_vggishs_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / vggish.FILE)
    with pytest.raises(ValueError, match="holds other tensors than VGGish"):
        embedding_of(str(tmp_path), Codec(CodecConfig()))
    (tmp_path / vggish.FILE).write_bytes(b"a pickle perhaps")
    with pytest.raises(ValueError, match="cannot be read"):
        embedding_of(str(tmp_path), Codec(CodecConfig()))


def test_the_bands_of_vggish_follow_the_mel_scale() -> None:
    time = np.arange(vggish.RATE) / vggish.RATE
    strongest = []
    for hertz in (200.0, 1000.0, 4000.0):
        [example] = vggish.log_mel_examples(np.sin(2 * np.pi * hertz * time))
        assert example.shape == (96, 64)
        strongest.append(int(example.mean(dim=0).argmax()))
    low, high = (1127 * np.log1p(hertz / 700) for hertz in (vggish.LOWEST_HZ, vggish.HIGHEST_HZ))
    wanted = [
        (1127 * np.log1p(hertz / 700) - low) / (high - low) * 65 - 1 for hertz in (200.0, 1000.0, 4000.0)
    ]
    assert np.abs(np.array(strongest) - wanted).max() <= 1
    assert float(vggish.log_mel_examples(np.zeros(vggish.RATE)).max()) == pytest.approx(np.log(vggish.OFFSET))
