"""The attention of `benchmarks/long_form.py` is what it says: fine to some bars, coarse to the others."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from audiogen.attention import rotate
from audiogen.transformer import Layer, Transformer, TransformerConfig
from symbolic_bridge.tune_tokens import vocabulary


@pytest.fixture(scope="module")
def long_form() -> ModuleType:
    path = Path(__file__).parent.parent / "benchmarks" / "long_form.py"
    spec = importlib.util.spec_from_file_location("long_form", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["long_form"] = module
    spec.loader.exec_module(module)
    return module


def tune_row(bars: int) -> list[int]:
    ids = vocabulary().ids
    row = [ids["kind:reel"], ids["meter:4/4"], ids["part:A:once"]]
    for bar in range(bars):
        row += [ids[f"bar:{max(1, 8 - bar % 8)}"], *[ids["note:72:12"]] * (1 + bar % 3)]
    return row


def test_a_part_sign_and_its_first_bar_sign_are_one_bar(long_form: ModuleType) -> None:
    layout = long_form.Layout.of(tune_row(3))
    assert layout.bars.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert layout.width == 4


def by_loops(
    module: ModuleType, layer: Layer, x: Tensor, summaries: Tensor, layout: Any, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor]:
    """`StructuredAttention` token by token."""
    attention, heads = layer.self_attention, layer.self_attention.heads

    def project(rows: Tensor, places: list[int]) -> Tensor:
        qkv = attention.qkv(layer.self_norm(rows)).view(len(rows), 3, heads, -1)
        return torch.cat([rotate(qkv[:, :2], cos[places], sin[places]), qkv[:, 2:]], dim=1)  # [n, 3, H, Dh]

    def attend(query: Tensor, known: Tensor) -> Tensor:
        scores = torch.einsum("hd,nhd->hn", query, known[:, 1]) / query.shape[-1] ** 0.5
        return attention.out(torch.einsum("hn,nhd->hd", scores.softmax(-1), known[:, 2]).flatten())

    bars = layout.bars.tolist()
    tokens = project(x, list(range(len(x))))
    ends = [max(t for t, bar in enumerate(bars) if bar == b) for b in range(layout.count)]
    asking = project(summaries, ends)
    read = torch.stack(
        [
            attend(asking[b, 0], tokens[[t for t, bar in enumerate(bars) if bar == b]])
            for b in range(layout.count)
        ]
    )
    far = project(summaries + read, ends)
    mixed = []
    for t, bar in enumerate(bars):
        near = {bar - back for back in module.BARS_BACK}
        fine = [u for u, other in enumerate(bars) if other in near or (other == bar and u <= t)]
        coarse = [b for b in range(bar) if b not in near]
        mixed.append(attend(tokens[t, 0], torch.cat([tokens[fine], far[coarse]])))
    return torch.stack(mixed), read


def test_structured_attention_equals_plain_loops(long_form: ModuleType) -> None:
    torch.manual_seed(0)
    config = TransformerConfig(width=16, layers=1, heads=2, feedforward_width=16, causal=True)
    stack = Transformer(config)
    layer = stack.layers[0]
    assert isinstance(layer, Layer)
    row = tune_row(20)
    layout = long_form.Layout.of(row)
    angles = stack.angles(0, len(row), torch.device("cpu"))
    assert angles is not None
    cos, sin = angles
    x, summaries = torch.randn(len(row), 16), torch.randn(layout.count, 16)
    with torch.inference_mode():
        fast = long_form.StructuredAttention(layer)(x, summaries, layout, cos, sin)
        slow = by_loops(long_form, layer, x, summaries, layout, cos, sin)
    for mine, theirs in zip(fast, slow, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_what_comes_later_changes_nothing_before_it(long_form: ModuleType) -> None:
    torch.manual_seed(0)
    model = long_form.LongModel(structured=True).eval()
    torch.nn.init.normal_(model.summary)
    row = torch.tensor(tune_row(40))
    with torch.inference_mode():
        torch.testing.assert_close(model(row)[:60], model(row[:60]), atol=1e-4, rtol=1e-4)
