"""promtool, as the tests of rules have it."""

from tests.alert.conftest import promtool

__all__ = ["promtool"]
