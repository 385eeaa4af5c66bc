"""T5 (Raffel et al. 2020) of the transformers library as MusicGen's text encoder, and its melody's pitch classes.

The library is handed the settings and the tensors and opens only the tokenizer's JSON itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from codec.audio_files import resample, with_channels
from codec.types import CheckpointError, Waveform


class T5Text:
    """Texts -> states [B, M, width] and their mask [B, M]."""

    def __init__(
        self, folder: Path, config: dict[str, Any], tensors: Mapping[str, Tensor], device: str
    ) -> None:
        """Build the encoder.

        Args:
            folder: of the tokenizer.
            config: of the encoder.
            tensors: under the library's names for a T5EncoderModel.
            device: where it runs.

        Raises:
            CheckpointError: settings, tensors and tokenizer do not fit, or one is missing.
        """
        try:
            encoder: Any = transformers.T5EncoderModel(transformers.T5Config.from_dict(config))
            encoder.load_state_dict({"encoder.embed_tokens.weight": tensors["shared.weight"], **tensors})
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(f"{folder}: text_encoder: {' '.join(str(error).split())}") from error
        self.encoder = encoder.float().eval().requires_grad_(False).to(device)
        self.device = device
        if not (folder / "tokenizer.json").is_file():
            raise CheckpointError(f"{folder / 'tokenizer.json'}: no such file; the texts need it")
        try:
            self.tokenizer = transformers.PreTrainedTokenizerFast(
                tokenizer_file=str(folder / "tokenizer.json")
            )
        except Exception as error:
            raise CheckpointError(f"{folder / 'tokenizer.json'}: {error}") from error

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """States float [B, M, width] and mask bool [B, M]."""
        rows = [self.tokenizer(text)["input_ids"] for text in texts]
        longest = max(len(row) for row in rows)
        padding = self.encoder.config.pad_token_id or 0
        ids = torch.tensor([row + [padding] * (longest - len(row)) for row in rows], device=self.device)
        mask = torch.tensor([[True] * len(row) + [False] * (longest - len(row)) for row in rows])
        mask = mask.to(self.device)
        return self.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state, mask


def melody_chroma(melody: Waveform, sample_rate: int) -> Tensor:
    """The strongest pitch class of every 4,096 samples, one-hot [1, frames, 12]: what the melody variant is told.

    Args:
        melody: of any rate and channels; its first 30 s count.
        sample_rate: of the model's codec.

    Raises:
        ValueError: it has no samples.
    """
    if melody.samples.shape[-1] == 0:
        raise ValueError("the melody has no samples")
    mono = resample(with_channels(melody, 1), sample_rate).samples[0, 0]
    extractor = transformers.MusicgenMelodyFeatureExtractor(sampling_rate=sample_rate)
    return extractor(mono.numpy(), sampling_rate=sample_rate, return_tensors="pt")["input_features"]
