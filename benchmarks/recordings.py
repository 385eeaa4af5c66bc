"""What is kept of a recording that is gone on from, or whose sound is taken after.

    python benchmarks/recordings.py --seeds 2 --json recordings.json

A reel in D is rendered on each leading instrument. `--continue` goes on from it with nothing else said; `--style-from`
plays another tune with its sound. The tagger says which instrument leads then; the share of the notes that lie in the
key is of what the player made up. The ceiling of the tagger is what it says of the rendering itself; its floor is 1/12.
The floor of notes in a key of seven tones is 7/12.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from audiogen.comparison.metrics.instruments import instrument_chances
from audiogen.evaluation.material import mono
from audiogen.evaluation.tables import show_table, write_json
from audiogen.generator import Generator
from audiogen.options import Options
from audiogen.sounds import Sounds
from codec.types import Waveform
from symbolic_bridge.instruments import LEADS
from symbolic_bridge.tune import Key

SECONDS = 8.0
D_MAJOR = {(7 * fifths) % 12 for fifths in range(Key("D").sharps - 1, Key("D").sharps + 6)}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2, help="tunes on each instrument")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    generator = Generator()
    rows = [measure(generator, name, seed) for name in LEADS for seed in range(chosen.seeds)]
    means = {
        name: round(float(np.mean([row[name] for row in rows])), 3)
        for name in rows[0]
        if name != "instrument"
    }
    show_table(f"{len(rows)} recordings", list(rows[0]), [list(row.values()) for row in rows])
    show_table("Means", list(means), [list(means.values())])
    if chosen.json:
        write_json(chosen.json, {"means": means, "rows": rows})


def measure(generator: Generator, instrument: str, seed: int) -> dict[str, float]:
    """One recording, gone on from and taken after."""
    given = generator.generate(
        "a reel in D", duration=SECONDS, seed=seed, instrument=instrument, accompaniment="none", route="soundfont"
    ).waveform  # fmt: skip
    on = generator.make(None, Options(duration=SECONDS, seed=seed), sounds=Sounds(before=given))
    added = round(on.given_seconds * on.waveform.sample_rate)
    new = Waveform(on.waveform.samples[..., added:], on.waveform.sample_rate)
    other = Options(SECONDS, seed + 100, accompaniment="none")
    after = generator.make("a jig in G", other, sounds=Sounds(excerpt=given)).waveform
    assert on.performance is not None
    pitches = [note.midi_pitch % 12 for note in on.performance.lead.notes]
    return {
        "rendering": _is(given, instrument),
        "continued": _is(new, instrument),
        "in key": round(float(np.mean([pitch in D_MAJOR for pitch in pitches])), 3),
        "style": _is(after, instrument),
    }


def _is(sound: Waveform, instrument: str) -> float:
    """1 where the tagger hears the instrument lead."""
    chances = instrument_chances(mono(sound), sound.sample_rate)
    return float(max(chances, key=chances.__getitem__) == instrument)


if __name__ == "__main__":
    main()
