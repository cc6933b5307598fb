export type { Behaviours } from './behaviours/compose.ts';
export { benchCommand } from './bench/bench-command.ts';
export { simCommand } from './command/sim-command.ts';
export { demoOptions, type SimOptions, simOptions } from './run/options.ts';
export type { SimSample } from './run/progress.ts';
export { runSim } from './run/run-sim.ts';
export { LoadClient } from './send/load-client.ts';
export { TapeWriter } from './send/tape.ts';
