"""A step as one piece of work: the numbers of the ordinary step at every position, and nothing from Python."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from audiogen.attention import KeyValueCache
from audiogen.cuda_graphs import RingStep
from audiogen.transformer import Transformer, TransformerConfig

BEGUN = 3  # positions that the ordinary way takes first


def transformer(window: int, rotary: bool = True) -> Transformer:
    torch.manual_seed(0)
    config = TransformerConfig(
        width=16, layers=3, heads=2, feedforward_width=24, causal=True, cross_attention_every=2, window=window,
        rotary=rotary,
    )  # fmt: skip
    return Transformer(config).eval().requires_grad_(False)


def begin(body: Transformer, x: Tensor, capacity: int) -> KeyValueCache:
    torch.manual_seed(1)
    cache = body.new_cache(len(x), capacity)
    memory, mask = torch.randn(len(x), 4, 16), torch.tensor([[True, True, False, True]] * len(x))
    body(x[:, :BEGUN], cache=cache, memory=memory, memory_mask=mask)
    return cache


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 30, 16, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("window", "capacity", "rotary"),
    [(0, 30, True), (0, 30, False), (5, 5, True), (5, 8, True), (5, 40, True)],
)
def test_a_ring_gives_what_the_ordinary_steps_give(
    window: int, capacity: int, rotary: bool, x: Tensor
) -> None:
    body = transformer(window, rotary)
    plain = begin(body, x, capacity)
    ring = RingStep(body, begin(body, x, capacity))
    for t in range(BEGUN, x.shape[1]):
        torch.testing.assert_close(
            ring(x[:, t : t + 1]), body(x[:, t : t + 1], cache=plain), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize(("window", "capacity"), [(0, 30), (5, 8)])
def test_what_is_recorded_at_one_position_is_right_at_every_other(
    window: int, capacity: int, x: Tensor
) -> None:
    body = transformer(window)
    plain = begin(body, x, capacity)
    ring = RingStep(body, begin(body, x, capacity))
    # A trace, as a CUDA graph is one: whatever Python computed from the first position would be wrong at the others.
    recorded = make_fx(lambda told: ring.work(told))(x[:, BEGUN : BEGUN + 1])
    ring.position -= 1
    for t in range(BEGUN, x.shape[1]):
        replayed = recorded(x[:, t : t + 1])
        torch.testing.assert_close(replayed, body(x[:, t : t + 1], cache=plain), atol=1e-5, rtol=1e-5)


def test_a_ring_takes_one_position_at_a_time_and_no_more_than_fit(x: Tensor) -> None:
    body = transformer(0)
    ring = RingStep(body, begin(body, x, 4))
    with pytest.raises(ValueError, match="takes one"):
        ring(x[:, :2])
    ring(x[:, 3:4])
    with pytest.raises(ValueError, match="holds 4 positions"):
        ring(x[:, 4:5])


def test_a_cache_that_has_a_ring_takes_single_positions_only(x: Tensor) -> None:
    body = transformer(5)
    cache = begin(body, x, 8)
    cache.ring = RingStep(body, cache)
    with pytest.raises(ValueError, match="one position after another"):
        body(x[:, 3:5], cache=cache)


def test_a_ring_does_not_keep_its_cache_alive(x: Tensor) -> None:
    body = transformer(5)
    cache = begin(body, x, 8)
    cache.ring = RingStep(body, cache)
    alive = weakref.ref(cache)
    gc.disable()
    try:
        del cache
        assert alive() is None
    finally:
        gc.enable()


def test_a_ring_begins_before_anything_was_moved_out(x: Tensor) -> None:
    body = transformer(5)
    cache = begin(body, x, 5)
    for t in range(3, 7):
        body(x[:, t : t + 1], cache=cache)
    with pytest.raises(ValueError, match="were moved"):
        RingStep(body, cache)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@torch.inference_mode()
def test_a_gpu_replays_what_the_cpu_computes_for_two_pieces_in_turn(x: Tensor) -> None:
    body, there = transformer(5), transformer(5).cuda()
    plain = [begin(body, rows, 8) for rows in (x, x.flip(1))]
    torch.manual_seed(1)
    memory, mask = torch.randn(len(x), 4, 16), torch.tensor([[True, True, False, True]] * len(x))
    caches = []
    for rows in (x, x.flip(1)):
        caches.append(there.new_cache(len(x), 8))
        there(rows[:, :BEGUN].cuda(), cache=caches[-1], memory=memory.cuda(), memory_mask=mask.cuda())
    for t in range(BEGUN, x.shape[1]):
        for rows, cache, own in zip((x, x.flip(1)), caches, plain, strict=True):
            made = there(rows[:, t : t + 1].cuda(), cache=cache)
            torch.testing.assert_close(made.cpu(), body(rows[:, t : t + 1], cache=own), atol=1e-3, rtol=1e-3)
    assert all(cache.ring is not None and cache.ring.graph is not None for cache in caches)
