"""What a MusicGen's config.json decides about its decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiogen.patterns import Pattern, pattern_of, stereo_delay
from audiogen.transformer import TransformerConfig
from codec.types import CheckpointError

# Of the decoder, as the library leaves them out of the file.
DEFAULTS: dict[str, Any] = {
    "vocab_size": 2048, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "ffn_dim": 4096,
    "num_codebooks": 4, "audio_channels": 1, "activation_function": "gelu", "scale_embedding": False,
    "pad_token_id": 2048, "bos_token_id": 2048,
}  # fmt: skip


@dataclass(frozen=True)
class MusicGenConfig:
    """Shape of the decoder.

    `streams`: codebooks of all channels together. `text_width`: of the text encoder's states. `chroma` pitch classes
    and `chroma_frames`: of the melody variant, whose conditions stand before the codes, not in a memory; else 0.
    """

    streams: int
    codebook_size: int
    width: int
    layers: int
    heads: int
    feedforward_width: int
    channels: int
    text_width: int
    chroma: int = 0
    chroma_frames: int = 0

    def __post_init__(self) -> None:
        for name in (
            "streams",
            "codebook_size",
            "width",
            "layers",
            "heads",
            "feedforward_width",
            "text_width",
        ):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be at least 1")
        if self.channels not in (1, 2) or self.streams % self.channels:
            raise ValueError(
                f"{self.streams} codebooks for {self.channels} channels; 1 or 2 channels are known"
            )
        if (self.chroma > 0) != (self.chroma_frames > 0):
            raise ValueError(
                f"chroma {self.chroma} with {self.chroma_frames} frames; both or neither must be 0"
            )

    @property
    def transformer(self) -> TransformerConfig:
        """Shape of the body."""
        return TransformerConfig(
            self.width, self.layers, self.heads, self.feedforward_width, causal=True,
            cross_attention_every=0 if self.chroma else 1, norm="layer", rotary=False, null_slot=False,
        )  # fmt: skip

    @property
    def pattern(self) -> Pattern:
        """The delay pattern."""
        return pattern_of("delay", self.streams) if self.channels == 1 else stereo_delay(self.streams // 2)


def read_config(path: Path, config: dict[str, Any]) -> MusicGenConfig:
    """The decoder's shape from the object in config.json.

    Raises:
        CheckpointError: an entry is missing or impossible, or asks for what this engine does not have.
    """
    melody = config.get("model_type") == "musicgen_melody"
    try:
        decoder, text = DEFAULTS | config["decoder"], config["text_encoder"]
        if decoder["activation_function"] != "gelu" or decoder["scale_embedding"]:
            raise ValueError("activation_function must be gelu and scale_embedding false")
        if text.get("model_type") != "t5" or config["audio_encoder"].get("model_type") != "encodec":
            raise ValueError("text_encoder must be a t5 and audio_encoder an encodec")
        if not decoder["pad_token_id"] == decoder["bos_token_id"] == decoder["vocab_size"]:
            raise ValueError("pad_token_id and bos_token_id must be vocab_size")
        shape = MusicGenConfig(
            streams=decoder["num_codebooks"], codebook_size=decoder["vocab_size"], width=decoder["hidden_size"],
            layers=decoder["num_hidden_layers"], heads=decoder["num_attention_heads"],
            feedforward_width=decoder["ffn_dim"], channels=decoder["audio_channels"],
            text_width=text.get("d_model", 512), chroma=config.get("num_chroma", 12) if melody else 0,
            chroma_frames=config.get("chroma_length", 235) if melody else 0,
        )  # fmt: skip
        _ = shape.transformer  # which refuses heads that do not fit the width
        return shape
    except KeyError as error:
        raise CheckpointError(f"{path}: has no {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error
