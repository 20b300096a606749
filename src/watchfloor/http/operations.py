"""The one table of operations: what can be asked, by whom, with what effect (spec 6 *Security*, 10.7; fault G13).

Theory of operation
-------------------
A line is an operation: method and path, its id (the function of that name in `routes/<section>.py` or
`pages/<section>.py` answers it), who may ask, its effect, its rate class, its status, parameters, body and answer (names of
Structs in `bodies/`; `-` is none). Routes, the door's checks, the OpenAPI document, the role matrix and the route
reference are all made from these lines, so nothing can be reachable that is not declared here.

who     anyone; reader (any role); operator, supervisor, director, admin (a role includes those before it); agent;
        auditor+admin (an auditor too); agent+reader, agent+operator (an agent acts on and sees its own only); enrol+operator (or an enrolment token)
effect  read; write (one command, takes an Idempotency-Key); secret (a write whose answer shows a secret once); try
        (judges, records nothing); keep (kept for the caller alone, no event); order (sets this server to work, no event, guarded
        like a write); page and form (the same for people's browsers); stream
"""

from __future__ import annotations

from functools import cache

import msgspec

TABLE = """
= agents
POST /api/v1/agents/register                      register_agent      enrol+operator secret authenticated 201 - RegisterAgentBody AgentRegistered
GET  /api/v1/agents                               list_agents         reader         read   authenticated 200 AgentsParams - AgentPage
GET  /api/v1/agents/{agent}                       get_agent           agent+reader   read   authenticated 200 Fresh - AgentDetail
POST /api/v1/agents/{agent}/retire                retire_agent        operator       write  authenticated 200 - Reason Recorded
POST /api/v1/agents/{agent}/quarantine            quarantine_agent    operator       write  exempt        200 - Reason Recorded
POST /api/v1/agents/{agent}/release               release_agent       supervisor     write  authenticated 200 - Reason Recorded
POST /api/v1/agents/{agent}/url                   move_worker         operator       write  authenticated 200 - MoveWorkerBody Recorded
POST /api/v1/agents/{agent}/signing-secret        rotate_secret       operator       secret authenticated 201 - Nothing SecretRotated
GET  /api/v1/agents/{agent}/keys                  list_keys           agent+reader   read   authenticated 200 Fresh - KeyPage
POST /api/v1/agents/{agent}/keys                  issue_key           operator       secret authenticated 201 - IssueKeyBody KeyIssued
POST /api/v1/agents/{agent}/keys/{key}/rotate     rotate_key          agent+operator secret authenticated 201 - RotateKeyBody KeyIssued
POST /api/v1/agents/{agent}/keys/{key}/revoke     revoke_key          operator       write  exempt        200 - Reason Recorded
GET  /api/v1/agents/{agent}/trust                 get_trust           agent+reader   read   authenticated 200 TrustParams - TrustNow
GET  /api/v1/agents/{agent}/trust/history         list_trust          agent+reader   read   authenticated 200 Paged - TrustHistory
POST /api/v1/agents/{agent}/trust/adjust          adjust_trust        supervisor     write  authenticated 200 - AdjustTrustBody Recorded
= enrolments
POST /api/v1/enrolment-tokens                     issue_enrolment     operator       secret authenticated 201 - IssueEnrolmentBody EnrolmentIssued
GET  /api/v1/enrolment-tokens                     list_enrolments     reader         read   authenticated 200 Paged - EnrolmentPage
GET  /api/v1/enrolment-tokens/{enrolment}         get_enrolment       reader         read   authenticated 200 Fresh - EnrolmentDetail
POST /api/v1/enrolment-tokens/{enrolment}/revoke  revoke_enrolment    operator       write  exempt        200 - Reason Recorded
= versions
GET  /api/v1/agents/{agent}/versions              list_versions       agent+reader   read   authenticated 200 Paged - VersionPage
POST /api/v1/agents/{agent}/versions              propose_version     operator       write  authenticated 201 - ProposeVersionBody VersionAnswer
POST /api/v1/agents/{agent}/versions/rollback     rollback_version    operator       write  authenticated 201 - RollbackBody VersionAnswer
GET  /api/v1/agents/{agent}/versions/diff         diff_versions       reader         read   authenticated 200 DiffParams - VersionDiff
GET  /api/v1/agents/{agent}/versions/{number}     get_version         agent+reader   read   authenticated 200 Fresh - VersionDetail
POST /api/v1/agents/{agent}/versions/{number}/activate activate_version operator     write  authenticated 200 - Reason VersionAnswer
= identity
POST /api/v1/agents/import                        import_agent        operator       secret authenticated 201 - ImportAgentBody AgentRegistered
PUT  /api/v1/agents/{agent}/certificates          pin_certificates    operator       write  authenticated 200 - PinCertificatesBody Recorded
POST /api/v1/agents/{agent}/identity              present_identity    agent          write  authenticated 200 - PresentIdentityBody IdentityAnswer
POST /api/v1/token-keys/rotate                    rotate_token_keys   admin          order  authenticated 200 - Nothing TokenKeyRotated
= presence
POST /api/v1/agents/{agent}/heartbeat             beat                agent          write  authenticated 200 - HeartbeatBody HeartbeatAnswer
= limits
GET  /api/v1/agents/{agent}/limits                get_limits          reader         read   authenticated 200 Fresh - AgentLimits
= lineage
POST /api/v1/tasks/{task}/delegate                delegate_task       agent          write  authenticated 201 - DelegateTaskBody TaskSubmitted
GET  /api/v1/tasks/{task}/lineage                 get_lineage         agent+reader   read   authenticated 200 Fresh - TaskLineage
POST /api/v1/agents/spawn                         spawn_agent         agent          secret authenticated 201 - SpawnAgentBody AgentSpawned
= supervision
GET  /api/v1/supervision                          list_supervisions   reader         read   authenticated 200 SupervisionsParams - SupervisionPage
POST /api/v1/supervision                          arrange_supervision supervisor     write  authenticated 201 - ArrangeSupervisionBody SupervisionArranged
GET  /api/v1/supervision/{supervision}            get_supervision     reader         read   authenticated 200 Fresh - SupervisionDetail
POST /api/v1/supervision/{supervision}/pass       pass_supervision    operator       write  exempt        200 - PassSupervisionBody Recorded
POST /api/v1/supervision/{supervision}/end        end_supervision     supervisor     write  authenticated 200 - Reason Recorded
= tasks
POST /api/v1/tasks                                submit_task         agent+operator write  authenticated 201 - SubmitTaskBody TaskSubmitted
POST /api/v1/tasks/bulk                           submit_tasks        operator       write  heavy         201 - SubmitTasksBody TasksSubmitted
POST /api/v1/tasks/change                         change_tasks        operator       write  heavy         200 - ChangeTasksBody TasksChanging
GET  /api/v1/tasks                                list_tasks          agent+reader   read   authenticated 200 TasksParams - TaskPage
GET  /api/v1/tasks/{task}                         get_task            agent+reader   read   authenticated 200 Fresh - TaskDetail
POST /api/v1/tasks/{task}/cancel                  cancel_task         operator       write  authenticated 200 - Reason Recorded
POST /api/v1/tasks/{task}/pause                   pause_task          operator       write  authenticated 200 - Reason Recorded
POST /api/v1/tasks/{task}/resume                  unpause_task        operator       write  authenticated 200 - Nothing Recorded
POST /api/v1/tasks/{task}/retry                   retry_task          operator       write  authenticated 200 - Nothing Recorded
POST /api/v1/tasks/{task}/purge                   purge_task          operator       write  authenticated 200 - Reason Recorded
POST /api/v1/tasks/{task}/review                  review_task         operator       write  authenticated 200 - ReviewTaskBody Recorded
POST /api/v1/tasks/{task}/accept                  accept_task         agent          write  authenticated 200 - OfGeneration TaskRecorded
POST /api/v1/tasks/{task}/reject                  reject_task         agent          write  authenticated 200 - RejectTaskBody TaskRecorded
POST /api/v1/tasks/{task}/progress                report_progress     agent          write  authenticated 200 - ProgressBody TaskRecorded
POST /api/v1/tasks/{task}/complete                complete_task       agent          write  authenticated 200 - CompleteTaskBody TaskRecorded
POST /api/v1/tasks/{task}/fail                    fail_task           agent          write  authenticated 200 - FailTaskBody TaskRecorded
= chat
POST /api/v1/chat/sessions                        open_chat           operator       write  authenticated 201 - OpenChatBody ChatOpened
GET  /api/v1/chat/sessions                        list_chats          agent+reader   read   authenticated 200 ChatsParams - ChatPage
GET  /api/v1/chat/sessions/{chat}                 get_chat            agent+reader   read   authenticated 200 Fresh - ChatDetail
POST /api/v1/chat/sessions/{chat}/close           close_chat          operator       write  authenticated 200 - Reason Recorded
POST /api/v1/chat/sessions/{chat}/messages        say                 agent+operator write  chat          201 - SayBody MessageRecorded
GET  /api/v1/chat/sessions/{chat}/messages        list_chat_messages  agent+reader   read   authenticated 200 MessagesParams - MessagePage
GET  /api/v1/chat/sessions/{chat}/stream          follow_chat         reader         stream authenticated 200 FollowParams - stream
POST /api/v1/chat/sessions/{chat}/messages/{number}/task make_task    operator       write  authenticated 201 - TaskOfMessageBody TaskSubmitted
GET  /api/v1/chat/search                          search_chat         reader         read   heavy         200 SearchParams - FoundPage
= messages
POST /api/v1/agents/{agent}/messages              send_message        agent+operator write  messages      201 - SendBody MessageRecorded
GET  /api/v1/agents/{agent}/messages              list_messages       agent+reader   read   authenticated 200 MessagesParams - MessagePage
= channels
POST /api/v1/channels                             open_channel        agent+operator write  channels      201 - OpenChannelBody ChannelOpened
GET  /api/v1/channels                             list_channels       agent+reader   read   authenticated 200 ChannelsParams - ChannelPage
GET  /api/v1/channels/{channel}                   get_channel         agent+reader   read   authenticated 200 Fresh - ChannelDetail
POST /api/v1/channels/{channel}/join              join_channel        agent          write  channels      200 - Nothing Recorded
POST /api/v1/channels/{channel}/leave             leave_channel       agent          write  channels      200 - Nothing Recorded
POST /api/v1/channels/{channel}/members/{agent}/remove remove_member  operator       write  authenticated 200 - Nothing Recorded
POST /api/v1/channels/{channel}/posts             post_message        agent+operator write  channels      201 - SendBody MessageRecorded
GET  /api/v1/channels/{channel}/posts             list_posts          agent+reader   read   authenticated 200 MessagesParams - MessagePage
POST /api/v1/channels/{channel}/close             close_channel       operator       write  authenticated 200 - Reason Recorded
= actions
POST /api/v1/actions                              request_action      agent          write  authenticated 200 - RequestActionBody ActionDecided
POST /api/v1/actions/dry-run                      dry_run_action      agent+operator try    authenticated 200 - DryRunBody ActionDecided
GET  /api/v1/actions                              list_actions        agent+reader   read   authenticated 200 ActionsParams - ActionPage
GET  /api/v1/actions/{action}                     get_action          agent+reader   read   authenticated 200 Fresh - ActionDetail
POST /api/v1/actions/{action}/start               start_action        agent          write  authenticated 200 - StartActionBody ActionRecorded
POST /api/v1/actions/{action}/complete            complete_action     agent          write  authenticated 200 - CompleteActionBody ActionRecorded
POST /api/v1/actions/{action}/fail                fail_action         agent          write  authenticated 200 - FailActionBody ActionRecorded
POST /api/v1/actions/{action}/retry               retry_action        agent          write  authenticated 200 - RetryActionBody ActionRetried
POST /api/v1/actions/{action}/settle              settle_action       agent+operator write  authenticated 200 - SettleActionBody ActionRecorded
POST /api/v1/actions/{action}/cancel              cancel_action       agent+operator write  exempt        200 - Reason Recorded
= decisions
GET  /api/v1/decisions                            list_decisions      reader         read   exempt        200 DecisionsParams - DecisionPage
GET  /api/v1/decisions/{decision}                 get_decision        reader         read   exempt        200 Fresh - DecisionDetail
POST /api/v1/decisions/{decision}/vote            cast_vote           operator       write  exempt        200 - VoteBody VoteRecorded
POST /api/v1/decisions/{decision}/seen            see_decision        operator       write  exempt        200 - Nothing Recorded
POST /api/v1/decisions/{decision}/edit            edit_decision       operator       write  exempt        200 - EditBody EditRecorded
POST /api/v1/decisions/{decision}/force           force_decision      director       write  exempt        200 - ForceBody ForceRecorded
POST /api/v1/decisions/{decision}/review          review_forced       supervisor     write  exempt        200 - ReviewBody Recorded
GET  /api/v1/decisions/{decision}/similar         list_similar        reader         read   exempt        200 NoParams - SimilarList
GET  /api/v1/decisions/{decision}/impact          get_impact          reader         read   exempt        200 NoParams - Impact
= waiting
GET  /api/v1/inbox                                list_inbox          reader         read   exempt        200 InboxParams - InboxPage
GET  /api/v1/inbox/summary                        get_summary         reader         read   exempt        200 NoParams - InboxSummary
POST /api/v1/inbox/votes                          cast_votes          operator       write  exempt        200 - VotesBody VotesRecorded
= tribunals
GET  /api/v1/tribunals                            list_tribunals      agent+reader   read   authenticated 200 TribunalsParams - TribunalPage
GET  /api/v1/tribunals/{decision}                 get_tribunal        agent+reader   read   authenticated 200 Fresh - TribunalDetail
POST /api/v1/tribunals/{decision}/vote            vote_in_tribunal    agent          write  authenticated 200 - TribunalVoteBody TribunalVoteRecorded
= schedules
GET  /api/v1/schedules                            list_schedules      reader         read   authenticated 200 SchedulesParams - SchedulePage
POST /api/v1/schedules                            set_schedule        supervisor     write  authenticated 201 - SetScheduleBody ScheduleRecorded
GET  /api/v1/schedules/{schedule}                 get_schedule        reader         read   authenticated 200 ScheduleParams - ScheduleItem
POST /api/v1/schedules/{schedule}/override        override_schedule   operator       write  authenticated 200 - OverrideBody Recorded
POST /api/v1/schedules/{schedule}/remove          remove_schedule     supervisor     write  authenticated 200 - Reason Recorded
= notifications
GET  /api/v1/notifications/channels               list_notify_channels reader        read   authenticated 200 OfPersonParams - NotifyChannelList
POST /api/v1/notifications/channels               set_notify_channel  reader         secret authenticated 201 - SetChannelBody ChannelSet
POST /api/v1/notifications/channels/remove        remove_notify_channel reader       write  authenticated 200 - NameChannelBody Recorded
POST /api/v1/notifications/channels/test          test_notify_channel reader         order  heavy         200 - NameChannelBody ChannelTested
GET  /api/v1/notifications/deliveries             list_deliveries     reader         read   authenticated 200 DeliveriesParams - DeliveryList
= stops
GET  /api/v1/stops                                list_stops          reader         read   exempt        200 StopsParams - StopPage
POST /api/v1/stops                                record_stop         operator       write  exempt        201 - RecordStopBody StopRecorded
POST /api/v1/stops/{stop}/ease                    ease_stop           supervisor     write  exempt        200 - EaseStopBody Recorded
POST /api/v1/stops/{stop}/lift                    lift_stop           supervisor     write  exempt        200 - Reason Recorded
GET  /api/v1/standing-approvals                   list_standing       reader         read   authenticated 200 Paged - StandingPage
POST /api/v1/standing-approvals                   grant_standing      supervisor     write  authenticated 201 - GrantStandingBody StandingGranted
POST /api/v1/standing-approvals/{standing}/revoke revoke_standing     operator       write  exempt        200 - Nothing Recorded
= bypasses
GET  /api/v1/bypasses                             list_bypasses       reader         read   authenticated 200 Paged - BypassPage
POST /api/v1/bypasses                             open_bypass         director       write  authenticated 201 - OpenBypassBody BypassOpened
POST /api/v1/bypasses/{bypass}/end                end_bypass          operator       write  exempt        200 - Nothing Recorded
= economics
GET  /api/v1/budgets                              list_budgets        reader         read   authenticated 200 BudgetsParams - BudgetPage
POST /api/v1/budgets                              set_budget          director       write  authenticated 201 - SetBudgetBody BudgetRecorded
GET  /api/v1/budgets/{budget}                     get_budget          reader         read   authenticated 200 Fresh - BudgetItem
POST /api/v1/budgets/{budget}/remove              remove_budget       director       write  authenticated 200 - Reason Recorded
GET  /api/v1/economics                            get_economics       reader         read   heavy         200 EconomicsParams - TotalPage
POST /api/v1/tasks/{task}/estimate                estimate_task       operator       write  authenticated 200 - EstimateBody Recorded
POST /api/v1/tasks/{task}/assess                  assess_task         operator       write  authenticated 200 - AssessTaskBody Recorded
= anomalies
GET  /api/v1/anomalies                            list_anomalies      reader         read   authenticated 200 AnomaliesParams - AnomalyPage
GET  /api/v1/anomalies/{anomaly}                  get_anomaly         reader         read   authenticated 200 Fresh - AnomalyItem
POST /api/v1/anomalies/{anomaly}/acknowledge      acknowledge_anomaly operator       write  authenticated 200 - Nothing Recorded
POST /api/v1/anomalies/{anomaly}/resolve          resolve_anomaly     supervisor     write  authenticated 200 - ResolveAnomalyBody Recorded
= alerts
GET  /api/v1/alerts                               list_alerts         reader         read   exempt        200 AlertsParams - AlertPage
GET  /api/v1/alerts/{alert}                       get_alert           reader         read   authenticated 200 Fresh - AlertItem
POST /api/v1/alerts/{alert}/acknowledge           acknowledge_alert   operator       write  exempt        200 - Nothing Recorded
POST /api/v1/alerts/{alert}/resolve               resolve_alert       supervisor     write  exempt        200 - ResolveAlertBody Recorded
= situation
GET  /api/v1/situation                            get_situation       reader         read   authenticated 200 SituationParams - Situation
= analytics
GET  /api/v1/analytics/automation                 get_automation      reader         read   queries       200 AutomationParams - AutomationPage
GET  /api/v1/analytics/automation.csv             get_automation_csv  reader         read   heavy         200 AutomationParams - text
GET  /api/v1/analytics/decisions                  get_deciding        reader         read   queries       200 DecidingParams - DecidingPage
GET  /api/v1/analytics/decisions.csv              get_deciding_csv    reader         read   heavy         200 DecidingParams - text
GET  /api/v1/analytics/overrides                  get_overrides       reader         read   queries       200 OverridesParams - OverridesPage
GET  /api/v1/analytics/overrides.csv              get_overrides_csv   reader         read   heavy         200 OverridesParams - text
GET  /api/v1/analytics/reviewers                  get_reviewers       reader         read   queries       200 ReviewersParams - ReviewersPage
GET  /api/v1/analytics/reviewers.csv              get_reviewers_csv   reader         read   heavy         200 ReviewersParams - text
GET  /api/v1/analytics/behind                     get_behind          reader         read   queries       200 BehindParams - BehindPage
GET  /api/v1/analytics/trends                     get_trends          reader         read   queries       200 TrendsParams - Trends
GET  /api/v1/analytics/suggestions                get_suggestions     reader         read   heavy         200 SuggestionsParams - Suggestions
= finding
GET  /api/v1/badges                               get_badges          reader         read   exempt        200 NoParams - Badges
GET  /api/v1/search                               search_all          reader         read   queries       200 SearchAllParams - Hits
GET  /api/v1/ledger/state                         replay_state        reader         read   queries       200 ReplayParams - Replayed
= data
GET  /api/v1/sql/schema                           get_query_schema    reader         read   authenticated 200 NoParams - QuerySchema
POST /api/v1/sql                                  run_query           reader         try    queries       200 - RunQueryBody QueryAnswer
POST /api/v1/sql.csv                              run_query_csv       reader         try    queries       200 - RunQueryBody text
GET  /api/v1/queries                              list_queries        reader         read   authenticated 200 NoParams - SavedQueries
POST /api/v1/queries                              save_query          reader         keep   authenticated 200 - SaveQueryBody SavedQuery
POST /api/v1/queries/remove                       remove_query        reader         keep   authenticated 200 - NamedBody Done
GET  /api/v1/saved-views                          list_views          reader         read   authenticated 200 ViewsParams - SavedViews
POST /api/v1/saved-views                          save_view           reader         keep   authenticated 200 - SaveViewBody SavedView
POST /api/v1/saved-views/remove                   remove_view         reader         keep   authenticated 200 - NamedViewBody Done
= policy
GET  /api/v1/policy                               get_policy          agent+reader   read   authenticated 200 Fresh - PolicyNow
PUT  /api/v1/policy                               apply_policy        director       write  authenticated 200 ApplyParams Policy PolicyApplied
GET  /api/v1/policy/versions                      list_policies       reader         read   authenticated 200 PolicyVersionsParams - PolicyPage
GET  /api/v1/policy/diff                          diff_policies       reader         read   authenticated 200 PolicyDiffParams - PolicyDiff
POST /api/v1/policy/check                         check_policy        operator       try    authenticated 200 - Policy PolicyCheck
GET  /api/v1/policy/proposals                     list_proposals      reader         read   authenticated 200 ProposalsParams - ProposalPage
POST /api/v1/policy/revert                        revert_policy       director       write  authenticated 200 - RevertBody PolicyApplied
GET  /api/v1/policy/versions/{version}            get_policy_version  reader         read   authenticated 200 Fresh - PolicyNow
= backtests
POST /api/v1/policy/backtest                      backtest_policy     operator       try    heavy         200 - BacktestBody BacktestReport
GET  /api/v1/policy/backtest                      get_backtest        reader         read   authenticated 200 NoParams - BacktestProgress
POST /api/v1/policy/backtest/cancel               cancel_backtest     operator       order  authenticated 200 - Nothing BacktestProgress
GET  /api/v1/policy/packs                         list_packs          reader         read   authenticated 200 NoParams - PackPage
GET  /api/v1/policy/packs/{pack}                  get_pack            reader         read   authenticated 200 NoParams - PackDetail
POST /api/v1/policy/preview                       preview_policy      operator       try    authenticated 200 - PreviewBody Preview
= shadows
GET  /api/v1/policy/shadows                       list_shadows        reader         read   authenticated 200 ShadowsParams - ShadowPage
POST /api/v1/policy/shadows                       set_shadow          director       write  authenticated 201 - SetShadowBody Recorded
GET  /api/v1/policy/shadows/{shadow}              get_shadow          reader         read   heavy         200 NoParams - ShadowComparison
GET  /api/v1/policy/shadows/{shadow}/differences  list_shadow_differences reader     read   heavy         200 ShadowsParams - ShadowDifferences
POST /api/v1/policy/shadows/{shadow}/remove       remove_shadow       director       write  authenticated 200 - Reason Recorded
GET  /api/v1/policy/observed                      get_observed        reader         read   heavy         200 ObservedParams - ObservedReport
= people
GET  /api/v1/people                               list_people         reader         read   authenticated 200 PeopleParams - PersonPage
POST /api/v1/people                               add_person          admin          write  authenticated 201 - AddPersonBody PersonAdded
POST /api/v1/people/{person}/roles                change_roles        admin          write  authenticated 200 - RolesBody Recorded
POST /api/v1/people/{person}/disable              disable_person      admin          write  authenticated 200 - Nothing Recorded
POST /api/v1/people/{person}/sign-in-link         issue_link          admin          secret authenticated 201 - Nothing LinkIssued
GET  /api/v1/me                                   get_me              agent+reader   read   authenticated 200 NoParams - Me
GET  /api/v1/tokens                               list_tokens         reader         read   authenticated 200 Paged - TokenPage
POST /api/v1/tokens                               issue_token         reader         secret authenticated 201 - IssueTokenBody TokenIssued
POST /api/v1/tokens/{token}/revoke                revoke_token        reader         write  exempt        200 - Nothing Recorded
= access
GET  /api/v1/sign-in                              get_means           anyone         read   public        200 NoParams - MeansOffered
POST /api/v1/sign-in                              sign_in             anyone         secret sign_in       201 - SignInBody SignedIn
POST /api/v1/sign-out                             sign_out            reader         write  exempt        200 - Nothing Recorded
GET  /api/v1/sessions                             list_sessions       reader         read   authenticated 200 NoParams - CredentialList
GET  /api/v1/people/{person}/credentials          list_credentials    admin          read   authenticated 200 NoParams - CredentialList
GET  /api/v1/me/means                             list_means          reader         read   authenticated 200 NoParams - Means
POST /api/v1/me/password                          change_password     reader         keep   authenticated 200 - PasswordBody Recorded
POST /api/v1/me/totp                              offer_totp          reader         keep   authenticated 201 - Nothing FactorOffered
POST /api/v1/me/totp/confirm                      confirm_totp        reader         keep   authenticated 201 - CodeBody RecoveryCodes
POST /api/v1/me/totp/remove                       remove_totp         reader         keep   authenticated 200 - CodeBody Recorded
POST /api/v1/me/recovery-codes                    renew_codes         reader         keep   authenticated 201 - CodeBody RecoveryCodes
= ledger
GET  /api/v1/ledger/head                          get_head            agent+reader   read   authenticated 200 NoParams - LedgerHead
GET  /api/v1/ledger/events                        list_events         reader         read   authenticated 200 EventsParams - EventPage
GET  /api/v1/ledger/events/{seq}                  get_event           reader         read   authenticated 200 NoParams - EventItem
GET  /api/v1/ledger/events/{seq}/receipt          get_receipt         reader         read   authenticated 200 NoParams - text
GET  /api/v1/ledger/events/{seq}/audit            audit_event         reader         read   heavy         200 NoParams - AuditResult
POST /api/v1/ledger/events/{seq}/redact           redact_event        admin          write  authenticated 200 - RedactBody Redacted
GET  /api/v1/ledger/checkpoint                    get_checkpoint      agent+reader   read   authenticated 200 NoParams - Checkpoint
GET  /api/v1/ledger/key                           get_key             agent+reader   read   authenticated 200 NoParams - LedgerKey
GET  /api/v1/ledger/consistency                   get_consistency     agent+reader   read   authenticated 200 ConsistencyParams - Consistency
GET  /api/v1/ledger/verification                  get_verification    reader         read   authenticated 200 NoParams - Verification
GET  /api/v1/ledger/exports                       list_exports        reader         read   authenticated 200 NoParams - ExportPage
POST /api/v1/ledger/exports                       start_export        auditor+admin  order  heavy         202 - Nothing ExportItem
GET  /api/v1/ledger/exports/{export}/file         download_export     auditor+admin  read   heavy         200 NoParams - archive
= backups
GET  /api/v1/backups                              list_backups        operator       read   authenticated 200 NoParams - BackupPage
POST /api/v1/backups                              start_backup        admin          order  heavy         202 - Nothing BackupPage
= upkeep
GET  /api/v1/rates                                get_rates           operator       read   authenticated 200 NoParams - RatePage
GET  /api/v1/log-level                            get_log_level       operator       read   authenticated 200 NoParams - LogLevelNow
POST /api/v1/log-level                            set_log_level       admin          order  authenticated 200 - LogLevelBody LogLevelNow
GET  /api/v1/compaction                           get_compaction      operator       read   authenticated 200 NoParams - CompactionNow
POST /api/v1/compaction                           start_compaction    admin          order  heavy         202 - Nothing CompactionNow
= timeline
GET  /api/v1/timeline                             get_timeline        reader         read   authenticated 200 TimelineParams - Timeline
GET  /api/v1/stream                               open_stream         agent+reader   stream authenticated 200 StreamParams - stream
= health
GET  /health                                      get_health          anyone         read   exempt        200 NoParams - Health
GET  /api/health                                  get_health          anyone         read   exempt        200 NoParams - Health
GET  /healthz                                     get_health          anyone         read   exempt        200 NoParams - Health
GET  /ready                                       get_ready           anyone         read   exempt        200 NoParams - Ready
GET  /readyz                                      get_ready           anyone         read   exempt        200 NoParams - Ready
GET  /live                                        get_live            anyone         read   exempt        200 NoParams - Ready
GET  /livez                                       get_live            anyone         read   exempt        200 NoParams - Ready
GET  /metrics                                     get_exposition      anyone         read   exempt        200 NoParams - text
GET  /api/v1/metrics                              get_metrics         reader         read   authenticated 200 NoParams - MetricsNow
= documents
GET  /.well-known/jwks.json                       get_token_keys      anyone         read   public        200 NoParams - document
GET  /openapi.json                                get_openapi         anyone         read   public        200 NoParams - document
GET  /api/v1/schemas                              list_schemas        anyone         read   public        200 NoParams - SchemaIndex
GET  /api/v1/schemas/{schema}                     get_schema          anyone         read   public        200 NoParams - document
GET  /docs                                        show_docs           anyone         page   public        200 NoParams - page
GET  /assets/{asset}                              get_asset           anyone         page   public        200 NoParams - page
= dashboard
GET  /floor                                       show_floor          anyone         page   exempt        200 - - page
GET  /floor/{rest}                                show_floor          anyone         page   exempt        200 - - page
GET  /floor/assets/{asset}                        get_floor_asset     anyone         page   exempt        200 NoParams - page
= sign_in
GET  /sign-in                                     show_sign_in        anyone         page   public        200 SignInParams - page
POST /sign-in                                     submit_sign_in      anyone         form   sign_in       200 - - page
GET  /sign-in/{link}                              show_link           anyone         page   sign_in       200 NoParams - page
POST /sign-in/{link}                              use_link            anyone         form   sign_in       200 - - page
GET  /sign-in/with/{provider}                     go_to_provider      anyone         page   sign_in       200 SignInParams - page
GET  /sign-in/back                                come_back           anyone         page   sign_in       200 - - page
POST /sign-out                                    leave               reader         form   exempt        200 - - page
= tap
GET  /tap/{link}                                  show_tap            anyone         page   exempt        200 PageParams - page
POST /tap/{link}                                  vote_by_tap         anyone         form   exempt        200 - - page
GET  /tap/{link}/parameters                       show_tap_parameters anyone         page   exempt        200 NoParams - page
= inbox
GET  /                                            show_home           reader         page   exempt        200 NoParams - page
GET  /inbox                                       show_inbox          reader         page   exempt        200 PageParams - page
GET  /inbox/{decision}                            show_decision       reader         page   exempt        200 PageParams - page
POST /inbox/{decision}                            vote_by_form        operator       form   exempt        200 - - page
GET  /inbox/{decision}/parameters                 show_parameters     reader         page   exempt        200 NoParams - page
= edits
GET  /inbox/{decision}/edit                       show_edit           operator       page   exempt        200 NoParams - page
POST /inbox/{decision}/edit                       edit_by_form        operator       form   exempt        200 - - page
= break_glass
GET  /inbox/{decision}/force                      show_force          director       page   exempt        200 NoParams - page
POST /inbox/{decision}/force                      force_by_form       director       form   exempt        200 - - page
GET  /inbox/{decision}/review                     show_review         supervisor     page   exempt        200 NoParams - page
POST /inbox/{decision}/review                     review_by_form      supervisor     form   exempt        200 - - page
= floor
GET  /stops                                       show_stops          reader         page   exempt        200 PageParams - page
POST /stops                                       stop_by_form        operator       form   exempt        200 - - page
POST /stops/{stop}/lift                           lift_by_form        supervisor     form   exempt        200 - - page
GET  /agents                                      show_agents         reader         page   authenticated 200 PageParams - page
GET  /agents/{agent}                              show_agent          reader         page   authenticated 200 PageParams - page
GET  /tasks                                       show_tasks          reader         page   authenticated 200 PageParams - page
GET  /tasks/{task}                                show_task           reader         page   authenticated 200 PageParams - page
GET  /actions/{action}                            show_action         reader         page   authenticated 200 PageParams - page
"""

# Sections whose functions live in `pages/`.
PAGES = frozenset(("dashboard", "sign_in", "tap", "inbox", "edits", "break_glass", "floor"))


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `params`, `body`, `answer` are names, empty for none."""

    section: str
    method: str
    path: str
    id: str
    who: str
    effect: str
    rate_class: str
    status: int
    params: str
    body: str
    answer: str

    @property
    def mutates(self) -> bool:
        """Does it leave a trace?"""
        return self.effect in ("write", "secret", "keep", "order", "form")

    @property
    def keyed(self) -> bool:
        """Does it take an Idempotency-Key?"""
        return self.effect in ("write", "secret") and self.id != "sign_in"

    @property
    def page(self) -> bool:
        """Is it for people's browsers (HTML, redirects to sign in, forms)?"""
        return self.effect in ("page", "form")

    @property
    def any_query(self) -> bool:
        """May the query hold anything? The application keeps its filters there, providers whatever they like."""
        return self.id in ("show_floor", "come_back")

    @property
    def documented(self) -> bool:
        """Is it in the OpenAPI document?"""
        return not self.page and self.effect != "stream"

    @property
    def agents(self) -> bool:
        """May agents ask?"""
        return self.who.startswith("agent")

    @property
    def auditors(self) -> bool:
        """May auditors ask too, whose role includes no other?"""
        return self.who.startswith("auditor+")

    @property
    def streams(self) -> bool:
        """Is the answer sent as it is made? How long that takes says nothing about the server."""
        return self.effect == "stream" or self.answer == "archive"

    @property
    def enrolments(self) -> bool:
        """May whoever holds an enrolment token ask?"""
        return self.who.startswith("enrol+")

    @property
    def role(self) -> str:
        """The role a person needs: empty when people may not ask, `reader` for any."""
        return "" if self.who in ("agent", "anyone") else self.who.rpartition("+")[2]

    @property
    def scope(self) -> str:
        """The scope a restricted token needs, such as `tasks:write`."""
        reads = self.effect in ("read", "page", "stream", "try")
        return f"{self.section}:{'read' if reads else 'write'}"

    @property
    def key(self) -> str:
        """Method and path, as in `GET /api/v1/tasks`."""
        return f"{self.method} {self.path}"


def parse(table: str) -> tuple[Operation, ...]:
    """The operations of a table. Raises ValueError for a line with a missing or further column."""
    section = ""
    operations = []
    for line in table.strip().splitlines():
        words = line.split()
        if words[0] == "=":
            section = words[1]
            continue
        method, path, name, who, effect, rate_class, status, params, body, answer = words
        operations.append(
            Operation(
                section=section,
                method=method,
                path=path,
                id=name,
                who=who,
                effect=effect,
                rate_class=rate_class,
                status=int(status),
                params=params.strip("-"),
                body=body.strip("-"),
                answer=answer.strip("-"),
            )
        )
    return tuple(operations)


OPERATIONS = parse(TABLE)


@cache
def operation(name: str) -> Operation:
    """The first operation with this id. Raises KeyError."""
    for entry in OPERATIONS:
        if entry.id == name:
            return entry
    raise KeyError(name)


def scopes() -> tuple[str, ...]:
    """Every scope a token can be restricted to."""
    return tuple(sorted({entry.scope for entry in OPERATIONS if not entry.page and entry.who != "anyone"}))


_WHO = {
    "anyone": "anyone",
    "reader": "any role",
    "agent": "agents",
    "auditor+admin": "auditor, admin",
    "agent+reader": "agents (own), any role",
    "agent+operator": "agents (own), operator",
    "enrol+operator": "an enrolment token, operator",
}


def document() -> str:
    """`docs/routes.md`: every operation with who may ask, scope, idempotency and rate class, as Markdown."""
    lines = [
        "# Routes",
        "Generated from the code by `make docs`; do not edit. How they behave in common: [http.md](http.md).",
        "",
        "A role includes the rights of those before it: operator, supervisor, director, admin; an auditor reads everything.",
        "",
    ]
    sections = dict.fromkeys(entry.section for entry in OPERATIONS)
    for section in sections:
        lines += [
            f"## {section}",
            "",
            "| method | path | operation | who | scope | idempotency key | rate class |",
            "|---|---|---|---|---|---|---|",
        ]
        for entry in (entry for entry in OPERATIONS if entry.section == section):
            scope = "" if entry.page or entry.who == "anyone" else f"`{entry.scope}`"
            who = _WHO.get(entry.who, entry.who)
            lines.append(
                f"| {entry.method} | `{entry.path}` | `{entry.id}` | {who} | {scope} | {'yes' if entry.keyed else ''} | {entry.rate_class} |"
            )
        lines.append("")
    return "\n".join(lines)
