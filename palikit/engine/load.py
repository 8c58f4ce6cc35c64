"""From a checkpoint's name to an `Engine`: weights, vocabulary, resize and mask codec."""

from pathlib import Path
from typing import Literal

import torch

from palikit.codecs.calibration import Calibration
from palikit.codecs.masks import MaskCodec
from palikit.config import PaliGemmaConfig
from palikit.errors import TokenizerError
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor
from palikit.inputs.tokenizer import Tokenizer
from palikit.model.paligemma import PaliGemma
from palikit.quantize import speed_up
from palikit.weights.preprocessing import load_resample
from palikit.weights.source import Source, find

from .engine import Engine
from .machine import keep_freed_memory, room_for
from .quantized import open_model

__all__ = ["load", "open_ready", "open_tools"]

SEEN_BYTES = 1 << 28
"""Room for 228 pictures of the 3B at 224 px in bfloat16."""


def load(
    source: str | Path = "nano",
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    tokenizer: str | Path | None = None,
    mask_codec: str | Path | None = None,
    quantize: Literal["int8", "int4"] | None = None,
    seen_bytes: int = SEEN_BYTES,
    slots: int | None = None,
    cache_bytes: int | None = None,
    calibration: str | Path | None = None,
    compile: bool = False,
) -> Engine:
    """Open a checkpoint, ready to be asked.

    Args:
        source: `nano`, a Hugging Face folder or hub id, a big_vision `.npz`, a folder that
            `palikit quantize` has written, or one of PEFT's adapters, which names its checkpoint.
        dtype: None keeps what is stored; with quantised weights, it computes the rest in float32 on
            a CPU and in bfloat16 elsewhere.
        tokenizer: a `tokenizer.json` or `tokenizer.model`, where none lies beside the weights.
        mask_codec: `vae-oid.npz` or the same as safetensors, where none lies beside the weights.
        quantize: pack weights while they are read, into about one byte each or (the decoder's) half
            a byte; the whole is never in memory unpacked.
        seen_bytes: memory for what the vision tower made of the last pictures, by their content, so
            that many prompts about one pay for it once; 0 keeps nothing.
        slots: requests that are decoded together, at most.
        cache_bytes: memory of their keys and values, at most. None computes it, and the slots, from
            what the machine has free.
        calibration: a file of `palikit calibrate`; scores then say how often such answers are
            right. It belongs to one model and one kind of pictures.
        compile: make passes that decode one CUDA graph each (`decode/compiled.py`): for many
            answers on a GPU, since the first ones wait for the compiler.

    Raises:
        CheckpointError: weights that are missing or unfit.
        DataError: a calibration that is missing or something else.
    """
    measured = None if calibration is None else Calibration.load(calibration)
    found = find(source)
    model = open_ready(found, device=device, dtype=dtype, quantize=quantize, compile=compile)
    processor, codec = open_tools(found, model.config, tokenizer, mask_codec)
    room = room_for(model, slots=slots, cache_bytes=cache_bytes)
    return Engine(model, processor, codec, seen_bytes=seen_bytes, room=room, calibration=measured)


def open_ready(
    found: Source,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    quantize: str | None = None,
    compile: bool = False,
) -> PaliGemma:
    """A checkpoint as a model that answers as fast as this machine can.

    Raises:
        CheckpointError: as `load`.
        UsageError: it is quantised already, or there is no such way.
    """
    model = speed_up(open_model(found, device=device, dtype=dtype, quantize=quantize))
    if model.text.embedding.weight.device.type == "cpu":
        keep_freed_memory()
    if not compile:
        return model
    # Imported for those who want it: the compiler takes a second to import.
    from palikit.decode.compiled import compile_decoding

    return compile_decoding(model)


def open_tools(
    found: Source,
    config: PaliGemmaConfig,
    tokenizer: str | Path | None = None,
    mask_codec: str | Path | None = None,
) -> tuple[Processor, MaskCodec | None]:
    """What stands around a checkpoint's weights: vocabulary and resize, and the mask codec."""
    vocabulary = _open_tokenizer(found, tokenizer)
    rows = config.text.vocab_size
    if vocabulary.vocab_size > rows:
        raise TokenizerError(
            f"the vocabulary of {found.name} needs {vocabulary.vocab_size} rows, "
            f"its model has {rows}: pass the tokenizer that belongs to it"
        )
    resize = Resize(config.vision.image_size, load_resample(found))
    processor = Processor(vocabulary, resize, config.tokens_per_image)
    return processor, _open_codec(found, mask_codec)


def _open_tokenizer(found: Source, path: str | Path | None) -> Tokenizer:
    if path is not None:
        return Tokenizer.from_file(path)
    beside = found.file("tokenizer.json") or found.file("tokenizer.model")
    if beside is None:
        raise TokenizerError(
            f"there is no tokenizer beside {found.name}: "
            "pass load(..., tokenizer='tokenizer.json') or a SentencePiece tokenizer.model"
        )
    return Tokenizer.from_file(beside)


def _open_codec(found: Source, path: str | Path | None) -> MaskCodec | None:
    beside = found.file("mask_codec.safetensors") or found.file("vae-oid.npz")
    chosen = beside if path is None else path
    return None if chosen is None else MaskCodec.load(chosen)
