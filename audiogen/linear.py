"""Projections as they are fastest for a few rows at a time, which is all that decoding has.

One step of decoding reads every weight once for one or two rows, so its limit is the bytes of the weights over the
memory bandwidth. PyTorch's own product of a few rows with a matrix reaches a half to two thirds of what the memory
gives; oneDNN, with the weights laid out for it once, all of it. Weights in bfloat16 are half of the bytes, whole
numbers of 8 bits a quarter.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

PRECISIONS = ("fp32", "bf16", "int8")
# PyTorch's product with 8-bit weights reads inputs 16 at a time and runs over the end of others (2.11 crashes at 40).
INT8_MULTIPLE = 32
# With so many inputs it is faster with two rows than with one (2.11, AVX-512: 60 and 98 us for 1,024 by 1,024).
INT8_PAIRED_INPUTS = range(512, 2049)


class PackedLinear(nn.Module):
    """`nn.Linear` without gradients on the CPU, laid out for oneDNN.

    Args:
        linear: in single precision.
        hint_rows: usual number of rows.
        dtype: of the weights; in bfloat16 inputs and outputs are rounded to it too, and sums are not.
    """

    packed: Tensor

    def __init__(self, linear: nn.Linear, hint_rows: int = 2, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.in_features, self.out_features, self.dtype = linear.in_features, linear.out_features, dtype
        packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().to(dtype), hint_rows)
        # Not a buffer: what is packed has no shape to save or to move to another device.
        self.packed = packed
        self.bias = None if linear.bias is None else linear.bias.detach().to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        made = torch.ops.mkldnn._linear_pointwise(x.to(self.dtype), self.packed, self.bias, "none", [], "")
        return made.to(x.dtype)


class Int8Linear(nn.Module):
    """`nn.Linear` with weights of 8 bits and one scale an output; inputs and sums are rounded to bfloat16.

    Raises:
        ValueError: the number of inputs is no multiple of INT8_MULTIPLE.
    """

    scales: Tensor
    weight: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        if linear.in_features % INT8_MULTIPLE:
            raise ValueError(f"{linear.in_features} inputs; a multiple of {INT8_MULTIPLE} is needed")
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach().float()
        scales = (weight.abs().amax(dim=1).clamp_min(1e-12) / 127).bfloat16()
        self.register_buffer("scales", scales, persistent=False)
        whole = (weight / scales.float()[:, None]).round().clamp(-127, 127)
        self.register_buffer("weight", whole.to(torch.int8), persistent=False)
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        rows = x.reshape(-1, self.in_features).bfloat16()
        count = len(rows)
        if count == 1 and self.in_features in INT8_PAIRED_INPUTS:
            rows = rows.repeat(2, 1)
        made = torch.ops.aten._weight_int8pack_mm(rows, self.weight, self.scales)[:count].to(x.dtype)
        if self.bias is not None:
            made = made + self.bias
        return made.view(*x.shape[:-1], self.out_features)


def speed_up(model: nn.Module, precision: str = "fp32") -> None:
    """Replace every projection of a model that is not trained further; on other devices than the CPU nothing changes.

    Args:
        model: in single precision.
        precision: "fp32"; "bf16" or, where they fit, "int8" for smaller weights: other numbers, for speed.

    Raises:
        ValueError: no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is not one of {', '.join(PRECISIONS)}")
    for name, child in list(model.named_children()):
        if not isinstance(child, nn.Linear):
            speed_up(child, precision)
        elif _frozen_on_cpu(child):
            if precision == "int8" and child.in_features % INT8_MULTIPLE == 0:
                setattr(model, name, Int8Linear(child))
            elif _has_onednn():
                dtype = torch.bfloat16 if precision == "bf16" else torch.float32
                setattr(model, name, PackedLinear(child, dtype=dtype))


def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")


def _frozen_on_cpu(linear: nn.Linear) -> bool:
    """Whether a layer is for the CPU, in single precision, and one that nothing will train."""
    weight = linear.weight
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and not weight.requires_grad
