"""From logits to token ids: samplers, the decoding loop, beam search. Speaks ids, never words."""
