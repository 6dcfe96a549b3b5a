-- The ledger as people look at it, from its young end. The runs of agents, of which there are many, stand in neither index.

create index events_activities on events (workspace_id, seq) where type not like 'execution.%';
create index events_told on events (workspace_id, time) where data ? 'recipients';
