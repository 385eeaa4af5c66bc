"""Codebook patterns: how K parallel code streams become one sequence of steps (MusicGen, Copet et al. 2023).

A pattern says of every stream in which pass over the frames it is written, at which slot of a frame's steps, and how
many frames late. A step holds at most one code of each stream; what a model predicts at a step may lean on all steps
before it and not on the other codes of its own step.

| pattern | steps for S frames | the code of frame s, stream k stands at step |
|---|---|---|
| delay | S + K - 1 | s + k |
| parallel | S | s |
| flatten | K S | K s + k |
| partial flatten | 2 S | 2 s for the first stream, 2 s + 1 for the others |
| partial delay | S + 1 | s for the first stream, s + 1 for the others |
| coarse-first | 2 S | s for the first stream, S + s for the others (as VALL-E, Wang et al. 2023) |

Axes: B batch, K streams, S frames, T steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pattern:
    """When each of K streams is written; all three are [K].

    `passes`: 0 for the first walk over the frames, 1 for the next; `slots`: which of the steps that a frame has in
    its pass; `delays`: frames by which the stream lags behind the clock of its pass.

    Raises:
        ValueError: no streams, lengths that differ, or numbers that leave out a pass or a slot, or are negative.
    """

    passes: tuple[int, ...]
    slots: tuple[int, ...]
    delays: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.passes or not len(self.passes) == len(self.slots) == len(self.delays):
            raise ValueError(
                f"passes {self.passes}, slots {self.slots}, delays {self.delays}: each needs one number a stream"
            )
        if min(self.delays) < 0:
            raise ValueError(f"delays {self.delays}; each must be 0 or above")
        _check_dense("passes", self.passes)
        for number in set(self.passes):
            _check_dense(f"slots of pass {number}", self._of_pass(self.slots, number))
            if min(self._of_pass(self.delays, number)):
                raise ValueError(f"delays {self.delays}: some stream of pass {number} must have none")

    @property
    def streams(self) -> int:
        """K."""
        return len(self.passes)

    @property
    def lead_in(self) -> int:
        """Frames before a window that its steps and the steps before them hold."""
        return max(self.delays) + 1

    @property
    def steps_a_frame(self) -> int:
        """Steps that each frame more costs."""
        return sum(self._widths)

    @property
    def is_a_frame_a_step(self) -> bool:
        """Whether each step is one frame's, in one pass, so that a step's number is what its clock shows."""
        return (self.steps_a_frame, max(self.passes)) == (1, 0)

    def length(self, frames: int) -> int:
        """T for S frames."""
        return self._starts(frames)[-1]

    def clock_frames(self, frames: int) -> int:
        """How many frames the steps' clocks count, the delays at the end included."""
        return frames + max(self.delays)

    def clock(self, frames: int) -> Tensor:
        """[T]: the frame that the clock of each step's pass shows, and whose conditions belong to the step."""
        return torch.cat([
            torch.arange(stop - start) // width
            for width, (start, stop) in zip(self._widths, pairwise(self._starts(frames)), strict=True)
        ])  # fmt: skip

    def steps_of(self, frames: int) -> Tensor:
        """[K, S]: the step of every code."""
        starts, widths = self._starts(frames), self._widths
        rows = [
            starts[number] + widths[number] * (torch.arange(frames) + delay) + slot
            for number, slot, delay in zip(self.passes, self.slots, self.delays, strict=True)
        ]
        return torch.stack(rows)  # [K, S]

    def begins(self, frames: int) -> Tensor:
        """bool [T]: whether a pass begins at the step, so that nothing stands before it."""
        marks = torch.zeros(self.length(frames), dtype=torch.bool)
        marks[self._starts(frames)[:-1]] = True
        return marks

    def interleave(self, codes: Tensor, fill: int) -> Tensor:
        """[B, K, S] codes -> [B, K, T] steps; places without a code hold `fill`."""
        self._check(codes)
        batch, streams, frames = codes.shape
        steps = codes.new_full((batch, streams, self.length(frames)), fill)
        at = self.steps_of(frames).to(codes.device).expand(batch, -1, -1)  # [B, K, S]
        return steps.scatter(2, at, codes)

    def deinterleave(self, steps: Tensor) -> Tensor:
        """[B, K, T] steps -> [B, K, S] codes, the inverse of `interleave`.

        Raises:
            ValueError: no number of frames has T steps.
        """
        self._check(steps)
        length, empty, each = steps.shape[2], self.length(0), self.steps_a_frame
        frames, left = divmod(length - empty, each)
        if frames < 0 or left:
            raise ValueError(
                f"{length} steps do not fit {self.streams} streams; {empty} are needed, and {each} more a frame"
            )
        at = self.steps_of(frames).to(steps.device).expand(steps.shape[0], -1, -1)  # [B, K, S]
        return steps.gather(2, at)

    def training_pair(self, codes: Tensor, lead_in: int, fill: int) -> tuple[Tensor, Tensor, Tensor]:
        """The input and the target of a window that may begin in mid-music.

        Args:
            codes: int64 [B, K, lead_in + S].
            lead_in: frames before the window, at least the pattern's own.
            fill: stands where a step has no code.

        Returns:
            Codes of the step before each step [B, K, T] (of its pass), codes of the step itself [B, K, T], and the
            steps' clock [T] counted from the window's first frame. T is that of S frames without their delays.
        """
        self._check(codes)
        if lead_in < self.lead_in:
            raise ValueError(f"lead_in is {lead_in}; this pattern needs at least {self.lead_in} frames")
        frames = codes.shape[2] - lead_in
        steps = self.interleave(codes, fill)
        starts = self._starts(codes.shape[2])
        spans = [
            torch.arange(start + width * lead_in, start + width * (lead_in + frames))
            for start, width in zip(starts, self._widths, strict=False)
        ]
        clock = torch.cat([torch.arange(len(span)) // (len(span) // frames) for span in spans])
        at = torch.cat(spans).to(codes.device)
        return steps[:, :, at - 1], steps[:, :, at], clock.to(codes.device)

    @property
    def _widths(self) -> list[int]:
        """Steps a frame in each pass."""
        return [1 + max(self._of_pass(self.slots, number)) for number in range(1 + max(self.passes))]

    def _starts(self, frames: int) -> list[int]:
        """The first step of every pass, and the end of the last."""
        starts = [0]
        for number, width in enumerate(self._widths):
            starts.append(starts[-1] + width * (frames + max(self._of_pass(self.delays, number))))
        return starts

    def _of_pass(self, values: tuple[int, ...], number: int) -> tuple[int, ...]:
        return tuple(value for value, owner in zip(values, self.passes, strict=True) if owner == number)

    def _check(self, values: Tensor) -> None:
        if values.ndim != 3 or values.shape[1] != self.streams:
            raise ValueError(f"shape {tuple(values.shape)}; this pattern needs [B, {self.streams}, ...]")


# Of K streams.
PATTERNS: dict[str, Callable[[int], Pattern]] = {
    "delay": lambda k: Pattern((0,) * k, (0,) * k, tuple(range(k))),
    "parallel": lambda k: Pattern((0,) * k, (0,) * k, (0,) * k),
    "flatten": lambda k: Pattern((0,) * k, tuple(range(k)), (0,) * k),
    "partial flatten": lambda k: Pattern((0,) * k, (0, *(1,) * (k - 1)), (0,) * k),
    "partial delay": lambda k: Pattern((0,) * k, (0,) * k, (0, *(1,) * (k - 1))),
    "coarse-first": lambda k: Pattern((0, *(1,) * (k - 1)), (0,) * k, (0,) * k),
}


def pattern_of(name: str, streams: int) -> Pattern:
    """The pattern of that name for K streams.

    Raises:
        ValueError: no such pattern, or no streams.
    """
    if name not in PATTERNS:
        raise ValueError(f"pattern {name!r} is not one of {', '.join(PATTERNS)}")
    if streams < 1:
        raise ValueError(f"streams is {streams}; it must be at least 1")
    return PATTERNS[name](streams)


def stereo_delay(codebooks: int) -> Pattern:
    """MusicGen's delay for two channels: left and right of a codebook stand side by side and lag alike."""
    streams = range(2 * codebooks)
    return Pattern((0,) * len(streams), (0,) * len(streams), tuple(k // 2 for k in streams))


def _check_dense(what: str, values: tuple[int, ...]) -> None:
    if set(values) != set(range(1 + max(values))):
        raise ValueError(f"{what} are {values}; they must be 0, 1, ... without a gap")
