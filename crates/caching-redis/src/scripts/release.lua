-- KEYS: 1 claim.  ARGV: 1 token.
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('UNLINK', KEYS[1]) end
return 1
