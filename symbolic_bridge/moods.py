"""Moods a prompt can name, and what each suggests for mode and tempo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mood:
    """One mood.

    `words`: lower-case words or phrases that mean it, the first is the usual one. `mode_hint`: the mode it suggests
    where none is asked for, else None. `tempo_factor`: what it makes of the kind's usual tempo.
    """

    id: str
    words: tuple[str, ...]
    mode_hint: str | None = None
    tempo_factor: float = 1.0


_TABLE = (
    Mood("happy", (
        "happy", "cheerful", "joyful", "joyous", "merry", "jolly", "bright", "sunny", "glad", "cheery",
        "festive", "celebratory", "optimistic", "uplifting", "upbeat", "gay", "happily", "joyfully",
        "cheerfully", "feel-good",
    ), "major", 1.05),
    Mood("sad", (
        "sad", "sorrowful", "melancholy", "melancholic", "mournful", "tearful", "gloomy", "grieving",
        "lonely", "sombre", "somber", "doleful", "plaintive", "heartbroken", "bleak", "unhappy", "dolorous",
        "sadly", "mournfully", "forlorn", "longing", "tragic",
    ), "minor", 0.85),
    Mood("lively", (
        "lively", "energetic", "spirited", "driving", "vigorous", "exciting", "rousing", "fiery", "wild",
        "rollicking", "rousingly", "vibrant", "animated", "exuberant", "boisterous", "raucous", "danceable",
        "fierce", "stirring",
    ), None, 1.1),
    Mood("peaceful", (
        "peaceful", "calm", "gentle", "relaxing", "relaxed", "soothing", "quiet", "serene", "tranquil",
        "dreamy", "soft", "mellow", "restful", "sleepy", "gently", "calming", "peacefully", "laid-back",
        "pastoral", "calmly", "softly",
    ), "major", 0.85),
    Mood("playful", (
        "playful", "cheeky", "funny", "humorous", "whimsical", "bouncy", "jaunty", "light-hearted",
        "lighthearted", "mischievous", "quirky", "comical", "teasing", "frisky", "skipping", "perky",
        "impish", "playfully",
    ), "major", 1.05),
    Mood("solemn", (
        "solemn", "stately", "dignified", "majestic", "noble", "proud", "ceremonial", "reverent", "serious",
        "grand", "regal", "heroic", "epic", "triumphant", "solemnly", "sacred", "martial", "courtly",
        "pompous",
    ), None, 0.9),
    Mood("mysterious", (
        "mysterious", "dark", "eerie", "haunting", "haunted", "spooky", "ghostly", "mystical", "magical",
        "brooding", "ominous", "misty", "enigmatic", "moody", "otherworldly", "uncanny", "menacing",
        "strange", "sinister", "scary",
    ), "dorian", 0.95),
    Mood("tender", (
        "tender", "romantic", "loving", "sweet", "nostalgic", "wistful", "affectionate", "warm", "lyrical",
        "graceful", "tenderly", "sentimental", "bittersweet", "delicate", "heartfelt", "elegant", "lilting",
        "charming", "sweetly",
    ), "major", 0.9),
)  # fmt: skip

MOODS: dict[str, Mood] = {mood.id: mood for mood in _TABLE}
