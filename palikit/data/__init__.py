"""Labels: readers and writers of their files, checks, and training examples made of them."""
