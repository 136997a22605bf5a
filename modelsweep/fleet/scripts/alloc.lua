-- ARGV: first chunk, how many, cursor behind them; then as `allocate`. Answers status, next, cursor.
local first, amount, cursor = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local meta = redis.call('HMGET', KEYS[1], 'next', 'sealed', 'cancelled', 'cursor')
if not meta[1] then
  return {'gone', 0, ''}
end
local following, found = tonumber(meta[1]), meta[4] or ''
-- The same producer asks again, since the answer was lost: between, only children can have been allocated, and those
-- leave the cursor alone
if first < following and found == cursor then
  local extent, _, page = extent_of(first)
  if extent == first and page == ARGV[4] then
    return {'allocated', following, found}
  end
end
if meta[3] then
  return {'cancelled', following, found}
end
if meta[2] then
  return {'sealed', following, found}
end
-- Somebody else allocated meanwhile; by the cursor the producer sees whether it was another producer
if first ~= following then
  return {'moved', following, found}
end
allocate(first, amount, 4, #ARGV)
redis.call('HSET', KEYS[1], 'cursor', cursor)
return {'allocated', first + amount, cursor}
