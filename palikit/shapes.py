"""The letters in our shape annotations, the same as the reference's, and aliases for common arrays.

    B  batch rows              T  query tokens          S  key/value slots
    F  frames (images) a row   P  patches an image      R  image side in pixels
    N  query heads             K  key/value heads       G  N / K, query heads per key/value head
    H  width of one head       D  width of the model    M  width of an MLP
    V  vocabulary rows         C  codes of a mask (16)  L  prefix + suffix text tokens

Annotations are checked while the tests run and cost nothing otherwise.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Images = Float[Tensor, "B F 3 R R"]
"""Pixels in [-1, 1], channels first, F frames in each row."""

TokenIds = Int[Tensor, "B T"]
TokenMask = Bool[Tensor, "B T"]
"""True where a token is real, False where it is padding."""

Embeddings = Float[Tensor, "B T D"]
Logits = Float[Tensor, "B T V"]
