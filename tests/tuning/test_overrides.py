"""key=value words change what a configuration says, in its own types, and nothing else."""

import pytest

from palikit.errors import UsageError
from palikit.tuning import FineTune
from palikit.tuning.overrides import with_overrides

BASE = FineTune(data=("coco:a.json",))


def test_words_reach_every_depth_and_keep_their_types():
    found = with_overrides(
        BASE,
        [
            "lr=3e-5",
            "steps=20",
            "rank=4",
            "asking.order=left",
            "recompute=true",
            "betas=0.8,0.9",
            "flip=0.5",
        ],
    )
    assert (found.optim.lr, found.steps, found.method.rank) == (3e-5, 20, 4)
    assert (found.asking.order, found.method.recompute) == ("left", True)
    assert found.optim.betas == (0.8, 0.9)
    assert found.augment.flip == 0.5
    assert with_overrides(found, ["steps=none"]).steps is None
    assert with_overrides(BASE, ["data=coco:b.json,yolo:c"]).data == ("coco:b.json", "yolo:c")
    assert BASE.steps is None


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lr", "is no setting"),
        ("learning_rate=1", "there is no setting 'learning_rate'.*optim.lr"),
        ("kind=lora", "may be any of method.kind, optim.kind"),
        ("steps=many", "steps='many' does not fit"),
        ("order=up", "write one of asked, left"),
        ("betas=0.9", "write 2 values"),
        ("recompute=maybe", "true or false"),
        ("flip=2", "flip"),
        ("accumulate=3", "equal parts"),
        ("steps=0", "at least one step"),
    ],
)
def test_wrong_words_are_refused_in_a_sentence(word, message):
    with pytest.raises(UsageError, match=message):
        with_overrides(BASE, [word])
