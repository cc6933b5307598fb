export type { BoardClient } from './board-client.ts';
