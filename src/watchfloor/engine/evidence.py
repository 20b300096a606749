"""Which evidence each command is judged by, read from registers under the single writer (DESIGN §1 *Evidence*)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchfloor.actions.gate import Gathered
from watchfloor.actions.grants import StartEvidence
from watchfloor.actions.messages import Evidence, RequestAction, StartAction
from watchfloor.councils.messages import CastVote, OpenDecision
from watchfloor.councils.rules import PoolEvidence, VoterEvidence
from watchfloor.engine.step import Gather
from watchfloor.engine.system_rules import WorkLeft
from watchfloor.fleet.messages import RegisterAgent
from watchfloor.fleet.rules import NameEvidence, available
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY, HOUR, MINUTE
from watchfloor.kernel.messages import Actor, Command
from watchfloor.kernel.subject import Read
from watchfloor.kernel.system import Advance
from watchfloor.kernel.terms import holds
from watchfloor.people.messages import AddPerson, ChangeRoles, DisablePerson
from watchfloor.people.rules import AdminEvidence, HandleEvidence
from watchfloor.processes.dispatch import tasks_max
from watchfloor.registers import activity as counters
from watchfloor.registers.containment import stops_for
from watchfloor.registers.delivery import Continuation
from watchfloor.registers.directory import ActivePolicy, Person, find_person
from watchfloor.trust import scoring
from watchfloor.trust.messages import AdjustTrust, ReassessTrust, RecordTrust
from watchfloor.trust.rules import TermsEvidence
from watchfloor.work.messages import AssignTask
from watchfloor.work.rules import AgentEvidence
