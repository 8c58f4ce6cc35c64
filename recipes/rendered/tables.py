"""Tables: nano, the embedded model, learns to write a drawn table as HTML.

    palikit data scenes scenes/tables --world tables --count 2000 --val 100
    palikit train recipes/rendered/tables.py root=scenes/tables
    palikit eval own-teds --data scenes/tables/val.jsonl --model runs/tables/model

Measured by TEDS, with S-TEDS and both GriTS beside it.
"""

from functools import partial

from palikit.tuning.rendered import learn_world

recipe = partial(learn_world, "tables")
