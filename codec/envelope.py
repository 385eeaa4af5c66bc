"""How loud a frame's sound is along its window. Axes: B batch, S frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.config import CodecConfig

# Of the gains, in nepers: 35 dB down is as good as silent before a note begins.
GAIN_LIMIT = 4.0


class Envelope(nn.Module):
    """Gains along a frame's window, at evenly spaced knots.

    Magnitudes say what sounds in a window but not when: phases that are made from them begin a note 10 ms early, and
    let it fade in. The gains put its start back, as the gain control of transform codecs does, but without bits of
    their own: they follow from the codes around.
    """

    hats: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        knots = config.envelope_knots
        self.head = nn.Linear(config.decoder_width, knots)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        places = (torch.arange(config.head_window) + 0.5) / config.head_window * (knots - 1)
        hats = (1 - (places - torch.arange(knots)[:, None]).abs()).clamp_min(0)
        self.register_buffer("hats", hats, persistent=False)  # [knots, window]

    def forward(self, body: Tensor) -> Tensor:
        """The decoder's hidden frames [B, S, width] -> log gains [B, S, knots]."""
        return GAIN_LIMIT * torch.tanh(self.head(body).float() / GAIN_LIMIT)

    def shape(self, frames: Tensor, log_gains: Tensor) -> Tensor:
        """Frames of sound [..., S, window], each with its gains [..., S, knots], straight lines between the knots."""
        return frames * (log_gains @ self.hats).exp()
