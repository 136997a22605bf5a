-- ARGV: job, token, pointer. Only the latest finalizer publishes: another one may have written under its own token, and
-- its report then lies where nobody looks.
local meta = redis.call('HMGET', KEYS[1], 'generation', 'finalizer', 'reported', 'report', 'ended')
if not meta[1] then
  return 0
end
if meta[3] == meta[1] and meta[4] == ARGV[3] then
  return 1 -- it asks again, since the answer was lost
end
if meta[2] ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], 'finalizer', 'finalizer_until')
redis.call('HSET', KEYS[1], 'report', ARGV[3], 'reported', meta[1])
if not meta[5] then
  redis.call('HSET', KEYS[1], 'ended', string.format('%.0f', now()))
end
redis.call('SREM', 'ms:active', ARGV[1])
count('reports_published', 1)
return 1
