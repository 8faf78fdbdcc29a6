-- What a placing that was refused leaves, where one that was sent beside it was taken.
update attempts set state = 'refused', rev = rev + 1 where mch_id = ?1 and order_id = ?2 and no = 1
