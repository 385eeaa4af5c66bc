"""Everything at once: `analyse(tune)`."""

from __future__ import annotations

from dataclasses import dataclass

from symbolic_bridge.analysis.cadences import Cadence, find_cadences
from symbolic_bridge.analysis.chords import BarChords, chords_by_bar, implied_chords
from symbolic_bridge.analysis.contour import Contour, find_contour
from symbolic_bridge.analysis.extent import Density, PitchRange, find_density, find_range
from symbolic_bridge.analysis.form import Form, find_form, written_form
from symbolic_bridge.analysis.keys import KeyEstimate, estimate_key
from symbolic_bridge.analysis.melody import Melody, melody_of
from symbolic_bridge.analysis.motifs import Motif, find_motifs
from symbolic_bridge.analysis.ornaments import Ornament, find_ornaments
from symbolic_bridge.analysis.phrases import Phrase, find_phrases
from symbolic_bridge.analysis.tune_kinds import KindEstimate, estimate_kind
from symbolic_bridge.harmony import ScoreChord
from symbolic_bridge.tune import Tune


@dataclass(frozen=True)
class TuneAnalysis:
    """What all analyses say of one tune as played.

    `form` is what the notes show, `written_form` what the signs say. `phrases`, `cadences` and `phrase_contours` go
    together one to one; cadences count degrees in the estimated key, `chords` are in the written one.
    """

    melody: Melody
    kind: KindEstimate
    key: KeyEstimate
    form: Form
    written_form: Form
    phrases: tuple[Phrase, ...]
    cadences: tuple[Cadence, ...]
    motifs: tuple[Motif, ...]
    contour: Contour
    phrase_contours: tuple[Contour, ...]
    pitch_range: PitchRange
    density: Density
    chords: tuple[ScoreChord, ...]
    bar_chords: tuple[BarChords, ...]
    ornaments: tuple[Ornament, ...]


def analyse(tune: Tune) -> TuneAnalysis:
    """Analyse a tune.

    Raises:
        ValueError: it has fewer than two notes or more than 1,024 bars as played.
    """
    melody = melody_of(tune)
    key = estimate_key(melody)
    form = find_form(melody)
    phrases = find_phrases(melody, form)
    chords = implied_chords(melody)
    return TuneAnalysis(
        melody=melody,
        kind=estimate_kind(melody),
        key=key,
        form=form,
        written_form=written_form(melody),
        phrases=phrases,
        cadences=find_cadences(melody, phrases, key.tonic, key.mode, chords),
        motifs=find_motifs(melody, form),
        contour=find_contour(melody.pitches),
        phrase_contours=tuple(find_contour(melody.pitches[phrase.first : phrase.stop]) for phrase in phrases),
        pitch_range=find_range(melody),
        density=find_density(melody),
        chords=chords,
        bar_chords=chords_by_bar(melody, chords),
        ornaments=find_ornaments(melody),
    )
