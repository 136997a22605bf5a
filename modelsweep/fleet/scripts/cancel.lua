-- ARGV: job. What is done stays; nothing is added any more.
local meta = redis.call('HMGET', KEYS[1], 'generation', 'cancelled', 'reported')
if not meta[1] then
  return 'gone'
end
if meta[2] then
  return 'already'
end
if meta[3] == meta[1] then
  return 'finished'
end
redis.call('HDEL', KEYS[1], 'finalizer', 'finalizer_until')
redis.call('HSET', KEYS[1], 'cancelled', 1, 'ended', string.format('%.0f', now()))
redis.call('DEL', key('leases'), key('holders'), key('entered'), key('losses'), key('blames'), key('again'))
redis.call('SREM', 'ms:active', ARGV[1])
count('jobs_cancelled', 1)
return 'cancelled'
