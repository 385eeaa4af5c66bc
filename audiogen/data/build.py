"""Shards of codes for the audio LM: every tune rendered, encoded and written with its score frames."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from audiogen.data.corpus import CorpusTune, Rejected
from audiogen.data.files import fingerprint, write_whole
from audiogen.data.renditions import Recipe, Rendition, make_rendition, style_names, style_room
from audiogen.soundfont import Renderer, find_soundfont
from symbolic_bridge.frames import STREAM_SIZES, score_frames

if TYPE_CHECKING:
    from codec.types import CodecSpec, Codes, Waveform

FORMAT = 2
REPORT_NAME = "report.json"


class Encoder(Protocol):
    """What is needed of a codec: `codec.load()` fits."""

    @property
    def spec(self) -> CodecSpec: ...

    def encode(self, waveform: Waveform) -> Codes: ...


@dataclass(frozen=True)
class DatasetReport:
    """What a call did: counts of shards, and of the clips and seconds of all finished shards; what was left out."""

    written: int
    skipped: int
    clips: int
    seconds: float
    rejected: tuple[Rejected, ...]


def build_dataset(
    folder: str | Path,
    *,
    tunes: Sequence[CorpusTune],
    codec: Encoder,
    seed: int,
    soundfonts: Sequence[str | Path | None] = (None,),
    recipe: Recipe | None = None,
    renditions: int = 1,
    clips_per_shard: int = 128,
    worker: int = 0,
    workers: int = 1,
    left_out: Sequence[Rejected] = (),
    progress: Callable[[float], None] | None = None,
) -> DatasetReport:
    """Render and encode tunes into `shard-NNNNN.safetensors` and `shard-NNNNN.json`, then write `report.json`.

    A clip depends on the seed, its tune and the number of its rendition alone. Finished shards are skipped, so an
    interrupted build is taken up where it stopped, and several processes can share one folder.

    Args:
        folder: where shards go; made if need be.
        tunes: what is played.
        codec: encodes the sound; every shard names its identity.
        seed: of everything random.
        soundfonts: anything `find_soundfont` takes; every rendition draws one, and its style names it.
        recipe: what may be drawn; the default is `Recipe()`.
        renditions: how often every tune is played.
        clips_per_shard: size of a shard.
        worker: which of the workers this is; it makes the shards whose number leaves this remainder.
        workers: how many share the work.
        left_out: what was rejected before; it stands in the report as well.
        progress: called with the share of the work that is done.

    Raises:
        ValueError: an argument is out of range, or the folder holds shards of another build or another codec.
    """
    if not (tunes and soundfonts and renditions >= 1 and clips_per_shard >= 1 and 0 <= worker < workers):
        raise ValueError(
            f"{len(tunes)} tunes, {len(soundfonts)} SoundFonts, {renditions} renditions, {clips_per_shard} clips a "
            f"shard, worker {worker} of {workers}: all must be at least 1, and the worker below the count"
        )
    recipe = recipe or Recipe()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plan = [(tune, number) for number in range(renditions) for tune in tunes]
    count = -(-len(plan) // clips_per_shard)
    mine = list(range(worker, count, workers))
    fonts = [find_soundfont(font) for font in soundfonts]
    if len({font.stem for font in fonts}) < len(fonts):
        raise ValueError(
            f"SoundFonts {', '.join(map(str, fonts))}: their names must differ, because they name styles"
        )
    build = _fingerprint(plan, seed, recipe, clips_per_shard, [font.name for font in fonts])
    todo = [number for number in mine if not _is_finished(folder, number, build, codec.spec.identity)]
    if todo:
        with ExitStack() as stack:
            rate = codec.spec.sample_rate
            renderers = [stack.enter_context(Renderer(font, sample_rate=rate)) for font in fonts]
            maker = _ShardMaker(folder, codec, recipe, renderers, seed, build)
            for done, number in enumerate(todo):
                items = plan[number * clips_per_shard : (number + 1) * clips_per_shard]
                maker.write(number, items, _inner(progress, done, len(todo)))
    return _report(folder, len(todo), len(mine) - len(todo), codec.spec.frame_rate, left_out)


def _inner(progress: Callable[[float], None] | None, done: int, total: int) -> Callable[[float], None]:
    def report(share: float) -> None:
        if progress is not None:
            progress((done + share) / total)

    return report


def shard_paths(folder: Path, number: int) -> tuple[Path, Path]:
    """Names of a shard's tensors and of its index."""
    return folder / f"shard-{number:05d}.safetensors", folder / f"shard-{number:05d}.json"


class _ShardMaker:
    def __init__(
        self,
        folder: Path,
        codec: Encoder,
        recipe: Recipe,
        renderers: Sequence[Renderer],
        seed: int,
        build: str,
    ) -> None:
        self.folder, self.codec, self.recipe = folder, codec, recipe
        self.renderers, self.seed, self.build = renderers, seed, build
        self.room = style_room(codec.spec.sample_rate)

    def write(
        self, number: int, items: Sequence[tuple[CorpusTune, int]], progress: Callable[[float], None]
    ) -> None:
        codes: list[np.ndarray] = []
        frames: list[np.ndarray] = []
        clips: list[dict[str, Any]] = []
        rejected: list[Rejected] = []
        start = 0
        for done, (tune, rendition_number) in enumerate(items):
            rng = np.random.default_rng([self.seed, zlib.crc32(tune.key.encode()), rendition_number])
            try:
                rendition = make_rendition(tune, self.recipe, self.renderers, self.room, rng)
            except ValueError as error:
                rejected.append(Rejected(tune.key, str(error)))
            else:
                codes.append(self._encode(rendition))
                length = codes[-1].shape[1]
                frames.append(score_frames(rendition.performance, self.codec.spec.frame_rate, length).values)
                clips.append({"start": start, "frames": length, **_describe(tune, rendition)})
                start += length
            progress((done + 1) / len(items))
        self._save(number, codes, frames, clips, rejected)

    def _encode(self, rendition: Rendition) -> np.ndarray:
        """Codes int16 [K, S]."""
        import torch

        from codec.types import Waveform

        sound = Waveform(torch.from_numpy(rendition.samples)[None, None], self.codec.spec.sample_rate)
        return self.codec.encode(sound).tokens[0].cpu().numpy().astype(np.int16)

    def _save(
        self,
        number: int,
        codes: list[np.ndarray],
        frames: list[np.ndarray],
        clips: list[dict[str, Any]],
        rejected: list[Rejected],
    ) -> None:
        from safetensors.numpy import save_file

        spec = self.codec.spec
        tensors = {
            "codes": np.concatenate([np.zeros((spec.codebooks, 0), np.int16), *codes], axis=1),
            "frames": np.concatenate([np.zeros((len(STREAM_SIZES), 0), np.int16), *frames], axis=1),
        }
        index = {
            "format": FORMAT,
            "build": self.build,
            "codec": asdict(spec),
            "frame_rate": str(spec.frame_rate),
            "streams": dict(STREAM_SIZES),
            "styles": style_names([renderer.path.stem for renderer in self.renderers]),
            "clips": clips,
            "rejected": [asdict(item) for item in rejected],
        }
        tensor_path, index_path = shard_paths(self.folder, number)
        write_whole(tensor_path, lambda path: save_file(tensors, path))
        # The index comes last: a shard with an index is a whole shard.
        write_whole(index_path, lambda path: path.write_text(json.dumps(index, ensure_ascii=False), "utf-8"))


def _describe(tune: CorpusTune, rendition: Rendition) -> dict[str, Any]:
    attributes = rendition.attributes
    return {
        "instrument": attributes.instrument,
        "accompaniment": attributes.accompaniment,
        "style": rendition.style,
        "tempo_bpm": rendition.performance.tempo_bpm,
        "kind": attributes.kind,
        "meter": None if attributes.meter is None else str(attributes.meter),
        "tonic": attributes.tonic,
        "mode": attributes.mode,
        "mood": attributes.mood,
        "captions": list(rendition.captions),
        "source": tune.source,
        "id": tune.id,
        "family": tune.family,
    }


def _fingerprint(
    plan: Sequence[tuple[CorpusTune, int]], seed: int, recipe: Recipe, clips_per_shard: int, fonts: list[str]
) -> str:
    """What must agree for two calls to be one build."""
    items = [[tune.key, number] for tune, number in plan]
    return fingerprint([seed, asdict(recipe), clips_per_shard, fonts, items])


def _is_finished(folder: Path, number: int, build: str, identity: str) -> bool:
    _, path = shard_paths(folder, number)
    if not path.exists():
        return False
    index = json.loads(path.read_text("utf-8"))
    if index.get("codec", {}).get("identity") != identity:
        raise ValueError(f"{path} was encoded by another codec than {identity}; build into another folder")
    if index.get("build") != build:
        raise ValueError(
            f"{path} comes from other tunes or settings; build into another folder or delete it first"
        )
    return True


def _report(
    folder: Path, written: int, skipped: int, frame_rate: Fraction, left_out: Sequence[Rejected]
) -> DatasetReport:
    """Gather all finished shards of the folder, whoever made them."""
    rejected: list[Rejected] = []
    clips = frames = 0
    for path in sorted(folder.glob("shard-*.json")):
        index = json.loads(path.read_text("utf-8"))
        rejected += [Rejected(**item) for item in index["rejected"]]
        clips += len(index["clips"])
        frames += sum(clip["frames"] for clip in index["clips"])
    report = DatasetReport(written, skipped, clips, float(frames / frame_rate), tuple(rejected))
    everything = asdict(report) | {"rejected": [asdict(item) for item in (*left_out, *rejected)]}
    text = json.dumps(everything, ensure_ascii=False, indent=1)
    write_whole(folder / REPORT_NAME, lambda path: path.write_text(text, "utf-8"))
    return report
