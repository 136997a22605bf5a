-- ARGV: chunk, token, position of the unit, or -1 when it is through. Only whoever holds the lease may say so.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 'gone'
end
if redis.call('HGET', key('holders'), ARGV[1]) ~= ARGV[2] then
  return 'lost'
end
if ARGV[3] == '-1' then
  redis.call('HDEL', key('entered'), ARGV[1])
else
  redis.call('HSET', key('entered'), ARGV[1], ARGV[3])
end
return 'ok'
