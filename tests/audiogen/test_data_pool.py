"""Pools of rendered audio."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.data.clips import CLIP_KINDS, ClipMaker, Voice, fit, placed, window
from audiogen.data.files import fingerprint
from audiogen.data.pool import DEFAULT_SHARES, build_audio_pool
from audiogen.loudness import active_rms
from audiogen.soundfont import Renderer
from codec.pool import AudioPool
from symbolic_bridge.performance import SoundedNote

RATE = 24000
KESH = (
    "X:1\nT:The Kesh\nR:jig\nM:6/8\nK:G\n|:GAG GAB|ABA ABd|edd gdd|edB dBA|GAG GAB|ABA ABd|edd gdB|AGF G3:|\n"
)


@pytest.fixture(scope="module")
def font() -> Path:
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None, "the test extra installs pretty_midi"
    assert spec.origin
    return Path(spec.origin).parent / "TimGM6mb.sf2"


@pytest.mark.parametrize("kind", list(CLIP_KINDS))
def test_every_kind_of_clip_has_the_length_and_the_level_asked_for(kind: str, font: Path) -> None:
    with Renderer(font, sample_rate=RATE) as renderer:
        clip = ClipMaker([renderer], [KESH]).make(kind, 3.0, np.random.default_rng(1))
    assert clip.samples.shape == (3 * RATE,)
    assert np.abs(clip.samples).max() < 1.0
    level = 20 * np.log10(active_rms(clip.samples, RATE) + 1e-9)
    if kind == "quiet":
        assert level < -34
    else:
        assert -36 < level < -16


@pytest.mark.parametrize("kind", list(CLIP_KINDS))
def test_every_kind_of_clip_can_be_stereo(kind: str, font: Path) -> None:
    with Renderer(font, sample_rate=RATE, channels=2) as renderer:
        maker = ClipMaker([renderer], [KESH])
        clips = [maker.make(kind, 2.0, np.random.default_rng(seed)).samples for seed in range(6)]
    assert all(clip.shape == (2, 2 * RATE) for clip in clips)
    assert all(np.abs(clip).max() < 1.0 for clip in clips)
    assert any(np.abs(clip[0] - clip[1]).max() > 1e-3 for clip in clips)


@pytest.mark.parametrize("place", [-1.0, -0.3, 0.0, 0.5, 1.0])
def test_a_place_on_the_stage_changes_the_balance_and_not_the_power(place: float) -> None:
    sound = np.full((2, 10), 0.1, np.float32)
    left, right = placed(sound, place)[:, 0]
    assert left**2 + right**2 == pytest.approx(2 * 0.1**2)
    assert (right > left) == (place > 0) or place == 0
    if abs(place) == 1:
        assert min(left, right) == pytest.approx(0, abs=1e-8)


def test_a_stereo_pool_is_another_pool_and_is_read_back_channel_by_channel(
    tmp_path: Path, font: Path
) -> None:
    def rendered(folder: str, channels: int) -> Path:
        build_audio_pool(
            tmp_path / folder, tunes=[KESH], soundfonts=[font], hours=12 / 3600, seed=5, shard_seconds=12,
            channels=channels,
        )  # fmt: skip
        return tmp_path / folder

    stereo = rendered("stereo", 2)
    index = json.loads((stereo / "shard-00000.json").read_text("utf-8"))
    samples = np.load(stereo / "shard-00000.npy", allow_pickle=False)
    assert index["channels"] == 2
    assert samples.shape == (index["clips"][-1]["start"] + index["clips"][-1]["samples"], 2)
    pool = AudioPool(stereo, RATE, channels=2)
    crop = pool.crops(1, RATE, torch.Generator().manual_seed(0))[0].numpy()
    whole = samples.T.astype(np.float32) / 32768
    starts = [at for at in range(whole.shape[1] - RATE) if np.array_equal(whole[:, at : at + RATE], crop)]
    assert starts
    with pytest.raises(ValueError, match="other tunes, fonts or settings"):
        rendered("stereo", 1)
    mono = json.loads((rendered("mono", 1) / "shard-00000.json").read_text("utf-8"))
    assert "channels" not in mono


def test_the_fingerprint_of_a_mono_pool_is_what_it_was_before_there_were_others(
    tmp_path: Path, font: Path
) -> None:
    build(tmp_path, font)
    index = json.loads((tmp_path / "shard-00000.json").read_text("utf-8"))
    assert index["build"] == fingerprint([5, RATE, 12, dict(DEFAULT_SHARES), [font.name], [KESH]])


def shard_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def build(
    folder: Path, font: Path, worker: int = 0, workers: int = 1, tunes: tuple[str, ...] = (KESH,)
) -> int:
    report = build_audio_pool(
        folder,
        tunes=tunes,
        soundfonts=[font],
        hours=24 / 3600,
        seed=5,
        shard_seconds=12,
        worker=worker,
        workers=workers,
    )
    return report.written


def test_a_pool_is_the_same_whoever_renders_it_and_however_often_it_is_resumed(
    tmp_path: Path, font: Path
) -> None:
    assert build(tmp_path / "one", font) == 2
    assert build(tmp_path / "two", font, worker=1, workers=2) == 1
    assert build(tmp_path / "two", font) == 1
    assert build(tmp_path / "two", font) == 0
    assert shard_bytes(tmp_path / "one") == shard_bytes(tmp_path / "two")
    with pytest.raises(ValueError, match="other tunes, fonts or settings"):
        build(tmp_path / "one", font, tunes=(KESH.replace("jig", "reel"),))


def test_the_index_covers_the_samples(tmp_path: Path, font: Path) -> None:
    build(tmp_path, font)
    indexes = sorted(tmp_path.glob("shard-*.json"))
    assert len(indexes) == 2
    for path in indexes:
        index = json.loads(path.read_text("utf-8"))
        samples = np.load(path.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        assert samples.dtype == np.int16
        assert index["sample_rate"] == RATE
        ends = [clip["start"] + clip["samples"] for clip in index["clips"]]
        assert [clip["start"] for clip in index["clips"]] == [0, *ends[:-1]]
        assert samples.shape == (ends[-1],)
        assert len(samples) >= 12 * RATE


def test_unplayable_tunes_are_counted_and_a_pool_of_them_is_refused(tmp_path: Path, font: Path) -> None:
    shares = {"tune": 0.9, "notes": 0.1}
    report = build_audio_pool(
        tmp_path,
        tunes=["X:1\nK:C\n"],
        soundfonts=[font],
        hours=0.005,
        seed=5,
        shard_seconds=18,
        shares=shares,
    )
    assert report.written == 1
    assert sum(report.rejected.values()) > 0
    assert all(reason.startswith("tune: ") for reason in report.rejected)
    with pytest.raises(ValueError, match="no tunes"):
        build_audio_pool(
            tmp_path / "none", tunes=[], soundfonts=[font], hours=0.01, seed=5, shares={"tune": 1.0}
        )


def test_bad_arguments_are_refused(tmp_path: Path, font: Path) -> None:
    with pytest.raises(ValueError, match="worker 2 of 2"):
        build(tmp_path, font, worker=2, workers=2)
    with Renderer(font) as renderer, pytest.raises(ValueError, match="'loud' is not one of"):
        ClipMaker([renderer], []).make("loud", 1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="channels is 3; 1 and 2 are allowed"):
        build_audio_pool(tmp_path, tunes=[KESH], soundfonts=[font], hours=0.01, seed=5, channels=3)
    with pytest.raises(ValueError, match="channels is 3; 1 and 2 are allowed"):
        Renderer(font, channels=3)
    with pytest.raises(ValueError, match="General MIDI"):
        ClipMaker([], [])


def test_notes_are_fitted_into_the_range_of_their_voice(font: Path) -> None:
    with Renderer(font) as renderer:
        low = Voice(renderer, 42, 36, 60)
        notes = [SoundedNote(0.0, 1.0, pitch, 80) for pitch in (70, 74, 90)]
        pitches = [note.midi_pitch for note in fit(notes, 1, low)]
    assert [pitch % 12 for pitch in pitches] == [71 % 12, 75 % 12, 91 % 12]
    assert all(36 <= pitch <= 60 for pitch in pitches)
    assert fit([], 0, low) == ()


def test_a_window_moves_and_stretches_the_notes_in_it() -> None:
    notes = [SoundedNote(onset, onset + 1.0, 60, 80) for onset in (0.0, 1.0, 2.0, 3.0)]
    assert window(notes, 1.0, 2.0, 4.0) == [SoundedNote(0.0, 2.0, 60, 80), SoundedNote(2.0, 4.0, 60, 80)]
