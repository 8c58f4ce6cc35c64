"""How a command line ends that cannot be done: one sentence on stderr, and an exit code."""

import os
import subprocess
import sys

import pytest

from palikit.cli.main import COMMANDS

MISUSES = {
    "unknown command": (["detct", "a.png", "cat"], "Did you mean 'detect'?"),
    "unknown option": (["detect", "photos/a.png", "cat", "--ot", "x"], "--out"),
    "no picture": (["detect", "cat"], "missing argument 'IMAGE'"),
    "no arguments": (["caption"], "write for example palikit caption photo.jpg"),
    "not a number": (["ocr", "photos/a.png", "--beam", "many"], "--beam"),
    "words before pictures": (["detect", "cat", "photos/a.png"], "must stand last"),
    "empty labels": (["detect", "photos/a.png", ""], "label"),
    "empty question": (["answer", "photos/a.png", " "], "question"),
    "empty prompt": (["ask", "photos/a.png", ""], "prompt"),
    "label with a bracket": (["detect", "photos/a.png", "<loc0001>"], "<"),
    "bad language": (["caption", "photos/a.png", "--lang", "English!"], "lang"),
    "no room for tokens": (["ocr", "photos/a.png", "--max-new-tokens", "0"], "max_new_tokens"),
    "batch of nothing": (["ocr", "photos/a.png", "--batch-size", "0"], "--batch-size"),
    "two samplers": (["ocr", "photos/a.png", "--top-k", "2", "--top-p", "0.5"], "--top-p"),
    "beam that draws": (["ocr", "photos/a.png", "--beam", "2", "--top-k", "2"], "beam"),
    "unknown task": (["explain", "detec", "cat"], "did you mean 'detect'"),
    "task without its words": (["explain", "detect"], "needs words"),
    "task with words too many": (["explain", "ocr", "cat"], "takes no words"),
    "task without language": (["explain", "ocr", "--lang", "de"], "takes no --lang"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_one_sentence_and_exit_code_2(name, palikit, engine, photos):
    arguments, said = MISUSES[name]
    outcome = palikit(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("palikit: ")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert engine.batches == []


@pytest.mark.parametrize("command", [command.__name__ for command, _ in COMMANDS])
def test_help_of_every_command_has_an_example_of_it(command, palikit):
    outcome = palikit(command, "--help")
    assert outcome.code == 0
    assert f"Example: palikit {command}" in outcome.out


def test_help_lists_every_command_with_a_whole_sentence(palikit):
    outcome = palikit()
    assert outcome.code == 0
    for command, _ in COMMANDS:
        assert f"  {command.__name__}" in outcome.out
    assert "..." not in outcome.out.replace("[ARGS]...", "")


def test_an_interrupt_ends_with_130_and_silence(palikit, engine, photos, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "run", interrupted)
    outcome = palikit("ocr", "photos/a.png")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "")


def test_a_closed_pipe_is_silent():
    line = f"{sys.executable} -m palikit.cli.main models --json"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(line.split(), stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_progress_is_shown_on_a_terminal_only(palikit, engine, photos, monkeypatch):
    piped = palikit("caption", "photos")
    assert piped.err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shown = palikit("caption", "photos")
    assert "pictures" in shown.err
    assert shown.out == piped.out
    assert palikit("caption", "photos/a.png").err == ""
