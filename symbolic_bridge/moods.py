"""Moods a prompt can name, as valence and arousal (Russell 1980), and what these suggest for mode and tempo.

That major mode and fast tempo are heard as happy, minor and slow as sad, is the steadiest finding on music and emotion
(Gagnon and Peretz 2003); mode follows valence here, tempo follows arousal. Density, register and articulation follow in
`audiogen.composer_wishes` and `symbolic_bridge.touch`.
"""

from __future__ import annotations

from dataclasses import dataclass

BRIGHT, DARK, SAD = 0.35, -0.35, -0.6
FASTER, SLOWER = 0.1, 0.25


@dataclass(frozen=True)
class Mood:
    """One mood.

    `words`: lower-case words or phrases that mean it, the first is the usual one. `valence`: -1 (unpleasant) ... 1
    (pleasant); `arousal`: -1 (quiet) ... 1 (excited).
    """

    id: str
    words: tuple[str, ...]
    valence: float
    arousal: float

    @property
    def mode_hint(self) -> str | None:
        """The mode it suggests where none is asked for; None for a mood that has none."""
        if self.valence >= BRIGHT:
            return "major"
        return "minor" if self.valence <= SAD else "dorian" if self.valence <= DARK else None

    @property
    def tempo_factor(self) -> float:
        """What it makes of the kind's usual tempo; dances bear less haste than they bear calm."""
        return 1 + (FASTER if self.arousal > 0 else SLOWER) * self.arousal


_TABLE = (
    Mood("happy", (
        "happy", "cheerful", "joyful", "joyous", "merry", "jolly", "bright", "sunny", "glad", "cheery",
        "festive", "celebratory", "optimistic", "uplifting", "upbeat", "gay", "happily", "joyfully",
        "cheerfully", "feel-good",
    ), 0.8, 0.5),
    Mood("sad", (
        "sad", "sorrowful", "melancholy", "melancholic", "mournful", "tearful", "gloomy", "grieving",
        "lonely", "sombre", "somber", "doleful", "plaintive", "heartbroken", "bleak", "unhappy", "dolorous",
        "sadly", "mournfully", "forlorn", "longing", "tragic",
    ), -0.8, -0.6),
    Mood("lively", (
        "lively", "energetic", "spirited", "driving", "vigorous", "exciting", "rousing", "fiery", "wild",
        "rollicking", "rousingly", "vibrant", "animated", "exuberant", "boisterous", "raucous", "danceable",
        "fierce", "stirring",
    ), 0.3, 1.0),
    Mood("peaceful", (
        "peaceful", "calm", "gentle", "relaxing", "relaxed", "soothing", "quiet", "serene", "tranquil",
        "dreamy", "soft", "mellow", "restful", "sleepy", "gently", "calming", "peacefully", "laid-back",
        "pastoral", "calmly", "softly",
    ), 0.4, -0.6),
    Mood("playful", (
        "playful", "cheeky", "funny", "humorous", "whimsical", "bouncy", "jaunty", "light-hearted",
        "lighthearted", "mischievous", "quirky", "comical", "teasing", "frisky", "skipping", "perky",
        "impish", "playfully",
    ), 0.7, 0.5),
    Mood("solemn", (
        "solemn", "stately", "dignified", "majestic", "noble", "proud", "ceremonial", "reverent", "serious",
        "grand", "regal", "heroic", "epic", "triumphant", "solemnly", "sacred", "martial", "courtly",
        "pompous",
    ), -0.1, -0.4),
    Mood("mysterious", (
        "mysterious", "dark", "eerie", "haunting", "haunted", "spooky", "ghostly", "mystical", "magical",
        "brooding", "ominous", "misty", "enigmatic", "moody", "otherworldly", "uncanny", "menacing",
        "strange", "sinister", "scary",
    ), -0.4, -0.2),
    Mood("tender", (
        "tender", "romantic", "loving", "sweet", "nostalgic", "wistful", "affectionate", "warm", "lyrical",
        "graceful", "tenderly", "sentimental", "bittersweet", "delicate", "heartfelt", "elegant", "lilting",
        "charming", "sweetly",
    ), 0.4, -0.4),
)  # fmt: skip

MOODS: dict[str, Mood] = {mood.id: mood for mood in _TABLE}
