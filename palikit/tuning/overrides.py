"""`key=value` words of a command line, put into a frozen configuration.

    with_overrides(config, ["lr=1e-3", "rank=8", "asking.order=left", "data=coco:a.json,yolo:b"])

A key is a field's name, or its path where parts of the configuration share a name. The words may
change what a recipe says, never add to it. Those that name a parameter of the recipe's function
are its arguments: `size=10b resolution=448`.
"""

import inspect
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from palikit.errors import UsageError

__all__ = ["call_recipe", "with_overrides"]

C = TypeVar("C")


def call_recipe(recipe: Callable[..., C], words: Sequence[str]) -> tuple[C, list[str]]:
    """What a recipe returns, called with those of the words that name its parameters; the others.

    Raises:
        UsageError: a value of the wrong kind, or what the recipe itself refuses.
    """
    plain = inspect.unwrap(getattr(recipe, "func", recipe))
    kinds = get_type_hints(plain)
    known = [name for name in inspect.signature(recipe).parameters if name in kinds]
    given: dict[str, Any] = {}
    rest = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key.strip() not in known:
            rest.append(word)
            continue
        try:
            given[key.strip()] = _read(text.strip(), kinds[key.strip()])
        except ValueError as error:
            raise UsageError(f"{key}={text!r} does not fit: {error}") from error
    return recipe(**given), rest


def with_overrides(config: C, words: Sequence[str]) -> C:
    """The same configuration with some values changed.

    Raises:
        UsageError: a word that is no key=value, a key that is unknown or stands for several
            fields, or a value of the wrong kind.
    """
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"{word!r} is no setting: write key=value, for example lr=1e-4")
        config = _set(config, _path(config, key.strip()), text.strip(), key)
    return config


def _path(config: Any, key: str) -> tuple[str, ...]:
    paths = list(_paths(config))
    wanted = tuple(key.split("."))
    found = [path for path in paths if path == wanted]
    found = found or [path for path in paths if path[-len(wanted) :] == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(".".join(path) for path in found)
        raise UsageError(f"{key!r} may be any of {several}: write the one that is meant")
    known = ", ".join(".".join(path) for path in paths)
    raise UsageError(f"there is no setting {key!r}: the settings are {known}")


def _paths(config: Any, ahead: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            yield from _paths(value, (*ahead, field.name))
        else:
            yield (*ahead, field.name)


def _set(config: Any, path: tuple[str, ...], text: str, key: str) -> Any:
    name, *rest = path
    if rest:
        return replace(config, **{name: _set(getattr(config, name), tuple(rest), text, key)})
    kind = get_type_hints(type(config))[name]
    try:
        return replace(config, **{name: _read(text, kind)})
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(f"{key}={text!r} does not fit: {error}") from error


def _read(text: str, kind: Any) -> Any:
    """A value of an annotated kind, from words."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if text.lower() == "none" and type(None) in inside:
            return None
        kinds = [one for one in inside if one is not type(None)]
        return _read(text, kinds[0])
    if origin is Literal:
        if text not in inside:
            raise ValueError(f"write one of {', '.join(map(str, inside))}")
        return text
    if origin is tuple:
        parts = [part for part in text.split(",") if part]
        if len(inside) == 2 and inside[1] is Ellipsis:
            return tuple(_read(part, inside[0]) for part in parts)
        if len(parts) != len(inside):
            raise ValueError(f"write {len(inside)} values with commas between them")
        return tuple(_read(part, one) for part, one in zip(parts, inside, strict=True))
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("write true or false")
        return text.lower() == "true"
    if kind in (int, float, str):
        return kind(text)
    raise ValueError("this can only be set in a recipe")
