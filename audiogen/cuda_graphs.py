"""A step of decoding as one piece of work for a GPU.

A small network's step is some hundred small kernels, and starting each from Python takes longer than running it. A CUDA
graph is recorded once and started as one; for that every step must do the same work on the same memory. So the number
of the position is a tensor here, the cache is a ring that is attended to as a whole, and what is not to be seen is
masked.

Axes: B batch, D width, C capacity of the cache, H heads, Dh width of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from audiogen.attention import rotary_angles

if TYPE_CHECKING:
    from audiogen.attention import KeyValueCache
    from audiogen.transformer import Transformer

WARM_UP = 3  # runs before a recording, in which libraries take what memory they need


class RingStep:
    """One position after another for a transformer whose cache holds some already, recorded at the first.

    The memory of the cross-attention is the one that the cache was begun with. On the CPU every step is run as it
    stands.

    Args:
        body: not trained further.
        cache: none of its positions moved out yet; from now on its buffers are written by this alone.

    Raises:
        ValueError: positions were moved out.
    """

    def __init__(self, body: Transformer, cache: KeyValueCache) -> None:
        if cache.filled != cache.position:
            raise ValueError("positions of the cache were moved; a ring begins with all of them in place")
        # Not the cache itself, which holds this: a circle would keep a GPU's memory until Python looks for circles.
        self.body, self.keys, self.values = body, cache.keys, cache.values
        self.cross, self.memory_mask, self.capacity = cache.cross, cache.memory_mask, cache.capacity
        self.free = None if cache.window else cache.capacity - cache.position
        device = cache.keys.device
        self.position = torch.tensor([cache.position], device=device)
        self.slots = torch.arange(cache.capacity, device=device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.told = self.made = torch.empty(0, device=device)

    def __call__(self, x: Tensor) -> Tensor:
        """The next position: x [B, 1, D] -> [B, 1, D].

        Raises:
            ValueError: several positions, or more than a cache without a window holds.
        """
        if x.shape[1] != 1:
            raise ValueError(f"{x.shape[1]} positions at once; a ring takes one")
        if self.free is not None:
            if self.free == 0:
                raise ValueError(f"the cache holds {self.capacity} positions; 1 more does not fit")
            self.free -= 1
        if not x.is_cuda:
            return self.work(x)
        self.graph = self.graph or self._record(x)
        self.told.copy_(x)
        self.graph.replay()
        return self.made.clone()

    def work(self, x: Tensor) -> Tensor:
        """What every step does; no number that Python knows changes from one to the next."""
        config = self.body.config
        age = (self.position - self.slots) % self.capacity  # [C]
        seen = age <= self.position
        if config.window:
            seen = seen & (age < config.window)
        made = self.body.stack(
            x,
            rotary_angles(config, self.position) if config.rotary else None,
            seen[None, None, None],
            is_causal=False,
            stored=self,
            cross=self.cross,
            cross_mask=self.memory_mask,
        )
        self.position += 1
        return made

    def store(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values [B, H, 1, Dh] over the oldest; the whole ring, [B, H, C, Dh] each."""
        slot = self.position % self.capacity
        for ring, new in ((self.keys, key), (self.values, value)):
            ring[layer].index_copy_(2, slot, new.to(ring.dtype))
        return self.keys[layer].to(key.dtype), self.values[layer].to(key.dtype)

    def _record(self, x: Tensor) -> torch.cuda.CUDAGraph:
        """Record `work`; afterwards position and cache are as if it had not been run."""
        self.told = x.clone()
        # A stream of the tensors' own device, which need not be the current one.
        aside = torch.cuda.Stream(x.device)
        aside.wait_stream(torch.cuda.current_stream(x.device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self.work(self.told)
                self.position -= 1
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=aside):
            self.made = self.work(self.told)
        torch.cuda.current_stream(x.device).wait_stream(aside)
        return graph
