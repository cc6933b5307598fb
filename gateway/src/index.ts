export type { Gateway, GatewayOptions, TokenCheck } from './context.ts';
export { startGateway } from './start.ts';
