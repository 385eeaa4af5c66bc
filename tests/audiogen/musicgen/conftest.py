"""Small random MusicGens, built and saved by the transformers library; the tests compare with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

WORDS = ("</s>", "<unk>", "a", "lively", "slow", "jig", "air", "in", "d", "on", "the", "fiddle", "flute")
CODEBOOKS, CODEBOOK_SIZE = 4, 32


def save_tokenizer(folder: Path) -> None:
    """One id a word, and an end after each text, as T5 has it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="$A </s>", special_tokens=[("</s>", 0)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def build(variant: str) -> Any:
    """A model of the library, whose import takes seconds. Weights are large, so that every input matters."""
    import transformers

    torch.manual_seed(0)
    stereo, melody = variant == "stereo", variant == "melody"
    text = transformers.T5Config(
        vocab_size=len(WORDS), d_model=24 if variant == "same width" else 16, d_kv=4, d_ff=24, num_layers=1,
        num_heads=2, pad_token_id=0, eos_token_id=0,
    )  # fmt: skip
    sound = transformers.EncodecConfig(
        num_filters=4, hidden_size=16, codebook_size=CODEBOOK_SIZE, upsampling_ratios=[8, 5, 4, 4],
        target_bandwidths=[1.0], sampling_rate=32_000, use_causal_conv=False, use_conv_shortcut=False,
    )  # fmt: skip
    shape: dict[str, Any] = {
        "vocab_size": CODEBOOK_SIZE, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
        "ffn_dim": 32, "num_codebooks": CODEBOOKS * (1 + stereo), "audio_channels": 1 + stereo,
        "pad_token_id": CODEBOOK_SIZE, "bos_token_id": CODEBOOK_SIZE,
    }  # fmt: skip
    if melody:
        config = transformers.MusicgenMelodyConfig(
            text_encoder=text, audio_encoder=sound, decoder=transformers.MusicgenMelodyDecoderConfig(**shape),
            num_chroma=12, chroma_length=6,
        )  # fmt: skip
        model = transformers.MusicgenMelodyForConditionalGeneration(config)
    else:
        config = transformers.MusicgenConfig(
            text_encoder=text, audio_encoder=sound, decoder=transformers.MusicgenDecoderConfig(**shape)
        )
        model = transformers.MusicgenForConditionalGeneration(config)
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, values in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("codebook.embed"):
                values.copy_(0.3 * torch.randn(values.shape, generator=rng))
            elif not name.startswith(("decoder", "enc_to_dec", "audio_enc_to_dec")) or "positions" in name:
                continue
            elif "norm" not in name:
                scale = 1.5 if "embed_tokens" in name else values.shape[-1] ** -0.5
                values.copy_(scale * torch.randn(values.shape, generator=rng))
            else:
                values.add_(0.3 * torch.randn(values.shape, generator=rng))
    return model.eval()


@pytest.fixture(scope="session")
def musicgens(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Path]]:
    """The library's model of a variant and the folder it was saved to; each is built once."""
    found: dict[str, tuple[Any, Path]] = {}

    def get(variant: str) -> tuple[Any, Path]:
        if variant not in found:
            folder = tmp_path_factory.mktemp(variant.replace(" ", "-"))
            model = build(variant)
            model.save_pretrained(folder)
            save_tokenizer(folder)
            found[variant] = model, folder
        return found[variant]

    return get
