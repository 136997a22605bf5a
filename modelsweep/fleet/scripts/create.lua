-- ARGV: job, specification, then pairs of further fields of meta. Answers created, or exists where it is the same job.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.call('GET', key('spec')) == ARGV[2] and 'exists' or 'other'
end
-- Without meta the rest is of no job: a Redis that threw keys away left it
for name in string.gmatch(NAMES, '%a+') do
  redis.call('DEL', key(name))
end
local time = string.format('%.0f', now())
redis.call('SET', key('spec'), ARGV[2])
redis.call('HSET', KEYS[1], 'generation', 1, 'next', 0, 'done', 0, 'units', 0, 'bytes', 0, 'created', time)
for place = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], 'x:' .. ARGV[place], ARGV[place + 1])
end
redis.call('ZADD', 'ms:jobs', time, ARGV[1])
redis.call('SADD', 'ms:active', ARGV[1])
count('jobs_created', 1)
return 'created'
