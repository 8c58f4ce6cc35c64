"""palikit: PaliGemma 2, whole."""
