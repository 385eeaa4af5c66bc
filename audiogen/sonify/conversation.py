"""Asking a language model for a tune, and sending its faults back until it can be read or the rounds are used up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audiogen.progress import Progress
from audiogen.sonify.chat import ChatServer
from audiogen.sonify.exchange import Exchange, Round
from audiogen.sonify.prompts import ABC, opening_messages, repair_messages, response_format
from audiogen.sonify.reading import Reading, ReplyError, read_reply
from audiogen.version import VERSION
from symbolic_bridge.attributes import TuneAttributes

MOST_REPAIRS = 5
MOST_TOKENS = 100_000
# The talk that goes back for repair is cut here: a model needs the fault, not a megabyte of its own text.
_MOST_QUOTED = 20_000
CUT_SHORT = "length"


@dataclass(frozen=True)
class Question:
    """What is asked of which model, and how hard to try.

    `notation`: "abc" or "json"; `examples` shown first; `repairs`: rounds in which a fault is sent back; `seed` is
    passed on to servers that take one.
    """

    model: str
    notation: str = ABC
    examples: int = 0
    repairs: int = 2
    temperature: float = 0.7
    max_tokens: int = 4000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ValueError("the model's name is empty")
        if not 0 <= self.repairs <= MOST_REPAIRS:
            raise ValueError(f"repairs {self.repairs}: 0 to {MOST_REPAIRS} are allowed")
        if not 0 <= self.temperature <= 2:
            raise ValueError(f"temperature {self.temperature:g}: 0 to 2 are allowed")
        if not 1 <= self.max_tokens <= MOST_TOKENS:
            raise ValueError(f"max-tokens {self.max_tokens}: 1 to {MOST_TOKENS} are allowed")
        opening_messages("", self.notation, self.examples)

    def parameters(self) -> dict[str, Any]:
        """The request's parameters beside model and messages."""
        wanted: dict[str, Any] = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            # Servers take 32 bits.
            "seed": self.seed % 2**31,
        }
        held = response_format(self.notation)
        return wanted if held is None else wanted | {"response_format": held}


def converse(
    server: ChatServer,
    prompt: str,
    question: Question,
    wanted: TuneAttributes,
    progress: Progress = lambda stage, done: None,
) -> Exchange:
    """Talk until a reply can be read strictly or the repairs are used up; the last reply may be faulty.

    Raises:
        ChatError: as `ChatServer.answer`, of any round.
    """
    added = opening_messages(prompt, question.notation, question.examples)
    messages = list(added)
    parameters = question.parameters()
    rounds: list[Round] = []
    for number in range(question.repairs + 1):
        progress("ask", number / (question.repairs + 1))
        answer = server.answer(question.model, messages, parameters)
        parameters = dict(answer.parameters)
        fault = strict_fault(answer.text, wanted)
        rounds.append(
            Round(
                asked=tuple(added),
                reply=answer.text,
                finish_reason=answer.finish_reason,
                fault=fault,
                refused_parameters=answer.refused,
                seconds=answer.seconds,
                tries=answer.tries,
            )
        )
        if not fault:
            break
        added = repair_messages(answer.text[:_MOST_QUOTED], fault, question.notation)
        messages += added
    progress("ask", 1.0)
    return Exchange(
        prompt=prompt,
        notation=question.notation,
        rounds=tuple(rounds),
        model=question.model,
        base_url=server.base_url,
        parameters={**question.parameters(), "examples": question.examples, "repairs": question.repairs},
        audiogen_version=VERSION,
    )


def strict_fault(reply: str, wanted: TuneAttributes) -> str:
    """Why a reply cannot be read strictly; "" where it can."""
    try:
        read_reply(reply, wanted, strict=True)
    except ReplyError as error:
        return str(error)
    return ""


def read_exchange(exchange: Exchange, wanted: TuneAttributes) -> Reading:
    """The tunes of a talk: the last reply if it can be read at all, else the last one before it that can.

    Raises:
        ReplyError: no reply of the talk can be read; that of the last one.
    """
    first_fault: ReplyError | None = None
    chords: Reading | None = None
    for number, turn in reversed(list(enumerate(exchange.rounds, 1))):
        try:
            reading = read_reply(turn.reply, wanted)
        except ReplyError as error:
            first_fault = first_fault or error
            continue
        mendings = list(reading.mendings)
        if turn.finish_reason == CUT_SHORT:
            mendings.insert(0, "the reply was cut off at the limit of tokens")
        if number < len(exchange.rounds):
            mendings.insert(0, f"the reply of round {number} of {len(exchange.rounds)} was taken")
        found = Reading(reading.tunes, reading.kind, tuple(mendings), reading.remarks)
        if reading.is_melody:
            return found
        # Chords alone are the last resort, should no other round hold a melody.
        chords = chords or found
    if chords is not None:
        return chords
    assert first_fault is not None  # an exchange has a round
    raise first_fault
