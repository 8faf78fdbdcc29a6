update nodes set lease_until = case when no = $1 then 0 else 9000000000000000 end
