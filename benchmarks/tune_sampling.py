"""How codes are best drawn: temperature and guidance of the player, on tunes that are not for final figures.

    python benchmarks/tune_sampling.py valid.jsonl --temperatures 0.5 0.6 0.7 --guidances 1.3 1.7 --json sampling.json

The same performances are played side by side at every temperature and weight of guidance. Figures, beside those of the
SoundFont rendering of the same performances: the log-mel distance to that rendering; F1 of the notes that our
transcriber hears, within 50 ms and 50 cents; and in how many openings, `--opening` seconds each with a seed of its own,
the tagger hears the instrument that was asked for.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import torch

from audiogen.clip import Clip
from audiogen.comparison.metrics.instruments import instrument_figures
from audiogen.conditions import conditions_of
from audiogen.evaluation.material import TunePicker, at_model_level, mono
from audiogen.evaluation.note_matching import NoteScore, heard_in, match_notes, pooled
from audiogen.evaluation.tables import show_table, write_json
from audiogen.generator import Generator
from audiogen.guidance import Guidance
from audiogen.player import Piece, Sampling
from audiogen.soundfont import Renderer
from codec.metrics import log_mel_distance, same_level
from codec.types import Waveform
from symbolic_bridge.frames import score_frames

COLUMNS = ("log-mel", "note F1", "openings right")


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="what read_corpus takes")
    parser.add_argument("-n", type=int, default=12, help="tunes, the twelve instruments in turn")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--seeds", type=int, default=4, help="openings of each tune")
    parser.add_argument("--opening", type=float, default=3.0, help="seconds")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.5, 0.6, 0.7])
    parser.add_argument("--guidances", type=float, nargs="+", default=[1.3, 1.7])
    parser.add_argument("--top-k", type=int, default=Sampling.top_k)
    parser.add_argument("--model", type=Path, help="folder of weights; default: those that ship")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    generator = Generator(chosen.model)
    clips = performed(generator, chosen)
    rate = generator.codec.spec.sample_rate
    with Renderer(None, sample_rate=rate) as renderer:
        renderings = [at_model_level(renderer.render(clip.performance)) for clip in clips if clip.performance]
    openings = [
        right_instrument(sound, clip, chosen.opening) for sound, clip in zip(renderings, clips, strict=True)
    ]
    found = {"SoundFont": [0.0, heard(renderings, clips).f1, float(np.mean(openings))]}
    for temperature, guidance in product(chosen.temperatures, chosen.guidances):
        how = Sampling(temperature=temperature, top_k=chosen.top_k, guidance=Guidance.all(guidance))
        found[f"temperature {temperature}, guidance {guidance}"] = judged(
            generator, clips, renderings, how, chosen
        )
    rows = [[name, *(round(value, 4) for value in values)] for name, values in found.items()]
    show_table(f"Sampling, {len(clips)} tunes", ("drawn with", *COLUMNS), rows)
    if chosen.json:
        write_json(chosen.json, {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows})


def performed(generator: Generator, chosen: argparse.Namespace) -> list[Clip]:
    """The performances, of tunes that can be played."""
    picker, clips = TunePicker(chosen.tunes, 0), []
    for item in picker.draw(chosen.n):
        try:
            clips.append(
                generator.perform(
                    item.tune, duration=chosen.seconds, seed=0, instrument=item.instrument, route="soundfont"
                )
            )
        except ValueError as error:
            picker.refuse(item.key, str(error))
    return clips


@torch.inference_mode()
def judged(
    generator: Generator,
    clips: list[Clip],
    renderings: list[Waveform],
    how: Sampling,
    chosen: argparse.Namespace,
) -> list[float]:
    """The figures of COLUMNS."""
    rate = generator.codec.spec.frame_rate

    def play(seed: int, seconds: float) -> list[Waveform]:
        pieces = []
        for clip in clips:
            assert clip.performance is not None
            frames = score_frames(clip.performance, rate)
            count = min(frames.frames, round(seconds * rate))
            pieces.append(Piece(frames, conditions_of(clip.attributes), seed, count))
        return [generator.codec.decode(played.codes) for played in generator.player.play_all(pieces, how)]

    whole = [same_level(sound, real) for sound, real in zip(play(0, chosen.seconds), renderings, strict=True)]
    distances = []
    for sound, real in zip(whole, renderings, strict=True):
        length = min(sound.samples.shape[-1], real.samples.shape[-1])
        cut = [Waveform(each.samples[..., :length], each.sample_rate) for each in (sound, real)]
        distances.append(log_mel_distance(cut[0], cut[1]))
    openings = [
        right_instrument(sound, clip, chosen.opening)
        for seed in range(1, chosen.seeds + 1)
        for sound, clip in zip(play(seed, chosen.opening), clips, strict=True)
    ]
    return [float(np.mean(distances)), heard(whole, clips).f1, float(np.mean(openings))]


def right_instrument(sound: Waveform, clip: Clip, seconds: float) -> float:
    """1 where the tagger hears the instrument that was asked for in the opening."""
    figures = instrument_figures(mono(sound, seconds), sound.sample_rate, clip.attributes.instrument)
    return figures["instrument_right"] or 0.0


def heard(sounds: list[Waveform], clips: list[Clip]) -> NoteScore:
    """The notes that our transcriber hears in all sounds together."""
    scores = []
    for sound, clip in zip(sounds, clips, strict=True):
        assert clip.performance is not None
        played = [(note.onset, float(note.midi_pitch)) for note in clip.performance.lead.notes]
        scores.append(match_notes(played, heard_in(mono(sound), sound.sample_rate)))
    return pooled(scores)


if __name__ == "__main__":
    main()
