"""Nobody hands on more than they have, and no lineage grows without end (spec 2.2, fault F4)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.fleet.spawn_messages import SpawnAgent
from watchfloor.fleet.spawning import SpawnEvidence
from watchfloor.fleet.spawning import objection as spawn_objection
from watchfloor.kernel.terms import DelegationTerms
from watchfloor.work import lineage
from watchfloor.work.lineage import Handover, ParentTask, Party, lessened
from watchfloor.work.messages import NO_TOOL, TIER_MAX, SubmitTask

TOOLS = ("git", "search", "shell")
LISTS = st.lists(st.sampled_from(TOOLS), unique=True, max_size=3).map(tuple)


def usable(tools: tuple[str, ...]) -> set[str]:
    """The tools that a list allows."""
    return set(TOOLS) if not tools else set(tools) - {NO_TOOL}


@given(LISTS | st.just((NO_TOOL,)), LISTS | st.just((NO_TOOL,)))
def test_what_is_left_of_two_lists_is_exactly_what_both_allow(
    one: tuple[str, ...], two: tuple[str, ...]
) -> None:
    assert usable(lessened(one, two)) == usable(one) & usable(two)


@given(
    st.lists(st.tuples(LISTS, LISTS, st.integers(0, TIER_MAX)), min_size=1, max_size=8),
    st.integers(0, 6),
)
def test_along_every_chain_of_delegations_rights_only_shrink_and_depth_is_bounded(
    steps: list[tuple[tuple[str, ...], tuple[str, ...], int]], depth_max: int
) -> None:
    terms = DelegationTerms(depth_max=depth_max, delegate_tier_min=0, submit_tier_min=0)
    parent = ParentTask()
    for number, (own, asked, tier) in enumerate(steps, start=1):
        evidence = Handover(terms=terms, delegator=Party(tools=own, tier=tier), parent=parent)
        command = SubmitTask(by=number, parent=99, parent_generation=1, tools=asked, delegated=True)
        reason = lineage.objection(command, evidence)
        if reason:
            assert reason in ("too_deep", "more_rights")
            assert reason != "too_deep" or len(parent.chain) >= depth_max
            continue
        child = lineage.lineage(command, evidence)
        assert usable(child.tools) <= usable(own) & usable(parent.tools)
        assert not asked or usable(child.tools) == usable(asked)
        assert child.tier_max <= min(tier, parent.tier_max)
        assert child.chain == (*parent.chain, number)
        assert len(child.chain) <= depth_max
        parent = ParentTask(chain=child.chain, tools=child.tools, tier_max=child.tier_max, root=child.root)


@given(
    LISTS, LISTS, LISTS, LISTS, st.integers(0, 5), st.integers(0, 9), st.integers(0, 40), st.integers(0, 5)
)
def test_an_agent_that_may_be_spawned_has_nothing_its_parent_has_not(
    capabilities: tuple[str, ...],
    tools: tuple[str, ...],
    wanted: tuple[str, ...],
    wanted_tools: tuple[str, ...],
    tier: int,
    living: int,
    below: int,
    depth: int,
) -> None:
    terms = DelegationTerms()
    evidence = SpawnEvidence(
        terms=terms,
        owner="per_a",
        sponsor="",
        capabilities=capabilities,
        tools=tools,
        tier=tier,
        depth=depth,
        root=1,
        contained=False,
        living=living,
        lineage=below,
        share_milli=0,
        running="e",
        digest="d",
        spawn_class=True,
        used_by=0,
        taken_by=0,
    )
    command = SpawnAgent(
        by=1,
        action=2,
        execution="e",
        digest="d",
        name="n",
        type="t",
        capabilities=wanted,
        credential="k",
        expires_at=1,
        tools=wanted_tools,
    )
    if not spawn_objection(command, evidence):
        assert set(wanted) <= set(capabilities)
        assert usable(wanted_tools or tools) <= usable(tools)
        assert tier >= terms.spawn_tier_min
        assert depth < terms.spawn_depth_max
        assert living < terms.spawn_fan_out_max
        assert below < terms.spawn_agents_max
