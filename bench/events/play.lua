-- Tells plays as fast as the server takes them, or at a pace: wrk … -- SONG PACE TOKEN…
-- PACE: mean milliseconds a connection waits between two plays, 0 for none.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(arguments)
  math.randomseed(os.time() * 1000 + number * 7919 + os.clock() * 1e6 % 1000)
  path = "/api/v1/songs/" .. arguments[1] .. "/play"
  local pace = tonumber(arguments[2])
  if pace > 0 then
    function delay()
      return math.floor(-math.log(1 - math.random()) * pace + 0.5)
    end
  end
  tokens = {}
  for at = 3, #arguments do tokens[#tokens + 1] = "Bearer " .. arguments[at] end
  if #tokens == 0 then tokens[1] = "none" end
end

function request()
  -- An id as clients make it: a UUID of version 7, so 48 bits of time and then chance.
  local time = string.format("%012x", os.time() * 1000 + math.random(0, 999))
  local id = string.format("%s-%s-7%03x-%04x-%06x%06x", time:sub(1, 8), time:sub(9, 12), math.random(0, 4095),
    math.random(32768, 49151), math.random(0, 16777215), math.random(0, 16777215))
  local headers = {["Content-Type"] = "application/json", ["Authorization"] = tokens[math.random(#tokens)]}
  return wrk.format("POST", path, headers, '{"play_id":"' .. id .. '","played_ms":61000}')
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("told %d %d %d %f %f\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
