"""The codec's networks chunk by chunk: convolutions that keep their last inputs, and what they compute for a frame.

A convolution's first output comes as soon as half of its kernel has arrived, and at the end it is given as many zeros
as the offline padding has. Axes: B batch, T samples, S frames, D features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model import ConvNeXt, ConvNeXtBlock
from codec.spectrum import overlap_add

# Matrix products of fewer than 4 rows are computed in another order and round otherwise (MKL on x86), and a peak that
# is only just one would come or go by it; with 8 rows every chunking rounds alike.
LEAST_FRAMES = 8


@dataclass(frozen=True)
class Through:
    """`output` [B, S, D] of the frames that are settled, and the inputs that the `layers` still need."""

    output: Tensor
    layers: tuple[Tensor, ...]


@dataclass(frozen=True)
class _Slid:
    """A convolution's `output` [B, S, D'], its inputs there, `centre` [B, S, D], and the inputs still `needed`."""

    output: Tensor
    centre: Tensor
    needed: Tensor


def fresh_layers(body: ConvNeXt, batch: int) -> tuple[Tensor, ...]:
    """What the convolutions see before the first frame, zeros [B, S, D] each."""
    return tuple(x.weight.new_zeros(batch, _reach(x), x.in_channels) for x in _convolutions(body))


def through(body: ConvNeXt, layers: tuple[Tensor, ...], frames: Tensor, last: bool) -> Through:
    """`body.forward` for the frames that are settled.

    Args:
        body: of kernels of odd size.
        layers: inputs that its convolutions still need, from `fresh_layers` or the call before.
        frames: [B, S, D] that come next; S may be 0.
        last: nothing comes after them, so that all the rest is settled.
    """
    slid = _slide(body.enter, layers[0], frames, last)
    x = body.enter_norm(slid.output)
    needed = [slid.needed]
    for block, layer in zip(_blocks(body), layers[1:], strict=True):
        slid = _slide(block.depthwise, layer, x, last)
        x = slid.centre + by_frame(block.added, slid.output)
        needed.append(slid.needed)
    return Through(body.leave_norm(x), tuple(needed))


def reach_frames(body: ConvNeXt) -> int:
    """How many frames before and after its own an output depends on."""
    return sum(_reach(convolution) for convolution in _convolutions(body))


def by_frame(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """`function` of [B, S, ...] inputs, which treats every frame by itself, with at least LEAST_FRAMES frames."""
    frames = inputs[0].shape[1]
    if frames >= LEAST_FRAMES:
        return function(*inputs)
    filled = [F.pad(x, (0, 0, 0, LEAST_FRAMES - frames)) for x in inputs]
    return function(*filled)[:, :frames]


def _slide(convolution: nn.Conv1d, layer: Tensor, frames: Tensor, last: bool) -> _Slid:
    """Move a convolution along over [B, S, D] frames, after those in `layer`."""
    reach = _reach(convolution)
    joined = torch.cat([layer, frames], dim=1)  # [B, S, D]
    if last:
        joined = F.pad(joined, (0, 0, 0, reach))
    count = max(0, joined.shape[1] - 2 * reach)
    if count:
        output = _convolved(convolution, joined)
    else:
        output = joined.new_zeros(len(joined), 0, convolution.out_channels)
    # A copy, because a view would keep the whole chunk in memory.
    return _Slid(output, joined[:, reach : reach + count], joined[:, count:].clone())


def _convolved(convolution: nn.Conv1d, joined: Tensor) -> Tensor:
    """[B, S + kernel - 1, D] -> [B, S, D'], without padding."""
    weight, bias = convolution.weight, convolution.bias
    if convolution.groups > 1:
        return F.conv1d(joined.transpose(1, 2), weight, bias, groups=convolution.groups).transpose(1, 2)
    # As a matrix product, because oneDNN's dense convolutions round differently for different lengths.
    windows = joined.unfold(1, weight.shape[-1], 1).flatten(2)  # [B, S, D * kernel]
    return by_frame(lambda x: F.linear(x, weight.flatten(1), bias), windows)


def _blocks(body: ConvNeXt) -> list[ConvNeXtBlock]:
    return [block for block in body.blocks if isinstance(block, ConvNeXtBlock)]


def _convolutions(body: ConvNeXt) -> list[nn.Conv1d]:
    """All that looks at more than one frame, in the order of the layers in the states."""
    return [body.enter, *(block.depthwise for block in _blocks(body))]


def _reach(convolution: nn.Conv1d) -> int:
    """Frames that a convolution sees on either side."""
    return convolution.kernel_size[0] // 2


def sum_windows(overlap: Tensor, frames: Tensor, taper: Tensor, hop: int) -> Tensor:
    """Add frames to the sums of the frames before them; a row more than there are sounds adds up the envelope.

    Args:
        overlap: [B + 1, window - hop]; B counts channels too.
        frames: [B, S, window].
        taper: [window].
        hop: samples from frame to frame.

    Returns:
        sums [B + 1, S * hop + window - hop], of which the first S * hop are final.
    """
    count, window = frames.shape[1:]
    rows = torch.cat([frames, taper.square().expand(1, count, -1)])  # [B + 1, S, window]
    sums = overlap_add(rows, hop, (count - 1) * hop + window)
    sums[:, : overlap.shape[1]] += overlap
    return sums
