select name, sql from sqlite_master where type = 'trigger'
