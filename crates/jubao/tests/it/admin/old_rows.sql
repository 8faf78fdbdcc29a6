-- A merchant of those days.
insert into merchants (mch_id, name, is_enabled, fee_rate_ppm, created_at)
values (10502105689001, 'Tea House', 1, 6000, 1795320000000);
insert into applications (app_id, mch_id, is_default, key_sealed, settings, notice_learned, rev, created_at)
values (1000258, 10502105689001, 1, 'sealed', '{}', '', 0, 1795320000000);
