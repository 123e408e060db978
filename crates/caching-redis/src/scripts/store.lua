-- For scripts that store.

-- Replaces what is in a field of a record, with a life of its own.
local function store(key, epoch, record)
  local mark = redis.pcall('HEXISTS', key, 'x')
  if failed(mark) then
    if not wrong_type(mark) then error(mark) end
    redis.call('UNLINK', key)
  elseif mark == 1 then
    -- It was expired: the fallbacks beside it go, and so does the mark.
    redis.call('UNLINK', key)
  end
  local fresh, kept = number(record.fresh), number(record.kept)
  if kept == 0 then
    redis.call('HDEL', key, 'v:' .. record.field, 'm:' .. record.field)
    return
  end
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local meta = '1 ' .. epoch .. ' ' .. text(record.clock) .. ' ' .. text(now + fresh) .. ' '
    .. text(now + kept) .. record.tags
  redis.call('HSET', key, 'v:' .. record.field, record.payload, 'm:' .. record.field, meta)
  if redis.call('PTTL', key) < kept then
    redis.call('PEXPIRE', key, text(kept))
  end
end
