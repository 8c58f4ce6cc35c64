"""Music: nano, the embedded model, learns to write an engraved score as **kern.

    palikit data scenes scenes/music --world music --count 2000 --val 100
    palikit train recipes/rendered/music.py root=scenes/music
    palikit eval own-kern --data scenes/music/val.jsonl --model runs/music/model

Measured by the character error rate, of which less is better; symbols and lines stand beside it.
"""

from functools import partial

from palikit.tuning.rendered import learn_world

recipe = partial(learn_world, "music")
