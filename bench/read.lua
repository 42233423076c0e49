-- Reads one address again and again, as several people: wrk … -- PATH TOKEN…
function init(arguments)
  math.randomseed(os.time())
  local requests_of = {}
  for at = 2, #arguments do
    requests_of[#requests_of + 1] = wrk.format("GET", arguments[1], {["Authorization"] = "Bearer " .. arguments[at]})
  end
  if #requests_of == 0 then requests_of[1] = wrk.format("GET", arguments[1]) end
  ready = requests_of
end

function request()
  return ready[math.random(#ready)]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("told %d %d %d %f %f\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
