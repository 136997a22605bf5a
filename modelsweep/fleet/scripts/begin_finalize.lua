-- ARGV: token, lease in ms. Reports of a cancelled job may be written too, of what is done. Answers 1 where granted.
local meta = redis.call('HMGET', KEYS[1], 'generation', 'completed', 'cancelled', 'reported', 'finalizer',
  'finalizer_until')
if not meta[1] then
  return 'gone'
end
if not (meta[2] or meta[3]) then
  return 'running'
end
if meta[4] == meta[1] then
  return 'published'
end
local time = now()
if meta[5] and meta[5] ~= ARGV[1] and tonumber(meta[6]) > time then
  return 'leased'
end
redis.call('HSET', KEYS[1], 'finalizer', ARGV[1], 'finalizer_until', string.format('%.0f', time + tonumber(ARGV[2])))
return 'granted'
