"""A task's answer form, spelled in a vocabulary's ids."""

from dataclasses import replace
from weakref import WeakKeyDictionary

from palikit.codecs.patterns import spell_out
from palikit.codecs.prompts import NOISE_LABEL, AnswerForm, ChoiceForm, PatternForm, RegionForm
from palikit.codecs.text import CODES_PER_MASK, format_region, join_regions
from palikit.decode.grammar import ChoiceWalk, Label, RegionGrammar, RegionWalk, Walk
from palikit.decode.pattern import PatternWalk, Vocabulary
from palikit.inputs.tokenizer import Tokenizer

__all__ = ["begin_walk"]

ANY_BOX = (0, 0, 1, 1)
_VOCABULARIES: WeakKeyDictionary[Tokenizer, Vocabulary] = WeakKeyDictionary()
"""Those that patterns were asked of: Gemma's takes 1 to 2 s and 60 MB."""


def begin_walk(form: AnswerForm | None, tokenizer: Tokenizer) -> Walk | None:
    """A walk at the start of an answer of this form; None where anything may be said.

    Raises:
        MissingExtraError: a pattern was asked for, and what follows it is not installed.
        UsageError: a pattern cannot be followed.
    """
    if isinstance(form, RegionForm):
        return RegionWalk(_region_grammar(form, tokenizer))
    if isinstance(form, ChoiceForm):
        ends = (tokenizer.eos_id,)
        return ChoiceWalk([(*tokenizer.encode(choice), *ends) for choice in form.choices])
    if isinstance(form, PatternForm):
        return PatternWalk(_vocabulary(tokenizer), spell_out(form.pattern), tokenizer.encode)
    return None


def _vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    if tokenizer not in _VOCABULARIES:
        _VOCABULARIES[tokenizer] = Vocabulary(tokenizer.written(), tokenizer.eos_id)
    return _VOCABULARIES[tokenizer]


def _region_grammar(form: RegionForm, tokenizer: Tokenizer) -> RegionGrammar:
    grammar = RegionGrammar(
        labels=tuple(_label(name, tokenizer) for name in form.labels),
        eos_id=tokenizer.eos_id,
        loc_start=tokenizer.loc_start,
        seg_start=tokenizer.seg_start,
        num_codes=CODES_PER_MASK if form.with_codes else 0,
    )
    if not form.noise:
        return grammar
    return replace(grammar, max_objects=form.noise, rival=_label(NOISE_LABEL, tokenizer))


def _label(name: str, tokenizer: Tokenizer) -> Label:
    """How the vocabulary cuts a label before another region, and before the end."""
    box = tokenizer.encode(format_region(ANY_BOX, ""), codes=True)
    region = format_region(ANY_BOX, name)
    alone = tokenizer.encode(region, codes=True)
    followed = tokenizer.encode(join_regions([region, format_region(ANY_BOX, "")]), codes=True)
    continued = tuple(followed[len(box) : -len(box)])
    return Label(continued, (*alone[len(box) :], tokenizer.eos_id))
