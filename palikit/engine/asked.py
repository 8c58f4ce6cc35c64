"""A task as ids: its prompt, its limit and what its answer may look like."""

from dataclasses import dataclass, replace

from palikit.decode.grammar import Walk
from palikit.decode.ruler import Ruler
from palikit.decode.sampling import Decoding
from palikit.inputs.processor import Processor
from palikit.tasks import Caption, Task

from .forms import begin_walk

__all__ = ["Asked"]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One task about one picture.

    Attributes:
        size: (width, height) of the picture, in pixels.
        prefix: ids of the prompt.
        limit: of the answer's tokens.
        walk: None where anything may be said.
        ruler: the tokens of box edges, where the model's mean of each is asked for as well.
    """

    task: Task
    size: tuple[int, int]
    prefix: tuple[int, ...]
    limit: int
    walk: Walk | None
    ruler: Ruler | None

    @classmethod
    def about(
        cls, size: tuple[int, int], task: Task, processor: Processor, decoding: Decoding
    ) -> "Asked":
        """A task about a picture of this size, as `decoding` has it answered."""
        if isinstance(task, Caption) and task.region is not None and task.size is None:
            # A caption of a region is told which picture its pixels are of.
            task = replace(task, size=size)
        prefix = processor.prefix_ids(task.prefix, codes=task.has_codes)
        limit = decoding.max_new_tokens or task.max_new_tokens
        walk = begin_walk(task.grammar, processor.tokenizer) if decoding.grammar else None
        ruler = Ruler(processor.tokenizer.loc_start) if decoding.refine else None
        return cls(task, size, tuple(prefix), limit, walk, ruler)
