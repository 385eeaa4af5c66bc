"""What can be said of a tune: kind, key, form, phrases, cadences, motifs, contour, range, density, chords, ornaments.

Every analysis is one function of a `Melody` that returns frozen dataclasses; `analyse` runs them all.
"""

from symbolic_bridge.analysis.cadences import Cadence, find_cadences
from symbolic_bridge.analysis.chords import BarChords, chord_name, chords_by_bar, implied_chords, note_name
from symbolic_bridge.analysis.contour import Contour, find_contour
from symbolic_bridge.analysis.extent import Density, PitchRange, find_density, find_range
from symbolic_bridge.analysis.form import Form, Section, bar_similarity, find_form, written_form
from symbolic_bridge.analysis.keys import KeyChance, KeyEstimate, estimate_key
from symbolic_bridge.analysis.melody import Melody, melody_of
from symbolic_bridge.analysis.motifs import Motif, find_motifs
from symbolic_bridge.analysis.ornaments import Ornament, count_ornaments, find_ornaments
from symbolic_bridge.analysis.phrases import Phrase, boundary_strengths, find_phrases
from symbolic_bridge.analysis.similarity import MelodyIndex, Overlap, overlap
from symbolic_bridge.analysis.summary import TuneAnalysis, analyse
from symbolic_bridge.analysis.tune_kinds import KindChance, KindEstimate, estimate_kind

__all__ = [
    "BarChords",
    "Cadence",
    "Contour",
    "Density",
    "Form",
    "KeyChance",
    "KeyEstimate",
    "KindChance",
    "KindEstimate",
    "Melody",
    "MelodyIndex",
    "Motif",
    "Ornament",
    "Overlap",
    "Phrase",
    "PitchRange",
    "Section",
    "TuneAnalysis",
    "analyse",
    "bar_similarity",
    "boundary_strengths",
    "chord_name",
    "chords_by_bar",
    "count_ornaments",
    "estimate_key",
    "estimate_kind",
    "find_cadences",
    "find_contour",
    "find_density",
    "find_form",
    "find_motifs",
    "find_ornaments",
    "find_phrases",
    "find_range",
    "implied_chords",
    "melody_of",
    "note_name",
    "overlap",
    "written_form",
]
