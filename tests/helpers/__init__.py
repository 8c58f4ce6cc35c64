"""What several test folders share; `checked` is how annotations are checked while the tests run."""

from beartype import BeartypeConf, beartype

__all__ = ["checked"]

# An int is welcome where a float is, as typing has it.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
