"""A real server of another project, `transformers serve`, with a tiny random model: the protocol works end to end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from audiogen.sonify.chat import ChatError, ChatLimits, ChatServer
from audiogen.sonify.conversation import Question, converse
from symbolic_bridge.prompts import parse_prompt

pytestmark = pytest.mark.slow
for module in ("fastapi", "uvicorn", "accelerate", "transformers", "openai"):
    pytest.importorskip(module)
START_SECONDS = 180


def make_model(folder: Path) -> None:
    """An untrained model of one layer that speaks bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = ["<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    speech = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(letters)}, merges=[]))
    speech.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    speech.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=speech, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "
    )
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(letters),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=8192,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(base URL, model's name) of a server in a process of its own."""
    folder = tmp_path_factory.mktemp("model")
    make_model(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "from transformers.cli.transformers import main; main()"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            program,
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--device",
            "cpu",
        ],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, "transformers serve has ended"
            assert time.monotonic() < deadline, "transformers serve does not start"
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def test_a_random_model_is_asked_repaired_and_recorded(served: tuple[str, str]) -> None:
    url, model = served
    with ChatServer(url, ChatLimits(timeout_seconds=120)) as server:
        question = Question(model, max_tokens=40, repairs=1, seed=3)
        talk = converse(server, "a jig in D", question, parse_prompt("a jig in D"))
    assert len(talk.rounds) == 2
    assert all(turn.reply and turn.fault and turn.finish_reason == "length" for turn in talk.rounds)


def test_an_unknown_model_is_refused(served: tuple[str, str]) -> None:
    with ChatServer(served[0], ChatLimits(retries=0)) as server, pytest.raises(ChatError, match=served[0]):
        server.answer("no-such/model", [{"role": "user", "content": "a jig"}], {})
