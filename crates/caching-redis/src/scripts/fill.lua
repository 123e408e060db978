-- KEYS: 1 control, 2 record, 3 claim.
-- ARGV: 1 epoch, 2 number, 3 stripe, 4 field, 5 payload, 6 tags, 7 tag clock, 8 fresh for, 9 kept for, 10 claim.
if ARGV[10] ~= '' and redis.pcall('GET', KEYS[3]) == ARGV[10] then
  redis.call('UNLINK', KEYS[3])
end
local control = look(ARGV[3])
-- No load began in an epoch that has yet to begin, so none is begun here.
if not control then return { 'refused', '', '0' } end
local touched = number(control.stripe or '0')
local asof = tonumber(ARGV[2])
if control.e ~= ARGV[1] or not touched or touched > asof or asof > control.s then
  return { 'refused', control.e, text(control.s) }
end
local time = now()
local segments, longest, was = remains(KEYS[2], ARGV[4], control.e, time)
write(KEYS[2], control.e, {
  field = ARGV[4], payload = ARGV[5], tags = ARGV[6], clock = math.min(number(ARGV[7]), control.c),
  fresh = ARGV[8], kept = ARGV[9],
}, time, segments, longest)
return { 'stored', control.e, text(control.s), was }
