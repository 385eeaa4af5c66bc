"""Fast projections against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from audiogen.linear import Int8Linear, PackedLinear, speed_up


def linear(bias: bool = False, inside: int = 64, outside: int = 24) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(inside, outside, bias=bias).eval().requires_grad_(False)


@pytest.mark.parametrize("shape", [(64,), (1, 64), (2, 1, 64), (3, 5, 64)])
@pytest.mark.parametrize("bias", [False, True])
def test_a_packed_projection_is_the_same_projection(bias: bool, shape: tuple[int, ...]) -> None:
    plain, x = linear(bias), torch.randn(shape)
    torch.testing.assert_close(PackedLinear(plain)(x), plain(x), atol=1e-6, rtol=1e-5)


def test_bfloat16_rounds_weights_inputs_and_outputs_and_nothing_else() -> None:
    plain, x = linear(bias=True), torch.randn(2, 3, 64)
    made = PackedLinear(plain, dtype=torch.bfloat16)(x)
    assert plain.bias is not None
    weight, bias = (each.bfloat16().double() for each in (plain.weight, plain.bias))
    expected = x.bfloat16().double() @ weight.T + bias
    assert made.dtype == torch.float32
    torch.testing.assert_close(made.double(), expected, atol=1e-3, rtol=2**-8)


@pytest.mark.parametrize("bias", [False, True])
def test_eight_bits_equal_a_slow_reference(bias: bool) -> None:
    plain, x = linear(bias), torch.randn(2, 3, 64)
    fast = Int8Linear(plain)
    for row in range(24):
        scale = (plain.weight[row].abs().max() / 127).bfloat16().float()
        whole = (plain.weight[row] / scale).round().clamp(-127, 127)
        expected = (x.bfloat16().float() * (whole * scale)).sum(-1) + (plain.bias[row] if bias else 0)
        torch.testing.assert_close(fast(x)[..., row], expected, atol=0.02, rtol=0.02)
    assert float((fast(x) - plain(x)).std() / plain(x).std()) < 0.02


def test_an_output_whose_weights_are_all_zero_stays_zero() -> None:
    plain = linear()
    plain.weight[3] = 0
    assert not Int8Linear(plain)(torch.randn(2, 64))[:, 3].any()


@pytest.mark.parametrize(
    ("precision", "kind"), [("fp32", PackedLinear), ("bf16", PackedLinear), ("int8", Int8Linear)]
)
def test_every_projection_of_a_model_is_replaced(precision: str, kind: type[nn.Module]) -> None:
    model = nn.Sequential(linear(outside=32), nn.GELU(), nn.Sequential(linear(inside=32)))
    x = torch.randn(2, 64)
    before = model(x)
    speed_up(model, precision)
    assert [type(module) for module in model.modules() if hasattr(module, "in_features")] == [kind, kind]
    torch.testing.assert_close(model(x), before, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("inputs", [256, 1024, 4096])
def test_eight_bits_give_a_row_alone_what_they_give_it_among_others(inputs: int) -> None:
    layer = Int8Linear(nn.Linear(inputs, 64).requires_grad_(False))
    x = torch.randn(3, inputs)
    alone = torch.cat([layer(row[None]) for row in x])
    assert alone.shape == (3, 64)
    torch.testing.assert_close(alone, layer(x), atol=0.02, rtol=0.02)


def test_inputs_that_eight_bits_cannot_read_stay_in_single_precision() -> None:
    with pytest.raises(ValueError, match="40 inputs; a multiple of 32"):
        Int8Linear(linear(inside=40))
    model = nn.Sequential(linear(inside=40))
    speed_up(model, "int8")
    assert isinstance(model[0], PackedLinear)


def test_what_is_still_trained_stays_as_it_is() -> None:
    model = nn.Sequential(linear().requires_grad_(True))
    speed_up(model)
    assert isinstance(model[0], nn.Linear)


def test_another_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="precision 'int4' is not one of fp32, bf16, int8"):
        speed_up(nn.Sequential(linear()), "int4")
