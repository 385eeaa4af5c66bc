"""The player: an audio LM that writes codes from a score, from words, from a sound, or from all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from audiogen.conditions import Conditions
from audiogen.guidance import Guidance
from audiogen.linear import speed_up
from audiogen.lm import AudioLM, LMConfig
from audiogen.playing import Piece, Played, Run, Sampling
from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint
from codec.types import CheckpointError, CodecSpec, Codes
from symbolic_bridge.frames import ScoreFrames

__all__ = ["Conditions", "Piece", "Played", "Player", "Sampling"]

FORMAT, VERSION = "audiogen-player", 3
SHIPPED = Path(__file__).parent / "weights"


class Player:
    """Plays: score frames, attributes and text to codes.

    Args:
        model: in evaluation mode.
        spec: of the codec the codes are for.

    Raises:
        CheckpointError: the model was trained on another codec's codes.
    """

    def __init__(self, model: AudioLM, spec: CodecSpec) -> None:
        config = model.config
        if config.codec_identity != spec.identity:
            raise CheckpointError(
                f"this player was trained on codec {config.codec_identity}; the codec at hand is {spec.identity}"
            )
        if Fraction(*config.frame_rate) != spec.frame_rate or config.streams > spec.codebooks:
            raise CheckpointError(
                f"player of {config.streams} streams at {config.frame_rate} Hz does not fit {spec}"
            )
        self.model, self.spec = model, spec

    @classmethod
    def load(cls, folder: Path | None, spec: CodecSpec, device: str = "cpu") -> Player:
        """The shipped player (None) or one from a folder of player.json and player.safetensors.

        Raises:
            CheckpointError: the folder is missing or damaged, or is for another codec than `spec`.
        """
        checkpoint = load_checkpoint(folder or SHIPPED, "player", format=FORMAT, version=VERSION)
        model = AudioLM(build_config(LMConfig, checkpoint))
        load_weights(model, checkpoint.tensors, checkpoint.path)
        model = model.eval().requires_grad_(False).to(device)
        speed_up(model)
        return cls(model, spec)

    def play(
        self, piece: Piece, sampling: Sampling | None = None, progress: Callable[[float], None] | None = None
    ) -> Played:
        """Write the codes of one piece; see `play_all`."""
        return self.play_all([piece], sampling, progress)[0]

    def play_all(
        self,
        pieces: Sequence[Piece],
        sampling: Sampling | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> list[Played]:
        """Write the codes of several pieces side by side; each comes out as it would alone.

        Args:
            pieces: all with an inner melody, or none.
            sampling: how codes are drawn; None for the defaults.
            progress: told the share done, now and then.

        Raises:
            ValueError: no pieces, nothing to play, frames of another clock, or codes of another codec.
        """
        run = Run(
            self.model, self.spec, pieces, sampling or Sampling(), None, progress or (lambda done: None)
        )
        [tokens] = run.chunks()
        return [
            Played(Codes(tokens[row : row + 1, :, : each.count].cpu(), self.spec), run.frames_of(row))
            for row, each in enumerate(run.rows)
        ]

    def play_chunks(
        self, piece: Piece, chunk_frames: int, sampling: Sampling | None = None
    ) -> Iterator[Codes]:
        """As `play`, but give the codes while they are written, `chunk_frames` frames at a time."""
        run = Run(self.model, self.spec, [piece], sampling or Sampling(), chunk_frames)
        return (Codes(tokens.cpu(), self.spec) for tokens in run.chunks())

    @torch.inference_mode()
    def attention(self, frames: ScoreFrames, conditions: Conditions, codes: Codes) -> list[Tensor]:
        """What each layer attends to while it plays these codes from this score.

        Args:
            frames: the score, as long as the codes or longer.
            conditions: as in `play`.
            codes: of one piece, of this player's streams, or more, which are left out.

        Returns:
            [H, T, T] of every layer: how much each step, of the rows, leans on each step before it and itself.
        """
        model, pattern = self.model, self.model.pattern
        tokens = codes.tokens[:1, : pattern.streams].to(self.device)
        count = tokens.shape[-1]
        steps = pattern.interleave(tokens, model.nothing)
        before = torch.cat((steps[..., -1:], steps[..., :-1]), dim=-1)
        before[..., pattern.begins(count)] = model.nothing
        piece = Piece(frames, conditions, seed=0, count=count)
        run = Run(model, self.spec, [piece], Sampling(guidance=Guidance()))
        added, memory, mask = model.condition(run.prompting)
        maps: list[Tensor] = []
        model.hidden(before, added[:, pattern.clock(count).to(added.device)], memory, mask, maps=maps)
        return [weights[0] for weights in maps]

    @property
    def device(self) -> torch.device:
        """Where it plays."""
        return self.model.codes.weight.device


def save_player(model: AudioLM, folder: Path, details: dict[str, object]) -> None:
    """Write player.json and player.safetensors, weights in half precision."""
    tensors = {name: value.detach().half() for name, value in model.state_dict().items()}
    save_checkpoint(
        folder,
        "player",
        format=FORMAT,
        version=VERSION,
        config=model.config,
        tensors=tensors,
        details=details,
    )
