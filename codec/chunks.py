"""Chunks of sound or codes on their way through stages; the last axis is time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Stage(Protocol):
    """Something that takes chunks, and gives what it can say so far; the last axis is time."""

    def push(self, chunk: Tensor, /) -> Tensor: ...

    def finish(self) -> Tensor: ...


def through(stage: Stage, chunks: Iterable[Tensor], name: str) -> Iterator[Tensor]:
    """What a stage makes of chunks; its faults get the name of the sound."""
    for chunk in chunks:
        with named(name):
            given = stage.push(chunk)
        yield given
    with named(name):
        given = stage.finish()
    yield given


@contextmanager
def named(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


@dataclass(frozen=True)
class Piece:
    """Some of a stream, its last axis time, and whether nothing follows."""

    values: Tensor
    last: bool


def regrouped(chunks: Iterable[Tensor], length: int) -> Iterator[Piece]:
    """The same along the last axis in chunks of `length`, the last possibly shorter, none empty."""
    held: list[Tensor] = []
    count = 0
    for chunk in chunks:
        held.append(chunk)
        count += chunk.shape[-1]
        if count > length:  # a piece that nothing may follow is kept, since it may be the last
            *whole, rest = torch.cat(held, dim=-1).split(length, dim=-1)
            yield from (Piece(piece, last=False) for piece in whole)
            held, count = [rest], rest.shape[-1]
    if count:
        yield Piece(torch.cat(held, dim=-1), last=True)
