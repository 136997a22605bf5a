-- ARGV: job, token, pointer, then pairs of a count and what is added to it. Only the latest finalizer publishes: another
-- one may have written under its own token, and its report then lies where nobody looks.
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
for at = 4, #ARGV, 2 do
  local field, number = ARGV[at], tonumber(ARGV[at + 1])
  redis.call('HINCRBY', key('counts'), field, number)
  redis.call('HINCRBY', key('redone'), field, number) -- a retry leads to another report, which says it anew
  -- Metrics count each finding of a job once, and files as they are alone: of those none is taken back
  if not meta[4] and string.sub(field, 1, 8) ~= 'verdict:' then
    redis.call('HINCRBY', 'ms:metrics', field, number)
  end
end
redis.call('SREM', 'ms:active', ARGV[1])
count('reports_published', 1)
return 1
