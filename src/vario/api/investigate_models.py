"""Shapes of questions, and of a number asked again."""

from pydantic import Field

from vario.api.models import Shape
from vario.model.investigation import Symptom


class QuestionIn(Shape):
    """What is asked; everything may be left out. `scope` has fields of the filter grammar."""

    service: str = Field(default="", max_length=500)
    symptom: Symptom | None = None
    model: str = Field(default="", max_length=500)
    start: str = Field(default="now-1h", max_length=64)
    end: str = Field(default="now", max_length=64)
    alert_id: str = Field(default="", max_length=64)
    slo: str = Field(default="", max_length=500)
    expression: str = Field(default="", max_length=5000)
    scope: dict[str, str] = Field(default_factory=dict, max_length=20)
    title: str = Field(default="", max_length=500)


class EvidenceAnswerOut(Shape):
    """The number, null where nothing matches."""

    value: float | None


class PictureOut(Shape):
    """A finding's query over time: a value for each time, null where there is none."""

    measure: str
    unit: str
    times: list[float]
    values: list[float | None]
