export type { BoardClient } from './board-client.ts';
export type { BoardPorts, FromGateway, GatewayMessage, GatewaySetup } from './board-ports.ts';
export { ConnectedBoard } from './connected-board.ts';
export { preferThisThread } from './prefer-thread.ts';
export { settleThread } from './settle-thread.ts';
