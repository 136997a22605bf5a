-- ARGV: chunk, token, lease in ms.
local refused = refusal(ARGV[1], ARGV[2])
if refused then
  return refused
end
-- Removed first, since a full Redis refuses to add, but not in a script that has removed something: leases live on
redis.call('ZREM', key('leases'), ARGV[1])
redis.call('ZADD', key('leases'), now() + tonumber(ARGV[3]), ARGV[1])
return 'ok'
