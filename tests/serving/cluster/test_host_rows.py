"""On which host each shard is."""

from sklearn_sagemaker.serving.cluster.host_files import HostFile
from sklearn_sagemaker.serving.cluster.host_rows import settled


def part(*files):
    return [
        HostFile(f"{host}-{size}", host, f"/{host}/{size}", size)
        for host, size in files
    ]


def test_a_shard_is_where_most_of_it_is():
    parts = [
        part(("one", 5), ("two", 3)),
        part(("one", 1), ("two", 3)),
        part(("one", 4)),
    ]
    assert settled(parts[:2], ["one", "two"]) == ["one", "two"]
    # No host has more than its share, so the smallest moves.
    assert settled([*parts[::2], part(("one", 9))], ["one", "two"]) == [
        "one",
        "two",
        "one",
    ]
    assert settled(parts[:2], ["one", "two", "three"]) == ["one", "two"]


def test_files_that_are_shared_out_in_turn_stay():
    hosts = ["one", "two"]
    files = part(*[(hosts[number % 2], 10 + number) for number in range(16)])
    parts = [files[number::4] for number in range(4)]
    assert settled(parts, hosts) == hosts * 2
