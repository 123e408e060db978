-- KEYS: 1 to 4, 5 deployment.  ARGV: 1 epoch to begin, 2 bound, then names and values of the deployment.
local names = {}
for i = 3, #ARGV, 2 do names[#names + 1] = ARGV[i] end
local found = redis.pcall('HMGET', KEYS[5], unpack(names))
if failed(found) then
  if wrong_type(found) then return { 'type' } end
  error(found)
end
if redis.call('EXISTS', KEYS[5]) == 0 then
  redis.call('HSET', KEYS[5], unpack(ARGV, 3))
else
  for i, name in ipairs(names) do
    local ours = ARGV[2 + 2 * i]
    if found[i] ~= ours then return { 'other', name, found[i] or '' } end
  end
end
-- Where there is no control record, none is begun: nothing has happened yet that it could tell of.
local control = look()
if control and control.i ~= identity() then control = begin(control.t, 'identity') end
return { 'ok', control and control.e or '' }
