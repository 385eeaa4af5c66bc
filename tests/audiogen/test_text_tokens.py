"""The text tokenizer gives every text the same ids in every process."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from audiogen.text_tokens import MOST_PIECES, PAD, TextTokenizer
from audiogen.text_words import frozen_words
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.captions import write_caption
from symbolic_bridge.tune import Meter

TEXT = "A lively jig in D major, 120 bpm, on the fiddle; zebra Bodhrán 6/8"


def test_ids_are_pinned_since_shipped_weights_count_on_them() -> None:
    words = "\n".join((str(TextTokenizer().size), *frozen_words()))
    assert hashlib.sha256(words.encode()).hexdigest()[:12] == "a5d43ff6968f"
    assert TextTokenizer().ids("a lively jig in D major, 120 bpm, zebra") == [
        57, 438, 410, 400, 221, 462, 14, 146, 853, 898, 926, 860, 845,
    ]  # fmt: skip


def test_another_process_gives_the_same_ids() -> None:
    code = f"from audiogen.text_tokens import TextTokenizer; print(TextTokenizer().ids({TEXT!r}))"
    outputs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert outputs == {f"{TextTokenizer().ids(TEXT)}\n"}


def test_case_accents_and_punctuation_do_not_matter() -> None:
    tokenizer = TextTokenizer()
    assert tokenizer.ids("BODHRÁN, Jig!") == tokenizer.ids("bodhran jig")
    assert tokenizer.ids("E♭ jig") == tokenizer.ids("eb jig")


def test_numbers_fall_into_steps_of_ten() -> None:
    tokenizer = TextTokenizer()
    assert tokenizer.ids("120 bpm") == tokenizer.ids("129 bpm") != tokenizer.ids("130 bpm")
    assert tokenizer.ids("-5") == tokenizer.ids("99999999999999999999") == [1]


@pytest.mark.parametrize(
    "text", [TEXT, "x" * 10_000, "😀", "", "ein schneller Walzer", "速いワルツ", "1/0 0:99"]
)
def test_every_id_lies_in_the_vocabulary_and_words_are_short(text: str) -> None:
    ids = TextTokenizer().ids(text)
    assert all(PAD < found < 1024 for found in ids)
    assert len(ids) <= MOST_PIECES * (len(text.split()) + 4)


def test_captions_are_made_of_known_words() -> None:
    tokenizer = TextTokenizer()
    attributes = TuneAttributes(
        kind="reel", meter=Meter(4, 4), tonic="Bb", mode="dorian", tempo_bpm=200.0, tempo_is_felt=True, mood="sad",
        instrument="whistle", accompaniment="harp", form="AABB",
    )  # fmt: skip
    ids = [
        found
        for seed in range(50)
        for found in tokenizer.ids(write_caption(attributes, np.random.default_rng(seed)))
    ]
    pieces = sum(found >= tokenizer.first_bucket for found in ids)
    assert len(ids) > 200
    assert pieces < 0.2 * len(ids)


def test_own_words_and_sizes_are_kept_apart() -> None:
    small = TextTokenizer(size=200, words=("jig", "reel"))
    assert small.ids("jig reel") == [43, 44]
    with pytest.raises(ValueError, match="need at least"):
        TextTokenizer(size=100, words=("jig",))
    with pytest.raises(ValueError, match="must differ"):
        TextTokenizer(words=("jig", "jig"))


def test_frozen_words_are_distinct_and_lower_case() -> None:
    words = frozen_words()
    assert len(words) == len(set(words)) > 700
    assert all(word == word.lower() for word in words)
