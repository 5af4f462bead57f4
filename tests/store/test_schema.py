from vario.config import RetentionSettings
from vario.store.schema import migrate, shape_of


def test_migrating_twice_changes_nothing(store) -> None:
    assert migrate(store.engine, shape_of("", RetentionSettings())) == []
