"""What a study found, as a JSON document that holds nothing of when and where it was made."""

import json
import os
from pathlib import Path
from typing import Any, Literal

import pydantic

from ..spec import SpecError
from .cost import Cost

__all__ = ["RowResult", "Run", "SCHEMA", "StudyResult", "load_study_result"]

SCHEMA = 1
"""Version of the document; a change that breaks readers increments it."""


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


class Run(_Model):
    """A row with one seed."""
    seed: int = pydantic.Field(description="of weights, order, calibration and clusters")
    status: Literal["ok", "failed"] = pydantic.Field(description="`ok`, or `failed`")
    reason: str | None = pydantic.Field(default=None, description="one sentence, if it failed")
    float_accuracy: float | None = pydantic.Field(
        default=None, description="share of test images, 0 to 1, of the float network")
    converted_accuracy: float | None = pydantic.Field(
        default=None, description="of its integers before fine-tuning")
    tuned_accuracy: float | None = pydantic.Field(
        default=None, description="of its integers after fine-tuning; null without")
    lost_points: float | None = pydantic.Field(
        default=None, description="percentage points from float to the integers in the end")
    network: str | None = pydantic.Field(
        default=None, description="file of the integer network in the study's folder")
    command: str = pydantic.Field(description="what computes it once more")

    @property
    def accuracy(self) -> float | None:
        """Of the integer network in the end."""
        return self.converted_accuracy if self.tuned_accuracy is None else self.tuned_accuracy


class RowResult(_Model):
    """A setting with its seeds."""
    name: str = pydantic.Field(description="of the row")
    settings: dict[str, Any] = pydantic.Field(description="every field with its value")
    cost: Cost | None = pydantic.Field(
        default=None, description="[Cost](#cost); null where all seeds failed")
    runs: list[Run] = pydantic.Field(description="list of [Run](#run), by seed")

    @property
    def good(self) -> list[Run]:
        """The runs that did not fail."""
        return [run for run in self.runs if run.status == "ok"]


class StudyResult(_Model):
    """A whole study."""
    schema_version: int = pydantic.Field(default=SCHEMA, description="1")
    document: Literal["study"] = pydantic.Field(default="study", description='`"study"`')
    study: str = pydantic.Field(description="file or preset")
    title: str = pydantic.Field(description="in words")
    network: str = pydantic.Field(description="of the zoo, or a file")
    data: str = pydantic.Field(description="data set")
    test_images: int = pydantic.Field(description="images behind each accuracy")
    products: int = pydantic.Field(description="multiplications of the float network per image")
    recipe: dict[str, Any] | None = pydantic.Field(
        description="training of the float network; null where a file was taken as it is")
    device: str = pydantic.Field(description="`cpu` or `cuda`")
    versions: dict[str, str] = pydantic.Field(description="pqhw, PyTorch and NumPy")
    base: dict[str, Any] = pydantic.Field(description="settings that rows differ from")
    rows: list[RowResult] = pydantic.Field(description="list of [Row](#row)")

    @property
    def seeds(self) -> list[int]:
        """All seeds of its runs."""
        return sorted({run.seed for row in self.rows for run in row.runs})

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(run.status == "ok" for row in self.rows for run in row.runs)

    def text(self) -> str:
        """The document as it stands in a file."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"


def load_study_result(path: str | os.PathLike[str]) -> StudyResult:
    """Read a study.json.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    """
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    except ValueError:
        raise SpecError(f"{path}: is not a JSON file.") from None
    if not isinstance(values, dict) or values.get("document") != "study":
        raise SpecError(f"{path}: is not a result of pqhw study.")
    if values.get("schema_version") != SCHEMA:
        raise SpecError(f"{path}: has schema version {values.get('schema_version')}, "
                        f"but this pqhw reads version {SCHEMA}.")
    try:
        return StudyResult.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SpecError(f"{path}: {where}: {first['msg']}.") from None
