-- ARGV: token, lease in ms.
if redis.call('HGET', KEYS[1], 'finalizer') ~= ARGV[1] then
  return 'lost'
end
redis.call('HSET', KEYS[1], 'finalizer_until', string.format('%.0f', now() + tonumber(ARGV[2])))
return 'ok'
