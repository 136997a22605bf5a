-- Stands before every script.
--
-- KEYS[1] is the job's `ms:{JOB}:meta`; its other keys are derived from it (the braces keep them on one slot). A script
-- checks all that could refuse before it writes anything, since Redis takes nothing back: it asks meta first, for a job
-- that expired must not come to life again as a few keys without one.
--
--   meta       hash    generation next done units bytes created started completed ended sealed problems cancelled
--                      cursor producer producer_at finalizer finalizer_until asked report reported retried swept
--   done       bitmap  chunks whose result counts            taken   bitmap  chunks that are leased or done
--   digests:N  string  12 bytes for each of 1024 chunks      retryable  bitmap  done chunks worth another try
--   extents    zset    first chunk -> "published LF page LF queues": one byte for each chunk, or one for all
--   leases     zset    chunk -> until when (ms)              holders hash  chunk -> token
--   entered    hash    chunk -> position of the unit being examined
--   losses     hash    chunk -> leases lost                  blames  hash  chunk -> {position: times} as JSON
--   again      hash    chunk -> when it was published again
--   children   hash    chunk -> first of its children        counts  hash  what progress shows
--   redone     hash    the part of counts that a retry takes back: of retryable chunks, and of the report
--   reopened   hash    chunk -> how often its results were lost and it was opened again
--
-- Of all jobs: ms:jobs, ms:active (those to sweep), ms:metrics, and ms:marks, a hash of queue -> publication of the
-- latest chunk that was claimed: all jobs share the queues.

local BLOCK, DIGEST = 1024, 12

local function key(name)
  return string.sub(KEYS[1], 1, -5) .. name
end

-- Milliseconds by the only clock that all workers share
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Counts an event for the job and for the metrics of all jobs: in the script that makes it true, so exactly once
local function count(field, number)
  redis.call('HINCRBY', key('counts'), field, number)
  redis.call('HINCRBY', 'ms:metrics', field, number)
end

local function bit_is_set(name, chunk)
  return redis.call('GETBIT', key(name), chunk) == 1
end

-- The extent that holds an allocated chunk: its first chunk, when it was published, its page, and the chunk's queue
local function extent_of(chunk)
  local found = redis.call('ZREVRANGEBYSCORE', key('extents'), chunk, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local published, page, queues = string.match(found[1], '^(%d+)\n([^\n]*)\n(.*)$')
  local first = tonumber(found[2])
  return first, tonumber(published), page, string.byte(queues, #queues == 1 and 1 or chunk - first + 1)
end

-- When a chunk's message was last put into its queue; `retried` is that field of meta
local function publication(chunk, published, retried)
  local again = tonumber(redis.call('HGET', key('again'), chunk) or 0)
  return math.max(published, again, tonumber(retried or 0))
end

-- Makes `amount` chunks of a page known. `at` is the place in ARGV of page, queues, units, bytes; then come pairs of
-- a queue and how many of the chunks are in it.
local function allocate(first, amount, at, last)
  local member = string.format('%.0f\n', now()) .. ARGV[at] .. '\n' .. ARGV[at + 1]
  redis.call('ZADD', key('extents'), first, member)
  redis.call('HINCRBY', KEYS[1], 'next', amount)
  redis.call('HINCRBY', KEYS[1], 'units', ARGV[at + 2])
  redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[at + 3])
  for place = at + 4, last, 2 do
    redis.call('HINCRBY', key('counts'), 'allocated:' .. ARGV[place], ARGV[place + 1])
  end
  count('chunks_allocated', amount)
end

-- Why a worker holds `chunk` no longer that was given `token` for it, nil where it does
local function refusal(chunk, token)
  local meta = redis.call('HMGET', KEYS[1], 'generation', 'cancelled')
  if not meta[1] then
    return 'gone'
  end
  if meta[2] then
    return 'cancelled'
  end
  if redis.call('HGET', key('holders'), chunk) ~= token then
    return 'lost'
  end
  return nil
end

-- The worker that held `chunk` is not heard of any more: remembers that, and the unit it was looking at
local function lose(chunk)
  redis.call('ZREM', key('leases'), chunk)
  redis.call('HDEL', key('holders'), chunk)
  redis.call('HINCRBY', key('losses'), chunk, 1)
  local unit = redis.call('HGET', key('entered'), chunk)
  if unit then
    local blames = cjson.decode(redis.call('HGET', key('blames'), chunk) or '{}')
    blames[unit] = (blames[unit] or 0) + 1
    redis.call('HSET', key('blames'), chunk, cjson.encode(blames))
    redis.call('HDEL', key('entered'), chunk)
  end
  count('leases_lost', 1)
end

-- The keys of a job but for its digests; an older version had marks for each job
local NAMES = 'meta spec done taken retryable extents leases holders entered losses blames again marks children '
  .. 'counts redone reopened'

-- Has all keys end in the same moment (ms), so that none outlives meta; without one they stay
local function expire(following, at)
  local function settle(name)
    if at then
      redis.call('PEXPIREAT', key(name), at)
    else
      redis.call('PERSIST', key(name))
    end
  end
  for name in string.gmatch(NAMES, '%a+') do
    settle(name)
  end
  for block = 0, math.floor(math.max(following - 1, 0) / BLOCK) do
    settle('digests:' .. string.format('%.0f', block))
  end
end

-- Whether the job is complete by what SEAL or DONE has just changed, which happens once for each generation. It has to
-- be sealed, for a listing may still add chunks.
local function completes()
  local meta = redis.call('HMGET', KEYS[1], 'sealed', 'done', 'next')
  if not meta[1] or meta[2] ~= meta[3] then
    return 0
  end
  local time = string.format('%.0f', now())
  redis.call('HSET', KEYS[1], 'completed', time, 'asked', time)
  return 1
end
