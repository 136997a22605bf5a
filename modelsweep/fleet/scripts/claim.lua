-- ARGV: chunk, generation of the message, token, lease in ms. Answers {status}, or granted with the generation, page, its
-- first chunk, when that was allocated, lost leases and blames.
local chunk, generation, token, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local meta = redis.call('HMGET', KEYS[1], 'generation', 'next', 'cancelled', 'started', 'retried')
local time = now()

-- Why the chunk is not to be examined now, or nothing
local function refusal()
  if meta[3] then
    return 'cancelled'
  elseif chunk >= tonumber(meta[2]) then
    return 'not-allocated' -- the ledger was restored from before the ALLOC
  elseif bit_is_set('done', chunk) then
    return 'done'
  elseif generation < tonumber(meta[1]) then
    return 'stale' -- a message from before a retry, which published another one
  end
  local holder = redis.call('HGET', key('holders'), chunk)
  if holder and holder ~= token and tonumber(redis.call('ZSCORE', key('leases'), chunk)) > time then
    return 'leased'
  end
end

if not meta[1] then
  redis.call('HINCRBY', 'ms:metrics', 'claims_refused', 1)
  redis.call('HINCRBY', 'ms:metrics', 'claims_refused:gone', 1)
  return {'gone'}
end
local refused = refusal()
if refused then
  count('claims_refused', 1)
  count('claims_refused:' .. refused, 1)
  return {refused}
end

local holder = redis.call('HGET', key('holders'), chunk)
if holder and holder ~= token then
  lose(chunk)
end
redis.call('ZADD', key('leases'), time + lease, chunk)
redis.call('HSET', key('holders'), chunk, token)
redis.call('HDEL', key('entered'), chunk)
local first, published, page, queue = extent_of(chunk)
if redis.call('SETBIT', key('taken'), chunk, 1) == 0 then
  -- Queues are first in, first out: what was published before this chunk and is not claimed soon has lost its message
  local latest = publication(chunk, published, meta[5])
  if latest > tonumber(redis.call('HGET', 'ms:marks', queue) or 0) then
    redis.call('HSET', 'ms:marks', queue, string.format('%.0f', latest))
  end
end
if not meta[4] then
  redis.call('HSET', KEYS[1], 'started', string.format('%.0f', time))
end
if holder ~= token then -- else the same worker asks again, since the answer was lost
  count('claims', 1)
end
local losses = tonumber(redis.call('HGET', key('losses'), chunk) or 0)
local blames = redis.call('HGET', key('blames'), chunk) or '{}'
return {'granted', tonumber(meta[1]), page, first, published, losses, blames}
