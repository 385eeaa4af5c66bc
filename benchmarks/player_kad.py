"""How far the player's sounds are from renderings, as a set: KAD, beside the codec's round trip and another SoundFont.

    python benchmarks/player_kad.py test.jsonl -n 24 --json kad.json

The same performances by the player, rendered, rendered and put through the codec, and rendered in another SoundFont;
all against the renderings, in our codec's embedding or another one (`metrics.embeddings`). Intervals are
95 %, by the jackknife over tunes; the difference of player and round trip has an interval of its own, since both are of
the same tunes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from audiogen.comparison.metrics.embeddings import embedding_of
from audiogen.comparison.metrics.sets import jackknife, kernel_distance
from audiogen.evaluation.material import TunePicker, at_model_level, mono, round_trip
from audiogen.evaluation.tables import show_table, write_json
from audiogen.generator import Generator
from audiogen.soundfont import Renderer

OTHER_FONT = "TimGM6mb.sf2"


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="what read_corpus takes")
    parser.add_argument("-n", type=int, default=24, help="tunes, the twelve instruments in turn")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--embedding", default="codec")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    name, sets = embedded(chosen)
    real = sets.pop("rendering")
    found = {way: jackknife(kernel_distance, made, real) for way, made in sets.items()}
    numbers = list(range(len(real)))
    found["player less round trip"] = jackknife(
        lambda places, _: _kad(sets["player"], real, places) - _kad(sets["codec round trip"], real, places),
        [np.array([n]) for n in numbers],
        [np.array([n]) for n in numbers],
    )
    rows = [[way, round(kad.mean, 3), round(kad.low, 3), round(kad.high, 3)] for way, kad in found.items()]
    show_table(f"KAD to renderings of {len(real)} tunes, {name}", ("sounds", "KAD", "from", "to"), rows)
    if chosen.json:
        write_json(
            chosen.json, {"embedding": name, "tunes": len(real), "kad": {row[0]: row[1:] for row in rows}}
        )


def _kad(made: list[np.ndarray], real: list[np.ndarray], places: np.ndarray) -> float:
    return kernel_distance(
        np.concatenate([made[place] for place in places]), np.concatenate([real[place] for place in places])
    )


def embedded(chosen: argparse.Namespace) -> tuple[str, dict[str, list[np.ndarray]]]:
    """The embedding's name, and by way of making the embeddings of each tune."""
    generator = Generator()
    network = generator.codec
    rate = network.spec.sample_rate
    name, embed = embedding_of(chosen.embedding, network)
    sets: dict[str, list[np.ndarray]] = {
        way: [] for way in ("rendering", "player", "codec round trip", "other font")
    }
    with Renderer(None, sample_rate=rate) as renderer, Renderer(OTHER_FONT, sample_rate=rate) as other:
        for item in TunePicker(chosen.tunes, 0).draw(chosen.n):
            try:
                clip = generator.perform(
                    item.tune, duration=chosen.seconds, seed=0, instrument=item.instrument
                )
            except ValueError:
                continue
            assert clip.performance is not None
            rendering = at_model_level(renderer.render(clip.performance))
            sounds = {
                "rendering": rendering,
                "player": clip.waveform,
                "codec round trip": round_trip(network, rendering),
                "other font": other.render(clip.performance),
            }
            for way, sound in sounds.items():
                sets[way].append(embed(mono(sound, chosen.seconds), rate))
    return name, sets


if __name__ == "__main__":
    main()
