"""The three networks, each loaded when it is first needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from audiogen.options import check_device
from audiogen.weight_folders import fingerprint, stand_ins, weight_folders
from codec.weights import load_own as load_codec

if TYPE_CHECKING:
    from audiogen.composer import Composer
    from audiogen.player import Player
    from codec.model import Codec


class Networks:
    """Codec, player and composer of a folder of weights, on a device.

    Args:
        weights: a folder with any of codec.json, player.json and composer.json (and their .safetensors) in it; what it
            lacks is taken from the shipped weights. None for all the shipped ones.
        device: "cpu", "cuda", "mps"; None for the CPU.

    Raises:
        CheckpointError: the folder is missing or holds no weights.
        ValueError: no such device.
    """

    def __init__(self, weights: str | Path | None = None, device: str | None = None) -> None:
        self._folders = weight_folders(weights)
        self.notices = stand_ins(weights, self._folders)
        self.device = check_device(device)
        self._codec: Codec | None = None
        self._player: Player | None = None
        self._composer: Composer | None = None

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all their weights."""
        return fingerprint(self._folders)

    @property
    def codec(self) -> Codec:
        """The codec that the player's codes belong to."""
        if self._codec is None:
            self._codec = load_codec(self._folders["codec"], device=self.device)
        return self._codec

    @property
    def player(self) -> Player:
        """The audio language model with its conditions."""
        if self._player is None:
            from audiogen.player import Player

            self._player = Player.load(self._folders["player"], self.codec.spec, self.device)
        return self._player

    @property
    def composer(self) -> Composer:
        """The tune transformer."""
        if self._composer is None:
            from audiogen.composer import load_composer

            self._composer = load_composer(self._folders["composer"], self.device)
        return self._composer
