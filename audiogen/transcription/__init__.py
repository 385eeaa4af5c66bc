"""Recordings of a single line to tunes: sound -> notes -> places on a grid -> bars -> a tune with key and repeats.

Signal processing and three small fitted tables; no network. `transcribe` is the door.
"""

from audiogen.transcription.notes import HeardNote, hear_notes
from audiogen.transcription.transcribe import Transcription, TranscriptionError, transcribe

__all__ = ["HeardNote", "Transcription", "TranscriptionError", "hear_notes", "transcribe"]
