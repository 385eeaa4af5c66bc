"""The player turned round: codes in, score out. It hears a sound and says, a little later, what was played.

Axes: K streams, R score streams, S frames, D width.
"""

from __future__ import annotations

import numpy as np
import torch

from audiogen.conditions import Conditions
from audiogen.inner_melody import ROWS, notes_of
from audiogen.lm import AudioLM
from audiogen.player import Player
from audiogen.sounds import for_codec
from audiogen.transcription.notes import HeardNote
from audiogen.transcription.transcribe import Hearing
from codec.interface import AudioCodec
from codec.types import Codes, Waveform
from symbolic_bridge.frames import STREAM_SIZES, ScoreFrames, frame_bucket

# Shorter notes are ornaments, or doubts.
SHORTEST_FRAMES = 3


@torch.inference_mode()
def listen(player: Player, codes: Codes) -> ScoreFrames:
    """The lead that is heard in codes: frames of which only pitch, age and velocity are filled.

    Args:
        player: of the codes' codec, with a pattern of a frame a step.
        codes: of one piece, of the player's streams or more.

    Raises:
        ValueError: the pattern writes more than a step a frame, or the codes are of another codec.
    """
    model, pattern = player.model, player.model.pattern
    if not pattern.is_a_frame_a_step:
        raise ValueError("listening needs a pattern that writes a frame a step, in one pass")
    if codes.spec.identity != player.spec.identity:
        raise ValueError(
            f"codes of codec {codes.spec.identity}; this player is for codec {player.spec.identity}"
        )
    shape = model.config
    count, late, ahead = codes.tokens.shape[-1], shape.late_frames, shape.look_ahead
    # The last frame is told of hearing_frames after its sound.
    tokens = torch.nn.functional.pad(
        codes.tokens[:1, : shape.streams].to(player.device), (0, shape.hearing_frames), value=model.nothing
    )
    steps = pattern.interleave(tokens, model.nothing)  # [1, K, T]
    length = count + shape.hearing_frames
    score = torch.zeros(1, len(STREAM_SIZES), length + ahead + 1, dtype=torch.long, device=player.device)
    has_score, said = torch.ones(1, dtype=torch.bool), torch.ones(1, dtype=torch.bool)
    prompting = model.prompting([Conditions()], score[..., : ahead + 1].cpu(), has_score, late=said)
    prompting = prompting.to(player.device)
    told, memory, mask = model.condition(prompting)  # [1, 1, D] of an empty score
    background = told - model.of_score(score[..., :1], score[..., :1], prompting.has_score)
    cache = model.new_cache(1, length)
    previous = torch.full_like(steps[..., :1], model.nothing)
    age = 0
    for t in range(length):
        added = background + model.of_score(
            score[..., t : t + 1], score[..., t + ahead : t + ahead + 1], prompting.has_score
        )
        hidden = model.hidden(previous, added, memory, mask, cache)
        previous = steps[..., t : t + 1]
        place = t + ahead + 1  # of the late score: frame place - late of the sound
        if place < late:
            continue
        before = int(score[0, ROWS["pitch"], place - 1])
        pitch, age = _next_frame(model, hidden, before, age)
        score[0, ROWS["pitch"], place] = pitch
        score[0, ROWS["age"], place] = int(frame_bucket(np.array(age)))
    return _as_frames(score[0, :, late : late + count].cpu().numpy(), player)


def _next_frame(model: AudioLM, hidden: torch.Tensor, before: int, age: int) -> tuple[int, int]:
    """Likeliest pitch of the next frame, and how many frames it has lasted then."""
    pitch = int(model.pitch_logits(hidden)[0, 0].argmax())
    if pitch == 0:
        return 0, 0
    if pitch != before:
        return pitch, 1
    settled = torch.tensor([[pitch]], device=hidden.device)
    ages = model.score_logits(hidden, settled)["age"][0, 0]
    older = int(frame_bucket(np.array(age + 1)))
    return pitch, 1 if older != 1 and float(ages[1]) > float(ages[older]) else age + 1


def _as_frames(values: np.ndarray, player: Player) -> ScoreFrames:
    """Score frames with a middling velocity, since none is heard."""
    values = values.copy()
    values[ROWS["velocity"]] = np.where(values[ROWS["pitch"]] > 0, STREAM_SIZES["velocity"] // 2, 0)
    return ScoreFrames(player.spec.frame_rate, values.astype(np.int16))


def ear(player: Player, codec: AudioCodec) -> Hearing:
    """How the player hears notes, for `transcription.transcribe`."""

    def hear(samples: np.ndarray, sample_rate: int) -> list[HeardNote]:
        sound = Waveform(torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None, None], sample_rate)
        frames = listen(player, codec.encode(for_codec(sound, codec)))
        shortest = (SHORTEST_FRAMES - 0.5) / float(frames.frame_rate)
        return [
            HeardNote(note.onset, note.offset, note.midi_pitch)
            for note in notes_of(frames)
            if note.offset - note.onset >= shortest
        ]

    return hear
