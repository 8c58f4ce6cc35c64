"""What nano is made of, how its weights start, and the dense head that teaches its vision tower.

PaliGemma starts from a SigLIP that knows pictures and a Gemma that knows words. nano starts from
nothing, so its vision tower is first taught what and where things are by a head on every patch,
thrown away afterwards.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.codecs.boxes import encode_box
from palikit.config import GemmaConfig, PaliGemmaConfig, SiglipConfig
from palikit.data.emoji_world import COLOURS, KNOWN, Scene, instance_map
from palikit.model.gemma import RMSNorm
from palikit.model.paligemma import PaliGemma
from palikit.train.loss import neighbour_targets

IMAGE_SIZE = 112
GRID = 8
NUM_BINS = 1024


def nano_config(vocab_size: int) -> PaliGemmaConfig:
    """About 6 M parameters: 64 image tokens, six vision blocks, five decoder blocks."""
    vision = SiglipConfig(
        image_size=IMAGE_SIZE, patch_size=14, width=192, depth=6, mlp_dim=768, num_heads=6
    )
    text = GemmaConfig(
        vocab_size=vocab_size,
        width=256,
        depth=5,
        mlp_dim=512,
        num_heads=4,
        num_kv_heads=2,
        head_dim=64,
        query_scale=64**-0.5,
        final_softcap=30.0,
        post_norms=True,
    )
    return PaliGemmaConfig(vision, text)


class NanoInTraining(nn.Module):
    """nano and the dense head of its training."""

    def __init__(self, vocab_size: int, loc_start: int, names: Tensor, num_colours: int) -> None:
        """`names` [forms, classes]: the token that says a class, in each form that it has."""
        super().__init__()
        self.loc_start = loc_start
        self.model = PaliGemma(nano_config(vocab_size))
        self.dense = DenseHead(self.model.config.text.width, num_colours)
        self.register_buffer("names", names, persistent=False)
        with torch.no_grad():
            _initialise(self.model, loc_start)

    def dense_losses(
        self, features: Tensor, targets: dict[str, Tensor], soft_bins: float
    ) -> dict[str, Tensor]:
        """What the dense head makes of features [B, 64, D]; see `DenseHead.losses`."""
        table = self.model.text.embedding.weight
        return self.dense.losses(features, table[self.names], self.loc_table(), targets, soft_bins)

    def loc_table(self) -> Tensor:
        """The embeddings of the 1,024 box bins: [1024, D]."""
        return self.model.text.embedding.weight[self.loc_start : self.loc_start + NUM_BINS]


class DenseHead(nn.Module):
    """From each image token the thing that covers it and its box; from all, the background.

    Things are scored against the embeddings of the words that name them, and boxes against those of
    the `<loc>` tokens, so that the tower speaks the decoder's language before that can listen.
    """

    def __init__(self, width: int, num_colours: int) -> None:
        super().__init__()
        self.norm = RMSNorm(width, 1e-6)
        self.nothing = nn.Linear(width, 1)
        self.colours = nn.Linear(width, num_colours)
        self.boxes = nn.Linear(width, 4 * width)
        self.box_norm = RMSNorm(width, 1e-6)

    def losses(
        self,
        features: Tensor,
        names: Tensor,
        loc_table: Tensor,
        targets: dict[str, Tensor],
        soft_bins: float,
    ) -> dict[str, Tensor]:
        """Named losses, and two detached measures.

        Args:
            features: image tokens [B, 64, D].
            names: embeddings [forms, classes, D].
            loc_table: embeddings [1024, D].
            targets: `patch_class` [B, 64] (0 nothing), `patch_box` [B, 64, 4] in bins, `colour`
                [B].
        """
        x = self.norm(features)
        covered = targets["patch_class"]
        thing = covered > 0
        nothing = self.nothing(x).flatten(0, 1)
        forms = [torch.cat([nothing, x.flatten(0, 1) @ form.T], dim=1) for form in names]
        named = torch.stack([F.cross_entropy(form, covered.flatten()) for form in forms]).mean()
        vectors = self.box_norm(self.boxes(x[thing]).unflatten(-1, (4, -1)))
        logits = vectors @ loc_table.T
        soft = neighbour_targets(targets["patch_box"][thing].flatten(), NUM_BINS, soft_bins)
        box = -(soft * logits.flatten(0, 1).log_softmax(dim=-1)).sum(dim=-1).mean()
        error = (logits.argmax(dim=-1) - targets["patch_box"][thing]).abs().float().mean()
        right = (forms[0].argmax(dim=-1) == covered.flatten())[thing.flatten()].float().mean()
        return {
            "class": named,
            "box": box,
            "colour": F.cross_entropy(self.colours(x.mean(dim=1)), targets["colour"]),
            "class_right": right.detach(),
            "bins_off": error.detach(),
        }


def _initialise(model: PaliGemma, loc_start: int) -> None:
    width = model.config.text.width
    table = model.text.embedding.weight
    nn.init.normal_(table, std=width**-0.5)
    table[loc_start : loc_start + NUM_BINS] = ordered_rows(NUM_BINS, width)
    model.vision.pos_embedding.copy_(0.5 * _grid_rows(GRID, model.config.vision.width))


def ordered_rows(count: int, width: int) -> Tensor:
    """Rows of length 1 whose likeness falls with distance: waves of 1/2 to count / 16 turns."""
    turns = torch.logspace(math.log10(0.5), math.log10(count / 16), width // 2)
    angles = 2 * math.pi * torch.arange(count)[:, None] / count * turns
    return torch.cat([angles.cos(), angles.sin()], dim=1) * (2 / width) ** 0.5


def _grid_rows(side: int, width: int) -> Tensor:
    turns = torch.logspace(math.log10(0.25), math.log10(side / 2), width // 4)
    angles = 2 * math.pi * (torch.arange(side)[:, None] + 0.5) / side * turns
    axis = torch.cat([angles.cos(), angles.sin()], dim=1)
    rows = torch.cat([axis[:, None].expand(-1, side, -1), axis[None].expand(side, -1, -1)], dim=-1)
    return rows.flatten(0, 1)


def dense_targets(scenes: list[Scene]) -> dict[str, Tensor]:
    """What every patch shows: class number and box bins, and each scene's background."""
    rows = [patch_targets(one) for one in scenes]
    return {
        "patch_class": torch.from_numpy(np.stack([r[0] for r in rows])),
        "patch_box": torch.from_numpy(np.stack([r[1] for r in rows])),
        "colour": torch.tensor([COLOURS.index(one.background) for one in scenes]),
    }


def patch_targets(one: Scene) -> tuple[np.ndarray, np.ndarray]:
    """For each patch, the thing that covers most of it: class number and box bins.

    A thing that covers less than a quarter does not count; its patch has class 0.
    """
    side = one.image.shape[0]
    patches = instance_map(one).reshape(GRID, side // GRID, GRID, side // GRID)
    cells = patches.transpose(0, 2, 1, 3).reshape(GRID * GRID, -1)
    shares = np.stack([(cells == i + 1).mean(axis=1) for i in range(len(one.objects))])
    winner = shares.argmax(axis=0)
    covered = shares.max(axis=0) >= 0.25
    classes = np.array([KNOWN.index(thing.key) + 1 for thing in one.objects])
    boxes = np.array([encode_box(thing.box, (side, side)) for thing in one.objects])
    return np.where(covered, classes[winner], 0), boxes[winner] * covered[:, None]
