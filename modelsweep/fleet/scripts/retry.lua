-- ARGV: job. Opens the chunks that are worth another try. Answers status, generation, and their bitmap.
local meta = redis.call('HMGET', KEYS[1], 'generation', 'cancelled', 'completed', 'next')
if not meta[1] then
  return {'gone', 0, ''}
end
local generation = tonumber(meta[1])
if meta[2] then
  return {'cancelled', generation, ''}
end
if not meta[3] then
  return {'running', generation, ''} -- messages of this generation are still on their way
end
local chunks = redis.call('BITCOUNT', key('retryable'))
if chunks == 0 then
  return {'nothing', generation, ''}
end
local bitmap = redis.call('GET', key('retryable'))
-- All of them are done, hence also taken: XOR clears exactly these
redis.call('BITOP', 'XOR', key('done'), key('done'), key('retryable'))
redis.call('BITOP', 'XOR', key('taken'), key('taken'), key('retryable'))
local redone = redis.call('HGETALL', key('redone'))
for at = 1, #redone, 2 do
  redis.call('HINCRBY', key('counts'), redone[at], -tonumber(redone[at + 1])) -- metrics count events, and never fall
end
redis.call('DEL', key('retryable'), key('redone'), key('reopened'))
redis.call('HINCRBY', KEYS[1], 'done', -chunks)
redis.call('HDEL', KEYS[1], 'completed', 'ended', 'asked', 'finalizer', 'finalizer_until')
redis.call('HSET', KEYS[1], 'generation', generation + 1, 'retried', string.format('%.0f', now()))
redis.call('SADD', 'ms:active', ARGV[1])
expire(tonumber(meta[4]), nil)
count('published_again', chunks)
return {'again', generation + 1, bitmap}
