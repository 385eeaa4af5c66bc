"""`audiogen codec`: files, folders and pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audiogen.cli import run
from audiogen.cli.batches import plan_folder

ROOT = Path(__file__).parents[2]
RATE = 24_000


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a command."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(here: Path, capfd: pytest.CaptureFixture[str], tiny_weights: Path) -> Callable[..., Outcome]:
    """`audiogen codec` with untrained weights."""

    def command(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = run(["codec", *map(str, arguments), "--model", str(tiny_weights)])
        said = capfd.readouterr()
        return Outcome(code, str(said.out), str(said.err))

    return command


def sound(path: Path, samples: int = RATE, channels: int = 1, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal((samples, channels)), rate)
    return path


def start(here: Path, *arguments: str, before: str = "") -> subprocess.Popen[bytes]:
    """A command in a process of its own, with pipes on all sides."""
    program = f"{before}\nfrom audiogen.cli import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "codec", *arguments],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def refused(outcome: Outcome, *words: str) -> None:
    """One clear line on stderr, exit code 2, nothing on stdout."""
    assert outcome.code == 2, outcome.err
    lines = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, outcome.err
    assert outcome.out == ""
    for word in words:
        assert word in lines[0]


def test_encode_and_decode_give_back_rate_channels_and_length(
    call: Callable[..., Outcome], here: Path
) -> None:
    sound(here / "in.flac", 44_101, 2, 44_100)
    done = call("encode", "in.flac", "a.agc", "--json")
    assert done.code == 0, done.err
    report = done.json
    size = (here / "a.agc").stat().st_size
    assert report["bytes"] == size
    assert report["bitrate_kbps"] == pytest.approx(size * 8 / (44_101 / 44_100) / 1000)
    assert (report["samples"], report["sample_rate"], report["channels"]) == (44_101, 44_100, 2)
    assert (report["codebooks"], report["frame_rate"], report["frames"]) == (3, 50, 51)
    assert set(report["wall_seconds"]) == {"encode"}
    done = call("decode", "a.agc", "out.wav", "--json")
    assert set(done.json["wall_seconds"]) == {"decode"}
    found = soundfile.info(here / "out.wav")
    assert (found.samplerate, found.channels, found.frames) == (44_100, 2, 44_101)


def test_roundtrip_reports_the_bitrate_of_the_file(call: Callable[..., Outcome], here: Path) -> None:
    sound(here / "in.wav", 10 * RATE)
    size = call("encode", "in.wav", "a.agc", "--json").json["bytes"]
    report = call("roundtrip", "in.wav", "out.wav", "--json").json
    assert report["bitrate_kbps"] == pytest.approx(size * 8 / 10 / 1000)
    assert (
        0.6 < report["bitrate_kbps"] < 0.66
    )  # 3 codebooks of 4 bits, 50 times a second, and the rest of the file
    assert set(report["wall_seconds"]) == {"encode", "decode"}
    assert soundfile.info(here / "out.wav").frames == 10 * RATE


def test_the_file_stays_within_the_bitrate(call: Callable[..., Outcome], here: Path) -> None:
    sound(here / "in.wav", 45 * RATE)
    means = []
    for bitrate in (0.22, 0.41, 0.5, 0.62, 24):
        done = call("roundtrip", "in.wav", "out.wav", "--bitrate", bitrate, "--json")
        assert done.json["bitrate_kbps"] <= bitrate
        assert done.json["codebooks"] in (1, 2, 3)
        assert done.err == ""
        means.append(done.json["codebooks_mean"])
    assert means == sorted(means)
    assert (means[0], means[-1]) == (1, 3)
    assert 1 < means[1] < 3
    done = call("encode", "in.wav", "a.agc", "--bitrate", 0.1, "--json")
    assert done.json["codebooks_mean"] == 1
    assert done.err.startswith("warning: a.agc: has 0.2")
    assert "no fewer codebooks fit into --bitrate 0.1" in done.err


def test_what_is_no_bitrate_is_refused(call: Callable[..., Outcome], here: Path) -> None:
    sound(here / "in.wav")
    for bitrate in (0, -1, "inf", "nan"):
        for command, target in (("encode", "a.agc"), ("roundtrip", "out.wav")):
            refused(call(command, "in.wav", target, "--bitrate", bitrate), "kbps; a finite number above 0")
    assert [path.name for path in here.iterdir()] == ["in.wav"]


def test_each_channel_costs_its_bits(call: Callable[..., Outcome], here: Path) -> None:
    sound(here / "in.wav", 10 * RATE, 2)
    mixed = call("encode", "in.wav", "a.agc", "--json").json
    each = call("encode", "in.wav", "b.agc", "--json", "--each-channel").json
    assert (mixed["channels_coded"], each["channels_coded"]) == (1, 2)
    assert each["bytes"] == pytest.approx(2 * mixed["bytes"], rel=0.1)
    assert call("decode", "b.agc", "out.wav").code == 0
    left, right = soundfile.read(here / "out.wav")[0].T
    assert not np.array_equal(left, right)


def test_a_folder_keeps_names_and_subfolders_and_lists_what_it_cannot(
    call: Callable[..., Outcome], here: Path
) -> None:
    sound(here / "in" / "a.wav")
    sound(here / "in" / "deep" / "er" / "b.flac")
    sound(here / "in" / "deep" / "c.ogg")
    (here / "in" / "text.wav").write_text("this is no sound")
    (here / "in" / "empty.mp3").write_bytes(b"")
    (here / "in" / "notes.txt").write_text("notes")
    done = call("encode", "in", "coded", "--json")
    assert done.code == 2
    assert [Path(entry["output"]).as_posix() for entry in done.json["outputs"]] == [
        "coded/a.agc", "coded/deep/c.agc", "coded/deep/er/b.agc"
    ]  # fmt: skip
    assert [Path(entry["file"]).name for entry in done.json["rejected"]] == ["empty.mp3", "text.wav"]
    lines = done.err.splitlines()
    assert "coded: 3 done, 2 rejected" in lines[-3]
    assert lines[-2].startswith("rejected: in/empty.mp3: is empty")
    assert lines[-1].startswith("rejected: in/text.wav: not readable as audio")
    assert "notes.txt: passed over" in done.err
    (here / "coded" / "deep" / "c.agc").write_bytes(b"AGC")
    done = call("decode", "coded", "decoded")
    assert done.code == 2
    assert done.out == ""
    assert "rejected: coded/deep/c.agc: at byte 3" in done.err
    found = sorted(path.relative_to(here / "decoded").as_posix() for path in (here / "decoded").rglob("*.*"))
    assert found == ["a.wav", "deep/er/b.wav"]
    (here / "in" / "text.wav").unlink()
    (here / "in" / "empty.mp3").unlink()
    assert call("roundtrip", "in", "heard").code == 0
    assert len(list((here / "heard").rglob("*.wav"))) == 3


def test_files_that_differ_in_suffix_only_keep_it_in_their_names(tmp_path: Path) -> None:
    for name in ("a.wav", "a.mp3", "b.wav"):
        (tmp_path / name).touch()
    plan = plan_folder(tmp_path, tmp_path / "out", {".wav", ".mp3"}, ".agc")
    assert [job.target.name for job in plan.jobs] == ["a-mp3.agc", "a-wav.agc", "b.agc"]
    (tmp_path / "a-wav.flac").touch()
    with pytest.raises(ValueError, match=r"a-wav\.agc: both .* would become this file"):
        plan_folder(tmp_path, tmp_path / "out", {".wav", ".mp3", ".flac"}, ".agc")


def test_inputs_are_never_replaced(call: Callable[..., Outcome], here: Path) -> None:
    sound(here / "in" / "a.wav")
    before = (here / "in" / "a.wav").read_bytes()
    refused(call("roundtrip", "in/a.wav", "in/a.wav"), "is the input too")
    refused(call("roundtrip", "in", "in"), "would be replaced")
    assert (here / "in" / "a.wav").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["encode", "no.wav", "a.agc"], ["no.wav: no such file"]),
        (["encode", "in.wav", "a.wav"], ["a.wav: suffix '.wav' is not .agc"]),
        (["encode", "in.wav", "no/a.agc"], ["no/a.agc", "No such file or directory"]),
        (["encode", "empty", "out"], ["empty: holds no file that ends in one of", ".wav"]),
        (["encode", "empty", "in.wav"], ["in.wav: is a file"]),
        (["encode", "empty", "-"], ["empty: is a folder"]),
        (["encode", "in.wav", "empty"], ["empty: is a folder"]),
        (["encode", "in.wav", "-", "--json"], ["--json"]),
        (["decode", "in.wav", "out.wav"], ["in.wav: is no .agc file"]),
        (["decode", "no.agc", "out.wav"], ["no.agc: no such file"]),
        (["decode", "no.agc", "out.aac"], ["'.aac'", ".flac"]),
        (["decode", "empty", "out"], ["empty: holds no file that ends in one of .agc"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_bad_input_gets_one_line_and_leaves_nothing(
    call: Callable[..., Outcome], here: Path, arguments: list[str], words: list[str]
) -> None:
    sound(here / "in.wav", 100)
    (here / "empty").mkdir()
    refused(call(*arguments), *words)
    assert sorted(path.name for path in here.rglob("*")) == ["empty", "in.wav"]


def test_a_damaged_file_leaves_the_old_output(call: Callable[..., Outcome], here: Path) -> None:
    sound(here / "in.wav")
    assert call("encode", "in.wav", "a.agc").code == 0
    data = (here / "a.agc").read_bytes()
    (here / "out.wav").write_bytes(b"old")
    for broken, word in ((data[:-1], "cut off"), (data[:40] + b"?" + data[41:], "damaged")):
        (here / "a.agc").write_bytes(broken)
        refused(call("decode", "a.agc", "out.wav"), "a.agc: at byte", word)
    assert (here / "out.wav").read_bytes() == b"old"
    assert len(list(here.iterdir())) == 3


def test_pipes_carry_both_ways(here: Path, tiny_weights: Path, call: Callable[..., Outcome]) -> None:
    data = bytearray(sound(here / "in.wav", 30_000, 2, 44_100).read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    process = start(here, "encode", "-", "-", "--model", str(tiny_weights))
    coded, err = process.communicate(bytes(data))
    assert (process.returncode, err) == (0, b"")
    assert call("encode", "in.wav", "a.agc").code == 0
    assert coded == (here / "a.agc").read_bytes()
    process = start(here, "decode", "-", "-", "--model", str(tiny_weights))
    decoded, err = process.communicate(coded)
    assert (process.returncode, err) == (0, b"")
    assert call("decode", "a.agc", "b.wav").code == 0
    assert decoded[44:] == (here / "b.wav").read_bytes()[44:]
    process = start(here, "decode", "-", "c.wav", "--model", str(tiny_weights))
    _, err = process.communicate(coded[:-3])
    assert process.returncode == 2
    assert err.startswith(b"error: <stdin>: at byte ")
    assert not (here / "c.wav").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("target", ["a.agc", "a.wav"])
def test_an_interrupt_leaves_nothing_half_written(here: Path, tiny_weights: Path, target: str) -> None:
    sound(here / "in.wav")
    # Ctrl-C at the worst moment: the new file is whole under its temporary name and not yet renamed.
    worst = (
        "import os, signal; os.replace = lambda *_: os.kill(os.getpid(), signal.SIGINT); "
        "signal.signal(signal.SIGINT, signal.default_int_handler)"
    )
    command = "encode" if target.endswith(".agc") else "roundtrip"
    process = start(here, command, "in.wav", target, "--model", str(tiny_weights), before=worst)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert b"error: interrupted" in err
    assert [path.name for path in here.iterdir()] == ["in.wav"]


def test_every_command_teaches_with_an_example(capfd: pytest.CaptureFixture[str]) -> None:
    for command in ("encode", "decode", "roundtrip", "list"):
        assert run(["codec", command, "--help"]) == 0
        said = capfd.readouterr().out
        assert f"  audiogen codec {command}" in said
    assert run(["codec", "encode", "--help"]) == 0
    assert "that many times the bitrate" in " ".join(capfd.readouterr().out.split())


def test_the_list_names_every_codec(capfd: pytest.CaptureFixture[str]) -> None:
    from codec.registry import known_codecs

    names = [entry.name for entry in known_codecs()]
    assert run(["codec", "list", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert [entry["name"] for entry in found] == names
    assert found[0]["shipped"]
    assert len(found[0]["identity"]) == 16
    assert run(["codec", "list"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *names]
