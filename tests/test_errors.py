import inspect

from vario import errors


def _tree() -> list[type[errors.VarioError]]:
    return [
        value
        for _, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, errors.VarioError) and value is not errors.VarioError
    ]


def test_every_error_stands_in_the_drawn_tree_with_its_kind() -> None:
    drawn = {
        line.split("── ")[1].split()[0]: line.split()[2]
        for line in (errors.__doc__ or "").splitlines()
        if "── " in line
    }
    assert drawn == {error.__name__: error.kind for error in _tree()}


def test_kinds_are_distinct() -> None:
    kinds = [error.kind for error in _tree()]
    assert len(kinds) == len(set(kinds))
