"""A simple accompaniment: a bass note on the first beat and chords on the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symbolic_bridge.instruments import Instrument
from symbolic_bridge.kinds import Kind
from symbolic_bridge.performance import BarSpan, ChordSpan, SoundedNote

_TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7), "dominant": (0, 4, 10), "diminished": (0, 3, 6)}


def accompany(
    bars: Sequence[BarSpan],
    chords: Sequence[ChordSpan],
    kind: Kind,
    instrument: Instrument,
    rng: np.random.Generator,
) -> tuple[SoundedNote, ...]:
    """Notes of the accompaniment in order of onset."""
    notes: list[SoundedNote] = []
    for chord in chords:
        bar = next((b for b in bars if b.onset <= chord.onset + 1e-6 < b.offset), None)
        if bar is None:
            continue
        beat = (bar.offset - bar.onset) / bar.beats
        turn, time = 0, chord.onset
        while time < chord.offset - beat * 0.5:
            if turn == 0:
                pitches = [36 + chord.root + (12 if 36 + chord.root < instrument.lowest else 0)]
            else:
                pitches = [52 + (chord.root + step - 52) % 12 for step in _TRIADS[chord.quality]]
            for pitch in sorted(pitches):
                velocity = int(np.clip(62 + rng.normal(0, 3), 30, 90))
                onset = round(max(0.0, time + float(rng.normal(0, 0.003))), 6)
                notes.append(SoundedNote(onset, round(onset + beat * 0.9, 6), pitch, velocity))
            time += beat
            turn += 1
    return tuple(sorted(notes, key=lambda note: (note.onset, note.midi_pitch)))
