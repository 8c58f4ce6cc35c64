"""Names of files in label files, which come from strangers: none may lead out of its folder."""

__all__ = ["steps"]


def steps(name: str) -> tuple[str, ...] | None:
    """The way from a folder to the file called `name`; None where it leads out, or nowhere.

        steps("a/../b\\c.jpg")       # ("b", "c.jpg")
        steps("../c.jpg")            # None

    Backslashes count as slashes, for files that were written on Windows. Links in the folder are
    followed: they are its owner's, and not the label file's.
    """
    plain = name.replace("\\", "/")
    if plain.startswith("/") or plain[1:2] == ":" or "\0" in plain or not plain.strip():
        return None
    kept: list[str] = []
    for part in plain.split("/"):
        if part == "..":
            if not kept:
                return None
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return tuple(kept) or None
