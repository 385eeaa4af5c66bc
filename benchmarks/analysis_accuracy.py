"""How right the analysis of tunes is: keys, forms and phrases against what is written, each beside floors.

    python benchmarks/analysis_accuracy.py valid.jsonl --json analysis.json

Keys: against K:, which the estimate never sees. Floors: the estimates dealt out to other tunes; D major for all; the
profiles of Krumhansl and Kessler (1982), which know major and minor only. Tunes whose key changes are left out.

Forms: against repeat signs, double bars and part labels. The tune is first written out without any, so that the
analysis sees notes and bar lines only. Floors: the same search on the tune's bars in shuffled order; AABB in four equal
parts for all. "repeated" are the tunes in which the signs repeat every part; elsewhere the signs do not say whether a
part that stands once holds a repeat written out.

Phrases: against the ends of parts (a phrase may also end elsewhere: only recall is telling), and against the ends of
the lines that the transcriber wrote, in the tune without its repeat signs. A boundary is right at the very note, or,
in the columns "beat", within one felt beat. Floors: as many bar lines drawn at random; the same number of the strongest
gaps of the LBDM alone; a phrase every four bars.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audiogen.data.corpus import CorpusTune, read_corpus
from audiogen.evaluation.tables import show_table, write_json
from symbolic_bridge.analysis.form import bar_similarity, find_form, form_of_similarity, written_form
from symbolic_bridge.analysis.keys import estimate_key
from symbolic_bridge.analysis.melody import TOLERANCE, Melody, melody_of
from symbolic_bridge.analysis.phrases import boundary_strengths, find_phrases
from symbolic_bridge.transpose import transpose_key
from symbolic_bridge.tune import Key, Tune

KRUMHANSL = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
FOUR_PARTS = 4
PHRASE_BARS = 4


def main() -> None:
    """Measure all three and show them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, help="what read_corpus takes")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--seed", type=int, default=0, help="of the floors")
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    items, left_out = [], []
    for item in read_corpus(chosen.path).tunes:
        try:
            tune = Tune.from_abc(item.abc)
            items.append((item, tune, melody_of(tune)))
        except ValueError as error:
            left_out.append(f"{item.key}: {error}")
    result: dict[str, Any] = {
        "tunes": len(items),
        "left_out": left_out,
        "keys": keys([(tune, melody) for _, tune, melody in items], rng),
        "forms": forms([tune for _, tune, _ in items], rng),
        "phrases": {
            "part_ends": phrases(((m, _part_ends(m)) for _, _, m in items), rng),
            "line_ends": phrases(_with_line_ends(item for item, _, _ in items), rng),
        },
    }
    _show(result)
    if chosen.json:
        write_json(chosen.json, result)


def keys(tunes: list[tuple[Tune, Melody]], rng: np.random.Generator) -> dict[str, Any]:
    """Shares of tunes whose written key is found; a key is (tonic, mode)."""
    steady = [(t, m) for t, m in tunes if all(bar.key in (None, t.header.key) for bar in t.bars)]
    written = [tune.header.key for tune, _ in steady]
    estimates = [estimate_key(melody) for _, melody in steady]
    found = [estimate.key for estimate in estimates]
    right = [_same_key(a, b) for a, b in zip(found, written, strict=True)]
    sure = [estimate.probability for estimate in estimates]
    bands = {}
    for low, high in ((0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        inside = [(p, r) for p, r in zip(sure, right, strict=True) if low <= p < high]
        if inside:
            says, is_right = np.mean(inside, axis=0)
            bands[f"{low}-{min(high, 1)}"] = {
                "tunes": len(inside), "says": round(float(says), 4), "right": round(float(is_right), 4),
            }  # fmt: skip
    return {
        "tunes": len(steady),
        "ours": _key_shares(found, written),
        "dealt_out": _key_shares([found[n] for n in rng.permutation(len(found))], written),
        "all_d_major": _key_shares([Key("D")] * len(written), written),
        "krumhansl": _key_shares([_krumhansl(melody) for _, melody in steady], written),
        "by_mode": {
            mode: {
                "tunes": count,
                "exact": round(
                    float(np.mean([r for r, k in zip(right, written, strict=True) if k.mode == mode])), 4
                ),
            }
            for mode, count in Counter(key.mode for key in written).most_common()
        },
        "calibration": bands,
    }


def _same_key(one: Key, other: Key) -> bool:
    return (one.tonic_pitch_class, one.mode) == (other.tonic_pitch_class, other.mode)


def _key_shares(found: list[Key], written: list[Key]) -> dict[str, float]:
    pairs = list(zip(found, written, strict=True))
    return {
        "exact": round(float(np.mean([_same_key(a, b) for a, b in pairs])), 4),
        "same_signature": round(float(np.mean([(a.sharps - b.sharps) % 12 == 0 for a, b in pairs])), 4),
        "same_tonic": round(
            float(np.mean([a.tonic_pitch_class == b.tonic_pitch_class for a, b in pairs])), 4
        ),
    }


def _krumhansl(melody: Melody) -> Key:
    """The key whose profile correlates best with how long each pitch class sounds."""
    heard = np.bincount(melody.pitches % 12, melody.durations, minlength=12)
    fits = {
        (tonic, mode): np.corrcoef(np.roll(profile, tonic), heard)[0, 1]
        for mode, profile in KRUMHANSL.items()
        for tonic in range(12)
    }
    tonic, mode = max(fits, key=lambda key: fits[key])
    return transpose_key(Key("C", mode), tonic)


def forms(tunes: list[Tune], rng: np.random.Generator) -> dict[str, Any]:
    """Shares of forms found, and precision and recall of the section starts."""
    ways: dict[str, Callable[[Melody], tuple[str, tuple[int, ...]]]] = {
        "ours": lambda melody: _letters_and_starts(find_form(melody)),
        "shuffled_bars": lambda melody: _letters_and_starts(_shuffled_form(melody, rng)),
        "all_aabb": _four_parts,
    }
    rows: dict[str, dict[str, list[Any]]] = {name: {"all": [], "repeated": []} for name in ways}
    confusions: Counter[str] = Counter()
    for tune in tunes:
        written = written_form(melody_of(tune))
        truth = (written.letters, written.boundaries)
        # Nothing but notes and bar lines is left; lay_out then finds pickups by their length.
        plain = tune.unfold()
        plain = replace(plain, bars=tuple(replace(b, double_bar=False, part="") for b in plain.bars))
        melody = melody_of(plain)
        repeated = all(written.letters.count(section.letter) > 1 for section in written.sections)
        for name, way in ways.items():
            found = way(melody)
            row = (found == truth, found[0] == truth[0], set(found[1]), set(truth[1]))
            rows[name]["all"].append(row)
            if repeated:
                rows[name]["repeated"].append(row)
            if repeated and name == "ours" and found != truth:
                confusions[f"{truth[0]} found as {found[0]}"] += 1
    return {
        "commonest_errors": dict(confusions.most_common(8)),
        **{
            name: {group: _form_shares(values) for group, values in groups.items()}
            for name, groups in rows.items()
        },
    }


def _letters_and_starts(form: Any) -> tuple[str, tuple[int, ...]]:
    return form.letters, form.boundaries


def _shuffled_form(melody: Melody, rng: np.random.Generator) -> Any:
    similarity = bar_similarity(melody)
    order = rng.permutation(len(similarity))
    return form_of_similarity(similarity[order][:, order])


def _four_parts(melody: Melody) -> tuple[str, tuple[int, ...]]:
    bars = len(bar_similarity(melody))
    return "AABB", tuple(round(bars * part / FOUR_PARTS) for part in range(1, FOUR_PARTS))


def _form_shares(rows: list[Any]) -> dict[str, Any]:
    hits = sum(len(found & truth) for _, _, found, truth in rows)
    return {
        "tunes": len(rows),
        "exact": round(float(np.mean([row[0] for row in rows])), 4),
        "letters": round(float(np.mean([row[1] for row in rows])), 4),
        "precision": round(hits / max(1, sum(len(row[2]) for row in rows)), 4),
        "recall": round(hits / max(1, sum(len(row[3]) for row in rows)), 4),
    }


def _part_ends(melody: Melody) -> set[int]:
    """The notes with which the sections of the signs begin, their pickups included; the first one left out."""
    full = melody.full_bars()
    starts = set()
    for bar in written_form(melody).boundaries:
        place = full[bar] - (full[bar] > 0 and melody.bars[full[bar] - 1].is_pickup)
        starts.add(int(np.searchsorted(melody.starts, float(melody.bars[place].start) - TOLERANCE)))
    return {start for start in starts if 0 < start < len(melody.notes)}


def _with_line_ends(items: Iterable[CorpusTune]) -> Iterable[tuple[Melody, set[int]]]:
    """Melodies in the order in which they are written, and the notes with which a new line of text begins."""
    for item in items:
        lines = item.abc.splitlines()
        head = next(n for n, line in enumerate(lines) if line.startswith("K:")) + 1
        try:
            melody = _as_written("\n".join(lines))
            starts = set()
            for stop in range(head + 1, len(lines)):
                if lines[stop - 1].rstrip().endswith("\\"):
                    continue
                starts.add(len(_as_written("\n".join(lines[:stop])).notes))
        except ValueError:
            continue  # a line that holds no music by itself
        starts = {start for start in starts if 0 < start < len(melody.notes)}
        if starts:
            yield melody, starts


def _as_written(abc: str) -> Melody:
    """The melody with every written bar once."""
    tune = Tune.from_abc(abc)
    bars = tuple(
        replace(bar, start_repeat=False, end_repeat=False, endings=(), double_bar=False, part="")
        for bar in tune.bars
    )
    fields = tuple(entry for entry in tune.header.fields if entry[0] != "P")
    return melody_of(Tune(replace(tune.header, fields=fields), bars))


def phrases(melodies: Iterable[tuple[Melody, set[int]]], rng: np.random.Generator) -> dict[str, Any]:
    """Precision and recall of the phrases' first notes."""
    counts: dict[str, Counter[str]] = {}
    tunes = 0
    for melody, truth in melodies:
        tunes += 1
        ours = {phrase.first for phrase in find_phrases(melody, find_form(melody))} - {0}
        lines = [int(np.searchsorted(melody.starts, start - TOLERANCE)) for start in melody.bar_starts[1:]]
        lines = sorted({line for line in lines if 0 < line < len(melody.notes)})
        strongest = 1 + np.argsort(-boundary_strengths(melody), kind="stable")[: len(ours)]
        drawn = rng.permutation(lines)[: len(ours)].tolist()
        fours = {
            int(np.searchsorted(melody.starts, float(melody.bars[bar].start) - TOLERANCE))
            for bar in melody.full_bars()[PHRASE_BARS::PHRASE_BARS]
        }
        ways = {
            "ours": ours,
            "random_bar_lines": set(drawn),
            "lbdm_alone": set(strongest.tolist()),
            "every_four_bars": fours,
        }
        for name, found in ways.items():
            counts.setdefault(name, Counter()).update(_hits(melody, found, truth))
    return {"tunes": tunes, **{name: _phrase_shares(count) for name, count in counts.items()}}


def _hits(melody: Melody, found: set[int], truth: set[int]) -> dict[str, int]:
    def near(one: int, others: set[int]) -> bool:
        beat = float(melody.bars[melody.bar_of[one]].meter.beat_duration) + TOLERANCE
        return any(abs(melody.starts[one] - melody.starts[other]) <= beat for other in others)

    found = {note for note in found if note < len(melody.notes)}
    return {
        "found": len(found),
        "truth": len(truth),
        "exact": len(found & truth),
        "near_found": sum(near(note, truth) for note in found),
        "near_truth": sum(near(note, found) for note in truth),
    }


def _phrase_shares(count: Counter[str]) -> dict[str, float]:
    found, truth = max(1, count["found"]), max(1, count["truth"])
    return {
        "precision": round(count["exact"] / found, 4),
        "recall": round(count["exact"] / truth, 4),
        "precision_beat": round(count["near_found"] / found, 4),
        "recall_beat": round(count["near_truth"] / truth, 4),
    }


def _show(result: dict[str, Any]) -> None:
    found = result["keys"]
    names = ("exact", "same_signature", "same_tonic")
    rows = [
        [name, *(found[name][column] for column in names)]
        for name in ("ours", "dealt_out", "all_d_major", "krumhansl")
    ]
    show_table(f"Keys of {found['tunes']} tunes", ("way", *names), rows)
    show_table(
        "Keys by mode", ("mode", "tunes", "exact"), [[m, r["tunes"], r["exact"]] for m, r in found["by_mode"].items()]
    )  # fmt: skip
    bands = [[band, *row.values()] for band, row in found["calibration"].items()]
    show_table("What the probability of a key is worth", ("probability", "tunes", "says", "right"), bands)
    columns = ("tunes", "exact", "letters", "precision", "recall")
    rows = [
        [f"{way}, {group}", *(result["forms"][way][group][column] for column in columns)]
        for way in ("ours", "shuffled_bars", "all_aabb")
        for group in ("all", "repeated")
    ]
    show_table("Forms, and starts of sections", ("way", *columns), rows)
    for truth, values in result["phrases"].items():
        rows = [[way, *row.values()] for way, row in values.items() if way != "tunes"]
        columns = ("way", "precision", "recall", "precision, beat", "recall, beat")
        show_table(f"Phrases against {truth.replace('_', ' ')} of {values['tunes']} tunes", columns, rows)


if __name__ == "__main__":
    main()
