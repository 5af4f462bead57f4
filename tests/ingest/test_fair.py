from hypothesis import given
from hypothesis import strategies as st

from vario.ingest.client import client_of, client_of_peer
from vario.ingest.fair import QUANTUM_BYTES, FairQueue

K = 1 << 10


def test_who_sends_much_waits_behind_itself() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(100):
        queue.put("loud", 32 * K, f"loud {number}")
    for number in range(3):
        queue.put("quiet", 1 * K, f"quiet {number}")
    assert queue.take(200 * K) == [
        "loud 0",
        "loud 1",
        "quiet 0",
        "quiet 1",
        "quiet 2",
        "loud 2",
        "loud 3",
        "loud 4",
        "loud 5",
    ]
    assert queue.size_bytes == 94 * 32 * K


def test_clients_get_as_many_bytes_whatever_the_size_of_their_requests() -> None:
    queue: FairQueue[int] = FairQueue()
    for _ in range(4000):
        queue.put("small", 1 * K, 1 * K)
    for _ in range(40):
        queue.put("large", 100 * K, 100 * K)
    taken = [size for _ in range(5) for size in queue.take(400 * K)]
    small, large = (sum(size for size in taken if size == one) for one in (1 * K, 100 * K))
    assert abs(small - large) <= 100 * K + QUANTUM_BYTES


def test_one_that_is_larger_than_the_limit_is_taken_alone() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.put("a", 64 << 20, "large")
    queue.put("a", 1, "small")
    assert queue.take(16 << 20) == ["large"]
    assert queue.take(16 << 20) == ["small"]
    assert (queue.take(16 << 20), queue.size_bytes, len(queue)) == ([], 0, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 5 * QUANTUM_BYTES)),
        max_size=40,
    ),
    st.integers(1, 8 * QUANTUM_BYTES),
)
def test_everything_comes_out_once_and_in_order(items: list[tuple[str, int]], limit: int) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for number, (client, size) in enumerate(items):
        queue.put(client, size, (client, number))
    out: list[tuple[str, int]] = []
    while queue:
        group = queue.take(limit)
        assert group
        assert len(group) == 1 or sum(items[number][1] for _, number in group) <= limit
        out += group
    for client in "abc":
        sent = [number for number, (name, _) in enumerate(items) if name == client]
        assert [number for name, number in out if name == client] == sent


def test_a_client_is_a_machine_and_here_a_connection() -> None:
    assert client_of("10.0.0.7", 1) == client_of("10.0.0.7", 2)
    assert client_of("127.0.0.1", 1) != client_of("127.0.0.1", 2)
    assert client_of("testclient", 1) == "testclient"
    assert client_of_peer("ipv4:10.0.0.7:41000") == "10.0.0.7"
    assert client_of_peer("ipv6:%5B2001:db8::1%5D:41000") == "2001:db8::1"
    assert client_of_peer("unix:/run/x") == "unix:/run/x"
