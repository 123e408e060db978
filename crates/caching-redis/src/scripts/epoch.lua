-- For scripts that may begin an epoch.
-- KEYS: 1 control, 2 log, 3 tags, 4 tags of before.  ARGV: 1 epoch to begin, 2 bound.

-- The server and its data set. After a promotion the data set is another one, even on the same server.
local function identity()
  local server = redis.call('INFO', 'server')
  local replication = redis.call('INFO', 'replication')
  return (string.match(server, 'run_id:(%w+)') or '') .. ' '
    .. (string.match(replication, 'master_replid:(%w+)') or '')
end

-- Begins an epoch from nothing. Epoch and identity are written together: an epoch that belongs to no
-- server would survive a failover. Records stay, and are of another epoch. Why is kept for those who come later.
local function begin(bound, why)
  local control = { e = ARGV[1], s = 0, c = 0, t = bound or number(ARGV[2]), i = identity() }
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[1], 'e', control.e, 's', '0', 'c', '0', 't', text(control.t),
    'i', control.i, 'f', '0', 'g', '0', 'r', why or 'epoch')
  return control
end

local function look_or_begin()
  local control, bound = look()
  return control or begin(bound)
end
