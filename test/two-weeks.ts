import { runTwoWeeks } from '../node/src/engine/testing/two-weeks.ts';

/**
 * Two weeks of meters in minutes over both changes of clocks, against the naive oracle:
 * `node test/two-weeks.ts [meters] [seeds]`. Says what was compared; ends with 1 at the first bucket that differs.
 */
const meters = Number(process.argv[2] ?? 10);
const seeds = Number(process.argv[3] ?? 1);
const begun = performance.now();
for (let seed = 1; seed <= seeds; seed++)
  for (const [name, from] of [
    ['spring', Date.UTC(2026, 2, 20)],
    ['autumn', Date.UTC(2026, 9, 16)],
  ] as const) {
    const found = await runTwoWeeks({ from, meters, everyMs: 5 * 60_000, finestMs: 60_000, seed });
    console.log(
      `${name}, seed ${seed}: ${found.sent} sent, ${found.counted} counted, ${found.duplicates} duplicates, ` +
        `${found.late} late; ${found.buckets} buckets equal the oracle's; ${found.lost} kWh lost`,
    );
  }
console.log(`${((performance.now() - begun) / 1000).toFixed(0)} s`);
