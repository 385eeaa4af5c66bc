"""Measurements of the path, each with a ceiling and a floor.

    gate      does the codec keep the pitch and the onset of notes
    melody    does the player play what the score says, when it says it, and does it sound like it
    codec     how near is the codec's sound to the original, at which bitrate, beside Opus and other codecs
    tunes     are the composer's tunes well formed

`docs/evaluation.md` says what each figure counts.
"""
