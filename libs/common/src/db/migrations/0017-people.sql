-- Approvals about no task are waited for, too: rules look at them as at tasks.
alter table escalation_marks
  drop constraint escalation_marks_kind_check,
  add constraint escalation_marks_kind_check check (kind in ('task', 'agent', 'approval', 'budgets', 'rule'));
alter table escalations
  drop constraint escalations_subject_kind_check,
  add constraint escalations_subject_kind_check check (subject_kind in ('task', 'agent', 'budget', 'approval'));
create index approvals_waiting_alone on approvals (workspace_id, id) where status = 'pending' and task_id is null;
-- The walls would hide the rows from their own tables' owner.
alter table escalation_rules no force row level security;
alter table escalation_marks no force row level security;
insert into escalation_marks (organization_id, workspace_id, kind, subject_id)
select organization_id, workspace_id, 'rule', id from escalation_rules where trigger = 'approvalPending' and enabled
on conflict do nothing;
alter table escalation_rules force row level security;
alter table escalation_marks force row level security;

-- Deliveries are listed among the notifications, by how they fare; by far the most have arrived.
create index deliveries_by_status on deliveries (workspace_id, status, id) where status <> 'delivered';

-- Where an approval was asked with buttons, so that what was decided is said there, too.
alter table notifications add column asked_approval_id text generated always as (
  case when channel = 'slack' and event_type in ('approval.requested', 'approval.delegated', 'approval.reminded', 'escalation.raised')
       then refs ->> 'approvalId' end) stored;
create index notifications_asking on notifications (workspace_id, asked_approval_id) where asked_approval_id is not null;
