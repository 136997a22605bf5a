-- What is done stays; nothing is added any more. The job is swept until there is a report of what is done.
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
local time = string.format('%.0f', now())
redis.call('HSET', KEYS[1], 'cancelled', 1, 'ended', time, 'asked', time)
redis.call('DEL', key('leases'), key('holders'), key('entered'), key('losses'), key('blames'), key('again'))
count('jobs_cancelled', 1)
return 'cancelled'
