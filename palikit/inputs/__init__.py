"""Everything before the model: pictures, words, and the batch made of them."""
