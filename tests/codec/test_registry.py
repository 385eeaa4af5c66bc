"""The names of codecs: what is listed, what is downloaded and when, and what is said if it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from safetensors.torch import save_file

import codec
from codec import registry
from codec.model import CodecConfig
from codec.weights import load_own, save_codec

TINY = CodecConfig(
    codebooks=2, codebook_size=8, latent_size=4, encoder_width=8, encoder_blocks=1, decoder_width=8, decoder_blocks=1,
)  # fmt: skip


def own(folder: Path, seed: int = 0) -> str:
    """A tiny codec of ours; its identity."""
    torch.manual_seed(seed)
    save_codec(codec.Codec(TINY), folder, {"about": "a tiny one"})
    return load_own(folder).spec.identity


def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("downloaded"))


def test_every_codec_satisfies_the_interface() -> None:
    """Pyright checks the assignment; the members are there at run time too."""
    ours: codec.AudioCodec = codec.Codec(TINY)
    assert [hasattr(ours, name) for name in ("spec", "encode", "decode")] == [True] * 3


def test_the_default_comes_first_and_names_are_unique() -> None:
    names = [entry.name for entry in codec.known_codecs()]
    assert names[0] == "folk_24khz"
    assert len(names) == len(set(names))
    assert {
        "encodec_24khz",
        "encodec_48khz",
        "encodec_32khz",
        "dac_16khz",
        "dac_24khz",
        "dac_44khz",
        "mimi",
    } < set(names)


@pytest.mark.parametrize(
    ("name", "frame_rate", "channels", "kbps"),
    [("encodec_24khz", Fraction(75), 1, (0.75, 24)), ("encodec_48khz", Fraction(150), 2, (1.5, 24)),
     ("encodec_32khz", Fraction(50), 1, (0.55, 2.2)), ("dac_16khz", Fraction(50), 1, (0.5, 6)),
     ("dac_24khz", Fraction(75), 1, (0.75, 24)), ("dac_44khz", Fraction(44_100, 512), 1, (0.861, 7.752)),
     ("mimi", Fraction(25, 2), 1, (0.1375, 4.4))],
)  # fmt: skip
def test_rates_are_those_that_the_publishers_state(
    name: str, frame_rate: Fraction, channels: int, kbps: tuple[float, float]
) -> None:
    entry = registry.hub_entry(name)
    assert entry is not None
    assert (entry.frame_rate, entry.channels) == (frame_rate, channels)
    assert (entry.lowest_kbps, entry.highest_kbps) == pytest.approx(kbps, abs=1e-3)
    assert not entry.shipped
    assert entry.licence
    assert entry.needs != "nothing"


@pytest.mark.slow
def test_the_entry_of_a_shipped_codec_is_its_spec() -> None:
    for entry in codec.known_codecs():
        if entry.shipped:
            spec = codec.load(entry.name).spec
            assert entry.needs == "nothing"
            for field in (
                "sample_rate",
                "hop_samples",
                "channels",
                "codebooks",
                "codebook_size",
                "frame_rate",
            ):
                assert getattr(entry, field) == getattr(spec, field)
            assert entry.highest_kbps == pytest.approx(spec.bitrate_kbps)


def test_a_second_shipped_codec_is_a_folder_in_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path)
    first, second = own(tmp_path), own(tmp_path / "stereo_48khz", seed=1)
    (tmp_path / "cache").mkdir()  # no codec: not listed
    assert first != second
    shipped = [entry for entry in codec.known_codecs() if entry.shipped]
    assert [entry.name for entry in shipped] == ["folk_24khz", "stereo_48khz"]
    assert shipped[1].about == "a tiny one"
    assert codec.load().spec.identity == codec.load("shipped").spec.identity == first
    assert codec.load("stereo_48khz").spec.identity == load_own("stereo_48khz").spec.identity == second


def test_a_name_is_downloaded_and_only_its_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = own(tmp_path)  # any folder will do
    asked = []

    def snapshot_download(repository: str, allow_patterns: list[str]) -> str:
        asked.append((repository, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert codec.load("dac_44khz").spec.identity == identity
    assert asked == [("descript/dac_44khz", ["config.json", "model.safetensors"])]


def test_nothing_is_downloaded_unless_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_downloads(monkeypatch)
    own(tmp_path / "mimi")
    monkeypatch.chdir(tmp_path)
    codec.known_codecs()
    codec.load("./mimi")
    codec.load(tmp_path / "mimi")
    with pytest.raises(
        codec.CheckpointError, match=r"no such codec; known names: folk_24khz, .*mimi, or a folder"
    ):
        codec.load("mimosa")


@pytest.mark.parametrize(
    "error",
    [LocalEntryNotFoundError("no\nnet"), OfflineModeIsEnabled("offline"), ConnectionError("no route")],
)
def test_without_a_network_the_message_says_how_to_do_without(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(codec.CheckpointError) as refused:
        codec.load("encodec_24khz")
    message = str(refused.value)
    assert "facebook/encodec_24khz could not be had" in message
    assert "codec.load('path/to/encodec_24khz')" in message
    assert "\n" not in message


def test_the_hub_s_own_errors_are_oserrors() -> None:
    assert issubclass(HfHubHTTPError, OSError)


def test_a_missing_extra_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("dac", "mimi"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": kind}))
        save_file({"any": torch.ones(1)}, folder / "model.safetensors")
        monkeypatch.delitem(sys.modules, "codec.adapters.transformers_codecs", raising=False)
        monkeypatch.setitem(sys.modules, "transformers", None)
        with pytest.raises(codec.CheckpointError, match=rf"{kind} needs .* pip install 'audiogen\[codecs\]'"):
            codec.load(folder)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        codec.CheckpointError, match=r"needs huggingface_hub; pip install 'audiogen\[codecs\]'"
    ):
        codec.load("encodec_24khz")


def test_importing_the_codec_imports_no_other_codec() -> None:
    program = (
        "import sys, codec; codec.known_codecs(); print(*sorted({n.split('.')[0] for n in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"transformers", "huggingface_hub", "encodec"}


def test_codes_of_before_scales_still_load(tmp_path: Path) -> None:
    """What earlier versions wrote: a spec without overlap, and no scales."""
    import numpy as np

    spec = {
        "sample_rate": 24_000,
        "hop_samples": 480,
        "channels": 1,
        "codebooks": 2,
        "codebook_size": 8,
        "identity": "i",
    }
    tokens = np.ones((1, 2, 3), np.int16)
    np.savez_compressed(tmp_path / "old.npz", tokens=tokens, spec=np.array(json.dumps(spec)))
    codes = codec.Codes.load(tmp_path / "old.npz")
    assert codes.scales is None
    assert (codes.length_samples, codes.seconds) == (1440, 0.06)


def test_scales_of_another_batch_are_refused() -> None:
    spec = codec.CodecSpec(48_000, 320, 2, 4, 32, "any", overlap_samples=480)
    tokens = torch.zeros(2, 4, 300, dtype=torch.int64)
    assert codec.Codes(tokens, spec, torch.ones(2, 2)).seconds == (2 * 48_000 - 480) / 48_000
    for shape in ((1, 2), (2,)):
        with pytest.raises(ValueError, match=r"it must be \[B, N\] with B = 2"):
            codec.Codes(tokens, spec, torch.ones(shape))
    with pytest.raises(ValueError, match="overlap_samples is -1"):
        codec.CodecSpec(48_000, 320, 2, 4, 32, "any", overlap_samples=-1)
