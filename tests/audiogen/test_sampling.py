from __future__ import annotations

import math

import pytest
import torch

from audiogen.sampling import filter_logits, sample


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slow_kept(row: list[float], top_k: int, top_p: float) -> set[int]:
    """Indices that survive, by sorting in plain Python (no ties in the input)."""
    order = sorted(range(len(row)), key=lambda i: -row[i])
    order = order[: top_k or len(row)]
    total = sum(math.exp(row[i]) for i in order)
    kept: set[int] = set()
    mass = 0.0
    for index in order:
        if mass >= top_p and kept and top_p < 1.0:
            break
        kept.add(index)
        mass += math.exp(row[index]) / total
    return kept


@pytest.mark.parametrize("top_k", [0, 1, 3, 50])
@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 1.0])
def test_the_filters_equal_a_slow_reference(top_k: int, top_p: float) -> None:
    logits = 2 * torch.randn(4, 5, 12, generator=generator(1))
    filtered = filter_logits(logits, top_k=top_k, top_p=top_p).reshape(-1, 12)
    for row, out in zip(logits.reshape(-1, 12), filtered, strict=True):
        kept = {i for i, value in enumerate(out.tolist()) if value > -math.inf}
        assert kept == slow_kept(row.double().tolist(), top_k, top_p)


def test_temperature_zero_takes_the_most_likely() -> None:
    logits = torch.randn(3, 2, 9, generator=generator(2))
    assert torch.equal(sample(logits, temperature=0.0), logits.argmax(-1))
    nearly = sample(logits, temperature=1e-6, generator=generator())
    assert torch.equal(nearly, logits.argmax(-1))


def test_the_draws_follow_the_softmax_at_the_temperature() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0])
    drawn = sample(logits.expand(40000, 4), temperature=1.5, generator=generator())
    share = torch.bincount(drawn, minlength=4) / 40000
    torch.testing.assert_close(share, (logits / 1.5).softmax(-1), atol=0.01, rtol=0)


def test_a_forbidden_id_is_never_drawn() -> None:
    logits = torch.zeros(20000, 3)
    logits[:, 1] = -math.inf
    assert not bool((sample(logits, generator=generator()) == 1).any())


def test_the_same_seed_draws_the_same_ids_and_another_does_not() -> None:
    logits = torch.randn(200, 30, generator=generator(3))
    first, again = sample(logits, generator=generator(7)), sample(logits, generator=generator(7))
    assert torch.equal(first, again)
    assert not torch.equal(first, sample(logits, generator=generator(8)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"generator": None}, "needs a generator"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample(torch.zeros(2, 4), **({"generator": generator()} | arguments))  # type: ignore[arg-type]


def test_a_row_that_forbids_everything_is_refused() -> None:
    logits = torch.zeros(2, 4)
    logits[1] = -math.inf
    with pytest.raises(ValueError, match="at least one id"):
        sample(logits, generator=generator())
