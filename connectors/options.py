"""Reads the settings of a connection and of its objects with the connector's own model."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.contract.errors import ConfigError


class Options(BaseModel):
    """Base of a connector's settings: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=Options)


def parse(model: type[Model], given: Mapping[str, Any], where: str) -> Model:
    """`given` as `model`. Raises ConfigError with one line per problem, each naming `where` and the key."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        problems = [f"{where}: error[options]: {_problem(model, each)}" for each in error.errors()]
        raise ConfigError(problems) from error


def _problem(model: type[Options], each: Any) -> str:
    key = ".".join(str(part) for part in each["loc"])
    if each["type"] != "extra_forbidden":
        return f"{key}: {each['msg']}"
    known = list(model.model_fields)
    close = get_close_matches(key, known, 1)
    tip = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
    return f"{key} is not an option; {tip}"
