-- KEYS: 1 to 4.  ARGV: 1 to 3, 4 mode, 5 group.
local control = look_or_begin()
for i = 3, 4 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  -- Somebody else's data: what was purged is no longer known.
  if kind ~= 'none' and kind ~= 'hash' then control = begin(control.t) end
end
local change
control, change = append(control, function(at)
  return 'g' .. ARGV[4] .. ' ' .. text(at.c + 1) .. ' ' .. ARGV[5]
end)
local rotated = number(redis.call('HGET', KEYS[1], 'g') or '') or 0
if control.c > rotated and redis.call('HGET', KEYS[3], '@') ~= control.e then
  -- What was purged so far was evicted: it counts for everything.
  redis.call('HSET', KEYS[1], 'f', text(control.c), 'g', text(control.c))
end
control.c = control.c + 1
redis.call('HSET', KEYS[1], 'c', text(control.c))
-- With the epoch, so that a generation that was evicted is not taken for one in which nothing was purged.
redis.call('HSET', KEYS[3], '@', control.e, ARGV[4] .. ARGV[5], text(control.c))
if redis.call('HLEN', KEYS[3]) > 65537 then
  -- The older generation goes. All of it was purged before the younger one began.
  local began = number(redis.call('HGET', KEYS[1], 'g') or '') or control.c
  redis.call('UNLINK', KEYS[4])
  redis.call('RENAME', KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[1], 'f', text(began), 'g', text(control.c))
end
announce(control, change)
return applied(control)
