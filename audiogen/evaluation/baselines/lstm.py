"""folk-rnn again: three LSTM layers of 512 units over tokens of ABC (Sturm et al. 2016, arXiv:1604.08723).

Axes: B batch, L tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogen.evaluation.baselines.abc_tokens import CONDITIONS, abc_vocabulary
from audiogen.sampling import sample
from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint

FORMAT, VERSION, STEM = "audiogen-folkrnn", 1, "folkrnn"
IGNORED = -100
# The longest tune of the composer's corpus has 900.
MOST_TOKENS = 1000


@dataclass(frozen=True)
class FolkRnnConfig:
    """folk-rnn's own shape, and the tokens it knows."""

    width: int = 512
    layers: int = 3
    dropout: float = 0.3
    vocabulary_size: int = len(abc_vocabulary())

    def __post_init__(self) -> None:
        if self.vocabulary_size != len(abc_vocabulary()):
            raise ValueError(f"vocabulary_size is {self.vocabulary_size}; it must be {len(abc_vocabulary())}")


class FolkRnn(nn.Module):
    """Tokens to logits of the next one; tokens go in as they are, one-hot, as in the original."""

    def __init__(self, config: FolkRnnConfig | None = None) -> None:
        super().__init__()
        self.config = config or FolkRnnConfig()
        shape = self.config
        self.lstm = nn.LSTM(shape.vocabulary_size, shape.width, shape.layers, batch_first=True,
                            dropout=shape.dropout if shape.layers > 1 else 0.0)  # fmt: skip
        self.drop = nn.Dropout(shape.dropout)
        self.head = nn.Linear(shape.width, shape.vocabulary_size)
        # torch's small uniform weights leave three layers asleep for hundreds of steps.
        for name, weights in self.lstm.named_parameters():
            if "weight_hh" in name:
                for gate in weights.chunk(4):
                    nn.init.orthogonal_(gate)
            elif "weight_ih" in name:
                nn.init.normal_(weights, std=0.5 if name.endswith("l0") else shape.width**-0.5)
            else:
                nn.init.zeros_(weights)
        for layer in range(shape.layers):
            # The second of the four gates is the one that keeps.
            nn.init.ones_(self.lstm.get_parameter(f"bias_ih_l{layer}")[shape.width : 2 * shape.width])

    def forward(
        self, ids: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """ids int64 [B, L] -> logits [B, L, V] and the state behind the last."""
        x = functional.one_hot(ids, self.config.vocabulary_size).to(self.head.weight.dtype)  # [B, L, V]
        x, after = self.lstm(x, state)
        return self.head(self.drop(x)), after

    @torch.inference_mode()
    def write(
        self, conditions: Sequence[Sequence[str]], *, generator: torch.Generator, temperature: float = 1.0,
        most: int = MOST_TOKENS,
    ) -> list[list[str]]:  # fmt: skip
        """Draw one tune's tokens for each row of condition names, to "end" or to `most` tokens."""
        table = abc_vocabulary()
        rows = [list(names) for names in conditions]
        ids = torch.tensor([[table.ids[name] for name in row] for row in rows])
        logits, state = self(ids)
        open_rows = set(range(len(rows)))
        while open_rows and len(rows[0]) < most:
            drawn = sample(logits[:, -1].float(), temperature=temperature, generator=generator)
            for row in range(len(rows)):
                rows[row].append(table.names[int(drawn[row])])
            open_rows -= {row for row in open_rows if rows[row][-1] == "end"}
            logits, state = self(drawn[:, None], state)
        return [row[: row.index("end") + 1] if "end" in row else row for row in rows]

    def save(self, folder: str | Path) -> None:
        """Write `folkrnn.safetensors` (half precision) and `folkrnn.json`, whole or not at all."""
        tensors = {name: value.detach().half() for name, value in self.state_dict().items()}
        save_checkpoint(
            Path(folder), STEM, format=FORMAT, version=VERSION, config=self.config, tensors=tensors
        )

    @classmethod
    def load(cls, folder: str | Path) -> FolkRnn:
        """Read what `save` wrote.

        Raises:
            CheckpointError: a file is missing, damaged, of another version or shape.
        """
        checkpoint = load_checkpoint(Path(folder), STEM, format=FORMAT, version=VERSION)
        model = cls(build_config(FolkRnnConfig, checkpoint))
        load_weights(model, checkpoint.tensors, checkpoint.path)
        return model.eval()


def batch_of(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows filled up to the longest: inputs [B, L] and targets [B, L], `IGNORED` where nothing is scored."""
    longest = max(map(len, rows)) - 1
    inputs = torch.full((len(rows), longest), abc_vocabulary().pad)
    targets = torch.full((len(rows), longest), IGNORED)
    for place, row in enumerate(rows):
        inputs[place, : len(row) - 1] = torch.tensor(row[:-1])
        targets[place, len(CONDITIONS) - 1 : len(row) - 1] = torch.tensor(row[len(CONDITIONS) :])
    return inputs, targets
