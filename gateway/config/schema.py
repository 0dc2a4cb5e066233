"""JSON Schemas for editors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from connectors.declared.model.file import ConnectorFile
from gateway.config.high_risk import HighRiskModel
from gateway.config.model import ConfigFile
from mappings.model import MappingFile, TypeFile
from mappings.task_model import TasksFile
from mappings.testing import TestFile

MODELS: dict[str, type[BaseModel]] = {
    "lockstep": ConfigFile,
    "connector": ConnectorFile,
    "mapping": MappingFile,
    "type": TypeFile,
    "mapping-test": TestFile,
    "tasks": TasksFile,
    "high-risk": HighRiskModel,
}


def json_schema(kind: str = "lockstep") -> dict[str, Any]:
    """The schema of a kind of file, one of MODELS. Raises KeyError for another."""
    schema = MODELS[kind].model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
