export type { Gateway, GatewayOptions, TokenCheck } from './context.ts';
export { openTokenFile } from './guard/token-file.ts';
export { startGateway } from './start.ts';
