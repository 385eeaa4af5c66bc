"""The loop that writes codes step by step, in one piece or in chunks, for every language model of codes and pattern.

Axes: B batch, K streams, S frames, T steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from audiogen.patterns import Pattern

PROGRESS_STEPS = 25
ANY = -1  # stands for a code that is not given


def decode(
    pattern: Pattern,
    frames: int,
    rows: int,
    nothing: int,
    draw: Callable[[int, Tensor, Tensor], Tensor],
    *,
    given: Tensor | None = None,
    first: int = 0,
    chunk_frames: int | None = None,
    device: torch.device | str = "cpu",
    progress: Callable[[float], None] = lambda done: None,
) -> Iterator[Tensor]:
    """Write codes.

    Args:
        pattern: of the streams.
        frames: how many, S.
        rows: how many pieces at once, B.
        nothing: the code that stands where none is.
        draw: told the step's number, the codes of the step before it, int64 [B, K, 1], and those of the step that are
            known, int64 [B, K], ANY where one is to be drawn, gives the codes of the step [B, K], those among them.
        given: codes that are there already, int64 [B, K, at most S], ANY where one is to be drawn; None for none.
        first: the frame from which on codes are handed out.
        chunk_frames: how many frames to give at once, as soon as all their streams are written; None for all.
        device: of the codes.
        progress: told the share done, now and then.

    Yields:
        int64 [B, K, chunk_frames], the last one shorter.
    """
    length, chunk = pattern.length(frames), chunk_frames or frames
    known = torch.full((rows, pattern.streams, frames), ANY, device=device)
    if given is not None:
        known[..., : given.shape[-1]] = given
    known = pattern.interleave(known, nothing)  # [B, K, T]
    begins = pattern.begins(frames).tolist()
    places = pattern.steps_of(frames)  # [K, S]
    written = places.amax(0).tolist()  # the step at which each frame is whole
    places = places.to(device).expand(rows, -1, -1)
    steps = torch.full((rows, pattern.streams, length), nothing, device=device)
    empty = steps[:, :, :1].clone()  # [B, K, 1]
    handed_out = first
    for t in range(length):
        steps[:, :, t] = draw(t, empty if begins[t] else steps[:, :, t - 1 : t], known[:, :, t])
        if t % PROGRESS_STEPS == 0:
            progress(t / length)
        while handed_out < frames and written[(stop := min(handed_out + chunk, frames)) - 1] <= t:
            yield steps.gather(2, places[:, :, handed_out:stop])
            handed_out = stop
    progress(1.0)


def guided(logits: Tensor, weight: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022): [2 B, ...], the told rows before the untold, -> [B, ...]."""
    told, untold = logits.chunk(2)
    return untold + weight * (told - untold)
