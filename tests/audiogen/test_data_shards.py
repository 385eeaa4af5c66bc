"""Shards of codes: built from tunes, read back as windows."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.data.build import DatasetReport, build_dataset
from audiogen.data.corpus import CorpusTune
from audiogen.data.renditions import Recipe, make_rendition, style_room
from audiogen.data.shards import CodeShards
from audiogen.loudness import MODEL_LEVEL_DBFS, active_rms
from audiogen.soundfont import Renderer
from codec.types import CodecSpec, Codes, Waveform
from symbolic_bridge.frames import STREAM_SIZES
from symbolic_bridge.instruments import INSTRUMENTS

BODY = "|GAG GAB|ABA ABd|edd gdB|AGF G3|\n"
TUNES = tuple(
    CorpusTune("test", str(number), f"X:1\nT:Tune\nR:jig\nM:6/8\nK:{key}\n{BODY}", f"family-{number}")
    for number, key in enumerate(("G", "D", "Am"))
)
BROKEN = CorpusTune("test", "broken", "X:1\nT:Nothing\nK:C\n", "family-b")
RECIPE = Recipe(longest_seconds=6.0, gain_db=0.0)


class LoudnessCodec:
    """Stands in for a codec: the code of a frame is its loudness, the k-th codebook adds k."""

    spec = CodecSpec(24000, 480, 1, 3, 64, "test-codec")

    def encode(self, waveform: Waveform) -> Codes:
        samples = waveform.samples[:, 0]
        samples = torch.nn.functional.pad(samples, (0, -samples.shape[-1] % 480))
        levels = samples.reshape(len(samples), -1, 480).square().mean(-1).add(1e-9).log10()  # [B, S]
        tokens = ((levels + 9) * 6).long().clamp(0, 60)
        return Codes(torch.stack([tokens + k for k in range(3)], dim=1), self.spec)


class OtherCodec(LoudnessCodec):
    spec = replace(LoudnessCodec.spec, identity="other-codec")


@pytest.fixture(scope="module")
def font() -> Path:
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None, "the test extra installs pretty_midi"
    assert spec.origin
    return Path(spec.origin).parent / "TimGM6mb.sf2"


def build(
    folder: Path, font: Path, tunes: tuple[CorpusTune, ...] = TUNES, codec: LoudnessCodec | None = None
) -> DatasetReport:
    return build_dataset(
        folder,
        tunes=tunes,
        codec=codec or LoudnessCodec(),
        seed=3,
        soundfonts=(font,),
        recipe=RECIPE,
        renditions=2,
        clips_per_shard=4,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, font: Path) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    report = build(folder, font)
    assert (report.written, report.skipped, report.clips, report.rejected) == (2, 0, 6, ())
    return folder


def test_codes_and_score_frames_share_one_clock(built: Path) -> None:
    shards = CodeShards(built, "test-codec")
    assert len(shards.clips) == 6
    assert shards.frame_rate == 50
    for clip in shards.clips:
        codes, frames = shards.clip_codes(clip), shards.clip_frames(clip)
        assert codes.shape == (3, clip.frames)
        assert frames.shape == (len(STREAM_SIZES), clip.frames)
        # Loud where notes sound: the first note of the score is where the sound gets up.
        first_note = int(np.flatnonzero(frames[0])[0])
        first_sound = int(np.flatnonzero(codes[0] > 25)[0])
        assert abs(first_note - first_sound) <= 3
        pitches = frames[0][frames[0] > 0]
        instrument = INSTRUMENTS[clip.instrument]
        assert instrument.lowest <= pitches.min() <= pitches.max() <= instrument.highest


def test_clips_are_described(built: Path) -> None:
    shards = CodeShards(built)
    assert {clip.family for clip in shards.clips} == {tune.family for tune in TUNES}
    assert len({(clip.instrument, clip.tonic, clip.tempo_bpm) for clip in shards.clips}) == 6
    for clip in shards.clips:
        assert clip.kind == "jig"
        assert clip.style in (0, 1)
        assert clip.frames / 50 < RECIPE.longest_seconds + 3.0
        assert len(clip.captions) == RECIPE.captions
        assert all(clip.captions)


def test_a_build_is_resumed_and_gives_the_same_bytes(built: Path, tmp_path: Path, font: Path) -> None:
    build(tmp_path, font)
    for suffix in ("json", "safetensors"):
        (tmp_path / f"shard-00000.{suffix}").unlink()
    report = build(tmp_path, font)
    assert (report.written, report.skipped, report.clips) == (1, 1, 6)
    for path in built.glob("shard-*"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_an_interrupted_build_leaves_no_half_written_shard(
    tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: LoudnessCodec, waveform: Waveform) -> Codes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LoudnessCodec, "encode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path, font)
    assert not list(tmp_path.iterdir())
    assert build(tmp_path, font).written == 2


def test_tunes_that_cannot_be_played_are_reported(tmp_path: Path, font: Path) -> None:
    report = build(tmp_path, font, (TUNES[0], BROKEN))
    assert report.clips == 2
    assert [item.item for item in report.rejected] == ["test/broken", "test/broken"]
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert written["rejected"][0]["reason"] == report.rejected[0].reason != ""
    assert len(CodeShards(tmp_path).clips) == 2


def test_another_codec_or_build_is_refused(built: Path, font: Path) -> None:
    with pytest.raises(ValueError, match="other-codec is needed"):
        CodeShards(built, "other-codec")
    with pytest.raises(ValueError, match="another codec than other-codec"):
        build(built, font, codec=OtherCodec())
    with pytest.raises(ValueError, match="other tunes or settings"):
        build(built, font, TUNES[:2])


def test_windows_are_cut_from_the_clips_and_filled_up_beyond_them(built: Path) -> None:
    shards = CodeShards(built)
    nothing = shards.spec.codebook_size
    windows = shards.windows(64, 100, torch.Generator().manual_seed(0), lead_in=7, look_ahead=25)
    assert windows.codes.shape == (64, 3, 107)
    assert windows.frames.shape == (64, len(STREAM_SIZES), 125)
    assert windows.codes.dtype == windows.frames.dtype == torch.int64
    assert 0 in windows.starts
    for row, (clip, start) in enumerate(zip(windows.clips, windows.starts, strict=True)):
        codes = np.pad(shards.clip_codes(clip), ((0, 0), (7, 100)), constant_values=nothing)
        frames = np.pad(shards.clip_frames(clip), ((0, 0), (0, 125)))
        assert np.array_equal(windows.codes[row], codes[:, start : start + 107])
        assert np.array_equal(windows.frames[row], frames[:, start : start + 125])
    again = shards.windows(64, 100, torch.Generator().manual_seed(0), lead_in=7, look_ahead=25)
    assert torch.equal(again.codes, windows.codes)
    longer = max(clip.frames for clip in shards.clips) + 10
    beyond = shards.windows(4, longer, torch.Generator().manual_seed(0))
    assert set(beyond.starts) == {0}
    assert (beyond.codes[:, :, -10:] == nothing).all()
    with pytest.raises(ValueError, match="batch is 0"):
        shards.windows(0, 10, torch.Generator())


def test_damaged_and_missing_shards_are_refused(built: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no shards"):
        CodeShards(tmp_path)
    for path in built.glob("shard-00000.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tensors = tmp_path / "shard-00000.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"shard-00000\.json: damaged"):
        CodeShards(tmp_path)
    (tmp_path / "shard-00000.json").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match="damaged"):
        CodeShards(tmp_path)


def test_shards_without_a_single_clip_are_refused(tmp_path: Path, font: Path) -> None:
    assert build(tmp_path, font, (BROKEN,)).clips == 0
    with pytest.raises(ValueError, match="no clip"):
        CodeShards(tmp_path)


def test_renditions_sound_at_the_models_level(font: Path) -> None:
    with Renderer(font) as renderer:
        room = style_room(renderer.sample_rate)
        for seed in range(3):
            rendition = make_rendition(TUNES[0], RECIPE, [renderer], room, np.random.default_rng(seed))
            level = 20 * np.log10(active_rms(rendition.samples, renderer.sample_rate))
            assert level == pytest.approx(MODEL_LEVEL_DBFS, abs=0.5)
            assert len(rendition.samples) == round(rendition.performance.duration * renderer.sample_rate)


def test_several_fonts_are_drawn_and_named_by_the_style(tmp_path: Path, font: Path) -> None:
    other = tmp_path / "other.sf2"
    other.symlink_to(font)
    shards_folder = tmp_path / "shards"
    build_dataset(
        shards_folder,
        tunes=TUNES,
        codec=LoudnessCodec(),
        seed=1,
        soundfonts=(font, other),
        recipe=RECIPE,
        renditions=6,
    )
    shards = CodeShards(shards_folder)
    assert shards.styles == ("TimGM6mb dry", "TimGM6mb room", "other dry", "other room")
    assert {clip.style // 2 for clip in shards.clips} == {0, 1}
    with pytest.raises(ValueError, match="names must differ"):
        build_dataset(shards_folder, tunes=TUNES, codec=LoudnessCodec(), seed=1, soundfonts=(font, font))


def test_a_gain_moves_a_rendition_off_the_models_level(font: Path) -> None:
    with Renderer(font) as renderer:
        room = style_room(renderer.sample_rate)
        recipe = replace(RECIPE, gain_db=6.0, room_share=0.0)
        made = [
            make_rendition(TUNES[0], recipe, [renderer], room, np.random.default_rng(seed))
            for seed in range(4)
        ]
        levels = [20 * np.log10(active_rms(one.samples, renderer.sample_rate)) for one in made]
    assert max(levels) - min(levels) > 1
    assert np.abs(np.array(levels) - MODEL_LEVEL_DBFS).max() < 6.5


def test_an_impossible_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="'kazoo'"):
        Recipe(leads={"kazoo": 1.0})
    with pytest.raises(ValueError, match=r"room_share is 1\.5"):
        Recipe(room_share=1.5)
    with pytest.raises(ValueError, match=r"gain_db is 9"):
        Recipe(gain_db=9)
