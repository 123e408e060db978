-- For scripts that store. A record is `1`, or `x` where the key was expired, and then segments: a head
-- `FIELD LENGTH LENGTH` with a line feed, what stands beside the value, the value.

-- At most so many segments, and so many bytes beside those that are stored now.
local MOST_SEGMENTS = 256
local MOST_BYTES = 128 * 1024 * 1024
-- A field, two numbers, and what is between them.
local LONGEST_HEAD = 64 + 2 * 17 + 1

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The head that a record has at a place: its end, the field, and both lengths.
local function head(record, at)
  local line, field, beside, payload = string.match(string.sub(record, at, at + LONGEST_HEAD - 1),
    '^(([!-~]+) (%d+) (%d+)\n)')
  beside, payload = number(beside), number(payload)
  if not (beside and payload) or #field > 64 then return nil end
  return at + #line, field, beside, payload
end

-- The segments of a record that stay beside a field: those of other fields, of this epoch, whose time has not
-- come. None where the record is damaged. Also until when the last of them is kept.
local function beside(record, ours, epoch, time)
  local segments, at, size, count = {}, 2, 0, 0
  while at <= #record do
    count = count + 1
    -- Nobody writes so many, and nobody reads them.
    if count > MOST_SEGMENTS then return {}, 0 end
    local from, field, meta, payload = head(record, at)
    local till = from and from + meta + payload
    if not from or till > #record + 1 then return {}, 0 end
    local e, kept = string.match(string.sub(record, from, from + meta - 1), '^1 (%x+) %d+ %d+ (%d+)')
    kept = number(kept) or 0
    if field ~= ours and e == epoch and kept > time then
      segments[#segments + 1] = { bytes = string.sub(record, at, till - 1), kept = kept }
      size = size + till - at
    end
    at = till
  end
  -- The oldest comes first.
  while #segments >= MOST_SEGMENTS or size > MOST_BYTES do
    size = size - #table.remove(segments, 1).bytes
  end
  local longest = 0
  for i, segment in ipairs(segments) do
    longest = math.max(longest, segment.kept)
    segments[i] = segment.bytes
  end
  return segments, longest
end

-- What stays of a record when a field of it is stored; usually nothing, which its head tells.
local function remains(key, field, epoch, time)
  local found = redis.pcall('GETRANGE', key, 0, LONGEST_HEAD)
  if failed(found) then
    if not wrong_type(found) then error(found) end
    return {}, 0, 'type'
  end
  -- Nothing is there, or was expired: what stands beside it goes, and so does the mark.
  if string.sub(found, 1, 1) ~= '1' then return {}, 0 end
  local from, first, meta, payload = head(found, 2)
  if not from then return {}, 0 end
  if first == field and redis.call('STRLEN', key) == from + meta + payload - 1 then return {}, 0 end
  return beside(redis.call('GET', key), field, epoch, time)
end

-- Writes a record: a segment behind those that stay. It lives as long as the longest-lived of them. A
-- segment without a life is not written.
local function write(key, epoch, record, time, segments, longest)
  local fresh, kept = number(record.fresh), number(record.kept)
  local before = '1' .. table.concat(segments)
  if kept == 0 then
    if #segments == 0 then
      redis.call('UNLINK', key)
    else
      redis.call('SET', key, before, 'PXAT', text(longest))
    end
    return
  end
  local meta = '1 ' .. epoch .. ' ' .. text(record.clock) .. ' ' .. text(time + fresh) .. ' '
    .. text(time + kept) .. record.tags
  redis.call('SET', key,
    before .. record.field .. ' ' .. #meta .. ' ' .. #record.payload .. '\n' .. meta .. record.payload,
    'PXAT', text(math.max(longest, time + kept)))
end
