from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from audiogen.attention import KeyValueCache
from audiogen.transformer import Layer, Transformer, TransformerConfig

WIDTH = 16


def build(**changes: object) -> Transformer:
    torch.manual_seed(0)
    shape = {"width": WIDTH, "layers": 3, "heads": 2, "feedforward_width": 24, "causal": True}
    model = Transformer(TransformerConfig(**(shape | changes)))  # type: ignore[arg-type]
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return model.eval()


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow_norm(x: list[float], weight: list[float]) -> list[float]:
    scale = 1 / math.sqrt(sum(v * v for v in x) / len(x) + 1e-6)
    return [v * scale * w for v, w in zip(x, weight, strict=True)]


def slow_matrix(weight: Tensor, x: list[float]) -> list[float]:
    return [sum(w * v for w, v in zip(row, x, strict=True)) for row in weight.tolist()]


def slow_attend(query: list[float], keys: list[list[float]], values: list[list[float]]) -> list[float]:
    scores = [
        math.exp(sum(q * k for q, k in zip(query, key, strict=True)) / math.sqrt(len(query))) for key in keys
    ]
    total = sum(scores)
    return [sum(s / total * v[i] for s, v in zip(scores, values, strict=True)) for i in range(len(query))]


def slow_rope(vector: list[float], position: int) -> list[float]:
    half = len(vector) // 2
    turned = [0.0] * len(vector)
    for i in range(half):
        angle = position * 10000.0 ** (-i / half)
        a, b = vector[i], vector[i + half]
        turned[i] = a * math.cos(angle) - b * math.sin(angle)
        turned[i + half] = b * math.cos(angle) + a * math.sin(angle)
    return turned


def slow_forward(model: Transformer, x: Tensor, memory: Tensor | None, window: int = 0) -> Tensor:
    """The whole stack for one row [S, D] in plain Python, one head and one position at a time."""
    heads, wide = model.config.heads, model.config.head_width
    stream = [row.tolist() for row in x]
    for layer in model.layers:
        assert isinstance(layer, Layer)
        parts = [
            slow_matrix(layer.self_attention.qkv.weight, slow_norm(v, layer.self_norm.weight.tolist()))
            for v in stream
        ]
        mixed = []
        for here in range(len(stream)):
            joined: list[float] = []
            for head in range(heads):
                at = [
                    slice(k * heads * wide + head * wide, k * heads * wide + (head + 1) * wide)
                    for k in range(3)
                ]
                seen = [
                    t
                    for t in range(len(stream))
                    if (t <= here or not model.config.causal) and (not window or t > here - window)
                ]
                joined += slow_attend(
                    slow_rope(parts[here][at[0]], here),
                    [slow_rope(parts[t][at[1]], t) for t in seen],
                    [parts[t][at[2]] for t in seen],
                )
            mixed.append(slow_matrix(layer.self_attention.out.weight, joined))
        stream = [[a + b for a, b in zip(v, m, strict=True)] for v, m in zip(stream, mixed, strict=True)]
        cross = layer.cross_attention
        if cross is not None and layer.cross_norm is not None:
            assert cross.null is not None
            slots = [cross.null[0, 0].tolist()] + ([] if memory is None else [row.tolist() for row in memory])
            projected = [slow_matrix(cross.key_value.weight, slot) for slot in slots]
            for here, vector in enumerate(stream):
                query = slow_matrix(cross.query.weight, slow_norm(vector, layer.cross_norm.weight.tolist()))
                joined = []
                for head in range(heads):
                    k = slice(head * wide, (head + 1) * wide)
                    v = slice(heads * wide + head * wide, heads * wide + (head + 1) * wide)
                    joined += slow_attend(query[k], [p[k] for p in projected], [p[v] for p in projected])
                out = slow_matrix(cross.out.weight, joined)
                stream[here] = [a + b for a, b in zip(vector, out, strict=True)]
        for here, vector in enumerate(stream):
            inner = slow_matrix(layer.feed_in.weight, slow_norm(vector, layer.feed_norm.weight.tolist()))
            inner = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in inner]
            out = slow_matrix(layer.feed_out.weight, inner)
            stream[here] = [a + b for a, b in zip(vector, out, strict=True)]
    return torch.tensor([slow_norm(v, model.norm.weight.tolist()) for v in stream])


@pytest.mark.parametrize("causal", [True, False])
def test_the_stack_equals_a_slow_reference(causal: bool) -> None:
    model = build(causal=causal, cross_attention_every=2)
    x, memory = random(1, 6, WIDTH), random(1, 3, WIDTH, seed=2)
    with torch.no_grad():
        torch.testing.assert_close(model(x, memory=memory)[0], slow_forward(model, x[0], memory[0]))
        torch.testing.assert_close(model(x)[0], slow_forward(model, x[0], None))


def test_a_window_equals_a_slow_reference() -> None:
    model = build(window=3)
    x = random(1, 7, WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(model(x)[0], slow_forward(model, x[0], None, window=3))


@pytest.mark.parametrize("steps", [[1] * 12, [5, 1, 1, 3, 2], [12]])
@pytest.mark.parametrize("window", [0, 4])
def test_cached_decoding_equals_the_full_forward(steps: list[int], window: int) -> None:
    model = build(cross_attention_every=2, window=window)
    x, memory = random(2, 12, WIDTH), random(2, 5, WIDTH, seed=3)
    mask = torch.tensor([[True, True, False, True, False], [False] * 5])
    with torch.no_grad():
        full = model(x, memory=memory, memory_mask=mask)
        cache = model.new_cache(2, 12)
        pieces, at = [], 0
        for count in steps:
            pieces.append(model(x[:, at : at + count], cache=cache, memory=memory, memory_mask=mask))
            at += count
    torch.testing.assert_close(torch.cat(pieces, dim=1), full, atol=1e-5, rtol=1e-5)
    assert cache.position == 12


def test_a_windowed_cache_may_be_shorter_than_the_sequence() -> None:
    model = build(window=4)
    x = random(1, 40, WIDTH)
    with torch.no_grad():
        full = model(x)
        cache = model.new_cache(1, 6)
        pieces = [model(x[:, t : t + 1], cache=cache) for t in range(40)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), full, atol=1e-5, rtol=1e-5)


def test_the_memory_may_be_left_out_after_the_first_cached_step_but_not_changed() -> None:
    model = build(cross_attention_every=1)
    x, memory = random(1, 3, WIDTH), random(1, 2, WIDTH, seed=4)
    with torch.no_grad():
        full = model(x, memory=memory)
        cache = model.new_cache(1, 3)
        model(x[:, :1], cache=cache, memory=memory)
        second = model(x[:, 1:2], cache=cache)
        torch.testing.assert_close(second, full[:, 1:2], atol=1e-5, rtol=1e-5)
        with pytest.raises(ValueError, match="memory changed"):
            model(x[:, 2:], cache=cache, memory=memory + 1)


def test_the_future_does_not_change_the_past() -> None:
    model = build()
    x = random(1, 9, WIDTH)
    changed = x.clone()
    changed[:, 5:] += 1.0
    with torch.no_grad():
        before, after = model(x), model(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_a_model_that_is_not_causal_sees_the_future() -> None:
    model = build(causal=False)
    x = random(1, 9, WIDTH)
    changed = x.clone()
    changed[:, 8] += 1.0
    with torch.no_grad():
        assert not torch.allclose(model(x)[:, 0], model(changed)[:, 0])


def test_the_order_of_memory_slots_does_not_matter_but_their_content_does() -> None:
    model = build(cross_attention_every=2)
    x, memory = random(1, 4, WIDTH), random(1, 5, WIDTH, seed=5)
    with torch.no_grad():
        torch.testing.assert_close(model(x, memory=memory), model(x, memory=memory.flip(1)))
        assert not torch.allclose(model(x, memory=memory), model(x, memory=memory + 1))


def test_rows_do_not_see_each_other() -> None:
    model = build(cross_attention_every=2)
    x, memory = random(3, 4, WIDTH), random(3, 2, WIDTH, seed=6)
    order = torch.tensor([2, 0, 1])
    with torch.no_grad():
        torch.testing.assert_close(model(x, memory=memory)[order], model(x[order], memory=memory[order]))


def test_a_row_with_nothing_to_attend_to_equals_no_memory() -> None:
    model = build(cross_attention_every=1)
    x, memory = random(2, 4, WIDTH), random(2, 3, WIDTH, seed=7)
    mask = torch.tensor([[False, False, False], [True, True, True]])
    with torch.no_grad():
        masked, alone = model(x, memory=memory, memory_mask=mask), model(x)
    assert bool(torch.isfinite(masked).all())
    torch.testing.assert_close(masked[0], alone[0])
    assert not torch.allclose(masked[1], alone[1])


@pytest.mark.parametrize("causal", [True, False])
def test_padding_does_not_change_what_counts(causal: bool) -> None:
    model = build(causal=causal)
    x = random(2, 6, WIDTH)
    mask = torch.tensor([[True] * 4 + [False] * 2, [False] * 6])
    with torch.no_grad():
        padded, short = model(x, padding_mask=mask), model(x[:1, :4])
    torch.testing.assert_close(padded[:1, :4], short)
    assert bool(torch.isfinite(padded).all())


def test_gradients_reach_every_parameter() -> None:
    model = build(cross_attention_every=2)
    model(random(1, 4, WIDTH), memory=random(1, 2, WIDTH, seed=8)).square().sum().backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    assert not missing


def test_bfloat16_autocast_stays_close() -> None:
    model = build(cross_attention_every=2)
    x, memory = random(1, 8, WIDTH), random(1, 3, WIDTH, seed=9)
    with torch.no_grad():
        exact = model(x, memory=memory)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model(x, memory=memory)
    torch.testing.assert_close(rough.float(), exact, atol=0.1, rtol=0.1)


def test_the_rotary_tables_are_not_saved() -> None:
    model = build()
    model(random(1, 2, WIDTH))
    assert not [name for name in model.state_dict() if name in ("cos", "sin")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers is 0"),
        ({"heads": 3}, "even head width"),
        ({"heads": 16}, "even head width"),
        ({"cross_attention_every": 4}, "cross_attention_every is 4"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"rope_base": 1.0}, "rope_base"),
        ({"causal": False, "window": 2}, "window is 2"),
    ],
)
def test_an_impossible_config_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**change)


def test_a_wrong_use_is_refused() -> None:
    model = build()
    with pytest.raises(ValueError, match="must be \\[B, S, 16\\]"):
        model(random(1, 2, 8))
    with pytest.raises(ValueError, match="without cross-attention"):
        model(random(1, 2, WIDTH), memory=random(1, 2, WIDTH))
    cache = model.new_cache(1, 3)
    model(random(1, 3, WIDTH), cache=cache)
    with pytest.raises(ValueError, match="3 are used, 1 more"):
        model(random(1, 1, WIDTH), cache=cache)
    with pytest.raises(ValueError, match="2 rows but the cache has 1"):
        model(random(2, 1, WIDTH), cache=cache)
    with pytest.raises(ValueError, match="padding mask"):
        model(random(1, 1, WIDTH), cache=cache, padding_mask=torch.ones(1, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="causal"):
        KeyValueCache(build(causal=False).config, 1, 4)
