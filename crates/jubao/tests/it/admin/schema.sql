select type || ' ' || name || ' ' || coalesce(sql, '') from sqlite_master order by 1
