"""One run of the player: pieces side by side, each told as much as guidance asks for, code after code.

Axes: B pieces, L levels of guidance (rows are L x B, the least told first), K streams, R score streams, S frames.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from audiogen.conditions import Conditions
from audiogen.decoding import ANY, decode
from audiogen.guidance import CONDITIONS, Guidance
from audiogen.inner_melody import InnerMelody, MelodyGround
from audiogen.lm import AudioLM, Prompting
from audiogen.sampling import sample
from codec.types import CodecSpec, Codes
from symbolic_bridge.frames import STREAM_SIZES, ScoreFrames

# Measured by benchmarks/tune_sampling.py on 12 valid tunes, an instrument each. Log-mel distance to the rendering, F1
# of the notes that the transcriber hears (0.925 in the rendering), for temperature 0.6 with guidance 1.0: 0.459, 0.904;
# 1.3: 0.448, 0.926; 1.5: 0.448, 0.922; 1.7: 0.450, 0.917; 2.0: 0.454, 0.919; for 0.4 with 1.3: 0.451, 0.920; for 0.8
# with 1.3: 0.452, 0.909; 1.7: 0.453, 0.919. With 24 tunes 0.6 with 1.3 has 0.436, 0.918; with 1.5 0.437, 0.922.
GUIDANCE, FREE_GUIDANCE = 1.5, 2.0


@dataclass(frozen=True)
class Sampling:
    """How codes are drawn.

    `temperature` 0 takes the likeliest code; `top_k` and `top_p` as in `sampling.sample`. `guidance`: towards what is
    given; by default GUIDANCE with a score and FREE_GUIDANCE without one. One weight of 1 for all costs half.
    """

    temperature: float = 0.6
    top_k: int = 100
    top_p: float = 1.0
    guidance: Guidance | None = None


@dataclass(frozen=True)
class Piece:
    """What is played, and from what.

    `frames`: the score, from the first frame of `before` on; None plays freely. `count`: how many frames are written;
    None as many as the score has. `melody`: the player makes up the score itself; `frames` is then the score of
    `before`. `before`: codes of what has sounded already, which is gone on from. `excerpt`: codes of a sound to take
    after.
    """

    frames: ScoreFrames | None
    conditions: Conditions
    seed: int
    count: int | None = None
    melody: MelodyGround | None = None
    before: Codes | None = None
    excerpt: Codes | None = None


@dataclass(frozen=True)
class Played:
    """`codes`: tokens [1, K, S], what was before left out. `frames`: the score that the player made up, or None."""

    codes: Codes
    frames: ScoreFrames | None


@dataclass
class _Row:
    """A piece with its numbers settled.

    `known` int64 [K, S]: the end of what was before, ANY where codes are wanted, and nothing beyond. `score` int64
    [R, S + look_ahead], S of the clock.
    """

    piece: Piece
    count: int
    known: Tensor
    score: Tensor
    melody: InnerMelody | None
    generator: torch.Generator


@dataclass
class Run:
    """The work of `Player.play_all`; arguments as there.

    Raises:
        ValueError: no pieces, nothing to play, frames of another clock, or codes of another codec.
    """

    model: AudioLM
    spec: CodecSpec
    pieces: Sequence[Piece]
    sampling: Sampling
    chunk_frames: int | None = None
    progress: Callable[[float], None] = lambda done: None
    rows: list[_Row] = field(init=False)

    def __post_init__(self) -> None:
        if not self.pieces:
            raise ValueError("no pieces to play")
        invented = [piece.melody is not None for piece in self.pieces]
        if any(invented) and not all(invented):
            raise ValueError("pieces with and without an inner melody cannot be played side by side")
        self.invents = all(invented)
        pattern = self.model.pattern
        if self.invents and not pattern.is_a_frame_a_step:
            raise ValueError("an inner melody needs a pattern that writes a frame a step, in one pass")
        self.given = max(self._kept(piece) for piece in self.pieces)
        counts = [self._count(piece) for piece in self.pieces]
        self.count = max(counts)
        self.rows = [self._settle(piece, count) for piece, count in zip(self.pieces, counts, strict=True)]
        present = [name for name in CONDITIONS if any(_has(piece, name) for piece in self.pieces)]
        guidance = self.sampling.guidance
        if guidance is None:
            scored = self.invents or any(piece.frames is not None for piece in self.pieces)
            guidance = Guidance.all(GUIDANCE if scored else FREE_GUIDANCE)
        self.levels = guidance.levels(present)

    def frames_of(self, row: int) -> ScoreFrames | None:
        """The score that a piece's inner melody made up, once all codes are written."""
        if self.rows[row].melody is None:
            return None
        values = self.rows[row].score[:, self.given : self.given + self.rows[row].count]
        return ScoreFrames(self.spec.frame_rate, values.numpy().astype("int16"))

    @property
    def prompting(self) -> Prompting:
        """What every level of every piece is told, L x B rows."""
        model = self.model
        conditions, has_score, excerpts = [], [], []
        for told, _ in self.levels:
            for row in self.rows:
                conditions.append(_told(row.piece.conditions, told))
                scored = self.invents or row.piece.frames is not None
                has_score.append(scored and "score" in told)
                excerpts.append(self._excerpt(row.piece if "excerpt" in told else None))
        score = torch.stack([row.score for row in self.rows]).repeat(len(self.levels), 1, 1)
        return model.prompting(conditions, score, torch.tensor(has_score), excerpt=torch.stack(excerpts)).to(
            self._device
        )

    @torch.inference_mode()
    def chunks(self) -> Iterator[Tensor]:
        """The codes of all pieces, [B, K, chunk_frames] at a time, as many frames as the longest has."""
        model, pattern = self.model, self.model.pattern
        frames = self.given + self.count
        prompting = self.prompting
        told, memory, mask = model.condition(prompting)
        clock = pattern.clock(frames)
        added = told[:, clock.to(told.device)]  # [L x B, T, D]
        cache = model.new_cache(*added.shape[:2])
        factors = torch.tensor([factor for _, factor in self.levels], device=added.device)
        # What is told beside the score.
        first = prompting.score[..., [0, model.config.look_ahead]]
        background = told[:, :1] - model.of_score(first[..., :1], first[..., 1:], prompting.has_score)

        def draw(t: int, previous: Tensor, known: Tensor) -> Tensor:
            previous = previous.repeat(len(self.levels), 1, 1)  # [L x B, K, 1]
            hidden = model.hidden(previous, added[:, t : t + 1], memory, mask, cache)
            if self.invents:
                shown = self._think(t, hidden[-len(self.rows) :])  # [B, R, 2]
                if shown is not None:
                    shown = shown.to(added.device).repeat(len(self.levels), 1, 1)
                    now = model.of_score(shown[..., :1], shown[..., 1:], prompting.has_score)
                    added[:, t + 1 : t + 2] = background + now
            return model.draw(hidden[:, 0], known, guided)

        def guided(logits: Tensor) -> Tensor:
            levels = logits.unflatten(0, (len(self.levels), -1))  # [L, B, k, V]
            return self._draw(torch.einsum("l, lbkv -> bkv", factors, levels), generators)

        generators = [row.generator for row in self.rows]
        yield from decode(
            pattern, frames, len(self.rows), model.nothing, draw,
            given=torch.stack([row.known for row in self.rows]).to(added.device), first=self.given,
            chunk_frames=self.chunk_frames, device=added.device, progress=self.progress,
        )  # fmt: skip

    def _draw(self, logits: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        how = self.sampling
        return sample(
            logits, temperature=how.temperature, top_k=how.top_k, top_p=how.top_p, generator=generators
        )

    def _think(self, t: int, hidden: Tensor) -> Tensor | None:
        """Make up the score frame look_ahead + 1 after step t where it is not known; what step t + 1 is then told.

        Args:
            t: the step, which is also a frame.
            hidden: [B, 1, D] of the rows that are told most.

        Returns:
            Frames t + 1 and t + 1 + look_ahead of every piece, int64 [B, R, 2]; None at the end.
        """
        model, ahead = self.model, self.model.config.look_ahead
        place = t + 1 + ahead
        if place >= self._score_length:
            return None
        if place >= self.given:
            pitch_logits = model.pitch_logits(hidden)[:, 0].cpu()  # [B, 128]
            melodies = [row.melody for row in self.rows if row.melody is not None]
            pitches = [melody.pitch(logits) for melody, logits in zip(melodies, pitch_logits, strict=True)]
            settled = torch.tensor(pitches, device=hidden.device)[:, None]
            others = {
                name: logits[:, 0].cpu() for name, logits in model.score_logits(hidden, settled).items()
            }
            for number, (row, melody) in enumerate(zip(self.rows, melodies, strict=True)):
                own = {name: logits[number] for name, logits in others.items()}
                row.score[:, place] = torch.from_numpy(melody.frame(pitches[number], own))
        return torch.stack([row.score[:, [t + 1, place]] for row in self.rows])

    @property
    def _score_length(self) -> int:
        """Frames that the clock shows, and look_ahead more."""
        return self.model.pattern.clock_frames(self.given + self.count) + self.model.config.look_ahead

    @property
    def _device(self) -> torch.device:
        return self.model.codes.weight.device

    def _kept(self, piece: Piece) -> int:
        """Frames before the first one that is written: two windows of what was before, or what a melody needs."""
        before = 0 if piece.before is None else piece.before.tokens.shape[-1]
        window = self.model.config.window
        kept = min(before, 2 * window) if window else before
        return max(kept, self.model.config.look_ahead + 1) if self.invents else kept

    @staticmethod
    def _count(piece: Piece) -> int:
        """Frames to write."""
        count = piece.count
        if count is None:
            before = 0 if piece.before is None else piece.before.tokens.shape[-1]
            count = 0 if piece.frames is None else piece.frames.frames - before
        if count < 1:
            raise ValueError(f"{count} frames to play; at least 1 is needed")
        return count

    def _settle(self, piece: Piece, count: int) -> _Row:
        """Check a piece and line up what is known of it: all rows begin at one frame."""
        streams, nothing = self.model.config.streams, self.model.nothing
        if piece.frames is not None and piece.frames.frame_rate != self.spec.frame_rate:
            raise ValueError(
                f"frames at {piece.frames.frame_rate} Hz; this player's codec runs at {self.spec.frame_rate} Hz"
            )
        for codes in (piece.before, piece.excerpt):
            if codes is not None and codes.spec.identity != self.spec.identity:
                raise ValueError(
                    f"codes of codec {codes.spec.identity}; this player is for codec {self.spec.identity}"
                )
        before = 0 if piece.before is None else piece.before.tokens.shape[-1]
        known = torch.full((streams, self.given + self.count), nothing)
        known[:, self.given : self.given + count] = ANY
        if piece.before is not None:
            kept = min(before, self.given)
            known[:, self.given - kept : self.given] = piece.before.tokens[0, :streams, before - kept :]
        length, start = self._score_length, before - self.given
        frames = piece.frames or ScoreFrames(self.spec.frame_rate, np.zeros((len(STREAM_SIZES), 0), np.int16))
        values = frames.slice(start, before if self.invents else start + length).values
        score = _fitted(torch.from_numpy(values).long(), length, 0)
        melody = None
        if piece.melody is not None:
            melody = InnerMelody(piece.melody, piece.seed, score[:, self.given - 1].numpy())
        generator = torch.Generator(self._device).manual_seed(piece.seed)
        return _Row(piece, count, known, score, melody, generator)

    def _excerpt(self, piece: Piece | None) -> Tensor:
        """int64 [K, E], the end filled with `nothing`; E is 0 where no piece has an excerpt."""
        shape = self.model.config
        length = shape.excerpt_frames if any(each.excerpt is not None for each in self.pieces) else 0
        if piece is None or piece.excerpt is None:
            return torch.full((shape.streams, length), self.model.nothing)
        return _fitted(piece.excerpt.tokens[0, : shape.streams].cpu(), length, self.model.nothing)


def _has(piece: Piece, name: str) -> bool:
    """Whether a piece has a condition of `guidance.CONDITIONS`."""
    if name == "score":
        return piece.frames is not None or piece.melody is not None
    if name == "excerpt":
        return piece.excerpt is not None
    said = vars(piece.conditions)
    if name == "text":
        return said["text"] is not None
    return any(value is not None for other, value in said.items() if other != "text")


def _told(conditions: Conditions, told: Collection[str]) -> Conditions:
    """What is left of the conditions at a level of guidance."""
    kept = conditions if "attributes" in told else Conditions(text=conditions.text)
    return kept if "text" in told else replace(kept, text=None)


def _fitted(values: Tensor, length: int, fill: int) -> Tensor:
    """[..., S] cut or filled at its end to [..., length]."""
    short = length - values.shape[-1]
    return torch.nn.functional.pad(values, (0, short), value=fill) if short > 0 else values[..., :length]
