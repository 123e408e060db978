-- KEYS: 1 to 4, from 5 on records.  ARGV: 1 to 3, 4 change, 5 mode, from 6 on the stripe of each record.
local control, change = append(look_or_begin(), function() return ARGV[4] end)
local number_now = text(control.s)
for i = 5, #KEYS do
  local mark = ARGV[5] == 'e' and redis.pcall('GETRANGE', KEYS[i], 0, 0)
  if mark == '1' then
    redis.call('SETRANGE', KEYS[i], 0, 'x')
  elseif mark ~= 'x' then
    -- What is no record is no fallback either.
    redis.call('UNLINK', KEYS[i])
  end
  redis.call('HSET', KEYS[1], ARGV[i + 1], number_now)
end
announce(control, change)
return applied(control)
