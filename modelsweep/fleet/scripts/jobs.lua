-- KEYS[1] is the index of jobs. Answers pairs of a job and when it was created (ms); those that expired are dropped.
local answer = {}
local found = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for at = 1, #found, 2 do
  if redis.call('EXISTS', 'ms:{' .. found[at] .. '}:meta') == 1 then
    table.insert(answer, found[at])
    table.insert(answer, found[at + 1])
  else
    redis.call('ZREM', KEYS[1], found[at])
    redis.call('SREM', 'ms:active', found[at])
  end
end
return answer
