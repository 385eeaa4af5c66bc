"""MusicGen's decoder on our transformer.

Axes: B batch, K streams, S frames, T steps, D width, V codebook size, M text tokens, P prefix positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from audiogen.attention import KeyValueCache
from audiogen.musicgen.config import MusicGenConfig
from audiogen.positions import musicgen_positions
from audiogen.transformer import Transformer
from codec.checkpoint import load_weights

# What the library calls the parts of a layer; the second of a pair is one of ours that is several of theirs joined.
_JOINED = {
    "self_attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "cross_attention.key_value": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
}
_RENAMED = {
    "self_attention.out": "self_attn.out_proj", "self_norm": "self_attn_layer_norm",
    "cross_attention.query": "encoder_attn.q_proj", "cross_attention.out": "encoder_attn.out_proj",
    "cross_norm": "encoder_attn_layer_norm", "feed_norm": "final_layer_norm", "feed_in": "fc1", "feed_out": "fc2",
}  # fmt: skip
_DECODER = "decoder.model.decoder."
# A table that can be computed; some versions of the library saved it.
COMPUTED = f"{_DECODER}embed_positions.weights"


@dataclass(frozen=True)
class Conditioning:
    """What a batch is told: `prefix` [B, P, D] stands before the codes, `memory` [B, M, D] is attended to under `mask`.

    The melody variant has a prefix, the others a memory.
    """

    prefix: Tensor | None
    memory: Tensor | None
    mask: Tensor | None


class MusicGenLM(nn.Module):
    """Predicts the codes of a step from those of the steps before it, from a text and perhaps from a melody."""

    stream_starts: Tensor
    no_melody: Tensor

    def __init__(self, config: MusicGenConfig) -> None:
        super().__init__()
        self.config, self.pattern = config, config.pattern
        self.nothing = config.codebook_size
        entries = config.codebook_size + 1
        self.codes = nn.Embedding(config.streams * entries, config.width)
        self.body = Transformer(config.transformer)
        self.heads = nn.Linear(config.width, config.streams * config.codebook_size, bias=False)
        same = config.text_width == config.width
        self.text = nn.Identity() if same else nn.Linear(config.text_width, config.width)
        self.chroma = nn.Linear(config.chroma, config.width) if config.chroma else None
        # Nothing sounding is told as C: that is how the melody variant was trained.
        self.register_buffer("no_melody", torch.eye(max(1, config.chroma))[None, :1], persistent=False)
        self.register_buffer(
            "stream_starts", torch.arange(config.streams)[:, None] * entries, persistent=False
        )

    def condition(self, states: Tensor, mask: Tensor, chroma: Tensor | None = None) -> Conditioning:
        """What to tell.

        Args:
            states: float [B, M, text width], of the text encoder.
            mask: bool [B, M], True where a token stands; a row of False alone is told nothing.
            chroma: float [B, frames, 12], one-hot pitch classes of a melody, for the melody variant only; None is none.

        Raises:
            ValueError: a chroma was given to a model that takes none.
        """
        memory = self.text(states) * mask[..., None]  # [B, M, D]
        if self.chroma is None:
            if chroma is not None:
                raise ValueError("this MusicGen follows no melody; take one of the melody variants")
            # All slots of a row that is told nothing are zero, so that attending to them gives nothing.
            return Conditioning(None, memory, mask | ~mask.any(1, keepdim=True))
        notes = self.no_melody.expand(len(memory), -1, -1) if chroma is None else chroma
        frames = self.config.chroma_frames
        melody = self.chroma(notes).repeat(1, -(-frames // notes.shape[1]), 1)[:, :frames]
        return Conditioning(torch.cat((melody, memory), dim=1), None, None)

    def forward(self, previous: Tensor, told: Conditioning, cache: KeyValueCache | None = None) -> Tensor:
        """Logits of each step's codes.

        Args:
            previous: int64 [B, K, T], the codes of the step before each step, `nothing` where there is none.
            told: from `condition`; its prefix goes in front where there is no cache or an empty one.
            cache: of the steps before, in decoding.

        Returns:
            [B, T, K, V].
        """
        x = self.codes(previous + self.stream_starts).sum(1)  # [B, T, D]
        start = 0 if cache is None else cache.position
        if told.prefix is not None and start == 0:
            x = torch.cat((told.prefix, x), dim=1)  # [B, P + T, D]
        x = x + musicgen_positions(start, x.shape[1], x.shape[2]).to(x)
        memory = told.memory if start == 0 else None
        mask = told.mask if start == 0 else None
        hidden = self.body(x, memory=memory, memory_mask=mask, cache=cache)[:, -previous.shape[2] :]
        return self.heads(hidden).unflatten(-1, (self.config.streams, self.config.codebook_size))

    def load(self, tensors: Mapping[str, Tensor], source: Path) -> None:
        """Take the library's tensors; other parts than the decoder's are left alone.

        Raises:
            CheckpointError: one is missing, left over or of another shape.
        """
        parts = ("decoder.", "enc_to_dec_proj.", "audio_enc_to_dec_proj.")
        left = {name: value for name, value in tensors.items() if name.startswith(parts) and name != COMPUTED}
        names = _names(self.config)
        found = {
            ours: torch.cat([left[name] for name in theirs])
            for ours, theirs in names.items()
            if all(name in left for name in theirs)
        }
        used = {name for theirs in names.values() for name in theirs}
        load_weights(self, found | {name: value for name, value in left.items() if name not in used}, source)


def _names(config: MusicGenConfig) -> dict[str, tuple[str, ...]]:
    """Our name of every weight and the library's names of what it is joined from."""
    streams = range(config.streams)
    names: dict[str, tuple[str, ...]] = {
        "codes.weight": tuple(f"{_DECODER}embed_tokens.{k}.weight" for k in streams),
        "heads.weight": tuple(f"decoder.lm_heads.{k}.weight" for k in streams),
        "body.norm.weight": (f"{_DECODER}layer_norm.weight",),
        "body.norm.bias": (f"{_DECODER}layer_norm.bias",),
    }
    for layer in range(config.layers):
        ours, theirs = f"body.layers.{layer}.", f"{_DECODER}layers.{layer}."
        for name, joined in {**_JOINED, **{name: (other,) for name, other in _RENAMED.items()}}.items():
            if config.chroma and name.startswith("cross"):
                continue
            kinds = ("weight", "bias") if name.endswith("norm") else ("weight",)
            for kind in kinds:
                names[f"{ours}{name}.{kind}"] = tuple(f"{theirs}{other}.{kind}" for other in joined)
    for kind in ("weight", "bias"):
        if config.text_width != config.width:
            names[f"text.{kind}"] = (f"enc_to_dec_proj.{kind}",)
        if config.chroma:
            names[f"chroma.{kind}"] = (f"audio_enc_to_dec_proj.{kind}",)
    return names
