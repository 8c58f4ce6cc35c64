"""Checkpoints in and out: Hugging Face folders, hub ids, big_vision `.npz` files."""
