-- ARGV: producer. Answers 1 while the job wants one.
local meta = redis.call('HMGET', KEYS[1], 'generation', 'cancelled', 'sealed')
if not meta[1] then
  return 'gone'
end
redis.call('HSET', KEYS[1], 'producer', ARGV[1], 'producer_at', string.format('%.0f', now()))
return meta[2] and 'cancelled' or meta[3] and 'sealed' or 'listing'
