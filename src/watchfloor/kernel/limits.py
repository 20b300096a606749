"""Every bound in the product with its reason (law *Limits*, DESIGN §1). Nothing here is tuned at run time."""

from __future__ import annotations

# One command and what follows from it -------------------------------------------------------------------------
DERIVED_COMMANDS_MAX = 256  # beyond it a set-valued event and a continuation do the work in slices
DERIVED_DEPTH_MAX = 16  # a longer chain of processes is a loop
CONTINUATION_SLICE = 64  # subjects worked off per slice: a slice stays well below the derived bound

# Events ---------------------------------------------------------------------------------------------------------
FACTS_BYTES_MAX = 64 * 1024  # hard cap; a level-0 decision stays under 1 KiB
PRIVATE_BYTES_MAX = 512 * 1024  # parameters and diffs; above this belongs into an object store
INTEGER_MAX = 2**53 - 1  # RFC 8785 numbers are IEEE doubles

# Agents' input ---------------------------------------------------------------------------------------------------
FRAME_BYTES_MAX = 1024 * 1024  # spec 2.2: 1009 above
JSON_DEPTH_MAX = 32  # nobody nests deeper on purpose; keeps every parser away from its recursion limit
JSON_VALUES_MAX = 10_000  # looking at each of them stays below STEP_SLICE_US
PARAMS_BYTES_MAX = 256 * 1024  # a large diff fits
NAME_CHARS_MAX = 128
TEXT_CHARS_MAX = 16 * 1024
CAPABILITIES_MAX = 64
CAPABILITY_CHARS_MAX = 64  # as many as there may be, of capabilities and of tools, stay below FACTS_BYTES_MAX
IN_FLIGHT_PER_AGENT = 8  # DESIGN §2: fairness inside a lane
REQUEST_WINDOW = 1024  # frame ids remembered per agent (DESIGN 2b.5)
REQUEST_CHUNK = 64  # the window is kept in chunks, so that one entry copies at most this many
OUTBOX_SEQS = 256  # deliverable events kept per agent before `resync`

# Conversations -----------------------------------------------------------------------------------------------------
MESSAGE_BYTES_MAX = 16 * 1024  # what anybody says at once, in UTF-8; a document belongs into a task's result
CHAT_MESSAGES_MAX = 100_000  # a longer talk is several
CHATS_OPEN_PER_AGENT_MAX = 256  # each is live state; nobody follows more
CHANNELS_OPEN_MAX = 1_000  # of an organisation: names that agents make up must not grow without end
CHANNELS_PER_AGENT_MAX = 32  # leaving all of them at once is one batch
CHANNEL_MEMBERS_MAX = 100  # each post goes into the outbox of every member, in one step
CHANNEL_RECENT_MAX = 256  # seqs of messages kept with the channel, for history by the agent protocol
CHANNEL_HISTORY_MAX = 32  # messages of one answer to channel:history: they are read while others wait
CHANNEL_HISTORY_BYTES_MAX = 256 * 1024  # and their text: a quarter of what a socket may hold unsent
MESSAGES_PER_MINUTE = 120  # of one agent to others: its own rate class, apart from actions
CHANNELS_PER_MINUTE = 60  # channel operations of one agent
CHAT_PER_MINUTE = 120  # answers of one agent to people
PARTS_PER_MINUTE = (
    6_000  # frames of streamed answers; beyond it parts are dropped, the whole text still comes
)
SEARCH_MESSAGES_MAX = 20_000  # looked at for one answer; text has no index, so that it can be erased at once
SEARCH_MS_MAX = 1_000  # and for how long
STREAM_HELD_BYTES_MAX = (
    64 * 1024
)  # parts waiting for one follower of a chat; beyond it they are dropped for it

# Engine ------------------------------------------------------------------------------------------------------------
STEP_SLICE_US = 2_000  # the loop is never held longer
INBOX_MAX = 20_000  # commands waiting in one organisation before `overloaded`
FINISHED_SUBJECTS_MAX = 50_000  # LRU of finished subjects
BATCH_EVENTS_MAX = 4_096  # one commit; bounds the memory of the writer
EVENTS_PER_CHECKPOINT = 1_000
CHECKPOINT_INTERVAL_MS = 1_000
SNAPSHOT_EVENTS = 100_000  # a new snapshot after this many events
VIEW_INTERVAL_MS = 40
VIEW_WAIT_MS = 2_000  # `min_seq` reads wait this long
STREAM_COALESCE_MS = 20  # a stream speaks not oftener; with the views' interval and their writing below 60 ms
QUERY_MS_MAX = 5_000  # one of people's own queries; more than anybody waits for in front of a page
QUERY_ROWS_MAX = 10_000  # of its answer, as many as a page shows smoothly
QUERY_ANSWER_BYTES_MAX = 4 * 1024 * 1024
QUERY_VALUE_BYTES_MAX = 64 * 1024  # one value: no documented column holds more, and no step works on more
QUERY_MEMORY_BYTES_MAX = 128 * 1024 * 1024  # what sorting and joining may take meanwhile
QUERY_SQL_CHARS_MAX = 16_384
REPLAY_EVENTS_MAX = (
    100_000  # folded anew for one look at the past: some seconds, and as many as between two snapshots
)
QUERIES_AT_ONCE = 2  # threads; the rest of the server needs the others
SAVED_PER_PERSON_MAX = 200  # queries, and as many views of pages
SAVED_VIEW_BYTES_MAX = 4_096  # a page's filters

# People -------------------------------------------------------------------------------------------------------------
IDEMPOTENCY_HOURS = 24
IDEMPOTENCY_KEYS_MAX = 10_000  # per credential and day
PAGE_MAX = 200
PAGE_DEFAULT = 50
BODY_BYTES_MAX = 1024 * 1024
SESSION_HOURS = 12
CREDENTIALS_PER_PERSON_MAX = (
    64  # browsers, scripts and tokens of one person; a new session displaces the oldest
)

ALERTS_OPEN_MAX = 1_000  # nobody reads further; what comes on top is in its own lists
RUNGS_MAX = 32  # steps of an escalation, loops counted: after that many nobody is coming
SEEN_MAX = (
    256  # persons whose first look at a decision is kept: more than any committee, and state stays small
)
VALIDATORS_MAX = 256  # agents looked at when a tribunal is chosen: each costs a look at its trust and lineage
RECHECKED_MAX = (
    64  # pending decisions looked at when people change: each may close an action, all in one batch
)
EDITS_PER_ACTION_MAX = (
    8  # each opens a decision with its own deadline; whoever wants more than that wants another action
)
VOTES_PER_BATCH_MAX = 50  # votes with one confirmation: a longer list is read by nobody
SIMILAR_MAX = 20  # past decisions shown beside one
SIMILAR_LOOKED_AT_MAX = 2_000  # newest decisions among which the same class is looked for
BYPASS_HOURS_MAX = 12  # a shift: longer than that is a policy
BYPASSES_MAX = 64  # in force at once: looked through for every action that would wait
SEATS_MAX = 64  # of a committee; its members stand in the event that opens a decision

# Agents and work ------------------------------------------------------------------------------------------------------
WORKER_FAILURES_MAX = 5  # calls in a row without a valid answer: the breaker opens (spec 2.4)
WORKER_OPEN_MS = 60_000  # then one task may try (spec 2.4)
WORKER_URL_CHARS_MAX = 512  # a url is a fact: hashed, never erased
KEYS_PER_AGENT_MAX = 8  # several deployments of one agent, each in the middle of a rotation
SCOPES_PER_KEY_MAX = 16  # action types or prefixes of them
KEY_DAYS_MAX = 366  # every key expires (spec 2.1); 30 days are the default of the rim
TASKS_PER_SUBMISSION_MAX = 100  # all or none, in one batch: the loop is held for some 20 ms at most
TASKS_PER_CHANGE_MAX = 2_000  # named one by one in one event, well below FACTS_BYTES_MAX
CHANGES_PER_SLICE = 32  # each may free an agent that takes two tasks: below DERIVED_COMMANDS_MAX
DEPENDENCIES_PER_TASK_MAX = 256  # a wider join is two joins; the list is in the event that submits the task
CRITERIA_PER_TASK_MAX = 32  # each is a process run by the platform
STAGES_PER_STOP_MAX = 64  # each is looked at by every request while the stop is in force
ATTEMPTS_PER_DECISION_MAX = 10  # executions that people agree to at once; beyond it they are asked again
ATTEMPTS_PER_TASK_MAX = 100  # poison work must end in the dead letter
TASK_MS_MAX = 30 * 86_400_000  # acceptance, time-out, grace and back-off of a task; longer is a workflow
BACKOFF_MS_MAX = 3_600_000  # doubling stops here: an hour later the cause is gone or permanent
PROGRESS_INTERVAL_MS = 60_000  # DESIGN 2b.6: progress is durable at a change of status or this often
VERIFICATION_MS_MAX = (
    3_600_000  # a report that the platform has not checked by then is an attempt that failed
)
REASON_CHARS_MAX = 1_024  # reasons are facts: they are hashed and never erased, so they stay short
LINEAGE_DEPTH_MAX = (
    16  # agents a task or an agent may come through, whatever the policy says: looked up at every ruling
)
FAN_OUT_MAX = 256  # parts of one task, agents of one agent: kept as one value each
LINEAGE_MAX = 10_000  # tasks or agents of one lineage
HANDED_ON_MAX = 1_000  # open tasks that one agent has handed on: kept as one value
SUPERVISORS_MAX = 8  # backups of one domain: beyond them people are nearer
SUPERVISED_MAX = 256  # agents in one domain: kept as one value
PATIENCE_MS_MAX = 10_000  # a domain passes on within ten seconds (spec 2.3)
SHARE_MILLI = 1_000  # a whole budget
LATE_REPORTS_MAX = 16  # late reports remembered per task, so that a repeated one is one event
OVERRUN_TIMES = (
    10  # a report of cost counts up to so many times what was expected; more is for people to look at
)
BELIEVED_LEAST = {"money": 1_000_000, "tokens": 100_000}  # however little was expected: a unit of money
BELIEVED_UNSAID = {"money": 1_000_000_000, "tokens": 100_000_000}  # where nobody said, so no budget counts it
WORKING_ON_MAX = (
    256  # tasks named in one heartbeat by REST; an agent with more of them names the others in the next
)

# Identity -------------------------------------------------------------------------------------------------------------
ENROLMENT_USES_MAX = 10_000  # one token for a whole fleet, and not for ever
ENROLMENT_DAYS_MAX = 90  # a token that lies about for longer is a key without an owner
VERSIONS_KEPT_MAX = 32  # versions of an agent one can go back to; older ones are proposed anew
PROMPT_BYTES_MAX = 128 * 1024  # the private part of a version, with its tool descriptions, fits an event
CERTIFICATES_PER_AGENT_MAX = 8  # several deployments of one agent, each in the middle of a renewal
KEY_WARNING_DAYS = (
    7  # spec 2.1: the warning before a key ends; a key that lives shorter gets a quarter of its life
)
BUDGETED_ANCESTORS_MAX = 32  # ancestors of a task whose budgets count it; policies allow far less depth
