-- How many notices of those that tests queue have still to be told.
select count(*) from notices where state = 'waiting' and mch_id = 1
