-- ARGV: in how many ms. A job that runs stays.
local meta = redis.call('HMGET', KEYS[1], 'next', 'ended')
if not meta[1] then
  return 'gone'
end
if not meta[2] then
  return 'running'
end
expire(tonumber(meta[1]), string.format('%.0f', now() + tonumber(ARGV[1])))
return 'ok'
