"""How the tune is best told to the player: score frames on its clock, or tokens through cross-attention.

    python benchmarks/tune_conditioning.py --codes runs/codes --steps 5000 --clips 24 --json conditioning.json

Three small players are trained alike, on the same windows, but for this:

- frames: each step is told the score frame that it plays, and the one look_ahead later (what ships);
- timed tokens: the frames at which a note or a strum begins, embedded in the same way, are items of the memory that
  every layer attends to; items and steps both carry the time at which they begin;
- ordered tokens: the same items carry only their number, as the tokens of a tune do, and their lengths.

Figures: nats of all codes of a frame on valid windows with everything given, and without the tune, which all three
should foresee alike; what they play from the scores of valid clips: F1 of the notes that our transcriber hears (50 ms,
50 cents) against the score's, beside those heard in the true codes (ceiling) and those of shuffled pitches (floor), and
log-mel distance to the true codes; parameters, and times real time in playing on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pattern_ablation import alike, opened, played, small_players, tell, times_real_time
from torch import Tensor

from audiogen.data.shards import CodeShards
from audiogen.evaluation.material import mono
from audiogen.evaluation.note_matching import NoteScore, heard_in, match_notes, pooled, shuffled
from audiogen.inner_melody import ROWS, notes_of
from audiogen.lm import AudioLM, LMConfig, Prompting
from audiogen.lm_training import LMTrainer
from audiogen.player import Player
from codec.interface import AudioCodec
from codec.metrics import log_mel_distance
from codec.types import CodecSpec, Waveform

COLUMNS = (
    "nats_given",
    "nats_text",
    "note_f1",
    "f1_ceiling",
    "f1_floor",
    "log_mel",
    "parameters",
    "times_real_time",
)
FRAMES, TIMED, ORDERED = "frames", "timed tokens", "ordered tokens"
LONGEST_PERIOD = 1000.0


class TokenLM(AudioLM):
    """A player that is told the tune through its memory alone."""

    def __init__(self, config: LMConfig, timed: bool) -> None:
        super().__init__(config)
        self.timed = timed

    def condition(self, prompting: Prompting) -> tuple[Tensor, Tensor, Tensor]:
        untold = replace(prompting, has_score=torch.zeros_like(prompting.has_score))
        added, memory, mask = super().condition(untold)
        clock = torch.arange(added.shape[1], device=added.device)
        events, places = _events(prompting.score, prompting.has_score)
        items = self.score(events, prompting.has_score)  # [B, N, D]
        order = torch.arange(places.shape[1], device=added.device).expand_as(places)
        items = items + self._sinusoids(places if self.timed else order)
        memory, mask = torch.cat((memory, items), dim=1), torch.cat((mask, places >= 0), dim=1)
        return added + self._sinusoids(clock), memory, mask

    def _sinusoids(self, places: Tensor) -> Tensor:
        """[...] -> [..., D]: sines and cosines of many periods (Vaswani et al. 2017)."""
        half = self.config.width // 2
        rates = LONGEST_PERIOD ** (-torch.arange(half, device=places.device) / half)
        angles = places[..., None] * rates
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


def _events(score: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """Frames at which the lead's pitch begins or ends or the accompaniment strikes: score [B, R, S] -> [B, R, N], and
    their places [B, N], -1 beyond the last; the first frame always counts."""
    pitch, age, strum = (score[:, ROWS[name]] for name in ("pitch", "age", "strum_age"))
    begins = torch.ones_like(pitch, dtype=torch.bool)
    begins[:, 1:] = (
        (pitch[:, 1:] != pitch[:, :-1]) | (age[:, 1:] < age[:, :-1]) | (strum[:, 1:] < strum[:, :-1])
    )
    begins &= given[:, None]
    most = max(1, int(begins.sum(1).max()))
    places = torch.full((len(score), most), -1, device=score.device)
    for row, marks in enumerate(begins):
        found = marks.nonzero()[:, 0]
        places[row, : len(found)] = found
    kept = places.clamp_min(0)[:, None].expand(-1, score.shape[1], -1)
    return score.gather(2, kept), places


def main() -> None:
    """Train and measure the three players and tell."""
    chosen = small_players(__doc__).parse_args()
    sound, shards = opened(chosen)
    ways = ((way, measure(way, shards, sound, chosen)) for way in (FRAMES, TIMED, ORDERED))
    tell("The tune told", COLUMNS, ways, chosen)


def shape(way: str, spec: CodecSpec, chosen: argparse.Namespace) -> LMConfig:
    """A small player; who is told through its memory alone attends to it in every layer."""
    every = chosen.layers if way == FRAMES else 1
    return LMConfig(
        spec.identity, (spec.frame_rate.numerator, spec.frame_rate.denominator), streams=4,
        codebook_size=spec.codebook_size, width=chosen.width, layers=chosen.layers, heads=4,
        feedforward_width=3 * chosen.width, cross_attention_every=every, window=chosen.window + 8, pattern="delay",
        depth=False,
    )  # fmt: skip


def measure(
    way: str, shards: Sequence[CodeShards], sound: AudioCodec, chosen: argparse.Namespace
) -> dict[str, float]:
    """Train a player that is told in this way and measure it."""
    network = AudioLM if way == FRAMES else partial(TokenLM, timed=way == TIMED)
    with tempfile.TemporaryDirectory() as folder:
        trainer = LMTrainer(
            shards[0], shards[1], Path(folder), alike(chosen, excerpt=0.0, late=0.0), shape(way, sound.spec, chosen),
            precision=chosen.precision, network=network,
        )  # fmt: skip
        trainer.run()
        valid = trainer.validate()
    player = Player(trainer.model.eval().requires_grad_(False), sound.spec)
    return {
        "nats_given": round(sum(valid["given"]), 3),
        "nats_text": round(sum(valid["text"]), 3),
        **play(player, shards[1], sound, chosen.clips, chosen.window),
        "parameters": sum(weight.numel() for weight in trainer.model.parameters()),
    }


def play(player: Player, valid: CodeShards, sound: AudioCodec, count: int, frames: int) -> dict[str, float]:
    """What the player makes of the beginnings of valid clips."""
    clips = list(played(player, valid, sound, count, frames))
    scores: dict[str, list[NoteScore]] = {"note_f1": [], "f1_ceiling": [], "f1_floor": []}
    for seed, clip in enumerate(clips):
        notes = [(note.onset, float(note.midi_pitch)) for note in notes_of(clip.score)]
        scores["note_f1"].append(match_notes(notes, _heard(clip.made)))
        scores["f1_ceiling"].append(match_notes(notes, _heard(clip.wanted)))
        scores["f1_floor"].append(match_notes(notes, shuffled(notes, np.random.default_rng(seed))))
    return {
        **{name: round(pooled(parts).f1, 3) for name, parts in scores.items()},
        "log_mel": round(sum(log_mel_distance(clip.made, clip.wanted) for clip in clips) / len(clips), 3),
        "times_real_time": times_real_time(clips),
    }


def _heard(waveform: Waveform) -> list[tuple[float, float]]:
    return heard_in(mono(waveform), waveform.sample_rate)


if __name__ == "__main__":
    main()
