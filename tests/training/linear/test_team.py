"""Threads that work together: parts in order, and nobody waits for the lost."""

import threading

import numpy as np
import pytest

from sklearn_sagemaker._kernels import kernels
from sklearn_sagemaker.training.linear.team import Team

needs_teams = pytest.mark.skipif(
    not kernels.can_team(), reason="the compiler has no atomics"
)


def wait_for(barrier, member, members):
    """Like the kernels: come to the barrier and wait until all are there."""
    if member == 0:
        while barrier[8] == 0:
            if barrier[kernels.BARRIER_BROKEN]:
                return
    else:
        barrier[8] = 1


@pytest.mark.parametrize("members", [1, 2, 3, 5])
def test_every_member_makes_the_call(members):
    seen = []

    def call(barrier, member, of):
        seen.append((member, of, id(barrier)))
        assert not barrier.any()

    with Team(members) as team:
        team.together(call)
        assert sorted(member for member, *_ in seen) == list(range(team.members))
        assert {of for _, of, _ in seen} == {team.members}
        assert len({place for *_, place in seen}) == 1


@needs_teams
@pytest.mark.parametrize(("members", "wanted"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_fewer_members_than_all_make_the_call(members, wanted):
    seen = []
    with Team(3) as team:
        team.together(lambda _, member, of: seen.append((member, of)), members)
    assert sorted(seen) == [(member, wanted) for member in range(wanted)]


@needs_teams
def test_members_work_at_the_same_time():
    with Team(2) as team:
        team.together(wait_for)


def test_one_member_is_the_caller():
    seen = []
    with Team() as team:
        team.together(lambda *_: seen.append(threading.get_ident()))
    assert seen == [threading.get_ident()]


def fails_in(member):
    def call(barrier, mine, members):
        if mine == member:
            raise RuntimeError(f"member {mine} of {members}")
        while not barrier[kernels.BARRIER_BROKEN]:
            pass

    return call


def outcome(call, barriers):
    """Exception that two members raise together, or None if they hang."""
    found = []

    def work():
        def noted(barrier, *who):
            barriers.append(barrier)
            return call(barrier, *who)

        with Team(2) as team:
            try:
                team.together(noted)
            except RuntimeError as error:
                found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(2)
    hangs = thread.is_alive()
    barriers[0][kernels.BARRIER_BROKEN] = 1
    thread.join(10)
    return None if hangs else found[0]


@needs_teams
@pytest.mark.parametrize(
    "member",
    [
        0,
        1,
    ],
)
def test_a_member_that_fails_is_not_waited_for(member):
    error = outcome(fails_in(member), [])
    assert str(error) == f"member {member} of 2"


@needs_teams
def test_a_team_works_on_after_a_failure():
    with Team(2) as team:
        with pytest.raises(RuntimeError, match="member 0"):
            team.together(fails_in(0))
        team.together(wait_for)


@pytest.mark.parametrize("members", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_answers_come_in_order(members, n):
    with Team(members) as team:
        assert list(team.map(lambda i: i * i, range(n))) == [i * i for i in range(n)]


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("bad", [0, 1])
def test_an_exception_of_map_is_raised(members, bad):
    with Team(members) as team, pytest.raises(ZeroDivisionError):
        list(team.map(lambda i: 1 // (i - bad), range(4)))


def test_threads_end_with_the_team():
    before = threading.active_count()
    with Team(4) as team:
        list(team.map(np.sqrt, range(8)))
    assert threading.active_count() == before
