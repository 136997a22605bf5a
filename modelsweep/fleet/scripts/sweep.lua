-- ARGV: grace in ms, how many chunks at most, then the queues that are empty. Answers status, generation, 1 where the
-- finalizer is to be asked, then pairs of a chunk to publish again and its queue.
local grace, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local meta = redis.call('HMGET', KEYS[1], 'generation', 'next', 'cancelled', 'completed', 'asked', 'finalizer_until',
  'reported', 'swept', 'retried')
if not meta[1] then
  return {'gone', 0, 0}
end
local time, answer = now(), {'ok', tonumber(meta[1]), 0}
local following, stamp = tonumber(meta[2]), string.format('%.0f', time)

-- A complete, or a cancelled, job whose finalizer was never started, or died
local finalizer, asked = tonumber(meta[6] or 0), tonumber(meta[5] or 0)
if (meta[4] or meta[3]) and meta[7] ~= meta[1] and finalizer <= time and time - asked >= grace then
  redis.call('HSET', KEYS[1], 'asked', stamp)
  answer[3] = 1
end
if meta[3] then
  return answer -- nothing of it is examined any more
end

local empty, marks = {}, {}
for at = 3, #ARGV do
  empty[tonumber(ARGV[at])] = true
end
local found = redis.call('HGETALL', 'ms:marks')
for at = 1, #found, 2 do
  local mark = tonumber(found[at + 1])
  if mark <= time then -- else the clock was set back since
    marks[tonumber(found[at])] = mark
  end
end

local again = {} -- what this sweep publishes, by chunk
local function publish(chunk, queue)
  again[chunk] = true
  redis.call('HSET', key('again'), chunk, stamp)
  table.insert(answer, chunk)
  table.insert(answer, queue)
  most = most - 1
end

-- Leases that nobody renewed
for _, expired in ipairs(redis.call('ZRANGEBYSCORE', key('leases'), '-inf', time, 'LIMIT', 0, most)) do
  local chunk = tonumber(expired)
  local _, _, _, queue = extent_of(chunk)
  lose(chunk)
  redis.call('SETBIT', key('taken'), chunk, 0)
  publish(chunk, queue)
end

-- Whether the message of a chunk must have been lost: published as long ago as `grace`, and what came behind it in its
-- queue was claimed, or nothing is in that queue. A grace of 0 excuses nothing, not what is of this millisecond either
local function overdue(published, queue)
  return time - published >= grace and (empty[queue] or published < (marks[queue] or 0))
end

-- Publishes again what is overdue of the chunks from `first` to before `stop`
local function look_at(first, stop, published, queues)
  local any = false
  for at = 1, #queues do
    any = any or overdue(published, string.byte(queues, at))
  end
  if not any then
    return -- as for most of a long queue
  end
  local bytes = redis.call('GETRANGE', key('taken'), math.floor(first / 8), math.floor((stop - 1) / 8))
  local base = first - first % 8
  for chunk = first, stop - 1 do
    local byte = string.byte(bytes, math.floor((chunk - base) / 8) + 1) or 0
    if bit.band(byte, bit.rshift(128, chunk % 8)) == 0 and not again[chunk] then
      local queue = string.byte(queues, #queues == 1 and 1 or chunk - first + 1)
      if overdue(publication(chunk, published, meta[9]), queue) then
        publish(chunk, queue)
      end
    end
  end
end

-- A few extents each time, from where the last sweep ended; extents are in the order of their publication
local EXTENTS = 64
local open = redis.call('BITPOS', key('done'), 0)
if open < 0 then
  open = 0
end
if open < following then
  local from = math.max(open, tonumber(meta[8] or 0))
  if from >= following then
    from = open
  end
  local start = extent_of(from)
  found = redis.call('ZRANGEBYSCORE', key('extents'), start, '+inf', 'WITHSCORES', 'LIMIT', 0, EXTENTS + 1)
  local swept = 0 -- begin again
  for at = 1, #found, 2 do
    local first, stop = tonumber(found[at + 1]), tonumber(found[at + 3] or following)
    local published, queues = string.match(found[at], '^(%d+)\n[^\n]*\n(.*)$')
    if time - tonumber(published) < grace then
      break
    end
    if most <= 0 or at > 2 * EXTENTS then
      swept = first
      break
    end
    look_at(first, stop, tonumber(published), queues)
  end
  redis.call('HSET', KEYS[1], 'swept', swept)
end
if #answer > 3 then
  count('published_again', (#answer - 3) / 2)
end

return answer
