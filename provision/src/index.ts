export { flashCommand } from './commands/flash.ts';
export { provisionCommand } from './commands/provision.ts';
