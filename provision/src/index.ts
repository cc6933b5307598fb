export { flashCommand } from './commands/flash.ts';
export { provisionCommand } from './commands/provision.ts';
export type { Command, Runner } from './commands/shape.ts';
