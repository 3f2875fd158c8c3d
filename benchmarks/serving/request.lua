-- Requests for wrk: BODY_FILE, MEDIA_TYPE, and DELAY in milliseconds between two of a
-- connection, CLOSE for a connection each.
wrk.method = "POST"
wrk.headers["Content-Type"] = os.getenv("MEDIA_TYPE")
wrk.headers["Accept"] = os.getenv("ACCEPT")
if os.getenv("CLOSE") == "1" then
  wrk.headers["Connection"] = "close"
end
local file = io.open(os.getenv("BODY_FILE"), "rb")
wrk.body = file:read("*a")
file:close()

local pause = tonumber(os.getenv("DELAY") or "0")
if pause > 0 then
  function delay()
    return math.random(pause * 0.5, pause * 1.5)
  end
end
