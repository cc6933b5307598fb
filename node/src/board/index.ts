export type { ListenAt } from '../broker/index.ts';
export { type Board, type BoardOptions, startBoard } from './board.ts';
export { KEPT_SITE } from './data-dir.ts';
export { GatewayThread } from './gateway-thread.ts';
export { backUpData } from './offline/backup-data.ts';
export { restoreData } from './offline/restore-data.ts';
export { type VerifiedData, verifyData } from './offline/verify-data.ts';
export { BEFORE } from './site-edits.ts';
