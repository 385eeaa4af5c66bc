"""The short-time spectra and their hand-written gradient."""

from __future__ import annotations

import pytest
import torch

from codec.spectrum import overlap_add, spectra


@pytest.mark.parametrize(("window", "hop"), [(16, 4), (16, 8), (16, 6)])
def test_spectra_agree_with_torch_stft(window: int, hop: int) -> None:
    samples = torch.randn(2, 100, generator=torch.Generator().manual_seed(0))
    expected = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True)
    assert torch.allclose(spectra(samples, window, hop), expected.transpose(1, 2), atol=1e-5)


@pytest.mark.parametrize(("window", "hop"), [(16, 4), (16, 6)])
def test_the_gradient_is_that_of_torch_stft(window: int, hop: int) -> None:
    samples = torch.randn(2, 61, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(2, 40, window // 2 + 1, generator=torch.Generator().manual_seed(1))
    gradients = []
    for transform in (
        lambda x: spectra(x, window, hop),
        lambda x: torch.stft(x, window, hop, window=torch.hann_window(window), return_complex=True).transpose(
            1, 2
        ),
    ):
        leaf = samples.clone().requires_grad_()
        spectrum = transform(leaf)
        kept = weights[:, : spectrum.shape[1]]
        (spectrum.real * kept + spectrum.imag * kept.square()).sum().backward()
        gradients.append(leaf.grad)
    assert torch.allclose(gradients[0], gradients[1], atol=1e-4)


@pytest.mark.parametrize(("window", "hop", "count"), [(8, 4, 5), (8, 3, 4), (6, 6, 2)])
def test_overlap_add_agrees_with_plain_loops(window: int, hop: int, count: int) -> None:
    frames = torch.randn(1, count, window, generator=torch.Generator().manual_seed(0))
    length = (count - 1) * hop + window + 2
    expected = torch.zeros(length)
    for s in range(count):
        for i in range(window):
            expected[s * hop + i] += frames[0, s, i]
    assert torch.allclose(overlap_add(frames, hop, length)[0], expected, atol=1e-6)
