"""palikit: PaliGemma 2, whole, in PyTorch.

    import palikit as pk

    vlm = pk.load("nano")
    found = vlm.detect("photo.jpg", ["cat", "dog"])     # Regions, boxes in pixels of photo.jpg
    pk.draw("photo.jpg", found).save("boxed.png")

Every public name is listed here and imported when it is first used, so that `import palikit` takes
no time and what does not need torch does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # in the order that a reader asks for them
    # isort: off
    # Ask a picture
    from palikit.engine import Engine as Engine
    from palikit.engine import Seen as Seen
    from palikit.engine import load as load
    from palikit.inputs.image import load_image as load_image
    from palikit.view.draw import draw as draw

    # What can be asked
    from palikit.tasks import TASKS as TASKS
    from palikit.tasks import Answer as Answer
    from palikit.tasks import Ask as Ask
    from palikit.tasks import Caption as Caption
    from palikit.tasks import Describe as Describe
    from palikit.tasks import Detect as Detect
    from palikit.tasks import Ocr as Ocr
    from palikit.tasks import Question as Question
    from palikit.tasks import Segment as Segment

    # What is answered
    from palikit.results import Box as Box
    from palikit.results import Region as Region
    from palikit.results import Regions as Regions
    from palikit.results import Text as Text

    # How an answer is written
    from palikit.decode.sampling import Decoding as Decoding
    from palikit.decode.sampling import Greedy as Greedy
    from palikit.decode.sampling import Temperature as Temperature
    from palikit.decode.sampling import TopK as TopK
    from palikit.decode.sampling import TopP as TopP

    # The model as a module, its sizes and its files
    from palikit.codecs.masks import MaskCodec as MaskCodec
    from palikit.config import PRESETS as PRESETS
    from palikit.config import GemmaConfig as GemmaConfig
    from palikit.config import PaliGemmaConfig as PaliGemmaConfig
    from palikit.config import SiglipConfig as SiglipConfig
    from palikit.model.cache import KVCache as KVCache
    from palikit.model.paligemma import PaliGemma as PaliGemma
    from palikit.weights.load import load_model as load_model
    from palikit.weights.save import save_folder as save_folder

    # What can go wrong
    from palikit.errors import CheckpointError as CheckpointError
    from palikit.errors import CodecError as CodecError
    from palikit.errors import DataError as DataError
    from palikit.errors import ImageError as ImageError
    from palikit.errors import MissingExtraError as MissingExtraError
    from palikit.errors import PalikitError as PalikitError
    from palikit.errors import TokenizerError as TokenizerError
    from palikit.errors import UsageError as UsageError
    # isort: on

__version__ = "0.1.0"

_HOMES = {
    "palikit.engine": ("Engine", "Seen", "load"),
    "palikit.inputs.image": ("load_image",),
    "palikit.view.draw": ("draw",),
    "palikit.tasks": (
        "TASKS", "Answer", "Ask", "Caption", "Describe", "Detect", "Ocr", "Question", "Segment",
    ),
    "palikit.results": ("Box", "Region", "Regions", "Text"),
    "palikit.decode.sampling": ("Decoding", "Greedy", "Temperature", "TopK", "TopP"),
    "palikit.codecs.masks": ("MaskCodec",),
    "palikit.config": ("PRESETS", "GemmaConfig", "PaliGemmaConfig", "SiglipConfig"),
    "palikit.model.cache": ("KVCache",),
    "palikit.model.paligemma": ("PaliGemma",),
    "palikit.weights.load": ("load_model",),
    "palikit.weights.save": ("save_folder",),
    "palikit.errors": (
        "CheckpointError", "CodecError", "DataError", "ImageError", "MissingExtraError",
        "PalikitError", "TokenizerError", "UsageError",
    ),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "PRESETS", "TASKS", "Answer", "Ask", "Box", "Caption", "CheckpointError", "CodecError",
    "DataError", "Decoding", "Describe", "Detect", "Engine", "GemmaConfig", "Greedy", "ImageError",
    "KVCache", "MaskCodec", "MissingExtraError", "Ocr", "PaliGemma", "PaliGemmaConfig",
    "PalikitError", "Question", "Region", "Regions", "Seen", "Segment", "SiglipConfig",
    "Temperature", "Text", "TokenizerError", "TopK", "TopP", "UsageError", "__version__", "draw",
    "load", "load_image", "load_model", "save_folder",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"palikit has no public name {name!r}; see palikit.__all__")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
