-- KEYS: 1 to 4.  ARGV: 1, 2, 3 epoch known, 4 number known, 5 entries a page, 6 bytes a page.
local control, bound = look()
local known = tonumber(ARGV[4])
local reason
if not control then
  control = begin(bound)
  reason = 'epoch'
elseif control.i ~= identity() then
  control = begin(control.t, 'identity')
  reason = 'identity'
elseif control.e == ARGV[3] and known > control.s then
  -- A tail was lost: its numbers would be given out twice.
  control = begin(control.t)
  reason = 'behind'
elseif control.e ~= ARGV[3] then
  reason = control.r == 'identity' and 'identity' or 'epoch'
end
if known == 0 and not string.match(ARGV[3], '[1-9a-f]') then reason = 'start' end
-- A write, so that a deposed primary that has to have replicas refuses it.
redis.call('HSET', KEYS[1], 'w', '1')
local answer = { reason or 'none', control.e, text(control.s), text(control.c), text(control.t) }
if reason or known == control.s then return answer end
-- At least one entry, no more than a page of them, and about as many bytes; a few at a time, since each may
-- be long.
local entries, bytes, from = {}, 0, text(known + 1) .. '-0'
while from and #entries < tonumber(ARGV[5]) and bytes < tonumber(ARGV[6]) do
  local few = math.min(64, tonumber(ARGV[5]) - #entries)
  local found = redis.pcall('XRANGE', KEYS[2], from, '+', 'COUNT', few)
  if failed(found) then
    if not wrong_type(found) then error(found) end
    found = {}
  end
  from = nil
  for _, entry in ipairs(found) do
    bytes = bytes + #(entry[2][2] or '')
    entries[#entries + 1] = { entry[1], entry[2][1] or '', entry[2][2] or '' }
    from = '(' .. entry[1]
  end
end
answer[1] = 'log'
answer[6] = entries
return answer
