-- ARGV: token of the finalizer, how often a chunk may be opened again, then done chunks whose results are lost. Answers
-- status, generation, how many chunks are open now, those as pairs of chunk and queue, then those opened too often.
local most = tonumber(ARGV[2])
local meta = redis.call('HMGET', KEYS[1], 'generation', 'cancelled', 'finalizer')
if not meta[1] then
  return {'gone', 0, 0}
end
local generation = tonumber(meta[1])
if meta[2] then
  return {'cancelled', generation, 0} -- nothing is examined any more
end
if meta[3] ~= ARGV[1] then
  return {'lost', generation, 0}
end
local stamp = string.format('%.0f', now())
local opened, refused = {}, {}
for at = 3, #ARGV do
  local chunk = tonumber(ARGV[at])
  if bit_is_set('done', chunk) then
    if tonumber(redis.call('HGET', key('reopened'), chunk) or 0) >= most then
      table.insert(refused, chunk)
    else
      local _, _, _, queue = extent_of(chunk)
      redis.call('HINCRBY', key('reopened'), chunk, 1)
      redis.call('SETBIT', key('done'), chunk, 0)
      redis.call('SETBIT', key('taken'), chunk, 0)
      redis.call('HSET', key('again'), chunk, stamp)
      redis.call('HINCRBY', KEYS[1], 'done', -1)
      redis.call('HINCRBY', key('counts'), 'done:' .. queue, -1)
      count('published_again', 1)
      table.insert(opened, chunk)
      table.insert(opened, queue)
    end
  end
end
if #opened > 0 then
  redis.call('HDEL', KEYS[1], 'completed', 'asked', 'finalizer', 'finalizer_until')
end
local answer = {'ok', generation, #opened / 2}
for _, list in ipairs({opened, refused}) do
  for _, number in ipairs(list) do
    table.insert(answer, number)
  end
end
return answer
