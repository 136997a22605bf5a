-- ARGV: chunk, token, lease in ms.
local meta = redis.call('HMGET', KEYS[1], 'generation', 'cancelled')
if not meta[1] then
  return 'gone'
end
if meta[2] then
  return 'cancelled'
end
if redis.call('HGET', key('holders'), ARGV[1]) ~= ARGV[2] then
  return 'lost'
end
-- Removed first, since a full Redis refuses to add, but not in a script that has removed something: leases live on
redis.call('ZREM', key('leases'), ARGV[1])
redis.call('ZADD', key('leases'), now() + tonumber(ARGV[3]), ARGV[1])
return 'ok'
