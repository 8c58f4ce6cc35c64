"""Whether freed memory is kept between layers is the user's to say."""

import platform

import pytest

from palikit.engine.machine import keep_freed_memory

NAMES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def test_glibc_keeps_what_is_freed(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")


@pytest.mark.parametrize("name", NAMES)
def test_what_the_environment_says_is_left_alone(name, monkeypatch):
    monkeypatch.setenv(name, "131072")
    assert not keep_freed_memory()
