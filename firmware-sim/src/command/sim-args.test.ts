import { isWeirError } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { simArgs } from './sim-args.ts';

const NOW = Date.UTC(2026, 10, 20, 12);

test('a full command line is understood', () => {
  const line =
    'utility --meters 1000 --speed 60 --from 2h --late 0.1 --late-by 5m --duplicates 0.2 --packs 100 ' +
    '--mqtt [::1]:1884 --username u --password p --seed x --for 30s --outage-after 1m --reboots 2 --lose-counters --json';
  const { options, json, help } = simArgs(line.split(' '), NOW);
  expect([json, help]).toEqual([true, false]);
  expect(options).toMatchObject({
    utility: { seed: 'x', meters: 1000, heartbeatMs: 5_000 },
    behaviours: {
      late: { share: 0.1, upToMs: 300_000 },
      duplicates: { share: 0.2, upToMs: 30_000 },
      reboots: { perDay: 2, counter: 'lost' },
      outage: { fromMs: NOW - 7_200_000 + 60_000, forMs: 300_000, share: 1 },
    },
    packReadings: 100,
    mqtt: { host: '::1', port: 1884, username: 'u', password: 'p', clientId: `weir-sim-${process.pid}` },
    fromMs: NOW - 7_200_000,
    speed: 60,
    forMs: 30_000,
  });
});

test('a rate without a heartbeat sets the heartbeat', () => {
  expect(simArgs(['utility', '--meters', '1000', '--rate', '4000'], NOW).options.utility.heartbeatMs).toBe(
    250,
  );
});

test.each([
  [['shop'], 'world'],
  [[], 'world'],
  [['utility', '--meters', 'many'], '--meters'],
  [['utility', '--late', '2'], '--late'],
  [['utility', '--for', '30'], '--for'],
  [['utility', '--from', 'yesterday'], '--from'],
  [['utility', '--mqtt', 'a:b'], '--mqtt'],
  [['utility', '--utilities', 'heat'], '--utilities'],
  [['utility', '--client', 'fast'], '--client'],
  [['utility', '--ca', '/no/such/file', '--tls'], '/no/such/file'],
  [['utility', '--nonsense'], '--nonsense'],
])('%j is refused and the message names %s', (args, named) => {
  expect(() => simArgs(args, NOW)).toThrow(
    expect.toSatisfy(
      (fault: unknown) => isWeirError(fault) && fault.code === 'WEIR_USAGE' && fault.message.includes(named),
    ),
  );
});
