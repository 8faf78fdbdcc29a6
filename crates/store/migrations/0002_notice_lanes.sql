-- Notices wait in lanes, one for each server that an application is told at, so that a dead server's
-- backlog is passed over without being read. What was written before has no target: its lane is the
-- application's.

alter table notices add column target text not null default '';
drop index notices_due;
create index notices_due on notices (due_at, app_id, target) where state = 'waiting';
create index notices_lane on notices (app_id, target, due_at) where state = 'waiting';
