"""What a run leaves for its users."""

from pathlib import Path

from torch import nn

from palikit.codecs.masks import MaskCodec
from palikit.inputs.processor import Processor
from palikit.model.paligemma import PaliGemma
from palikit.weights.peft import save_adapter
from palikit.weights.save import save_folder
from palikit.weights.source import find

from .config import FineTune

__all__ = ["export_model"]


def export_model(
    config: FineTune,
    processor: Processor,
    codec: MaskCodec | None,
    model: nn.Module,
    folder: Path,
) -> None:
    """Write `folder/model`: a checkpoint, or adapters that name theirs."""
    assert isinstance(model, PaliGemma)
    target = folder / "model"
    if config.method.kind != "full":
        save_adapter(model, target, base=_base(config.model))
        return
    save_folder(model, target, tokenizer=processor.tokenizer, resample=processor.resize.resample)
    if codec is not None:
        codec.save(target / "mask_codec.safetensors")


def _base(source: str) -> str:
    """The checkpoint's name, as it can be found from anywhere on this machine."""
    path = Path(source)
    return str(path.resolve()) if path.exists() and find(source) else source
