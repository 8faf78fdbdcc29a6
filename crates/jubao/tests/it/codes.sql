-- What a store looks like whose keys were sealed under another master key.
update applications set key_sealed = substr(key_sealed, 1, 20) || 'A' || substr(key_sealed, 22), rev = rev + 1 where app_id = ?1
