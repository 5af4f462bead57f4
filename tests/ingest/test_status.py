import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo

from vario import errors
from vario.errors import BadData, Overloaded, TooLarge, Unavailable, VarioError
from vario.ingest.status import CODES, retry_after_s, to_status


def every_error(root: type[VarioError] = VarioError) -> list[type[VarioError]]:
    return [root, *(error for child in root.__subclasses__() for error in every_error(child))]


def test_every_kind_has_codes_and_no_other() -> None:
    own = {error.kind for error in every_error() if error.__module__ == errors.__name__}
    assert set(CODES) == own


def test_the_codes_are_those_that_the_tree_of_errors_draws() -> None:
    drawn = {
        line.split()[-3]: (int(line.split()[-2]), line.split()[-1])
        for line in (errors.__doc__ or "").splitlines()
        if "──" in line
    }
    names = {code.value[0]: code.name for code in grpc.StatusCode}
    assert {kind: (codes.http, names[codes.rpc]) for kind, codes in CODES.items()} == drawn


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Overloaded("full", retry_after_s=3), 3),
        (Unavailable("stopping", retry_after_s=5), 5),
        (errors.QueryTimeout("slow"), 1),
        (BadData("bad"), None),
        (TooLarge("large"), None),
        (errors.InternalError("fault"), None),
    ],
)
def test_only_what_may_get_better_is_to_be_retried(error: VarioError, seconds: int | None) -> None:
    assert retry_after_s(error) == seconds
    status = to_status(error)
    assert status.message == str(error)
    delays = []
    for detail in status.details:
        info = RetryInfo()
        assert detail.Unpack(info)
        delays.append(info.retry_delay.seconds)
    assert delays == ([] if seconds is None else [seconds])
