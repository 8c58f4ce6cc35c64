"""Charts: nano, the embedded model, learns to answer questions about charts.

    palikit data scenes scenes/charts --world charts --count 2000 --val 100
    palikit train recipes/rendered/charts.py root=scenes/charts
    palikit eval own-relaxed --data scenes/charts/val.jsonl --model runs/charts/model

Measured as ChartQA is: numbers within 5 %. The mean is over the kinds of question.
"""

from functools import partial

from palikit.tuning.rendered import learn_world

recipe = partial(learn_world, "charts")
