export { checkCommand } from './check.ts';
export { type Command, EXIT, runCommand } from './command.ts';
export { deviceCommand } from './device.ts';
export { doctorCommand } from './doctor.ts';
export { ledgerCommand } from './ledger.ts';
export { queryCommand } from './query.ts';
export { statusCommand } from './status.ts';
export { tailCommand } from './tail.ts';
export { type Parts, upCommand } from './up.ts';
