-- What every script begins with.

-- Numbers are whole in Lua up to 2^53; the rest is room for what is added to them.
local LIMIT = 9007199254700000
-- The longest bound on staleness that is believed, in milliseconds.
local LONGEST_BOUND = 3600000

-- A whole number from 0 on as Redis writes it, or nil for anything else.
local function number(text)
  if type(text) ~= 'string' or #text > 16 then return nil end
  if text ~= '0' and not string.match(text, '^[1-9]%d*$') then return nil end
  local n = tonumber(text)
  if n >= LIMIT then return nil end
  return n
end

-- tostring() would round from 15 digits on.
local function text(n)
  return string.format('%.0f', n)
end

local function failed(reply)
  return type(reply) == 'table' and reply.err ~= nil
end

local function wrong_type(reply)
  return failed(reply) and string.find(reply.err, 'WRONGTYPE', 1, true) ~= nil
end

local function is_epoch(e)
  return type(e) == 'string' and #e == 32
    and string.match(e, '^[0-9a-f]+$') ~= nil and string.match(e, '[1-9a-f]') ~= nil
end

-- The control record and what a stripe of it says, or nil where there is none that can be trusted; then also its
-- bound, if that can.
local function look(stripe)
  local found = redis.pcall('HMGET', KEYS[1], 'e', 's', 'c', 't', 'i', 'r', stripe or '0')
  if failed(found) then
    if wrong_type(found) then return nil end
    error(found)
  end
  local s, c, t = number(found[2]), number(found[3]), number(found[4])
  if t and (t < 1 or t > LONGEST_BOUND) then t = nil end
  if not (is_epoch(found[1]) and s and c and t) then return nil, t end
  return { e = found[1], s = s, c = c, t = t, i = found[5], r = found[6], stripe = found[7] }
end
