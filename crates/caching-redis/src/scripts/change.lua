-- For scripts that invalidate.  ARGV: 3 channel.

-- Gives the change the next number and appends it to the log; before all other writes, since a log that
-- is ahead of the numbers shows that they were given out before.
local function append(control, encode)
  local change = encode(control)
  local id = text(control.s + 1) .. '-0'
  -- Long changes shorten the log: it is bounded in bytes, too, since it grows past `maxmemory`.
  local most = math.max(8192, math.floor(65536 * 64 / math.max(64, #change)))
  local reply = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', text(most), id, 'c', change)
  if failed(reply) then
    if not (wrong_type(reply) or string.find(reply.err, 'ID', 1, true)) then error(reply) end
    control = begin(control.t)
    change = encode(control)
    redis.call('XADD', KEYS[2], '1-0', 'c', change)
  end
  control.s = control.s + 1
  redis.call('HSET', KEYS[1], 's', text(control.s))
  return control, change
end

local function announce(control, change)
  redis.call('PUBLISH', ARGV[3], '1 ' .. control.e .. ' ' .. text(control.s) .. ' ' .. change)
end

local function applied(control)
  return { control.e, text(control.s), text(control.c) }
end
