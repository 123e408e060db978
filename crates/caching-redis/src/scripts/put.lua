-- KEYS: 1 to 4, 5 record.
-- ARGV: 1 to 3, 4 change, 5 stripe, 6 epoch and 7 number of `since` or empty, 8 field, 9 payload, 10 tags,
-- 11 tag clock, 12 fresh for, 13 kept for.
local control = look_or_begin()
-- Before the number is given: its own would refuse every ticket.
local touched = number(redis.call('HGET', KEYS[1], ARGV[5]) or '0')
local epoch, before = control.e, control.s
local since = tonumber(ARGV[7])
local change
control, change = append(control, function() return ARGV[4] end)
local admitted = ARGV[6] == '' or (ARGV[6] == epoch and control.e == epoch
  and touched ~= nil and touched <= since and since <= before)
redis.call('HSET', KEYS[1], ARGV[5], text(control.s))
if admitted then
  -- Whatever is there is invalidated by it, and goes.
  write(KEYS[5], control.e, {
    field = ARGV[8], payload = ARGV[9], tags = ARGV[10], clock = math.min(number(ARGV[11]), control.c),
    fresh = ARGV[12], kept = ARGV[13],
  }, now(), {}, 0)
else
  redis.call('UNLINK', KEYS[5])
end
announce(control, change)
local answer = applied(control)
answer[4] = admitted and 'stored' or 'invalidated'
return answer
