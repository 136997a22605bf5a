-- ARGV: chunk, token. The worker publishes the message again; where it does not get to, the sweeper does.
local refused = refusal(ARGV[1], ARGV[2])
if refused then
  return refused
end
redis.call('ZREM', key('leases'), ARGV[1])
redis.call('HDEL', key('holders'), ARGV[1])
redis.call('HDEL', key('entered'), ARGV[1])
redis.call('SETBIT', key('taken'), ARGV[1], 0)
redis.call('HSET', key('again'), ARGV[1], string.format('%.0f', now()))
count('chunks_released', 1)
return 'ok'
