"""Keys of an agent: overlap, forgetting, bounds (spec 2.1)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.fleet.credentials import Key, find, issued, revoked, working
from watchfloor.kernel.limits import KEYS_PER_AGENT_MAX

A = Key(id="key_a", issued_at=0, expires_at=100)


def test_a_key_that_is_forgotten_is_not_found() -> None:
    keys = issued((A,), "key_b", 200, 150)
    assert [key.id for key in keys] == ["key_b"]
    assert find(keys, "key_a") is None
    assert find(keys, "key_b") == keys[0]


def test_rotating_again_never_lengthens_an_overlap_nor_outlives_the_key() -> None:
    once = issued((A,), "key_b", 200, 10, rotates="key_a", overlap_until_at=30)
    twice = issued(once, "key_c", 200, 20, rotates="key_a", overlap_until_at=90)
    assert [key.ends_at for key in twice] == [30, 0, 0]
    beyond = issued((A,), "key_b", 200, 10, rotates="key_a", overlap_until_at=500)
    assert [key.works(100) for key in beyond] == [False, True]


def test_an_overlap_that_ends_before_it_begins_ends_now() -> None:
    keys = issued((A,), "key_b", 200, 10, rotates="key_a", overlap_until_at=0)
    assert working(keys, 10) == keys[1:]


def test_a_repeated_issue_replaces_and_a_repeated_revocation_keeps_its_instant() -> None:
    keys = issued((A,), "key_a", 300, 10)
    assert [key.expires_at for key in keys] == [300]
    assert revoked(revoked(keys, "key_a", 20), "key_a", 40)[0].revoked_at == 20
    assert revoked(keys, "key_z", 20) == keys


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30).map("key_{}".format), st.integers(1, 50), st.booleans(), st.integers(0, 30)
        ),
        max_size=40,
    )
)
def test_keys_stay_bounded_and_the_newest_works_whatever_is_issued(
    steps: list[tuple[str, int, bool, int]],
) -> None:
    keys: tuple[Key, ...] = ()
    for at, (key_id, life, revoke, other) in enumerate(steps, 1):
        keys = issued(keys, key_id, at + life, at, rotates=f"key_{other}", overlap_until_at=at + 5)
        assert keys[-1].id == key_id
        assert keys[-1].works(at)
        assert len(keys) <= KEYS_PER_AGENT_MAX
        assert len({key.id for key in keys}) == len(keys)
        if revoke:
            keys = revoked(keys, key_id, at)
            assert not keys[-1].works(at)
