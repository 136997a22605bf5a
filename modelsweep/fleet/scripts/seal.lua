-- ARGV: name of the problems of targets, and whether to check the cursor, and that of whoever has listed all. Answers
-- status, and 1 where the job is complete by this.
local meta = redis.call('HMGET', KEYS[1], 'generation', 'cancelled', 'sealed', 'cursor')
if not meta[1] then
  return {'gone', 0}
end
if meta[2] then
  return {'cancelled', 0}
end
if meta[3] then
  return {'sealed', 0}
end
if ARGV[2] == '1' and (meta[4] or '') ~= ARGV[3] then
  return {'moved', 0} -- another producer went on where this one was thought dead
end
redis.call('HSET', KEYS[1], 'sealed', 1, 'problems', ARGV[1])
return {'sealed', completes()}
