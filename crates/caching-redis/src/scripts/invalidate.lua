-- KEYS: 1 to 4, from 5 on records.  ARGV: 1 to 3, 4 change, 5 mode, from 6 on the stripe of each record.
local control, change = append(look_or_begin(), function() return ARGV[4] end)
local number_now = text(control.s)
for i = 5, #KEYS do
  if ARGV[5] == 'r' then
    redis.call('UNLINK', KEYS[i])
  elseif redis.call('EXISTS', KEYS[i]) == 1 then
    -- What is no record is no fallback either.
    if failed(redis.pcall('HSET', KEYS[i], 'x', '1')) then redis.call('UNLINK', KEYS[i]) end
  end
  redis.call('HSET', KEYS[1], ARGV[i + 1], number_now)
end
announce(control, change)
return applied(control)
