"""Words in places: nano, the embedded model, learns text spotting.

    palikit data scenes scenes/words --world words --count 2000 --val 100
    palikit train recipes/rendered/words.py root=scenes/words
    palikit eval own-spotting --data scenes/words/val.jsonl --model runs/words/model

Measured by the F1 of words that stand in the right place and are spelled right, letter by letter.
"""

from functools import partial

from palikit.tuning.rendered import learn_world

recipe = partial(learn_world, "words")
