-- Tells a thousand plays in each request, as fast as the server takes them or at a pace: wrk … -- SONG,SONG… PACE TOKEN…
-- PACE: mean milliseconds a connection waits between two requests, 0 for none.
local PLAYS = 1000

function init(arguments)
  math.randomseed(os.time() * 1000 + os.clock() * 1e6 % 1000)
  local songs = {}
  for song in arguments[1]:gmatch("%d+") do songs[#songs + 1] = song end
  local pace = tonumber(arguments[2])
  if pace > 0 then
    function delay()
      return math.floor(-math.log(1 - math.random()) * pace + 0.5)
    end
  end
  templates = {}
  for first = 0, math.max(#songs - PLAYS, 0), PLAYS do
    local plays = {}
    for at = 1, PLAYS do
      -- An id as clients make it (a UUID of version 7): its time and chance stand for @, its number for the rest.
      local song = songs[(first + at) % #songs + 1]
      plays[at] = string.format('{"song_id":%s,"play_id":"@%06x","played_ms":61000}', song, at)
    end
    templates[#templates + 1] = '{"plays":[' .. table.concat(plays, ",") .. "]}"
  end
  tokens = {}
  for at = 3, #arguments do tokens[#tokens + 1] = "Bearer " .. arguments[at] end
  if #tokens == 0 then tokens[1] = "none" end
end

function request()
  local time = string.format("%012x", os.time() * 1000 + math.random(0, 999))
  local id = string.format("%s-%s-7%03x-%04x-%06x", time:sub(1, 8), time:sub(9, 12), math.random(0, 4095),
    math.random(32768, 49151), math.random(0, 16777215))
  local headers = {["Content-Type"] = "application/json", ["Authorization"] = tokens[math.random(#tokens)]}
  return wrk.format("POST", "/api/v1/plays", headers, (templates[math.random(#templates)]:gsub("@", id)))
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("told %d %d %d %f %f\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
