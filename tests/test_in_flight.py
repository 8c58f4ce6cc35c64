"""Questions in flight through the engine: what comes out is what each is told alone."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

import palikit as pk
from palikit.data.emoji_world import scene
from palikit.decode.room import Room
from palikit.engine import ImageLike, InFlight, in_flight
from palikit.engine.in_flight import Words
from palikit.engine.machine import _free_in_container, _free_in_host, free_bytes
from palikit.errors import CodecError, ImageError, UsageError

SHORT = pk.Decoding(max_new_tokens=8)


@pytest.fixture(scope="module")
def nano() -> pk.Engine:
    return pk.load("nano")


def questions(count: int) -> list[tuple[ImageLike, pk.tasks.Task]]:
    """Every kind of task, about one picture or two."""
    asked: list[tuple[ImageLike, pk.tasks.Task]] = []
    for i in range(count):
        one = scene(91, i)
        labels = sorted({thing.key for thing in one.objects})[:2]
        asked.append(
            [
                (one.image, pk.Detect(labels)),
                (one.image, pk.Caption()),
                ([one.image, scene(91, i + 50).image], pk.Answer("how many cats are there?")),
                (one.image, pk.Segment(labels)),
                (one.image, pk.Answer("is there a dog?", choices=["yes", "no"])),
                (one.image, pk.Caption(region=pk.Box(0.0, 0.0, 40.0, 30.0))),
            ][i % 6]
        )
    return asked


def assert_same(ours: pk.Text | pk.Regions, theirs: pk.Text | pk.Regions) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, pk.Text):
        assert ours.text == theirs.text
        assert ours.score == pytest.approx(theirs.score, abs=1e-4)
    else:
        assert [(r.label, r.box, r.codes) for r in ours] == [
            (r.label, r.box, r.codes) for r in theirs
        ]
        assert [r.score for r in ours] == pytest.approx([r.score for r in theirs], abs=1e-4)


def test_run_gives_every_request_the_answer_it_gets_alone(nano: pk.Engine) -> None:
    asked = questions(6)
    alone = [nano.run([request], decoding=SHORT)[0] for request in asked]
    for batch_size in (None, 3):
        together = nano.run(asked, decoding=SHORT, batch_size=batch_size)
        for ours, theirs in zip(together, alone, strict=True):
            assert_same(ours, theirs)


def test_requests_that_join_while_others_are_answered_get_their_own_answers(
    nano: pk.Engine,
) -> None:
    asked = questions(6)
    samplers = [pk.Greedy(), pk.TopP(0.9), pk.Temperature(0.7)]
    decodings = [pk.Decoding(samplers[i % 3], max_new_tokens=3 + 4 * i, seed=i) for i in range(6)]
    flight = nano.in_flight(3)
    numbers: dict[int, int] = {}
    said: dict[int, list[int]] = {}
    answers = {}
    for number in itertools.count():
        if number < 6:
            image, task = asked[number]
            numbers[flight.join(image, task, decoding=decodings[number])] = number
        elif not flight.busy:
            break
        for one in flight.step():
            said.setdefault(numbers[one.ticket], []).extend(one.ids)
            if one.answer is not None:
                answers[numbers[one.ticket]] = one.answer
    assert sorted(answers) == list(range(6))
    for number, answer in answers.items():
        (alone,) = nano.run([asked[number]], decoding=decodings[number])
        assert_same(answer, alone)
        if isinstance(answer, pk.Text):
            assert nano.processor.tokenizer.decode(said[number]) == answer.text


def test_a_cancelled_question_is_not_heard_of_again(nano: pk.Engine) -> None:
    (first, task), (second, other) = questions(2)
    flight = nano.in_flight(2)
    gone = flight.join(first, task, decoding=SHORT)
    stays = flight.join(second, other, decoding=SHORT)
    assert flight.full
    flight.step()
    assert flight.cancel(gone)
    assert not flight.full
    told = []
    while flight.busy:
        told += flight.step()
    assert {one.ticket for one in told} == {stays}
    assert_same(told[-1].answer, nano.run([(second, other)], decoding=SHORT)[0])
    assert not flight.cancel(stays)


def test_answers_reads_no_further_ahead_than_there_are_slots(nano: pk.Engine) -> None:
    taken: list[int] = []

    def endless() -> Iterator[tuple[ImageLike, pk.tasks.Task]]:
        for i in itertools.count():
            taken.append(i)
            yield scene(91, i).image, pk.Caption()

    flight = nano.in_flight(3)
    answers = flight.answers(endless(), decoding=SHORT)
    assert len(dict(itertools.islice(answers, 4))) == 4
    assert len(taken) <= 4 + 3
    answers.close()
    assert not flight.busy
    assert flight.slots.cache.nbytes == 0


def test_one_whose_answer_cannot_be_read_fails_alone(
    nano: pk.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(task: pk.tasks.Task, *rest: object) -> pk.Text:
        if isinstance(task, pk.Ocr):
            raise CodecError("no codec")
        return pk.Text("read", 1.0)

    monkeypatch.setattr(in_flight, "read_answer", read)
    flight = nano.in_flight(2)
    picture = scene(91, 0).image
    bad = flight.join(picture, pk.Ocr(), decoding=SHORT)
    good = flight.join(picture, pk.Caption(), decoding=SHORT)
    ended = {}
    while flight.busy:
        ended.update({s.ticket: s for s in flight.step() if s.answer or s.error})
    assert isinstance(ended[bad].error, CodecError)
    assert ended[good].answer == pk.Text("read", 1.0)


def test_what_cannot_join_says_so_and_leaves_nothing(nano: pk.Engine) -> None:
    flight = nano.in_flight(2)
    picture = Image.new("RGB", (8, 8))
    with pytest.raises(UsageError, match="use run"):
        flight.join(picture, pk.Caption(), decoding=pk.Decoding(beam_size=2))
    with pytest.raises(ImageError):
        flight.join(b"no picture", pk.Caption())
    with pytest.raises(UsageError, match=r"cache_bytes=.* has room for"):
        flight.join(picture, pk.Caption(), decoding=pk.Decoding(max_new_tokens=1 << 40))
    assert not flight.busy


def test_a_picture_prepared_elsewhere_is_seen_when_its_turn_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vlm = pk.load("nano", slots=1)
    towers: list[int] = []
    whole = vlm.model.embed_image
    monkeypatch.setattr(vlm.model, "embed_image", lambda x: towers.append(1) or whole(x))
    flight = vlm.in_flight()
    first, second = (scene(91, i).image for i in (1, 2))
    prepared = flight.looker.prepare(second)
    flight.join(first, pk.Caption(), decoding=SHORT)
    flight.join(prepared, pk.Caption(), decoding=SHORT)
    assert towers == []
    flight.step()
    assert len(towers) == 1
    while flight.busy:
        flight.step()
    assert len(towers) == 2


def test_settings_reach_the_loop() -> None:
    vlm = pk.load("nano", slots=3, cache_bytes=5_000_000)
    assert (vlm.room.slots, vlm.room.cache_bytes) == (3, 5_000_000)
    flight: InFlight = vlm.in_flight()
    assert flight.slots.room == vlm.room
    assert vlm.in_flight(9).slots.room.slots == 9
    own = pk.Engine(vlm.model, vlm.processor, room=Room(2, 1 << 20))
    assert own.room.slots == 2
    assert pk.Engine(vlm.model, vlm.processor).room.cache_bytes > 1 << 20
    with pytest.raises(UsageError, match="slots is 0"):
        pk.load("nano", slots=0)


def test_pieces_wait_for_the_last_byte_of_a_character(nano: pk.Engine) -> None:
    tokenizer = nano.processor.tokenizer
    text = "a caf\u00e9 \u732b"
    ids = tokenizer.encode(text)
    words = Words(tokenizer)
    pieces = [words.add([i], ended=n + 1 == len(ids)) for n, i in enumerate(ids)]
    assert "".join(pieces) == tokenizer.decode(ids)
    assert "\ufffd" not in "".join(pieces)


def test_free_memory_is_the_hosts_or_what_a_container_leaves(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  24684096 kB\nMemAvailable:  2048 kB\n")
    assert _free_in_host(meminfo) == 2 << 20
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 300\nfile 600\n")
    assert _free_in_container(tmp_path) == 700
    (tmp_path / "memory.max").write_text("max\n")
    assert _free_in_container(tmp_path) is None
    assert _free_in_host(tmp_path / "none") is None
    meminfo.write_text("MemAvailable: many kB\n")
    assert _free_in_host(meminfo) is None
    assert free_bytes(torch.device("cpu")) > 0
