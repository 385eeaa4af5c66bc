"""A tune's analysis for people and for programs: rows of a table, and one JSON object."""

from __future__ import annotations

from typing import Any

from symbolic_bridge.analysis import Cadence, Form, Motif, TuneAnalysis, count_ornaments, note_name
from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import Key

_SHOWN_KEYS = 3
_SHOWN_KINDS = 2
_DIGITS = 4


def analysis_rows(analysis: TuneAnalysis) -> list[tuple[str, str]]:
    """(what, what was found) of one tune, in words."""
    density, extent = analysis.density, analysis.pitch_range
    written = analysis.melody.bars[0].key
    keys = ", ".join(
        f"{_key_name(chance.tonic, chance.mode)} {chance.probability:.0%}"
        for chance in analysis.key.chances[:_SHOWN_KEYS]
    )
    kinds = ", ".join(
        f"{chance.kind} {chance.probability:.0%}" for chance in analysis.kind.chances[:_SHOWN_KINDS]
    )
    ornaments = count_ornaments(analysis.ornaments)
    return [
        ("kind", f"{kinds} (written: {analysis.melody.tune.header.rhythm or 'none'})"),
        ("key", f"{keys} (written: {written.tonic} {written.mode})"),
        ("form", f"{_form_text(analysis.form)} (by the signs: {_form_text(analysis.written_form)})"),
        ("phrases", ", ".join(f"{phrase.bars}" for phrase in analysis.phrases) + " bars"),
        ("cadences", ", ".join(_cadence_text(cadence) for cadence in analysis.cadences)),
        ("contour", f"{analysis.contour.shape}; {analysis.contour.steps:.0%} steps"),
        (
            "range",
            f"{_pitch_name(extent.lowest)} to {_pitch_name(extent.highest)}, {extent.semitones} semitones",
        ),
        ("density", f"{density.notes_a_beat:.2f} notes a beat, {density.notes_a_second:.1f} a second"),
        ("chords", " | ".join(" ".join(bar.names) or "-" for bar in analysis.bar_chords)),
        ("motifs", "; ".join(_motif_text(motif) for motif in analysis.motifs) or "none"),
        ("ornaments", ", ".join(f"{count} {kind}" for kind, count in ornaments.items()) or "none"),
    ]


def _form_text(form: Form) -> str:
    lengths = [str(section.bars) for section in form.sections]
    text = lengths[0] if len(set(lengths)) == 1 else "+".join(lengths)
    return f"{form.labels}, {text} bars"


def _cadence_text(cadence: Cadence) -> str:
    return cadence.kind if cadence.degree is None else f"{cadence.kind} ({cadence.degree})"


def _motif_text(motif: Motif) -> str:
    steps = " ".join(f"{step:+d}" if step else "0" for step in motif.steps)
    return f"{len(motif.occurrences)} times {steps}"


def _key_name(tonic: int, mode: str) -> str:
    return f"{note_name(tonic, Key('C'))} {mode}"


def _pitch_name(pitch: int) -> str:
    return f"{note_name(pitch, Key('C'))}{spell(pitch, Key('C')).octave}"


def analysis_json(analysis: TuneAnalysis) -> dict[str, Any]:
    """One JSON object; positions are in whole notes of the tune as played, bars and notes count from 0."""
    melody, header = analysis.melody, analysis.melody.tune.header
    key = analysis.key
    return {
        "title": header.title,
        "bars": len(melody.bars),
        "notes": len(melody.notes),
        "kind": {
            "kind": analysis.kind.kind,
            "chances": {c.kind: round(c.probability, _DIGITS) for c in analysis.kind.chances},
            "written": header.rhythm,
        },
        "key": {
            "tonic": key.key.tonic,
            "mode": key.mode,
            "probability": round(key.probability, _DIGITS),
            "chances": [
                {"tonic": c.tonic, "mode": c.mode, "probability": round(c.probability, _DIGITS)} for c in key.chances
            ],
            "written": {"tonic": header.key.tonic, "mode": header.key.mode},
        },
        "form": _form_json(analysis.form),
        "written_form": _form_json(analysis.written_form),
        "phrases": [
            {
                "first_note": phrase.first,
                "stop_note": phrase.stop,
                "start": float(melody.starts[phrase.first]),
                "bar": phrase.bar,
                "bars": phrase.bars,
                "opens_section": phrase.opens_section,
                "strength": phrase.strength,
                "contour": contour.shape,
                "cadence": cadence.kind,
                "degree": cadence.degree,
                "chord_degree": cadence.chord_degree,
            }
            for phrase, cadence, contour in zip(
                analysis.phrases, analysis.cadences, analysis.phrase_contours, strict=True
            )
        ],
        "motifs": [
            {
                "steps": list(motif.steps),
                "rhythm": [str(ratio) for ratio in motif.rhythm],
                "first_notes": list(motif.occurrences),
                "bars": list(motif.bars),
            }
            for motif in analysis.motifs
        ],
        "contour": {
            "shape": analysis.contour.shape,
            "up": round(analysis.contour.up, _DIGITS),
            "down": round(analysis.contour.down, _DIGITS),
            "level": round(analysis.contour.level, _DIGITS),
            "steps": round(analysis.contour.steps, _DIGITS),
        },
        "range": {
            "lowest": analysis.pitch_range.lowest,
            "highest": analysis.pitch_range.highest,
            "median": analysis.pitch_range.median,
        },
        "density": {
            "notes_a_beat": round(analysis.density.notes_a_beat, _DIGITS),
            "notes_a_second": round(analysis.density.notes_a_second, _DIGITS),
            "seconds": round(analysis.density.seconds, _DIGITS),
            "by_bar": list(analysis.density.by_bar),
        },
        "chords": [list(bar.names) for bar in analysis.bar_chords],
        "ornaments": [
            {"kind": ornament.kind, "note": ornament.note, "bar": ornament.bar, "notes": ornament.notes}
            for ornament in analysis.ornaments
        ],
    }  # fmt: skip


def _form_json(form: Form) -> dict[str, Any]:
    return {
        "letters": form.letters,
        "labels": form.labels,
        "sections": [
            {"label": s.label, "start": s.start, "bars": s.bars, "likeness": s.likeness}
            for s in form.sections
        ],
    }
