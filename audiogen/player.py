"""The player: an audio LM with the loop that writes codes from a score, from words, or from both."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from audiogen.conditions import Conditions
from audiogen.decoding import decode, guided
from audiogen.linear import speed_up
from audiogen.lm import AudioLM, LMConfig, Prompting
from audiogen.sampling import sample
from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint
from codec.types import CheckpointError, CodecSpec, Codes
from symbolic_bridge.frames import STREAM_SIZES, ScoreFrames

__all__ = ["Conditions", "Player"]

FORMAT, VERSION = "audiogen-player", 1
SHIPPED = Path(__file__).parent / "weights"
# Measured on 8 valid tunes. Temperature 0.7 with guidance 1.5: log-mel distance to the rendering 0.522, 0.98 of the
# notes at their pitch; 0.8 with 1.5: 0.531, 0.995; 0.8 with 1.3: 0.518, 0.979; 0.7 with 1.7: 0.536, 0.995.
GUIDANCE, FREE_GUIDANCE = 1.5, 2.0
# 0.2 s: once a note has begun, music goes on by itself.
OPENING_FRAMES = 10
NEVER = 1e4  # off a logit; unlike infinity it leaves something to draw if nothing else is allowed


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
        self,
        frames: ScoreFrames | None,
        *,
        conditions: Conditions,
        seed: int,
        frames_count: int | None = None,
        temperature: float = 0.7,
        top_k: int = 100,
        top_p: float = 1.0,
        guidance: float | None = None,
        not_opening: Collection[int] = (),
        progress: Callable[[float], None] | None = None,
    ) -> Codes:
        """Write the codes of a performance.

        Args:
            frames: the score; None plays freely.
            conditions: attributes and text, each optional.
            seed: the same seed gives the same codes.
            frames_count: length, by default that of `frames`.
            temperature, top_k, top_p: of the sampling; temperature 0 takes the likeliest code.
            guidance: weight of classifier-free guidance (Ho & Salimans 2022) towards everything given; 1 is none and
                costs half. By default GUIDANCE with a score and FREE_GUIDANCE without one.
            not_opening: codes that the first stream may not have in the first OPENING_FRAMES frames. Without a score
                nothing says when a note begins, and after silence the likeliest is more of it.
            progress: told the share done, now and then.

        Returns:
            tokens [1, K, S].

        Raises:
            ValueError: neither frames nor frames_count, frames of another clock, or a value out of range.
        """
        [codes] = self.play_chunks(
            frames, conditions=conditions, seed=seed, frames_count=frames_count, chunk_frames=None,
            temperature=temperature, top_k=top_k, top_p=top_p, guidance=guidance, not_opening=not_opening,
            progress=progress,
        )  # fmt: skip
        return codes

    def play_chunks(
        self,
        frames: ScoreFrames | None,
        *,
        conditions: Conditions,
        seed: int,
        chunk_frames: int | None,
        frames_count: int | None = None,
        temperature: float = 0.7,
        top_k: int = 100,
        top_p: float = 1.0,
        guidance: float | None = None,
        not_opening: Collection[int] = (),
        progress: Callable[[float], None] | None = None,
    ) -> Iterator[Codes]:
        """As `play`, but give the codes while they are written, `chunk_frames` frames at a time; None for all."""
        if frames is not None and frames.frame_rate != self.spec.frame_rate:
            raise ValueError(
                f"frames at {frames.frame_rate} Hz; this player's codec runs at {self.spec.frame_rate} Hz"
            )
        count = frames_count if frames_count is not None else frames.frames if frames is not None else 0
        if count < 1:
            raise ValueError(f"{count} frames to play; at least 1 is needed")
        weight = guidance if guidance is not None else (FREE_GUIDANCE if frames is None else GUIDANCE)
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"guidance is {guidance}; it must be 0 or above")
        prompting = self._prompting(frames, conditions, count, guided=weight != 1.0).to(self._device)
        generator = torch.Generator(self._device).manual_seed(seed)
        chunks = self._decode(
            prompting, weight, count, chunk_frames,
            lambda logits: sample(logits, temperature=temperature, top_k=top_k, top_p=top_p, generator=generator),
            list(not_opening), progress or (lambda done: None),
        )  # fmt: skip
        return (Codes(tokens.cpu(), self.spec) for tokens in chunks)

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
        tokens = codes.tokens[:1, : pattern.streams].to(self._device)
        count = tokens.shape[-1]
        steps = pattern.interleave(tokens, model.nothing)
        before = torch.cat((steps[..., -1:], steps[..., :-1]), dim=-1)
        before[..., pattern.begins(count)] = model.nothing
        added, memory, mask = model.condition(
            self._prompting(frames, conditions, count, guided=False).to(self._device)
        )
        maps: list[Tensor] = []
        model(before, added[:, pattern.clock(count).to(added.device)], memory, mask, maps=maps)
        return [weights[0] for weights in maps]

    def _prompting(
        self, frames: ScoreFrames | None, conditions: Conditions, count: int, guided: bool
    ) -> Prompting:
        """The conditions of one row or, with guidance, of that row and an unconditioned one."""
        config = self.model.config
        length = self.model.pattern.clock_frames(count) + config.look_ahead
        if frames is None:
            score = torch.zeros(1, len(STREAM_SIZES), length, dtype=torch.long)
        else:
            score = torch.from_numpy(frames.slice(0, length).values).long()[None]
        rows = 2 if guided else 1
        has_score = torch.tensor([frames is not None, False][:rows])
        return self.model.prompting([conditions, Conditions()][:rows], score.expand(rows, -1, -1), has_score)

    @torch.inference_mode()
    def _decode(
        self,
        prompting: Prompting,
        weight: float,
        frames: int,
        chunk_frames: int | None,
        draw: Callable[[Tensor], Tensor],
        not_opening: list[int],
        progress: Callable[[float], None],
    ) -> Iterator[Tensor]:
        """The codes, [B, K, chunk_frames] at a time."""
        model, pattern = self.model, self.model.pattern
        added, memory, mask = model.condition(prompting)
        clock = pattern.clock(frames)
        added = added[:, clock.to(added.device)]  # [B, T, D]
        rows, length = added.shape[:2]
        # Twice the window: the cache moves its content once a window instead of once a step.
        window = model.config.window
        cache = model.body.new_cache(rows, min(max(length, window), 2 * window) if window else length)
        opening = (clock < OPENING_FRAMES).tolist() if not_opening else [False] * length

        def logits_of(t: int, previous: Tensor) -> Tensor:
            previous = previous.expand(rows, -1, -1)  # [B, K, 1]
            logits = model(previous, added[:, t : t + 1], memory, mask, cache)[:, 0]  # [B, K, V]
            if rows == 2:
                logits = guided(logits, weight)
            if opening[t]:
                logits[:, 0, not_opening] -= NEVER
            return logits

        yield from decode(
            pattern, frames, 1, model.nothing, logits_of, draw, chunk_frames=chunk_frames, device=added.device,
            progress=progress,
        )  # fmt: skip

    @property
    def _device(self) -> torch.device:
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
