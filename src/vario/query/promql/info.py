"""info(): labels of info metrics such as target_info joined to series (experimental)."""

from vario.query.promql.nodes import Call
from vario.query.promql.selectors import Selectors
from vario.query.promql.values import Steps, Vector


class Info:
    """Joins info metrics."""

    def __init__(self, selectors: Selectors) -> None:
        self.selectors = selectors

    def join(self, node: Call, base: Vector, steps: Steps) -> Vector:
        """Returns the base vector."""
        return base
