-- ARGV: chunk, generation and allocation that its claim was of, digest, 1 where another try is worth it, how many pairs
-- of counts, those pairs, how many children, and those as in `allocate`. Answers status, 1 where the job is complete by
-- this, and the first child or -1.
local chunk, generation, allocation = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local retryable, pairs_of_counts = ARGV[5] == '1', tonumber(ARGV[6])
local published, queue, _
local meta = redis.call('HMGET', KEYS[1], 'generation', 'next', 'cancelled')

-- Why the result does not count, or nothing
local function refusal()
  if meta[3] then
    return 'cancelled' -- what a cancelled job holds stays as it is: reports may be written from it
  elseif chunk >= tonumber(meta[2]) then
    return 'not-allocated'
  elseif bit_is_set('done', chunk) then
    return 'already' -- whoever is first decides; another result of the same bytes is no better
  end
  _, published, _, queue = extent_of(chunk)
  if published ~= allocation then
    return 'stale' -- a Redis that lost its last second gave the number to another chunk since
  elseif generation < tonumber(meta[1]) then
    return 'stale' -- a result from before a retry, which asked for a new one
  end
  -- Nobody asks who holds the lease: who lost it has worked nevertheless, and its result counts
end

if not meta[1] then
  return {'gone', 0, -1}
end
local refused = refusal()
if refused then
  count('results_refused', 1)
  return {refused, 0, tonumber(redis.call('HGET', key('children'), chunk) or -1)}
end

-- Removes first: a full Redis then lets finished work in, as in RENEW
redis.call('ZREM', key('leases'), chunk)
for _, name in ipairs({'holders', 'entered', 'losses', 'blames', 'again'}) do
  redis.call('HDEL', key(name), chunk)
end
redis.call('SETBIT', key('taken'), chunk, 1)
redis.call('SETBIT', key('done'), chunk, 1)
redis.call('HINCRBY', KEYS[1], 'done', 1)

local block, place = math.floor(chunk / BLOCK), chunk % BLOCK
local digests = key('digests:' .. string.format('%.0f', block))
local long = redis.call('STRLEN', digests)
if long <= place * DIGEST then
  -- As long as what is allocated needs, and at once: strings that grow get twice the room
  local wanted = math.min(BLOCK, tonumber(meta[2]) - block * BLOCK) * DIGEST
  redis.call('SET', digests, (redis.call('GET', digests) or '') .. string.rep('\0', wanted - long))
end
redis.call('SETRANGE', digests, place * DIGEST, ARGV[4])

-- What a chunk that was opened again since its results were lost adds to the counts stands there already. What a retry
-- has to take back is noted once; where only the new result is worth a retry, it stands for the lost one, whose counts
-- nobody knows.
local counted, noted = redis.call('HEXISTS', key('reopened'), chunk) == 1, bit_is_set('retryable', chunk)
local function tally(field, number)
  if not counted then
    count(field, number)
  end
  if retryable and not noted then
    redis.call('HINCRBY', key('redone'), field, number)
  end
end
for at = 7, 6 + 2 * pairs_of_counts, 2 do
  tally(ARGV[at], ARGV[at + 1])
end
tally('chunks_done', 1)
redis.call('HINCRBY', key('counts'), 'done:' .. queue, 1)
if retryable and not noted then
  redis.call('HINCRBY', key('redone'), 'done:' .. queue, 1)
  redis.call('SETBIT', key('retryable'), chunk, 1)
end

-- Children exist from the step on in which their parent is done: the job cannot be complete between. A parent that is
-- done again after a retry has its children already.
local at = 7 + 2 * pairs_of_counts
local child = tonumber(redis.call('HGET', key('children'), chunk) or -1)
if child < 0 and tonumber(ARGV[at]) > 0 then
  child = tonumber(meta[2])
  allocate(child, tonumber(ARGV[at]), at + 1, #ARGV)
  redis.call('HSET', key('children'), chunk, child)
end
return {'done', completes(), child}
