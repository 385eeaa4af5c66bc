"""What is compared: the prompts, the routes, and where references and other models' sounds come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audiogen.options import MAX_SECONDS, check_wishes
from audiogen.sonify.conversation import Question

FREE, TUNE, SOUNDFONT = "free", "tune", "soundfont"
LLM_SOUNDFONT, LLM_TUNE = "llm-soundfont", "llm-tune"
REFERENCE = "reference"
OUR_ROUTES, LLM_ROUTES = (FREE, TUNE, SOUNDFONT), (LLM_SOUNDFONT, LLM_TUNE)
ROUTES = (*OUR_ROUTES, *LLM_ROUTES)
TITLES = {
    FREE: "audio LM alone",
    TUNE: "composer + player",
    SOUNDFONT: "composer + SoundFont",
    LLM_SOUNDFONT: "LLM + SoundFont",
    LLM_TUNE: "LLM + player",
    REFERENCE: "reference",
}
MOST_PROMPTS = 100
SHORTEST_SECONDS = 2.0
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class LanguageModel:
    """Where the language model's tunes come from: a server, or saved replies. `base_url` None: OPENAI_BASE_URL."""

    question: Question | None = None
    base_url: str | None = None
    replies: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Plan:
    """One comparison. `references`: none, one for all prompts or one for each; `folders`: sounds of other models.

    Raises:
        ValueError: no prompts, an unknown route, LLM routes without an LLM, or counts that do not fit.
    """

    prompts: tuple[str, ...]
    routes: tuple[str, ...] = OUR_ROUTES
    seconds: float = 20.0
    seed: int = 0
    llm: LanguageModel | None = None
    references: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.prompts) <= MOST_PROMPTS:
            raise ValueError(f"{len(self.prompts)} prompts: 1 to {MOST_PROMPTS} are allowed")
        for prompt in self.prompts:
            if not prompt.strip():
                raise ValueError('a prompt is empty; say what to play, such as "a lively jig in D"')
        unknown = [route for route in self.routes if route not in ROUTES]
        if unknown or not (self.routes or self.folders or self.references):
            raise ValueError(f"route {(unknown or [''])[0]!r} is not one of {', '.join(ROUTES)}")
        if self.llm is None and set(self.routes) & set(LLM_ROUTES):
            raise ValueError("the llm routes need --llm MODEL or --reply FILE")
        check_wishes(self.seconds, None, self.seed, len(self.prompts))
        if not SHORTEST_SECONDS <= self.seconds <= MAX_SECONDS:
            raise ValueError(f"duration {self.seconds:g} s: at least {SHORTEST_SECONDS:g} s are compared")
        for name, files in (
            ("references", self.references),
            ("replies", self.llm.replies if self.llm else ()),
        ):
            whole = len(files) == 1 and files[0].suffix == ".jsonl"
            if len(files) not in (0, 1, len(self.prompts)) and not whole:
                raise ValueError(f"{len(files)} {name} for {len(self.prompts)} prompts: one, or one for each")
        for folder in self.folders:
            if not folder.is_dir():
                raise ValueError(f"{folder}: no such folder of WAV files")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every route that is shown, in order: ours, the LLM's, other models', the reference."""
        return (
            *self.routes,
            *folder_names(self.folders),
            *((REFERENCE,) if self.references else ()),
        )

    def title_of(self, route: str) -> str:
        """A route in words."""
        return TITLES.get(route, route)


def usual_routes(llm: LanguageModel | None) -> tuple[str, ...]:
    """All routes that can be taken, with a language model or without."""
    return OUR_ROUTES if llm is None else ROUTES


def folder_names(folders: Sequence[Path]) -> tuple[str, ...]:
    """A plain name for each folder, unlike all others and the routes; nothing else becomes part of a file name."""
    names: list[str] = []
    for folder in folders:
        plain = _NOT_PLAIN.sub("-", folder.resolve().name.lower()).strip("-") or "model"
        name = plain[:40]
        number = 2
        while name in names or name in (*ROUTES, REFERENCE):
            name = f"{plain[:40]}-{number}"
            number += 1
        names.append(name)
    return tuple(names)


def cell_name(number: int, route: str) -> str:
    """Stem of a cell's files: the prompt's number, from 1, and the route."""
    return f"{number:02d}-{route}"
