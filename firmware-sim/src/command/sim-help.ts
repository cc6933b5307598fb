export const SIM_HELP = `weir sim WORLD [options]    simulates devices and sends their readings over MQTT

WORLD is utility: meters of electricity, gas and water.

where to
  --mqtt HOST:PORT        the broker (127.0.0.1:1883)
  --username U --password P
  --client-id ID          first part of the client ids (weir-sim-PID)
  --tls [--ca FILE] [--cert FILE --key FILE]
  --client KIND           shared (default), per-device: real MQTT clients that reconnect;
                          light: for load, raw sockets
  --connections N         how many are shared (4)
  --window N              messages on their way without PUBACK (1000)
  --demo                  what weir up --demo runs: 200 meters, two hours of history in twelve
                          seconds, then live; the world's options do not apply
  --print                 print the messages as JSON lines instead of sending them

the world (the same seed and options give the same readings, byte for byte)
  --seed TEXT             (weir)
  --meters N              of all utilities together (1000)
  --utilities LIST        (electricity,gas,water)
  --heartbeat TIME        (5s, or what --rate needs)
  --packs N               concentrators send packs of N readings

time
  --from WHEN             begin at an ISO time, or so long ago: 2h (now)
  --to WHEN               end of the world's time (never)
  --speed N               catch up with now N times as fast, or max (1)
  --rate N                readings a second
  --for TIME              stop after so much real time
  --count N               stop after so many readings

behaviours (all combine)
  --late SHARE            readings that come late      --late-by TIME        up to (10m)
  --duplicates SHARE      readings sent twice          --duplicates-by TIME  up to (30s)
                          (what is due after now is waited for, also at --speed max)
  --reboots PER_DAY       restarts of each meter       --lose-counters       registers start at zero
  --resets PER_DAY        registers set back to zero
  --skew SHARE            meters with a wrong clock    --skew-by TIME        up to (2m)
  --outage-after TIME     no network from then on      --outage-for TIME     (5m)
                          then all is forwarded        --outage-share SHARE  of the meters (1)

  --json                  a JSON line each second and one at the end, on stdout
  --help
`;
