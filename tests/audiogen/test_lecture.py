"""The worked matrices of a lecture on transformers ("Transformers: computational music creativity"), on our modules.

What its slides print is reproduced to the digits they print. Its attention weights are rounded for the slide and are
not the softmax of the scores beside them; both are tested, each from its own input.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from audiogen.attention import attention_scores, attention_weights, causal_mask, masked
from audiogen.positions import musicgen_positions, sinusoidal_positions
from audiogen.transformer import Layer, Transformer, TransformerConfig

# "I like cats".
QUERY = torch.tensor([[1.3, 0.8], [0.7, 3.5], [1.9, 0.1]])
KEY = torch.tensor([[0.6, 2.4], [0.8, 1.7], [2.5, 0.3]])
VALUE = torch.tensor([[0.4, 1.0], [1.2, 2.8], [1.7, 0.2]])
SCORES = torch.tensor([[2.7, 2.4, 3.49], [8.82, 6.51, 2.8], [1.38, 1.69, 4.78]])
WEIGHTS = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.4, 0.1, 0.5]])
# "SOS me gustan los gatos", scaled scores of the decoder before and after masking.
DECODER = torch.tensor([
    [1.3, 0.8, 1.3, 2.8, 2.3], [2.4, 2.8, 2.3, 6.8, 1.9], [1.6, 7.4, 1.6, 0.3, 0.5], [2.1, 1.2, 9.3, 5.2, 0.2],
    [4.3, 3.8, 6.3, 1.8, 2.3],
])  # fmt: skip
NEVER = -math.inf
MASKED = torch.tensor([
    [1.3, NEVER, NEVER, NEVER, NEVER], [2.4, 2.8, NEVER, NEVER, NEVER], [1.6, 7.4, 1.6, NEVER, NEVER],
    [2.1, 1.2, 9.3, 5.2, NEVER], [4.3, 3.8, 6.3, 1.8, 2.3],
])  # fmt: skip
# Rows of "SOS me gustan los gatos" over columns of "I like cats".
CROSS = torch.tensor([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.1, 0.3, 0.6], [0.1, 0.1, 0.8]])


def identity_transformer(width: int = 2) -> Transformer:
    """One layer, one head, whose values are its normed inputs and whose feed-forward adds nothing."""
    config = TransformerConfig(width, 1, 1, 4, causal=False, norm="layer", rotary=False)
    model = Transformer(config).eval()
    layer = model.layers[0]
    assert isinstance(layer, Layer)
    with torch.no_grad():
        layer.self_attention.qkv.weight.copy_(torch.eye(width).repeat(3, 1))
        layer.self_attention.out.weight.copy_(torch.eye(width))
        layer.feed_out.weight.zero_()
    return model


def test_the_scores_are_the_products_of_queries_and_keys() -> None:
    torch.testing.assert_close(attention_scores(QUERY, KEY), SCORES, atol=1e-5, rtol=0.0)


def test_the_weights_of_each_word_add_up_to_one_and_follow_its_scores() -> None:
    weights = attention_weights(SCORES, width=2)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3))
    assert torch.equal(weights.argsort(-1), SCORES.argsort(-1))
    for row in range(3):
        powers = [math.exp(float(score) / math.sqrt(2)) for score in SCORES[row]]
        expected = torch.tensor([power / sum(powers) for power in powers])
        torch.testing.assert_close(weights[row], expected)


def test_the_values_are_added_up_by_their_weights() -> None:
    found = WEIGHTS @ VALUE
    printed = torch.tensor([[0.69, 1.28], [1.14, 1.92], [1.13, 0.78]])
    torch.testing.assert_close(found, printed, atol=1e-5, rtol=0.0)
    first = 0.7 * VALUE[0] + 0.2 * VALUE[1] + 0.1 * VALUE[2]
    torch.testing.assert_close(found[0], first)


def test_the_library_call_inside_the_modules_is_the_formula_of_the_slides() -> None:
    """Z = softmax(Q K' / sqrt(d)) V."""
    expected = attention_weights(attention_scores(QUERY, KEY), 2) @ VALUE
    found = functional.scaled_dot_product_attention(QUERY[None], KEY[None], VALUE[None])[0]
    torch.testing.assert_close(found, expected)


def test_the_decoder_sees_nothing_of_what_comes_later() -> None:
    assert torch.equal(masked(DECODER, causal_mask(5)), MASKED)
    weights = attention_weights(DECODER * math.sqrt(2), 2, causal_mask(5))
    torch.testing.assert_close(weights, MASKED.softmax(-1))
    assert not weights.triu(1).any()
    torch.testing.assert_close(weights.sum(-1), torch.ones(5))


def test_the_decoders_queries_add_up_the_encoders_values() -> None:
    third = 0.1 * VALUE[0] + 0.8 * VALUE[1] + 0.1 * VALUE[2]
    torch.testing.assert_close((CROSS @ VALUE)[2], third)
    torch.testing.assert_close(CROSS.sum(-1), torch.ones(5))


def test_attention_with_the_weights_of_the_slides_gives_their_sums() -> None:
    """Queries and keys made so that the module's own softmax has the slide's weights: log w = q k / sqrt(d)."""
    keys = torch.eye(3)
    query = WEIGHTS.log() * math.sqrt(3)
    weights = attention_weights(attention_scores(query, keys), 3)
    torch.testing.assert_close(weights, WEIGHTS, atol=1e-6, rtol=1e-5)
    found = functional.scaled_dot_product_attention(query[None], keys[None], VALUE[None])[0]
    torch.testing.assert_close(found, torch.tensor([[0.69, 1.28], [1.14, 1.92], [1.13, 0.78]]))


def test_a_whole_layer_is_attention_then_add_and_norm() -> None:
    model, words = identity_transformer(), QUERY[None]
    maps: list[torch.Tensor] = []
    with torch.no_grad():
        made = model(words, maps=maps)[0]
    normed = functional.layer_norm(words[0], (2,))
    weights = attention_weights(attention_scores(normed, normed), 2)
    torch.testing.assert_close(maps[0][0, 0], weights)
    torch.testing.assert_close(made, functional.layer_norm(words[0] + weights @ normed, (2,)))


def test_positions_are_the_sines_and_cosines_of_the_formula() -> None:
    found = sinusoidal_positions(4, 3)
    for position in range(4):
        for column in range(3):
            angle = position / 10000 ** (2 * (column // 2) / 3)
            expected = math.sin(angle) if column % 2 == 0 else math.cos(angle)
            assert float(found[position, column]) == pytest.approx(expected, abs=1e-6)


def test_positions_agree_with_the_worked_matrix_where_that_follows_the_formula() -> None:
    """The slide's exponents count columns where the formula counts pairs: row 0 and column 0 are the same in both."""
    found = sinusoidal_positions(4, 3)
    torch.testing.assert_close(found[0], torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(found[:, 0], torch.tensor([math.sin(position) for position in range(4)]))


def test_positions_are_added_to_the_words() -> None:
    words, positions = (
        torch.tensor([[0.2, 1.2], [0.5, 4.1], [2.1, 0.4]]),
        torch.tensor([[0.5, 1.0], [2.5, 1.3], [1.1, 0.3]]),
    )
    torch.testing.assert_close(words + positions, torch.tensor([[0.7, 2.2], [3.0, 5.4], [3.2, 0.7]]))


def test_without_positions_the_order_of_words_is_lost_and_with_them_it_is_not() -> None:
    model, order = identity_transformer(width=6), torch.tensor([2, 0, 1])
    words = torch.cat((QUERY, KEY, VALUE), dim=1)[None]
    positions = sinusoidal_positions(3, 6)
    with torch.no_grad():
        torch.testing.assert_close(model(words[:, order]), model(words)[:, order])
        moved = model(words[:, order] + positions)
        assert not torch.allclose(moved, model(words + positions)[:, order], atol=1e-3)


@pytest.mark.parametrize("start", [0, 7])
def test_musicgens_positions_are_the_same_waves_in_another_order(start: int) -> None:
    found = musicgen_positions(start, 5, 6)
    for step in range(5):
        for pair in range(3):
            angle = (start + step) * 10000 ** (-pair / 2)
            assert float(found[step, pair]) == pytest.approx(math.cos(angle), abs=1e-5)
            assert float(found[step, 3 + pair]) == pytest.approx(math.sin(angle), abs=1e-5)
